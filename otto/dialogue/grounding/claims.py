"""What a sentence of Otto's claims that has to be true: prices, times, things done. Pure.

A language model can say anything, whatever it was told: a price that is not on the menu, an opening
that nobody found, "you're all set" without a booking. These patterns find such claims in English
text as models write it, figures or words. What is asked ("Shall I book it?"), denied ("I can't
promise that") or only considered ("once it's booked") claims nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from otto.dialogue.grounding.patterns import (
    ABOUT,
    AMOUNT,
    ASKED,
    CALLS_BACK,
    CLAUSE,
    CODE,
    CONDITIONAL,
    DATE,
    DENIED,
    DOLLAR_WORDS,
    DONE,
    ECHO,
    FREE,
    HOURS,
    HUMAN,
    NUMBER,
    PLEASANTRY,
    PROMISE,
    SAFE,
    SENTENCE,
    SPOKEN_ORDINAL,
    STANDS,
    UNSAFE,
    WEEKDAY,
    Kind,
)
from otto.language.date_words import MONTHS, ORDINALS
from otto.language.numbers import read_number
from otto.language.time_rules import time_at
from otto.language.time_words import spell_out


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day. `minutes` from midnight; of which half of the day, where `is_sure`."""

    minutes: int
    is_sure: bool = True

    def is_one_of(self, known: frozenset[int]) -> bool:
        """Whether it is known, in either half where it does not say which."""
        return self.minutes in known or (
            not self.is_sure and (self.minutes + 12 * 60) % (24 * 60) in known
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim. Of `days` and `times` all that are named together; the other fields by kind."""

    kind: Kind
    amount: Decimal = Decimal(0)
    """Dollars."""
    is_rounded: bool = False
    """Whether the amount is said to be about so much."""
    times: tuple[Time, ...] = ()
    days: frozenset[str] = frozenset()
    """Weekdays and dates: "tuesday", "december 1"."""
    text: str = ""
    """The digits of a number, the symbols of a code, the words of a promise."""


def claims(text: str) -> Iterator[Claim]:
    """All that a piece of Otto's text claims, in no certain order."""
    said = text.replace("\u2019", "'")
    for match in SENTENCE.finditer(said):
        is_asked = ASKED.search(match[0]) is not None
        for clause in CLAUSE.split(match[0].strip()):
            if clause.strip():
                yield from _of_clause(clause.strip(), is_asked)


def promises_callback(text: str) -> bool:
    """Whether the text promises, and does not only offer, that somebody will call."""
    for match in SENTENCE.finditer(text.replace("\u2019", "'")):
        heard = PLEASANTRY.sub("", match[0].strip().casefold())
        if (found := CALLS_BACK.search(heard)) and not ASKED.search(match[0]):
            before = heard[: found.start()].replace("i'll", "").replace("i will", "")
            if not CONDITIONAL.search(before) and not DENIED.search(before):
                return True
    return False


def days_in(text: str) -> frozenset[str]:
    """The weekdays and dates that a text names: "tuesday", "december 1"."""
    heard = text.casefold()
    dates = {f"{month} {int(day)}" for month, day in DATE.findall(heard)}
    for month, tens, unit in SPOKEN_ORDINAL.findall(heard):
        dates.add(f"{month} {({'twenty': 20, 'thirty': 30}.get(tens, 0)) + ORDINALS[unit]}")
    return frozenset({*WEEKDAY.findall(heard), *dates})


def times_in(text: str) -> tuple[Time, ...]:
    """The times of day that a text names; durations and parts of the day are none."""
    words, found, at = spell_out(text), [], 0
    while at < len(words):
        read = time_at(words, at) if words[at] not in MONTHS else None
        if read is None:
            # A date's number is no hour: "December 1", "the 4th".
            at += 2 if words[at] in MONTHS and words[at + 1 : at + 2] else 1
            continue
        said, length = read
        if not said.part and not said.opening_min and not said.soonest:
            for clock in dict.fromkeys((said.low, said.high, said.wished)):
                if clock is not None and (clock.half or length > 1 or clock.minute):
                    found.append(_time(clock.hour, clock.minute, clock.half))
        at += length
    return tuple(dict.fromkeys(found))


def amounts_in(text: str) -> Iterator[tuple[Decimal, bool]]:
    """The amounts of dollars in a text, and whether each is said to be about so much."""
    for match in AMOUNT.finditer(text):
        digits = (match[1] or match[2]).replace(",", "")
        yield Decimal(digits), ABOUT.search(text[: match.start()].casefold()) is not None
    for match in DOLLAR_WORDS.finditer(text.casefold()):
        if digits := _spoken_number(match[1].replace("-", " ").split()):
            yield Decimal(digits), ABOUT.search(match[1]) is not None


def digits_in(text: str) -> Iterator[str]:
    """The telephone numbers in a text, by their last ten digits."""
    for match in NUMBER.finditer(text):
        yield re.sub(r"\D", "", match[0])[-10:]


def code_in(text: str) -> str:
    """The confirmation code that a text tells, in capitals without spaces; "" for none."""
    found = CODE.search(text)
    return re.sub(r"[^A-Z0-9]", "", found[1]) if found else ""


def _of_clause(clause: str, is_asked: bool) -> Iterator[Claim]:
    heard = PLEASANTRY.sub("", clause.casefold())
    promise = PROMISE.search(heard)
    is_denied = DENIED.search(PROMISE.sub("", heard)) is not None
    days, times = days_in(clause), times_in(clause)
    if not is_denied:
        for amount, is_rounded in amounts_in(clause):
            yield Claim(Kind.PRICE, amount=amount, is_rounded=is_rounded)
        if promise is not None:
            yield Claim(Kind.PROMISE, text=promise[1])
    is_hours = HOURS.search(heard) is not None and STANDS.search(heard) is None
    is_echo = ECHO.search(heard) is not None
    is_of_book = (FREE.search(heard) or STANDS.search(heard)) and not is_hours and not is_echo
    if times:  # what is neither is an echo of the caller, or what consent looks at
        sure = tuple(time for time in times if time.is_sure)
        if is_of_book and not is_denied:
            yield Claim(Kind.OPENING, times=times, days=days)
        elif is_hours and sure and not is_denied:
            yield Claim(Kind.HOURS, times=sure)
    elif days and is_of_book and not is_denied and not is_asked and not CONDITIONAL.search(heard):
        yield Claim(Kind.OPENING, days=days)
    if not is_asked and not is_denied:
        for kind, pattern in DONE:
            for found in pattern.finditer(heard):
                if not CONDITIONAL.search(heard[: found.start()]):
                    yield Claim(kind, times=times, days=days)
                    break
    if code := code_in(clause):
        yield Claim(Kind.CODE, text=code)
    for digits in digits_in(clause):
        yield Claim(Kind.NUMBER, text=digits)
    if SAFE.search(heard) and not is_asked and not UNSAFE.search(heard):
        yield Claim(Kind.SAFE)
    if HUMAN.search(heard):
        yield Claim(Kind.HUMAN)


def _time(hour: int, minute: int, half: str | None) -> Time:
    if half is None:
        return Time((hour % 24) * 60 + minute, is_sure=False)
    return Time((hour % 12 + (12 if half == "pm" else 0)) * 60 + minute)


def _spoken_number(words: list[str]) -> str:
    """The number at the end of some words, in digits: "seventy nine" is 79, "two hundred" 200."""
    for start in range(len(words)):
        digits, at = "", start
        while at < len(words) and (found := read_number(words, at)):
            digits += found[0]
            at += found[1]
        if at == len(words) and digits:
            return digits
    return ""
