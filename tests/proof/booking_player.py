"""What the stateful test's rules stand on: wishes, answers, and what the oracle has of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from otto.scheduling.bookings import Booking, BookingRequest, MoveRequest, SchedulingError
from otto.scheduling.openings import Opening, OpeningLine
from otto.storage.errors import StoreUnavailable
from tests.proof.booking_oracle import Book, Line, Visit
from tests.proof.booking_stage import PHONES, Stage, slots
from tests.proof.strangers import BAD_WRITES, BadWrite

SERVICES = ("oil_change", "battery", "state_inspection", "diagnostic")
"""None of them needs bay 4, so it is always free for a stranger."""
STARTS = 12
"""A Tuesday morning: few enough that most wishes are in somebody's way."""


class Player(RuleBasedStateMachine):
    """Plays on a stage that outlives it. `strangers`: what is written past the product."""

    stage: Stage
    runner: asyncio.Runner
    strangers: Sequence[BadWrite] = BAD_WRITES

    def __init__(self) -> None:
        super().__init__()
        self.run(self.stage.begin())
        self.book = Book(self.stage.dealership)
        self.requests: list[tuple[BookingRequest, str]] = []
        self.count = 0
        self.starts = slots(self.stage.dealership, STARTS)

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    # Wishes

    def _request(self, who: int, services: Sequence[str], start: int, bay: int) -> BookingRequest:
        self.count += 1
        opening = self._opening(services, start, bay)
        return BookingRequest(
            *(f"key-{self.count}", opening, who, who, PHONES[who - 1], f"CA{self.count}"),
            caller=PHONES[who - 1],
        )

    def _opening(self, services: Sequence[str], start: int, bay: int) -> Opening:
        return self._opening_at(services, self.starts[start], bay)

    def _opening_at(self, services: Sequence[str], begins: datetime, bay: int) -> Opening:
        location, lines = self.stage.dealership.location("main"), []
        for code in services:
            service = self.stage.dealership.service(code)
            able = [each.id for each in location.bays if service.skill in each.skills]
            ends = begins + timedelta(minutes=service.duration_minutes)
            lines.append(OpeningLine(code, able[bay % len(able)], begins, ends, ends))
            begins = ends
        return Opening(location.id, lines[0].starts_at, lines[-1].ends_at, tuple(lines))

    def _any_visit(self, pick: int) -> Visit | None:
        """In the order in which they were made."""
        visits = list(self.book.visits.values())
        return visits[pick % len(visits)] if visits else None

    def _event_that_can_be_edited(self, pick: int) -> Visit | None:
        """Of a visit that has not begun, in one bay."""
        found = [self.book.visits[each] for each in self.book.standing()]
        found = [
            v
            for v in found
            if v.status == "booked" and len(v.lines) == 1 and v.starts_at > self.stage.now
        ]
        return found[pick % len(found)] if found else None

    def _move(self, visit: Visit, start: int, bay: int) -> MoveRequest:
        self.count += 1
        codes = [line.service_code for line in visit.lines]
        opening = self._opening(codes, start, bay)
        return MoveRequest(f"move-{self.count}", UUID(visit.id), visit.customer_id, opening)

    def _why_not_move(self, visit: Visit, wish: MoveRequest) -> set[str]:
        """None when it is where it is wanted already: then nothing is changed."""
        visit = self.book.visits[visit.id]
        if visit.status != "booked":
            return {visit.status if visit.status in ("arrived", "cancelled") else "over"}
        now = self.stage.now
        if visit.ends_at <= now:
            return {"over"}
        if visit.starts_at <= now:
            return {"begun"}
        if wish.opening.starts_at == visit.starts_at:
            return set()
        return self.book.why_not(
            wish.opening.service_codes,
            *(wish.opening.starts_at, visit.vehicle_id, now),
            moving=visit.id,
        )

    def _moved(self, visit: Visit, wish: MoveRequest, answer: Booking) -> None:
        assert (str(answer.appointment_id), answer.status) == (visit.id, "booked")
        assert answer.starts_at == wish.opening.starts_at
        moved = set(visit_of(answer).lines) - set(visit.lines)
        assert not any(map(self.book.is_blocked, moved)), "into staff's own time"
        self.book.put(visit_of(answer), self.stage.now)

    def _answer(self, asked: Any) -> Booking | SchedulingError:
        try:
            booking: Booking = self.run(asked)
        except SchedulingError as error:
            return error
        return booking

    def _settle(self, request: BookingRequest) -> None:
        """Book, until there is an answer, and compare it with what may be."""
        reasons = self._why_not(request)
        for _ in range(3):
            try:
                booking = self.run(self.stage.service.book(request))
            except StoreUnavailable:
                continue
            except SchedulingError as error:
                assert error.code in reasons, (error.code, reasons)
                return
            assert not reasons, f"booked although {reasons}"
            self._put(request, booking)
            return
        raise AssertionError("there was no answer")

    def _refusal(self, request: BookingRequest) -> str:
        try:
            self.run(self.stage.service.book(request))
        except SchedulingError as error:
            return error.code
        return ""

    def _why_not(self, request: BookingRequest) -> set[str]:
        opening, vehicle = request.opening, request.vehicle_id
        assert vehicle is not None
        return self.book.why_not(
            *(opening.service_codes, opening.starts_at, vehicle, self.stage.now),
            call=request.call_sid,
        )

    def _put(self, request: BookingRequest, booking: Booking) -> None:
        opening = request.opening
        assert booking.starts_at == opening.starts_at
        assert booking.service_codes == opening.service_codes
        visit = visit_of(booking)
        assert not any(map(self.book.is_blocked, visit.lines)), "into staff's own time"
        self.book.put(visit, self.stage.now, request.call_sid)
        self.requests.append((request, visit.id))


def visit_of(booking: Booking) -> Visit:
    """What an answer says, as the oracle has it."""
    assert booking.vehicle_id is not None
    lines = tuple(
        Line(line.service_code, line.bay_id, line.starts_at, line.ends_at, line.free_at)
        for line in booking.lines
    )
    appointment = str(booking.appointment_id)
    return Visit(appointment, booking.customer_id, booking.vehicle_id, booking.status, lines)
