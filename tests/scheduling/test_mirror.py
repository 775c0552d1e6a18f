"""What staff do in the calendars comes back: a real database, the sandbox's Google."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from otto.scheduling.bookings import (
    Booking,
    BookingRequest,
    CancelRequest,
    MoveRequest,
    SlotTaken,
)
from otto.scheduling.hours import Period
from otto.scheduling.openings import Opening, OpeningLine
from otto.storage.tables import CalendarSyncRow
from tests.scheduling.mirror_support import (
    BAY_1,
    BAY_2,
    BAY_3,
    DAY,
    HOUR,
    MINUTE,
    NINE,
    PHONE,
    Workshop,
    start_of,
)

TEN = NINE + HOUR


# Blocks


async def test_an_event_of_staffs_is_a_block_until_it_goes(shop: Workshop) -> None:
    event_id = await shop.block(NINE, hours=2)
    await shop.follow()
    assert await shop.blocks() == [("bay-1", Period(NINE, NINE + 2 * HOUR))]
    await shop.staff("move", event=event_id, start=TEN.isoformat())
    await shop.follow()
    assert await shop.blocks() == [("bay-1", Period(TEN, TEN + 2 * HOUR))]
    await shop.staff("move", event=event_id, to=BAY_2)
    await shop.follow()
    assert await shop.blocks() == [("bay-2", Period(TEN, TEN + 2 * HOUR))]
    await shop.staff("delete", BAY_2, event=event_id)
    await shop.follow()
    assert await shop.blocks() == []
    assert await shop.conflicts() == []


@pytest.mark.parametrize(
    "change",
    [
        {"transparency": "transparent"},
        {"status": "cancelled"},
        {"attendees": [{"email": "x@example.com", "self": True, "responseStatus": "declined"}]},
    ],
)
async def test_what_takes_no_time_takes_the_block_away(
    shop: Workshop, change: dict[str, Any]
) -> None:
    event_id = await shop.block()
    await shop.follow()
    assert len(await shop.blocks()) == 1
    await shop.staff("edit", event=event_id, body=change)
    await shop.follow()
    assert await shop.blocks() == []


async def test_whole_days_and_series_are_blocks_day_by_day(shop: Workshop) -> None:
    days = {"start": {"date": "2026-11-26"}, "end": {"date": "2026-11-28"}}
    await shop.block(calendar=BAY_3, **days)
    await shop.block(NINE, recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    await shop.follow()
    midnight = NINE - 9 * HOUR + 2 * DAY
    assert await shop.blocks() == [
        *(("bay-1", Period(NINE + week * DAY, TEN + week * DAY)) for week in (0, 7, 14)),
        ("bay-3", Period(midnight, midnight + 2 * DAY)),
    ]


async def test_one_day_of_a_series_goes_by_itself(shop: Workshop) -> None:
    await shop.block(NINE, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    await shop.follow()
    found = await shop.google.changes(BAY_1, shop.dealership.locations[0].zone, None, NINE - DAY)
    second = next(event for event in found.events if event.period == Period(NINE + DAY, TEN + DAY))
    await shop.staff("delete", event=second.event_id)
    await shop.follow()
    assert [period.starts_at for _, period in await shop.blocks()] == [NINE, NINE + 2 * DAY]


async def test_a_block_over_a_booking_is_shown_and_the_booking_stands(shop: Workshop) -> None:
    booking = await shop.book()
    event_id = await shop.block(NINE - HOUR, hours=3)
    await shop.follow()
    assert await shop.standing(booking)
    assert await shop.conflicts() == [("block_over_appointment", "blocked")]
    await shop.follow()
    assert len(await shop.conflicts()) == 1
    await shop.staff("delete", event=event_id)
    await shop.follow()
    assert await shop.conflicts() == []


async def test_a_copy_of_our_event_is_a_block(shop: Workshop) -> None:
    booking = await shop.book()
    ours = await shop.event(booking)
    copy = {key: ours[key] for key in ("summary", "extendedProperties")}
    await shop.block(NINE + 3 * HOUR, **copy)
    await shop.follow()
    assert await shop.blocks() == [("bay-1", Period(NINE + 3 * HOUR, NINE + 4 * HOUR))]
    standing = await shop.standing(booking)
    assert standing is not None
    assert standing.starts_at == NINE


# Our own echoes


async def test_our_own_writes_come_back_as_nothing(shop: Workshop) -> None:
    booking = await shop.book()
    before = (await shop.event(booking))["etag"]
    await shop.follow()
    assert (await shop.blocks(), await shop.conflicts(), await shop.callbacks()) == ([], [], [])
    assert await shop.standing(booking) == booking
    assert (await shop.event(booking))["etag"] == before, "and nothing is written again"


async def test_other_words_in_the_event_are_staffs_to_write(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.staff(
        "edit", event=await shop.event_id(booking), body={"description": "Loaner key 7"}
    )
    await shop.follow()
    assert (await shop.event(booking))["description"] == "Loaner key 7"
    assert await shop.standing(booking) == booking


# Moves


async def test_a_moved_event_moves_the_appointment_and_tells_its_customer(shop: Workshop) -> None:
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("move", event=event_id, start=(NINE + 2 * HOUR).isoformat())
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert (moved.starts_at, moved.ends_at) == (NINE + 2 * HOUR, NINE + 2 * HOUR + 45 * MINUTE)
    event = await shop.event(booking)
    assert event["id"] == event_id, "it is still staff's event"
    assert "11:00" in (await shop.texts())[-1]
    assert (await shop.conflicts(), await shop.undelivered()) == ([], 0)
    # Read once more, whole: nothing changes.
    await forget_token(shop)
    await shop.follow()
    assert await shop.standing(booking) == moved


async def test_staff_may_begin_off_the_grid_and_take_longer(shop: Workshop) -> None:
    booking = await shop.book()
    start, end = NINE + 70 * MINUTE, NINE + 200 * MINUTE
    await shop.staff(
        "move", event=await shop.event_id(booking), start=start.isoformat(), end=end.isoformat()
    )
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert (moved.starts_at, moved.ends_at) == (start, end)


async def test_one_taken_to_another_bays_calendar_is_in_that_bay(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.staff("move", event=await shop.event_id(booking), to=BAY_2)
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert (moved.bay_id, moved.starts_at) == ("bay-2", NINE)
    assert (await shop.event(booking, BAY_2))["status"] == "confirmed"
    assert (await shop.callbacks(), await shop.conflicts(), await shop.blocks()) == ([], [], [])


@pytest.mark.parametrize("uid", [True, False])
async def test_one_made_anew_on_another_bays_calendar_is_the_same(
    shop: Workshop, uid: bool
) -> None:
    """Some programs move an event by making it anew: the iCalendar id, or our mark, tells."""
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    ours = await shop.event(booking)
    await shop.staff("delete", event=event_id)
    kept = ("summary", "extendedProperties", *(("iCalUID",) if uid else ()))
    body = {key: ours[key] for key in kept} | {"start": ours["start"], "end": ours["end"]}
    made = await shop.staff("create", BAY_2, body=body)
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert moved.bay_id == "bay-2"
    assert await shop.event_id(booking) == made["id"]
    assert await shop.callbacks() == []


async def test_staff_may_move_it_twice_before_we_look(shop: Workshop) -> None:
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("move", event=event_id, start=TEN.isoformat())
    assert await shop.mirror.follow() == 0  # agreed, and not yet told
    await shop.staff("move", event=event_id, start=(TEN + HOUR).isoformat())
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert moved.starts_at == TEN + HOUR
    assert await shop.conflicts() == []


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (NINE + 12 * HOUR, "outside_hours"),
        (NINE - 3 * DAY, "too_soon"),
        (NINE + 2 * HOUR, "taken"),
    ],
)
async def test_an_impossible_move_is_put_back_and_shown(
    shop: Workshop, start: Any, code: str
) -> None:
    booking = await shop.book()
    await take(shop, NINE + 2 * HOUR)
    event_id = await shop.event_id(booking)
    await shop.staff("move", event=event_id, start=start.isoformat())
    await shop.follow()
    assert await shop.standing(booking) == booking
    event = await shop.event(booking)
    assert (event["id"], start_of(event)) == (event_id, NINE)
    assert await shop.conflicts() == [("move_refused", code)]
    assert len(await shop.texts()) == 2, "only the confirmations"
    # The same once more is shown once.
    await shop.staff("move", event=event_id, start=start.isoformat())
    await shop.follow()
    assert start_of(await shop.event(booking)) == NINE
    assert await shop.conflicts() == [("move_refused", code)]


async def test_a_move_to_a_bay_that_cannot_do_it_is_put_back_under_a_new_id(
    shop: Workshop,
) -> None:
    """In the old calendar Google keeps the event's id for what was deleted."""
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("move", event=event_id, to="bay-4@ottos-auto.example")
    await shop.follow()
    assert await shop.standing(booking) == booking
    event = await shop.event(booking)
    assert (event["status"], start_of(event)) == ("confirmed", NINE)
    assert event["id"] != event_id
    there = await shop.google.get_event("bay-4@ottos-auto.example", event_id)
    assert there["status"] == "cancelled"
    assert await shop.conflicts() == [("move_refused", "wrong_bay")]
    assert await shop.blocks() == []


