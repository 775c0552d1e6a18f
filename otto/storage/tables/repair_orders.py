"""Repair orders, for a dealership whose own system Otto is not connected with."""

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
)
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import Base, filled_now

REPAIR_NUMBER_LENGTH = 20
APPROVAL_ITEM_LENGTH = 120


class RepairOrderRow(Base):
    """A vehicle in the workshop, and what is known of the work."""

    __tablename__ = "repair_orders"
    __table_args__ = (
        CheckConstraint(r"number ~ '^[A-Z0-9][A-Z0-9-]*$'", "number"),
        CheckConstraint(
            "status IN ('open','in_progress','waiting_for_parts','waiting_for_approval','ready',"
            "'closed')",
            "status",
        ),
        CheckConstraint(
            "(status = 'waiting_for_approval') = (approval_item IS NOT NULL)", "approval"
        ),
        CheckConstraint("length(approval_item) > 0", "approval_item"),
        CheckConstraint(
            "approval_cents >= 0 AND approval_item IS NOT NULL OR approval_cents IS NULL",
            "approval_cents",
        ),
        # A vehicle with its owner, so that nobody is told of another's.
        ForeignKeyConstraint(
            ["vehicle_id", "customer_id"],
            ["vehicles.id", "vehicles.customer_id"],
            ondelete="CASCADE",
        ),
        Index("ix_repair_orders_customer_id", "customer_id"),
    )

    location_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[str] = mapped_column(String(REPAIR_NUMBER_LENGTH), primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigInteger)
    vehicle_id: Mapped[int] = mapped_column(BigInteger)
    appointment_id: Mapped[uuid.UUID | None] = mapped_column(
        UUID(as_uuid=True), ForeignKey("appointments.id", ondelete="SET NULL"), index=True
    )
    """What the vehicle was brought for, when it was booked."""
    status: Mapped[str] = mapped_column(String(30))
    promised_at: Mapped[datetime | None]
    approval_item: Mapped[str | None] = mapped_column(String(APPROVAL_ITEM_LENGTH))
    approval_cents: Mapped[int | None]
    updated_at: Mapped[datetime] = filled_now()
