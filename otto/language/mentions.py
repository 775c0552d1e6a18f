"""Which days and times a text speaks of: for what *Otto* was heard to say. Pure.

`times.py` reads what a caller would like, and asks where it is not sure. Here nothing is asked:
what cannot be read, or may mean two things, makes the text unclear, and nobody may rely on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from otto.language.clock import Said, Span, Unclear, resolve
from otto.language.days import DateError
from otto.language.time_context import context_at
from otto.language.time_grammar import Day, Item, Time
from otto.language.time_rules import time_at
from otto.language.time_words import spell_out
from otto.language.times import days_at
from otto.language.wishes import Hours

MOST_CHARACTERS = 1_500
"""A text longer than that is not said back to anybody."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """Days and times of a text, in the order of its words; local."""

    starts: tuple[tuple[date, time], ...] = ()
    """Times with the day that they are said of."""
    days: tuple[date, ...] = ()
    """All single days, those of the starts among them."""
    times: tuple[time, ...] = ()
    """All exact times of day."""
    parts: tuple[Hours, ...] = ()
    """Parts of the day: "in the morning"."""
    is_clear: bool = True
    """False: something about time cannot be read, or may mean two things."""


def mentioned(text: str, now: datetime, hours_on: Callable[[date], Sequence[Span]]) -> Mentions:
    """What `text` names. `now` is aware and in the dealership's zone; `hours_on` tells, of "at
    nine", which nine it is."""
    if len(text) > MOST_CHARACTERS:
        return Mentions(is_clear=False)
    try:
        return _paired(_items(spell_out(text), now), hours_on)
    except (DateError, Unclear, ValueError, OverflowError):
        return Mentions(is_clear=False)


def _items(words: list[str], now: datetime) -> list[Item]:
    items: list[Item] = []
    at = 0
    while at < len(words):
        time_said = time_at(words, at)
        found = (
            context_at(words, at, now, None)
            or days_at(words, at, now.date())
            or (time_said and ([Time(time_said[0])], time_said[1]))
        )
        if found is None:
            at += 1
            continue
        items.extend(found[0])
        at += found[1]
    return items


def _paired(items: Sequence[Item], hours_on: Callable[[date], Sequence[Span]]) -> Mentions:
    days = [
        (at, item.days.single)
        for at, item in enumerate(items)
        if isinstance(item, Day) and item.days.single is not None
    ]
    starts: list[tuple[date, time]] = []
    times: list[time] = []
    parts: list[Hours] = []
    clear = True
    for at, item in enumerate(items):
        if not isinstance(item, Time) or not (item.said.part or _is_exact(item.said)):
            continue
        day = _day_of(at, days)
        beside = [
            other.said
            for other in items[max(0, at - 2) : at + 3]
            if isinstance(other, Time) and other.said.part and other is not item
        ]
        hours = _hours([item.said, *beside], () if day is None else hours_on(day))
        if hours is None:
            clear = False
        elif item.said.part:
            parts.append(hours)
        elif hours.exact is None:
            clear = False
        else:
            times.append(hours.exact)
            starts += [(day, hours.exact)] if day is not None else []
    return Mentions(tuple(starts), tuple(day for _, day in days), tuple(times), tuple(parts), clear)


def _is_exact(said: Said) -> bool:
    return said.low is not None and said.low == said.high


def _day_of(at: int, days: Sequence[tuple[int, date]]) -> date | None:
    """The day that a time at this place is said of: the one before it, else the first one."""
    before = [day for place, day in days if place < at]
    return before[-1] if before else next((day for _, day in days), None)


def _hours(said: Sequence[Said], spans: Sequence[Span]) -> Hours | None:
    try:
        return resolve(said, spans)
    except Unclear:
        return None