async def test_a_caller_who_was_earlier_wins(shop: Workshop) -> None:
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("move", event=event_id, start=TEN.isoformat())
    # Nobody has read that yet, and the customer moves it by telephone.
    to = Opening.of_one(
        "main", "bay-1", "oil_change", NINE + 5 * HOUR, NINE + 5 * HOUR + 45 * MINUTE
    )
    await shop.service.reschedule(
        MoveRequest("m", booking.appointment_id, booking.customer_id, to, "CA2", None, PHONE)
    )
    await shop.tell()  # the write meets the edit, and reads it first
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert moved.starts_at == NINE + 5 * HOUR
    assert start_of(await shop.event(booking)) == NINE + 5 * HOUR
    assert await shop.conflicts() == [("move_refused", "changed_meanwhile")]
    assert await shop.undelivered() == 0


async def test_an_edit_that_is_lost_with_its_calendar_is_shown(shop: Workshop) -> None:
    """The customer had it moved to another bay before anybody read that staff had moved it."""
    booking = await shop.book()
    old = await shop.event_id(booking)
    await shop.staff("move", event=old, start=TEN.isoformat())
    at = NINE + 5 * HOUR
    to = Opening.of_one("main", "bay-2", "oil_change", at, at + 45 * MINUTE)
    await shop.service.reschedule(MoveRequest("m", booking.appointment_id, None, to, actor="otto"))
    await shop.tell()
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert (moved.bay_id, moved.starts_at) == ("bay-2", at)
    assert (await shop.google.get_event(BAY_1, old))["status"] == "cancelled"
    assert await shop.conflicts() == [("move_refused", "changed_meanwhile")]
    assert await shop.blocks() == []


