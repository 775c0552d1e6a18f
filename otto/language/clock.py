"""Times of day as they are said, and what they mean by the opening hours.

"Nine" is said of two times of day. Which one is meant is told by "am" or "in the morning", else by
when the location is open: at a workshop that opens from 7:30 to 18:00, nine is 9:00 and two is
14:00. Where both are possible, or neither is nearer to the opening hours, it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Literal

from otto.language.spoken_times import describe_time
from otto.language.wishes import Hours

Half = Literal["am", "pm"]
Bound = Literal["at", "from", "to"]
"""What a time is said for: a start, the earliest start, the latest."""

_NOON = 12 * 60
_DAY_END = 24 * 60 - 1


@dataclass(frozen=True, slots=True)
class Clock:
    """A time as said. `half` None: not said, and an hour of 1 to 12 leaves it open."""

    hour: int
    minute: int = 0
    half: Half | None = None

    def minutes(self, half: Half | None) -> tuple[int, ...]:
        """The minutes of the day that it may stand for."""
        half = self.half or half
        if self.hour == 0 or self.hour > 12:
            return (self.hour * 60 + self.minute,)
        early = self.hour % 12 * 60 + self.minute
        return tuple(
            minutes
            for minutes, its_half in ((early, "am"), (early + _NOON, "pm"))
            if half in (None, its_half)
        )


@dataclass(frozen=True, slots=True)
class Said:
    """One expression of time: starts from `low` to `high`, nearest to `wished`.

    `before`: `high` itself is too late. `half`: what a part of the day says of the bare hours
    beside it ("in the afternoon at three"). `part`: it is such a part.
    """

    low: Clock | None = None
    high: Clock | None = None
    wished: Clock | None = None
    before: bool = False
    half: Half | None = None
    part: bool = False
    slack_min: int = 0
    """Minutes by which a start may be off on either side: "around nine"."""
    opening_min: int = 0
    """Minutes from opening in which it has to begin: "first thing"."""
    soonest: bool = False
    """Of several days it means the first, not the early hours of each: "as early as possible"."""


class Unclear(Exception):
    """Two readings are possible; `question` asks which is meant."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


Span = tuple[time, time]
"""An opening time of a day: from, to. One that ends at or before it begins ends past midnight."""


def settle(clock: Clock, half: Half | None, spans: Sequence[Span], bound: Bound) -> int:
    """The minute of the day that is meant. Raises `Unclear`."""
    minutes = clock.minutes(half)
    if len(minutes) == 1 or not spans:
        return minutes[0]
    fitting = [one for one in minutes if any(_fits(one, span, bound) for span in spans)]
    if len(fitting) == 1:
        return fitting[0]
    off = sorted((min(_off(one, span) for span in spans), one) for one in minutes)
    if not fitting and off[0][0] < off[1][0]:
        return off[0][1]
    named = describe_time(_time(minutes[0])).removesuffix(" AM")
    morning, evening = ("midnight", "noon") if clock.hour == 12 else ("the morning", "the evening")
    if clock.hour == 12:
        raise Unclear(f"Do you mean {named} at {evening}, or at {morning}?")
    raise Unclear(f"Do you mean {named} in {morning}, or in {evening}?")


def _ends(span: Span) -> tuple[int, int]:
    opens, closes = (moment.hour * 60 + moment.minute for moment in span)
    return opens, closes if closes > opens else closes + 24 * 60


def _fits(minute: int, span: Span, bound: Bound) -> bool:
    opens, closes = _ends(span)
    if bound == "to":
        return opens < minute <= closes
    return opens <= minute < closes


def _off(minute: int, span: Span) -> int:
    """Minutes outside of an opening time."""
    opens, closes = _ends(span)
    return max(opens - minute, minute - closes, 0)


def resolve(said: Sequence[Said], spans: Sequence[Span]) -> Hours | None:
    """What several expressions about the same start come to together ("in the afternoon, but
    before four"); None when they contradict each other. Raises `Unclear`."""
    halves = {one.half for one in said if one.half is not None}
    half = halves.pop() if len(halves) == 1 else None
    low, high, wished = -1, _DAY_END, None
    for one in said:
        first = last = None
        if one.low is not None:
            is_start = one.low == one.high or one.low == one.wished
            first = settle(one.low, half, spans, "at" if is_start else "from")
        if one.high is not None:
            last = first if one.high == one.low else settle(one.high, half, spans, "to")
            if first is not None and last is not None and last < first:
                last = next((m for m in one.high.minutes(None) if m > first), last)
        if one.wished is not None:
            wished = settle(one.wished, half, spans, "at")
            if one.slack_min:
                first, last = max(wished - one.slack_min, 0), min(wished + one.slack_min, _DAY_END)
        if one.opening_min:
            opens = min((_ends(span)[0] for span in spans), default=0)
            last = min(opens + one.opening_min, _DAY_END)
        if last is not None and one.before:
            last -= 1
        low, high = (
            max(low, -1 if first is None else first),
            min(high, _DAY_END if last is None else last),
        )
    if low > high:
        return None
    if wished is not None:
        wished = min(max(wished, low), high)
    return Hours(
        _time(low) if low >= 0 else None,
        _time(high) if high < _DAY_END else None,
        None if wished is None else _time(wished),
    )


def _time(minutes: int) -> time:
    return time(*divmod(minutes, 60))
