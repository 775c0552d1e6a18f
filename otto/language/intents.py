"""What a call is about, by the caller's own words, whichever model speaks. Pure.

Some wishes must not depend on a model's reading: danger, a person, to be left alone, another
language. The others are told to the model, and to the state of the call, as what was heard.
A sentence may hold several; what is most urgent comes first.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from otto.language.characters import folded
from otto.language.intent_words import TELLTALES


class Intent(StrEnum):
    """What a caller may want, most urgent first."""

    DANGER = "danger"
    """The car is not safe: nothing is booked days away."""
    TOW = "tow"
    OPT_OUT = "opt_out"
    """Not to be called or texted again."""
    LANGUAGE = "language"
    """Another language than English."""
    PERSON = "person"
    WRONG_NUMBER = "wrong_number"
    ROBOT = "robot"
    """Whether they speak with a machine."""
    COMPLAINT = "complaint"
    CHANGE_OR_CANCEL = "change_or_cancel"
    """They cannot come: to be asked which of the two."""
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"
    MY_APPOINTMENT = "my_appointment"
    REPAIR_STATUS = "repair_status"
    RUNNING_LATE = "running_late"
    RECALL = "recall"
    BILLING = "billing"
    """Bill, invoice, warranty."""
    SALES = "sales"
    PARTS = "parts"
    CALLBACK = "callback"
    RETURNED_CALL = "returned_call"
    WAITING = "waiting"
    """Loaner, shuttle, waiting room."""
    HOURS = "hours"
    PRICES = "prices"
    ADDRESS = "address"
    BOOK = "book"


_TELLS: Final = {Intent(intent): re.compile(rf"\b(?:{what})") for intent, what in TELLTALES.items()}
_NOT_MEANT: Final[dict[Intent, re.Pattern[str]]] = {
    # "I don't smell gas", "it is not smoking": no danger; a price asked is no sale.
    Intent.DANGER: re.compile(
        r"\b(?:no|not|isn't|doesn't|don't|never|without|stopped) (?:\w+ )?(?:smell\w*|smok\w+"
        r"|leak\w*|overheat\w*|longer)"
        r"|\bno smoking\b|\bsmoke(?:d)? (?:in|a cigarette)|cigarette|smog|non smok\w+"
        r"|brake (?:inspection|pads|job)s? (?:is|are) (?:how)"
    ),
    Intent.LANGUAGE: re.compile(
        r"\bspanish (?:street|fork|avenue|lake)\b|\bpolish (?:my|the|and|it|job)\b"
        r"|\bpaint polish"
    ),
    Intent.CANCEL: re.compile(
        r"\b(?:don't|do not|not|didn't|never) (?:want to |need to |mean to )?cancel"
    ),
    Intent.OPT_OUT: re.compile(
        r"\bstop (?:by|in|at)\b|don't (?:forget to )?call me (?:before|until|at work|between)"
    ),
    Intent.PERSON: re.compile(
        r"\b(?:no|not|don't want|without) (?:\w+ )?(?:a )?(?:person|human|agent|representative)\b"
        r"|\b(?:not|don't|do not|never) (?:\w+ )?(?:connect|transfer|forward|put|pass) (?:me|my)\b"
    ),
    Intent.RECALL: re.compile(r"\b(?:don't|can't|do not|cannot|i|as i|if i) recall\b"),
    Intent.TOW: re.compile(
        r"\b(?:no|not|don't need) (?:a |to be )?tow|\btow (?:hitch|package|bar)|trailer"
    ),
    Intent.COMPLAINT: re.compile(
        r"\b(?:not|no|never|don't) (?:\w+ )?(?:complain\w*|upset|mad|angry)"
    ),
}
_SUBSUMED: Final[dict[Intent, frozenset[Intent]]] = {
    # The intent on the left explains the words by which those on the right were found.
    Intent.DANGER: frozenset(
        {Intent.BOOK, Intent.COMPLAINT, Intent.PARTS, Intent.REPAIR_STATUS, Intent.ADDRESS}
    ),
    Intent.TOW: frozenset({Intent.BOOK, Intent.ADDRESS, Intent.RUNNING_LATE, Intent.PARTS}),
    Intent.OPT_OUT: frozenset(
        {Intent.CALLBACK, Intent.CANCEL, Intent.RETURNED_CALL, Intent.COMPLAINT}
    ),
    Intent.LANGUAGE: frozenset({Intent.PERSON, Intent.BOOK, Intent.ROBOT}),
    Intent.ROBOT: frozenset({Intent.ADDRESS, Intent.PERSON}),
    Intent.PERSON: frozenset({Intent.CALLBACK, Intent.BOOK, Intent.REPAIR_STATUS, Intent.HOURS}),
    Intent.COMPLAINT: frozenset(
        {Intent.BOOK, Intent.BILLING, Intent.REPAIR_STATUS, Intent.RUNNING_LATE}
    ),
    Intent.CHANGE_OR_CANCEL: frozenset(
        {Intent.BOOK, Intent.MY_APPOINTMENT, Intent.RUNNING_LATE, Intent.ADDRESS}
    ),
    Intent.RESCHEDULE: frozenset({Intent.BOOK, Intent.MY_APPOINTMENT, Intent.CHANGE_OR_CANCEL}),
    Intent.CANCEL: frozenset({Intent.BOOK, Intent.MY_APPOINTMENT, Intent.CHANGE_OR_CANCEL}),
    Intent.MY_APPOINTMENT: frozenset({Intent.BOOK, Intent.RETURNED_CALL, Intent.REPAIR_STATUS}),
    Intent.REPAIR_STATUS: frozenset(
        {Intent.BOOK, Intent.HOURS, Intent.ADDRESS, Intent.WAITING, Intent.PARTS}
    ),
    Intent.RUNNING_LATE: frozenset({Intent.BOOK, Intent.MY_APPOINTMENT, Intent.HOURS}),
    Intent.RECALL: frozenset({Intent.BOOK, Intent.BILLING, Intent.RETURNED_CALL}),
    Intent.BILLING: frozenset({Intent.BOOK, Intent.PRICES, Intent.PARTS}),
    Intent.SALES: frozenset({Intent.BOOK, Intent.PARTS, Intent.PRICES, Intent.ADDRESS}),
    Intent.PARTS: frozenset({Intent.BOOK, Intent.PRICES, Intent.ADDRESS}),
    Intent.RETURNED_CALL: frozenset({Intent.BOOK, Intent.CALLBACK}),
    Intent.CALLBACK: frozenset({Intent.BOOK}),
    Intent.WAITING: frozenset({Intent.BOOK, Intent.PRICES, Intent.ADDRESS}),
    Intent.HOURS: frozenset({Intent.BOOK, Intent.ADDRESS}),
    Intent.PRICES: frozenset({Intent.BOOK}),
    Intent.ADDRESS: frozenset({Intent.BOOK}),
}


def intents(text: str) -> tuple[Intent, ...]:
    """What the caller wants, most urgent first; empty when nothing of it is known."""
    said = _plain(text)
    found = [
        intent
        for intent, pattern in _TELLS.items()
        if pattern.search(said)
        and not ((unmeant := _NOT_MEANT.get(intent)) and not pattern.search(unmeant.sub(" ", said)))
    ]
    hidden = {other for intent in found for other in _SUBSUMED.get(intent, ())}
    return tuple(intent for intent in found if intent not in hidden)


def _plain(text: str) -> str:
    """Lower case, without accents and marks, apostrophes kept."""
    return " ".join(re.findall(r"[a-z0-9']+", folded(text)))
