"""Customers, their telephone numbers and their vehicles."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import E164, KEY_LENGTH, NAME_LENGTH, PHONE_LENGTH, Base, filled_now

MAKE_LENGTH = 40
MODEL_LENGTH = 60
EMAIL_LENGTH = 254
"""Longer, no server takes it: RFC 5321, 4.5.3.1.3, without its brackets."""
MILEAGE_MOST = 2_000_000
"""Miles. More has no passenger car; more digits have no instruments."""


class CustomerRow(Base):
    """A customer of the dealership, at whichever location."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("length(first_name) BETWEEN 1 AND 60", "first_name"),
        CheckConstraint("length(last_name) <= 60", "last_name"),
        CheckConstraint(f"phone ~ {E164}", "phone"),
        CheckConstraint("date_of_birth > '1900-01-01'", "date_of_birth"),
        Index("ix_customers_phone", "phone"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(40))
    """Where they were first recorded."""
    first_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    last_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    """Empty for somebody who has one name."""
    phone: Mapped[str] = mapped_column(String(PHONE_LENGTH))
    """E.164. Their first number, by which they are recognised and called; a family shares one."""
    date_of_birth: Mapped[date | None]
    email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))
    creation_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH), unique=True)
    """The idempotency key it was created with."""
    created_at: Mapped[datetime] = filled_now()


class CustomerPhoneRow(Base):
    """A further number of a customer's; the first stands with the customer."""

    __tablename__ = "customer_phones"
    __table_args__ = (
        CheckConstraint(f"phone ~ {E164}", "phone"),
        Index("ix_customer_phones_phone", "phone"),
    )

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    phone: Mapped[str] = mapped_column(String(PHONE_LENGTH), primary_key=True)
    created_at: Mapped[datetime] = filled_now()


class VehicleRow(Base):
    """A customer's vehicle."""

    __tablename__ = "vehicles"
    __table_args__ = (
        CheckConstraint("year BETWEEN 1900 AND 2100", "year"),
        CheckConstraint("length(make) BETWEEN 1 AND 40", "make"),
        CheckConstraint("length(model) BETWEEN 1 AND 60", "model"),
        CheckConstraint("vin ~ '^[A-HJ-NPR-Z0-9]{17}$'", "vin"),
        CheckConstraint(f"mileage BETWEEN 0 AND {MILEAGE_MOST}", "mileage"),
        # For the appointments' foreign key, which takes the owner along.
        UniqueConstraint("id", "customer_id"),
        # A car may change hands, so the VIN alone is not unique.
        Index("uq_vehicles_customer_id_vin", "customer_id", "vin", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    year: Mapped[int] = mapped_column(SmallInteger)
    make: Mapped[str] = mapped_column(String(MAKE_LENGTH))
    model: Mapped[str] = mapped_column(String(MODEL_LENGTH))
    vin: Mapped[str | None] = mapped_column(String(17))
    mileage: Mapped[int | None]
    """Miles, as it was last told."""
    creation_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH), unique=True)
    created_at: Mapped[datetime] = filled_now()


class CacheInvalidationRow(Base):
    """A number of which something has changed that a copy may hold; written by triggers on the
    tables above, removed when no copy is left. See `otto.crm.cache_invalidations`."""

    __tablename__ = "cache_invalidations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    phone: Mapped[str] = mapped_column(String(PHONE_LENGTH))
    at: Mapped[datetime] = filled_now()
