"""The service menu and the bays, copied from the dealership's file (`sync_dealership`)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from otto.storage.tables.base import Base


class ServiceRow(Base):
    """A line of the service menu, copied from the dealership's file (`sync_dealership`)."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("duration_minutes BETWEEN 5 AND 600", "duration_minutes"),
        CheckConstraint("price_cents >= 0", "price_cents"),
    )

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    duration_minutes: Mapped[int]
    price_cents: Mapped[int | None]
    skill: Mapped[str] = mapped_column(String(40))
    active: Mapped[bool] = mapped_column(server_default=sql("true"))
    """False: no longer in the file, kept because appointments refer to it."""


class BayRow(Base):
    """A bay, copied from the dealership's file (`sync_dealership`)."""

    __tablename__ = "bays"
    __table_args__ = (UniqueConstraint("id", "location_id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(40), index=True)
    name: Mapped[str] = mapped_column(String(100))
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    calendar_id: Mapped[str] = mapped_column(String(250))
    active: Mapped[bool] = mapped_column(server_default=sql("true"))
