"""What was understood, as Otto says it back, and whether the caller agreed. Pure.

Letters that a telephone makes alike are said with a word ("H as in Henry"), names that are written
in several ways are spelled, numbers stand in groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

import phonenumbers

from otto.language.birth_dates import read_back as born_said
from otto.language.common_names import is_common
from otto.language.consent import Answer, judge
from otto.language.names import NameSaid

_AS_IN = {
    "A": "Adam", "B": "boy", "C": "Charlie", "D": "David", "E": "Edward", "F": "Frank",
    "G": "George", "H": "Henry", "I": "Ida", "J": "John", "K": "King", "L": "Lincoln", "M": "Mary",
    "N": "Nora", "O": "ocean", "P": "Peter", "Q": "Queen", "R": "Robert", "S": "Sam", "T": "Tom",
    "U": "Union", "V": "Victor", "W": "William", "X": "x-ray", "Y": "Young", "Z": "zebra",
}  # fmt: skip
_NEEDS_WORD = frozenset("ABCDEFGHJKMNPSTVZ")
"""Letters that sound like another one; the rest stand for themselves."""
_QUESTION = re.compile(
    r"\b(?:right|correct|did i (?:get|hear)|is that|have i got|may i|shall i)\b", re.IGNORECASE
)
_TURNS = re.compile(
    r"\b(?:no|not|but|except|actually|wrong|isn't|wait|sorry|with an?|instead|rather|change)\b"
)


def spelled(word: str) -> str:
    """The letters of a word one by one: "S, M, Y, T, H"."""
    return ", ".join(char.upper() for char in word if char.isalnum())


def spelled_with_words(characters: str) -> str:
    """Letters and digits one by one, with a word where a letter could be taken for another:
    "1, H as in Henry, G as in George"."""
    return ", ".join(
        f"{char} as in {_AS_IN[char]}" if char in _NEEDS_WORD else char
        for char in characters.upper()
    )


def name_said(name: NameSaid, *, is_doubtful: bool = False) -> str:
    """A name, with the spelling of each word that can be written in another way. `is_doubtful`:
    of all of it."""
    words = name.whole.split()
    doubted = [
        word
        for word in words
        if len(word) > 2 and (is_doubtful or word in name.spelled or not is_common(word))
    ]
    spellings = " and ".join(f"{word} spelled {spelled(word)}" for word in doubted)
    return f"{name.whole}, {spellings}" if spellings else name.whole


def phone_said(number: str) -> str:
    """An E.164 number as its country writes it: "(312) 555-0142"."""
    parsed = phonenumbers.parse(number)
    is_american = parsed.country_code == 1
    kind = phonenumbers.PhoneNumberFormat
    form = kind.NATIONAL if is_american else kind.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def email_said(address: str) -> str:
    """An address, with the part before the @ spelled where it is no common name."""
    local = address.partition("@")[0]
    parts = [part for part in re.split(r"[^a-z]+", local.lower()) if len(part) > 1]
    unusual = [part for part in parts if not is_common(part)]
    spellings = " and ".join(f"{part} spelled {spelled(part)}" for part in unusual)
    return f"{address}, {spellings}" if spellings else address


def vin_said(vin: str) -> str:
    """A VIN, or the end of one, character by character."""
    return f"the VIN {spelled_with_words(vin)}"


def birth_said(day: date) -> str:
    """ "born March 12, 1984"."""
    return f"born {born_said(day)}"


def is_question_about(heard: str, facts: Sequence[str]) -> bool:
    """Whether all of the facts were said back, and the caller was asked whether they are right."""
    plain = squeezed(re.sub(r"\b([A-Z]) as in [\w-]+", r"\1", heard))
    return bool(facts and _QUESTION.search(heard)) and all(
        squeezed(fact) in plain for fact in facts
    )


def squeezed(text: str) -> str:
    """The letters and digits alone, in lower case."""
    return "".join(char for char in text.casefold() if char.isalnum())


def agreed(answer: str, facts: Iterable[str]) -> bool | None:
    """Whether the answer to "is that right?" agrees, or denies; None: neither for sure. Who agrees
    may go on with something else ("Yes. What times do you have?")."""
    repeated = [*facts]
    first, _, rest = answer.strip().partition(". ")
    whole = judge(answer, read_back=repeated)
    if whole is Answer.AGREES:
        return True
    if rest and judge(first, read_back=repeated) is Answer.AGREES:
        return None if _TURNS.search(rest.lower().replace("\u2019", "'")) else True
    return False if whole in {Answer.DECLINES, Answer.CORRECTS, Answer.CONDITION} else None
