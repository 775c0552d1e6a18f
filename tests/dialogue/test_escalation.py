"""The way to a person: at once, not at this hour, and back again when nobody took the call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import Slot, SlotName
from otto.dialogue.session.state import Directive, Ending, Identity, Session
from otto.dialogue.session.summary import WHY, summarise
from otto.events import Worker, WorkerFailed
from otto.storage.errors import StoreUnavailable
from tests.support.call import MARIA, NOW, Call, Step

pytestmark = pytest.mark.looptime

SATURDAY_NIGHT = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
OPENS = datetime(2026, 11, 30, 13, 30, tzinfo=UTC)
THEN = "when we open at 7:30 AM on Monday"
OFFER = f"The service desk is closed right now. Shall I have someone call you back {THEN}?"
WITHHELD = "+266696687"
TRANSFER = ("transfer_to_person", {"reason": "asked"})


def heard(call: Call) -> list[str]:
    return [turn.heard for turn in call.conversation.session.turns if turn.speaker == "otto"]


async def say(call: Call, text: str) -> str:
    await call.say(text)
    await call.until_quiet()
    return heard(call)[-1]


# In hours


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("this is ridiculous, I'm furious", "complaint"),
        ("I want to make a complaint", "complaint"),
        ("you scratched my car", "complaint"),
        ("it's doing the same noise after you fixed it", "complaint"),
        ("get me a person", "transferred"),
    ],
)
async def test_anger_gets_a_person_at_once(ring: Any, text: str, outcome: str) -> None:
    call = await ring()
    await say(call, text)
    session = call.conversation.session
    assert (session.directive, session.outcome) == (Directive.TRANSFER, outcome)
    assert call.language_model.requests == []
    assert session.summary == summarise(session, outcome)
    await call.conversation.close()
    assert call.people.records[0].summary == session.summary


@pytest.mark.parametrize(
    "text", ["there's a terrible noise from the front", "an awful grinding sound when I brake"]
)
async def test_a_car_that_complains_is_no_complaint(ring: Any, text: str) -> None:
    call = await ring()
    await call.turn(text, Step("Which day?"))
    assert call.conversation.session.directive is Directive.RESUME
    await call.conversation.close()


async def test_whoever_is_asked_to_say_it_again_for_ever_is_offered_a_person(ring: Any) -> None:
    call = await ring()
    for text in ("mumble", "mumble mumble", "mumble again"):
        await call.turn(text, Step("I'm sorry, could you say that again, please?"))
    asked = len(call.language_model.requests)
    assert "connect you with the service desk" in await say(call, "mumble once more")
    assert len(call.language_model.requests) == asked
    assert (await say(call, "yes please")).startswith("I'll connect you")
    await call.conversation.close()


# Out of hours


@pytest.mark.parametrize("text", ["get me a person", "representative", "I want the manager"])
async def test_out_of_hours_a_callback_is_offered_and_a_yes_notes_it(ring: Any, text: str) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    assert await say(call, text) == OFFER
    assert call.conversation.session.directive is Directive.RESUME
    noted = await say(call, "yes please")
    assert noted.startswith(f"All right. Someone will call you back {THEN}.")
    [wish] = call.people.wishes.values()
    assert (wish.phone, wish.promised_at, wish.key) == (MARIA.phone, OPENS, "CA1:callback")
    assert wish.reason == "A caller who is not verified asks for a person."
    assert call.language_model.requests == [], "no model has a part in it"
    await call.conversation.close()


@pytest.mark.parametrize(
    "text",
    ["yes, have them call me", "call me back please", "Any time is fine.", "yes, whenever works"],
)
async def test_a_yes_in_other_words_is_one(ring: Any, text: str) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    await say(call, "get me a person")
    assert f"Someone will call you back {THEN}" in await say(call, text)
    await call.conversation.close()


@pytest.mark.parametrize(
    "text",
    [
        *("no thanks", "yes but at ten", "what are your hours?", "hold on"),
        *("don't have anybody call me", "call me back at ten", "never call me back at night"),
    ],
)
async def test_only_a_yes_is_a_callback(ring: Any, text: str) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    await say(call, "get me a person")
    await call.turn(text, Step("All right."))
    assert call.people.wishes == {}
    await call.conversation.close()


async def test_key_one_is_a_yes(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    await say(call, "get me a person")
    call.press("1")
    await call.until_quiet()
    assert len(call.people.wishes) == 1
    await call.conversation.close()


async def test_a_yes_to_something_else_is_none(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    await say(call, "get me a person")
    await call.turn("what are your hours", Step("We open at eight. Shall I look for a day?"))
    await call.turn("yes", Step("Which one?"))
    assert call.people.wishes == {}
    await call.conversation.close()


async def test_a_withheld_number_is_the_models_to_ask_for(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT, caller=WITHHELD)
    await say(call, "get me a person")
    await call.turn("yes", Step("What number can we call?"))
    assert call.people.wishes == {}
    await call.conversation.close()


async def test_a_callback_that_cannot_be_noted_is_not_promised(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)

    async def away(wish: Any) -> None:
        raise StoreUnavailable("too_slow")

    call.people.request_callback = away
    await say(call, "get me a person")
    assert await say(call, "yes") == f"Please call again {THEN}."
    await call.conversation.close()


async def test_danger_out_of_hours_has_the_tow_and_a_callback_without_asking(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    said = await say(call, "the brake pedal goes to the floor")
    assert "don't drive the car" in said and "911" in said and "+13125550102" in said
    assert f"Someone will call you back {THEN}." in said
    assert "connect" not in said
    [wish] = call.people.wishes.values()
    assert wish.promised_at == OPENS and "may not be safe" in wish.reason
    await call.conversation.close()


async def test_who_speaks_another_language_is_asked_nothing_at_night(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    said = await say(call, "hola, necesito un cambio de aceite")
    assert said.startswith("I'm sorry, I only speak English.") and "?" not in said
    assert said.endswith(f"Someone will call you back {THEN}. Goodbye.")
    assert call.conversation.session.directive is Directive.HANG_UP
    [wish] = call.people.wishes.values()
    assert "does not speak English" in wish.reason
    await call.conversation.close()


async def test_what_was_noted_is_not_offered_again(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    await say(call, "this is ridiculous, I'm furious")
    await say(call, "yes")
    again = await say(call, "no, I want a person now")
    assert again.startswith(
        f"The service desk is closed right now. Someone will call you back {THEN}"
    )
    [wish] = call.people.wishes.values()
    assert "is not happy with us" in wish.reason
    await call.conversation.close()


async def test_danger_out_of_hours_from_no_number_is_told_when_to_call(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT, caller=WITHHELD)
    said = await say(call, "I smell gas in the car")
    assert "911" in said and said.endswith(f"Please call again {THEN}.")
    await call.conversation.close()


@pytest.mark.parametrize(
    ("now", "directive", "callbacks"),
    [(NOW, Directive.TRANSFER, 0), (SATURDAY_NIGHT, Directive.HANG_UP, 1)],
)
async def test_where_otto_cannot_go_on(
    ring: Any, now: datetime, directive: Directive, callbacks: int
) -> None:
    call = await ring(now=now)
    call.language_model.script.append(Step("", fails=True))
    await call.say("I need an oil change")
    await call.until_quiet()
    session = call.conversation.session
    assert (session.directive, session.outcome) == (directive, "model_failed")
    assert len(call.people.wishes) == callbacks
    if callbacks:
        said = heard(call)[-1]
        assert "connect" not in said and said.endswith(f"call you back {THEN}. Goodbye.")
    await call.conversation.close()


async def test_nobody_hears_and_nobody_is_there(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    call.conversation.on_event(WorkerFailed(Worker.STT, "dropped", "test"))
    await call.until_quiet()
    assert call.conversation.session.directive is Directive.HANG_UP
    assert call.people.wishes["CA1:callback"].promised_at == OPENS
    await call.conversation.close()


async def test_the_models_transfer_out_of_hours_is_an_offer(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    await call.turn(
        "I have a question for somebody there about my invoice from before",
        Step("", (TRANSFER,)),
        Step(OFFER),
    )
    [result] = call.results()
    assert (result["status"], result["code"], result["message"]) == ("ask", "closed", OFFER)
    assert call.conversation.session.promised is None, "nobody is owed"
    await say(call, "sure")
    assert call.people.wishes["CA1:callback"].promised_at == OPENS
    await call.turn("that's all, bye", Step("Goodbye.", (("end_call", {"reason": "done"}),)))
    assert call.conversation.session.directive is Directive.HANG_UP
    await call.conversation.close()


async def test_the_models_callback_out_of_hours_has_the_promised_time(ring: Any) -> None:
    call = await ring(now=SATURDAY_NIGHT)
    wish = ("request_callback", {"reason": "a bill", "when": None, "phone_number": None})
    await call.turn("have somebody call me about my bill", Step("", (wish,)), Step("Noted."))
    assert call.results()[-1]["when"] == THEN
    assert call.people.wishes["CA1:callback"].promised_at == OPENS
    await call.conversation.close()


# Back from the desk


async def back(ring: Any, returned: str, **more: Any) -> tuple[Call, Call]:
    first = await ring()
    await say(first, "get me a person")
    await first.conversation.close()
    return first, await ring(memory=first.memory, returned=returned, stream="stream-2", **more)


async def test_whom_nobody_took_is_offered_a_callback_and_a_yes_notes_it(ring: Any) -> None:
    first, call = await back(ring, "nobody")
    session = call.conversation.session
    assert (session.directive, session.outcome) == (Directive.RESUME, ""), "the call goes on"
    offer = call.context.phrases.nobody_free
    assert heard(call)[-1] == offer == (
        "Nobody is free at the desk right now. Shall I have someone call you back?"
    )  # fmt: skip
    assert "call you back as soon as possible" in await say(call, "yes")
    [wish] = call.people.wishes.values()
    assert (wish.phone, wish.promised_at) == (MARIA.phone, None)
    assert call.language_model.requests == []
    assert (
        call.conversation.session.history.entries[0]
        == first.conversation.session.history.entries[0]
    )
    await call.conversation.close()


async def test_after_a_talk_they_are_asked_what_else(ring: Any) -> None:
    _, call = await back(ring, "parted")
    assert heard(call)[-1].startswith("The service desk has hung up.")
    await call.turn("yes, an oil change", Step("Which day?"))
    assert call.people.wishes == {}
    await call.conversation.close()


async def test_the_next_owner_of_a_returned_call_does_not_offer_again(ring: Any) -> None:
    _, call = await back(ring, "nobody")
    memory = call.memory
    heir = await ring(memory=memory, returned="nobody", stream="stream-2")
    assert heir.telephone.said == [heir.context.phrases.taken_over]
    assert heir.conversation.session.directive is Directive.RESUME
    assert "call you back" in await say(heir, "yes please")
    await heir.conversation.close()


async def test_a_stream_that_breaks_after_the_return_goes_on_as_any(ring: Any) -> None:
    _, call = await back(ring, "nobody")
    third = await ring(memory=call.memory, returned="nobody", stream="stream-3")
    assert call.context.phrases.nobody_free not in third.telephone.said
    await third.conversation.close()


async def test_a_session_that_is_lost_still_has_the_offer(ring: Any) -> None:
    call = await ring(returned="nobody")
    assert heard(call)[-1] == call.context.phrases.nobody_free
    await call.conversation.close()


async def test_they_may_be_handed_over_again(ring: Any) -> None:
    _, call = await back(ring, "nobody")
    await say(call, "try the desk again, I want a person")
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


# What the desk is told


@pytest.mark.parametrize(
    ("changes", "outcome", "summary"),
    [
        ({}, "transferred", "A caller who is not verified asks for a person."),
        (
            {"identity": Identity.VERIFIED, "errand": Errand.PERSON, "waiting": [Errand.MOVE]},
            "transferred",
            "Maria, a verified customer, asks for a person, about moving an appointment.",
        ),
        (
            {"identity": Identity.CREATED, "errand": Errand.BOOK},
            "not_understood",
            "Maria, a new customer, was not understood by Otto, about a new appointment for "
            "oil change.",
        ),
        (
            {"identity": Identity.FOUND, "errand": Errand.DANGER},
            "danger",
            "A caller who is not verified has a car that may not be safe to drive, about oil "
            "change.",
        ),
        (
            {"identity": Identity.LOCKED},
            "something new",
            "A caller who could not be verified could not be served by Otto, about oil change.",
        ),
    ],
)
def test_the_summary(changes: dict[str, Any], outcome: str, summary: str) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    session.first_name = "Maria"
    if changes:
        session.slots[SlotName.SERVICE] = Slot("oil_change")
    for name, value in changes.items():
        setattr(session, name, value)
    session.end(Ending(Directive.TRANSFER, outcome))
    assert session.summary == summary
    assert Session.load(session.dump()).summary == summary


@given(
    st.sampled_from([*Identity]),
    st.sampled_from([*Errand]),
    st.lists(st.sampled_from([*Errand])),
    st.sampled_from([*WHY, "stalled", ""]),
)
def test_no_summary_tells_of_a_stranger_what_the_book_knows(
    identity: Identity, errand: Errand, waiting: list[Errand], outcome: str
) -> None:
    session = Session.begin("CA1", MARIA.phone, "+13125550100", NOW)
    session.identity, session.errand, session.waiting = identity, errand, waiting
    session.first_name, session.phone = "Maria", MARIA.phone
    session.slots[SlotName.BIRTH_DATE] = Slot("1984-03-12")
    session.slots[SlotName.VIN] = Slot("1HGBH41JXMN109186")
    said = summarise(session, outcome)
    assert said.count(".") == 1 and said.endswith(".")
    assert ("Maria" in said) is identity.trusted
    for secret in (MARIA.phone, "1984", "1HGBH41JXMN109186", "{", "}"):
        assert secret not in said
