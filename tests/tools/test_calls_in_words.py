"""Whole calls in words: tools, customers, bookings and texts, on a real PostgreSQL."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from config.dealership import Dealership
from config.limits import LimitSettings
from otto.crm.customers import NewCustomer, NewVehicle
from otto.crm.repair_orders import RepairChange, RepairStatus
from otto.crm.repair_table import RepairTable
from otto.dialogue.flow.briefing import system_prompt
from otto.dialogue.flow.prompt_files import shipped_prompts
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.state import Session
from otto.dialogue.tools.toolbox import Toolbox
from otto.scheduling.service import CalendarService
from otto.scheduling.texts.codes import TextCodes
from otto.scheduling.texts.rules import TextRules
from otto.storage.database import sync_dealership
from otto.storage.tables import AppointmentLineRow, AppointmentRow, OutboxRow
from tests.support.call import BORN, NOW
from tests.support.spoken import Bookings, Customers, SpokenCall

MARIA, NOBODY = "+13125550142", "+17735550111"


@pytest.fixture
async def ring(engine: AsyncEngine, dealership: Dealership) -> Any:
    """Place a call: (number, what the network says of it) -> the call."""
    await sync_dealership(engine, dealership)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "TRUNCATE appointments, outbox, vehicles, customers, limit_events, text_codes,"
                " text_consents, opt_outs, offered_starts RESTART IDENTITY CASCADE"
            )
        )
    limits, location = LimitSettings(), dealership.locations[0]
    crm = Customers(engine, "main", limits=limits)
    maria = await crm.create_customer(NewCustomer("maria", "Maria", "Alvarez", MARIA, BORN))
    vin = "1HGBH41JXMN109186"
    await crm.add_vehicle(NewVehicle("civic", maria.id, 2019, "Honda", "Civic", vin))
    rules = TextRules.of(dealership, location, limits)
    codes = TextCodes(engine, dealership.name, rules, limits, clock=lambda: NOW)
    calls = iter(range(1, 100))

    def make(caller: str, is_forged: bool = False, **tight: int) -> SpokenCall:
        calendar = CalendarService(
            engine, dealership, "main", clock=lambda: NOW, limits=LimitSettings(**tight)
        )
        session = Session.begin(f"CA{next(calls)}", caller, "+13125550100", NOW)
        session.is_forged = is_forged
        toolbox = Toolbox(
            session,
            dealership,
            location,
            Bookings(calendar, codes),
            crm,
            now=lambda: NOW,
            verification_attempts=3,
        )
        now = NOW.astimezone(ZoneInfo(location.timezone))
        prompt = system_prompt(shipped_prompts(), dealership, location, session, now)
        messages = [
            {"role": "system", "content": prompt},
            {"role": "assistant", "content": Phrases(dealership).greeting},
        ]
        return SpokenCall(toolbox, session, messages)

    return make


async def texts(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as connection:
        rows = await connection.scalars(
            select(OutboxRow.payload).where(OutboxRow.kind == "sms.send").order_by(OutboxRow.id)
        )
        return [(row["to"], row["body"]) for row in rows]


async def book(call: SpokenCall, day: str = "tomorrow") -> str:
    for words in (day, "the first one"):
        await call.say(words)
    return await call.say("Yes, please.")


async def test_a_customer_who_calls_from_their_number(ring: Any, engine: AsyncEngine) -> None:
    call = ring(MARIA)
    assert "date of birth?" in await call.say("I need an oil change")
    assert "Thank you, Maria" in await call.say("March 12 1984")
    assert "You will get a text message" in await book(call)
    assert [to for to, _ in await texts(engine)] == [MARIA]


async def test_a_caller_who_has_booked_enough_hears_of_the_desk(ring: Any) -> None:
    call = ring(MARIA, bookings_per_call=1)
    await call.say("I need an oil change")
    await call.say("March 12 1984")
    assert "You're booked" in await book(call)
    await call.say("Yes, I also need a tire rotation")
    said = await book(call, "wednesday")
    assert "cannot book any more appointments. The service desk can help you" in said
    assert said.endswith("Would you like me to connect you with a service advisor?")
    assert (call.results[-1]["status"], call.results[-1]["code"]) == ("error", "too_many")


async def test_a_number_that_was_texted_enough_is_promised_no_text(
    ring: Any, engine: AsyncEngine
) -> None:
    said = []
    for day in ("tuesday", "wednesday"):
        call = ring(MARIA, texts_per_number=1)
        await call.say("I need an oil change")
        await call.say("March 12 1984")
        said.append(await book(call, day))
    assert ["text message" in each for each in said] == [True, False]
    assert all("confirmation code" in each for each in said)
    assert len(await texts(engine)) == 1


async def test_the_end_of_a_vin_and_a_name(ring: Any) -> None:
    call = ring(MARIA)
    await call.say("I need an oil change")
    assert "first and last name?" in await call.say("the last six of my VIN are 1 0 9 1 8 6")
    assert "Thank you, Maria" in await call.say("Maria Alvarez")


async def test_a_customer_whose_number_is_withheld(ring: Any, engine: AsyncEngine) -> None:
    call = ring("anonymous")
    assert "phone number" in await call.say("I need an oil change")
    assert "first and last name?" in await call.say("312 555 0142")
    assert "date of birth?" in await call.say("Maria Alvarez")
    assert "Thank you, Maria" in await call.say("March 12 1984")
    await book(call)
    assert [to for to, _ in await texts(engine)] == [MARIA], "to the number on file"


async def test_a_customer_whose_number_the_network_calls_forged(ring: Any) -> None:
    call = ring(MARIA, is_forged=True)
    assert "first and last name?" in await call.say("I need an oil change")
    assert "date of birth?" in await call.say("Maria Alvarez")
    assert "Thank you, Maria" in await call.say("March 12 1984")


async def test_a_new_customer_with_a_withheld_number(ring: Any, engine: AsyncEngine) -> None:
    call = ring("anonymous")
    await call.say("I need an oil change")
    await call.say("773 555 0111")
    await call.say("John Smith")
    heard = "I heard John Smith, born May 3, 1990, with the number (773) 555-0111. Is that right?"
    assert heard in await call.say("May 3 1990")
    assert "May I text a code" in await call.say("yes")
    assert "six digits" in await call.say("yes please")
    ((to, body),) = await texts(engine)
    code = re.findall(r"\d{6}", body)[0]
    assert to == NOBODY
    await call.say(" ".join(code))
    # Name and date of birth were read back and agreed to before.
    assert "year, make and model" in await call.say("John Smith")
    read_back = "I have that as a 2020 Honda Civic. Is that right?"
    assert read_back in await call.say("It's a 2020 Honda Civic")
    await call.say("yes")
    assert "You will get a text message" in await book(call)
    assert [to for to, _ in await texts(engine)] == [NOBODY, NOBODY]


async def test_strangers_and_customers_are_told_the_same(ring: Any) -> None:
    heard = []
    for number in ("312 555 0142", "773 555 0111"):
        call = ring("anonymous")
        words = ("oil change", number, "Maria Alvarez", "May 4 1991", "yes", "no", "Maria Alvarez")
        said = [await call.say(each) for each in (*words, "May 5 1991", "yes")]
        heard.append([re.sub(r"\(\d{3}\) 555-\d{4}", "N", each) for each in said])
    assert heard[0] == heard[1]
    assert "could not match" in heard[0][4] and "could not match" in heard[0][-1]


async def test_a_new_customer_is_known_by_their_date_of_birth_the_next_time(
    ring: Any, engine: AsyncEngine
) -> None:
    first = ring(NOBODY)
    for words in ("I need an oil change", "Grace Hopper", "December 9, 1986", "Yes, that's right."):
        await first.say(words)
    for words in ("a 2021 Toyota Corolla", "Yes"):
        await first.say(words)
    assert "You're booked" in await book(first, "tuesday")
    second = ring(NOBODY)
    assert "date of birth?" in await second.say("When is my appointment?")
    wrong = await second.say("December 10, 1986")
    assert "I heard December 10, 1986. Is that right?" in wrong and "Tuesday" not in wrong
    said = await second.say("No, it's December 9, 1986")
    assert "for your 2021 Toyota Corolla on Tuesday, November 24" in said
    assert second.session.attempts == 1, "what was misheard did not count"
    async with engine.connect() as connection:
        counted = await connection.scalar(
            text("SELECT count(*) FROM limit_events WHERE kind = 'verification'")
        )
    assert counted == 0, "nor does it in the next call"


async def test_who_would_rather_not_tell_is_known_by_name_and_vin(
    ring: Any, engine: AsyncEngine
) -> None:
    first = ring(NOBODY)
    for words in ("I need an oil change", "Grace Hopper", "I'd rather not say"):
        await first.say(words)
    said = await first.say("Yes, that's right.")
    assert "it is your name and your car's VIN that we can know you by" in said
    said = await first.say("a 2021 Toyota Corolla")
    assert "Do you have it at hand?" in said
    said = await first.say("Sure, it's 1 M 8 G D M 9 A X K P 0 4 2 7 8 8")
    assert "K as in King, P as in Peter, 0, 4, 2, 7, 8, 8. Is that right?" in said
    assert "What day" in await first.say("Yes")
    second = ring(NOBODY)
    await second.say("When is my appointment?")
    assert "first and last name" in await second.say("the last six of my VIN are 0 4 2 7 8 8")
    said = await second.say("Grace Hopper")
    assert "don't see an appointment" in said and second.session.first_name == "Grace"


async def test_wrong_answers_are_counted_in_the_database_before_they_are_confirmed(
    ring: Any, engine: AsyncEngine
) -> None:
    """Else whoever denies each of their guesses could guess for nothing."""
    for years in (range(1980, 1984), range(1985, 1989)):
        call = ring(MARIA)
        await call.say("When is my appointment?")
        for year in years:
            said = await call.say(f"No, it's March 12, {year}")
            if "connect you" in said:
                break
    assert "can't verify" in said
    call = ring(MARIA)
    await call.say("When is my appointment?")
    assert "can't verify" in await call.say("March 12, 1984"), "the right one is looked at no more"


async def test_wrong_answers_in_several_calls_end_at_a_person(ring: Any) -> None:
    for _ in range(2):
        call = ring(MARIA)
        await call.say("oil change")
        for year in (1990, 1991):
            assert f"I heard May 3, {year}. Is that right?" in await call.say(f"May 3 {year}")
            assert "doesn't match" in await call.say("yes")
        assert "connect you" in await call.say("May 3 1992")
    call = ring(MARIA)
    await call.say("oil change")
    said = await call.say("March 12 1984")
    assert "can't verify" in said and "connect you with a service advisor?" in said
    assert "One moment" in await call.say("Yes, please")


@pytest.fixture
async def family(ring: Any, engine: AsyncEngine) -> None:
    """Maria's husband and a daughter who shares his birthday have her number, too."""
    crm = Customers(engine, "main")
    for key, first, born in (
        ("luis", "Luis", date(1980, 5, 6)),
        ("nina", "Nina", date(2004, 5, 6)),
        ("leo", "Leo", date(2004, 5, 6)),
    ):
        one = await crm.create_customer(NewCustomer(key, first, "Alvarez", MARIA, born))
        await crm.add_vehicle(NewVehicle(key, one.id, 2015, "Jeep", f"Wrangler {first}"))


