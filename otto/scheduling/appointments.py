"""The statements of a booking: what is asked of the appointments' tables and written to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.language.characters import shortened, storable, storable_key
from otto.scheduling.bookings import Booking, BookingRefused, BookingRequest, wish_of
from otto.scheduling.hours import Period
from otto.scheduling.messages import CONFIRMATION_KEY, Visitor
from otto.scheduling.openings import Opening, OpeningLine
from otto.storage.tables import (
    KEY_LENGTH,
    NEVER,
    NOTES_LENGTH,
    OCCUPYING,
    SID_LENGTH,
    STANDING,
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    CustomerRow,
    OutboxRow,
    VehicleRow,
)

_RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock
KEY_REUSED = "I am sorry, something went wrong with that booking: nothing new was booked."


def _among(column: Any, statuses: Sequence[str]) -> ColumnElement[bool]:
    """Written out, not as parameters: only then does the planner see that an index which holds
    these alone is enough."""
    found: ColumnElement[bool] = column.in_(
        bindparam(None, statuses, expanding=True, literal_execute=True)
    )
    return found


OCCUPIES = _among(AppointmentLineRow.status, OCCUPYING)
"""Lines whose bay is taken."""
HAS_VEHICLE = _among(AppointmentLineRow.status, STANDING)
"""Lines whose vehicle is expected, or there."""
STANDS = _among(AppointmentRow.status, STANDING)
"""Appointments that are not over."""


def overlapping(period: Period) -> ColumnElement[bool]:
    """Lines whose bay is in use in the period, in the terms of the index on (bay, time)."""
    return _meets(AppointmentLineRow.free_at, period)


def work_overlapping(period: Period) -> ColumnElement[bool]:
    """Lines worked on in the period, in the terms of the index on (vehicle, time)."""
    return _meets(AppointmentLineRow.ends_at, period)


def _meets(end: Any, period: Period) -> ColumnElement[bool]:
    taken = func.tstzrange(AppointmentLineRow.starts_at, end)
    return taken.bool_op("&&")(func.tstzrange(period.starts_at, period.ends_at))


def storable_request(request: BookingRequest) -> BookingRequest:
    """The request as its columns take it: keys that are too long keep what tells them apart, notes
    that are too long end early."""
    return replace(
        request,
        idempotency_key=storable_key(request.idempotency_key, KEY_LENGTH),
        opening=storable_opening(request.opening),
        customer_phone=storable(request.customer_phone),
        call_sid=request.call_sid and storable_key(request.call_sid, SID_LENGTH),
        notes=shortened(request.notes or "", NOTES_LENGTH) or None,
        caller=request.caller and storable(request.caller),
    )


def storable_opening(opening: Opening) -> Opening:
    """The same of an opening."""
    return replace(
        opening,
        location_id=storable(opening.location_id),
        lines=tuple(
            replace(line, bay_id=storable(line.bay_id), service_code=storable(line.service_code))
            for line in opening.lines
        ),
    )


# Reading


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


async def with_text(connection: AsyncConnection, booking: Booking) -> Booking:
    """The booking, with what has become of its text message."""
    is_texted = exists().where(
        OutboxRow.key == f"{CONFIRMATION_KEY}{booking.appointment_id}",
        OutboxRow.next_attempt_at < NEVER,
    )
    return replace(booking, is_texted=bool(await connection.scalar(select(is_texted))))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way of a wish: its own key ("key"), a bay that is taken ("bay"), or the
    customer's vehicle that is expected elsewhere ("vehicle")."""

    kind: Literal["key", "bay", "vehicle"]
    appointment_id: uuid.UUID | None
    bay_id: str | None
    period: Period


