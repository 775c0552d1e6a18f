"""What callers are considering: offers steer, holds hold, and both end by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from otto.language.wishes import Choice, DaySet, Hours, Wish
from otto.scheduling.bookings import BookingRefused, BookingRequest, HoldRequest, SlotTaken
from otto.scheduling.openings import Opening, OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.tables import AppointmentLineRow, OfferedStartRow
from tests.scheduling.booking_support import MANY, NOW, People

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
TUESDAY = date(2026, 11, 24)
RACK = Opening.of_one("main", "bay-4", "wheel_alignment", NINE, NINE + timedelta(hours=1))
LATER = Opening.of_one(
    "main", "bay-4", "wheel_alignment", NINE + timedelta(hours=1), NINE + timedelta(hours=2)
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calendar(engine: AsyncEngine, dealership: Dealership, clock: Clock) -> CalendarService:
    return CalendarService(engine, dealership, "main", clock=clock, limits=MANY)


def wish(people: People, call: str | None, opening: Opening = RACK) -> BookingRequest:
    key = f"{call}:{opening.starts_at}"
    return BookingRequest(key, opening, people.maria, None, "+13125550142", call)


async def held(engine: AsyncEngine) -> list[tuple[str, datetime]]:
    line = AppointmentLineRow
    async with engine.connect() as connection:
        wanted = select(line.held_by, line.starts_at).where(line.status == "held")
        return [(str(call), start) for call, start in await connection.execute(wanted)]


async def test_what_is_held_for_one_is_refused_to_others_and_not_to_them(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    until = await calendar.hold(HoldRequest("CA1", RACK))
    assert until == NOW + timedelta(seconds=120)
    for other in ("CA2", None):
        with pytest.raises(SlotTaken):
            await calendar.book(wish(people, other))
    with pytest.raises(SlotTaken):
        await calendar.hold(HoldRequest("CA2", RACK))
    query = OpeningsQuery(
        ("wheel_alignment",),
        Wish((Choice(DaySet(TUESDAY, TUESDAY), Hours(RACK.starts_at.time())),)),
        call_sid="CA2",
    )
    exact = replace(query, wish=Wish((Choice(DaySet(TUESDAY, TUESDAY), nine()),)))
    assert (await calendar.find_openings(exact)).asked_is_free is False
    assert (await calendar.find_openings(replace(exact, call_sid="CA1"))).asked_is_free is True
    booking = await calendar.book(wish(people, "CA1"))
    assert (booking.status, booking.starts_at) == ("booked", NINE)
    assert await held(engine) == []


def nine() -> Hours:
    moment = time(9)
    return Hours(moment, moment, moment)


async def test_a_hold_ends_by_itself_and_gives_way(
    calendar: CalendarService, engine: AsyncEngine, people: People, clock: Clock
) -> None:
    await calendar.hold(HoldRequest("CA1", RACK))
    clock.forward(119)
    with pytest.raises(SlotTaken):
        await calendar.book(wish(people, "CA2"))
    clock.forward(2)
    assert await held(engine) == [("CA1", NINE)], "nobody has bumped into it yet"
    assert (await calendar.book(wish(people, "CA2"))).status == "booked"
    assert await held(engine) == []
    # Whom it was held for is told the truth, too.
    with pytest.raises(SlotTaken):
        await calendar.book(wish(people, "CA1"))


async def test_one_hold_a_call(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.hold(HoldRequest("CA1", RACK))
    await calendar.hold(HoldRequest("CA1", LATER))
    assert await held(engine) == [("CA1", LATER.starts_at)]
    assert (await calendar.book(wish(people, "CA2"))).status == "booked"
    await calendar.release_hold("CA1")
    await calendar.release_hold("CA1")
    assert await held(engine) == []


async def test_a_hold_that_fails_leaves_the_one_before(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.hold(HoldRequest("CA1", LATER))
    await calendar.book(wish(people, "CA2"))
    with pytest.raises(SlotTaken):
        await calendar.hold(HoldRequest("CA1", RACK))
    assert await held(engine) == [("CA1", LATER.starts_at)]


async def test_a_hold_goes_with_the_booking_of_another_time(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.hold(HoldRequest("CA1", RACK))
    await calendar.book(wish(people, "CA1", LATER))
    assert await held(engine) == []


async def test_a_hold_survives_another_service_on_the_same_database(
    calendar: CalendarService,
    engine: AsyncEngine,
    dealership: Dealership,
    people: People,
    clock: Clock,
) -> None:
    await calendar.hold(HoldRequest("CA1", RACK))
    restarted = CalendarService(engine, dealership, "main", clock=clock, limits=MANY)
    with pytest.raises(SlotTaken):
        await restarted.book(wish(people, "CA2"))
    assert (await restarted.book(wish(people, "CA1"))).status == "booked"


async def test_one_of_many_holds_a_single_place(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    async def try_it(call: str) -> bool:
        try:
            await calendar.hold(HoldRequest(call, RACK))
        except SlotTaken:
            return False
        return True

    won = await asyncio.gather(*(try_it(f"CA{number}") for number in range(12)))
    assert sum(won) == 1
    assert len(await held(engine)) == 1


async def test_another_bay_is_held_when_the_first_is_taken(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    oil = Opening.of_one("main", "bay-1", "oil_change", NINE, NINE + timedelta(minutes=45))
    for call in ("CA1", "CA2", "CA3"):
        await calendar.hold(HoldRequest(call, oil))
    with pytest.raises(SlotTaken):
        await calendar.hold(HoldRequest("CA4", oil))


@pytest.mark.parametrize(
    ("opening", "code"),
    [
        (replace(RACK, location_id="elsewhere"), "wrong_bay"),
        (
            Opening.of_one("main", "bay-1", "wheel_alignment", NINE, NINE + timedelta(hours=1)),
            "wrong_bay",
        ),
        (
            Opening.of_one("main", "bay-4", "wheel_alignment", NINE, NINE + timedelta(hours=2)),
            "wrong_duration",
        ),
        (replace(RACK, lines=()), "wrong_duration"),
        (replace(RACK, transport="helicopter"), "no_transport"),  # type: ignore[arg-type]
    ],
)
async def test_what_a_stranger_wants_held_is_checked(
    calendar: CalendarService, people: People, opening: Opening, code: str
) -> None:
    with pytest.raises(BookingRefused) as refused:
        await calendar.hold(HoldRequest("CA1", opening))
    assert refused.value.code == code


async def test_strange_calls_and_spans_are_kept_within_bounds(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    until = await calendar.hold(HoldRequest("C\x00" * 300, RACK, seconds=10**9))
    assert until == NOW + timedelta(seconds=600)
    await calendar.release_hold("C\x00" * 300)
    assert await held(engine) == []
    assert await calendar.hold(HoldRequest("CA1", RACK, seconds=-5)) > NOW


# Offers


def ask(call: str | None, limit: int = 1) -> OpeningsQuery:
    wish = Wish((Choice(DaySet(TUESDAY, TUESDAY)),))
    return OpeningsQuery(("wheel_alignment",), wish, limit=limit, call_sid=call)


async def offered(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(OfferedStartRow)) or 0


async def test_what_was_offered_steers_others_elsewhere_while_there_are_any(
    calendar: CalendarService, people: People
) -> None:
    (first,) = await calendar.find_openings(ask("CA1"))
    (second,) = await calendar.find_openings(ask("CA2"))
    (third,) = await calendar.find_openings(ask("CA3"))
    assert len({first.starts_at, second.starts_at, third.starts_at}) == 3
    # Nobody is refused it: by name, or by booking it.
    (again,) = await calendar.find_openings(ask("CA1"))
    assert again == first
    exact = Wish((Choice(DaySet(TUESDAY, TUESDAY), nine()),))
    named = await calendar.find_openings(replace(ask("CA5"), wish=exact))
    assert named.asked_is_free is True
    assert (await calendar.book(wish(people, "CA9", first))).status == "booked"


async def test_when_all_is_being_considered_it_is_offered_all_the_same(
    calendar: CalendarService, people: People
) -> None:
    everything = await calendar.find_openings(ask("CA1", limit=60))
    assert len(everything) > 10
    found = await calendar.find_openings(ask("CA2", limit=60))
    assert list(found) == list(everything)


async def test_offers_end_by_themselves_and_are_removed(
    calendar: CalendarService, engine: AsyncEngine, people: People, clock: Clock
) -> None:
    (first,) = await calendar.find_openings(ask("CA1"))
    clock.forward(179)
    (other,) = await calendar.find_openings(ask("CA2"))
    assert other != first
    assert await offered(engine) == 2
    clock.forward(2)
    (again,) = await calendar.find_openings(ask("CA3"))
    assert again == first
    assert await offered(engine) == 2


async def test_a_start_with_bays_left_is_offered_to_several(
    calendar: CalendarService, people: People
) -> None:
    query = replace(ask("CA1"), service_codes=("oil_change",))
    starts = [
        (await calendar.find_openings(replace(query, call_sid=call))).openings[0].starts_at
        for call in ("CA1", "CA2", "CA3", "CA4")
    ]
    assert len(set(starts[:3])) == 1, "three bays can do it"
    assert starts[3] != starts[0]


async def test_who_asks_without_a_call_leaves_no_trace(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    await calendar.find_openings(ask(None))
    assert await offered(engine) == 0