@pytest.mark.parametrize(
    ("name", "born", "first"),
    [
        ("Luis Alvarez", "May 6 1980", "Luis"),
        ("Maria Alvarez", "March 12 1984", "Maria"),
        ("Nina Alvarez", "May 6 2004", "Nina"),
        ("Leo Alvarez", "May 6 2004", "Leo"),
    ],
)
async def test_of_a_family_with_one_number_the_name_tells_who_calls(
    name: str, born: str, first: str, ring: Any, family: None
) -> None:
    call = ring(MARIA)
    asked = await call.say("I need an oil change")
    assert "first and last name?" in asked and "Alvarez" not in asked
    assert "date of birth?" in await call.say(name)
    assert f"Thank you, {first}" in await call.say(born)
    assert call.session.first_name == first


async def test_a_name_and_another_s_birthday_open_nothing(ring: Any, family: None) -> None:
    call = ring(MARIA)
    await call.say("I need an oil change")
    await call.say("Luis Alvarez")
    said = await call.say("March 12 1984")
    assert "I heard Luis Alvarez, born March 12, 1984. Is that right?" in said
    said = await call.say("yes")
    assert "doesn't match our records" in said and "Thank you" not in said
    assert call.session.customer_id is None


async def standing(engine: AsyncEngine) -> list[tuple[str, datetime]]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(AppointmentRow.status, AppointmentRow.starts_at).order_by(
                AppointmentRow.starts_at
            )
        )
        return [(status, starts_at) for status, starts_at in rows]


