"""Starts that callers are considering: they only steer other callers elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import SID_LENGTH, Base


class OfferedStartRow(Base):
    """A start that was offered to a call a moment ago. Worth nothing after a crash of the
    database, so it costs no write-ahead log."""

    __tablename__ = "offered_starts"
    __table_args__ = (
        Index("ix_offered_starts_location_id_starts_at", "location_id", "starts_at"),
        Index("ix_offered_starts_call_sid", "call_sid"),
        Index("ix_offered_starts_offered_until", "offered_until"),
        {"prefixes": ["UNLOGGED"]},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(40))
    starts_at: Mapped[datetime]
    call_sid: Mapped[str] = mapped_column(String(SID_LENGTH))
    offered_until: Mapped[datetime]
