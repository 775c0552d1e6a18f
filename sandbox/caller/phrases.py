"""How callers put things, by manner, and how written things are spoken aloud."""

from __future__ import annotations

import re
from datetime import date

from num2words import num2words

from sandbox.caller.personas import Manner

_PLAIN: dict[str, str] = {
    "request": "Hi, I'd like to book {service}, please.",
    "service_again": "I need {service}.",
    "reschedule": "Hi, I'd like to move my appointment, please.",
    "cancel": "Hi, I need to cancel my appointment, please.",
    "when": "Hi, when is my appointment, please?",
    "status": "Hi, I'd like to know, is my {model} ready?",
    "name": "My name is {name}.",
    "phone": "My number is {phone}.",
    "birth": "My date of birth is {date}.",
    "vin": "The last six are {vin}.",
    "vehicle": "It's a {vehicle}.",
    "day": "{day} would be best.",
    "part": "Any {part} is good.",
    "day_part": "{day} {part} would be best.",
    "any_time": "The first available time, please.",
    "slot": "I would like {slot}, please.",
    "choose": "{slot} works for me.",
    "choose_only": "Yes, {slot} works for me.",
    "yes": "Yes, please.",
    "nothing_else": "That's all, thank you.",
    "person": "I'd like to speak to a person, please.",
    "bye": "Thank you, goodbye.",
}
_CURT: dict[str, str] = {
    "request": "I need {service}.",
    "service_again": "{service}.",
    "name": "{name}.",
    "phone": "{phone}.",
    "birth": "{date}.",
    "vin": "{vin}.",
    "vehicle": "A {vehicle}.",
    "day": "{day}.",
    "part": "In the {part}.",
    "day_part": "{day} {part}.",
    "slot": "{slot}.",
    "choose": "{slot}.",
    "choose_only": "Yes, {slot}.",
    "yes": "Yes.",
    "nothing_else": "That's all.",
    "person": "Let me talk to a real person.",
    "bye": "Bye.",
}
_CHATTY: dict[str, str] = {
    "request": (
        "Oh hello there. Well, my wife keeps telling me that I have to call you, so here I am. "
        "I'd like to book {service} for my car."
    ),
    "service_again": "Well, as I was saying, it should be {service}.",
    "name": "Well, my name is {name}.",
    "phone": "Let me think. My number is {phone}.",
    "birth": "It was a long time ago. My date of birth is {date}.",
    "vehicle": "She is a good old car, a {vehicle}.",
    "day": "Let me see. I think {day} would be best.",
    "part": "I like to sleep in these days. Any {part} is good for me.",
    "day_part": "Let me see. I think {day} {part} would be best.",
    "any_time": "Oh, I have all the time in the world. The first available time, please.",
    "choose": "Let me see. {slot} works for me.",
    "choose_only": "Yes, {slot} works for me.",
    "yes": "Yes, please.",
    "nothing_else": "That's all, thank you so much.",
    "bye": "Thank you so much, goodbye.",
}
_MANNERS: dict[Manner, dict[str, str]] = {
    "plain": _PLAIN,
    "curt": _PLAIN | _CURT,
    "chatty": _PLAIN | _CHATTY,
}
WISHES = {
    "reschedule": "to move my appointment",
    "cancel": "to cancel my appointment",
    "when": "to know when my appointment is",
    "status": "to know whether my car is ready",
}
"""What callers who are in the book already want, in the middle of a sentence."""
_SERVICES = {
    "oil_change": "an oil change",
    "tire_rotation": "a tire rotation",
    "brake_inspection": "a brake inspection",
    "brake_pads": "new brake pads",
    "wheel_alignment": "a wheel alignment",
    "battery": "a new battery",
    "diagnostic": "a diagnostic check",
    "state_inspection": "a state inspection",
}


class Phrases:
    """The sentences of one manner: `phrases("name", name="Maria Alvarez")`."""

    def __init__(self, manner: Manner) -> None:
        self._templates = _MANNERS[manner]

    def __call__(self, key: str, **values: str) -> str:
        text = self._templates[key].format(**values)
        return text[0].upper() + text[1:]


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
