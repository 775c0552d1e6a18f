"""What the outside world must be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Identity,
    Index,
    String,
    literal_column,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import KEY_LENGTH, Base, filled_now

NEVER: ColumnElement[datetime] = literal_column("'infinity'::timestamptz")
"""When the outbox tries a dead row again."""


class OutboxRow(Base):
    """Something the outside world must be told, written in the transaction that made it true."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(r"kind ~ '^[a-z_]+\.[a-z_]+$'", "kind"),
        CheckConstraint("attempts >= 0", "attempts"),
        Index("ix_outbox_due", "next_attempt_at", postgresql_where=sql("done_at IS NULL")),
        Index("ix_outbox_waiting", "kind", "id", postgresql_where=sql("done_at IS NULL")),
        Index(
            "ix_outbox_event",
            sql("(payload->>'event_id')"),
            "id",
            postgresql_where=sql("done_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """calendar.upsert, calendar.delete or sms.send."""
    key: Mapped[str] = mapped_column(String(KEY_LENGTH), unique=True)
    payload: Mapped[dict[str, Any]]
    """What is to be told; once it is delivered, ids only."""
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    next_attempt_at: Mapped[datetime] = filled_now()
    done_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    """A code: no personal data."""
    postponed_since: Mapped[datetime | None]
    """Since when it waits for what is not its own fault: a sign-in, a quota, a setting."""
    created_at: Mapped[datetime] = filled_now()
