"""What may be said of a call: what its tools have returned, and what the dealership's file says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Self

from config.dealership import Dealership, Location
from otto.dialogue.grounding.claims import (
    Claim,
    amounts_in,
    days_in,
    digits_in,
    times_in,
)
from otto.dialogue.grounding.patterns import Kind
from otto.dialogue.session.history import CallerSaid, Entry, OttoSaid
from otto.language.numbers import read_number
from otto.scheduling.hours import describe_day, describe_week

HOURS_DAYS: Final = 14
"""So many days of opening hours are facts of their own, as the prompt tells them."""
_DONE: Final[dict[str, Kind]] = {
    "booked": Kind.BOOKED,
    "moved": Kind.MOVED,
    "cancelled": Kind.CANCELLED,
    "sent": Kind.TEXTED,
}
"""What a tool's status proves."""


@dataclass(frozen=True, slots=True)
class Start:
    """A day and time that a tool has named together."""

    days: frozenset[str]
    minutes: frozenset[int]


@dataclass(slots=True)
class Facts:
    """What is known, by kind. `words` is all of it in small letters."""

    amounts: set[Decimal] = field(default_factory=set)
    minutes: set[int] = field(default_factory=set)
    starts: list[Start] = field(default_factory=list)
    """Days and times that were offered, or stand in the book."""
    done: dict[Kind, list[Start]] = field(default_factory=dict)
    """What was done, and of which days and times it was said."""
    numbers: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    caller_digits: list[str] = field(default_factory=list)

    @classmethod
    def of_dealership(cls, dealership: Dealership, location: Location, today: date) -> Self:
        """What every call may be told."""
        facts = cls()
        facts._read(dealership.name)
        for service in dealership.services:
            facts._read(f"{service.name}: {service.price_text}.")
        numbers = [location.phone, location.desk_number, location.towing_number]
        for number in [*numbers, location.sales_number, location.parts_number]:
            facts._read(number or "")
        for told in (location.loaner, location.shuttle, location.waiting_room, location.address):
            facts._read(told or "")
        facts._read(describe_week(location, today))
        for ahead in range(HOURS_DAYS):
            facts._read(describe_day(location, today + timedelta(days=ahead)))
        return facts

    @classmethod
    def of_result(cls, result: str) -> Self:
        """What one tool has returned, as JSON."""
        facts = cls()
        facts._take(json.loads(result))
        return facts

    def with_call(
        self, entries: Sequence[Entry], read: Callable[[str], Facts] | None = None
    ) -> Facts:
        """These, and what the call's tools have returned and its caller has said. `read` reads a
        result, as `of_result` does."""
        read = read or Facts.of_result
        facts = Facts()
        facts._add(self)
        for entry in entries:
            match entry:
                case CallerSaid(text):
                    facts._hear(text)
                case OttoSaid(results=results):
                    for result in results:
                        facts._add(read(result))
        return facts

    def hold(self, claim: Claim) -> bool:
        """Whether a claim is true, as far as anything is known."""
        match claim.kind:
            case Kind.PRICE:
                near = Decimal(1) if claim.is_rounded else Decimal(0)
                return any(abs(amount - claim.amount) <= near for amount in self.amounts)
            case Kind.HOURS:
                known = frozenset(self.minutes)
                return all(time.is_one_of(known) for time in claim.times)
            case Kind.OPENING:
                return _names_start(claim, self.starts)
            case Kind.BOOKED | Kind.MOVED | Kind.CANCELLED:
                is_timed = bool(claim.times or claim.days)
                done = self.done.get(claim.kind)
                return done is not None and (not is_timed or _names_start(claim, done))
            case Kind.TEXTED:
                return claim.kind in self.done
            case Kind.CODE:
                return claim.text in self.codes
            case Kind.NUMBER:
                said = any(claim.text in digits for digits in self.caller_digits)
                return said or claim.text in self.numbers
            case Kind.PROMISE:
                return any(claim.text in text for text in self.words)
            case Kind.SAFE | Kind.HUMAN:
                return False

    def quote(self, sentence: str) -> bool:
        """Whether a tool has given the sentence as it is, to be said."""
        said = sentence.casefold().strip(" .,;:!?")
        return len(said.split()) > 2 and any(said in text for text in self.words)

    def _add(self, others: Facts) -> None:
        self.amounts |= others.amounts
        self.minutes |= others.minutes
        self.starts += others.starts
        for kind, starts in others.done.items():
            self.done.setdefault(kind, []).extend(starts)
        self.numbers |= others.numbers
        self.codes |= others.codes
        self.words += others.words
        self.caller_digits += others.caller_digits

    def _take(self, result: Any) -> None:
        """A tool's result: what it proves, and every text in it."""
        if not isinstance(result, dict):
            return
        when = str(result.get("when") or "")
        if (kind := _DONE.get(str(result.get("status")))) is not None:
            stands = [start] if "now" not in result and (start := _start(when)) else []
            self.done.setdefault(kind, []).extend(stands)
            if kind is Kind.MOVED:
                self.done.setdefault(Kind.BOOKED, []).extend(stands)
        if result.get("text_message"):
            self.done.setdefault(Kind.TEXTED, [])
        for listed in [result, *result.get("openings", ()), *result.get("appointments", ())]:
            start = _start(str(listed.get("when") or ""))
            if start is not None and not (is_over := _is_over(listed)):
                self.starts.append(start)
            if isinstance(code := listed.get("confirmation"), str):
                self.codes.add(code.upper().replace(" ", ""))
            if "appointment_ref" in listed and start is not None and not is_over:
                self.done.setdefault(Kind.BOOKED, []).append(start)
        if (start := _start(str(result.get("read_back") or ""))) is not None:
            self.starts.append(start)
        for key, text in _texts(result):
            if key != "advice":
                self._read(text)

    def _read(self, text: str) -> None:
        self.minutes |= {time.minutes for time in times_in(text)}
        self.amounts |= {amount for amount, _ in amounts_in(text)}
        self.numbers |= set(digits_in(text))
        self.words.append(text.casefold())

    def _hear(self, text: str) -> None:
        """What the caller says proves nothing, but their number may be read back."""
        words = text.casefold().replace("-", " ").split()
        digits, at = "", 0
        while at < len(words):
            word = "".join(c for c in words[at] if c.isalnum())
            found = read_number([word, *words[at + 1 :]], 0) if word else None
            digits += found[0] if found else ""
            at += found[1] if found else 1
        if digits:
            self.caller_digits.append(digits)


def _start(when: str) -> Start | None:
    days, times = days_in(when), times_in(when)
    return Start(days, frozenset(time.minutes for time in times)) if days and times else None


def _is_over(listed: dict[str, Any]) -> bool:
    """Whether what is listed was somebody else's, or something else, in the meantime."""
    is_opening = "slot_id" in listed and "status" in listed and listed["status"] != "booked"
    return is_opening or "now" in listed or listed.get("status") == "cancelled"


def _names_start(claim: Claim, known: Sequence[Start]) -> bool:
    """Whether days and times that were named together belong together in what is known."""
    starts = [start for start in known if not claim.days or claim.days & start.days]
    if not all(any(day in start.days for start in starts) for day in claim.days):
        return False
    minutes = frozenset(minute for start in starts for minute in start.minutes)
    return bool(starts) and all(time.is_one_of(minutes) for time in claim.times)


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a result, with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
