"""What the model is told: files that a manager can edit, and where the call stands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import vendor_checks
from config.dealership import Dealership
from config.environment import PROMPTS_DIR, SettingsError
from config.settings import Settings
from otto.dialogue.flow.briefing import DAYS, system_prompt
from otto.dialogue.flow.needs import NEEDS
from otto.dialogue.flow.prompt_files import load_prompts, shipped_prompts
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import Slot, SlotName, Source
from otto.dialogue.session.state import Identity, Session, VehicleRef
from tests.dialogue.flow.walks import AT, CIVIC, MARIA, SLOT, TUESDAY
from tests.support.call import Step


def told(dealership: Dealership, session: Session) -> str:
    location = dealership.locations[0]
    now = AT.astimezone(ZoneInfo(location.timezone))
    return system_prompt(shipped_prompts(), dealership, location, session, now)


@pytest.fixture
def session() -> Session:
    return Session.begin("CA1", MARIA, "+13125550100", AT)


# The files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROMPTS_DIR, tmp_path / "prompts")
    return tmp_path / "prompts"


def test_the_same_text_is_the_same_version_and_another_one_is_not(folder: Path) -> None:
    shipped = load_prompts(folder)
    assert shipped == shipped_prompts() and len(shipped.version) == 12
    for name in ("system.md", "callers.md", "errands.md"):
        path = folder / name
        before = path.read_text()
        path.write_text(before + "\nBe kind.\n")
        assert load_prompts(folder).version != shipped.version
        path.write_text(before.replace("\n", "\r\n"))
        assert load_prompts(folder).version == shipped.version


def edited(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


FAULTS = [
    ("system.md", "{days}", "{day}", "nothing can be filled in for {day}; did you mean {days}"),
    ("system.md", "{now}", "{now:%H}", "nothing can be filled in for {now:%H}"),
    ("system.md", "{days}", "", "{days} must stand somewhere in it"),
    ("system.md", "Short, warm", "Short, {warm", "a brace stands alone"),
    ("system.md", "Short, warm", "Short} warm", "a brace stands alone"),
    ("system.md", "{dealership}", "{0}", "nothing can be filled in for {0}"),
    ("system.md", "{dealership}", "{dealership.desk}", "nothing can be filled in for"),
    ("errands.md", "## book:", "## books:", 'no part "## books"; did you mean "## book"'),
    ("errands.md", "## book: a new appointment", "## book", "says not what it is called"),
    (
        "errands.md",
        "## look_up: when their appointment is",
        "Look:",
        'part "## look_up" is missing',
    ),
    ("errands.md", "## repair:", "## late:", 'part "## late" stands there twice'),
    ("callers.md", "## locked", "## verified", 'part "## verified" stands there twice'),
    ("callers.md", "They have proved who they are.", "", 'part "## verified" is empty'),
]


@pytest.mark.parametrize(("name", "old", "new", "sentence"), FAULTS)
def test_a_fault_is_told_in_one_sentence_with_its_file(
    folder: Path, name: str, old: str, new: str, sentence: str
) -> None:
    edited(folder, name, old, new)
    with pytest.raises(SettingsError) as fault:
        load_prompts(folder)
    said = str(fault.value)
    assert sentence in said and said.startswith(str(folder / name)) and "\n" not in said


def test_a_file_that_is_not_there_empty_or_no_text_is_told(folder: Path) -> None:
    path = folder / "callers.md"
    for content, sentence in ((b"", "is empty"), (b"\xff\xfe", "UTF-8"), (None, "no such file")):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(SettingsError, match=sentence):
            load_prompts(folder)


async def test_otto_check_tells_the_version_or_the_fault(folder: Path) -> None:
    settings = Settings(prompts_dir=folder)
    check = dict(vendor_checks.CHECKS)["Prompt files"]
    assert shipped_prompts().version in await check(settings)
    edited(folder, "system.md", "{days}", "{dayz}")
    with pytest.raises(vendor_checks.Failed, match=r"did you mean \{days\}"):
        await check(settings)


@given(st.text(max_size=80))
def test_whatever_a_manager_writes_it_is_taken_or_refused(tmp_path_factory: Any, text: str) -> None:
    folder = tmp_path_factory.mktemp("any") / "prompts"
    shutil.copytree(PROMPTS_DIR, folder)
    for name in ("system.md", "errands.md"):
        path = folder / name
        path.write_text(path.read_text() + text, encoding="utf-8", errors="ignore")
    try:
        load_prompts(folder)
    except SettingsError as fault:
        assert str(fault).startswith(str(folder))


# What the model is told


def test_the_dealerships_facts_and_two_weeks_are_told(
    dealership: Dealership, session: Session
) -> None:
    text = told(dealership, session)
    location = dealership.locations[0]
    for fact in (
        location.address,
        location.towing_number,
        location.parts_number,
        "Oil change (oil_change): $79.95, about 45 minutes",
        "| Thursday | November 26 | closed for Thanksgiving Day |",
        "| Saturday | November 28 | from 8:00 AM to 2:00 PM |",
        "| Sunday | December 6 | closed |",
        "Now it is Monday, November 23, 2026, 9:00 AM",
    ):
        assert str(fact) in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "day |" in line]
    assert len(rows) - 1 == DAYS, "one row a day, and the head"
    assert location.desk_number not in text, "callers are connected, not sent away"


@pytest.mark.parametrize("identity", [each for each in Identity if not each.trusted])
def test_of_a_customer_nothing_is_told_before_they_are_verified(
    dealership: Dealership, session: Session, identity: Identity
) -> None:
    session.identity, session.first_name, session.customer_id = identity, "Maria", 7
    session.vehicles, session.phone = [VehicleRef("v1", 1, "2019 Honda Civic")], MARIA
    text = told(dealership, session)
    assert "Maria" not in text and "Civic" not in text and MARIA not in text
    assert shipped_prompts().callers[identity] in text


def test_of_a_verified_customer_their_name_and_cars_are_told(
    dealership: Dealership, session: Session
) -> None:
    session.identity, session.first_name = Identity.VERIFIED, "Maria"
    session.vehicles = [CIVIC]
    text = told(dealership, session)
    assert "Their first name is Maria." in text and "2019 Honda Civic (v1)" in text


@pytest.mark.parametrize("errand", Errand)
def test_the_errand_under_way_is_told_and_no_other(
    dealership: Dealership, session: Session, errand: Errand
) -> None:
    session.errand = errand
    text, prompts = told(dealership, session), shipped_prompts()
    assert f"Under way: {prompts.titles[errand]}.\n{prompts.errands[errand]}" in text
    others = [part for other, part in prompts.errands.items() if other is not errand]
    assert not any(part in text for part in others)


def test_what_is_missing_is_told_in_order_until_it_is_there(
    dealership: Dealership, session: Session
) -> None:
    session.errand = Errand.BOOK
    said = []
    for step in (
        lambda: None,
        lambda: session.slots.update({SlotName.SERVICE: Slot("oil_change", Source.CALLER, 0.8)}),
        lambda: setattr(session, "identity", Identity.CREATED),
        lambda: session.vehicles.append(CIVIC),
        lambda: session.offers.update({"s-1": SLOT}),
    ):
        step()
        line = next(
            line
            for line in told(dealership, session).splitlines()
            if line.startswith("Still missing")
        )
        said.append(line.partition(": ")[2].count(";") + 1)
    assert said == [5, 4, 3, 2, 1]
    session.errand, session.appointments = Errand.MOVE, [TUESDAY]
    assert "in this order: their yes to what you have said back." in told(dealership, session)


def test_who_is_locked_out_is_asked_for_nothing(dealership: Dealership, session: Session) -> None:
    session.errand, session.identity = Errand.MOVE, Identity.LOCKED
    assert "Still missing" not in told(dealership, session)


def test_every_need_has_an_errand_that_the_files_know() -> None:
    assert {*NEEDS} <= {*shipped_prompts().errands}


def test_what_was_asked_in_vain_what_is_known_and_what_waits_are_told(
    dealership: Dealership, session: Session
) -> None:
    session.errand, session.waiting = Errand.BOOK, [Errand.REPAIR, Errand.QUESTION]
    session.slots = {
        SlotName.CAR: Slot("2021 Toyota Corolla", Source.CALLER, 0.6),
        SlotName.BIRTH_DATE: Slot("1984-03-12", Source.KEYPAD, 0.95),
        SlotName.PHONE: Slot(asked=2),
        SlotName.NAME: Slot(asked=3),
        SlotName.VIN: Slot(asked=1),
    }
    text = told(dealership, session)
    assert "car: 2021 Toyota Corolla (said, unsure); date of birth: given (keyed, likely)" in text
    assert "1984" not in text
    assert "telephone number was asked for 2 times: now ask them to key it in" in text
    assert "name was asked for 3 times: now offer a person" in text
    assert "VIN was" not in text
    assert "Waiting after that: whether their car is ready; a question about hours" in text


# In a call


@pytest.mark.looptime
async def test_each_answer_is_asked_for_with_where_the_call_stands(ring: Any) -> None:
    call = await ring()
    await call.turn("I need an oil change", Step("What is your date of birth?"))
    await call.turn("is my other car ready, too?", Step("What is your date of birth?"))
    first, second = (messages[0]["content"] for messages, _ in call.language_model.requests)
    assert "Under way: a new appointment." in first and "oil_change (said, unsure)" in first
    assert "Waiting after that: whether their car is ready." in second


@pytest.mark.looptime
async def test_a_guess_is_made_with_what_the_turn_would_change(ring: Any) -> None:
    call = await ring(speculate=True)
    call.language_model.script.append(Step("Which day?"))
    await call.say("I need an oil change", end=False)
    await call.say("please")
    await call.until_quiet()
    guessed = call.language_model.requests[0][0]
    assert "Under way: a new appointment." in guessed[0]["content"]


@pytest.mark.looptime
async def test_the_version_is_in_the_calls_record(ring: Any) -> None:
    call = await ring()
    call.conversation.finish_call()
    await call.until_quiet()
    await call.conversation.close()
    assert call.people.records[-1].prompt_version == shipped_prompts().version
    assert json.dumps(call.people.records[-1].dump())
