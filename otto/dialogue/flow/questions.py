"""Which slots Otto's words ask for, as the caller heard them. Pure.

Only what asks counts: a question or a request, near the end of what was said. What can be answered
by yes or no ("That's a 2021 Toyota Corolla. Is that right?") asks for no slot.
"""

from __future__ import annotations

import re

from otto.dialogue.session.slots import SlotName
from otto.dialogue.turns.completeness import Expected, expectation

LAST_SENTENCES = 3
"""So far back a question still stands: "Your date of birth? Month, day and year, please."."""

_ASKS: tuple[tuple[SlotName, str], ...] = (
    (
        SlotName.BIRTH_DATE,
        r"\b(?:date of birth|birth ?da(?:y|te)|were you born|and the year, please"
        r"|day of the month|say the month by its name)\b",
    ),
    (SlotName.VIN, r"\b(?:vin|vehicle identification|last (?:six|6) (?:characters|digits|of))\b"),
    (SlotName.CODE, r"\b(?:six digits|digits in the text|(?:read|tell|give|say|key)\b.* code)\b"),
    (SlotName.EMAIL, r"\be ?-?mail\b"),
    (SlotName.MILEAGE, r"\b(?:mileage|odometer|how many miles)\b"),
    (
        SlotName.PHONE,
        r"\b(?:(?:phone|telephone|cell|mobile|callback|ten.digit) ?numbers?|area code"
        r"|(?:what|which|best|a) number (?:can|should|may|do|to|is)\b.*|which one shall i take)\b",
    ),
    (
        SlotName.NAME,
        r"\b(?:(?:first|last|family|full|your) name|name for the|who am i (?:speaking|talking)"
        r"|who is (?:calling|this))\b",
    ),
    (
        SlotName.CAR,
        r"\b(?:make and (?:the )?model|(?:what|which) (?:kind of |year |make |model )*"
        r"(?:car|vehicle|truck|make|model|year)\b|model year|year, (?:the )?make)",
    ),
    (
        SlotName.SERVICE,
        r"\b(?:(?:what|which) (?:kind of )?(?:service|work)\b|what (?:does|do|should|can|is|would)"
        r"\b.*\b(?:car|vehicle|truck|need|wrong|done)|what(?:'s| is) (?:wrong|going on|the problem)"
        r"|what (?:would you like|are you) (?:to have |us to |having )?(?:do|done)\b)",
    ),
    (
        SlotName.DAY,
        r"\b(?:(?:what|which|another|other|name a) (?:day|time|date)s?\b"
        r"|when (?:would|can|do|should|could|will|shall|works?)\b"
        r"|which (?:one(?! shall i take)|of (?:those|them|these))\b"
        r"|catch which day|give me a date|what works\b)",
    ),
)
_COMPILED = tuple((name, re.compile(pattern)) for name, pattern in _ASKS)
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_REQUEST = re.compile(
    r"\b(?:please|tell me|give me|read me|i need|i'll need|i will need|say (?:your|it|the)|spell"
    r"|key (?:in|it)|need all)\b"
)
_NOT_ASKED = re.compile(r"\bwhat would you like to change\b|\bwhat is not right\b")


def asked_for(heard: str) -> frozenset[SlotName]:
    """The slots that `heard`, Otto's words as far as they were heard, asks the caller for."""
    plain = heard.lower().replace("\u2019", "'")
    sentences = [part.strip() for part in _SENTENCE.findall(plain) if part.strip()]
    found: set[SlotName] = set()
    for sentence in sentences[-LAST_SENTENCES:]:
        if not (sentence.endswith("?") or _REQUEST.search(sentence)):
            continue
        if expectation(sentence) is Expected.YES_NO or _NOT_ASKED.search(sentence):
            continue
        found |= {name for name, pattern in _COMPILED if pattern.search(sentence)}
    if SlotName.VIN in found and SlotName.CAR in found:
        found.discard(SlotName.CAR)  # "which vehicle identification number"
    return frozenset(found)
