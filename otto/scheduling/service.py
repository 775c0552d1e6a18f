"""Openings and bookings of one location, over PostgreSQL.

A change is one transaction: the appointment with its lines, its history, and the outbox rows that
will tell Google and the customer. Whether a bay is free is decided by the exclusion constraint on
(bay, time) and nothing else; whether a vehicle is, by the one on (vehicle, time); whether a request
is a repeat, by its idempotency key. All are met with `INSERT … ON CONFLICT DO NOTHING`, which waits
for a competitor's transaction instead of deadlocking with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from config.clock import utc_now
from config.dealership import Dealership
from config.limits import LimitSettings
from otto.scheduling.availability.holds import note_offers, release_holds
from otto.scheduling.availability.search import search
from otto.scheduling.availability.taken import STANDS
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    CancelRequest,
    HoldRequest,
    Mark,
    MoveRequest,
    SchedulingError,
    SlotTaken,
    VehicleBooked,
)
from otto.scheduling.changes.appointments import bookings, with_text
from otto.scheduling.changes.booking import book_once
from otto.scheduling.changes.changing import cancel_once, move_once
from otto.scheduling.changes.holding import hold_once
from otto.scheduling.changes.marking import ENDED_AT_ONCE, end_what_is_over, mark_once
from otto.scheduling.changes.transactions import Transactions
from otto.scheduling.changes.writing import storable_query, storable_request, storable_wish
from otto.scheduling.desk import Desk
from otto.scheduling.hours import local_day
from otto.scheduling.openings import Openings, OpeningsQuery
from otto.scheduling.texts.rules import TextRules
from otto.storage.appointment_terms import Actor
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.tables import AppointmentRow

__all__ = [
    "Booking",
    "BookingRefused",
    "BookingRequest",
    "CalendarService",
    "SchedulingError",
    "SlotTaken",
    "VehicleBooked",
]

_log = structlog.get_logger()


class CalendarService:
    """The booking rules of one location. Holds no state: any number may work at once.

    `after_commit` is called after each new booking, to wake the outbox's worker. `lines` are the
    numbers that Otto answers.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        dealership: Dealership,
        location_id: str,
        clock: Callable[[], datetime] = utc_now,
        *,
        after_commit: Callable[[], None] | None = None,
        guard: DatabaseGuard | None = None,
        limits: LimitSettings | None = None,
        lines: Iterable[str] = (),
    ) -> None:
        self._engine = engine
        self._guard = guard or DatabaseGuard()
        location, limits = dealership.location(location_id), limits or LimitSettings()
        text_rules = TextRules.of(dealership, location, limits, lines)
        self._desk = Desk(dealership, location, clock, limits, text_rules)
        self._transactions = Transactions(engine, self._guard, after_commit)

    # Asking

    @guarded
    async def find_openings(self, query: OpeningsQuery) -> Openings:
        """Up to `query.limit` openings with distinct starts, best first, and what stands against
        the wish. What a call is offered is written down, to steer others elsewhere. Raises
        `SchedulingError` for services that are not offered, or are too many."""
        desk, query = self._desk, storable_query(query)
        now = desk.clock()
        async with self._engine.begin() as connection:
            found = await search(connection, query, desk.dealership, desk.location, now)
            if query.call_sid is not None:
                await note_offers(connection, found.openings, query.call_sid, now)
            return found

    @guarded
    async def appointments_of(self, customer_id: int) -> tuple[Booking, ...]:
        """The customer's appointments that are not over yet, soonest first."""
        theirs = (
            (AppointmentRow.customer_id == customer_id)
            & (AppointmentRow.location_id == self._desk.location.id)
            & STANDS
            & (AppointmentRow.ends_at > self._desk.clock())
        )
        async with self._engine.connect() as connection:
            found = await bookings(connection, theirs)
            return tuple([await with_text(connection, booking) for booking in found])

    @guarded
    async def appointments_on(self, first: date, last: date) -> tuple[Booking, ...]:
        """All appointments that begin on these local days, both included, whatever has become of
        them, soonest first; without those whose customer was erased."""
        location = self._desk.location
        begin = AppointmentRow.starts_at
        wanted = (
            (AppointmentRow.location_id == location.id)
            & AppointmentRow.customer_id.is_not(None)
            & (begin >= local_day(location, first).starts_at)
            & (begin < local_day(location, last).ends_at)
        )
        async with self._engine.connect() as connection:
            return await bookings(connection, wanted)

    # Holding

    @guarded
    async def hold(self, request: HoldRequest) -> datetime:
        """Hold the opening for the call, in place of what was held for it before; until when.
        Raises `SlotTaken` or `BookingRefused`; then what was held before still is."""
        async with self._engine.begin() as connection:
            return await hold_once(connection, self._desk, request)

    @guarded
    async def release_hold(self, call_sid: str) -> None:
        """Let go of what is held for the call, if anything is."""
        async with self._engine.begin() as connection:
            await release_holds(connection, call_sid)

    # Changing

    async def book(self, request: BookingRequest) -> Booking:
        """Take the opening, or another bay at the same time when its own is gone.

        A repeat with the same key returns the first booking as it stands by now. Raises
        `SlotTaken`, `VehicleBooked` or `BookingRefused`; `StoreUnavailable` within the guard's
        deadline, which then says whether the booking may stand all the same.
        """
        request = storable_request(request)
        booking, is_new = await self._transactions.run(
            lambda connection: book_once(connection, self._desk, request)
        )
        if is_new:
            _note("appointment_booked", booking, call_sid=request.call_sid)
        return booking

    async def reschedule(self, request: MoveRequest) -> Booking:
        """Move an appointment to the opening, which may overlap its own old time; it keeps its id
        and its confirmation code. Repeats and errors as of `book`; a repeat answers with what
        stands by now, which may be another time or a cancelled appointment.
        """
        request = storable_wish(request)
        booking, is_new = await self._transactions.run(
            lambda connection: move_once(connection, self._desk, request)
        )
        if is_new:
            _note("appointment_moved", booking, call_sid=request.call_sid, actor=request.actor)
        return booking

    async def cancel(self, request: CancelRequest) -> Booking:
        """Cancel an appointment; one that is cancelled already stays so. Errors as of `book`."""
        request = storable_wish(request)
        booking, is_new = await self._transactions.run(
            lambda connection: cancel_once(connection, self._desk, request)
        )
        if is_new:
            _note("appointment_cancelled", booking, call_sid=request.call_sid, actor=request.actor)
        return booking

    async def mark(self, appointment_id: uuid.UUID, mark: Mark, actor: Actor = "staff") -> Booking:
        """Write down that a customer has arrived, was served, or did not come. The same mark again
        changes nothing. Raises `BookingRefused`, `SlotTaken` and `StoreUnavailable`."""
        booking, is_new = await self._transactions.run(
            lambda connection: mark_once(connection, self._desk, appointment_id, mark, actor)
        )
        if is_new:
            _note("appointment_marked", booking, mark=mark, actor=actor)
        return booking

    @guarded
    async def end_what_is_over(self) -> int:
        """End what has passed without a mark; how many appointments. Raises `StoreUnavailable`."""
        ended = 0
        while True:
            async with self._engine.begin() as connection:
                now = self._desk.clock()
                found = await end_what_is_over(connection, self._desk.location, now)
            ended += sum(found.values())
            if sum(found.values()) < ENDED_AT_ONCE:
                return ended


def _note(event: str, booking: Booking, **more: object) -> None:
    _log.info(event, appointment_id=str(booking.appointment_id), bay_id=booking.bay_id, **more)
