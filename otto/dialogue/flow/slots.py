"""How slots are filled, and what follows when one cannot be.

    Otto asks (heard)     the slot has been asked for once more           `was_asked`
    the caller speaks     what their words say of it is kept, unsure      `SlotReader.read`
    a tool takes it       it is sure, and may be asked for afresh         `taken`

A slot that was asked for twice is asked for in another way; after three times nobody is made to say
it again: a person is offered, and then connected (`Patience`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from config.dealership import Dealership, Location
from otto.dialogue.session.slots import Slot, SlotName, Slots, Source
from otto.dialogue.session.state import Session
from otto.language.birth_dates import BirthDateError, read_birth_date
from otto.language.emails import read_email
from otto.language.mileage import read_mileage
from otto.language.phone import PhoneError, parse_phone
from otto.language.services import read_services
from otto.language.times import resolve_wish
from otto.language.vehicles import read_vehicle
from otto.language.vin import VinError, normalise_vin, normalise_vin_tail
from otto.language.wishes import Ask

SURE, KEYED, ASKED_FOR, VOLUNTEERED, PART = 1.0, 0.95, 0.8, 0.6, 0.3
"""Confidence in a value that was taken, keyed, an answer, said unasked, or only in part."""

ANOTHER_WAY_AT = 2
"""Asked for so often, a slot is asked for in another way."""
MOST_ASKS = 3
"""So often is it asked for; then a person is offered."""


class Way(StrEnum):
    """How a slot is asked for when saying it has failed."""

    KEY = "key"
    SPELL = "spell"
    PERSON = "person"


WAYS: dict[SlotName, Way] = {
    SlotName.PHONE: Way.KEY,
    SlotName.BIRTH_DATE: Way.KEY,
    SlotName.CODE: Way.KEY,
    SlotName.MILEAGE: Way.KEY,
    SlotName.NAME: Way.SPELL,
    SlotName.EMAIL: Way.SPELL,
    SlotName.VIN: Way.SPELL,
    SlotName.CAR: Way.SPELL,
    SlotName.SERVICE: Way.PERSON,
    SlotName.DAY: Way.PERSON,
}
OF_AN_ERRAND = frozenset({SlotName.SERVICE, SlotName.DAY})
"""What belongs to one errand, and is asked anew for the next; who somebody is stays known."""

_KEYED_TURN = "Keyed on the telephone keypad:"
_CHOICE = (
    "first", "second", "third", "last", "earliest", "earlier", "later", "latest", "either", "any",
    "anytime", "both", "that", "whichever", "soonest", "asap",
)  # fmt: skip
_NO_NAME = frozenset(
    "um uh er hm hmm what why who sorry pardon huh hello hi yes no yeah nope okay ok wait hold on "
    "i don't know not sure my name is the a it that's this".split()
)


class SlotReader:
    """What the caller's words say of slots, at one dealership and moment. Pure."""

    def __init__(self, dealership: Dealership, location: Location, now: datetime) -> None:
        """`now` is aware, in the location's zone."""
        self._dealership = dealership
        self._location = location
        self._now = now

    def read(self, text: str, asked: frozenset[SlotName], slots: Mapping[SlotName, Slot]) -> Slots:
        """The slots that a turn fills, or fills further, with their new values."""
        is_keyed = text.startswith(_KEYED_TURN)
        said = text.removeprefix(_KEYED_TURN).strip()
        found: Slots = {}
        for name in SlotName:
            before = slots.get(name, Slot())
            value, confidence = self._value(name, said, name in asked, before)
            if value:
                source = Source.KEYPAD if is_keyed else Source.CALLER
                sure = KEYED if is_keyed and confidence >= ASKED_FOR else confidence
                found[name] = Slot(value, source, sure, before.asked)
        return found

    def _value(self, name: SlotName, said: str, is_asked: bool, before: Slot) -> tuple[str, float]:
        """What was said of one slot, and how sure it is; "" for nothing."""
        match name:
            case SlotName.SERVICE:
                meant = read_services(said, self._dealership.services, self._dealership.not_offered)
                return ", ".join(meant.codes) or meant.not_offered or "", _sure(is_asked)
            case SlotName.CAR:
                return self._car(said, is_asked, before)
            case SlotName.BIRTH_DATE if is_asked:
                return self._birth_date(said, before)
            case SlotName.DAY if is_asked:
                return (said, ASKED_FOR) if self._is_day(said) else ("", 0.0)
            case SlotName.NAME if is_asked:
                words = [word.strip(".,!?") for word in said.split()]
                is_name = any(word.isalpha() and word.lower() not in _NO_NAME for word in words)
                return (said, VOLUNTEERED) if is_name else ("", 0.0)
            case SlotName.CODE if is_asked:
                digits = "".join(character for character in said if character.isdecimal())
                return digits, ASKED_FOR
            case SlotName.PHONE | SlotName.VIN if is_asked:
                return _checked(name, said), ASKED_FOR
            case SlotName.EMAIL if is_asked:
                return read_email(said) or "", ASKED_FOR
            case SlotName.MILEAGE if is_asked:
                return str(read_mileage(said) or ""), ASKED_FOR
            case _:
                return "", 0.0

    def _car(self, said: str, is_asked: bool, before: Slot) -> tuple[str, float]:
        heard = read_vehicle(said, self._now.year)
        if not (is_asked or (heard.make and heard.model)):
            return "", 0.0
        car = heard
        if not heard.is_whole and before.value and before.confidence < SURE:
            car = read_vehicle(f"{before.value} {said}", self._now.year)
        value = " ".join(str(part) for part in (car.year, car.make, car.model) if part)
        return value, _sure(is_asked) if car.is_whole else PART

    def _birth_date(self, said: str, before: Slot) -> tuple[str, float]:
        part = before.value if before.confidence == PART else ""
        for words in (said, f"{part} {said}" if part else ""):
            try:
                return read_birth_date(words, self._now.date()).isoformat(), ASKED_FOR
            except BirthDateError as lacks:
                if words == said and str(lacks).startswith("And "):
                    part = said
        return (part, PART) if part == said else ("", 0.0)

    def _is_day(self, said: str) -> bool:
        words = said.lower().replace(",", " ").replace(".", " ").split()
        if not said.strip():
            return False
        wish = resolve_wish(
            said,
            now=self._now,
            hours_on=lambda day: [
                (one.opens, one.closes) for one in self._location.intervals_on(day)
            ],
            horizon_days=self._location.horizon_days,
        )
        return not isinstance(wish, Ask) or any(word in _CHOICE for word in words)


