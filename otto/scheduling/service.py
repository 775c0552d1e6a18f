"""Openings and bookings of one location, over PostgreSQL.

A booking is one transaction: the appointment with its lines, and the outbox rows that will tell
Google and the customer. Whether a bay is free is decided by the exclusion constraint on (bay, time)
and nothing else; whether a vehicle is, by the one on (vehicle, time); whether a request is a
repeat, by its idempotency key. All are met with `INSERT … ON CONFLICT DO NOTHING`, which waits for
a competitor's transaction instead of deadlocking with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import stamina
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Dealership
from config.limits import LimitSettings
from otto.scheduling.announcing import calendar_rows, confirmation
from otto.scheduling.appointments import (
    KEY_REUSED,
    STANDS,
    Obstacle,
    booked_before,
    bookings,
    in_the_way,
    insert_appointment,
    insert_lines,
    is_transient,
    storable_request,
    visitor_of,
    with_text,
)
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    SchedulingError,
    SlotTaken,
    VehicleBooked,
    state_of,
    utc_now,
    wish_of,
)
from otto.scheduling.hours import Period
from otto.scheduling.messages import Visitor
from otto.scheduling.openings import Opening, OpeningLine, OpeningsQuery
from otto.scheduling.search import search
from otto.scheduling.text_rules import Standing, TextRules
from otto.scheduling.texts import write_text
from otto.scheduling.validation import CheckedLine, checked
from otto.storage.appointment_changes import Change, record_changes
from otto.storage.errors import StoreUnavailable
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.limits import Limit, count
from otto.storage.number_hash import hash_number
from otto.storage.tables import AppointmentRow, OutboxRow
from otto.storage.values import is_refused

__all__ = [
    "Booking",
    "BookingRefused",
    "BookingRequest",
    "CalendarService",
    "SchedulingError",
    "SlotTaken",
    "VehicleBooked",
    "utc_now",
]

_log = structlog.get_logger()

BOOK_ATTEMPTS = 3
BOOK_TIMEOUT_S = 6.0
TOO_MANY = (
    "I am sorry, I cannot book any more appointments. The service desk can help you with that."
)

UNUSABLE = "I am sorry, these details cannot be put into our book."


@dataclass(slots=True)
class _Progress:
    """How far a booking has come."""

    at_commit: bool = False
    """A commit was sent: from then on, no answer does not mean no booking."""


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
        self._dealership = dealership
        self._location = dealership.location(location_id)
        self._clock = clock
        self._after_commit = after_commit
        self._guard = guard or DatabaseGuard()
        self._limits = limits or LimitSettings()
        self._text_rules = TextRules.of(dealership, self._location, self._limits, lines)

    # Asking

    @guarded
    async def find_openings(self, query: OpeningsQuery) -> tuple[Opening, ...]:
        """Up to `query.limit` openings with distinct starts, in order; the first one available is
        always among them. Raises `SchedulingError` for an unknown service."""
        async with self._engine.connect() as connection:
            return await search(connection, query, self._dealership, self._location, self._clock())

    @guarded
    async def appointments_of(self, customer_id: int) -> tuple[Booking, ...]:
        """The customer's appointments that are not over yet, soonest first."""
        theirs = (
            (AppointmentRow.customer_id == customer_id)
            & (AppointmentRow.location_id == self._location.id)
            & STANDS
            & (AppointmentRow.ends_at > self._clock())
        )
        async with self._engine.connect() as connection:
            found = await bookings(connection, theirs)
            return tuple([await with_text(connection, booking) for booking in found])

    # Booking

    async def book(self, request: BookingRequest) -> Booking:
        """Take the opening, or another bay at the same time when its own is gone.

        A repeat with the same key returns the first booking, with the `status` it has by now. Lost
        connections are retried here: the key makes that safe. Raises `SlotTaken`, `VehicleBooked`
        or `BookingRefused`; `StoreUnavailable` within the guard's deadline, which then says
        whether the booking may stand all the same.
        """
        progress, request = _Progress(), storable_request(request)
        try:
            booking, is_new = await self._guard.run(
                lambda: self._book_patiently(request, progress), attempts=1
            )
        except StoreUnavailable as away:
            raise StoreUnavailable(away.reason, outcome_unknown=progress.at_commit) from None
        except DBAPIError as error:
            if not is_refused(error):
                raise
            # Its own text would hold the details.
            _log.warning("booking_refused", reason=type(error.orig).__name__)
            raise BookingRefused("unusable", UNUSABLE) from None
        if is_new:
            _log.info(
                "appointment_booked",
                appointment_id=str(booking.appointment_id),
                bay_id=booking.bay_id,
                call_sid=request.call_sid,
            )
            if self._after_commit is not None:
                self._after_commit()
        return booking

    async def _book_patiently(
        self, request: BookingRequest, progress: _Progress
    ) -> tuple[Booking, bool]:
        async for attempt in stamina.retry_context(
            on=is_transient,
            attempts=BOOK_ATTEMPTS,
            timeout=BOOK_TIMEOUT_S,
            wait_initial=0.05,
            wait_max=0.5,
            wait_jitter=0.05,
        ):
            with attempt:
                booking, is_new = await self._book_once(request, progress)
        # By a retry it may be found instead of made; it is new all the same.
        return booking, is_new or progress.at_commit

    async def _book_once(
        self, request: BookingRequest, progress: _Progress
    ) -> tuple[Booking, bool]:
        async with self._engine.begin() as connection:
            # One look settles most of a rush: 200 callers after one opening cost 200 selects.
            obstacles = await self._in_the_way(connection, request)
            if (before := _repeated(obstacles)) is not None:
                return await booked_before(connection, before, request), False
            lines = checked(request.opening, self._dealership, self._location, self._clock())
            places = self._places(lines, obstacles)
            visitor = await visitor_of(connection, request.customer_id, request.vehicle_id)
            appointment_id = uuid.uuid4()
            if not await insert_appointment(connection, appointment_id, request):
                # A twin of this request was faster.
                twin = _repeated(await self._in_the_way(connection, request))
                if twin is None:
                    raise SlotTaken
                return await booked_before(connection, twin, request), False
            # Each time that nothing was inserted, somebody has just taken one bay more.
            for _ in range(len(self._location.bays)):
                work = [(line, uuid.uuid4().hex) for line in places]
                if await insert_lines(
                    connection, appointment_id, self._location.id, request.vehicle_id, work
                ):
                    booking = Booking(
                        appointment_id,
                        self._location.id,
                        request.customer_id,
                        request.vehicle_id,
                        request.opening.starts_at,
                        request.opening.ends_at,
                        places,
                    )
                    booking = await self._announce(connection, request, booking, work, visitor)
                    progress.at_commit = True
                    return booking, True
                places = self._places(lines, await self._in_the_way(connection, request))
        raise SlotTaken

    async def _in_the_way(
        self, connection: AsyncConnection, request: BookingRequest
    ) -> tuple[Obstacle, ...]:
        return await in_the_way(
            connection,
            request.opening,
            [bay.id for bay in self._location.bays],
            key=request.idempotency_key,
            customer_id=request.customer_id,
            vehicle_id=request.vehicle_id,
        )

    def _places(
        self, lines: Iterable[CheckedLine], obstacles: Sequence[Obstacle]
    ) -> tuple[OpeningLine, ...]:
        """The lines, each in the first of its bays that seems to be free. Raises `SlotTaken` and
        `VehicleBooked`."""
        places = []
        for checked_line in lines:
            line = checked_line.line
            work, use = Period(line.starts_at, line.ends_at), Period(line.starts_at, line.free_at)
            for other in obstacles:
                if other.kind == "vehicle" and other.period.overlaps(work):
                    raise VehicleBooked(other.period.starts_at, self._location.zone)
            taken = {
                other.bay_id
                for other in obstacles
                if other.kind == "bay" and other.period.overlaps(use)
            }
            bay = next((bay for bay in checked_line.bays if bay.id not in taken), None)
            if bay is None:
                raise SlotTaken
            places.append(replace(line, bay_id=bay.id))
        return tuple(places)

    async def _announce(
        self,
        connection: AsyncConnection,
        request: BookingRequest,
        booking: Booking,
        work: Sequence[tuple[OpeningLine, str]],
        visitor: Visitor,
    ) -> Booking:
        """What a new booking brings with it in its transaction: it is counted (and undone when
        there are too many), written down, and the world is to be told."""
        limits = await self._booking_limits(connection, request)
        if not await count(connection, request.idempotency_key, limits):
            _log.warning("too_many_bookings", call_sid=request.call_sid)
            raise BookingRefused("too_many", TOO_MANY)
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
        rows = calendar_rows(
            self._dealership, self._location, booking, work, visitor, request.notes
        )
        await connection.execute(insert(OutboxRow), rows)
        text = confirmation(self._dealership, self._location, request, booking)
        decided = await write_text(connection, text, self._text_rules, self._limits)
        return replace(booking, is_texted=isinstance(decided, Standing))

    async def _booking_limits(
        self, connection: AsyncConnection, request: BookingRequest
    ) -> list[Limit]:
        limits = self._limits
        numbers = {"from": request.caller, "for": request.customer_phone}
        subjects = {
            f"{which} {await hash_number(connection, number)}": limits.bookings_per_number
            for which, number in numbers.items()
            if number
        }
        if request.call_sid is not None:
            subjects[f"call {request.call_sid}"] = limits.bookings_per_call
        return [
            Limit("booking", subject, at_most, limits.window_s)
            for subject, at_most in subjects.items()
        ]


def _repeated(obstacles: Iterable[Obstacle]) -> uuid.UUID | None:
    return next((other.appointment_id for other in obstacles if other.kind == "key"), None)
