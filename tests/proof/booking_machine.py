"""Any sequence of what may befall a location's book, told to the product and to the oracle."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from otto.scheduling.bookings import (
    Booking,
    CancelRequest,
    HoldRequest,
    Mark,
    SchedulingError,
)
from otto.scheduling.openings import Opening, OpeningLine
from otto.storage.errors import StoreUnavailable
from tests.proof.booking_oracle import Line
from tests.proof.booking_player import SERVICES, STARTS, Player, visit_of
from tests.proof.strangers import BadWrite

IMPATIENT_S = 0.2
NEVER = b"\0never\0"
GOOGLE_FAULTS = ("fail", "drop", "refuse")

picks = st.integers(0, 1_000_000)
"""Which one of what there is. Races end in one way or the other, and a choice from what they left
would be another strategy each time."""
people = st.integers(1, 3)
calls = st.sampled_from(["CA-one", "CA-two"])
starts = st.integers(0, STARTS - 1)
work = st.lists(st.sampled_from(SERVICES), min_size=1, max_size=2, unique=True)


class BookingMachine(Player):
    """Its rules may come in any order. Each tells the product, and compares what it answers with
    what the oracle says may be."""

    # What callers do

    @rule(who=people, services=work, start=starts, bay=st.integers(0, 3))
    def book_it(self, who: int, services: list[str], start: int, bay: int) -> None:
        self._settle(self._request(who, services, start, bay))

    @rule(who=people, start=starts)
    def book_and_lose_the_answer(self, who: int, start: int) -> None:
        """The commit arrives, its answer does not: the key tells."""
        self.stage.wire.cut_after(b"COMMIT")
        self._settle(self._request(who, ["oil_change"], start, 0))
        self.stage.wire.cut_after(NEVER)

    @rule(who=people, start=starts)
    def book_while_the_database_is_away(self, who: int, start: int) -> None:
        request = self._request(who, ["oil_change"], start, 0)
        self.run(self.stage.wire.refuse())
        with suppress(StoreUnavailable):
            self.run(self.stage.serve_for(IMPATIENT_S).book(request))
            raise AssertionError("nobody can book without a database")
        self.run(self.stage.wire.mend())
        self._settle(request)

    @rule(start=starts, services=work, whose=st.lists(people, min_size=2, max_size=4))
    def book_at_once(self, start: int, services: list[str], whose: list[int]) -> None:
        """Several callers in the same instant, some for the same vehicle."""
        requests = [self._request(who, services, start, 0) for who in whose]

        async def all_of_them() -> list[Any]:
            wishes = (self.stage.service.book(each) for each in requests)
            return await asyncio.gather(*wishes, return_exceptions=True)

        answers = self.run(all_of_them())
        before = [self._why_not(each) for each in requests]
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(answer, Booking):
                self._put(request, answer)  # fails when it cannot be
        for request, reasons, answer in zip(requests, before, answers, strict=True):
            if not isinstance(answer, Booking):
                assert isinstance(answer, SchedulingError), answer
                # Somebody had it before, or has it by now.
                assert answer.code in reasons | self._why_not(request), (answer.code, reasons)

    @rule(pick=picks)
    def ask_again(self, pick: int) -> None:
        """A repeat under its key is the same booking, whatever has become of it."""
        if not self.requests:
            return
        request, appointment = self.requests[pick % len(self.requests)]
        again = self.run(self.stage.service.book(request))
        assert str(again.appointment_id) == appointment
        assert again.status == self.book.visits[appointment].status

    @rule(pick=picks, who=people)
    def ask_for_something_else_under_the_key(self, pick: int, who: int) -> None:
        if not self.requests:
            return
        request, _ = self.requests[pick % len(self.requests)]
        if who == request.customer_id:
            return
        stolen = replace(request, customer_id=who, vehicle_id=who)
        assert self._refusal(stolen) == "key_reused"

    @rule(pick=picks, start=starts, bay=st.integers(0, 3))
    def move_it(self, pick: int, start: int, bay: int) -> None:
        """Also onto its own old time, and when it is over or gone."""
        if (visit := self._any_visit(pick)) is None:
            return
        wish = self._move(visit, start, bay)
        reasons = self._why_not_move(visit, wish)
        answer = self._answer(self.stage.service.reschedule(wish))
        if isinstance(answer, SchedulingError):
            assert answer.code in reasons, (answer.code, reasons)
            return
        assert not reasons, f"moved although {reasons}"
        self._moved(visit, wish, answer)
        again = self.run(self.stage.service.reschedule(wish))
        assert visit_of(again) == self.book.visits[visit.id]

    @rule(pick=picks, start=starts, who=people)
    def move_and_book_at_once(self, pick: int, start: int, who: int) -> None:
        """The booking wants what the move wants, or what it leaves."""
        standing = self.book.standing()
        if not standing:
            return
        visit = self.book.visits[standing[pick % len(standing)]]
        wish = self._move(visit, start, 0)
        there = wish.opening.starts_at
        if pick % 2 and visit.starts_at in self.starts:  # staff may have moved it off the grid
            there = visit.starts_at
        codes = [line.service_code for line in visit.lines]
        request = self._request(who, codes, start, 0)
        request = replace(request, opening=self._opening_at(codes, there, 0))
        reasons = self._why_not_move(visit, wish), self._why_not(request)

        async def both() -> list[Any]:
            service = self.stage.service
            return await asyncio.gather(
                service.reschedule(wish), service.book(request), return_exceptions=True
            )

        moved, booked = self.run(both())
        if isinstance(moved, Booking):
            self._moved(visit, wish, moved)
        if isinstance(booked, Booking):
            self._put(request, booked)
        for answer, before, after in (
            (moved, reasons[0], lambda: self._why_not_move(visit, wish)),
            (booked, reasons[1], lambda: self._why_not(request)),
        ):
            if not isinstance(answer, Booking):
                assert isinstance(answer, SchedulingError), answer
                assert answer.code in before | after(), (answer.code, before)

    @rule(pick=picks)
    def cancel_it(self, pick: int) -> None:
        if (visit := self._any_visit(pick)) is None:
            return
        self.count += 1
        wish = CancelRequest(f"cancel-{self.count}", UUID(visit.id), visit.customer_id)
        answer = self._answer(self.stage.service.cancel(wish))
        over = visit.status in ("completed", "no_show") or visit.ends_at <= self.stage.now
        if isinstance(answer, SchedulingError):
            assert over or visit.status == "arrived", answer.code
            return
        assert visit.status == "cancelled" or not over
        self.book.end(visit.id, "cancelled")
        assert self.run(self.stage.service.cancel(wish)).status == "cancelled"

    @rule(pick=picks, mark=st.sampled_from(["arrived", "completed", "no_show"]))
    def staff_mark_it(self, pick: int, mark: Mark) -> None:
        if (visit := self._any_visit(pick)) is None:
            return
        answer = self._answer(self.stage.service.mark(UUID(visit.id), mark))
        if isinstance(answer, SchedulingError):
            assert answer.code in ("too_early", "cancelled", "taken"), answer.code
            assert (answer.code == "cancelled") == (visit.status == "cancelled")
            return
        assert visit.status != "cancelled"
        self.book.put(replace(visit, status=mark), self.stage.now)

    @rule()
    def what_is_over_ends(self) -> None:
        self.run(self.stage.service.end_what_is_over())
        for each in self.book.standing():
            if self.book.visits[each].ends_at <= self.stage.now:
                self.book.end(each, "completed")

    @rule(call=calls, services=work, start=starts, bay=st.integers(0, 3))
    def hold_it(self, call: str, services: list[str], start: int, bay: int) -> None:
        """One a call; what was held before stays when it cannot be."""
        opening, now = self._opening(services, start, bay), self.stage.now
        reasons = self.book.why_not(services, opening.starts_at, None, now, call=call)
        try:
            until = self.run(self.stage.service.hold(HoldRequest(call, opening)))
        except SchedulingError as error:
            assert error.code in reasons, (error.code, reasons)
            return
        assert not reasons, f"held although {reasons}"
        assert until == now + timedelta(seconds=120)
        hold = self.run(self.stage.held())[call]
        assert [line.service_code for line in hold.lines] == services
        assert hold.lines[0].starts_at == opening.starts_at
        for line in hold.lines:
            times = line.starts_at, line.free_at, now
            assert self.book.is_free(line.bay_id, *times, call=call), "held though it was taken"
        self.book.held[call] = hold

    @rule(call=calls)
    def let_go(self, call: str) -> None:
        self.run(self.stage.service.release_hold(call))
        self.book.held.pop(call, None)

    @rule(call=calls, who=people)
    def book_what_is_held(self, call: str, who: int) -> None:
        """Nobody has come between, unless it has ended."""
        hold = self.book.held.get(call)
        if hold is None:
            return
        request = self._request(who, [line.service_code for line in hold.lines], 0, 0)
        opening = Opening(
            "main",
            hold.lines[0].starts_at,
            hold.lines[-1].ends_at,
            tuple(
                OpeningLine(
                    line.service_code, line.bay_id, line.starts_at, line.ends_at, line.free_at
                )
                for line in hold.lines
            ),
        )
        request = replace(request, opening=opening, call_sid=call)
        if hold.until > self.stage.now:
            assert "taken" not in self._why_not(request)
        self._settle(request)

    # What staff do in Google's own page

    @rule(bay=st.integers(1, 3), start=starts, hours=st.sampled_from([0.5, 2]))
    def staff_block_a_bay(self, bay: int, start: int, hours: float) -> None:
        """An event of their own: nothing more is booked into it, and what stands, stands."""
        begins, name = self.starts[start], f"bay-{bay}"
        ends = begins + timedelta(hours=hours)
        event = self.stage.block(name, begins, ends)
        self.run(self.stage.follow())
        self.book.blocks[event] = Line("", name, begins, ends, ends)
        # Whoever wants that bay just then is served in another one, or not.
        self._settle(self._request(1 + start % 3, ["oil_change"], start, bay - 1))

    @rule(pick=picks)
    def staff_unblock_a_bay(self, pick: int) -> None:
        if not self.book.blocks:
            return
        event, line = list(self.book.blocks.items())[pick % len(self.book.blocks)]
        self.stage.unblock(line.bay_id, event)
        self.run(self.stage.follow())
        del self.book.blocks[event]

    @rule(pick=picks, start=starts)
    def staff_move_an_event(self, pick: int, start: int) -> None:
        """A request like a caller's: it is done as they want it, or put back."""
        self.run(self.stage.follow())
        visit = self._event_that_can_be_edited(pick)
        if visit is None:
            return
        line = visit.lines[0]
        begins = self.starts[start] + timedelta(minutes=10)  # off the grid: theirs to say
        ends = begins + (line.ends_at - line.starts_at)
        wanted = replace(line, starts_at=begins, ends_at=ends, free_at=ends)
        self.run(self.stage.edit(visit.id, begins, ends))
        self.run(self.stage.follow())
        found = self.run(self.stage.visits())[visit.id]
        is_free = self.book.is_free(line.bay_id, begins, ends, self.stage.now, visit.id)
        elsewhere = self.book.is_elsewhere(visit.vehicle_id, begins, ends, visit.id)
        if is_free and not elsewhere and begins > self.stage.now:
            assert found.lines == (wanted,), "staff were not heeded"
        assert found.lines in ((wanted,), visit.lines)
        self.book.put(found, self.stage.now)

    @rule(pick=picks)
    def staff_delete_an_event(self, pick: int) -> None:
        """The visit is cancelled, and somebody is to call its customer."""
        self.run(self.stage.follow())
        visit = self._event_that_can_be_edited(pick)
        if visit is None:
            return
        self.run(self.stage.edit(visit.id, None, None))
        self.run(self.stage.follow())
        self.book.end(visit.id, "cancelled")
        assert self.run(self.stage.is_to_be_called(visit.id))

    # What befalls them

    @rule(minutes=st.sampled_from([1, 5, 30, 120, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.stage.now += timedelta(minutes=minutes)

    @rule(kind=st.sampled_from(GOOGLE_FAULTS), count=st.integers(1, 3))
    def google_breaks(self, kind: str, count: int) -> None:
        self.stage.world.faults.add("google", kind, count=count)

    @rule()
    def the_outbox_is_delivered(self) -> None:
        self.run(self.stage.deliver())

    @rule()
    def the_process_dies(self) -> None:
        self.run(self.stage.restart())

    @rule(pick=picks)
    def a_stranger_writes(self, pick: int) -> None:
        """Past the product, straight into the tables: nothing of it may come to be."""
        if not self.book.standing():
            return
        bad = self.strangers[pick % len(self.strangers)]
        before = self.run(self.stage.fingerprint())
        with suppress(DBAPIError):
            self.run(self._write(bad))
        assert self.run(self.stage.fingerprint()) == before, f"{bad.rule} let a stranger in"

    async def _write(self, bad: BadWrite) -> None:
        async with self.stage.direct.begin() as connection:
            for statement in bad.statement.split("; "):
                await connection.execute(text(statement))

    # What must hold

    @invariant()
    def the_database_says_what_callers_were_told(self) -> None:
        assert self.run(self.stage.visits()) == self.book.visits

    @invariant()
    def what_is_held_is_what_callers_were_told(self) -> None:
        held = self.run(self.stage.held())
        now = self.stage.now
        assert {call: each for call, each in held.items() if each.until > now} == {
            call: each for call, each in self.book.held.items() if each.until > now
        }

    @invariant()
    def nothing_impossible_stands(self) -> None:
        assert self.run(self.stage.impossible()) == []

    def teardown(self) -> None:
        """Everything is up again: calendar and database agree to the field, nothing is left."""
        self.stage.world.faults.clear()
        self.stage.wire.cut_after(NEVER)
        assert self.run(self.stage.deliver(rounds=30)) == 0, "something was never delivered"
        assert self.run(self.stage.events()) == self.run(self.stage.expected_events())
        assert len(self.stage.texts) == self.run(self.stage.texts_done()), "a text, twice or never"
        self.run(self.stage.end())
