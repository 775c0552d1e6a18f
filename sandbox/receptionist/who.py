"""Answers about who the caller is, and to what was read back of it: names, numbers, dates of birth
and cars, each passed on in the caller's words and corrected in them."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.receptionist import phrases
from sandbox.receptionist.state import Desk, Identity
from sandbox.receptionist.understanding import people
from sandbox.receptionist.understanding.agreement import Answer, agreement, yes_or_no
from sandbox.receptionist.understanding.dates import date_of_birth, says_part_of_one
from sandbox.receptionist.understanding.vehicles import Car, read_car
from sandbox.receptionist.understanding.words import normalise


def answer_phone(desk: Desk, text: str) -> None:
    if people.says_number(text):
        desk.phone, desk.identity = text.strip(), Identity.UNKNOWN
    elif desk.errand is not None and _NO_OTHER.search(normalise(text)):
        # There is no other number: what they ask about cannot be found.
        desk.settle_errand()
        desk.identity, desk.offers_person = Identity.UNKNOWN, True
        desk.news = [phrases.NO_APPOINTMENT]


_NO_OTHER = re.compile(
    r"\b(no other|dont have (one|another|an account)|only (number|phone)|never been|no|nope|new)\b"
)
_OTHER_ACCOUNT = re.compile(
    r"\b((another|different|other) (number|phone|account)|already (a customer|in your)"
    r"|(been|come) (there|here|in) before|have an account|under my \w+)\b"
)


def answer_code_offer(desk: Desk, text: str) -> None:
    answer = yes_or_no(text)
    if answer is not None:
        desk.offers_code, desk.wants_code = False, answer
    if answer is False:
        desk.news = [phrases.CODE_DECLINED]


def answer_code(desk: Desk, text: str) -> None:
    desk.code = people.code(text)


def answer_birth(desk: Desk, text: str) -> None:
    """Their words, with those of the turn before when only both together are a date."""
    desk.vin = text.strip() if people.vin_last_six(text) else None
    if desk.vin or not says_part_of_one(text):
        return
    is_whole = date_of_birth(text, desk.today) is not None
    desk.born = text.strip() if is_whole or not desk.fragment else f"{desk.fragment} {text.strip()}"


def answer_new_birth(desk: Desk, text: str) -> None:
    car = read_car(text, desk.today.year)
    if car.make and not date_of_birth(text, desk.today):
        desk.car, desk.repeat = car, True  # They are ahead of the question.
        return
    answer_birth(desk, text)
    desk.email = people.email(text)
    if desk.born is None and yes_or_no(text) is False:
        desk.asks_birth = False
        desk.news = [phrases.NO_DATE_OF_BIRTH]


def answer_name(desk: Desk, text: str) -> None:
    if desk.identity is Identity.NOT_FOUND and _OTHER_ACCOUNT.search(normalise(text)):
        desk.identity = Identity.NEEDS_NUMBER
        return
    if people.phone_number(text):
        desk.phone, desk.identity = text.strip(), Identity.UNKNOWN
        return
    if date_of_birth(text, desk.today):
        desk.born = text.strip()
        text = re.split(r"[,.;]|\b(?:born|birthday|date of birth)\b", text)[0]
    first, last = people.full_name(text)
    if desk.first_name and first and not last:
        desk.last_name = first
    else:
        desk.first_name, desk.last_name = first or desk.first_name, last


def answer_read_back(desk: Desk, text: str) -> None:
    """Whether what was understood is right. On a yes the same call is made again; on anything else
    it is made with what they corrected, as far as that can be told: the tool has heard it too."""
    assert desk.doubt is not None
    is_turned = _CORRECTS.search(normalise(text)) is not None
    if agreement(text) is Answer.AGREES or (yes_or_no(text) and not is_turned):
        desk.assent = True
        return
    doubt, desk.doubt = desk.doubt, None
    if doubt.tool in _CORRECTED:
        _CORRECTED[doubt.tool](desk, text, doubt.message)
    desk.repeat = False


_CORRECTS = re.compile(r"\b(but|except|actually|as in|not|instead)\b")


def _correct_car(desk: Desk, text: str, message: str) -> None:
    said = read_car(text, desk.today.year)
    if "VIN" in message and said == Car():
        desk.car_vin = text.strip()  # "No, B as in boy": the tool knows what it corrects.
    elif said != Car():
        desk.car = said


def _correct_proof(desk: Desk, text: str, _: str) -> None:
    if says_part_of_one(text):
        desk.born = text.strip()


def _correct_newcomer(desk: Desk, text: str, _: str) -> None:
    """ "No, Smyth with a Y" is left to the tool; a whole name is taken as it is."""
    if says_part_of_one(text):
        desk.born = text.strip()
        return
    said = re.sub(_AT_FIRST, "", text.strip())
    first, last = people.full_name(said)
    if first and last and len(said.split()) <= MOST_WORDS_OF_A_NAME:
        desk.first_name, desk.last_name = first, last


MOST_WORDS_OF_A_NAME = 6
"""With "my name is": what is longer is a sentence about something else."""
_AT_FIRST = re.compile(r"^\W*(?:(?:no|nope|sorry|actually|it's|it is|wait)\b\W*)+", re.IGNORECASE)


def _correct_number(desk: Desk, text: str, _: str) -> None:
    desk.phone, desk.identity = None, Identity.NEEDS_NUMBER
    answer_phone(desk, text)


_CORRECTED: dict[str, Callable[[Desk, str, str], None]] = {
    "add_vehicle": _correct_car,
    "verify_caller": _correct_proof,
    "create_customer": _correct_newcomer,
    "identify_caller": _correct_number,
}