async def test_an_edit_in_between_is_read_before_it_is_written_over(shop: Workshop) -> None:
    """Something of ours is to be told while staff's move has not been read: theirs counts."""
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("move", event=event_id, start=TEN.isoformat())
    async with shop.engine.begin() as connection:
        await connection.execute(text("UPDATE customers SET first_name = 'Mary'"))
        await connection.execute(
            text(
                "UPDATE outbox SET done_at = NULL, next_attempt_at = now()"
                " WHERE kind = 'calendar.upsert'"
            )
        )
    await shop.tell()
    moved = await shop.standing(booking)
    assert moved is not None
    assert moved.starts_at == TEN
    event = await shop.event(booking)
    assert start_of(event) == TEN
    assert "Mary" in event["summary"]
    assert await shop.conflicts() == []


async def test_who_repeats_our_event_blocks_the_other_times(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.follow()
    weekly = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}
    await shop.staff("edit", event=await shop.event_id(booking), body=weekly)
    await shop.follow()
    assert await shop.standing(booking) == booking
    assert [period.starts_at for _, period in await shop.blocks()] == [
        NINE + 7 * DAY,
        NINE + 14 * DAY,
    ]
    assert (await shop.conflicts(), await shop.callbacks()) == ([], [])


async def test_one_service_of_a_visit_moves_and_the_others_stay(shop: Workshop) -> None:
    booking = await two_services(shop)
    first, second = await shop.event_ids(booking)
    await shop.staff("move", BAY_2, event=second, start=(NINE + 2 * HOUR).isoformat())
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert [line.starts_at for line in moved.lines] == [NINE, NINE + 2 * HOUR]
    assert await shop.event_ids(booking) == [first, second]
    # Before the first it would be another order of the work; into the first it cannot be.
    await shop.staff("move", BAY_2, event=second, start=(NINE + 15 * MINUTE).isoformat())
    await shop.follow()
    assert await shop.standing(booking) == moved
    assert [kind for kind, _ in await shop.conflicts()] == ["move_refused"]
    assert start_of(await shop.google.get_event(BAY_2, second)) == NINE + 2 * HOUR


async def test_who_deletes_one_service_of_a_visit_cancels_the_visit(shop: Workshop) -> None:
    booking = await two_services(shop)
    first, second = await shop.event_ids(booking)
    await shop.staff("delete", BAY_2, event=second)
    await shop.follow()
    assert await shop.standing(booking) is None
    assert (await shop.google.get_event(BAY_2, first))["status"] == "cancelled"
    assert len(await shop.callbacks()) == 1


