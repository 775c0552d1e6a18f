"""Clients who book, move and cancel at once, and write down what they asked and were told.

They ask the CalendarActor as a call does. None knows of the others, and they want the same few
hours, so most of what they do is in somebody's way.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from actors.stores.calendar import CalendarActor
from benchmarks.chaos.histories import Kind, Operation, State, Stretch
from benchmarks.chaos.workshop import Workshop
from config.clock import utc_now
from config.dealership import Location
from otto.scheduling.bookings import (
    Booking,
    BookingRequest,
    CancelRequest,
    MoveRequest,
    SchedulingError,
)
from otto.scheduling.hours import periods_reaching
from otto.scheduling.openings import Opening

SERVICE, MINUTES, BAYS = "oil_change", 45, ("bay-1", "bay-2", "bay-3")
HOURS = 36
"""So many starts are wanted, each in three bays."""
ANSWER_S = 15.0
RESOLVE_S = 60.0
THINKING_S = (0.0, 0.15)
PATIENCE_S = 0.3
"""After no answer."""
MOVES_SHARE, CANCELS_SHARE = 0.3, 0.35
ASKED_TWICE_SHARE = 0.15
"""Of what was answered, so much is asked for again, as a model does."""


@dataclass(slots=True)
class Client:
    """One caller after another, with a customer and a vehicle in the database."""

    customer_id: int
    vehicle_id: int
    phone: str
    standing: dict[str, State] = field(default_factory=dict)
    """What they have been told that they have."""


def wanted_starts(location: Location, turn: int) -> list[datetime]:
    """The hours that everybody wants, from the day after tomorrow on; other ones in each turn."""
    found: list[datetime] = []
    today = utc_now().astimezone(location.zone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(2, location.horizon_days - 1)):
        for period in periods_reaching(location, day):
            start = period.starts_at
            while start + timedelta(minutes=MINUTES) <= period.ends_at:
                if start.astimezone(location.zone).date() == day:
                    found.append(start)
                start += timedelta(minutes=30)
    first = turn * HOURS % max(1, len(found) - HOURS)
    return found[first : first + HOURS]


def state_of(booking: Booking) -> State:
    """What an answer says."""
    stretches = [
        Stretch(line.bay_id, line.starts_at, line.ends_at, line.free_at) for line in booking.lines
    ]
    return State(booking.status, tuple(stretches))


Ask = Callable[[], Awaitable[Booking]]


class Clients:
    """Records every operation of every client, in `operations`."""

    def __init__(self, shop: Workshop, seed: int, name: str, turn: int) -> None:
        self._shop = shop
        self._rng = random.Random(f"{seed}:{name}")
        self._name = name
        self._starts = wanted_starts(shop.dealership.location("main"), turn)
        self._count = 0
        self._open: list[tuple[int, Ask]] = []
        """Those without an answer, by their place in `operations`."""
        self.operations: list[Operation] = []
        self.took_ms: list[float] = []

    async def run(self, clients: Sequence[Client], until_s: float) -> None:
        """Have all of them ask until then."""
        await asyncio.gather(*(self._one(client, until_s) for client in clients))

    async def resolve(self) -> int:
        """Ask for what nobody knows of again, under its key, until there is an answer; returns how
        many there were."""
        waiting, self._open = self._open, []
        await asyncio.gather(*(self._resolve(place, ask) for place, ask in waiting))
        return len(waiting)

    async def _one(self, client: Client, until_s: float) -> None:
        while time.monotonic() < until_s:
            await asyncio.sleep(self._rng.uniform(*THINKING_S))
            chance = self._rng.random()
            standing = [each for each, state in client.standing.items() if state.occupied]
            if standing and chance < MOVES_SHARE:
                await self._move(client, self._rng.choice(standing))
            elif standing and chance < MOVES_SHARE + CANCELS_SHARE:
                await self._cancel(client, self._rng.choice(standing))
            else:
                await self._book(client)

    async def _book(self, client: Client) -> None:
        key, opening = self._key(), self._opening()
        request = BookingRequest(
            *(key, opening, client.customer_id, client.vehicle_id, client.phone, f"CA{key}"),
            caller=client.phone,
        )
        await self._do(
            *(client, "book", key, ""),
            lambda: self._shop.calendar.ask(CalendarActor.book, request),
        )

    async def _move(self, client: Client, appointment_id: str) -> None:
        key, opening = self._key(), self._opening()
        request = MoveRequest(
            idempotency_key=key,
            appointment_id=UUID(appointment_id),
            customer_id=client.customer_id,
            opening=opening,
            call_sid=f"CA{key}",
            caller=client.phone,
            customer_phone=client.phone,
        )
        await self._do(
            *(client, "move", key, appointment_id),
            lambda: self._shop.calendar.ask(CalendarActor.reschedule, request),
        )

    async def _cancel(self, client: Client, appointment_id: str) -> None:
        key = self._key()
        request = CancelRequest(
            idempotency_key=key,
            appointment_id=UUID(appointment_id),
            customer_id=client.customer_id,
            call_sid=f"CA{key}",
            caller=client.phone,
            customer_phone=client.phone,
        )
        await self._do(
            *(client, "cancel", key, appointment_id),
            lambda: self._shop.calendar.ask(CalendarActor.cancel, request),
        )

    async def _do(
        self, client: Client, kind: Kind, key: str, appointment_id: str, ask: Ask
    ) -> None:
        """Ask, and write down how it went. A client without an answer leaves that appointment
        alone from then on, as a caller who has hung up does."""
        operation = Operation(
            *(kind, key, client.customer_id, client.vehicle_id, time.monotonic()),
            appointment_id=appointment_id,
        )
        place = len(self.operations)
        self.operations.append(operation)
        answered = await self._answer(operation, ask)
        self.operations[place] = answered
        if answered.outcome == "done" and answered.told is not None:
            client.standing[answered.appointment_id] = answered.told
            if self._rng.random() < ASKED_TWICE_SHARE:
                again = await self._answer(operation, ask)
                if again.outcome == "done":
                    self.operations[place] = replace(answered, repeats=(again.appointment_id,))
        elif answered.outcome == "unknown":
            client.standing.pop(appointment_id, None)
            self._open.append((place, ask))
            await asyncio.sleep(PATIENCE_S)

    async def _answer(self, operation: Operation, ask: Ask) -> Operation:
        try:
            booking = await asyncio.wait_for(ask(), ANSWER_S)
        except SchedulingError as error:
            return replace(
                operation, completed_s=time.monotonic(), outcome="refused", repeats=(error.code,)
            )
        except Exception:
            return operation  # no answer, whatever the reason
        now = time.monotonic()
        self.took_ms.append((now - operation.invoked_s) * 1000)
        return replace(
            operation,
            completed_s=now,
            outcome="done",
            appointment_id=str(booking.appointment_id),
            told=state_of(booking),
        )

    async def _resolve(self, place: int, ask: Ask) -> None:
        deadline = time.monotonic() + RESOLVE_S
        while self.operations[place].outcome == "unknown" and time.monotonic() < deadline:
            self.operations[place] = await self._answer(self.operations[place], ask)
            await asyncio.sleep(0.2)

    def _key(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"

    def _opening(self) -> Opening:
        start = self._rng.choice(self._starts)
        ends = start + timedelta(minutes=MINUTES)
        return Opening.of_one("main", self._rng.choice(BAYS), SERVICE, start, ends)
