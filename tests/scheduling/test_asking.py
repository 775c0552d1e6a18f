"""What is offered to a caller who asks for a day and a time, and what they are told otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership, Location
from otto.language.times import resolve_wish
from otto.language.wishes import Wish
from otto.scheduling.availability.choosing import meets
from otto.scheduling.bookings import BookingRefused, BookingRequest, HoldRequest, SchedulingError
from otto.scheduling.openings import Opening, Openings, OpeningsQuery, Why
from otto.scheduling.service import CalendarService
from otto.storage.tables import BayBlockRow
from tests.scheduling.booking_support import MANY, NOW, People
from tests.support.appointments import write_appointment

CHICAGO = ZoneInfo("America/Chicago")
TUESDAY = date(2026, 11, 24)
NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAYS = ("bay-1", "bay-2", "bay-3", "bay-4")


@pytest.fixture
def calendar(engine: AsyncEngine, dealership: Dealership) -> CalendarService:
    return CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=MANY)


def changed(
    dealership: Dealership, services: dict[str, dict[str, Any]] | None = None, **location: Any
) -> Dealership:
    """The dealership with other rules at its location, or for some services."""
    menu = [
        one.model_copy(update=(services or {}).get(one.code, {})) for one in dealership.services
    ]
    here = dealership.locations[0].model_copy(update=location)
    return dealership.model_copy(update={"locations": (here,), "services": tuple(menu)})


def asked(words: str, dealership: Dealership, **more: Any) -> OpeningsQuery:
    location = dealership.locations[0]
    wish = resolve_wish(
        words,
        now=NOW.astimezone(CHICAGO),
        hours_on=lambda day: [(one.opens, one.closes) for one in location.intervals_on(day)],
        horizon_days=location.horizon_days,
    )
    assert isinstance(wish, Wish), words
    return OpeningsQuery(more.pop("services", ("oil_change",)), wish, **more)


def whens(found: Openings) -> list[str]:
    return [f"{one.starts_at.astimezone(CHICAGO):%a %d %H:%M}" for one in found]


async def take(
    engine: AsyncEngine, people: People, start: datetime, *bays: str, **more: Any
) -> None:
    async with engine.begin() as connection:
        for bay in bays:
            await write_appointment(
                connection,
                f"{bay}-{start}-{more}",
                customer_id=people.john,
                starts_at=start,
                bay_id=bay,
                **more,
            )


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("Tuesday at nine", "Tue 24 09:00"),
        ("Tuesday at 9", "Tue 24 09:00"),
        ("nine on Tuesday", "Tue 24 09:00"),
        ("the 24th at half past nine", "Tue 24 09:30"),
        ("tomorrow at two", "Tue 24 14:00"),
        ("Wednesday at 2:30 pm", "Wed 25 14:30"),
        ("a week from tomorrow at eleven", "Tue 01 11:00"),
        ("Saturday at one", "Sat 28 13:00"),
        ("Friday at noon", "Fri 27 12:00"),
        ("today at four thirty", "Mon 23 16:30"),
        ("Tuesday, no, Wednesday at nine", "Wed 25 09:00"),
        ("around noon on Friday", "Fri 27 12:00"),
    ],
)
async def test_who_names_a_free_time_gets_it(
    calendar: CalendarService, dealership: Dealership, people: People, words: str, first: str
) -> None:
    found = await calendar.find_openings(asked(words, dealership))
    assert whens(found)[0] == first
    assert found.why is None
    if "around" not in words:
        assert (found.asked_is_free, whens(found)) == (True, [first])


async def test_who_names_a_taken_time_gets_the_nearest_and_why(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    await take(engine, people, NINE, "bay-1", "bay-2", "bay-3")
    found = await calendar.find_openings(asked("Tuesday at nine", dealership))
    assert (found.asked, found.asked_is_free) == (NINE, False)
    assert (found.why, found.sentence) == (Why.TAKEN, "That time is taken.")
    assert whens(found) == ["Tue 24 10:00", "Tue 24 08:00", "Tue 24 10:30"]


@pytest.mark.parametrize(
    ("words", "why", "sentence"),
    [
        ("Sunday at ten", Why.CLOSED, "On Sunday, November 29 we are closed."),
        (
            "Thanksgiving",
            Why.CLOSED,
            "On Thursday, November 26 we are closed for Thanksgiving Day.",
        ),
        ("Tuesday at 8 pm", Why.OUTSIDE_HOURS, "On Tuesday, November 24 we are open from 7:30 AM"),
        (
            "Saturday afternoon after four",
            Why.OUTSIDE_HOURS,
            "On Saturday, November 28 we are open",
        ),
        ("Tuesday at 5:30 pm", Why.TOO_LONG, "That takes 45 minutes, and on Tuesday, November 24"),
        ("today at 6:30 am", Why.OUTSIDE_HOURS, "On Monday, November 23 we are open from 7:30"),
        ("Tuesday at 9:10", Why.OFF_GRID, "Our appointments begin every 30 minutes."),
    ],
)
async def test_why_not(
    calendar: CalendarService,
    dealership: Dealership,
    people: People,
    words: str,
    why: Why,
    sentence: str,
) -> None:
    found = await calendar.find_openings(asked(words, dealership))
    assert found.why is why
    assert found.sentence.startswith(sentence)
    assert len(found) == 3, "the nearest are offered all the same"


async def test_too_soon_is_said(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    at_ten = datetime(2026, 11, 23, 16, 10, tzinfo=UTC)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: at_ten)
    found = await calendar.find_openings(asked("today at eleven", dealership))
    assert (found.why, found.sentence) == (Why.TOO_SOON, "For that we need 1 hour of notice.")
    assert whens(found)[0] == "Mon 23 11:30"


async def test_a_wish_ranks_and_never_filters_everything_away(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    start = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)
    await take(engine, people, start, *BAYS, ends_at=start + timedelta(hours=4, minutes=30))
    found = await calendar.find_openings(asked("Tuesday morning", dealership))
    assert found.why is Why.TAKEN
    assert whens(found)[0] == "Tue 24 12:00"
    assert {when[:3] for when in whens(found)} == {"Tue"}
    # With mornings left elsewhere nothing else is offered.
    found = await calendar.find_openings(asked("any morning", dealership))
    assert found.why is None
    assert all(when < "Tue 24 12" or when[-5:] < "12:00" for when in whens(found))


@pytest.mark.parametrize(
    "words",
    [
        "any day but Tuesday",
        "any morning but Monday",
        "not Wednesday",
        "next week but not Friday",
        "Monday or Wednesday after two",
        "between 8 and 10",
        "sometime next week after four",
        "Saturdays",
        "later this week in the afternoon",
        "December 1st to the 4th before ten",
    ],
)
async def test_what_is_offered_is_what_was_asked_for(
    calendar: CalendarService, dealership: Dealership, people: People, words: str
) -> None:
    query = asked(words, dealership)
    found = await calendar.find_openings(query)
    assert found.why is None
    assert 1 <= len(found) <= 3
    assert query.wish is not None
    assert all(meets(one.starts_at, query.wish, CHICAGO) for one in found)


async def test_staff_are_given_where_they_are_free_and_told_of_otherwise(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    query = asked("Tuesday at nine", dealership, staff="maria")
    found = await calendar.find_openings(query)
    assert (found.why, found.openings[0].bay_id) == (None, "bay-2")
    await take(engine, people, NINE, "bay-2")
    found = await calendar.find_openings(query)
    assert (found.why, found.sentence) == (Why.STAFF, "Maria Alvarez is not free then.")
    assert found.asked_is_free
    assert whens(found) == ["Tue 24 09:00", "Tue 24 10:00"]  # the time, and then she herself
    assert [one.bay_id for one in found] == ["bay-1", "bay-2"]


@pytest.mark.parametrize(
    ("staff", "service", "sentence"),
    [
        ("Bob", "oil_change", "I could not find who you would like to have."),
        ("Maria", "wheel_alignment", "Maria Alvarez does not do that work."),
    ],
)
async def test_staff_who_do_not_do_it_rule_nothing_out(
    calendar: CalendarService,
    dealership: Dealership,
    people: People,
    staff: str,
    service: str,
    sentence: str,
) -> None:
    found = await calendar.find_openings(
        asked("Tuesday at nine", dealership, staff=staff, services=(service,))
    )
    assert (found.why, found.sentence, found.asked_is_free) == (Why.STAFF, sentence, True)


async def book(
    calendar: CalendarService, people: People, key: str, opening: Opening, **more: Any
) -> Any:
    request = BookingRequest(key, opening, people.maria, None, "+13125550142", None)
    return await calendar.book(replace(request, **more))


async def test_places_of_a_day_run_out_and_come_back(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    small = changed(dealership, loaner_cars=1)
    calendar = CalendarService(engine, small, "main", clock=lambda: NOW, limits=MANY)
    query = asked("Tuesday", small, transport="loaner")
    first, second, *_ = (await calendar.find_openings(query)).openings
    assert {first.transport, second.transport} == {"loaner"}
    await book(calendar, people, "one", first)
    with pytest.raises(BookingRefused, match="no_transport"):
        await book(calendar, people, "two", second)
    found = await calendar.find_openings(query)
    assert found.why is Why.TRANSPORT
    assert found.sentence == "On Tuesday, November 24 all our loaner cars are out."
    assert found.openings[0].transport == "drop_off"
    assert found.openings[-1].transport == "loaner", "a day with a car left is offered, too"
    await book(calendar, people, "three", replace(second, transport="drop_off"))


async def test_a_transport_that_is_not_there_is_refused(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    without = changed(dealership, shuttle_seats_a_day=0)
    calendar = CalendarService(engine, without, "main", clock=lambda: NOW, limits=MANY)
    query = asked("Tuesday at nine", without, transport="shuttle")
    found = await calendar.find_openings(query)
    assert (found.why, found.sentence) == (Why.TRANSPORT, "I am sorry, we have no shuttle.")
    with pytest.raises(BookingRefused) as refused:
        await book(calendar, people, "one", replace(found.openings[0], transport="shuttle"))
    assert refused.value.code == "no_transport"


async def test_waiting_customers_are_not_counted_where_no_number_is_given(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    any_number = changed(dealership, waiting_customers_a_day=None)
    calendar = CalendarService(engine, any_number, "main", clock=lambda: NOW, limits=MANY)
    found = await calendar.find_openings(asked("Tuesday", any_number, transport="wait", limit=3))
    for index, one in enumerate(found):
        assert (await book(calendar, people, f"k{index}", one)).status == "booked"


async def test_lead_time_is_kept_in_the_offer_and_in_the_book(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    slow = changed(dealership, {"brake_pads": {"lead_time_hours": 48}})
    calendar = CalendarService(engine, slow, "main", clock=lambda: NOW, limits=MANY)
    found = await calendar.find_openings(asked("tomorrow", slow, services=("brake_pads",)))
    assert (found.why, found.sentence) == (Why.TOO_SOON, "For that we need 2 days of notice.")
    assert whens(found)[0] == "Wed 25 07:30"
    early = Opening.of_one("main", "bay-2", "brake_pads", NINE, NINE + 120 * MINUTE)
    with pytest.raises(BookingRefused, match="too_soon"):
        await book(calendar, people, "one", early)


async def test_a_buffer_keeps_the_bay_and_not_the_customer(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    tidy = changed(dealership, {"wheel_alignment": {"buffer_minutes": 30}})
    calendar = CalendarService(engine, tidy, "main", clock=lambda: NOW, limits=MANY)
    query = asked("Tuesday at nine", tidy, services=("wheel_alignment",))
    (opening,) = (await calendar.find_openings(query)).openings
    assert opening.ends_at == NINE + 60 * MINUTE
    assert opening.lines[0].free_at == NINE + 90 * MINUTE
    booking = await book(calendar, people, "one", opening)
    assert booking.lines[0].free_at == NINE + 90 * MINUTE
    for words, is_free in {"Tuesday at ten": False, "Tuesday at ten thirty": True}.items():
        found = await calendar.find_openings(asked(words, tidy, services=("wheel_alignment",)))
        assert found.asked_is_free is is_free
    cut = replace(opening, lines=(replace(opening.lines[0], free_at=opening.ends_at),))
    with pytest.raises(BookingRefused, match="wrong_duration"):
        await book(calendar, people, "two", cut)


async def test_several_services_are_one_visit_in_bays_that_can_do_them(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    services = ("oil_change", "wheel_alignment", "state_inspection")
    query = asked("Tuesday at nine", dealership, services=services)
    (opening,) = (await calendar.find_openings(query)).openings
    assert sorted(opening.service_codes) == sorted(services)
    assert opening.ends_at - opening.starts_at == 150 * MINUTE
    booking = await book(calendar, people, "one", opening, vehicle_id=people.civic)
    assert booking.service_codes == opening.service_codes
    late = await calendar.find_openings(
        asked("Saturday at 12:30 pm", dealership, services=services)
    )
    assert late.why is Why.TOO_LONG


async def test_services_find_an_order_in_which_their_bays_are_free(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    # The rack is taken until 9:45: first the oil, then the alignment.
    await take(engine, people, NINE, "bay-4", ends_at=NINE + 45 * MINUTE)
    query = asked("Tuesday at nine", dealership, services=("wheel_alignment", "oil_change"))
    (opening,) = (await calendar.find_openings(query)).openings
    assert opening.service_codes == ("oil_change", "wheel_alignment")


@pytest.mark.parametrize(
    "services",
    [(), ("oil_change", "battery", "brake_pads", "diagnostic", "ac_service"), ("car_wash",)],
)
async def test_services_that_cannot_be_one_visit(
    calendar: CalendarService, people: People, services: tuple[str, ...]
) -> None:
    with pytest.raises(SchedulingError):
        await calendar.find_openings(OpeningsQuery(services))


# Blocks of staff


async def block(engine: AsyncEngine, bay: str, start: datetime, minutes: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            insert(BayBlockRow).values(
                location_id="main",
                bay_id=bay,
                starts_at=start,
                ends_at=start + minutes * MINUTE,
                calendar_id=f"{bay}@ottos-auto.example",
                google_event_id=f"{bay}{start:%H%M}",
            )
        )


async def test_what_staff_have_blocked_is_neither_offered_nor_booked(
    calendar: CalendarService, engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    query = asked("Tuesday at nine", dealership, services=("wheel_alignment",))
    (opening,) = (await calendar.find_openings(query)).openings
    await block(engine, "bay-4", NINE + 30 * MINUTE, 30)
    found = await calendar.find_openings(query)
    assert (found.asked_is_free, found.why) == (False, Why.TAKEN)
    with pytest.raises(SchedulingError, match="taken"):
        await book(calendar, people, "one", opening)
    with pytest.raises(SchedulingError, match="taken"):
        await calendar.hold(HoldRequest("CA1", opening))
    async with engine.begin() as connection:
        await connection.execute(delete(BayBlockRow))
    assert (await book(calendar, people, "one", opening)).status == "booked"


# Whatever is asked


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(
        ["Tuesday at nine", "mornings", "after four", "any day but Monday", "Saturday at 1", ""]
    ),
    st.sets(
        st.sampled_from(["oil_change", "battery", "wheel_alignment", "diagnostic"]), min_size=1
    ),
    st.sampled_from([None, "Maria", "Dave", "nobody"]),
    st.sampled_from(["drop_off", "wait", "loaner", "shuttle"]),
)
async def test_whatever_is_offered_can_be_held(
    calendar: CalendarService,
    dealership: Dealership,
    people: People,
    words: str,
    services: set[str],
    staff: str | None,
    transport: Any,
) -> None:
    query = asked(
        words, dealership, services=tuple(sorted(services)), staff=staff, transport=transport
    )
    found = await calendar.find_openings(query)
    assert 1 <= len(found) <= 3
    assert (found.why is None) == (found.sentence == "")
    for one in found:
        assert await calendar.hold(HoldRequest("CA1", one)) > NOW
    await calendar.release_hold("CA1")


def test_the_location_knows_whom_callers_mean(dealership: Dealership) -> None:
    location: Location = dealership.locations[0]
    for name, meant in {
        "Maria": "Maria Alvarez",
        "maria alvarez": "Maria Alvarez",
        "DAVE": "Dave",
        "Alvarez": "Maria Alvarez",
        "Mar": None,
        "": None,
        "Maria Lopez": None,
    }.items():
        member = location.staff_called(name)
        assert (member.name if member else None) == meant
