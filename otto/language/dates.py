"""What a caller means by "next Tuesday": phrases about dates, resolved against our calendar.

A table of rules (`date_rules.py`) over the normalised phrase (`date_words.py`); each yields a range
of days. Libraries were measured on 37 phrases of callers before this was written: dateparser
1.5.0 got 24 right, parsedatetime 2.6 22, dateutil 19, and what they missed they answered
confidently: "Tuesday the 25th" became a Wednesday, "the 3rd" a day in March, "next week" and
"after the 20th" one single day. A wrong day books a wrong appointment, so this resolver knows
fewer phrases and refuses the others with a sentence; month arithmetic is dateutil's, public
holidays are the `holidays` library's.

How ambiguous words are read (Otto says the full date back before it books anything):
- weeks run Monday to Sunday. "next Friday" is Friday of the coming week, "this Friday" or
  "Friday" the nearest one ahead; a bare weekday never means today.
- "the 25th" is the nearest 25th not yet past; a weekday said with it must fit.
- "in two weeks" opens a week of days from there on; "two weeks from today" is that day alone.
- a month and day without a year that passed within `RECENTLY_PASSED_DAYS` is refused as past;
  earlier than that it means next year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from otto.language.date_rules import resolve_end, resolve_text
from otto.language.date_words import PartOfDay, normalise, split_part_of_day
from otto.language.days import NOT_UNDERSTOOD, DateError, Days
from otto.language.spoken_times import describe_date

__all__ = ["DateError", "DateRange", "resolve_dates"]

MAX_PHRASE_CHARS = 120


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days from `first` to `last`, both included; `last` None means as far as bookings go.

    `part_of_day` is what the phrase itself said ("tomorrow morning"), else None.
    """

    first: date
    last: date | None
    part_of_day: PartOfDay | None = None


def resolve_dates(
    from_phrase: str | None,
    to_phrase: str | None = None,
    *,
    now: datetime,
    horizon_days: int | None = None,
) -> DateRange:
    """The days that a caller's words, or a model's ISO dates, stand for.

    `now` is aware and in the dealership's zone: its local date is "today". No phrase at all means
    from today on. With `horizon_days`, a range that begins later than that many days ahead is
    refused. Raises `DateError`: not understood, past, too far ahead, a weekday that does not fit.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware, in the dealership's zone")
    today = now.date()
    start, part = _read(from_phrase, today)
    found = start
    if to_phrase and to_phrase.strip():
        end, end_part = _read(to_phrase, today, earliest=start.first)
        part = part or end_part
        found = Days(start.first, end.last)
    if found.last is not None and found.last < found.first:
        raise DateError("The first of those days comes after the last. Which days did you mean?")
    if found.last is not None and found.last < today:
        passed = describe_date(found.last, today=today)
        raise DateError(
            f"{passed} has already passed; today is {describe_date(today)}, {today.year}."
        )
    if horizon_days is not None and found.first > today + timedelta(days=horizon_days):
        latest = describe_date(today + timedelta(days=horizon_days), today=today)
        raise DateError(f"That is too far ahead: I can book appointments up to {latest}.")
    return DateRange(max(found.first, today), found.last, part)


def _read(
    phrase: str | None, today: date, *, earliest: date | None = None
) -> tuple[Days, PartOfDay | None]:
    if phrase is None or not phrase.strip():
        return Days(today, None), None
    if len(phrase) > MAX_PHRASE_CHARS:
        raise DateError(NOT_UNDERSTOOD)
    rest, part = split_part_of_day(phrase)
    try:
        text = normalise(rest)
        if earliest is not None:
            return resolve_end(text, earliest, today), part
        return resolve_text(text, today), part
    except OverflowError:
        raise DateError(NOT_UNDERSTOOD) from None
