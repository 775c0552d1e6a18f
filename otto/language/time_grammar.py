"""How days, times and the marks between them make a wish.

    words   Tuesday  at nine   no    Wednesday   or    Thursday  but not  in the morning
    items   Day      Time      fix   Day         or    Day       not      Time
            `------ said -----'      `--------------- said instead --------------------'

What follows a second thought (`fix`) takes the place of what it names anew and leaves the rest: the
times above are still the first ones. Within a thought, days and times stand in *groups*: each of
its days at each of its times. `or`, `and` and pauses part them; a day after a time begins a group
of its own ("Monday at nine or Tuesday at ten"), times after several days are for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from otto.language.clock import Clock, Said
from otto.language.days import NOT_UNDERSTOOD, DateError
from otto.language.wishes import EVERY_WEEKDAY, DaySet


@dataclass(frozen=True, slots=True)
class Mark:
    """A word between: not, bad, good, except, fix, any, anytime, but, or, else, and, pause, or
    one of `_FURTHER`."""

    name: str


@dataclass(frozen=True, slots=True)
class Day:
    """Days that were named. `weekday`: a bare weekday, which a stretch of days may place."""

    days: DaySet
    weekday: int | None = None
    is_recurring: bool = False
    is_bound: bool = False
    """It was named by one of its ends: "before Friday", "after the 20th"."""

    @property
    def is_stretch(self) -> bool:
        return self.weekday is None and not self.is_recurring and self.days.single is None


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day that was named."""

    said: Said


Item = Mark | Day | Time


@dataclass(frozen=True, slots=True)
class Group:
    """Each of these days at each of these times; no days: any; no times: any. A time is one or
    more expressions that hold together."""

    days: tuple[DaySet, ...] = ()
    times: tuple[tuple[Said, ...], ...] = ()
    without: tuple[DaySet, ...] = ()


def understand(items: list[Item], today: date, about: date | None = None) -> list[Group]:
    """The groups that the items come to, at least one; `about` is the day that is talked about.
    Raises `DateError` when they name nothing, or leave open what is meant."""
    items = _one_after(items, about)
    found: list[Group] = []
    named_any = any(isinstance(item, Day | Time) for item in items) or _is_any(items)
    for thought in _thoughts(items):
        found = _instead(found, _Thought(today).read(thought))
    if not named_any or not found:
        raise DateError(NOT_UNDERSTOOD)
    return found


def _thoughts(items: list[Item]) -> list[list[Item]]:
    """Parted at second thoughts. One that only goes on ("Tuesday actually works, or Wednesday") is
    none."""
    thoughts: list[list[Item]] = [[]]
    for at, item in enumerate(items):
        if item != Mark("fix"):
            thoughts[-1].append(item)
            continue
        following = [one for one in items[at + 1 :] if one != Mark("pause")][:1]
        if following and following[0] not in (Mark("or"), Mark("else"), Mark("and"), Mark("bad")):
            thoughts.append([])
    return [
        thought
        for thought in thoughts
        if any(not isinstance(i, Mark) for i in thought) or _is_any(thought)
    ]


_FURTHER = {"oneafter": 7, "dayafter": 1, "weekafter": 7}
"""Days from the day that was named last."""


def _is_any(items: list[Item]) -> bool:
    return Mark("any") in items or Mark("anytime") in items


def _refused(items: list[Item]) -> set[int]:
    """Where the days and times stand of which it is said behind them that they will not do, all of
    a list: "Mondays and Tuesdays won't work"."""
    found: set[int] = set()
    for at, item in enumerate(items):
        if item != Mark("bad"):
            continue
        back = at - 1
        while back >= 0 and isinstance(items[back], Day | Time):
            found.add(back)
            if back >= 2 and items[back - 1] in (Mark("or"), Mark("and")):
                back -= 2
            else:
                break
    return found


