"""What a caller wants, by their own words: a table of telltales, and what explains what away."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from sandbox.receptionist.understanding.not_meant import NOT_MEANT
from sandbox.receptionist.understanding.telltales import TELLTALES
from sandbox.receptionist.understanding.words import normalise


class Wish(StrEnum):
    """What a caller may want besides answering the open question, most decisive first."""

    DANGER = "danger"
    OPT_OUT = "opt_out"
    LANGUAGE = "language"
    ROBOT = "robot"
    CALLBACK = "callback"
    PERSON = "person"
    WRONG_NUMBER = "wrong_number"
    TOW = "tow"
    MOVE = "move"
    CANCEL = "cancel"
    CANNOT_COME = "cannot_come"
    """To be asked whether to move or to cancel."""
    LATE = "late"
    WHEN = "when"
    """When their appointment is."""
    REPAIR = "repair"
    """How far the work on their car is."""
    COMPLAINT = "complaint"
    RECALL = "recall"
    BILLING = "billing"
    RETURNED_CALL = "returned_call"
    SALES = "sales"
    PARTS = "parts"
    LOANER = "loaner"
    SHUTTLE = "shuttle"
    WAITING_ROOM = "waiting_room"
    REPEAT = "repeat"
    HOURS = "hours"
    PRICES = "prices"
    ADDRESS = "address"
    SERVICES = "services"
    """What is on the menu."""
    DONE = "done"
    BOOK = "book"


_PATTERNS = {wish: re.compile(TELLTALES[wish.value]) for wish in Wish}
_UNMEANT = {Wish(wish): re.compile(pattern) for wish, pattern in NOT_MEANT.items()}
_TALK = frozenset({Wish.SALES, Wish.PARTS, Wish.BILLING, Wish.COMPLAINT, Wish.RECALL})
_EXPLAINS: dict[Wish, frozenset[Wish]] = {
    # The wish on the left explains the words by which those on the right were found.
    Wish.DANGER: frozenset(Wish) - {Wish.DANGER, Wish.PERSON, Wish.LANGUAGE},
    Wish.OPT_OUT: frozenset({Wish.CALLBACK, Wish.CANCEL, Wish.RETURNED_CALL, Wish.COMPLAINT}),
    Wish.LANGUAGE: frozenset({Wish.PERSON, Wish.ROBOT}),
    Wish.ROBOT: frozenset({Wish.PERSON, Wish.ADDRESS}),
    Wish.CALLBACK: frozenset({Wish.RETURNED_CALL, Wish.PERSON}),
    Wish.PERSON: frozenset({Wish.REPAIR}),
    Wish.TOW: frozenset({Wish.LATE, Wish.ADDRESS, Wish.REPAIR, Wish.PARTS, Wish.SALES}),
    Wish.MOVE: frozenset({Wish.WHEN, Wish.CANNOT_COME, Wish.LATE, Wish.CANCEL}),
    Wish.CANCEL: frozenset({Wish.WHEN, Wish.CANNOT_COME, Wish.LATE}),
    Wish.CANNOT_COME: frozenset({Wish.WHEN, Wish.LATE, Wish.ADDRESS}),
    Wish.LATE: frozenset({Wish.WHEN, Wish.HOURS}),
    Wish.WHEN: frozenset({Wish.RETURNED_CALL, Wish.REPAIR, Wish.REPEAT, Wish.HOURS}),
    Wish.REPAIR: frozenset({Wish.HOURS, Wish.ADDRESS, Wish.WAITING_ROOM, Wish.PARTS}),
    Wish.COMPLAINT: frozenset({Wish.REPAIR, Wish.LATE, Wish.BILLING, Wish.PRICES, Wish.DONE}),
    Wish.RECALL: frozenset({Wish.BILLING, Wish.RETURNED_CALL, Wish.PARTS}),
    Wish.BILLING: frozenset({Wish.PRICES, Wish.PARTS, Wish.HOURS}),
    Wish.SALES: frozenset({Wish.PARTS, Wish.PRICES, Wish.ADDRESS, Wish.PERSON}),
    Wish.PARTS: frozenset({Wish.PRICES, Wish.ADDRESS, Wish.PERSON}),
    Wish.LOANER: frozenset({Wish.PRICES}),
    Wish.SHUTTLE: frozenset({Wish.PRICES, Wish.ADDRESS}),
    Wish.WAITING_ROOM: frozenset({Wish.PRICES, Wish.ADDRESS}),
    Wish.HOURS: frozenset({Wish.ADDRESS}),
}
_BOOKS = frozenset(
    {Wish.MOVE, Wish.CANCEL, Wish.CANNOT_COME, Wish.WHEN, Wish.REPAIR, Wish.LATE, Wish.ROBOT}
    | {Wish.TOW, Wish.RETURNED_CALL, Wish.CALLBACK, Wish.PERSON, Wish.LANGUAGE, *_TALK}
)
"""With one of these, "I need", "get my" and the like say nothing of a booking."""

_ASKED = frozenset(
    {Wish.PRICES, Wish.HOURS, Wish.ADDRESS, Wish.SERVICES, Wish.LOANER, Wish.SHUTTLE}
)
_SURELY_BOOKS = re.compile(
    r"\b(appointment|book|schedule|come in|bring|drop|i need|id like|i would like|i want"
    r"|fit me in)\b"
)


@lru_cache(maxsize=4096)
def wishes(text: str) -> tuple[Wish, ...]:
    """Everything the caller asks for in `text`, most decisive first."""
    heard = normalise(text)
    found = [wish for wish in Wish if _is_told(wish, heard)]
    hidden = {other for wish in found for other in _EXPLAINS.get(wish, ())}
    is_asked = _ASKED & set(found) and not _SURELY_BOOKS.search(heard)
    if _BOOKS & set(found) or is_asked:
        hidden.add(Wish.BOOK)
    return tuple(wish for wish in found if wish not in hidden)


def _is_told(wish: Wish, heard: str) -> bool:
    if wish in _UNMEANT:
        heard = _UNMEANT[wish].sub(" ", heard)
    return _PATTERNS[wish].search(heard) is not None


_TRANSPORT = (
    ("loaner", r"\b(loaners?|loan car|rental( car)?|courtesy car|(car|something) to drive)\b"),
    ("shuttle", r"\b(shuttle|ride (home|to work|back)|drop me off)\b"),
    (
        "wait",
        r"\bwhile i(m| am)? wait(ing)?\b|\bwaiting (room|area)\b"
        r"|\b(ill|i will|can i|want to|going to|id like to|prefer to) (just )?(wait|sit)\b"
        r"(?! (until|till))|\bwait (there|for (it|the car|my car)|in your|at (the|your))\b",
    ),
)


def transport(text: str) -> str | None:
    """How the caller will go on without the car: wait, loaner or shuttle, as `find_openings` names
    them; None when they do not say, or need none."""
    heard = normalise(text)
    heard = re.sub(
        r"\b(no|dont need|do not need|without)( \w+)? (loaner|shuttle|rental)\b", " ", heard
    )
    return next((kind for kind, words in _TRANSPORT if re.search(words, heard)), None)


_STAFF = re.compile(
    r"\b(?:[Ww]ith|[Bb]y|[Hh]ave|[Ss]ee|[Gg]et) (?P<name>[A-Z][a-z]{1,15})\b(?! (?:[A-Z]|\d))"
    r"(?= (?:do|work|look|if|again|please|to|this|at|on|in)\b|[.,?!]|$)"
)
_NO_STAFF = frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May "
    "June "
    "July August September October November December Christmas Thanksgiving Otto Honda Toyota Ford "
    "Chevy Chevrolet Nissan Civic Accord Camry Corolla Jeep Subaru Hyundai Kia Mazda".split()
)


def staff(text: str) -> str | None:
    """Whom of the staff the caller would like for the work ("with Dave, if possible")."""
    return next((m["name"] for m in _STAFF.finditer(text) if m["name"] not in _NO_STAFF), None)
