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
    """Whether what was understood is right: made again on a yes, corrected on a no."""
    assert desk.doubt is not None
    if agreement(text) is Answer.AGREES or (
        yes_or_no(text) and not _CORRECTS.search(normalise(text))
    ):
        desk.assent = True
        return
    doubt, desk.doubt = desk.doubt, None
    corrected = _CORRECTED.get(doubt.tool)
    if corrected is None or not corrected(desk, text):
        is_no = yes_or_no(text) is False
        desk.doubt = None if is_no else doubt
        if is_no:
            desk.news = [phrases.TAKE_AGAIN]
        else:
            desk.news = [doubt.message]


_CORRECTS = re.compile(r"\b(but|except|actually|as in|not|instead)\b")


def _correct_car(desk: Desk, text: str) -> bool:
    said = read_car(text, desk.today.year)
    if said == Car():
        desk.car = desk.car if yes_or_no(text) is not False else Car()
        return False
    desk.car = desk.car.with_more(said)
    return True


def _correct_birth(desk: Desk, text: str) -> bool:
    if not says_part_of_one(text):
        desk.born = desk.born if yes_or_no(text) is not False else None
        return _correct_name(desk, text)
    desk.born = text.strip()
    return True


def _correct_name(desk: Desk, text: str) -> bool:
    """ "No, Smyth with a Y": what can be read of it; a spelling is passed on as it is said."""
    said = re.sub(
        r"^\W*(?:no|nope|sorry|actually|it's|it is|wait)\b\W*", "", text.strip(), flags=re.I
    )
    first, last = people.full_name(said)
    if first and last:
        desk.first_name, desk.last_name = first, last
    elif first and len(first) > 2:
        desk.last_name = first
    elif yes_or_no(text) is False:
        desk.first_name = desk.last_name = ""
        return False
    return bool(first)


def _correct_phone(desk: Desk, text: str) -> bool:
    answer_phone(desk, text)
    if not people.says_number(text):
        desk.phone, desk.identity = None, Identity.NEEDS_NUMBER
        return False
    return True


_CORRECTED: dict[str, Callable[[Desk, str], bool]] = {
    "add_vehicle": _correct_car,
    "verify_caller": _correct_birth,
    "create_customer": _correct_birth,
    "identify_caller": _correct_phone,
}
