"""Openings and bookings of one location, over PostgreSQL.

A booking is one transaction: the appointment and the outbox rows that will tell Google and the
customer. Whether a bay is free is decided by the exclusion constraint on (bay, time) and nothing
else; whether a vehicle is, by the one on (vehicle, time); whether a request is a repeat, by its
idempotency key. All are met with `INSERT … ON CONFLICT DO NOTHING`, which waits for a competitor's
transaction instead of deadlocking with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import stamina
import structlog
from sqlalchemy import false, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.dealership import Bay, Dealership, Service
from config.limits import LimitSettings
from otto.scheduling.announcing import calendar_row, confirmation
from otto.scheduling.appointments import (
    as_booking,
    booking_columns,
    in_the_way,
    is_transient,
    storable_request,
    take,
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
    utc_now,
)
from otto.scheduling.hours import Period, local_day, periods_reaching
from otto.scheduling.messages import Visitor
from otto.scheduling.openings import (
    Opening,
    OpeningsQuery,
    compute_openings,
    fits_day,
    rank_bays,
    spread,
    starts_within,
)
from otto.scheduling.text_rules import Standing, TextRules
from otto.scheduling.texts import write_text
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

SEARCH_DAYS = 14
"""How many days of appointments are read at once while looking for openings."""
NOTICE_GRACE = timedelta(minutes=10)
"""A caller may take this long to decide on an opening that was offered at the last minute."""
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
        service = self._service(query.service_code)
        bays = rank_bays(self._location.bays, service.skill)
        now = self._clock()
        today = now.astimezone(self._location.zone).date()
        last = today + timedelta(days=self._location.horizon_days)
        day = max(query.from_date or today, today)
        if query.to_date is not None:
            last = min(last, query.to_date)

        found: list[Opening] = []
        days_with_openings = 0
        busy: dict[str, list[Period]] = {}
        away: list[Period] = []
        known_until = day
        # Enough days to choose from, no more: "as soon as possible" reads two weeks, not two
        # months.
        while day <= last and days_with_openings < query.limit:
            if day >= known_until:
                known_until = min(day + timedelta(days=SEARCH_DAYS), last + timedelta(days=1))
                # A night may reach into the day after.
                busy, away = await self._busy(day, known_until, query.vehicle_id)
            openings = compute_openings(
                location_id=self._location.id,
                service_code=service.code,
                bays=bays,
                busy=busy,
                open_periods=periods_reaching(self._location, day),
                duration=timedelta(minutes=service.duration_minutes),
                step=timedelta(minutes=self._location.slot_minutes),
                not_before=now + timedelta(minutes=self._location.min_notice_minutes),
            )
            fitting = [
                one
                for one in openings
                if one.starts_at.astimezone(self._location.zone).date() == day
                and fits_day(one, query, self._location.zone)
                and not any(Period(one.starts_at, one.ends_at).overlaps(each) for each in away)
            ]
            found += fitting
            days_with_openings += bool(fitting)
            day += timedelta(days=1)
        return spread(found, query.limit, self._location.zone)

    @guarded
    async def appointments_of(self, customer_id: int) -> tuple[Booking, ...]:
        """The customer's booked appointments that are not over yet, soonest first."""
        wanted = (
            booking_columns()
            .where(
                AppointmentRow.customer_id == customer_id,
                AppointmentRow.location_id == self._location.id,
                AppointmentRow.status == "booked",
                AppointmentRow.ends_at > self._clock(),
            )
            .order_by(AppointmentRow.starts_at)
        )
        async with self._engine.connect() as connection:
            found = [as_booking(row) for row in await connection.execute(wanted)]
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
            existing, others = await self._in_the_way(connection, request)
            if existing is not None:
                return await with_text(connection, existing), False
            service, bays = self._validate(request.opening)
            self._refuse_second(request, others)
            taken = {booking.bay_id for booking in others}
            free = [bay for bay in bays if bay.id not in taken]
            if not free:
                raise SlotTaken
            visitor = await visitor_of(connection, request)
            for bay in free:
                booking = await take(connection, request, bay)
                if booking is not None:
                    booking = await self._announce(
                        connection, request, booking, service, bay, visitor
                    )
                    progress.at_commit = True
                    return booking, True
                # Nothing was inserted: the bay or the vehicle is taken, or a twin of this request
                # was faster.
                existing, others = await self._in_the_way(connection, request)
                if existing is not None:
                    return await with_text(connection, existing), False
                self._refuse_second(request, others)
        raise SlotTaken

    async def _in_the_way(
        self, connection: AsyncConnection, request: BookingRequest
    ) -> tuple[Booking | None, list[Booking]]:
        return await in_the_way(connection, request, [bay.id for bay in self._location.bays])

    def _refuse_second(self, request: BookingRequest, others: Iterable[Booking]) -> None:
        wanted = (request.customer_id, request.vehicle_id)
        for other in others:
            # A stranger's vehicle is refused in other words: of theirs nothing is told.
            if request.vehicle_id and (other.customer_id, other.vehicle_id) == wanted:
                raise VehicleBooked(other.starts_at, self._location.zone)

    async def _announce(
        self,
        connection: AsyncConnection,
        request: BookingRequest,
        booking: Booking,
        service: Service,
        bay: Bay,
        visitor: Visitor,
    ) -> Booking:
        """What a new booking brings with it in its transaction: it is counted (and undone when
        there are too many), and the world is to be told."""
        limits = await self._booking_limits(connection, request)
        if not await count(connection, request.idempotency_key, limits):
            _log.warning("too_many_bookings", call_sid=request.call_sid)
            raise BookingRefused("too_many", TOO_MANY)
        row = calendar_row(self._location, request, booking, service, bay, visitor)
        await connection.execute(insert(OutboxRow), [row])
        text = confirmation(self._dealership.name, self._location, request, booking, service)
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

    def _validate(self, opening: Opening) -> tuple[Service, tuple[Bay, ...]]:
        """Check the opening against today's rules, as if it came from a stranger. Returns the
        service and the bays to try, the opening's own first."""
        service = self._service(opening.service_code)
        bays = rank_bays(self._location.bays, service.skill)
        if opening.location_id != self._location.id or opening.bay_id not in {b.id for b in bays}:
            raise BookingRefused("wrong_bay", "That appointment cannot be done there.")
        if opening.ends_at - opening.starts_at != timedelta(minutes=service.duration_minutes):
            raise BookingRefused("wrong_duration", "That opening is no longer valid.")
        now = self._clock()
        notice = timedelta(minutes=self._location.min_notice_minutes)
        if opening.starts_at < now + max(notice - NOTICE_GRACE, timedelta()):
            raise BookingRefused("too_soon", "I am sorry, that time is too soon to book by now.")
        day = opening.starts_at.astimezone(self._location.zone).date()
        today = now.astimezone(self._location.zone).date()
        if day > today + timedelta(days=self._location.horizon_days):
            raise BookingRefused("too_far", "I cannot book that far ahead.")
        duration = timedelta(minutes=service.duration_minutes)
        step = timedelta(minutes=self._location.slot_minutes)
        if not any(
            opening.starts_at in starts_within(period, duration, step)
            for period in periods_reaching(self._location, day)
        ):
            raise BookingRefused("outside_hours", "The service department is closed at that time.")
        return service, tuple(sorted(bays, key=lambda bay: bay.id != opening.bay_id))

    def _service(self, code: str) -> Service:
        try:
            return self._dealership.service(code)
        except KeyError:
            raise SchedulingError("unknown_service", "We do not offer that service.") from None

    async def _busy(
        self, first: date, last: date, vehicle_id: int | None
    ) -> tuple[dict[str, list[Period]], list[Period]]:
        """Taken periods by bay, and those of the vehicle in whichever bay, from the start of the
        first local day to the end of the last."""
        bay_ids = [bay.id for bay in self._location.bays]
        columns = AppointmentRow.bay_id, AppointmentRow.vehicle_id
        taken = select(*columns, AppointmentRow.starts_at, AppointmentRow.ends_at).where(
            or_(
                AppointmentRow.bay_id.in_(bay_ids),
                false() if vehicle_id is None else AppointmentRow.vehicle_id == vehicle_id,
            ),
            AppointmentRow.status == "booked",
            AppointmentRow.starts_at < local_day(self._location, last).ends_at,
            AppointmentRow.ends_at > local_day(self._location, first).starts_at,
        )
        busy: dict[str, list[Period]] = {}
        away = []
        async with self._engine.connect() as connection:
            for bay_id, whose, starts_at, ends_at in await connection.execute(taken):
                busy.setdefault(bay_id, []).append(Period(starts_at, ends_at))
                if vehicle_id is not None and whose == vehicle_id:
                    away.append(Period(starts_at, ends_at))
        return busy, away
