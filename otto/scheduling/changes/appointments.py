"""Appointments as they stand in the database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.scheduling.bookings import Booking, BookingRefused, BookingRequest, wish_of
from otto.scheduling.changes.messages import CHANGE_KEY, CONFIRMATION_KEY, Visitor
from otto.scheduling.openings import OpeningLine
from otto.storage.tables import (
    NEVER,
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    CustomerRow,
    OutboxRow,
    VehicleRow,
)

KEY_REUSED = "I am sorry, something went wrong with that booking: nothing new was booked."


async def bookings(connection: AsyncConnection, which: ColumnElement[bool]) -> tuple[Booking, ...]:
    """The appointments, soonest first, each with its lines; whether they are texted is asked
    apart."""
    head, line = AppointmentRow, AppointmentLineRow
    wanted = (
        select(
            head.id,
            head.location_id,
            head.customer_id,
            head.vehicle_id,
            head.starts_at,
            head.ends_at,
            head.status,
            head.version,
            line.service_code,
            line.bay_id,
            line.starts_at,
            line.ends_at,
            line.free_at,
        )
        .join(line, line.appointment_id == head.id)
        .where(which)
        .order_by(head.starts_at, head.id, line.position)
    )
    found = []
    rows = (tuple(row) for row in await connection.execute(wanted))
    for fields, lines in groupby(rows, key=lambda row: row[:8]):
        work = tuple(OpeningLine(*row[8:]) for row in lines)
        appointment_id, location_id, customer_id, vehicle_id, starts_at, ends_at, *state = fields
        whose = (appointment_id, location_id, customer_id, vehicle_id)
        found.append(Booking(*whose, starts_at, ends_at, work, *state))
    return tuple(found)


async def locked(connection: AsyncConnection, appointment_id: uuid.UUID) -> Booking | None:
    """The appointment, which nobody else changes until the transaction ends; None: there is none,
    or none of whom the customer is known."""
    is_it = AppointmentRow.id == appointment_id
    await connection.execute(select(AppointmentRow.id).where(is_it).with_for_update())
    # A statement of its own: it sees what the one that was waited for has done.
    found = await bookings(connection, is_it & AppointmentRow.customer_id.is_not(None))
    return found[0] if found else None


def text_keys(booking: Booking) -> list[str]:
    """The outbox's keys of the texts about it so far."""
    versions = range(2, booking.version + 1)
    return [
        f"{CONFIRMATION_KEY}{booking.appointment_id}",
        *(f"{CHANGE_KEY}{booking.appointment_id}:{version}" for version in versions),
    ]


async def with_text(connection: AsyncConnection, booking: Booking) -> Booking:
    """The booking, with what has become of its text messages."""
    is_texted = exists().where(
        OutboxRow.key.in_(text_keys(booking)), OutboxRow.next_attempt_at < NEVER
    )
    return replace(booking, is_texted=bool(await connection.scalar(select(is_texted))))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an appointment with its event in the bay's calendar."""

    work: OpeningLine
    event_id: str | None
    etag: str | None = None


async def lines_of(connection: AsyncConnection, appointment_id: uuid.UUID) -> tuple[Line, ...]:
    """An appointment's lines, in the order of the work."""
    line = AppointmentLineRow
    wanted = (
        select(
            line.service_code,
            line.bay_id,
            line.starts_at,
            line.ends_at,
            line.free_at,
            line.google_event_id,
            line.google_etag,
        )
        .where(line.appointment_id == appointment_id)
        .order_by(line.position)
    )
    rows: list[Any] = [tuple(row) for row in await connection.execute(wanted)]
    return tuple(Line(OpeningLine(*row[:5]), *row[5:]) for row in rows)


async def booked_before(
    connection: AsyncConnection, appointment_id: uuid.UUID, request: BookingRequest
) -> Booking:
    """What the request's key has booked, as it is now. Refuses a wish that is not the one it was
    booked with."""
    wanted = select(AppointmentChangeRow.wish).where(
        AppointmentChangeRow.appointment_id == appointment_id,
        AppointmentChangeRow.action == "booked",
    )
    wish = await connection.scalar(wanted)
    (booking,) = await bookings(connection, AppointmentRow.id == appointment_id)
    owner = (booking.customer_id, booking.vehicle_id)
    if (wish, owner) != (wish_of(request.opening), (request.customer_id, request.vehicle_id)):
        raise BookingRefused("key_reused", KEY_REUSED)
    return await with_text(connection, booking)


async def visitor_of(
    connection: AsyncConnection, customer_id: int, vehicle_id: int | None
) -> Visitor:
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
            and_(VehicleRow.customer_id == CustomerRow.id, VehicleRow.id == vehicle_id),
        )
        .where(CustomerRow.id == customer_id)
    )
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise BookingRefused("unknown_customer", "I could not find the customer's record.")
    if vehicle_id is not None and row.year is None:
        raise BookingRefused("wrong_vehicle", "I could not find that vehicle.")
    vehicle = None if row.year is None else f"{row.year} {row.make} {row.model}"
    return Visitor(f"{row.first_name} {row.last_name}".rstrip(), vehicle)
