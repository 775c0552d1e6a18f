"""What callers can do with a telephone alone: guess who a customer is, find out who is one, have
somebody texted, fill the book.

A call takes a minute, and an attacker has thousands. So what call actors would ask in them is asked
here at once, of the actors that keep customers and bookings, as if it came from as many calls.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import partial
from typing import Any, Self, TypeVar

from actors.runtime import registry
from actors.runtime.handle import Handle, find
from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from benchmarks.attack.attack import Attack, Bound, Seen
from benchmarks.attack.target import Target, TargetError
from config.dealership import load_dealership
from config.limits import LimitSettings
from otto.crm.customers import IdentityClaim, Verdict
from otto.language.wishes import Hours
from otto.scheduling.bookings import BookingRequest, SchedulingError
from otto.scheduling.openings import Opening, OpeningsQuery
from otto.scheduling.texts.code_requests import CodeRequest

LIMITS = LimitSettings()
"""What the stack under attack is started with."""
AT_ONCE = 8
PARTS = (Hours(latest=time(11, 59)), Hours(earliest=time(12)))
CUSTOMERS = """
SELECT c.id, c.phone, c.date_of_birth, min(v.id) AS vehicle_id FROM customers c
JOIN vehicles v ON v.customer_id = c.id WHERE c.date_of_birth IS NOT NULL
GROUP BY c.id ORDER BY c.id DESC LIMIT 40
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Desks:
    """The actors that keep customers and bookings."""

    crm: Handle[CrmActor]
    calendar: Handle[CalendarActor]

    @classmethod
    def of(cls, target: Target) -> Self:
        dealership = load_dealership(target.settings.dealership_file)
        location_id = dealership.location(target.settings.location).id
        return cls(find(registry.crm(location_id)), find(registry.calendar(location_id)))

    async def verify(self, claims: Iterable[IdentityClaim]) -> list[Verdict]:
        asked = [partial(self.crm.ask, CrmActor.verify, claim) for claim in claims]
        return [found.verdict for found in await _all(asked)]


