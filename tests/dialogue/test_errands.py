"""Whole calls of those who are in the book, in virtual time: their appointments told, moved and
cancelled, and the car in the workshop. The sandbox's receptionist and callers are both real."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto.crm.repair_orders import RepairOrder, RepairStatus
from otto.dialogue.session.state import Identity
from sandbox.caller.mind import Mind
from sandbox.caller.personas import persona
from sandbox.caller.stages import Stage
from tests.dialogue.test_whole_calls import Receptionist, hold, killed_now_and_then
from tests.support.call import BORN, MARIA, MOVE_IT, NOW, READ_BACK, Book, Call, Step

pytestmark = pytest.mark.looptime

FRIDAY = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
"""The first opening of `Book`."""
FRIDAY_VISIT = "You have an oil change for your 2019 Honda Civic on Friday, November 27 at 2:00 PM."
CANCEL_TUESDAY = "That's your oil change on Tuesday, November 24 at 9:00 AM. Shall I cancel it?"
VERIFIED = Step("", (("verify_caller", {"date_of_birth": BORN.isoformat()}),))
IDENTIFIED = Step("", (("identify_caller", {"phone_number": None}),))
MINE = Step("", (("my_appointments", {}),))
FIND = Step("", (("find_openings", {"services": ["oil_change"]}),))


def maria(name: str) -> Mind:
    facts = {"first_name": "Maria", "last_name": "Alvarez", "phone": MARIA.phone}
    car = {"year": 2019, "make": "Honda", "model": "Civic"}
    return Mind(persona(name, facts={**facts, **car, "date_of_birth": str(BORN)}))


async def place(ring: Any, book: Book, **more: Any) -> Call:
    call: Call = await ring(language_model=Receptionist(), greeted=False, book=book, **more)
    return call


def having(*starts: datetime) -> Book:
    book = Book("bay-1")
    for at in starts:
        book.has(at)
    return book


# The sandbox's callers


async def test_a_caller_moves_their_appointment(ring: Any) -> None:
    book, caller = having(FRIDAY), maria("reschedule")
    call = await place(ring, book)
    await hold(call, caller, None)
    assert Stage.MOVED in caller.stages
    (standing,) = await book.appointments_of(MARIA.id)
    assert standing.starts_at == TUESDAY and standing.version == 2
    assert len(book.moves) == 1 and book.moves[0].idempotency_key.startswith("CA1:move:")
    assert caller.done_as and "moved to Tuesday, November 24 at 9:00 AM" in caller.done_as
    await call.conversation.close()


async def test_a_caller_cancels_their_appointment(ring: Any) -> None:
    book, caller = having(FRIDAY), maria("cancel")
    call = await place(ring, book)
    await hold(call, caller, None)
    assert Stage.CANCELLED in caller.stages
    assert await book.appointments_of(MARIA.id) == ()
    assert call.conversation.session.outcome == "done"
    await call.conversation.close()


async def test_a_caller_hears_when_their_appointment_is(ring: Any) -> None:
    book, caller = having(FRIDAY), maria("when")
    call = await place(ring, book)
    await hold(call, caller, None)
    assert Stage.TOLD in caller.stages
    code = next(iter(book.bookings.values())).confirmation
    told = f"Friday, November 27 at 2:00 PM. Your confirmation code is {' '.join(code)}"
    assert told in " ".join(call.telephone.said)
    await call.conversation.close()


async def test_a_caller_hears_that_their_car_is_ready(ring: Any) -> None:
    caller = maria("car-ready")
    call = await place(ring, having())
    call.people.repairs = (RepairOrder("1", 70, RepairStatus.READY, NOW),)
    await hold(call, caller, None)
    assert Stage.TOLD in caller.stages
    assert "Your 2019 Honda Civic is ready." in " ".join(call.telephone.said)
    await call.conversation.close()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["reschedule", "cancel"])
async def test_a_caller_whose_actors_die_again_and_again_has_it_done_once(
    ring: Any, name: str, seed: int
) -> None:
    book, caller, chance = having(FRIDAY), maria(name), random.Random(seed)
    call = await place(ring, book)
    heard_up_to, owners = 0, 1
    for _ in range(40):
        if call.conversation.ended.is_set():
            break
        before, call = call, await killed_now_and_then(ring, call, chance)
        owners += call is not before
        await call.until_quiet()
        turns = call.conversation.session.turns
        said = " ".join(turn.heard for turn in turns[heard_up_to:] if turn.speaker == "otto")
        heard_up_to = len(turns)
        reply = caller.hear(said) if said else None
        if reply and reply.text:
            await call.say(reply.text)
    assert owners > 2, "they did die"
    standing = await book.appointments_of(MARIA.id)
    assert [each.starts_at for each in standing] == ([TUESDAY] if name == "reschedule" else [])
    keys = {each.idempotency_key for each in (*book.moves, *book.cancellations)}
    assert len(keys) == 1, "whoever asked again asked for the same"
    assert call.conversation.session.changes == 1
    await call.conversation.close()


# Consent is code


async def told(ring: Any, *steps: Step, book: Book | None = None, **more: Any) -> Call:
    """Maria is verified and has been told of her appointment on Friday."""
    call: Call = await ring(book=book or having(FRIDAY), **more)
    await call.turn("It's about my appointment", IDENTIFIED, Step("Your date of birth?"))
    await call.turn("March 12 1984", VERIFIED, *(steps or (Step("Thank you, Maria."),)))
    return call


def ref_of(call: Call) -> str:
    return call.conversation.session.appointments[0].ref


def slot_of(call: Call, at: int = 0) -> str:
    return [*call.conversation.session.offers][at]


def cancels(ref: str) -> Step:
    return Step("", (("cancel_appointment", {"appointment_ref": ref, "reason": "other"}),))


def moves(ref: str, slot: str) -> Step:
    return Step("", (("reschedule_appointment", {"appointment_ref": ref, "slot_id": slot}),))


async def test_nothing_is_cancelled_that_was_told_in_this_very_answer(ring: Any) -> None:
    ref: list[str] = []

    def at_once() -> Step:
        ref.append(ref_of(call))
        return cancels(ref[0])

    call = await told(ring)
    await call.turn("Cancel it", MINE, at_once, Step(f"{FRIDAY_VISIT} Shall I cancel it?"))
    assert call.results()[-1]["code"] == "not_read_back"
    assert call.book.cancellations == []
    await call.turn("yes", cancels(ref[0]), Step("It is cancelled."))
    assert call.results()[-1]["status"] == "cancelled"
    assert len(call.book.cancellations) == 1


async def test_a_reference_or_slot_that_was_not_told_is_worth_nothing(ring: Any) -> None:
    call = await told(ring, MINE, Step("You have an oil change on Friday."))
    await call.turn("another day", FIND, Step("Tuesday at nine?"))
    ref, slot = ref_of(call), slot_of(call)
    stranger = "a-" + "0" * 8
    for step in (
        cancels(stranger),
        moves(stranger, slot),
        moves(ref, "s-000000"),
        moves(slot, ref),
        cancels(""),
    ):
        await call.turn("yes", step, Step("Hm."))
        assert call.results()[-1]["status"] == "error", step
    assert call.book.moves == [] and call.book.cancellations == []


async def test_nothing_is_moved_to_a_time_that_was_just_offered(ring: Any) -> None:
    call = await told(ring, MINE, Step("You have an oil change on Friday."))
    await call.turn(
        "Tuesday", FIND, lambda: moves(ref_of(call), slot_of(call)), Step("Shall I move it?")
    )
    assert call.results()[-1]["code"] == "not_read_back" and call.book.moves == []


async def test_a_slot_for_other_work_moves_nothing(ring: Any) -> None:
    call = await told(ring, MINE, Step("You have an oil change on Friday."))
    tires = Step("", (("find_openings", {"services": ["tire_rotation"]}),))
    await call.turn("Tuesday", tires, Step("Tuesday at nine?"))
    await call.turn("yes", moves(ref_of(call), slot_of(call)), Step("Hm."))
    assert "not for the same work" in call.results()[-1]["advice"] and call.book.moves == []


@pytest.mark.parametrize("identity", [each for each in Identity if not each.trusted])
async def test_nobody_is_told_of_appointments_who_has_not_proved_who_they_are(
    ring: Any, identity: Identity
) -> None:
    call = await told(ring, MINE, Step("You have an oil change on Friday."))
    ref = ref_of(call)
    call.conversation.session.identity = identity
    await call.turn("and now", cancels(ref), MINE, Step("Hm."))
    assert [each["status"] for each in call.results()[-2:]] == ["error", "error"]
    offered = set(call.language_model.requests[-1][1])
    assert not offered & {"my_appointments", "cancel_appointment", "reschedule_appointment"}
    assert call.book.cancellations == []


# What the history says afterwards


async def test_results_that_name_the_appointment_say_what_it_is_now(ring: Any) -> None:
    call = await told(ring, MINE, FIND, Step(MOVE_IT))
    ref, slot = ref_of(call), slot_of(call)
    await call.turn("yes", moves(ref, slot), Step("Moved."))
    mine = next(each for each in call.results() if each.get("appointments"))
    assert mine["appointments"][0]["now"] == "moved to Tuesday, November 24 at 9:00 AM"
    openings = next(each for each in call.results() if each.get("openings"))
    assert openings["openings"][0]["status"] == "booked"
    assert call.results()[-1]["moved_from"] == "Friday, November 27 at 2:00 PM"
    session = call.conversation.session
    assert session.appointments[0].when == "Tuesday, November 24 at 9:00 AM"
    await call.turn("no, cancel it", MINE, Step(CANCEL_TUESDAY))
    await call.turn("yes", cancels(ref), Step("Cancelled."))
    assert session.appointments == [] and session.changes == 2


async def test_a_time_that_was_given_up_can_be_had_again(ring: Any) -> None:
    """A to B, back to A, and to B once more: three wishes, and no slot of an old one counts."""
    to_ten = Step(MOVE_IT.replace("9:00", "10:00"))
    call = await told(ring, MINE, FIND, to_ten, book=having(TUESDAY))
    ref = ref_of(call)
    ten = next(each for each in call.conversation.session.offers.values() if "10:00" in each.when)
    await call.turn("yes, ten is good", moves(ref, ten.slot_id), Step("Moved to ten."))
    await call.turn("no, nine", FIND, Step(MOVE_IT))
    nine = next(each for each in call.conversation.session.offers.values() if " 9:00" in each.when)
    await call.turn("yes", moves(ref, nine.slot_id), Step("Moved to nine."))
    await call.turn("ten after all", moves(ref, ten.slot_id), Step("Hm."))
    assert "not offered" in call.results()[-1]["advice"]
    await call.turn("ten", FIND, to_ten)
    again = next(each for each in call.conversation.session.offers.values() if "10:00" in each.when)
    await call.turn("yes", moves(ref, again.slot_id), Step("Moved to ten."))
    assert call.results()[-1]["status"] == "moved"
    keys = [each.idempotency_key for each in call.book.moves]
    assert len(set(keys)) == 3
    (standing,) = await call.book.appointments_of(MARIA.id)
    assert standing.starts_at == TUESDAY + timedelta(hours=1) and standing.version == 4


async def test_what_was_booked_and_cancelled_in_this_call_can_be_booked_again(ring: Any) -> None:
    call = await told(ring, FIND, Step(READ_BACK), book=having())

    def books() -> Step:
        offers = call.conversation.session.offers.values()
        nine = next(each.slot_id for each in offers if " 9:00" in each.when)
        return Step("", (("book_appointment", {"slot_id": nine}),))

    await call.turn("yes", books(), Step("Booked."))
    await call.turn("no, cancel it", MINE, Step(CANCEL_TUESDAY))
    await call.turn("yes", cancels(ref_of(call)), Step("Cancelled."))
    assert call.conversation.session.bookings == []
    booked = next(each for each in call.results() if each["status"] == "booked")
    assert booked["now"] == "cancelled"
    await call.turn("hm, book it after all", FIND, Step(READ_BACK))
    await call.turn("yes", books(), Step("Booked."))
    assert call.results()[-1]["status"] == "booked"
    assert len({each.idempotency_key for each in call.book.requests}) == 2
    assert len(await call.book.appointments_of(MARIA.id)) == 1


# Taken, late, lost


async def test_a_new_time_that_is_taken_leaves_the_old_one(ring: Any) -> None:
    call = await told(ring, MINE, FIND, Step(MOVE_IT))
    call.book.taken.add(TUESDAY)
    await call.turn("yes", moves(ref_of(call), slot_of(call)), Step("It was just taken."))
    result = call.results()[-1]
    assert result["status"] == "taken" and len(result["openings"]) == 3
    (standing,) = await call.book.appointments_of(MARIA.id)
    assert standing.starts_at == FRIDAY


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "move",
            "Good news: your appointment has been moved. It's the Oil change on Tuesday, "
            "November 24 at 9:00 AM",
        ),
        ("cancel", "Your Oil change on Friday, November 27 at 2:00 PM has been cancelled after"),
    ],
)
async def test_what_comes_too_late_is_told_all_the_same(ring: Any, name: str, said: str) -> None:
    asked = MOVE_IT if name == "move" else f"{FRIDAY_VISIT} Shall I cancel it?"
    call = await told(ring, MINE, FIND, Step(asked))
    step = moves(ref_of(call), slot_of(call)) if name == "move" else cancels(ref_of(call))
    call.book.gate.clear()
    await call.turn("yes", step, Step("It takes too long. It may still go through."))
    assert call.results()[-1]["message"] == "I'm sorry, this is taking too long."
    call.book.gate.set()
    await asyncio.sleep(1)
    await call.until_quiet()
    assert call.telephone.said[-1].startswith(said)
    status = {"move": "moved", "cancel": "cancelled"}[name]
    assert call.results()[-1]["status"] == status, "the history does not say it took too long"
    assert call.conversation.session.changes == 1


@pytest.mark.parametrize("name", ["move", "cancel"])
async def test_a_change_that_an_actor_died_over_is_asked_for_again_with_the_same_key(
    ring: Any, name: str
) -> None:
    asked = MOVE_IT if name == "move" else f"{FRIDAY_VISIT} Shall I cancel it?"
    call = await told(ring, MINE, FIND, Step(asked))
    step = moves(ref_of(call), slot_of(call)) if name == "move" else cancels(ref_of(call))
    call.book.gate.clear()
    call.language_model.script.append(step)
    await call.say("yes")
    await asyncio.sleep(2)
    call.kill()
    call.book.gate.set()
    heir: Call = await ring(
        memory=call.memory, book=call.book, people=call.people, greeted=False, keys=call.keys
    )
    heir.language_model.script.append(Step("It is done."))
    await heir.until_quiet()
    assert "It is done." in heir.telephone.said
    requests = [*call.book.moves, *call.book.cancellations]
    assert len(requests) == 2 and len({each.idempotency_key for each in requests}) == 1
    assert heir.results()[-1]["status"] == {"move": "moved", "cancel": "cancelled"}[name]
    assert heir.conversation.session.changes == 1
