"""Moving and cancelling an appointment: each is one transaction on a locked appointment.

What a key was first used for is in the appointment's history. A repeat of that wish changes nothing
and answers with what stands now; another wish under the same key is an error.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.scheduling.availability.holds import drop_holds, share_bays
from otto.scheduling.availability.taken import Obstacle, in_the_way
from otto.scheduling.availability.transport import move_place
from otto.scheduling.availability.validation import checked
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    CancelRequest,
    MoveRequest,
    state_of,
    wish_of,
)
from otto.scheduling.changes.announcing import calendar_deletions, calendar_rows, word_of_change
from otto.scheduling.changes.appointments import Line, lines_of, locked, text_keys, with_text
from otto.scheduling.changes.booking import count_changes
from otto.scheduling.changes.places import take_places
from otto.scheduling.changes.writing import change_appointment, delete_lines, storable_opening
from otto.scheduling.desk import Desk
from otto.scheduling.openings import OpeningLine
from otto.scheduling.texts.rules import Standing
from otto.scheduling.texts.texts import write_text
from otto.storage.appointment_changes import Change, record_changes
from otto.storage.tables import (
    AppointmentChangeRow,
    BayRow,
    CustomerRow,
    OutboxRow,
)

WORD_OF_CANCELLATION_GOOD_FOR = timedelta(days=1)
KEY_REUSED = "I am sorry, something went wrong with that change: nothing was changed."
UNKNOWN_APPOINTMENT = "I could not find that appointment."
UNMOVABLE = {
    "arrived": "That appointment cannot be changed any more: the car is with us already.",
    "completed": "That appointment is over already.",
    "no_show": "That appointment is over already.",
    "cancelled": "That appointment has been cancelled already.",
}
"""What is said, by status."""
BEGUN = "That appointment has begun already. The service desk can help you with it."

Wish = MoveRequest | CancelRequest


async def move_once(
    connection: AsyncConnection, desk: Desk, request: MoveRequest
) -> tuple[Booking, bool]:
    """The moved appointment, and whether it is moved by this. Its old places are free exactly when
    the new ones are taken: nobody ever sees both or neither."""
    opening = storable_opening(request.opening)
    wish = {"action": "moved", **wish_of(opening)}
    if request.actor == "staff":
        # They say in which bay, and how long it takes.
        wish["lines"] = [[line.bay_id, line.ends_at.isoformat()] for line in opening.lines]
    booking = await _own(connection, desk, request)
    if await _is_repeat(connection, request, wish):
        return await with_text(connection, booking), False
    _refuse_what_is_over(desk, booking, request)
    if wish_of(opening) == wish_of(booking.as_opening) and (
        request.actor != "staff" or opening.lines == booking.lines
    ):
        return await with_text(connection, booking), False
    lines = checked(opening, desk.dealership, desk.location, desk.clock(), actor=request.actor)

    async def look() -> tuple[Obstacle, ...]:
        return await in_the_way(
            connection,
            opening,
            [bay.id for bay in desk.location.bays],
            now=desk.clock(),
            call_sid=request.call_sid,
            customer_id=booking.customer_id,
            vehicle_id=booking.vehicle_id,
            itself=booking.appointment_id,
        )

    await share_bays(connection, desk.location.id)
    obstacles = await look()
    await drop_holds(connection, request.call_sid, opening, desk.clock())
    before = await lines_of(connection, booking.appointment_id)
    await delete_lines(connection, booking.appointment_id)
    work = await take_places(
        connection,
        desk.location,
        booking.appointment_id,
        booking.vehicle_id,
        lines,
        obstacles,
        look=look,
        with_events=lambda chosen: _with_events(desk, chosen, before, request),
    )
    moved = await change_appointment(
        connection,
        booking,
        starts_at=opening.starts_at,
        ends_at=opening.ends_at,
        lines=tuple(line.work for line in work),
    )
    await move_place(connection, moved, desk.location, by_staff=request.actor == "staff")
    await _record(connection, request, "moved", booking, moved, wish)
    await _count(connection, desk, request)
    kept = {line.event_id for line in work}
    await _delete_events(connection, moved, [one for one in before if one.event_id not in kept])
    rows = calendar_rows(desk.location, moved, work)
    await connection.execute(insert(OutboxRow), rows)
    return await _tell(connection, desk, request, moved, "moved"), True


async def cancel_once(
    connection: AsyncConnection, desk: Desk, request: CancelRequest
) -> tuple[Booking, bool]:
    """The cancelled appointment, and whether it is cancelled by this."""
    wish = {"action": "cancelled"}
    booking = await _own(connection, desk, request)
    if await _is_repeat(connection, request, wish) or booking.status == "cancelled":
        return await with_text(connection, booking), False
    _refuse_what_is_over(desk, booking, request)
    cancelled = await change_appointment(connection, booking, status="cancelled")
    await _record(connection, request, "cancelled", booking, cancelled, wish)
    gone = await lines_of(connection, booking.appointment_id)
    await _delete_events(connection, cancelled, gone)
    return await _tell(connection, desk, request, cancelled, "cancelled"), True


# Inside


async def _own(connection: AsyncConnection, desk: Desk, request: Wish) -> Booking:
    """The appointment, locked. One that is not theirs is as unknown as one that does not exist."""
    booking = await locked(connection, request.appointment_id)
    is_theirs = booking is not None and (
        booking.customer_id == request.customer_id
        or (request.customer_id is None and request.actor != "caller")
    )
    if booking is None or not is_theirs or booking.location_id != desk.location.id:
        raise BookingRefused("unknown_appointment", UNKNOWN_APPOINTMENT)
    return booking


async def _is_repeat(connection: AsyncConnection, request: Wish, wish: dict[str, Any]) -> bool:
    """Whether the key has been used for this wish before. Refuses one that was used for another."""
    change = AppointmentChangeRow
    wanted = select(change.appointment_id, change.wish).where(change.key == request.idempotency_key)
    used = (await connection.execute(wanted)).one_or_none()
    if used is not None and tuple(used) != (request.appointment_id, wish):
        raise BookingRefused("key_reused", KEY_REUSED)
    return used is not None


def _refuse_what_is_over(desk: Desk, booking: Booking, request: Wish) -> None:
    """A caller moves what has not begun and cancels what is not over; staff may do either until it
    is over, and cancel what has arrived."""
    by_staff, is_move = request.actor != "caller", isinstance(request, MoveRequest)
    if booking.status != "booked" and not (
        by_staff and not is_move and booking.status == "arrived"
    ):
        code = booking.status if booking.status in ("arrived", "cancelled") else "over"
        raise BookingRefused(code, UNMOVABLE[booking.status])
    now = desk.clock()
    if booking.ends_at <= now:
        raise BookingRefused("over", UNMOVABLE["completed"])
    if booking.starts_at <= now and is_move and not by_staff:
        raise BookingRefused("begun", BEGUN)


def _with_events(
    desk: Desk, chosen: Sequence[OpeningLine], before: Sequence[Line], request: MoveRequest
) -> list[Line]:
    """Lines with their events: each keeps that of the same service while it stays in its calendar;
    in another one it gets a new event, because Google remembers ids that were deleted. What staff
    have moved is where they want it."""
    calendars = {bay.id: bay.calendar_id for bay in desk.location.bays}
    free: dict[str, list[Line]] = defaultdict(list)
    for line in before:
        free[line.work.service_code].append(line)
    found = []
    for work in chosen:
        same = free[work.service_code]
        old = same.pop(0) if same else None
        stays = old is not None and (
            request.actor == "staff" or calendars.get(old.work.bay_id) == calendars[work.bay_id]
        )
        event = (old.event_id, old.etag) if old is not None and stays else (uuid.uuid4().hex, None)
        found.append(Line(work, *event))
    return found


async def _record(
    connection: AsyncConnection,
    request: Wish,
    action: Literal["moved", "cancelled"],
    before: Booking,
    after: Booking,
    wish: dict[str, Any],
) -> None:
    change = Change(
        after.appointment_id,
        action,
        request.actor,
        after=state_of(after),
        before=state_of(before),
        call_sid=request.call_sid,
        key=request.idempotency_key,
        wish=wish,
        reason=request.reason.value if isinstance(request, CancelRequest) else None,
    )
    if not await record_changes(connection, [change]):
        # Another appointment has just been changed under the same key.
        raise BookingRefused("key_reused", KEY_REUSED)


async def _count(connection: AsyncConnection, desk: Desk, request: MoveRequest) -> None:
    """What callers move is limited as what they book is: either keeps others from a time."""
    if request.actor == "caller":
        await count_changes(
            connection,
            desk,
            "move",
            request.idempotency_key,
            call_sid=request.call_sid,
            numbers={"from": request.caller, "for": request.customer_phone},
        )


async def _delete_events(
    connection: AsyncConnection, booking: Booking, gone: Sequence[Line]
) -> None:
    wanted = select(BayRow.id, BayRow.calendar_id).where(
        BayRow.id.in_([line.work.bay_id for line in gone])
    )
    calendars = {row.id: row.calendar_id for row in await connection.execute(wanted)}
    if rows := calendar_deletions(calendars, booking, gone):
        await connection.execute(insert(OutboxRow), rows)


async def _tell(
    connection: AsyncConnection,
    desk: Desk,
    request: Wish,
    booking: Booking,
    news: Literal["moved", "cancelled"],
) -> Booking:
    """Have the customer told by text, if they may be; what waits to be told of the appointment as
    it was is not told any more."""
    await connection.execute(
        delete(OutboxRow).where(OutboxRow.key.in_(text_keys(booking)), OutboxRow.done_at.is_(None))
    )
    to = request.customer_phone or await connection.scalar(
        select(CustomerRow.phone).where(CustomerRow.id == booking.customer_id)
    )
    not_after = (
        booking.starts_at if news == "moved" else desk.clock() + WORD_OF_CANCELLATION_GOOD_FOR
    )
    text = word_of_change(
        news,
        desk.dealership,
        desk.location,
        booking,
        to=str(to),
        not_after=not_after,
        call_sid=request.call_sid,
        caller=request.caller,
    )
    decided = await write_text(connection, text, desk.text_rules, desk.limits)
    return replace(booking, is_texted=isinstance(decided, Standing))