async def in_the_way(
    connection: AsyncConnection,
    opening: Opening,
    bay_ids: Iterable[str],
    *,
    key: str | None = None,
    customer_id: int | None = None,
    vehicle_id: int | None = None,
) -> tuple[Obstacle, ...]:
    """What is in the way, in one look. Advice only: what counts are the constraints, when the
    insert meets them. Of another customer's vehicle nothing is told."""
    head, line = AppointmentRow, AppointmentLineRow
    # Whatever comes in is looked at before it is checked.
    end = max([opening.starts_at, *(one.free_at for one in opening.lines)])
    whole = Period(opening.starts_at, end)
    looks: list[Any] = [
        select(
            literal_column("'bay'"), line.appointment_id, line.bay_id, line.starts_at, line.free_at
        ).where(OCCUPIES, line.bay_id.in_(list(bay_ids)), overlapping(whole))
    ]
    if key is not None:
        looks.append(
            select(literal_column("'key'"), head.id, null(), head.starts_at, head.ends_at).where(
                head.idempotency_key == key
            )
        )
    if vehicle_id is not None:
        looks.append(
            select(
                literal_column("'vehicle'"),
                line.appointment_id,
                line.bay_id,
                line.starts_at,
                line.ends_at,
            )
            .join(head, head.id == line.appointment_id)
            .where(
                HAS_VEHICLE,
                line.vehicle_id == vehicle_id,
                head.customer_id == customer_id,
                work_overlapping(whole),
            )
        )
    return tuple(
        Obstacle(kind, appointment_id, bay_id, Period(starts_at, ends_at))
        for kind, appointment_id, bay_id, starts_at, ends_at in await connection.execute(
            union_all(*looks)
        )
    )


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
    return Visitor(f"{row.first_name} {row.last_name}", vehicle)


# Writing


async def insert_appointment(
    connection: AsyncConnection, appointment_id: uuid.UUID, request: BookingRequest
) -> bool:
    """The appointment, still without lines; whether its key was new. A twin is waited for."""
    opening = request.opening
    values: dict[str, Any] = {
        "id": appointment_id,
        "location_id": opening.location_id,
        "customer_id": request.customer_id,
        "vehicle_id": request.vehicle_id,
        "starts_at": opening.starts_at,
        "ends_at": opening.ends_at,
        "status": "booked",
        "idempotency_key": request.idempotency_key,
        "call_sid": request.call_sid,
        "notes": request.notes,
    }
    statement = (
        insert(AppointmentRow)
        .values(values)
        .on_conflict_do_nothing(index_elements=["idempotency_key"])
        .returning(AppointmentRow.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def insert_lines(
    connection: AsyncConnection,
    appointment_id: uuid.UUID,
    location_id: str,
    vehicle_id: int | None,
    lines: Sequence[tuple[OpeningLine, str]],
) -> bool:
    """An appointment's lines, each with the id of its event; whether all of them found their place.
    If one did not, none is there."""
    rows = [
        {
            "id": uuid.uuid4(),
            "appointment_id": appointment_id,
            "position": position,
            "location_id": location_id,
            "bay_id": line.bay_id,
            "vehicle_id": vehicle_id,
            "service_code": line.service_code,
            "starts_at": line.starts_at,
            "ends_at": line.ends_at,
            "free_at": line.free_at,
            "google_event_id": event_id,
        }
        for position, (line, event_id) in enumerate(lines, start=1)
    ]
    # In one order for everybody, so that two who want the same bays wait for each other in turn.
    rows.sort(key=lambda row: (row["bay_id"], row["starts_at"]))
    statement = (
        insert(AppointmentLineRow)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(AppointmentLineRow.id)
    )
    added = len((await connection.execute(statement)).all())
    if 0 < added < len(rows):
        await delete_lines(connection, appointment_id)
    return added == len(rows)


async def delete_lines(connection: AsyncConnection, appointment_id: uuid.UUID) -> None:
    """Free what the appointment has taken."""
    await connection.execute(
        delete(AppointmentLineRow).where(AppointmentLineRow.appointment_id == appointment_id)
    )


def is_transient(error: Exception) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    if isinstance(error, IntegrityError):
        return False
    if isinstance(error, DBAPIError):
        sqlstate = getattr(error.orig, "sqlstate", None)
        return error.connection_invalidated or sqlstate in _RETRYABLE_SQLSTATES
    return isinstance(error, ConnectionError)