def _one_after(items: list[Item], about: date | None) -> list[Item]:
    """ "Not this Friday but the one after", "Tuesday or the day after": counted from the day that
    was named last, or else from the one that is talked about."""
    out: list[Item] = []
    last = None if about is None else DaySet(about, about)
    for item in items:
        if isinstance(item, Day):
            last = item.days
        elif isinstance(item, Mark) and item.name in _FURTHER:
            if last is None or last.last is None:
                raise DateError(NOT_UNDERSTOOD)
            if item.name == "weekafter":
                last = DaySet(*_week_of(last))
            further = timedelta(days=_FURTHER[item.name])
            last = DaySet(last.first + further, (last.last or last.first) + further)
            item = Day(last)
        out.append(item)
    return out


def _week_of(days: DaySet) -> tuple[date, date]:
    monday = days.first - timedelta(days=days.first.weekday())
    return monday, monday + timedelta(days=6)


def _instead(before: list[Group], now: list[Group]) -> list[Group]:
    """A second thought in place of the first: what it leaves out stays as it was."""
    if not before or not now:
        return now or before
    first = before[0]
    if all(not group.days for group in now):
        times = tuple(time for group in now for time in group.times)
        without = tuple(one for group in now for one in group.without)
        return [
            replace(group, times=times or group.times, without=group.without + without)
            for group in before
        ]
    return [
        group if group.times else replace(group, times=first.times if len(before) == 1 else ())
        for group in now
    ]


@dataclass(slots=True)
class _Thought:
    """Reads the items of one thought, from left to right."""

    today: date
    groups: list[tuple[list[Day], list[list[Said]]]] = field(default_factory=list)
    left_out: list[Day] = field(default_factory=list)
    refused: list[Said] = field(default_factory=list)
    is_universal: bool = False
    begins_with_time: bool = False
    """Whether the group under way does: its time is for all days that follow it."""

    def read(self, items: list[Item]) -> list[Group]:
        before: Item | None = None
        leaving_out = False
        refused = _refused(items)
        for at, item in enumerate(items):
            following = items[at + 1] if at + 1 < len(items) else None
            if isinstance(item, Mark):
                leaving_out = self._mark(item, before, following, leaving_out)
            elif leaving_out or at in refused:
                # "Not Monday morning": the Monday is left out whole.
                if not (isinstance(item, Time) and isinstance(before, Day) and not item.said.part):
                    self._leave_out(item, alone=not isinstance(before, Day))
                else:
                    leaving_out = False
                    self._add(item, before)
            else:
                if isinstance(item, Time) and isinstance(following, Day) and _is_parted(before):
                    self._begin_group()  # "2:30 tomorrow or 3:30 on Friday"
                self._add(item, before, following)
            before = item
        return self._made()

    def _mark(
        self, item: Mark, before: Item | None, following: Item | None, leaving_out: bool
    ) -> bool:
        """Whether what follows is left out."""
        if item.name in {"not", "except"}:
            return True
        if item.name in {"any", "anytime"}:
            self.is_universal = True
        if item.name == "but":
            return self.is_universal and isinstance(following, Day)
        if item.name == "else":
            self._begin_group()
            return False
        if item.name in {"or", "and"}:
            return leaving_out and isinstance(following, Day)
        return leaving_out and item.name in {"any", "anytime"}

    def _leave_out(self, item: Day | Time, *, alone: bool) -> None:
        if isinstance(item, Day):
            self.left_out.append(item)
        elif alone:
            self.refused.append(item.said)

    def _begin_group(self) -> None:
        if self.groups and self.groups[-1][0]:
            self.groups.append(([], []))

    def _add(self, item: Day | Time, before: Item | None, following: Item | None = None) -> None:
        if before == Mark("any") and isinstance(item, Day) and item.weekday is not None:
            weekday = frozenset({item.weekday})
            item = Day(DaySet(self.today, None, weekday), is_recurring=True)
        is_parted = _is_parted(before)
        if not self.groups:
            self.groups.append(([], []))
        days, times = self.groups[-1]
        if not days and not times:
            self.begins_with_time = isinstance(item, Time)
        if isinstance(item, Time):
            is_exact = item.said.low is not None and item.said.low == item.said.high
            if is_exact and isinstance(before, Day) and before.is_bound:
                raise DateError(NOT_UNDERSTOOD)  # "by Friday at noon": one moment, not a time a day
            has_two_ends = before != Mark("or") and times and _opposite(times[-1], item.said)
            if times and (has_two_ends or not is_parted):
                times[-1].append(item.said)
            else:
                times.append([item.said])
            return
        if not days:
            days.append(item)
        elif not is_parted and _can_merge(days[-1], item):
            days[-1] = _merged(days[-1], item)
        elif not is_parted and not times:
            raise DateError(NOT_UNDERSTOOD)  # two days with nothing between
        elif times and self.begins_with_time and _is_parted(before) and not _is_time(following):
            days.append(item)  # "at nine on Monday or Tuesday"
        elif times:
            self.begins_with_time = False
            self.groups.append(([item], []))
        elif before == Mark("pause") and _can_merge(days[-1], item):
            days[-1] = _merged(days[-1], item)
        else:
            days.append(item)

    def _made(self) -> list[Group]:
        without = tuple(_excluded(day) for day in self.left_out)
        refused = [(_opposite_of(said),) for said in self.refused]
        groups = [
            Group(
                tuple(day.days for day in days),
                tuple((*time, *sum(refused, ())) for time in times)
                or ((tuple(sum(refused, ())),) if refused else ()),
                without,
            )
            for days, times in self.groups
        ]
        if groups:
            return groups
        if without or refused or self.is_universal:
            return [Group((), (tuple(sum(refused, ())),) if refused else (), without)]
        return []


