"""How appointments end: what staff mark, and what happens by itself when they do not.

    booked ──▶ arrived ──▶ completed
       ╰──────────┴──────▶ no_show

What was marked by mistake is marked again; see `MARKS`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from config.dealership import Location
from otto.scheduling.availability.taken import STANDS
from otto.scheduling.bookings import Booking, BookingRefused, Mark, SlotTaken, state_of
from otto.scheduling.changes.appointments import locked
from otto.scheduling.changes.changing import UNKNOWN_APPOINTMENT
from otto.scheduling.changes.writing import change_appointment
from otto.scheduling.desk import Desk
from otto.scheduling.hours import local_day, open_periods
from otto.storage.appointment_changes import Change, record_changes
from otto.storage.appointment_terms import Action, Actor
from otto.storage.tables import AppointmentRow

_log = structlog.get_logger()

MARKS: Mapping[str, Mapping[Mark, Action]] = {
    "booked": {"arrived": "arrived", "completed": "completed", "no_show": "no_show"},
    "arrived": {"completed": "completed", "no_show": "no_show"},
    "completed": {"arrived": "restored", "no_show": "no_show"},
    "no_show": {"arrived": "restored", "completed": "completed"},
    "cancelled": {},
}
"""What may be marked in which status, and what it is called in the history. Whoever comes late
after all, or was marked by mistake, arrives again; what was cancelled is booked anew."""
ENDED_AT_ONCE = 200
"""How many appointments one transaction ends: nobody waits long for any of them."""


async def mark_once(
    connection: AsyncConnection,
    desk: Desk,
    appointment_id: uuid.UUID,
    mark: Mark,
    actor: Actor,
) -> tuple[Booking, bool]:
    """The appointment with its mark, and whether that is new. Raises `BookingRefused` for a mark
    that does not fit, `SlotTaken` when the place of one that arrives again has been given away."""
    booking = await locked(connection, appointment_id)
    if booking is None or booking.location_id != desk.location.id:
        raise BookingRefused("unknown_appointment", UNKNOWN_APPOINTMENT)
    if booking.status == mark:
        return booking, False
    action = MARKS[booking.status].get(mark)
    if action is None:
        raise BookingRefused("cancelled", "That appointment has been cancelled: book a new one.")
    now = desk.clock()
    day = local_day(desk.location, booking.starts_at.astimezone(desk.location.zone).date())
    if now < (day.starts_at if mark == "arrived" else booking.starts_at):
        raise BookingRefused("too_early", "That appointment has not begun yet.")
    try:
        marked = await change_appointment(connection, booking, status=mark)
    except IntegrityError:
        raise SlotTaken from None
    change = Change(appointment_id, action, actor, after=state_of(marked), before=state_of(booking))
    await record_changes(connection, [change])
    return marked, True


async def end_what_is_over(
    connection: AsyncConnection, location: Location, now: datetime
) -> dict[str, int]:
    """End some appointments whose time has passed without a mark; how many as what.

    Where staff do not mark arrivals, whoever was booked was there. Where they do
    (`arrivals_are_marked`), whoever has not arrived when the day closes did not come, and who has
    is done.
    """
    head = AppointmentRow
    over = (
        select(head.id, head.status, head.starts_at)
        .where(head.location_id == location.id, STANDS, head.ends_at <= now)
        .order_by(head.ends_at)
        .limit(ENDED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ends: dict[str, list[Change]] = {"completed": [], "no_show": []}
    for appointment_id, status, starts_at in (await connection.execute(over)).all():
        if location.arrivals_are_marked and now < closing_after(location, starts_at):
            continue
        is_missing = location.arrivals_are_marked and status == "booked"
        end: Action = "no_show" if is_missing else "completed"
        states: list[dict[str, Any]] = [{"status": status}, {"status": end}]
        change = Change(appointment_id, end, "otto", before=states[0], after=states[1])
        ends[end].append(change)
    for end_status, changes in ends.items():
        if not changes:
            continue
        await record_changes(connection, changes)
        await connection.execute(
            update(head)
            .where(head.id.in_([change.appointment_id for change in changes]))
            .values(status=end_status, version=head.version + 1)
        )
    ended = {end: len(changes) for end, changes in ends.items() if changes}
    if ended:
        _log.info("appointments_ended", location=location.id, **ended)
    return ended


def closing_after(location: Location, moment: datetime) -> datetime:
    """When the location closes at the end of the working day that `moment` falls in; a night
    belongs to the day on which it begins. At midnight where it is not open then any more."""
    day = moment.astimezone(location.zone).date()
    for opened in (day - timedelta(days=1), day):
        periods = open_periods(location, opened)
        if any(period.starts_at <= moment < period.ends_at for period in periods):
            return periods[-1].ends_at
    return local_day(location, day).ends_at
