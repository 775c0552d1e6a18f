"""E-mail addresses as they are said: "maria dot alvarez at gmail dot com". Pure.

Whether such an address can exist is email-validator's to say (`otto.crm.details` asks it).
"""

from __future__ import annotations

import re

from otto.language.numbers import read_number

_MARKS = {
    "at": "@", "dot": ".", "period": ".", "point": ".", "underscore": "_", "dash": "-",
    "hyphen": "-", "minus": "-", "plus": "+",
}  # fmt: skip
_BEFORE = re.compile(
    r"^(?:(?:my |the )?e ?-?mail(?: address)?(?: is)?|it's|it is|that's|that would be|that is|sure"
    r"|yes|yeah|okay|um|uh|so|well|,)\s*"
)
_BEHIND = re.compile(
    r"\s*(?:please|thank you|thanks|okay|all (?:lower ?case|one word|together)|,|\.)+$"
)
_SMALL = re.compile(r"\b(?:lower ?case|all one word|one word|capital|letter|number|symbol|sign)\b")


def read_email(text: str) -> str | None:
    """The address in lower case, or None when the words make none. Letters may be spelled and
    numbers said ("j o h n one two"); no word is left out."""
    plain = text.strip().lower().replace("\u2019", "'")
    if re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", plain.rstrip(".,")):
        return plain.rstrip(".,")
    while (rest := _BEHIND.sub("", _BEFORE.sub("", plain))) != plain:
        plain = rest
    plain = _SMALL.sub(" ", plain)
    words = re.findall(r"[a-z0-9']+|[@._+-]", re.sub(r"(?<=\w)\.(?=\s|$)", " ", plain))
    said, at = "", 0
    while at < len(words):
        word = words[at]
        if word in _MARKS:
            said, at = said + _MARKS[word], at + 1
        elif (number := read_number(words, at)) is not None and word != "o":
            said, at = said + number[0], at + number[1]
        else:
            said, at = said + word.replace("'", ""), at + 1
    is_address = re.fullmatch(r"[a-z0-9._+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+", said)
    return said if is_address else None
