"""Requests as the tables take them, and the statements that write appointments."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.language.characters import shortened, storable, storable_key
from otto.scheduling.availability.transport import NO_PLACE, Place
from otto.scheduling.bookings import Booking, BookingRequest, CancelRequest, MoveRequest
from otto.scheduling.changes.appointments import Line
from otto.scheduling.openings import Opening, OpeningsQuery
from otto.storage.tables import (
    KEY_LENGTH,
    NOTES_LENGTH,
    SID_LENGTH,
    AppointmentLineRow,
    AppointmentRow,
)

W = TypeVar("W", MoveRequest, CancelRequest)


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


def storable_query(query: OpeningsQuery) -> OpeningsQuery:
    """The same of a question for openings."""
    return replace(query, call_sid=query.call_sid and storable_key(query.call_sid, SID_LENGTH))


def storable_wish(request: W) -> W:
    """The same of a wish to change an appointment."""
    return replace(
        request,
        idempotency_key=storable_key(request.idempotency_key, KEY_LENGTH),
        call_sid=request.call_sid and storable_key(request.call_sid, SID_LENGTH),
        caller=request.caller and storable(request.caller),
        customer_phone=request.customer_phone and storable(request.customer_phone),
    )


async def change_appointment(
    connection: AsyncConnection, booking: Booking, **values: Any
) -> Booking:
    """Write what has changed of a locked appointment, and give it its next version. A status
    reaches its lines by itself."""
    changed = replace(booking, version=booking.version + 1, **values)
    columns = {name: value for name, value in values.items() if name != "lines"}
    await connection.execute(
        update(AppointmentRow)
        .where(AppointmentRow.id == booking.appointment_id)
        .values(version=changed.version, **columns)
    )
    return changed


async def insert_appointment(
    connection: AsyncConnection,
    appointment_id: uuid.UUID,
    request: BookingRequest,
    place: Place = NO_PLACE,
) -> bool:
    """The appointment, still without lines; whether its key was new. A twin is waited for. `place`
    is what it takes of its day's transport."""
    opening = request.opening
    values: dict[str, Any] = {
        "id": appointment_id,
        "location_id": opening.location_id,
        "customer_id": request.customer_id,
        "vehicle_id": request.vehicle_id,
        "starts_at": opening.starts_at,
        "ends_at": opening.ends_at,
        "status": "booked",
        "transport": opening.transport,
        "transport_date": place.day,
        "transport_place": place.number,
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
    lines: Sequence[Line],
) -> bool:
    """An appointment's lines; whether all of them found their place. If one did not, none is
    there."""
    rows = [
        {
            "id": uuid.uuid4(),
            "appointment_id": appointment_id,
            "position": position,
            "location_id": location_id,
            "bay_id": line.work.bay_id,
            "vehicle_id": vehicle_id,
            "service_code": line.work.service_code,
            "starts_at": line.work.starts_at,
            "ends_at": line.work.ends_at,
            "free_at": line.work.free_at,
            "google_event_id": line.event_id,
            "google_etag": line.etag,
        }
        for position, line in enumerate(lines, start=1)
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