async def booked_before(ring: Any) -> None:
    """Maria has an oil change on Tuesday at 7:30, booked in an earlier call."""
    call = ring(MARIA)
    for words in ("I need an oil change", "March 12 1984"):
        await call.say(words)
    assert "Tuesday, November 24 at 7:30 AM" in await book(call, "tuesday")


async def test_a_caller_moves_their_appointment(ring: Any, engine: AsyncEngine) -> None:
    await booked_before(ring)
    call = ring(MARIA)
    assert "date of birth?" in await call.say("I'd like to move my appointment")
    said = await call.say("March 12 1984")
    assert "an oil change for your 2019 Honda Civic on Tuesday, November 24 at 7:30 AM" in said
    assert "What day would suit you better?" in said
    offered = await call.say("Wednesday")
    assert "Wednesday, November 25 at" in offered
    assert "Shall I move it?" in await call.say("the first one")
    said = await call.say("yes")
    assert "is moved to Wednesday, November 25" in said and "text message with the new" in said
    assert [status for status, _ in await standing(engine)] == ["booked"]
    assert (await standing(engine))[0][1].day == 25
    bodies = [body for _, body in await texts(engine)]
    assert "moved to Wednesday, November 25" in bodies[-1]
    # And once more, back again.
    said = await call.say("Sorry, can I move my appointment back to Tuesday at 7:30 after all?")
    assert "Tuesday, November 24 at 7:30 AM. Shall I move it?" in said
    assert "is moved to Tuesday, November 24 at 7:30 AM" in await call.say("yes please")
    assert (await standing(engine))[0][1].day == 24


