"""Who is calling: names as they say them, and whether a telephone number, an e-mail address, a code
or the end of a VIN is among their words. Which one it is, the tools read themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.receptionist.understanding.words import normalise, numbers

_NOT_NAMES = frozenset(
    "my name is its it this the a an im i am you can call me and first last with yes yeah sure ok "
    "okay no hi hello hey speaking here um uh well so names please thanks thank would be under "
    "put in for spelled that thats are dont have want need to not what sorry on account new "
    "customer never been before it's i'm name's just actually mean sorry".split()
)


def full_name(text: str) -> tuple[str, str]:
    """(first, last) name in `text`; either may be empty when it was not said."""
    heard = re.sub(r"(?<=\b\w)-(?=\w\b)", " ", re.sub(r"[^\w\s'’-]", " ", text))
    after = re.search(r"(?:name is|name's|this is|i'm|i am|call me)\s+(.*)", heard, re.IGNORECASE)
    words = (after[1] if after else heard).split()
    spelled = _spelled_out(words)
    names = [word for word in words if word.lower().replace("'", "") not in _NOT_NAMES]
    names = [word.strip("'’-") for word in names if re.fullmatch(r"[^\W\d_][\w'’-]*", word)]
    names = [name for name in names if len(name) > 1][:3]
    if not names and spelled:
        names = [spelled]
    given = [name if any(c.isupper() for c in name[1:]) else name.capitalize() for name in names]
    return (given[0] if given else "", " ".join(given[1:]))


_INTRODUCED = re.compile(
    r"\b(?:[Mm]y name is|[Mm]y name's|[Nn]ame's|[Nn]ame is|[Tt]his is) "
    r"([A-Z][a-z]+(?:[A-Z'-][a-z]+)?) ([A-Z][a-z'-]+(?:[A-Z][a-z]+)?)"
    r"(?! (?:Department|Auto|Street))"
)


def introduced(text: str) -> tuple[str, str] | None:
    """First and last name of a caller who says them unasked ("this is Ann Lee")."""
    said = _INTRODUCED.search(text)
    return (said[1], said[2]) if said else None


def _spelled_out(words: Sequence[str]) -> str:
    letters = [word for word in words if len(word) == 1 and word.isalpha()]
    return "".join(letters) if len(letters) >= 3 else ""


def says_number(text: str) -> bool:
    """Whether a telephone number is in `text`, or most of one, or "the one I'm calling from"."""
    digits = "".join(number.digits for number in numbers(normalise(text).split()))
    return len(digits) >= 7 or _THIS_NUMBER.search(normalise(text)) is not None


_THIS_NUMBER = re.compile(
    r"\b(this (number|phone|line|one)|same (number|one)|calling( you)? from|number i called (from"
    r"|on)"
    r"|caller id)\b"
)


def email(text: str) -> str | None:
    """The caller's words when there is an e-mail address among them."""
    said = re.search(
        r"\S+@\S+|\bat (gmail|yahoo|hotmail|outlook|icloud|aol|\w+ dot|\w+\.)", text.lower()
    )
    return text.strip() if said else None


def phone_number(text: str) -> str | None:
    """Ten or eleven digits of a telephone number, however grouped, or None."""
    heard = normalise(text)
    heard = re.sub(
        r"\b(double|triple) (\w+)", lambda m: f"{m[2]} " * (2 if m[1] == "double" else 3), heard
    )
    digits = "".join(number.digits for number in numbers(heard.split()))
    if len(digits) == 10 or (len(digits) == 11 and digits.startswith("1")):
        return digits
    return None


def code(text: str) -> str | None:
    """The six digits of a code from a text message, however they are said, or None."""
    digits = "".join(number.digits for number in numbers(normalise(text).split()))
    return digits if len(digits) == 6 else None


def vin_last_six(text: str) -> str | None:
    """The last six characters of a VIN, when the caller speaks of one: at least two are digits."""
    heard = normalise(text)
    if not re.search(r"\b(vin|v i n|vehicle identification)\b", heard):
        return None
    tail = re.split(r"\b(?:vin|v i n|identification number|number is|six are|six is|is)\b", heard)[
        -1
    ]
    found = "".join(
        number.digits if number else word
        for word in tail.split()
        for number in [next(iter(numbers([word])), None)]
        if number or len(word) == 1 or any(c.isdigit() for c in word)
    )
    return found[-6:].upper() if len(found) >= 6 and sum(c.isdigit() for c in found) >= 2 else None