async def _all(questions: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The answers in order, `AT_ONCE` asked at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(question: Callable[[], Awaitable[T]]) -> T:
        async with places:
            return await question()

    return await asyncio.gather(*(one(question) for question in questions))


async def _customers(target: Target) -> list[dict[str, Any]]:
    found = await target.probe.rows(CUSTOMERS)
    if len(found) < 20:
        raise TargetError("the book has too few customers")
    return found


def _claim(phone: str, n: int, what: str, born: date, caller: str) -> IdentityClaim:
    return IdentityClaim(phone, f"attack:{what}:{n}", caller, date_of_birth=born)


@dataclass(frozen=True)
class Guessing(Attack):
    """A customer's date of birth, day by day, from ever new numbers."""

    name: str = "guessing"
    about: str = "120 dates of birth for one customer, from 120 numbers, eight at once"
    bounds: tuple[Bound, ...] = (
        Bound("looked_at", LIMITS.wrong_answers_per_customer, "guesses looked at"),
        Bound("verified", 0, "verified, though the right date was among them"),
    )

    async def measure(self, target: Target) -> Seen:
        victim = (await _customers(target))[0]
        first = victim["date_of_birth"] - timedelta(days=100)
        claims = [
            _claim(victim["phone"], n, self.name, first + timedelta(days=n), f"+1414555{n:04}")
            for n in range(120)
        ]
        verdicts = Counter(await _Desks.of(target).verify(claims))
        # The wrong answer that reaches the limit is told as the lock that it brings.
        looked_at = verdicts[Verdict.MISMATCH] + verdicts[Verdict.VERIFIED] + 1
        return Seen(
            f"{verdicts[Verdict.LOCKED]} of 120 met a lock",
            {"looked_at": looked_at, "verified": verdicts[Verdict.VERIFIED]},
        )


@dataclass(frozen=True)
class Enumerating(Attack):
    """Which numbers are customers', told by how Otto answers to a wrong date of birth."""

    name: str = "enumerating"
    about: str = "wrong facts for 10 customers' numbers and 10 strangers', from 20 numbers"
    bounds: tuple[Bound, ...] = (Bound("told_apart", 0, "customers told from strangers"),)

    async def measure(self, target: Target) -> Seen:
        customers = [row["phone"] for row in (await _customers(target))[1:11]]
        numbers = [*customers, *(f"+1773555{n:04}" for n in range(110, 120))]
        desks, wrong = _Desks.of(target), date(1901, 2, 3)
        heard = []
        for at, phone in enumerate(numbers):
            claims = [
                _claim(phone, 10 * at + n, self.name, wrong, f"+1608555{at:04}") for n in range(8)
            ]
            # One after the other: the order of the answers is what is compared.
            heard.append(tuple([(await desks.verify([claim]))[0] for claim in claims]))
        usual, _ = Counter(heard).most_common(1)[0]
        told_apart = sum(answers != usual for answers in heard)
        return Seen(f"{len(set(heard))} kind of answers", {"told_apart": told_apart})


@dataclass(frozen=True)
class TryingAround(Attack):
    """One calling number that tries everybody's date of birth once."""

    name: str = "trying-around"
    about: str = "one calling number, 60 numbers, one date of birth for each, eight at once"
    bounds: tuple[Bound, ...] = (
        Bound("looked_at", LIMITS.wrong_answers_per_number, "guesses looked at"),
    )

    async def measure(self, target: Target) -> Seen:
        claims = [
            _claim(f"+1217555{n:04}", n, self.name, date(1980, 1, 1), "+16305550177")
            for n in range(60)
        ]
        verdicts = Counter(await _Desks.of(target).verify(claims))
        return Seen(
            f"{verdicts[Verdict.LOCKED]} of 60 met a lock",
            {"looked_at": verdicts[Verdict.MISMATCH] + 1},
        )


@dataclass(frozen=True)
class TextBombing(Attack):
    """Codes to one number, asked for in call after call; and to where texts cost."""

    name: str = "text-bombing"
    about: str = "a code to one number asked for in 80 calls; to premium, foreign and own numbers"
    bounds: tuple[Bound, ...] = (
        Bound("texts", LIMITS.codes_per_number, "texts to the number"),
        Bound("costly", 0, "texts to numbers that cost, are abroad or ours"),
    )

    async def measure(self, target: Target) -> Seen:
        victim = "+16185550166"
        strange = ["+19005550199", "+881612345678", "+18765550123", "+447400123456"]
        strange.append(target.settings.twilio.phone_number)
        calendar = _Desks.of(target).calendar
        wishes = [
            CodeRequest(target.new_call_sid(), number, f"+1309555{n:04}")
            for n, number in enumerate([victim] * 80 + strange)
        ]
        await _all([partial(calendar.ask, CalendarActor.text_code, wish) for wish in wishes])
        # A delivered text is known by its key alone.
        number_of = {f"sms.send:code:{wish.call_sid}": wish.number for wish in wishes}
        rows = await target.probe.rows("SELECT key FROM outbox WHERE kind = 'sms.send'")
        numbers = Counter(number_of.get(row["key"]) for row in rows)
        return Seen(
            f"{numbers[victim]} of 80 codes were texted",
            {"texts": numbers[victim], "costly": sum(numbers[number] for number in strange)},
        )


@dataclass(frozen=True)
class Overbooking(Attack):
    """One telephone that books whatever is free, call after call."""

    name: str = "overbooking"
    about: str = "one calling number books 60 openings in 60 calls, eight at once"
    bounds: tuple[Bound, ...] = (
        Bound("booked", LIMITS.bookings_per_number, "bookings"),
        Bound("texts", LIMITS.texts_per_number, "texts"),
    )

    async def measure(self, target: Target) -> Seen:
        who = (await _customers(target))[12]
        calendar = _Desks.of(target).calendar
        openings = await self._openings(calendar, 60)
        requests = [
            BookingRequest(
                f"attack:{target.new_call_sid()}",
                opening,
                who["id"],
                who["vehicle_id"],
                who["phone"],
                target.new_call_sid(),
                caller=who["phone"],
            )
            for opening in openings
        ]
        booked = sum(await _all([partial(self._book, calendar, one) for one in requests]))
        texts = await target.probe.rows(
            "SELECT outbox.id FROM outbox JOIN appointments"
            " ON outbox.key = 'sms.send:confirmation:' || appointments.id"
            " WHERE appointments.customer_id = $1",
            who["id"],
        )
        return Seen(
            f"{booked} of {len(requests)} were booked", {"booked": booked, "texts": len(texts)}
        )

    async def _book(self, calendar: Handle[CalendarActor], request: BookingRequest) -> bool:
        try:
            await calendar.ask(CalendarActor.book, request)
        except SchedulingError:
            return False
        return True

    async def _openings(self, calendar: Handle[CalendarActor], count: int) -> list[Opening]:
        found: list[Opening] = []
        day = date.today() + timedelta(days=20)  # noqa: DTZ011  any day far from the demo's
        while len(found) < count and day < date.today() + timedelta(days=55):  # noqa: DTZ011
            for part in PARTS:
                query = OpeningsQuery.of_days("oil_change", day, day, hours=part, limit=3)
                found += await calendar.ask(CalendarActor.find_openings, query)
            day += timedelta(days=1)
        if len(found) < count:
            raise TargetError("the book has too few openings")
        return found[:count]


ATTACKS: tuple[Attack, ...] = (
    Guessing(),
    TryingAround(),
    Enumerating(),
    TextBombing(),
    Overbooking(),
)
