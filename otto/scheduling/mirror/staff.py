"""What staff want, asked for as a caller's wish is: in one transaction, validated, written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Bay, Location
from otto.language.spoken_times import describe_start
from otto.scheduling.bookings import BookingRefused, CancelReason, CancelRequest, MoveRequest
from otto.scheduling.changes.appointments import lines_of
from otto.scheduling.confirmation import confirmation_code
from otto.scheduling.hours import Period
from otto.scheduling.mirror.meaning import BookedLine
from otto.scheduling.openings import Opening
from otto.scheduling.service import CalendarService
from otto.storage.clock import NOW
from otto.storage.tables import AppointmentChangeRow, AppointmentRow, CallbackRow, CustomerRow

_log = structlog.get_logger()

CALLED_FOR = timedelta(days=7)
"""How long ago a deletion may be for a callback to be written that is not there yet."""


class StaffDesk:
    """`follow.Desk`, over the location's booking rules."""

    def __init__(self, engine: AsyncEngine, location: Location, service: CalendarService) -> None:
        self._engine = engine
        self._location = location
        self._service = service

    async def move(self, line: BookedLine, bay: Bay, period: Period, key: str) -> None:
        """The line to that bay and time, the visit's other lines as they are. Raises
        `SchedulingError`."""
        async with self._engine.connect() as connection:
            work = await lines_of(connection, line.appointment_id)
        moved = tuple(
            replace(
                one.work,
                bay_id=bay.id,
                starts_at=period.starts_at,
                ends_at=period.ends_at,
                free_at=period.ends_at + (one.work.free_at - one.work.ends_at),
            )
            if one.event_id == line.event_id
            else one.work
            for one in work
        )
        if not moved:
            raise BookingRefused("unknown_appointment", "I could not find that appointment.")
        lines = tuple(sorted(moved, key=lambda one: one.starts_at))
        opening = Opening(self._location.id, lines[0].starts_at, lines[-1].ends_at, lines)
        await self._service.reschedule(
            MoveRequest(key, line.appointment_id, None, opening, actor="staff")
        )

    async def cancel(self, line: BookedLine, key: str) -> None:
        """The whole visit. Raises `SchedulingError`."""
        await self._service.cancel(
            CancelRequest(
                key, line.appointment_id, None, reason=CancelReason.EVENT_DELETED, actor="staff"
            )
        )

    async def ask_for_calls(self) -> int:
        """Have everybody called whose appointment was cancelled by deleting its event; returns for
        how many that is new. Asks the history, so that none is forgotten."""
        async with self._engine.begin() as connection:
            return await _ask_for_calls(connection, self._location)


async def _ask_for_calls(connection: AsyncConnection, location: Location) -> int:
    change, head, customer = AppointmentChangeRow, AppointmentRow, CustomerRow
    cancelled = (
        select(change.appointment_id, change.at, head.starts_at, customer.phone)
        .join(head, head.id == change.appointment_id)
        .join(customer, customer.id == head.customer_id)
        .where(
            change.action == "cancelled",
            change.reason == CancelReason.EVENT_DELETED.value,
            change.at > NOW - CALLED_FOR,
            head.location_id == location.id,
            head.status == "cancelled",
        )
    )
    rows = [
        {
            "key": f"calendar:deleted:{row.appointment_id}",
            "location_id": location.id,
            "phone": row.phone,
            "reason": (
                f"Appointment {confirmation_code(row.appointment_id)} on"
                f" {describe_start(row.starts_at, location.zone)} was deleted from the calendar:"
                " call them, and offer another time."
            ),
        }
        for row in await connection.execute(cancelled)
    ]
    if not rows:
        return 0
    added = insert(CallbackRow).values(rows).on_conflict_do_nothing(index_elements=["key"])
    new = len((await connection.execute(added.returning(CallbackRow.id))).all())
    if new:
        _log.warning("calendar_event_deleted", callbacks=new)
    return new
