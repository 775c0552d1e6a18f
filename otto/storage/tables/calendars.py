"""What is known of the bays' calendars in Google: how far they were read, what staff put there."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import Base, filled_now

CALENDAR_ID_LENGTH = 250
EVENT_ID_LENGTH = 1024
"""Google's limit for an event's id."""
CODE_LENGTH = 100


class BayBlockRow(Base):
    """A time at which staff need a bay for themselves: an event of theirs in its calendar, without
    its words. Takes openings away, never an appointment that stands. `ends_at` is exclusive."""

    __tablename__ = "bay_blocks"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", "order"),
        UniqueConstraint("calendar_id", "google_event_id"),
        # A block is where its bay is: it moves along when the dealership's file moves it.
        ForeignKeyConstraint(
            ["bay_id", "location_id"],
            ["bays.id", "bays.location_id"],
            onupdate="CASCADE",
            name="fk_bay_blocks_bay_id",
        ),
        Index(
            "ix_bay_blocks_bay_time",
            "bay_id",
            sql("tstzrange(starts_at, ends_at)"),
            postgresql_using="gist",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(40))
    bay_id: Mapped[str] = mapped_column(String(40))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    calendar_id: Mapped[str] = mapped_column(String(CALENDAR_ID_LENGTH))
    google_event_id: Mapped[str] = mapped_column(String(EVENT_ID_LENGTH))


class CalendarSyncRow(Base):
    """How far a calendar was read, and the channel by which Google says that it has changed."""

    __tablename__ = "calendar_sync"

    calendar_id: Mapped[str] = mapped_column(String(CALENDAR_ID_LENGTH), primary_key=True)
    sync_token: Mapped[str | None] = mapped_column(Text)
    """None: the next reading is a full one."""
    since: Mapped[datetime | None]
    """The earliest end of events that are read, as the sync token's first reading had it."""
    synced_at: Mapped[datetime | None]
    """When it was read to its end for the last time."""
    last_error: Mapped[str | None] = mapped_column(String(CODE_LENGTH))
    """Why the latest reading failed; None when it did not."""
    channel_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    channel_resource: Mapped[str | None] = mapped_column(String(200))
    channel_ends_at: Mapped[datetime | None]


class CalendarConflictRow(Base):
    """What a person has to look at, because the calendar and the book could not both be right."""

    __tablename__ = "calendar_conflicts"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('move_refused','block_over_appointment','deleted','restored')", "kind"
        ),
        Index(
            "ix_calendar_conflicts_open",
            "calendar_id",
            "google_event_id",
            "kind",
            unique=True,
            postgresql_where=sql("resolved_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    """move_refused: put back where it was. block_over_appointment: a block lies over a booking
    that stands. deleted: the appointment was cancelled by deleting its event, and its customer is
    to be called. restored: its event was brought back after it was cancelled."""
    code: Mapped[str] = mapped_column(String(CODE_LENGTH))
    """Why, as a program's word: taken, outside_hours, vehicle_booked, …"""
    location_id: Mapped[str] = mapped_column(String(40))
    bay_id: Mapped[str] = mapped_column(String(40))
    calendar_id: Mapped[str] = mapped_column(String(CALENDAR_ID_LENGTH))
    google_event_id: Mapped[str] = mapped_column(String(EVENT_ID_LENGTH))
    appointment_id: Mapped[uuid.UUID | None] = mapped_column(UUID(as_uuid=True))
    starts_at: Mapped[datetime | None]
    """When staff wanted it, or their block begins."""
    ends_at: Mapped[datetime | None]
    found_at: Mapped[datetime] = filled_now()
    resolved_at: Mapped[datetime | None]
