"""What was given up is told again as things are now; what has drifted apart is found and mended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from otto.scheduling.bookings import CancelRequest
from otto.scheduling.google.seen_events import Place, write_place
from otto.scheduling.hours import Period
from otto.scheduling.mirror.book import PlannedEvent
from otto.scheduling.mirror.drift import Drift, drift
from otto.scheduling.mirror.meaning import BookedLine
from otto.scheduling.mirror.reconcile import find_drift, give_events, mend
from otto.scheduling.mirror.replay import dead_rows, replay
from otto.scheduling.mirror.status import calendar_status
from otto.scheduling.outbox import MAX_ATTEMPTS
from otto.storage.tables import BayRow, OutboxRow
from tests.scheduling.mirror_support import BAY_1, BAY_2, HOUR, MINUTE, NINE, Workshop, start_of

TEN = NINE + HOUR


async def bury(shop: Workshop) -> None:
    """Every calendar row has had its last attempt, and failed."""
    async with shop.engine.begin() as connection:
        await connection.execute(
            update(OutboxRow)
            .where(OutboxRow.kind.startswith("calendar."))
            .values(
                attempts=MAX_ATTEMPTS,
                next_attempt_at=text("'infinity'"),
                last_error="http_400_invalid",
                done_at=None,
            )
        )


async def again(shop: Workshop, ids: list[int] | None = None) -> frozenset[int]:
    async with shop.engine.begin() as connection:
        return await replay(connection, ids)


# Replay


async def test_a_dead_row_begins_anew_as_things_are_now(shop: Workshop) -> None:
    """Another calendar for the bay, another name for the customer, another time for the visit."""
    shop.world.faults.add("google", "fail", status=400, says="invalid")
    booking = await shop.book()
    await bury(shop)
    shop.world.faults.clear()
    async with shop.engine.begin() as connection:
        (dead,) = await dead_rows(connection)
        assert (dead.code, dead.starts_at, dead.calendar_id) == ("http_400_invalid", NINE, BAY_1)
        await connection.execute(
            update(BayRow).where(BayRow.id == "bay-1").values(calendar_id="bay-9@x.example")
        )
        await connection.execute(text("UPDATE customers SET first_name = 'Mary'"))
    assert await again(shop) == {dead.id}
    async with shop.engine.connect() as connection:
        wanted = select(OutboxRow.__table__).where(OutboxRow.kind == "calendar.upsert")
        row = (await connection.execute(wanted)).one_or_none()
        assert row is not None
        assert (row.attempts, row.last_error) == (0, None)
        assert row.payload["calendar_id"] == "bay-9@x.example"
    shop.world.faults.add("google", "fail", status=503, count=1)
    await shop.tell()  # the first of twenty-four again, not the last
    async with shop.engine.begin() as connection:
        assert await dead_rows(connection) == ()
        await connection.execute(text("UPDATE outbox SET next_attempt_at = now()"))
    await shop.tell()
    event = await shop.event(booking, "bay-9@x.example")
    assert event["summary"].startswith("Oil change: Mary Lopez")
    async with shop.engine.begin() as connection:
        await connection.execute(
            update(BayRow).where(BayRow.id == "bay-1").values(calendar_id=BAY_1)
        )


async def test_what_was_cancelled_meanwhile_is_not_made(shop: Workshop) -> None:
    shop.world.faults.add("google", "fail", status=400, says="invalid")
    booking = await shop.book()
    await bury(shop)
    shop.world.faults.clear()
    await shop.service.cancel(CancelRequest("c", booking.appointment_id, booking.customer_id))
    await again(shop)
    await shop.tell()
    seen = await shop.google.see_event(BAY_1, ZoneInfo("UTC"), await shop.event_id(booking))
    assert seen is None
    assert await shop.undelivered() == 0


async def test_only_those_that_are_named_are_told_again(shop: Workshop) -> None:
    await shop.book()
    await shop.book(TEN + 2 * HOUR, key="other")
    await bury(shop)
    async with shop.engine.connect() as connection:
        one, other = await dead_rows(connection)
    assert await again(shop, [one.id, 999_999]) == {one.id}
    async with shop.engine.connect() as connection:
        assert await dead_rows(connection) == (other,)


async def test_a_row_that_waits_is_nobodys_to_replay(shop: Workshop) -> None:
    await shop.book()
    assert await again(shop) == frozenset()


async def test_where_it_lies_is_where_it_is_deleted(shop: Workshop) -> None:
    """A deletion names a place: a bay's calendar, unless that is no bay's any more."""
    booking = await shop.book()
    await shop.service.cancel(CancelRequest("c", booking.appointment_id, booking.customer_id))
    await bury(shop)
    async with shop.engine.begin() as connection:
        await connection.execute(
            text(
                'UPDATE outbox SET payload = payload || \'{"calendar_id": "gone@x.example"}\''
                " WHERE kind = 'calendar.delete'"
            )
        )
    await again(shop)
    await shop.tell()
    assert (await shop.event(booking))["status"] == "cancelled"


# Status


async def test_status_says_what_waits_and_what_is_wrong_by_calendar(shop: Workshop) -> None:
    bays = shop.dealership.locations[0].bays
    async with shop.engine.connect() as connection:
        assert all(each.is_well for each in await calendar_status(connection, bays))
    await shop.book()
    await bury(shop)
    await shop.block(NINE - HOUR, hours=4, calendar=BAY_2)
    shop.world.faults.add("google", "fail", status=403, says="quotaExceeded", count=1)
    await shop.mirror.follow()
    async with shop.engine.connect() as connection:
        found = {each.bay.id: each for each in await calendar_status(connection, bays)}
    assert (found["bay-1"].dead, found["bay-1"].is_well) == (1, False)
    assert sum(each.last_error == "http_403_quotaExceeded" for each in found.values()) == 1
    assert sum(each.synced_at is not None for each in found.values()) == 3


# Drift


async def drifted(shop: Workshop) -> list[tuple[str, str]]:
    found = await find_drift(shop.engine, shop.dealership, "main", shop.google, shop.now)
    return [(each.kind, each.detail) for each in found]


async def mended(shop: Workshop) -> list[str]:
    found = await find_drift(shop.engine, shop.dealership, "main", shop.google, shop.now)
    async with shop.engine.begin() as connection:
        done = await mend(connection, found)
    await shop.tell()
    await shop.follow()
    return [each.done for each in done]


async def test_where_they_agree_nothing_is_found(shop: Workshop) -> None:
    await shop.book()
    await shop.block(TEN + HOUR)
    await shop.follow()
    assert await drifted(shop) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"start": {"dateTime": TEN.isoformat()}}, ("moved", "")),
        ({"summary": "Oil"}, ("words", "summary")),
        ({"description": None, "location": "Here"}, ("words", "description, location")),
    ],
)
async def test_a_difference_is_found_and_mended(
    shop: Workshop, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    booking = await shop.book()
    await shop.follow()
    if "start" in change:
        change = change | {"end": {"dateTime": (TEN + 45 * MINUTE).isoformat()}}
    await shop.staff("edit", event=await shop.event_id(booking), body=change)
    assert await drifted(shop) == [expected]
    before = await shop.event(booking)
    await mended(shop)
    assert await drifted(shop) == []
    after = await shop.event(booking)
    assert after["etag"] != before["etag"]
    assert start_of(after) == NINE
    assert (await shop.standing(booking)) == booking


async def test_an_event_that_was_lost_is_made_again(shop: Workshop) -> None:
    booking = await shop.book()
    store = shop.world.google.store
    store.delete(store.calendar(BAY_1), await shop.event_id(booking))
    assert await drifted(shop) == [("missing", "")]
    assert await mended(shop) == ["made again"]
    assert (await shop.event(booking))["status"] == "confirmed"
    assert await drifted(shop) == []
    assert await shop.standing(booking) == booking


async def test_an_event_that_nobody_books_any_more_is_deleted(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.service.cancel(CancelRequest("c", booking.appointment_id, booking.customer_id))
    async with shop.engine.begin() as connection:
        await connection.execute(text("DELETE FROM outbox WHERE kind = 'calendar.delete'"))
    assert await drifted(shop) == [("extra", "")]
    await mended(shop)
    assert (await shop.event(booking))["status"] == "cancelled"
    assert await drifted(shop) == []


async def test_an_event_of_another_book_is_shown_and_left_alone(shop: Workshop) -> None:
    private = {"otto_appointment": str(uuid4())}
    event_id = await shop.block(extendedProperties={"private": private})
    await shop.follow()
    assert await drifted(shop) == [("foreign", "")]
    assert await mended(shop) == ["left alone: it is not of this book"]
    assert (await shop.google.get_event(BAY_1, event_id))["status"] == "confirmed"


async def test_blocks_that_the_book_has_lost_or_kept_are_read_again(shop: Workshop) -> None:
    event_id = await shop.block()
    await shop.follow()
    async with shop.engine.begin() as connection:
        await connection.execute(
            text("UPDATE bay_blocks SET google_event_id = 'another', ends_at = ends_at + '1 hour'")
        )
    assert await drifted(shop) == [("unknown", ""), ("outdated", "")] or await drifted(shop) == [
        ("outdated", ""),
        ("unknown", ""),
    ]
    await mended(shop)
    assert await drifted(shop) == []
    assert await shop.blocks() == [("bay-1", Period(NINE, TEN))]
    assert event_id


async def test_what_waits_to_be_told_is_no_drift(shop: Workshop) -> None:
    shop.world.faults.add("google", "fail", status=503, count=1)
    await shop.book()
    assert await drifted(shop) == []
    assert await shop.undelivered() == 1


async def test_lines_that_never_had_an_event_get_one(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.staff("delete", event=await shop.event_id(booking))
    async with shop.engine.begin() as connection:
        await connection.execute(text("UPDATE appointment_lines SET google_event_id = NULL"))
        assert await give_events(connection, "main", shop.now) == 1
    await shop.tell()
    assert (await shop.event(booking))["status"] == "confirmed"
    assert await drifted(shop) == []


# The comparison by itself

CHICAGO = ZoneInfo("America/Chicago")
KNOWN, UNKNOWN = UUID(int=1), UUID(int=2)
hours = st.integers(0, 3)


def _period(hour: int) -> Period:
    return Period(NINE + timedelta(hours=hour), NINE + timedelta(hours=hour + 1))


def _event(name: str, hour: int, owner: UUID | None, written: int) -> dict[str, Any]:
    period = _period(hour)
    private = {"otto_written": write_place(Place(BAY_1, _period(written)))}
    if owner is not None:
        private["otto_appointment"] = str(owner)
    return {
        "id": name,
        "etag": "1",
        "start": {"dateTime": period.starts_at.isoformat()},
        "end": {"dateTime": period.ends_at.isoformat()},
        "extendedProperties": {"private": private},
    }


events = st.builds(
    _event,
    st.sampled_from(["a", "b", "c"]),
    hours,
    st.sampled_from([KNOWN, UNKNOWN, None]),
    hours,
)
lines = st.builds(
    lambda name, hour: (
        BookedLine(KNOWN, name, Place(BAY_1, _period(hour)), "booked", "caller"),
        PlannedEvent(BAY_1, name, {}),
    ),
    st.sampled_from(["a", "b", "c"]),
    hours,
)


@given(
    st.lists(events, max_size=4, unique_by=lambda event: event["id"]),
    st.lists(lines, max_size=3, unique_by=lambda both: both[0].event_id),
    st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), hours.map(_period), max_size=3),
)
def test_nothing_is_found_exactly_when_both_say_the_same(
    listed: list[dict[str, Any]],
    booked: list[tuple[BookedLine, PlannedEvent]],
    blocks: dict[str, Period],
) -> None:
    ours = {line.event_id: line.place.period for line, _ in booked}
    blocks = {name: period for name, period in blocks.items() if name not in ours}
    found = drift(BAY_1, CHICAGO, listed, booked, blocks, frozenset({KNOWN}))
    there = {each["id"]: _of(each) for each in listed}
    agree = (
        all(there.get(name) == period for name, period in ours.items())
        and {name: period for name, period in there.items() if name not in ours} == blocks
        and not any(_is_ours(each) for each in listed if each["id"] not in ours)
    )
    assert (found == ()) == agree
    assert len({(each.kind, each.event_id) for each in found}) == len(found)
    assert all(isinstance(each, Drift) for each in found)


def _of(event: dict[str, Any]) -> Period:
    hour = (start_of(event) - NINE) // HOUR
    return _period(hour)


def _is_ours(event: dict[str, Any]) -> bool:
    """Whether it is of an unknown book, or left over from ours."""
    private = event["extendedProperties"]["private"]
    owner = private.get("otto_appointment")
    is_as_written = private["otto_written"] == write_place(Place(BAY_1, _of(event)))
    return owner == str(UNKNOWN) or (owner == str(KNOWN) and is_as_written)
