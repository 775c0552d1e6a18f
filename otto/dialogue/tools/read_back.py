"""What is to be done to the calendar, and the one sentence that reads it back before it is. Pure.

A `ReadBack` is made of what a tool was asked to do, never of what was said: whoever hears its
sentence and agrees has agreed to exactly that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from num2words import num2words

from config.dealership import Dealership, Location, Service
from otto.dialogue.session.state import AppointmentRef, Offer, VehicleRef
from otto.dialogue.tools.heard import Named
from otto.language.consent import About
from otto.language.spoken_times import describe_start, join_spoken, ordinal
from otto.scheduling.openings import Transport

QUESTIONS: Mapping[About, str] = {
    "book": "Shall I book it?",
    "move": "Shall I move it?",
    "cancel": "Shall I cancel it?",
}
TRANSPORT = {
    "wait": ", while you wait",
    "loaner": ", with a loaner car for you",
    "shuttle": ", with a seat in our shuttle",
}
"""How the customer goes on without the car, behind the time."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """`named` is what has to be heard of it, `phrases` are the ways to repeat it in an answer, and
    `key` is the idempotency key of the wish."""

    key: str
    named: Named
    phrases: frozenset[str]

    @property
    def sentence(self) -> str:
        return self.named.sentence


class ReadBacks:
    """Makes them by the dealership's file and zone."""

    def __init__(self, dealership: Dealership, location: Location) -> None:
        self._menu = {service.code: service for service in dealership.services}
        self._zone = location.zone

    def booking(
        self, key: str, offer: Offer, vehicle: VehicleRef, vehicles: Sequence[VehicleRef]
    ) -> ReadBack:
        """An opening, for a vehicle, which is one of `vehicles`."""
        start = self._local(offer.starts_at)
        services = self._services(offer.service_codes)
        sentence = (
            f"That's {self._work(offer.service_codes)} for your {vehicle.description} on "
            f"{self._when(start)}{TRANSPORT.get(offer.transport, '')}{_price(services)}. "
            f"{QUESTIONS['book']}"
        )
        return self._made(
            key,
            "book",
            sentence,
            start,
            offer.service_codes,
            vehicle.description,
            [each.description for each in vehicles],
            needs_car=True,
            transport=offer.transport,
        )

    def move(
        self,
        key: str,
        told: AppointmentRef,
        offer: Offer,
        appointments: Sequence[AppointmentRef],
        vehicles: Sequence[VehicleRef],
    ) -> ReadBack:
        """An appointment, which is one of `appointments`, to an opening."""
        start, before = self._local(offer.starts_at), self._local(told.starts_at)
        sentence = (
            f"I'd move your {self._visit(told)} from {self._when(before)} to {self._when(start)}"
            f"{TRANSPORT.get(offer.transport, '')}. {QUESTIONS['move']}"
        )
        others = [each for each in appointments if each.ref != told.ref]
        alike = [each for each in others if each.service_codes == told.service_codes]
        return self._made(
            key,
            "move",
            sentence,
            start,
            told.service_codes,
            told.vehicle,
            [each.description for each in vehicles],
            needs_car=any(each.vehicle != told.vehicle for each in alike),
            transport=offer.transport,
            before=before,
            needs_before=any(each.vehicle == told.vehicle for each in alike),
        )

    def cancellation(
        self,
        key: str,
        told: AppointmentRef,
        appointments: Sequence[AppointmentRef],
        vehicles: Sequence[VehicleRef],
    ) -> ReadBack:
        """An appointment, which is one of `appointments`."""
        start = self._local(told.starts_at)
        sentence = f"That's your {self._visit(told)} on {self._when(start)}. {QUESTIONS['cancel']}"
        alike = [
            each
            for each in appointments
            if each.ref != told.ref
            and (each.service_codes, each.starts_at) == (told.service_codes, told.starts_at)
        ]
        return self._made(
            key,
            "cancel",
            sentence,
            start,
            told.service_codes,
            told.vehicle,
            [each.description for each in vehicles],
            needs_car=bool(alike),
        )

    def _made(
        self,
        key: str,
        about: About,
        sentence: str,
        start: datetime,
        codes: Sequence[str],
        car: str,
        cars: Sequence[str],
        *,
        needs_car: bool,
        transport: Transport = "drop_off",
        before: datetime | None = None,
        needs_before: bool = False,
    ) -> ReadBack:
        services = self._services(codes)
        known = [service.price_cents for service in services if service.price_cents is not None]
        named = Named(
            about=about,
            sentence=sentence,
            start=start.replace(tzinfo=None),
            codes=frozenset(codes),
            service=join_spoken([self._name(code) for code in codes]),
            car=car,
            cars=tuple(cars),
            needs_car=needs_car and bool(car),
            cents=frozenset({*known, sum(known)}) if known else frozenset(),
            transport=transport,
            before=None if before is None else before.replace(tzinfo=None),
            needs_before=needs_before,
        )
        phrases = {*_ways_to_say(start), *_ways_to_call(car)}
        phrases |= {name.lower() for each in services for name in (each.name, *each.aliases)}
        return ReadBack(key, named, frozenset(phrases))

    def _services(self, codes: Sequence[str]) -> list[Service]:
        return [self._menu[code] for code in codes if code in self._menu]

    def _name(self, code: str) -> str:
        """A service that is no longer in the file is named by its code's words."""
        known = self._menu.get(code)
        return known.name if known else code.replace("_", " ").capitalize()

    def _work(self, codes: Sequence[str]) -> str:
        """ "an oil change and a tire rotation"."""
        return join_spoken([_with_article(self._name(code)) for code in codes])

    def _visit(self, told: AppointmentRef) -> str:
        work = join_spoken([_uncapitalised(self._name(code)) for code in told.service_codes])
        return f"{work} for your {told.vehicle}" if told.vehicle else work

    def _local(self, iso: str) -> datetime:
        return datetime.fromisoformat(iso).astimezone(self._zone)

    def _when(self, start: datetime) -> str:
        return describe_start(start, self._zone)


