"""Appointments.

The most important rules are `ex_appointments_bay_time` and `ex_appointments_vehicle_time`: no two
booked appointments may overlap in one bay or with one vehicle, whoever writes them and in whatever
order. Everything else about booking is there to make that refusal rare and polite.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    literal_column,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import KEY_LENGTH, NOTES_LENGTH, SID_LENGTH, Base, now


class AppointmentRow(Base):
    """A car in a bay for a time. `ends_at` is exclusive."""

    __tablename__ = "appointments"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", "order"),
        CheckConstraint("ends_at - starts_at <= interval '24 hours'", "length"),
        CheckConstraint("status IN ('booked','cancelled','completed','no_show')", "status"),
        CheckConstraint("length(notes) <= 500", "notes"),
        ExcludeConstraint(
            (literal_column("bay_id"), "="),
            (literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sql("status = 'booked'"),
            using="gist",
            name="ex_appointments_bay_time",
        ),
        ExcludeConstraint(
            (literal_column("vehicle_id"), "="),
            (literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sql("status = 'booked' AND vehicle_id IS NOT NULL"),
            using="gist",
            name="ex_appointments_vehicle_time",
        ),
        # An appointment is where its bay is: it moves along when the dealership's file moves it.
        ForeignKeyConstraint(
            ["bay_id", "location_id"], ["bays.id", "bays.location_id"], onupdate="CASCADE"
        ),
        ForeignKeyConstraint(
            ["vehicle_id", "customer_id"], ["vehicles.id", "vehicles.customer_id"]
        ),
        # With no customer the key above would let any vehicle pass.
        CheckConstraint("customer_id IS NOT NULL OR vehicle_id IS NULL", "owner"),
        Index("ix_appointments_location_id_starts_at", "location_id", "starts_at"),
        Index("ix_appointments_customer_id_starts_at", "customer_id", "starts_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)
    location_id: Mapped[str] = mapped_column(String(40))
    bay_id: Mapped[str] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    """None once the customer was erased: that the bay was used stays known."""
    vehicle_id: Mapped[int | None] = mapped_column(BigInteger)
    service_code: Mapped[str] = mapped_column(ForeignKey("services.code"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20), server_default="booked")
    idempotency_key: Mapped[str] = mapped_column(String(KEY_LENGTH), unique=True)
    google_event_id: Mapped[str | None] = mapped_column(String(1024), unique=True)
    call_sid: Mapped[str | None] = mapped_column(String(SID_LENGTH))
    notes: Mapped[str | None] = mapped_column(String(NOTES_LENGTH))
    created_at: Mapped[datetime] = now()