def _sure(is_asked: bool) -> float:
    return ASKED_FOR if is_asked else VOLUNTEERED


def _checked(name: SlotName, said: str) -> str:
    """A number or a VIN that can be one; "" when it cannot."""
    readers = {
        SlotName.PHONE: (parse_phone,),
        SlotName.VIN: (normalise_vin, normalise_vin_tail),
    }
    for reader in readers[name]:
        try:
            return reader(said)
        except (PhoneError, VinError):
            continue
    return ""


# In the session


def was_asked(session: Session, names: Iterable[SlotName]) -> None:
    """The caller has heard these asked for once more."""
    for name in names:
        slot = session.slots.get(name, Slot())
        session.slots[name] = replace(slot, asked=slot.asked + 1)


TAKES: dict[tuple[str, str], tuple[tuple[SlotName, str], ...]] = {
    ("identify_caller", "found"): ((SlotName.PHONE, "phone_number"),),
    ("identify_caller", "not_found"): ((SlotName.PHONE, "phone_number"),),
    ("identify_caller", "ask"): ((SlotName.PHONE, "phone_number"),),
    ("check_code", "found"): ((SlotName.CODE, "code"),),
    ("check_code", "not_found"): ((SlotName.CODE, "code"),),
    ("verify_caller", "verified"): (
        (SlotName.BIRTH_DATE, "date_of_birth"),
        (SlotName.VIN, "vin_last_six"),
    ),
    ("create_customer", "created"): (
        (SlotName.NAME, "first_name"),
        (SlotName.BIRTH_DATE, "date_of_birth"),
        (SlotName.EMAIL, "email"),
    ),
    ("add_vehicle", "added"): (
        (SlotName.CAR, "model"),
        (SlotName.VIN, "vin"),
        (SlotName.MILEAGE, "mileage"),
    ),
    ("find_openings", "ok"): ((SlotName.SERVICE, "services"), (SlotName.DAY, "when")),
    ("find_openings", "none"): ((SlotName.SERVICE, "services"), (SlotName.DAY, "when")),
}
"""(tool, status) → the slots that are then sure, each with the argument that gave it."""
ENDS_ERRAND = frozenset(
    {
        ("book_appointment", "booked"),
        ("reschedule_appointment", "moved"),
        ("cancel_appointment", "cancelled"),
    }
)


def taken(
    session: Session, tool: str, arguments: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    """A tool has taken values, and what it came to is in the session by now."""
    came = tool, str(result.get("status"))
    slots = session.slots
    for name, argument in TAKES.get(came, ()):
        given = arguments.get(argument)
        known = slots.get(name, Slot())
        if name is SlotName.PHONE:
            slots[name] = _number(session, given, is_known=came[1] != "ask")
        elif name is SlotName.CAR:
            slots[name] = Slot(str(result.get("description", "")), Source.CALLER, SURE)
        elif given is not None:
            # As it was read from the caller's words, if it was, and not as the model has it.
            value = known.value or _written(given)
            slots[name] = Slot(value, known.source or Source.CALLER, SURE)
    if came == ("verify_caller", "verified"):
        slots[SlotName.NAME] = Slot(session.first_name, Source.BOOK, SURE)
        if len(session.vehicles) == 1:
            slots[SlotName.CAR] = Slot(session.vehicles[0].description, Source.BOOK, SURE)
    if came in ENDS_ERRAND:
        for name in OF_AN_ERRAND:
            slots.pop(name, None)


def _number(session: Session, given: Any, *, is_known: bool) -> Slot:
    """The caller's number: what they said, or the one that calls, as far as anybody vouches."""
    value = session.phone or (str(given) if given else session.caller)
    source = Source.CALLER if given else Source.CALLER_ID
    return Slot(value, source, SURE if is_known else ASKED_FOR)


def _written(given: Any) -> str:
    return ", ".join(map(str, given)) if isinstance(given, list) else str(given)