def _price(services: Sequence[Service]) -> str:
    """What it costs, as far as that is known."""
    known = [each.price_cents for each in services if each.price_cents is not None]
    if not known:
        return ", at a price quoted after inspection" if services else ""
    total = f", for ${sum(known) // 100:,}.{sum(known) % 100:02d}"
    return total if len(known) == len(services) else f"{total} and the rest after inspection"


def _uncapitalised(name: str) -> str:
    """A service's name in the middle of a sentence; an abbreviation keeps its capitals."""
    first = name.split()[0] if name.split() else ""
    return name if len(first) > 1 and not first[1:].islower() else name[:1].lower() + name[1:]


def _with_article(name: str) -> str:
    plain = _uncapitalised(name)
    if plain.endswith("s") and not plain.endswith("ss"):
        return plain
    return f"{'an' if plain[:1].lower() in 'aeiou' else 'a'} {plain}"


def _ways_to_say(start: datetime) -> Iterator[str]:
    """The day and the time as they may be repeated: "the first", "nine in the morning"."""
    weekday, month = f"{start:%A}".lower(), f"{start:%B}".lower()
    numbers = (str(start.day), ordinal(start.day), num2words(start.day, to="ordinal"))
    for day in (*numbers, num2words(start.day)):
        day = day.replace("-", " ")
        yield from (f"{month} {day}", f"{month} the {day}", f"the {day} of {month}")
        yield from (f"{weekday} {month} {day}", f"{weekday} the {day}")
        if day != str(start.day):
            yield f"the {day}"
    yield weekday
    half = "am" if start.hour < 12 else "pm"
    part = "morning" if start.hour < 12 else "afternoon" if start.hour < 17 else "evening"
    yield from (f"in the {part}", f"{weekday} {part}")
    for clock in _clocks(start):
        yield from (clock, f"{clock} {half}", f"{clock} {half[0]} m", f"{clock} in the {part}")


def _clocks(start: datetime) -> Iterator[str]:
    hour, minute = start.hour % 12 or 12, start.minute
    said = num2words(hour)
    yield f"{hour}:{minute:02d}"
    if not minute:
        yield from (str(hour), said, f"{hour} o'clock", f"{said} o'clock")
        if hour == 12:
            yield "noon" if start.hour == 12 else "midnight"
        return
    yield from (f"{hour} {minute:02d}", f"{said} {num2words(minute).replace('-', ' ')}")
    after = num2words((start + timedelta(hours=1)).hour % 12 or 12)
    if minute == 30:
        yield f"half past {said}"
    elif minute in {15, 45}:
        yield f"quarter past {said}" if minute == 15 else f"quarter to {after}"


def _ways_to_call(car: str) -> Iterator[str]:
    words = car.lower().split()
    yield from (" ".join(words[at:]) for at in range(len(words)))
    if len(words) > 2:
        yield " ".join(words[1:2])
    yield from ("my car", "the car")