async def test_an_event_of_the_past_used_once_more_is_a_block(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.follow()
    shop.now = NINE + DAY
    later = NINE + 2 * DAY
    await shop.staff("move", event=await shop.event_id(booking), start=later.isoformat())
    await shop.follow()
    assert await shop.blocks() == [("bay-1", Period(later, later + 45 * MINUTE))]


# Deletions


async def test_a_deleted_event_cancels_and_somebody_is_to_call(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.staff("delete", event=await shop.event_id(booking))
    await shop.follow()
    assert await shop.standing(booking) is None
    ((phone, reason),) = await shop.callbacks()
    assert phone == PHONE
    assert booking.confirmation in reason
    assert await shop.conflicts() == [("deleted", "deleted")]
    assert "cancelled" in (await shop.texts())[-1]
    # Read again: nobody is called twice, and the time is free.
    await forget_token(shop)
    await shop.follow()
    assert len(await shop.callbacks()) == 1
    again = await shop.book(key="again")
    assert again.starts_at == NINE


async def test_a_call_that_was_forgotten_in_a_crash_is_asked_for_later(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.staff("delete", event=await shop.event_id(booking))
    await shop.follow()
    async with shop.engine.begin() as connection:
        await connection.execute(text("DELETE FROM callbacks"))  # as if it had died before it
    await shop.follow()
    assert len(await shop.callbacks()) == 1


async def test_our_own_deletion_calls_nobody(shop: Workshop) -> None:
    booking = await shop.book()
    await shop.service.cancel(CancelRequest("c", booking.appointment_id, booking.customer_id))
    await shop.tell()
    await shop.follow()
    assert (await shop.callbacks(), await shop.conflicts()) == ([], [])


async def test_who_moved_it_by_telephone_keeps_it_though_staff_deleted_the_old(
    shop: Workshop,
) -> None:
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("delete", event=event_id)
    to = Opening.of_one("main", "bay-1", "oil_change", TEN, TEN + 45 * MINUTE)
    await shop.service.reschedule(
        MoveRequest("m", booking.appointment_id, booking.customer_id, to, "CA2", None, PHONE)
    )
    await shop.tell()
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert moved.starts_at == TEN
    event = await shop.event(booking)
    assert (event["status"], start_of(event)) == ("confirmed", TEN)
    assert event["id"] != event_id
    assert (await shop.conflicts(), await shop.callbacks()) == (
        [("move_refused", "changed_meanwhile")],
        [],
    )


async def test_what_is_over_stays_as_it_was(shop: Workshop) -> None:
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    shop.now = NINE + DAY
    await shop.staff("delete", event=event_id)
    await shop.follow()
    assert (await shop.callbacks(), await shop.conflicts()) == ([], [])


async def test_an_event_brought_back_after_a_cancellation_is_shown_and_kept_free(
    shop: Workshop,
) -> None:
    booking = await shop.book()
    event_id = await shop.event_id(booking)
    await shop.staff("delete", event=event_id)
    await shop.follow()
    await shop.staff("edit", event=event_id, body={"status": "confirmed"})
    await shop.staff("move", event=event_id, start=TEN.isoformat())
    await shop.follow()
    assert await shop.standing(booking) is None
    assert await shop.blocks() == [("bay-1", Period(TEN, TEN + 45 * MINUTE))]
    assert ("restored", "restored") in await shop.conflicts()


# Reading


async def test_a_token_that_is_no_longer_known_means_reading_all_of_it(shop: Workshop) -> None:
    gone, kept = await shop.block(NINE), await shop.block(NINE + 4 * HOUR)
    await shop.follow()
    before = await shop.synced()
    await forget_at_google(shop)
    await shop.staff("delete", event=gone)
    shop.now += 3 * HOUR
    await shop.follow()
    assert [period.starts_at for _, period in await shop.blocks()] == [NINE + 4 * HOUR]
    after = await shop.synced()
    assert after.sync_token != before.sync_token
    assert (after.since or NINE) - (before.since or NINE) == 3 * HOUR
    assert kept


async def test_the_first_look_stays_the_same_while_the_token_is_good(shop: Workshop) -> None:
    await shop.follow()
    before = await shop.synced()
    shop.now += 2 * DAY
    await shop.follow()
    after = await shop.synced()
    assert after.since == before.since
    assert after.synced_at == shop.now


async def test_every_page_is_read(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otto.scheduling.google.calendar.PAGE", 2)
    for hours in range(5):
        await shop.block(NINE + hours * HOUR, hours=0.5)
    await shop.follow()
    assert len(await shop.blocks()) == 5


async def test_a_calendar_that_does_not_answer_holds_up_no_other(shop: Workshop) -> None:
    await shop.follow()
    await shop.block(calendar=BAY_2)
    async with shop.engine.begin() as connection:
        row = CalendarSyncRow
        await connection.execute(
            update(row).where(row.calendar_id == BAY_1).values(sync_token="nonsense")
        )
    shop.world.faults.add("google", "fail", status=503, count=1)
    failed = await shop.mirror.follow()
    assert failed == 1
    errors = [(await shop.synced(calendar)).last_error for calendar in (BAY_1, BAY_2, BAY_3)]
    assert sum(error is not None for error in errors) <= 1
    await shop.follow()
    assert await shop.blocks() == [("bay-2", Period(NINE, TEN))]
    assert (await shop.synced()).last_error is None


async def test_what_fails_on_the_way_comes_again(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is kept only when everything before it was dealt with."""
    booking = await shop.book()
    await shop.follow()
    token = (await shop.synced()).sync_token
    await shop.staff("move", event=await shop.event_id(booking), start=TEN.isoformat())

    async def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("otto.scheduling.mirror.follow.write_blocks", crash)
        assert await shop.mirror.follow() == 4
    assert (await shop.synced()).sync_token == token
    await shop.follow()
    moved = await shop.standing(booking)
    assert moved is not None
    assert moved.starts_at == TEN
    assert len([text for text in await shop.texts() if "10:00" in text]) == 1, "told once"


async def test_what_cannot_be_dealt_with_holds_up_its_own_calendar_only(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await shop.book()
    await shop.block(calendar=BAY_2)
    await shop.staff("move", event=await shop.event_id(booking), start=TEN.isoformat())

    async def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("Maria Lopez")

    monkeypatch.setattr(shop.service, "reschedule", crash)
    assert await shop.mirror.follow() == 1
    assert await shop.blocks() == [("bay-2", Period(NINE, TEN))]
    assert (await shop.synced()).last_error == "RuntimeError", "and nobody's name"


# Together with callers


async def test_a_blocked_bay_is_neither_offered_nor_booked(shop: Workshop) -> None:
    for calendar in (BAY_1, BAY_2, BAY_3, "bay-4@ottos-auto.example"):
        await shop.block(NINE - HOUR, hours=2, calendar=calendar)
    await shop.follow()
    with pytest.raises(SlotTaken):
        await shop.book(NINE)
    booking = await shop.book(TEN)
    assert booking.starts_at == TEN, "where the blocks end"


async def test_no_booking_slips_between_a_look_at_the_blocks_and_its_commit(
    shop: Workshop,
) -> None:
    """Whoever books shares the lock that whoever writes blocks takes whole."""
    await shop.block(NINE)
    async with shop.engine.begin() as connection:
        await connection.execute(
            text("SELECT pg_advisory_xact_lock_shared(hashtextextended('bays main', 0))")
        )
        following = asyncio.create_task(shop.mirror.follow())
        await waits_for_lock(shop)
        assert await shop.blocks() == []
    await following
    assert len(await shop.blocks()) == 1


async def two_services(shop: Workshop) -> Booking:
    """Maria's Civic: tyres after its oil change, both in bay 2."""
    tyres = shop.dealership.service("tire_rotation")
    begins = NINE + 45 * MINUTE
    ends = begins + timedelta(minutes=tyres.duration_minutes)
    lines = (
        OpeningLine("oil_change", "bay-2", NINE, begins, begins),
        OpeningLine(tyres.code, "bay-2", begins, ends, ends),
    )
    wish = BookingRequest(
        "two", Opening("main", NINE, ends, lines), shop.people.maria, shop.people.civic, PHONE
    )
    booking = await shop.service.book(wish)
    await shop.tell()
    return booking


async def take(shop: Workshop, starts_at: Any) -> None:
    """Another customer has that time in bay 1."""
    opening = Opening.of_one("main", "bay-1", "oil_change", starts_at, starts_at + 45 * MINUTE)
    await shop.service.book(
        BookingRequest("john", opening, shop.people.john, shop.people.truck, "+13125550143")
    )
    await shop.tell()


async def forget_token(shop: Workshop) -> None:
    async with shop.engine.begin() as connection:
        await connection.execute(text("UPDATE calendar_sync SET sync_token = NULL"))


async def forget_at_google(shop: Workshop) -> None:
    shop.world.google.store.expire_sync_tokens()


async def waits_for_lock(shop: Workshop) -> None:
    """Until somebody waits for an advisory lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with shop.engine.connect() as connection:
                if await connection.scalar(waiting):
                    return
            await asyncio.sleep(timedelta(milliseconds=10).total_seconds())
