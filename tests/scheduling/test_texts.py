"""Who is texted, why, how often, and what becomes of a text that cannot be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.limits import LimitSettings
from config.phone_numbers import NumberKind, phone_number
from config.privacy import RetentionSettings
from otto.crm.retention import RetentionSweeper
from otto.scheduling.bookings import BookingRefused, BookingRequest
from otto.scheduling.openings import Opening, OpeningsQuery
from otto.scheduling.outbox import OutboxWorker, Undeliverable
from otto.scheduling.service import CalendarService
from otto.scheduling.texts.rules import (
    Refusal,
    Standing,
    TextFacts,
    TextRules,
    may_text,
    refused_number,
)
from otto.scheduling.texts.texts import KIND, Text, Unsubscribed, text_handler, write_text
from otto.storage.number_hash import hash_number
from otto.storage.opt_outs import has_opted_out, opt_out
from otto.storage.tables import CustomerRow, OutboxRow, TextCodeRow, TextConsentRow
from tests.scheduling.booking_support import NOW, People

MARIA, STRANGER, OURS = "+13125550142", "+17735550199", "+18155550100"
RULES = TextRules(frozenset({OURS}), frozenset({"US"}))
LIMITS = LimitSettings()


# The rule


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        ("+19005550199", Refusal.COSTLY),
        ("+19002345678", Refusal.COSTLY),
        ("+13129765555", Refusal.COSTLY),
        ("+979123456789", Refusal.COSTLY),
        ("+881612345678", Refusal.COSTLY),
        ("+882161234567", Refusal.COSTLY),
        ("+883510012345678", Refusal.COSTLY),
        ("+870773111632", Refusal.COSTLY),
        ("+15005550006", Refusal.COSTLY),
        ("+447400123456", Refusal.FOREIGN),
        ("+18765550123", Refusal.FOREIGN),  # Jamaica: +1 as well
        ("+18095550123", Refusal.FOREIGN),
        ("+16045550123", Refusal.FOREIGN),  # Vancouver
        ("+18005550199", Refusal.TOLL_FREE),
        (OURS, Refusal.OUR_OWN),
        ("+266696687", Refusal.NO_NUMBER),
        ("+1312555014", Refusal.NO_NUMBER),
        ("3125550142", Refusal.NO_NUMBER),
        (" +13125550142", Refusal.NO_NUMBER),
        ("anonymous", Refusal.NO_NUMBER),
        ("", Refusal.NO_NUMBER),
        (MARIA, None),
    ],
)
def test_what_a_number_is_comes_first(number: str, refusal: Refusal | None) -> None:
    found = refused_number(number, RULES)
    if number.startswith(("+979", "+881", "+882", "+883", "+870", "+1900")):
        # Not every example is in the plan of the installed library; refused it is in any case.
        assert found in {refusal, Refusal.NO_NUMBER}
    else:
        assert found is refusal
    everything = TextFacts(number, number, True, True, False, True)
    assert isinstance(may_text(number, everything, RULES), Refusal if refusal else Standing)


@pytest.mark.parametrize(
    ("facts", "decided"),
    [
        (TextFacts(), Refusal.NO_STANDING),
        (TextFacts(caller=STRANGER, on_file=STRANGER), Refusal.NO_STANDING),
        (TextFacts(caller=MARIA), Standing.CALLER),
        (TextFacts(on_file=MARIA), Standing.ON_FILE),
        (TextFacts(is_proved=True), Standing.PROVED),
        (TextFacts(has_consent=True), Standing.CONSENT),
        (TextFacts(is_code=True), Standing.CODE),
        (TextFacts(MARIA, MARIA, True, True, True, True), Refusal.OPTED_OUT),
    ],
)
def test_a_number_needs_a_standing(facts: TextFacts, decided: Standing | Refusal) -> None:
    assert may_text(MARIA, facts, RULES) is decided


def test_a_setting_allows_other_countries_and_each_file_its_own(dealership: Dealership) -> None:
    location = dealership.locations[0]
    rules = TextRules.of(dealership, location, LimitSettings(), ("+18155550199",))
    assert rules.countries == {"US"}
    for number in (location.phone, location.desk_number, "+18155550199"):
        assert refused_number(number, rules) is Refusal.OUR_OWN
    wider = TextRules.of(dealership, location, LimitSettings(text_countries="us, GB"))  # type: ignore[arg-type]
    assert refused_number("+447400123456", wider) is None
    assert refused_number("+16045550123", wider) is Refusal.FOREIGN
    assert refused_number("+449098790123", wider) in {Refusal.COSTLY, Refusal.NO_NUMBER}
    with pytest.raises(ValueError, match="there is no country XX"):
        LimitSettings(text_countries="US,XX")  # type: ignore[arg-type]


_examples = [
    phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in phonenumbers.PhoneNumberType.values()
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
]


@given(
    st.sampled_from(_examples) | st.text(max_size=20) | st.from_regex(r"\+[0-9]{1,16}"),
    st.builds(
        TextFacts,
        caller=st.none() | st.sampled_from(_examples),
        on_file=st.none() | st.sampled_from(_examples),
        is_proved=st.booleans(),
        has_consent=st.booleans(),
        has_opted_out=st.booleans(),
        is_code=st.booleans(),
    ),
)
def test_nothing_but_an_ordinary_number_at_home_with_a_standing_is_texted(
    number: str, facts: TextFacts
) -> None:
    if isinstance(may_text(number, facts, RULES), Refusal):
        return
    plain = phone_number(number, region=None)
    assert plain is not None and (plain.kind, plain.region) == (NumberKind.ORDINARY, "US")
    assert number not in RULES.ours and not facts.has_opted_out
    assert (
        facts.is_proved
        or facts.has_consent
        or facts.is_code
        or (number in {facts.caller, facts.on_file})
    )


# A booking's text


@pytest.fixture
def calendar(engine: AsyncEngine, dealership: Dealership) -> CalendarService:
    return CalendarService(engine, dealership, "main", clock=lambda: NOW)


async def openings(calendar: CalendarService, count: int) -> list[Opening]:
    found: list[Opening] = []
    day = (NOW + timedelta(days=1)).date()
    while len(found) < count:
        query = OpeningsQuery.of_days("oil_change", day, day, limit=6)
        found += await calendar.find_openings(query)
        day += timedelta(days=1)
    return found[:count]


def wish(people: People, opening: Opening, key: str = "k", **changes: Any) -> BookingRequest:
    made = BookingRequest(key, opening, people.maria, people.civic, MARIA, "CA1", caller=MARIA)
    return replace(made, **changes)


async def texts(engine: AsyncEngine) -> list[dict[str, Any]]:
    async with engine.connect() as connection:
        wanted = select(OutboxRow.payload).where(OutboxRow.kind == KIND).order_by(OutboxRow.id)
        return list(await connection.scalars(wanted))


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, "caller"),
        ({"caller": None}, "on_file"),
        ({"caller": STRANGER}, "on_file"),
        ({"customer_phone": STRANGER}, None),
        ({"customer_phone": STRANGER, "caller": None, "call_sid": None}, None),
        ({"customer_phone": STRANGER, "caller": STRANGER}, "caller"),
        ({"customer_phone": OURS, "caller": OURS}, None),
        ({"customer_phone": "+447400123456", "caller": "+447400123456"}, None),
    ],
)
async def test_a_booking_is_texted_only_to_whom_it_concerns(
    changes: dict[str, Any],
    standing: str | None,
    engine: AsyncEngine,
    dealership: Dealership,
    people: People,
) -> None:
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW, lines=(OURS,))
    (opening,) = await openings(calendar, 1)
    request = wish(people, opening, **changes)
    booking = await calendar.book(request)
    assert [sent["standing"] for sent in await texts(engine)] == ([standing] if standing else [])
    assert booking.is_texted == (standing is not None)
    assert await calendar.book(request) == booking, "the repeat says the same"


async def proved(engine: AsyncEngine, call_sid: str, number: str, at: datetime | None) -> None:
    async with engine.begin() as connection:
        hashed = await hash_number(connection, number)
        row = {"call_sid": call_sid, "number_hash": hashed, "code_hash": "x", "proved_at": at}
        await connection.execute(TextCodeRow.__table__.insert().values(row))


async def test_a_number_proved_by_a_code_is_texted_in_that_call(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first, second, third = await openings(calendar, 3)
    await proved(engine, "CA1", STRANGER, NOW)
    await proved(engine, "CA2", STRANGER, None)
    for key, opening, call_sid in (("a", first, "CA1"), ("b", second, "CA2"), ("c", third, "CA3")):
        request = wish(people, opening, key, customer_phone=STRANGER, caller=None)
        await calendar.book(replace(request, call_sid=call_sid))
    assert [(t["call_sid"], t["standing"]) for t in await texts(engine)] == [("CA1", "proved")]


async def test_consent_is_a_standing_and_an_opt_out_beats_it(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first, second = await openings(calendar, 2)
    async with engine.begin() as connection:
        row = {"number_hash": await hash_number(connection, STRANGER), "source": "code"}
        await connection.execute(TextConsentRow.__table__.insert().values(row))
    request = wish(people, first, customer_phone=STRANGER, caller=None)
    assert (await calendar.book(request)).is_texted
    async with engine.begin() as connection:
        await opt_out(connection, STRANGER, "texts", "carrier")
    booking = await calendar.book(replace(request, idempotency_key="other", opening=second))
    assert not booking.is_texted
    assert [sent["standing"] for sent in await texts(engine)] == ["consent"]


# How many


async def test_bookings_of_a_call_are_limited_and_a_refused_one_leaves_nothing(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    limits = LimitSettings(bookings_per_call=2)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=limits)
    slots = await openings(calendar, 4)
    for n in range(2):
        await calendar.book(wish(people, slots[n], f"k{n}"))
    with pytest.raises(BookingRefused) as refused:
        await calendar.book(wish(people, slots[2], "k2"))
    assert refused.value.code == "too_many"
    assert "service desk" in refused.value.sentence and "555" not in refused.value.sentence
    assert slots[2] in await openings(calendar, 4), "the slot is free again"
    assert len(await texts(engine)) == 2
    await calendar.book(wish(people, slots[0], "k0"))  # a repeat is no further one
    await calendar.book(wish(people, slots[3], "k3", call_sid="CA2"))


@pytest.mark.parametrize(
    ("same", "refused"),
    [
        ({"caller": MARIA}, True),
        ({"caller": None}, True),  # for one customer's number, whoever calls
        ({"caller": STRANGER, "customer_phone": STRANGER}, False),
    ],
)
async def test_bookings_of_a_number_are_limited_over_all_its_calls(
    same: dict[str, Any],
    refused: bool,
    engine: AsyncEngine,
    dealership: Dealership,
    people: People,
) -> None:
    limits = LimitSettings(bookings_per_number=2)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=limits)
    slots = await openings(calendar, 3)
    for n in range(2):
        await calendar.book(wish(people, slots[n], f"k{n}", call_sid=f"CA{n}"))
    last = wish(people, slots[2], "k2", call_sid="CA9", **same)
    if refused:
        with pytest.raises(BookingRefused):
            await calendar.book(last)
    else:
        await calendar.book(last)


async def test_two_processes_at_once_book_no_more_than_is_allowed(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    limits = LimitSettings(bookings_per_number=3)
    calendars = [
        CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=limits)
        for _ in range(2)
    ]
    slots = await openings(calendars[0], 8)
    answers = await asyncio.gather(
        *(
            calendars[n % 2].book(wish(people, slots[n], f"k{n}", call_sid=f"CA{n}"))
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 3
    assert {a.code for a in answers if isinstance(a, BookingRefused)} == {"too_many"}
    assert len(await texts(engine)) == 3


async def test_a_number_is_texted_only_so_often_and_the_booking_stands(
    engine: AsyncEngine, dealership: Dealership, people: People
) -> None:
    limits = LimitSettings(texts_per_number=2)
    calendar = CalendarService(engine, dealership, "main", clock=lambda: NOW, limits=limits)
    slots = await openings(calendar, 3)
    told = [
        (await calendar.book(wish(people, slots[n], f"k{n}", call_sid=f"CA{n}"))).is_texted
        for n in range(3)
    ]
    assert told == [True, True, False]


# Sent, or not any more


def worker(
    engine: AsyncEngine,
    send: Callable[[str, str], Any],
    rules: TextRules = RULES,
    now: datetime = NOW,
) -> OutboxWorker:
    return OutboxWorker(engine, {KIND: text_handler(engine, rules, send, lambda: now)})


class Carrier:
    """Takes texts, or fails as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[str] = []

    async def __call__(self, to: str, body: str) -> None:
        self.sent.append(to)
        if self.error is not None:
            raise self.error