async def test_half_an_hour_later_is_free_although_their_own_work_is_in_the_way(
    ring: Any, engine: AsyncEngine
) -> None:
    """It takes 45 minutes from 7:30: till then their car would else be taken to be in a bay."""
    await booked_before(ring)
    call = ring(MARIA)
    await call.say("Can you move my appointment to Tuesday at eight?")
    said = await call.say("March 12 1984")
    assert "to Tuesday, November 24 at 8:00 AM. Shall I move it?" in said
    assert "is moved to Tuesday, November 24 at 8:00 AM" in await call.say("yes")
    assert len(await standing(engine)) == 1


async def test_a_caller_cancels_and_hears_that_nothing_is_left(
    ring: Any, engine: AsyncEngine
) -> None:
    await booked_before(ring)
    call = ring(MARIA)
    await call.say("I have to cancel my appointment")
    assert "Shall I cancel it?" in await call.say("March 12 1984")
    assert [status for status, _ in await standing(engine)] == ["booked"]
    assert "is cancelled. You will get a text message" in await call.say("yes")
    assert [status for status, _ in await standing(engine)] == ["cancelled"]
    assert "don't see an appointment of yours" in await call.say("when is my appointment?")
    assert "cancel" in (await texts(engine))[-1][1].lower()


async def test_a_caller_hears_when_it_is_and_nobody_else_does(
    ring: Any, engine: AsyncEngine
) -> None:
    await booked_before(ring)
    stranger = ring(NOBODY)
    said = await stranger.say("When is my appointment?")
    assert "phone number on your account" in said and "Tuesday" not in said
    said = await stranger.say("I have no other number")
    assert "don't see an appointment" in said and "Tuesday" not in said
    call = ring(MARIA)
    await call.say("When is my appointment?")
    wrong = await call.say("March 13 1984")
    assert "I heard March 13, 1984. Is that right?" in wrong and "Tuesday" not in wrong
    assert "on Tuesday, November 24 at 7:30 AM. Your confirmation" in await call.say(
        "March 12 1984"
    )


