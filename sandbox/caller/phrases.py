"""How callers put things, by manner, and how written things are spoken aloud."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from random import Random

from num2words import num2words

from sandbox.caller.profile import GoalKind, Manner
from sandbox.caller.wording import MANNERS

WISHES: dict[GoalKind, str] = {
    GoalKind.RESCHEDULE: "to move my appointment",
    GoalKind.CANCEL: "to cancel my appointment",
    GoalKind.WHEN: "to know when my appointment is",
    GoalKind.STATUS: "to know whether my car is ready",
    GoalKind.LATE: "to let you know that I am running late",
    GoalKind.DESK: "to talk about my bill",
    GoalKind.SALES: "to talk to sales",
    GoalKind.PARTS: "to talk to the parts department",
    GoalKind.CALLBACK: "a call back",
}
"""What callers who do not want to book want, in the middle of a sentence."""
_SERVICES = {
    "oil_change": "an oil change",
    "tire_rotation": "a tire rotation",
    "brake_inspection": "a brake inspection",
    "brake_pads": "new brake pads",
    "wheel_alignment": "a wheel alignment",
    "battery": "a new battery",
    "diagnostic": "a diagnostic check",
    "state_inspection": "a state inspection",
    "ac_service": "an air conditioning service",
    "major_service": "the sixty thousand mile service",
    "repair_estimate": "a repair",
}


class Phrases:
    """The sentences of one manner: `phrases("name", name="Maria Alvarez")`. Without `chance` the
    first wording of everything."""

    def __init__(self, manner: Manner, chance: Random | None = None) -> None:
        self._wordings = MANNERS[manner]
        self._chance = chance

    def __call__(self, key: str, **values: str) -> str:
        wordings = self._wordings[key]
        wording = self._chance.choice(wordings) if self._chance else wordings[0]
        text = wording.format(**values)
        return text[0].upper() + text[1:]


def work_words(codes: Sequence[str]) -> str:
    """Everything that is to be done: "an oil change and a tire rotation"."""
    named = [service_words(code) for code in codes]
    if len(named) < 2:
        return "".join(named)
    return f"{', '.join(named[:-1])} and {named[-1]}"


def spelled(name: str) -> str:
    """ "Foster" as it is spelled: "F O S T E R"."""
    return " ".join(letter.upper() for letter in name if letter.isalnum())


def service_words(code: str) -> str:
    """A service's code as a caller says it: "oil_change" is "an oil change"."""
    if code in _SERVICES:
        return _SERVICES[code]
    words = code.replace("_", " ")
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def national(phone: str) -> str:
    """An E.164 number as its owner writes it: "312-555-0142"."""
    digits = re.sub(r"\D", "", phone)[-10:]
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def long_date(day: date) -> str:
    """ "March 12, 1984"."""
    return f"{day:%B} {day.day}, {day.year}"


_PHONE = re.compile(r"\b(\d{3})-(\d{3})-(\d{4})\b")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d) ?([AP])M\b")
_DATE = re.compile(
    r"\b(January|February|March|April|May|June|July|August|September|October|November|December)"
    r" (\d{1,2})\b"
)
_YEAR = re.compile(r"\b(19|20)(\d\d)\b")


def aloud(text: str) -> str:
    """`text` with telephone numbers, times, dates and years as words, for a voice to say."""
    text = _PHONE.sub(
        lambda m: ", ".join(_dictate(group) for group in m.groups()),
        text,
    )
    text = _CLOCK.sub(_say_clock, text)
    text = _DATE.sub(lambda m: f"{m[1]} {num2words(int(m[2]), to='ordinal')}", text)
    text = _YEAR.sub(lambda m: str(num2words(int(m[0]), to="year")), text)
    return re.sub(r"\b\d\b", lambda m: str(num2words(int(m[0]))), text)


def _dictate(group: str) -> str:
    """The digits of a group, runs counted: "555" is "triple five", which nobody miscounts."""
    said = re.sub(r"(\d)\1\1(?!\1)", r" triple \1 ", group)
    said = re.sub(r"(\d)\1", r" double \1 ", said)
    return " ".join(
        num2words(int(part)) if part.isdigit() else part for part in re.findall(r"\d|[a-z]+", said)
    )


def _say_clock(match: re.Match[str]) -> str:
    hour, minute = num2words(int(match[1])), int(match[2])
    spoken = f" {'oh ' if minute < 10 else ''}{num2words(minute)}" if minute else ""
    return f"{hour}{spoken} {match[3]} M"
