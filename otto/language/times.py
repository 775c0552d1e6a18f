"""When a caller would like to come, by their own words: "Tuesday at nine", "any day but Monday".

The words are spelled out (`time_words.py`) and read from left to right into items: days by the
rules of `date_rules.py` (the longest phrase that is one), times of day by those of
`time_rules.py`, and the marks between them. The grammar of `time_grammar.py` makes choices of the
items, and the dealership's clock and opening hours settle what they mean.

The aim is to be right or to ask. Words that say nothing of time are passed over; a word about time
that no rule has used, two days without a word between them, an hour that may be morning or
evening: all that comes back as a question, never as a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from otto.language.clock import Span, Unclear, resolve
from otto.language.date_rules import resolve_text
from otto.language.date_words import IGNORED, spell
from otto.language.days import NOT_UNDERSTOOD, DateError, Days
from otto.language.spoken_times import describe_date, describe_time
from otto.language.time_context import context_at
from otto.language.time_grammar import Day, Group, Item, Mark, Time, understand
from otto.language.time_rules import time_at
from otto.language.time_words import VOCABULARY, spell_out
from otto.language.wishes import ANY_TIME, Ask, Choice, DaySet, Wish

MAX_PHRASE_CHARS = 300
LONGEST_DAY_WORDS = 10
"""Words of the longest phrase that is tried as days."""
ASK_WHEN = "Which day would you like to come, and at what time of day?"
CLASHING = "I am not sure which time you mean. Could you tell me the day and the time once more?"
WEEK_DAYS = 7

HoursOn = Callable[[date], Sequence[Span]]
"""The opening times on a date, each from and to, in local time; empty when closed."""

_MARKS = frozenset(
    "<not> <bad> <good> <except> <fix> <any> <anytime> <but> <or> <else> <and>".split()
)
_RECURRING = {
    "weekday": frozenset(range(5)),
    "weekdays": frozenset(range(5)),
    "weekends": frozenset({5, 6}),
    "during the week": frozenset(range(5)),
    **{
        f"{name}s": frozenset({number})
        for number, name in enumerate(
            ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        )
    },
}
_WEEKDAYS = tuple(name.removesuffix("s") for name in list(_RECURRING)[4:])
_SMALL = {",", "the", "on", "of", "a", "an", "in"}
"""Words that may stand within a phrase about days, not at its end."""
_BOUNDS = frozenset("before by until till notafter notbefore after from starting since".split())
_MODEL_YEAR = re.compile(r"(?:19|20)\d\d")


def resolve_wish(
    phrase: str,
    *,
    now: datetime,
    hours_on: HoursOn,
    horizon_days: int,
    about: datetime | None = None,
) -> Wish | Ask:
    """What the words ask for, or the question that they leave open.

    `now` is aware and in the dealership's zone. `about` is the start that is being talked about,
    for "later that day" or "the week after". No words at all: as soon as possible.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware, in the dealership's zone")
    if not phrase.strip():
        return Wish((Choice(DaySet(now.date(), None)),))
    if len(phrase) > MAX_PHRASE_CHARS:
        return Ask(ASK_WHEN)
    today = now.date()
    try:
        day = None if about is None else about.astimezone(now.tzinfo).date()
        groups = understand(_read(spell_out(phrase), now, about), today, day)
        if day is not None:
            groups = [_about(group, day) for group in groups]
        choices = [
            choice for group in groups for choice in _choices(group, today, hours_on, horizon_days)
        ]
        return Wish(tuple(_still_ahead(choices, now, horizon_days)))
    except DateError as refused:
        return Ask(ASK_WHEN if refused.sentence == NOT_UNDERSTOOD else refused.sentence)
    except Unclear as unclear:
        return Ask(unclear.question)
    except (OverflowError, ValueError):
        return Ask(ASK_WHEN)


# Reading


def _read(words: list[str], now: datetime, about: datetime | None) -> list[Item]:
    """The items in the order in which they were said. Raises `DateError`."""
    items: list[Item] = []
    at = 0
    while at < len(words):
        found = (
            context_at(words, at, now, about)
            or days_at(words, at, now.date())
            or _time_at(words, at)
        )
        if found is not None:
            item, length = found
            items.extend(item)
            at += length
            continue
        word = words[at]
        if word in _MARKS:
            items.append(Mark(word.strip("<>")))
        elif word == ",":
            items.append(Mark("pause"))
        elif word in {"oneafter", "dayafter", "weekafter"}:
            items.append(Mark(word))
        elif word in VOCABULARY or _is_loose_number(words, at):
            raise DateError(NOT_UNDERSTOOD)
        at += 1
    return items


def _is_loose_number(words: list[str], at: int) -> bool:
    """Whether a number was said that nothing has used; the year of a car is none."""
    if not words[at][0].isdigit():
        return False
    following = words[at + 1] if at + 1 < len(words) else ","
    return not (_MODEL_YEAR.fullmatch(words[at]) and following.isalpha())


