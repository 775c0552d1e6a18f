"""What is kept of telephone numbers as hashes: limits, codes, consents, opt-outs, erasures."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, SmallInteger, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.clock import CLOCK
from otto.storage.tables.base import KEY_LENGTH, SID_LENGTH, Base, filled_now


class NumberHashKeyRow(Base):
    """The key with which numbers are hashed (`otto.storage.number_hash`): one row, made with the
    table, never changed."""

    __tablename__ = "number_hash_key"
    __table_args__ = (CheckConstraint("is_only", "is_only"),)

    is_only: Mapped[bool] = mapped_column(primary_key=True, server_default=sql("true"))
    key: Mapped[str] = mapped_column(String(64))


class ErasureRow(Base):
    """A number whose person was erased, so that nothing older may come back."""

    __tablename__ = "erasures"

    number_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    erased_at: Mapped[datetime]


class OptOutRow(Base):
    """A number that does not want to be texted or called. As a hash, because it outlives what
    else is known of the number."""

    __tablename__ = "opt_outs"
    __table_args__ = (CheckConstraint("scope IN ('texts','calls')", "scope"),)

    number_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    scope: Mapped[str] = mapped_column(String(10), primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    """How it came to be known, such as "carrier"."""
    created_at: Mapped[datetime] = filled_now()


class LimitEventRow(Base):
    """Something that may happen only so often (`otto.storage.limits`)."""

    __tablename__ = "limit_events"
    __table_args__ = (Index("ix_limit_events_at", "at"),)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    """Whose it is: a call, or a number's hash."""
    key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    """The same event again has the same key."""
    at: Mapped[datetime] = mapped_column(server_default=CLOCK)


class TextCodeRow(Base):
    """A code sent by text to prove that a caller has the number: one a call."""

    __tablename__ = "text_codes"
    __table_args__ = (CheckConstraint("tries >= 0", "tries"),)

    call_sid: Mapped[str] = mapped_column(String(SID_LENGTH), primary_key=True)
    number_hash: Mapped[str] = mapped_column(String(64))
    code_hash: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=sql("0"))
    last_try: Mapped[str | None] = mapped_column(String(64))
    """Hash of the last code given back: the same again is the same try."""
    sent_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
    proved_at: Mapped[datetime | None]


class TextConsentRow(Base):
    """A number whose owner wants texts, though it is no customer's and does not call."""

    __tablename__ = "text_consents"

    number_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    """How it came to be known, such as "code"."""
    given_at: Mapped[datetime] = filled_now()
