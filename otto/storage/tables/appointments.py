"""Appointments: a visit, the stretches of bay time it is made of, and what became of it when.

The most important rules are `ex_appointment_lines_bay_time` and
`ex_appointment_lines_vehicle_time`: no two lines that stand may overlap in one bay or with one
vehicle, whoever writes them and in whatever order. Everything else about booking is there to make
that refusal rare and polite.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB, UUID, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import KEY_LENGTH, NOTES_LENGTH, SID_LENGTH, Base, filled_now

_VEHICLE_KEY = "coalesce(vehicle_id, 0)"
"""A foreign key lets NULL pass; identities begin at 1."""
_JSON_OR_NULL = JSONB(none_as_null=True)


class AppointmentRow(Base):
    """A customer's visit: the span of its lines. `ends_at` is exclusive."""

    __tablename__ = "appointments"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", "order"),
        CheckConstraint(
            "status IN ('booked','arrived','completed','no_show','cancelled')", "status"
        ),
        CheckConstraint("transport IN ('drop_off','wait','loaner','shuttle')", "transport"),
        CheckConstraint(
            "transport_place IS NULL OR (transport_place >= 1 AND transport_date IS NOT NULL)",
            "transport_place",
        ),
        CheckConstraint("version >= 1", "version"),
        CheckConstraint("length(notes) <= 500", "notes"),
        ForeignKeyConstraint(
            ["vehicle_id", "customer_id"], ["vehicles.id", "vehicles.customer_id"]
        ),
        # With no customer the key above would let any vehicle pass.
        CheckConstraint("customer_id IS NOT NULL OR vehicle_id IS NULL", "owner"),
        # For the lines' foreign keys, which keep them equal to their appointment.
        UniqueConstraint("id", "status", name="uq_appointments_id_status"),
        UniqueConstraint("id", "location_id", "vehicle_key", name="uq_appointments_id_vehicle_key"),
        Index("ix_appointments_location_id_starts_at", "location_id", "starts_at"),
        Index("ix_appointments_customer_id_starts_at", "customer_id", "starts_at"),
        Index(
            "ix_appointments_standing",
            "location_id",
            "ends_at",
            postgresql_where=sql("status IN ('booked','arrived')"),
        ),
        Index(
            "uq_appointments_transport_place",
            "location_id",
            "transport",
            "transport_date",
            "transport_place",
            unique=True,
            postgresql_where=sql("status IN ('booked','arrived') AND transport_place IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)
    location_id: Mapped[str] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    """None once the customer was erased: that the bay was used stays known."""
    vehicle_id: Mapped[int | None] = mapped_column(BigInteger)
    vehicle_key: Mapped[int] = mapped_column(BigInteger, Computed(_VEHICLE_KEY, persisted=True))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20), server_default="booked")
    transport: Mapped[str] = mapped_column(String(20), server_default="drop_off")
    """How the customer goes on without the car: drop_off, wait, loaner or shuttle."""
    transport_date: Mapped[date | None]
    transport_place: Mapped[int | None] = mapped_column(SmallInteger)
    """Which of the day's places of that kind, from 1; None where they are not counted."""
    idempotency_key: Mapped[str] = mapped_column(String(KEY_LENGTH), unique=True)
    call_sid: Mapped[str | None] = mapped_column(String(SID_LENGTH))
    notes: Mapped[str | None] = mapped_column(String(NOTES_LENGTH))
    version: Mapped[int] = mapped_column(server_default="1")
    """One more with every change."""
    created_at: Mapped[datetime] = filled_now()