def _time_at(words: list[str], at: int) -> tuple[list[Item], int] | None:
    found = time_at(words, at)
    return None if found is None else ([Time(found[0])], found[1])


def days_at(words: list[str], at: int, today: date) -> tuple[list[Item], int] | None:
    """The longest phrase from `words[at]` on that names days."""
    if words[at] in {",", "on", "at", "the", "for"} or words[at] in _MARKS:
        return None
    is_refused = words[at - 1 : at] in (["<not>"], ["<except>"])
    longest = min(len(words) - at, LONGEST_DAY_WORDS)
    for length in range(longest, 0, -1):
        window = words[at : at + length]
        if not _may_be_days(window) or (is_refused and _names_another(window)):
            continue
        spelled = spell(" ".join(word for word in window if word != ","))
        if not spelled or spelled in {"week", "month"}:
            continue  # "a week" is no days of its own
        if spelled in _RECURRING:
            return [Day(DaySet(today, None, _RECURRING[spelled]), is_recurring=True)], length
        try:
            days = resolve_text(spelled.replace("<and>", "and"), today)
        except DateError as refused:
            if refused.sentence != NOT_UNDERSTOOD:
                raise
            continue
        return [_day_item(days, spelled)], length
    return None


def _names_another(window: list[str]) -> bool:
    """ "Not tomorrow, Friday": behind the pause stands another day, not the same one again."""
    return "," in window[:-1] and window[window.index(",") + 1] in _WEEKDAYS


def _may_be_days(window: list[str]) -> bool:
    """Whether the words can be one phrase about days: no mark within but the "and" of "between",
    and no small word at the end, which belongs to what follows."""
    marks = [word for word in window if word in _MARKS]
    if marks and not (marks == ["<and>"] and window[0] in {"between", "<and>"}):
        return False
    return window[-1] not in _SMALL and not any(
        word in IGNORED and word not in _SMALL for word in window
    )


def _day_item(days: Days, spelled: str) -> Day:
    named = spelled in _WEEKDAYS
    return Day(
        DaySet(days.first, days.last),
        weekday=_WEEKDAYS.index(spelled) if named else None,
        is_bound=spelled.split()[0] in _BOUNDS,
    )


# Settling


def _about(group: Group, day: date) -> Group:
    """Times alone are about the day that is being talked about."""
    if group.days or not group.times:
        return group
    return replace(group, days=(DaySet(day, day),))


def _choices(group: Group, today: date, hours_on: HoursOn, horizon_days: int) -> list[Choice]:
    until = today + timedelta(days=horizon_days)
    days = list(group.days) or [DaySet(today, None)]
    for left_out in group.without:
        days = [
            one if one.single and one.single not in left_out else one.less(left_out) for one in days
        ]
    days = [
        replace(one, first=max(one.first, today)) if one.last != one.first else one for one in days
    ]
    kept = [one for one in days if one.holds_any(max(until, one.last or until))]
    if not kept:
        raise DateError(NOT_UNDERSTOOD)
    found = []
    for one in kept:
        for said in group.times or ((),):
            if one.single is None:
                said = tuple(each for each in said if not each.soonest)
            hours = resolve(said, _spans(one, until, hours_on)) if said else ANY_TIME
            if hours is None:
                raise Unclear(CLASHING)
            found.append(Choice(one, hours))
    return found


def _spans(days: DaySet, until: date, hours_on: HoursOn) -> list[Span]:
    """When it is open on those days; where it never is, in the week that follows."""
    spans = {span for day in _some(days, until) for span in hours_on(day)}
    if not spans:
        week = DaySet(days.first, days.first + timedelta(days=WEEK_DAYS))
        spans = {span for day in _some(week, date.max) for span in hours_on(day)}
    return sorted(spans)


def _some(days: DaySet, until: date) -> list[date]:
    return [day for _, day in zip(range(WEEK_DAYS), days.days(until), strict=False)]


def _still_ahead(choices: list[Choice], now: datetime, horizon_days: int) -> list[Choice]:
    """The choices that are not over. Raises `DateError` when all are, or lie too far ahead."""
    today, last = now.date(), now.date() + timedelta(days=horizon_days)
    ahead = [one for one in choices if one.days.last is None or one.days.last >= today]
    if not ahead:
        passed = max(one.days.last for one in choices if one.days.last is not None)
        raise DateError(
            f"{describe_date(passed, today=today)} has already passed; today is "
            f"{describe_date(today)}, {today.year}."
        )
    near = [one for one in ahead if one.days.first <= last]
    if not near:
        latest = describe_date(last, today=today)
        raise DateError(f"That is too far ahead: I can book appointments up to {latest}.")
    left = [one for one in near if not _is_over(one, now)]
    if not left:
        raise DateError(
            f"That time has passed already: it is {describe_time(now.time())} now. "
            "When would you like to come?"
        )
    return left


def _is_over(choice: Choice, now: datetime) -> bool:
    latest: time | None = choice.hours.latest
    return choice.days.single == now.date() and latest is not None and latest <= now.time()
