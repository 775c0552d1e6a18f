"""What Otto says back is held for the caller; nothing else is, and not after the call."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.session.state import Offer
from otto.dialogue.tools.holding import said_back
from otto.language.spoken_times import describe_start
from otto.media_link.events import LineLost, LineStopped
from tests.support.call import BORN, Call, Step

CHICAGO = ZoneInfo("America/Chicago")
NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=CHICAGO)


def open_all_day(day: date) -> list[tuple[time, time]]:
    return [(time(7, 30), time(18, 0))]


def offer(at: datetime) -> Offer:
    return Offer(
        f"s-{at:%d%H%M}", (), at.isoformat(), at.isoformat(), describe_start(at, CHICAGO), 0
    )


TUESDAY = [offer(NINE + timedelta(minutes=minutes)) for minutes in (0, 90, 240)]
"""9:00, 10:30 and 1:00."""
WEDNESDAY = [offer(NINE + timedelta(days=1, minutes=minutes)) for minutes in (0, 180)]
"""9:00 and noon."""
OFFERS = [*TUESDAY, *WEDNESDAY]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (
            "That's an oil change on Tuesday, November 24 at 9:00 AM, for $80. Shall I book it?",
            0,
        ),
        ("Tuesday at 9 AM, is that right?", 0),
        ("So, Tuesday the 24th at nine? I mean 9:00 a.m., okay?", 0),
        ("I would move your oil change to November 24 at 10:30 AM. Shall I move it?", 1),
        ("I have 1:00 PM. Does that work?", 2),
        ("Shall I book Wednesday at 9:00 AM?", 3),
        ("Wednesday, November 25 at noon, shall I?", 4),
        ("Tuesday at nine in the morning, okay?", 0),
        ("Half past ten tomorrow for your 2018 Mazda CX-5, does that work?", 1),
        ("That's the twenty fourth at one o'clock. Shall I book it?", 2),
        ("Wednesday the 25th at twelve noon. Is that right?", 4),
        ("You have Friday, November 27 at 2:00 PM. Shall I move it to Tuesday at 10:30 AM?", 1),
        # Several, or none, or nothing asked.
        ("I have Tuesday at 9:00 AM, 10:30 AM or 1:00 PM. Which works for you?", None),
        ("At 9:00 AM?", None),
        ("Tuesday or Wednesday at 9:00 AM?", None),
        ("Your appointment is on Tuesday, November 24 at 9:00 AM.", None),
        ("Shall I book Thursday at 9:00 AM?", None),
        ("Shall I book Tuesday at 9:15 AM?", None),
        ("Shall I book Tuesday, December 1 at nine?", None),
        ("Shall I book Wednesday, November 24 at nine?", None),
        ("Shall I book Tuesday at 9:00 PM?", None),
        ("What day works best for you?", None),
        ("", None),
    ],
)
def test_one_opening_that_is_asked_about_is_said_back(text: str, meant: int | None) -> None:
    found = said_back(text, OFFERS, MONDAY, open_all_day)
    assert found == (None if meant is None else OFFERS[meant])


@given(
    st.lists(st.integers(0, 60 * 24 * 50), min_size=1, max_size=6, unique=True),
    st.integers(0, 5),
    st.sampled_from(["That's {}. Shall I book it?", "{}, is that right?", "I have {}. Okay?"]),
)
def test_whatever_is_offered_is_known_when_it_is_said_back(
    minutes: list[int], which: int, frame: str
) -> None:
    offers = [offer(NINE + timedelta(minutes=each)) for each in minutes]
    meant = offers[which % len(offers)]
    assert said_back(frame.format(meant.when), offers, MONDAY, open_all_day) == meant


@given(st.text(max_size=80))
def test_nothing_that_is_said_is_too_strange(text: str) -> None:
    assert said_back(text, OFFERS, MONDAY, open_all_day) in [None, *OFFERS]


# In a call

VERIFIED = (
    Step("", (("identify_caller", {"phone_number": None}),)),
    Step("", (("verify_caller", {"date_of_birth": BORN.isoformat()}),)),
)
FIND = Step("", (("find_openings", {"services": ["oil_change"]}),))
SAID_BACK = "That's an oil change on Tuesday, November 24 at 9:00 AM. Shall I book it?"
OTHER = "Then Tuesday, November 24 at 10:00 AM. Shall I book that?"


async def offered(ring: Any) -> Call:
    call: Call = await ring()
    await call.turn(
        "An oil change", *VERIFIED, FIND, Step("I have 9:00 AM, 10:00 AM or 11:00 AM. Which one?")
    )
    assert call.book.holds == [], "three are offered, and none is held"
    return call


def held(call: Call) -> list[datetime]:
    return [request.opening.starts_at for request in call.book.holds]


@pytest.mark.looptime
async def test_the_one_that_is_said_back_is_held_until_another_is(ring: Any) -> None:
    call = await offered(ring)
    await call.turn("nine", Step(SAID_BACK))
    await call.turn("rather ten", Step(OTHER))
    assert held(call) == [NINE, NINE + timedelta(hours=1)]
    assert {request.call_sid for request in call.book.holds} == {"CA1"}
    session = call.conversation.session
    assert session.offers[session.held].starts_at == (NINE + timedelta(hours=1)).isoformat()
    call.conversation.on_line(LineStopped())
    await call.conversation.close()
    assert call.book.released == ["CA1"]


@pytest.mark.looptime
async def test_a_call_that_may_come_back_keeps_what_is_held_for_it(ring: Any) -> None:
    call = await offered(ring)
    await call.turn("nine", Step(SAID_BACK))
    call.conversation.on_line(LineLost())
    await call.conversation.close()
    assert call.book.released == []
    heir: Call = await ring(memory=call.memory, book=call.book, people=call.people, greeted=False)
    await heir.until_quiet()
    heir.conversation.on_line(LineStopped())
    await heir.conversation.close()
    assert call.book.released == ["CA1"]


@pytest.mark.looptime
async def test_a_call_that_held_nothing_releases_nothing(ring: Any) -> None:
    call = await offered(ring)
    call.conversation.on_line(LineStopped())
    await call.conversation.close()
    assert call.book.released == []


@pytest.mark.looptime
async def test_a_book_that_cannot_be_seen_holds_up_neither_sentence_nor_end(
    ring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await offered(ring)

    async def away(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(call.book, "hold", away)
    monkeypatch.setattr(call.book, "release_hold", away)
    await call.turn("nine", Step(SAID_BACK))
    assert call.telephone.said[-1] == SAID_BACK
    call.conversation.on_line(LineStopped())
    await asyncio.wait_for(call.conversation.close(), 30)
