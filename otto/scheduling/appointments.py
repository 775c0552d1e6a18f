"""The statements of a booking: what is asked of the appointments' table and written to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Bay
from otto.language.characters import shortened, storable, storable_key
from otto.scheduling.bookings import Booking, BookingRefused, BookingRequest
from otto.scheduling.messages import CONFIRMATION_KEY, Visitor
from otto.storage.tables import (
    KEY_LENGTH,
    NEVER,
    NOTES_LENGTH,
    SID_LENGTH,
    AppointmentRow,
    CustomerRow,
    OutboxRow,
    VehicleRow,
)

_RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock
KEY_REUSED = "I am sorry, something went wrong with that booking: nothing new was booked."


def storable_request(request: BookingRequest) -> BookingRequest:
    """The request as its columns take it: keys that are too long keep what tells them apart, notes
    that are too long end early."""
    opening = request.opening
    return replace(
        request,
        idempotency_key=storable_key(request.idempotency_key, KEY_LENGTH),
        opening=replace(
            opening,
            location_id=storable(opening.location_id),
            bay_id=storable(opening.bay_id),
            service_code=storable(opening.service_code),
        ),
        customer_phone=storable(request.customer_phone),
        call_sid=request.call_sid and storable_key(request.call_sid, SID_LENGTH),
        notes=shortened(request.notes or "", NOTES_LENGTH) or None,
        caller=request.caller and storable(request.caller),
    )


def booking_columns() -> Select[uuid.UUID, str, str, str, int, int | None, datetime, datetime, str]:
    """The columns that `as_booking` reads; whether it is texted is asked apart."""
    return select(
        AppointmentRow.id,
        AppointmentRow.location_id,
        AppointmentRow.bay_id,
        AppointmentRow.service_code,
        AppointmentRow.customer_id,
        AppointmentRow.vehicle_id,
        AppointmentRow.starts_at,
        AppointmentRow.ends_at,
        AppointmentRow.status,
    )


def as_booking(row: Sequence[Any]) -> Booking:
    *fields, status = row
    return replace(Booking(*fields), status=status)


async def in_the_way(
    connection: AsyncConnection, request: BookingRequest, bay_ids: Iterable[str]
) -> tuple[Booking | None, list[Booking]]:
    """What the key has booked before, and the bookings that overlap with the wish, in one of the
    bays or with its vehicle. Advice only: what counts are the constraints, when the insert meets
    them."""
    opening = request.opening
    same_key = AppointmentRow.idempotency_key == request.idempotency_key
    overlapping = and_(
        or_(AppointmentRow.bay_id.in_(bay_ids), _of_vehicle(request)),
        AppointmentRow.status == "booked",
        AppointmentRow.starts_at < opening.ends_at,
        AppointmentRow.ends_at > opening.starts_at,
    )
    wanted = booking_columns().add_columns(same_key).where(or_(same_key, overlapping))
    existing, others = None, []
    for *row, is_same in await connection.execute(wanted):
        if is_same:
            existing = own(as_booking(row), request)
        else:
            others.append(as_booking(row))
    return existing, others


def _of_vehicle(request: BookingRequest) -> ColumnElement[bool]:
    """Appointments of the vehicle, if it is the customer's: of others' nothing is told."""
    if request.vehicle_id is None:
        return false()
    return and_(
        AppointmentRow.vehicle_id == request.vehicle_id,
        AppointmentRow.customer_id == request.customer_id,
    )


async def with_text(connection: AsyncConnection, booking: Booking) -> Booking:
    """The booking, with what has become of its text message."""
    is_texted = exists().where(
        OutboxRow.key == f"{CONFIRMATION_KEY}{booking.appointment_id}",
        OutboxRow.next_attempt_at < NEVER,
    )
    return replace(booking, is_texted=bool(await connection.scalar(select(is_texted))))


def own(booking: Booking, request: BookingRequest) -> Booking:
    if not booking.answers(request):
        raise BookingRefused("key_reused", KEY_REUSED)
    return booking


async def take(connection: AsyncConnection, request: BookingRequest, bay: Bay) -> Booking | None:
    """Insert the appointment into the bay; None when the bay, the vehicle or the key is taken."""
    opening = request.opening
    appointment_id = uuid.uuid4()
    values: dict[str, Any] = {
        "id": appointment_id,
        "location_id": opening.location_id,
        "bay_id": bay.id,
        "customer_id": request.customer_id,
        "vehicle_id": request.vehicle_id,
        "service_code": opening.service_code,
        "starts_at": opening.starts_at,
        "ends_at": opening.ends_at,
        "status": "booked",
        "idempotency_key": request.idempotency_key,
        # Chosen here, so that telling Google twice can never make two events.
        "google_event_id": appointment_id.hex,
        "call_sid": request.call_sid,
        "notes": request.notes,
    }
    statement = (
        insert(AppointmentRow).values(values).on_conflict_do_nothing().returning(AppointmentRow.id)
    )
    if (await connection.execute(statement)).one_or_none() is None:
        return None
    return Booking(
        appointment_id=appointment_id,
        location_id=opening.location_id,
        bay_id=bay.id,
        service_code=opening.service_code,
        customer_id=request.customer_id,
        vehicle_id=request.vehicle_id,
        starts_at=opening.starts_at,
        ends_at=opening.ends_at,
    )


async def visitor_of(connection: AsyncConnection, request: BookingRequest) -> Visitor:
    """Customer and vehicle as the calendar shows them. Refuses a vehicle of somebody else."""
    wanted = (
        select(
            CustomerRow.first_name,
            CustomerRow.last_name,
            VehicleRow.year,
            VehicleRow.make,
            VehicleRow.model,
        )
        .outerjoin(
            VehicleRow,
            and_(VehicleRow.customer_id == CustomerRow.id, VehicleRow.id == request.vehicle_id),
        )
        .where(CustomerRow.id == request.customer_id)
    )
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise BookingRefused("unknown_customer", "I could not find the customer's record.")
    if request.vehicle_id is not None and row.year is None:
        raise BookingRefused("wrong_vehicle", "I could not find that vehicle.")
    vehicle = None if row.year is None else f"{row.year} {row.make} {row.model}"
    return Visitor(f"{row.first_name} {row.last_name}", vehicle)


def is_transient(error: Exception) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    if isinstance(error, IntegrityError):
        return False
    if isinstance(error, DBAPIError):
        sqlstate = getattr(error.orig, "sqlstate", None)
        return error.connection_invalidated or sqlstate in _RETRYABLE_SQLSTATES
    return isinstance(error, ConnectionError)
