"""The tables, and the rules the database itself keeps.

The most important of them are `ex_appointments_bay_time` and `ex_appointments_vehicle_time`: no two
booked appointments may overlap in one bay or with one vehicle, whoever writes them and in whatever
order. Everything else about booking is there to make that refusal rare and polite.

Timestamps are `timestamptz`; Python reads and writes aware UTC datetimes.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    literal_column,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID, ExcludeConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

E164 = r"'^\+[1-9][0-9]{6,14}$'"
PHONE_LENGTH = 16
KEY_LENGTH = 200
SID_LENGTH = 64
OUTCOME_LENGTH = 40
NAME_LENGTH = 60
MAKE_LENGTH = 40
MODEL_LENGTH = 60
NOTES_LENGTH = 500


NEVER: ColumnElement[datetime] = literal_column("'infinity'::timestamptz")
"""When the outbox tries a dead row again."""


class Base(DeclarativeBase):
    """All tables of Otto."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


def _now() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


class CustomerRow(Base):
    """A customer of the dealership, at whichever location."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("length(first_name) BETWEEN 1 AND 60", "first_name"),
        CheckConstraint("length(last_name) BETWEEN 1 AND 60", "last_name"),
        CheckConstraint(f"phone ~ {E164}", "phone"),
        CheckConstraint("date_of_birth > '1900-01-01'", "date_of_birth"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(40))
    """Where they were first recorded."""
    first_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    last_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    phone: Mapped[str] = mapped_column(String(PHONE_LENGTH), unique=True)
    """E.164. One customer a number: it is how a caller is recognised."""
    date_of_birth: Mapped[date | None]
    creation_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH), unique=True)
    """The idempotency key it was created with."""
    created_at: Mapped[datetime] = _now()


class VehicleRow(Base):
    """A customer's vehicle."""

    __tablename__ = "vehicles"
    __table_args__ = (
        CheckConstraint("year BETWEEN 1900 AND 2100", "year"),
        CheckConstraint("length(make) BETWEEN 1 AND 40", "make"),
        CheckConstraint("length(model) BETWEEN 1 AND 60", "model"),
        CheckConstraint("vin ~ '^[A-HJ-NPR-Z0-9]{17}$'", "vin"),
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
    creation_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH), unique=True)
    created_at: Mapped[datetime] = _now()


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
    created_at: Mapped[datetime] = _now()


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
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    next_attempt_at: Mapped[datetime] = _now()
    done_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = _now()


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
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


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
    created_at: Mapped[datetime] = _now()
    done_at: Mapped[datetime | None]


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
    created_at: Mapped[datetime] = _now()


class LimitEventRow(Base):
    """Something that may happen only so often (`otto.storage.limits`)."""

    __tablename__ = "limit_events"
    __table_args__ = (Index("ix_limit_events_at", "at"),)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    """Whose it is: a call, or a number's hash."""
    key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    """The same event again has the same key."""
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


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
    sent_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    proved_at: Mapped[datetime | None]


class TextConsentRow(Base):
    """A number whose owner wants texts, though it is no customer's and does not call."""

    __tablename__ = "text_consents"

    number_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    """How it came to be known, such as "code"."""
    given_at: Mapped[datetime] = _now()
