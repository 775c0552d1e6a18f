"""Calls, their turns, and who is to be called back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import (
    E164,
    KEY_LENGTH,
    NOTES_LENGTH,
    PHONE_LENGTH,
    SID_LENGTH,
    Base,
    filled_now,
)

OUTCOME_LENGTH = 40


class CallRow(Base):
    """One telephone call, written when it ends."""

    __tablename__ = "calls"
    __table_args__ = (
        CheckConstraint("direction IN ('inbound','outbound')", "direction"),
        CheckConstraint("ended_at >= started_at", "order"),
    )

    call_sid: Mapped[str] = mapped_column(String(SID_LENGTH), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(40))
    direction: Mapped[str] = mapped_column(String(10))
    from_number: Mapped[str | None] = mapped_column(String(40))
    """As the telephone network says it: may be withheld, or no number at all."""
    to_number: Mapped[str | None] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"))
    outcome: Mapped[str | None] = mapped_column(String(OUTCOME_LENGTH))
    sub_actors: Mapped[str | None] = mapped_column(String(10))
    """How the call's workers ran: ray or inline."""
    prompt_version: Mapped[str | None] = mapped_column(String(40))
    """Of the files that told the model how to do its job, as `otto check` shows it."""
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    summary: Mapped[str | None] = mapped_column(String(NOTES_LENGTH))
    """What the service desk was told of it, in a sentence."""


class TurnRow(Base):
    """One turn of a call: what was said and, for Otto, how much of it was heard."""

    __tablename__ = "turns"
    __table_args__ = (
        CheckConstraint('"index" >= 0', "index"),
        CheckConstraint("speaker IN ('caller','otto','tool')", "speaker"),
    )

    call_sid: Mapped[str] = mapped_column(
        ForeignKey("calls.call_sid", ondelete="CASCADE"), primary_key=True
    )
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    speaker: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    heard_text: Mapped[str | None] = mapped_column(Text)
    latency: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'::jsonb"))
    """Milliseconds by stage."""
    at: Mapped[datetime]


class CallbackRow(Base):
    """Somebody whom a person shall call back."""

    __tablename__ = "callbacks"
    __table_args__ = (CheckConstraint(f"phone ~ {E164}", "phone"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_LENGTH), unique=True)
    location_id: Mapped[str] = mapped_column(String(40))
    phone: Mapped[str] = mapped_column(String(PHONE_LENGTH))
    reason: Mapped[str] = mapped_column(String(NOTES_LENGTH))
    call_sid: Mapped[str | None] = mapped_column(String(SID_LENGTH))
    created_at: Mapped[datetime] = filled_now()
    done_at: Mapped[datetime | None]
    promised_at: Mapped[datetime | None]
    """From when on they were told to expect the call."""
