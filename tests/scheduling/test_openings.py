"""Free starts: what must hold for every calendar, and a few days read by eye."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import combinations, pairwise, permutations
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Bay
from otto.scheduling.availability.choosing import spread
from otto.scheduling.availability.planning import Work, plan, rank_bays, starts_within
from otto.scheduling.hours import Period
from otto.scheduling.openings import Opening

CHICAGO = ZoneInfo("America/Chicago")
MIDNIGHT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # 00:00 in Chicago
MINUTE = timedelta(minutes=1)
SKILLS = ("quick", "general", "tires")


def at(minutes: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minutes)


def period(start: int, length: int) -> Period:
    return Period(at(start), at(start + length))


@st.composite
def open_days(draw: st.DrawFn) -> tuple[Period, ...]:
    """One to three stretches of opening time on one day, apart from each other."""
    edges = sorted(draw(st.sets(st.integers(0, 287), min_size=2, max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(period(start * 5, (end - start) * 5) for start, end in pairs)


bays_lists = st.lists(st.sets(st.sampled_from(SKILLS), min_size=1), min_size=1, max_size=4).map(
    lambda lists: [
        Bay(id=f"b{index}", name="Bay", skills=tuple(sorted(skills)), calendar_id=f"c{index}")
        for index, skills in enumerate(lists)
    ]
)
taken_lists = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-60, 1440), st.integers(1, 300)), max_size=12
)


@given(
    open_days(),
    bays_lists,
    taken_lists,
    st.sampled_from(SKILLS),
    st.integers(5, 240),
    st.sampled_from([15, 20, 30, 45]),
    st.integers(-60, 1500),
)
def test_an_opening_keeps_every_rule_and_none_is_missed(
    opened: tuple[Period, ...],
    bays: list[Bay],
    taken: list[tuple[int, int, int]],
    skill: str,
    minutes: int,
    step_minutes: int,
    notice: int,
) -> None:
    busy: dict[str, list[Period]] = {}
    for bay, start, length in taken:
        busy.setdefault(f"b{bay}", []).append(period(start, length))
    duration, step = timedelta(minutes=minutes), timedelta(minutes=step_minutes)
    able = rank_bays(bays, skill)
    work = Work("work", duration, timedelta(), tuple(bay.id for bay in able))
    found = {
        start: lines
        for one in opened
        for start in starts_within(one, duration, step)
        if start >= at(notice) and (lines := plan([work], start, busy)) is not None
    }
    skills = {bay.id: bay.skills for bay in bays}
    for start, (line,) in found.items():
        period_of_work = Period(line.starts_at, line.ends_at)
        assert (line.starts_at, line.ends_at - line.starts_at) == (start, duration)
        assert skill in skills[line.bay_id]
        assert not any(period_of_work.overlaps(other) for other in busy.get(line.bay_id, []))

    # Minute by minute, the slow and obvious way: nothing that is free was left out.
    obvious = set()
    for one in opened:
        for offset in range(0, 1440, step_minutes):
            taking = Period(
                one.starts_at + offset * MINUTE, one.starts_at + offset * MINUTE + duration
            )
            if taking.ends_at > one.ends_at or taking.starts_at < at(notice):
                continue
            if any(
                all(
                    taking.ends_at <= other.starts_at or taking.starts_at >= other.ends_at
                    for other in busy.get(bay.id, [])
                )
                for bay in able
            ):
                obvious.add(taking.starts_at)
    assert set(found) == obvious


def test_the_least_versatile_bay_that_can_do_it_is_taken_first() -> None:
    bays = [
        Bay(id="all", name="A", skills=("quick", "general", "tires"), calendar_id="1"),
        Bay(id="express", name="B", skills=("quick",), calendar_id="2"),
        Bay(id="rack", name="C", skills=("tires", "general"), calendar_id="3"),
    ]
    assert [bay.id for bay in rank_bays(bays, "quick")] == ["express", "all"]
    assert [bay.id for bay in rank_bays(bays, "general")] == ["rack", "all"]
    assert rank_bays(bays, "alignment") == ()


def half_hours(day: int, first: str, last: str, *, without: Sequence[str] = ()) -> list[Opening]:
    """Openings every half hour from `first` to `last`, local time of 24 November + `day`."""
    begin, end = time.fromisoformat(first), time.fromisoformat(last)
    local = datetime(2026, 11, 24 + day, begin.hour, begin.minute, tzinfo=CHICAGO)
    found = []
    while local.time() <= end:
        if f"{local:%H:%M}" not in without:
            start = local.astimezone(UTC)
            found.append(Opening.of_one("main", "b0", "work", start, start + 30 * MINUTE))
        local += 30 * MINUTE
    return found


def spoken(openings: Sequence[Opening]) -> list[str]:
    return [f"{one.starts_at.astimezone(CHICAGO):%d %H:%M}" for one in openings]


def test_one_free_day_is_offered_across_its_length() -> None:
    assert spoken(spread(half_hours(0, "07:30", "17:00"), 3, CHICAGO)) == [
        "24 07:30",
        "24 12:00",
        "24 17:00",
    ]


def test_three_free_days_are_offered_at_three_times_of_day() -> None:
    days = half_hours(0, "07:30", "17:00") + half_hours(1, "07:30", "17:00")
    days += half_hours(2, "07:30", "17:00") + half_hours(3, "07:30", "17:00")
    assert spoken(spread(days, 3, CHICAGO)) == ["24 07:30", "25 17:00", "26 12:00"]


def test_a_day_with_little_left_is_topped_up_from_the_next() -> None:
    days = half_hours(0, "16:30", "16:30") + half_hours(1, "07:30", "17:00")
    assert spoken(spread(days, 3, CHICAGO)) == ["24 16:30", "25 07:30", "25 12:00"]


@given(
    st.sets(st.integers(0, 500), max_size=60),
    st.integers(0, 8),
)
def test_a_choice_is_part_of_what_there_is(slots: set[int], limit: int) -> None:
    openings = [
        Opening.of_one("main", "b0", "work", at(30 * slot), at(30 * slot + 30))
        for slot in sorted(slots)
    ]
    chosen = spread(openings, limit, CHICAGO)
    assert len(chosen) == min(limit, len(openings))
    assert set(chosen) <= set(openings)
    assert list(chosen) == sorted(set(chosen), key=lambda one: one.starts_at)
    if chosen:
        assert chosen[0] == openings[0]


works = st.lists(
    st.tuples(st.integers(5, 120), st.integers(0, 60), st.sets(st.integers(0, 3), min_size=1)),
    min_size=1,
    max_size=4,
).map(
    lambda lists: [
        Work(f"s{index}", minutes * MINUTE, buffer * MINUTE, tuple(f"b{bay}" for bay in bays))
        for index, (minutes, buffer, bays) in enumerate(lists)
    ]
)


def fits(order: Sequence[Work], start: datetime, busy: dict[str, list[Period]]) -> bool:
    """The slow and obvious way: whether each piece finds a bay, one after another."""
    for piece in order:
        use = Period(start, start + piece.duration + piece.buffer)
        if all(any(use.overlaps(one) for one in busy.get(bay, [])) for bay in piece.bays):
            return False
        start += piece.duration
    return True


@given(works, taken_lists, st.integers(0, 1200))
def test_a_visit_keeps_every_rule(
    work: list[Work], taken: list[tuple[int, int, int]], start: int
) -> None:
    busy: dict[str, list[Period]] = {}
    for bay, begin, length in taken:
        busy.setdefault(f"b{bay}", []).append(period(begin, length))
    lines = plan(work, at(start), busy)
    if lines is None:
        assert not any(fits(order, at(start), busy) for order in permutations(work))
        return
    wanted = {one.service_code: one for one in work}
    assert sorted(line.service_code for line in lines) == sorted(wanted)
    assert lines[0].starts_at == at(start)
    for line in lines:
        piece = wanted[line.service_code]
        assert line.bay_id in piece.bays
        assert line.ends_at - line.starts_at == piece.duration
        assert line.ends_at <= line.free_at <= line.ends_at + piece.buffer
        use = Period(line.starts_at, line.free_at)
        assert not any(use.overlaps(other) for other in busy.get(line.bay_id, []))
    for one, two in pairwise(lines):
        assert one.ends_at == two.starts_at, "a car is in one bay at a time, without a gap"
    for one, two in combinations(lines, 2):
        if one.bay_id == two.bay_id:
            assert one.free_at <= two.starts_at, "the constraint of the database would refuse it"