class AppointmentLineRow(Base):
    """A stretch of a bay's time: one service of an appointment, or held for a caller who is about
    to have one. Exclusive are `ends_at`, when the work is done, and `free_at`, when the bay is
    free again. What it says of its appointment is kept equal by foreign keys."""

    __tablename__ = "appointment_lines"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at AND free_at >= ends_at", "order"),
        CheckConstraint("free_at - starts_at <= interval '24 hours'", "length"),
        CheckConstraint("position >= 1", "position"),
        CheckConstraint(
            "status IN ('booked','arrived','completed','no_show','cancelled','held')", "status"
        ),
        CheckConstraint(
            "(status = 'held') = (appointment_id IS NULL)"
            " AND (status = 'held') = (held_by IS NOT NULL)"
            " AND (status = 'held') = (held_until IS NOT NULL)",
            "held",
        ),
        ForeignKeyConstraint(
            ["appointment_id", "status"],
            ["appointments.id", "appointments.status"],
            name="fk_appointment_lines_status",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        # At the end of the transaction, when both have changed.
        ForeignKeyConstraint(
            ["appointment_id", "location_id", "vehicle_key"],
            ["appointments.id", "appointments.location_id", "appointments.vehicle_key"],
            name="fk_appointment_lines_appointment",
            deferrable=True,
            initially="DEFERRED",
        ),
        # A line is where its bay is: it moves along when the dealership's file moves it.
        ForeignKeyConstraint(
            ["bay_id", "location_id"],
            ["bays.id", "bays.location_id"],
            onupdate="CASCADE",
        ),
        UniqueConstraint("appointment_id", "position"),
        ExcludeConstraint(
            (literal_column("bay_id"), "="),
            (literal_column("tstzrange(starts_at, free_at)"), "&&"),
            where=sql("status IN ('booked','arrived','held')"),
            using="gist",
            name="ex_appointment_lines_bay_time",
        ),
        ExcludeConstraint(
            (literal_column("vehicle_id"), "="),
            (literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sql("status IN ('booked','arrived') AND vehicle_id IS NOT NULL"),
            using="gist",
            name="ex_appointment_lines_vehicle_time",
        ),
        Index("ix_appointment_lines_held_by", "held_by", postgresql_where=sql("status = 'held'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)
    appointment_id: Mapped[uuid.UUID | None] = mapped_column(UUID(as_uuid=True))
    """None while it is held."""
    position: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """In the order of the work, from 1."""
    location_id: Mapped[str] = mapped_column(String(40))
    bay_id: Mapped[str] = mapped_column(String(40))
    vehicle_id: Mapped[int | None] = mapped_column(BigInteger)
    vehicle_key: Mapped[int] = mapped_column(BigInteger, Computed(_VEHICLE_KEY, persisted=True))
    service_code: Mapped[str] = mapped_column(ForeignKey("services.code"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    free_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20), server_default="booked")
    google_event_id: Mapped[str | None] = mapped_column(String(1024), unique=True)
    """Chosen here, so that telling Google twice can never make two events."""
    google_etag: Mapped[str | None] = mapped_column(String(200))
    held_by: Mapped[str | None] = mapped_column(String(SID_LENGTH))
    """The call it is held for."""
    held_until: Mapped[datetime | None]


class AppointmentChangeRow(Base):
    """What was done to an appointment, by whom: only ever added, by `record_change`. It holds no
    personal data, so that it may stay when a person is erased."""

    __tablename__ = "appointment_changes"
    __table_args__ = (
        CheckConstraint(
            "action IN ('booked','moved','cancelled','arrived','completed','no_show','restored')",
            "action",
        ),
        CheckConstraint("actor IN ('caller','staff','otto')", "actor"),
        CheckConstraint("reason ~ '^[a-z_]{1,40}$'", "reason"),
        Index("ix_appointment_changes_appointment_id", "appointment_id", "id"),
        Index("ix_appointment_changes_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    appointment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("appointments.id", ondelete="CASCADE")
    )
    at: Mapped[datetime] = filled_now()
    action: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(10))
    call_sid: Mapped[str | None] = mapped_column(String(SID_LENGTH))
    key: Mapped[str | None] = mapped_column(String(KEY_LENGTH), unique=True)
    """The idempotency key of the wish."""
    wish: Mapped[dict[str, Any] | None] = mapped_column(_JSON_OR_NULL)
    """What was asked for, to compare with when the key comes again."""
    before: Mapped[dict[str, Any] | None] = mapped_column(_JSON_OR_NULL)
    after: Mapped[dict[str, Any]]
    """Status, times, transport, and of each line the bay, the service and the times."""
    reason: Mapped[str | None] = mapped_column(String(40))
    """A code, never words."""