def _is_parted(before: Item | None) -> bool:
    return isinstance(before, Mark) and before.name in {"or", "else", "and", "pause", "but"}


def _is_time(item: Item | None) -> bool:
    return isinstance(item, Time)


def _can_merge(one: Day, other: Day) -> bool:
    """Whether both speak of the same days: a stretch and what lies in it."""
    if one.days == other.days or one.is_stretch != other.is_stretch:
        return True
    return one.is_stretch and other.is_stretch


def _merged(one: Day, other: Day) -> Day:
    """What two names for the same days come to. Raises `DateError` when they do not fit."""
    stretch, inner = (one, other) if one.is_stretch else (other, one)
    if inner.weekday is not None:
        weekdays = frozenset({inner.weekday})
        days = replace(stretch.days, weekdays=stretch.days.weekdays & weekdays)
        return _first_of_week(Day(days, is_recurring=True))
    days = inner.days.within(stretch.days)
    bounds = [day for day in (one, other) if day.is_bound]
    if len(bounds) == 1 and one.is_stretch and other.is_stretch and days != bounds[0].days:
        rest = other if bounds[0] is one else one
        if days == rest.days:
            raise DateError(NOT_UNDERSTOOD)  # "in January after the 10th": of which month?
    if inner.is_recurring:
        return _first_of_week(replace(inner, days=days))
    if days.last is not None and (days.last < days.first or not days.holds_any(days.last)):
        raise DateError(NOT_UNDERSTOOD)
    return replace(inner, days=days)


def _first_of_week(day: Day) -> Day:
    """A weekday within seven days is one day."""
    if day.days.last is None or day.days.last - day.days.first >= timedelta(days=7):
        return day
    only = list(day.days.days(day.days.last))
    if len(only) != 1:
        return day
    return Day(DaySet(only[0], only[0]))


def _excluded(day: Day) -> DaySet:
    """A weekday that will not do is left out for good, any other days as they are."""
    if day.weekday is not None:
        return replace(day.days, weekdays=frozenset({day.weekday}))
    return day.days


def _opposite(said: list[Said], other: Said) -> bool:
    """ "After two and before four": one time with two ends."""
    one = said[-1]
    return (one.low is None) != (other.low is None) and (one.high is None) != (other.high is None)


def _opposite_of(said: Said) -> Said:
    """All times but these; only for what has one end. Raises `DateError`."""
    if said.wished is None and said.low is None and said.high is not None:
        return Said(low=said.high)
    if said.wished is None and said.high is None and said.low is not None:
        return Said(high=said.low, before=True)
    if said.opening_min:
        return Said(low=Clock(9, 0, "am"))
    raise DateError(NOT_UNDERSTOOD)


__all__ = ["EVERY_WEEKDAY", "Day", "Group", "Item", "Mark", "Time", "understand"]
