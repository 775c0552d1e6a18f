"""Making an appointment: the one transaction that does it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.scheduling.availability.holds import drop_holds, share_bays
from otto.scheduling.availability.taken import Obstacle, in_the_way
from otto.scheduling.availability.transport import take_place
from otto.scheduling.availability.validation import checked
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    SlotTaken,
    state_of,
    wish_of,
)
from otto.scheduling.changes.announcing import calendar_rows, confirmation
from otto.scheduling.changes.appointments import KEY_REUSED, Line, booked_before, visitor_of
from otto.scheduling.changes.places import places, take_places
from otto.scheduling.changes.writing import insert_appointment
from otto.scheduling.desk import Desk
from otto.scheduling.texts.rules import Standing
from otto.scheduling.texts.texts import write_text
from otto.storage.appointment_changes import Change, record_changes
from otto.storage.limits import Limit, count
from otto.storage.number_hash import hash_number
from otto.storage.tables import OutboxRow

_log = structlog.get_logger()

TOO_MANY = (
    "I am sorry, I cannot book any more appointments. The service desk can help you with that."
)


async def book_once(
    connection: AsyncConnection, desk: Desk, request: BookingRequest
) -> tuple[Booking, bool]:
    """The booking, and whether it is new: a key that was booked with before answers with that."""

    async def look() -> tuple[Obstacle, ...]:
        return await in_the_way(
            connection,
            request.opening,
            [bay.id for bay in desk.location.bays],
            now=desk.clock(),
            call_sid=request.call_sid,
            key=request.idempotency_key,
            customer_id=request.customer_id,
            vehicle_id=request.vehicle_id,
        )

    await share_bays(connection, desk.location.id)
    # One look settles most of a rush: 200 callers after one opening cost 200 looks.
    obstacles = await look()
    if (before := _repeated(obstacles)) is not None:
        return await booked_before(connection, before, request), False
    lines = checked(request.opening, desk.dealership, desk.location, desk.clock())
    places(lines, obstacles, desk.location.zone)
    await visitor_of(connection, request.customer_id, request.vehicle_id)  # refuses strangers
    await drop_holds(connection, request.call_sid, request.opening, desk.clock())
    place = await take_place(connection, request.opening, desk.location)
    appointment_id = uuid.uuid4()
    if not await insert_appointment(connection, appointment_id, request, place):
        # A twin of this request was faster.
        if (twin := _repeated(await look())) is None:
            raise SlotTaken
        return await booked_before(connection, twin, request), False
    work = await take_places(
        connection,
        desk.location,
        appointment_id,
        request.vehicle_id,
        lines,
        obstacles,
        look=look,
        with_events=lambda chosen: [Line(line, uuid.uuid4().hex) for line in chosen],
    )
    booking = Booking(
        appointment_id,
        desk.location.id,
        request.customer_id,
        request.vehicle_id,
        request.opening.starts_at,
        request.opening.ends_at,
        tuple(line.work for line in work),
    )
    return await _announce(connection, desk, request, booking, work), True


async def count_changes(
    connection: AsyncConnection,
    desk: Desk,
    kind: str,
    key: str,
    *,
    call_sid: str | None,
    numbers: dict[str, str | None],
) -> None:
    """Count a booking or a change of one against the limits on both. Raises `BookingRefused` when
    there are too many."""
    limits = desk.limits
    subjects = {
        f"{which} {await hash_number(connection, number)}": limits.bookings_per_number
        for which, number in numbers.items()
        if number
    }
    if call_sid is not None:
        subjects[f"call {call_sid}"] = limits.bookings_per_call
    counted = [
        Limit(kind, subject, at_most, limits.window_s) for subject, at_most in subjects.items()
    ]
    if not await count(connection, key, counted):
        _log.warning("too_many_bookings", kind=kind, call_sid=call_sid)
        raise BookingRefused("too_many", TOO_MANY)


async def _announce(
    connection: AsyncConnection,
    desk: Desk,
    request: BookingRequest,
    booking: Booking,
    work: Sequence[Line],
) -> Booking:
    """What a new booking brings with it in its transaction: it is counted (and undone when there
    are too many), written down, and the world is to be told."""
    await count_changes(
        connection,
        desk,
        "booking",
        request.idempotency_key,
        call_sid=request.call_sid,
        numbers={"from": request.caller, "for": request.customer_phone},
    )
    change = Change(
        booking.appointment_id,
        "booked",
        "caller",
        after=state_of(booking),
        call_sid=request.call_sid,
        key=request.idempotency_key,
        wish=wish_of(request.opening),
    )
    if not await record_changes(connection, [change]):
        raise BookingRefused("key_reused", KEY_REUSED)
    rows = calendar_rows(desk.location, booking, work)
    await connection.execute(insert(OutboxRow), rows)
    text = confirmation(desk.dealership, desk.location, request, booking)
    decided = await write_text(connection, text, desk.text_rules, desk.limits)
    return replace(booking, is_texted=isinstance(decided, Standing))


def _repeated(obstacles: Iterable[Obstacle]) -> uuid.UUID | None:
    return next((other.appointment_id for other in obstacles if other.kind == "key"), None)