async def test_what_was_just_booked_is_moved_in_the_same_call(
    ring: Any, engine: AsyncEngine
) -> None:
    call = ring(NOBODY)
    await call.say("I need an oil change")
    asked = await call.say("Ada Byron")
    assert "date of birth, so that we know you the next time?" in asked
    read_back = await call.say("December 10 1985")
    assert "Ada Byron, Byron spelled B, Y, R, O, N, born December 10, 1985" in read_back
    await call.say("yes")
    await call.say("a 2018 Toyota Camry")
    await call.say("yes")
    assert "You're booked" in await book(call, "tuesday")
    assert "What day" in await call.say("Can I reschedule?")
    await call.say("Wednesday")
    await call.say("the first one")
    assert "is moved to Wednesday" in await call.say("yes")
    assert [(status, at.day) for status, at in await standing(engine)] == [("booked", 25)]


async def test_staff_cancelled_it_while_the_caller_thought_about_another_day(
    ring: Any, engine: AsyncEngine
) -> None:
    await booked_before(ring)
    call = ring(MARIA)
    await call.say("I'd like to move my appointment")
    for words in ("March 12 1984", "Wednesday", "the first one"):
        await call.say(words)
    async with engine.begin() as connection:
        await connection.execute(update(AppointmentRow).values(status="cancelled"))
    said = await call.say("yes")
    assert "has been cancelled already. Is there anything else I can do for you?" in said
    assert [status for status, _ in await standing(engine)] == ["cancelled"]


async def test_is_my_car_ready(ring: Any, engine: AsyncEngine) -> None:
    table = RepairTable(engine, "main")
    await table.open("A1", MARIA, "")
    await table.change("A1", RepairChange(RepairStatus.IN_PROGRESS, NOW + timedelta(hours=7)))
    call = ring(MARIA)
    assert "date of birth?" in await call.say("Is my car ready?")
    said = await call.say("March 12 1984")
    assert "We are working on your 2019 Honda Civic. It is promised for 4:00 PM today." in said
    stranger = ring(NOBODY)
    assert "Civic" not in await stranger.say("Is my Honda Civic ready?")


async def lines(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        line = AppointmentLineRow
        return list(await connection.scalars(select(line.service_code).order_by(line.starts_at)))


async def test_two_services_are_one_visit_told_moved_and_cancelled_as_one(
    ring: Any, engine: AsyncEngine
) -> None:
    call = ring(MARIA)
    await call.say("I need an oil change and a tire rotation on Tuesday at nine")
    said = await call.say("March 12 1984")
    assert "an oil change and a tire rotation for your 2019 Honda Civic on Tuesday" in said
    assert "$119.90" in said
    assert "booked for an oil change and a tire rotation" in await call.say("yes")
    assert len(await standing(engine)) == 1 and len(await lines(engine)) == 2
    said = await call.say("Can you move my appointment to Wednesday at nine?")
    assert "Wednesday, November 25 at 9:00 AM. Shall I move it?" in said
    assert "is moved to Wednesday" in await call.say("yes")
    assert [(status, at.day) for status, at in await standing(engine)] == [("booked", 25)]
    assert sorted(await lines(engine)) == ["oil_change", "tire_rotation"]
    await call.say("Actually, cancel my appointment")
    assert "is cancelled" in await call.say("yes")
    assert [status for status, _ in await standing(engine)] == ["cancelled"]


async def test_a_caller_who_waits_has_a_place_to_wait(ring: Any, engine: AsyncEngine) -> None:
    call = ring(MARIA)
    await call.say("I need an oil change on Tuesday at nine, I'll wait for it")
    said = await call.say("March 12 1984")
    assert "at 9:00 AM, while you wait" in said
    assert "booked" in await call.say("yes")
    async with engine.connect() as connection:
        assert await connection.scalar(select(AppointmentRow.transport)) == "wait"
    assert next(each for each in call.results if each["status"] == "booked")["transport"] == "wait"