async def errors(engine: AsyncEngine) -> list[tuple[str | None, bool]]:
    """(last error, whether it is over for good) of every text."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT last_error, next_attempt_at = 'infinity' AS dead FROM outbox"
                " WHERE kind = 'sms.send' ORDER BY id"
            )
        )
        return [(row.last_error, row.dead) for row in rows]


async def test_a_text_whose_reason_has_gone_is_not_sent(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    (slot,) = await openings(calendar, 1)
    await calendar.book(wish(people, slot, caller=None))
    async with engine.begin() as connection:  # the customer has a new number
        await connection.execute(
            update(CustomerRow).where(CustomerRow.id == people.maria).values(phone="+17735550111")
        )
    carrier = Carrier()
    await worker(engine, carrier).run_once()
    assert carrier.sent == []
    assert await errors(engine) == [("text_no_standing", True)]


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        (TextRules(frozenset({MARIA}), frozenset({"US"})), "text_our_own"),
        (TextRules(frozenset(), frozenset({"GB"})), "text_foreign"),
    ],
)
async def test_the_rules_hold_when_it_is_sent(
    rules: TextRules, error: str, calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    (slot,) = await openings(calendar, 1)
    await calendar.book(wish(people, slot))
    carrier = Carrier()
    await worker(engine, carrier, rules).run_once()
    assert (carrier.sent, await errors(engine)) == ([], [(error, True)])


async def test_a_text_of_an_earlier_release_goes_to_the_appointments_owner_alone(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    first, second = await openings(calendar, 2)
    for key, slot in (("a", first), ("b", second)):
        await calendar.book(wish(people, slot, key))
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE outbox SET payload = payload - 'standing' - 'not_after' - 'call_sid'")
        )
        await connection.execute(
            text(
                "UPDATE outbox SET payload = payload || jsonb_build_object('to', :to ::text)"
                " WHERE kind = 'sms.send' AND id = (SELECT max(id) FROM outbox WHERE kind ="
                " 'sms.send')"
            ).bindparams(to=STRANGER)
        )
    carrier = Carrier()
    await worker(engine, carrier).run_once()
    assert carrier.sent == [MARIA]
    assert await errors(engine) == [(None, False), ("text_no_standing", True)]


async def test_a_text_that_comes_too_late_is_not_sent(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    (slot,) = await openings(calendar, 1)
    await calendar.book(wish(people, slot))
    carrier = Carrier()
    await worker(engine, carrier, now=slot.starts_at).run_once()
    assert (carrier.sent, await errors(engine)) == ([], [("too_late", True)])


@pytest.mark.parametrize(
    ("error", "stored", "opts_out"),
    [
        (Unsubscribed("twilio_21610"), ("twilio_21610", True), True),
        (Undeliverable("twilio_21614"), ("twilio_21614", True), False),
        (RuntimeError(MARIA), ("RuntimeError", False), False),
    ],
)
async def test_what_the_carrier_says_is_taken_at_its_word(
    error: Exception,
    stored: tuple[str, bool],
    opts_out: bool,
    calendar: CalendarService,
    engine: AsyncEngine,
    people: People,
) -> None:
    first, second = await openings(calendar, 2)
    request = wish(people, first)
    await calendar.book(request)
    await worker(engine, Carrier(error)).run_once()
    assert await errors(engine) == [stored]
    async with engine.connect() as connection:
        assert await has_opted_out(connection, MARIA, "texts") is opts_out
    assert (await calendar.book(request)).is_texted is not stored[1]
    again = await calendar.book(wish(people, second, "another"))
    assert again.is_texted is not opts_out


async def test_a_text_that_is_not_the_bookings_obeys_the_same_rule(
    engine: AsyncEngine, people: People
) -> None:
    """Whatever Otto will text for: there is one way to write one."""
    message = Text("any", STRANGER, "hello", datetime(2030, 1, 1, tzinfo=UTC), "CA1", MARIA)
    async with engine.begin() as connection:
        assert await write_text(connection, message, RULES, LIMITS) is Refusal.NO_STANDING
        to_them = replace(message, to=MARIA)
        for _ in range(2):
            assert await write_text(connection, to_them, RULES, LIMITS) is Standing.CALLER
    assert [sent["to"] for sent in await texts(engine)] == [MARIA]


def test_outbox_rows_of_texts_are_written_in_one_place() -> None:
    """A second writer would be a second rule."""
    from pathlib import Path

    root = Path(__file__).parents[2]
    writers = [
        path.relative_to(root).as_posix()
        for folder in ("otto", "actors", "cluster")
        for path in (root / folder).rglob("*.py")
        if '"sms.send"' in path.read_text()
    ]
    assert writers == ["otto/scheduling/texts/texts.py"]


async def test_that_it_was_texted_is_known_as_long_as_the_appointment_is_of_interest(
    calendar: CalendarService, engine: AsyncEngine, people: People
) -> None:
    far = (NOW + timedelta(days=40)).date()
    (slot,) = await calendar.find_openings(OpeningsQuery.of_days("oil_change", far, far, limit=1))
    request = wish(people, slot)
    await calendar.book(request)
    await worker(engine, Carrier()).run_once()
    old = NOW - timedelta(days=31)
    async with engine.begin() as connection:
        await connection.execute(update(OutboxRow).values(done_at=old, created_at=old))
    sweeper = RetentionSweeper(engine, RetentionSettings(outbox_days=30))
    for later, left in ((0, True), (69, True), (72, False)):
        await sweeper.sweep(NOW + timedelta(days=later))
        assert [told.get("body") for told in await texts(engine)] == ([None] if left else [])
        assert (await calendar.book(request)).is_texted == left
