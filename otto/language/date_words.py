"""A caller's or model's words about dates, brought to one spelling before they are understood.

`normalise` lowers, drops punctuation and politeness, turns number words into digits ("twenty
fifth" -> "25th", "two weeks" -> "2 weeks") and month and weekday abbreviations into full names.
Kept apart from the rules in `date_rules.py`, which only ever sees this spelling.
"""

from __future__ import annotations

import re
from calendar import day_name, month_name
from typing import Literal

PartOfDay = Literal["morning", "afternoon"]
"""Before noon, or from noon on."""

WEEKDAYS = tuple(name.lower() for name in day_name)
"""Monday first, as `date.weekday()` counts."""
MONTHS = tuple(name.lower() for name in month_name)
"""Index 1 is january; index 0 is empty."""

_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
CARDINALS = {word: value for value, word in enumerate(_ONES.split(), start=1)} | {"thirty": 30}
ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fifth": 5,
    "eighth": 8,
    "ninth": 9,
    "twelfth": 12,
    "twentieth": 20,
    "thirtieth": 30,
} | {
    f"{word}th": value
    for word, value in CARDINALS.items()
    if word not in {"one", "two", "three", "five", "eight", "nine", "twelve", "twenty", "thirty"}
}
_TENS = {"twenty": 20, "thirty": 30}

ABBREVIATED = (
    {name[:3]: name for name in WEEKDAYS}
    | {name[:3]: name for name in MONTHS[1:]}
    | {"tues": "tuesday", "thur": "thursday", "thurs": "thursday", "weds": "wednesday"}
    | {"sept": "september"}
)
# "mon" is never a month and "may" and "sat" mean what they say, so no abbreviation collides.

_IGNORED_WORDS = (
    "the a an of on at around about please maybe sometime some time for me us like would i'd i we "
    "want it is could can you do preferably ideally probably just any anytime which uh um date "
    "have anything something how what day's that's thats be good great work works come"
)
IGNORED = frozenset(_IGNORED_WORDS.split())
_KEPT_PHRASES = (
    # (pattern, replacement) applied before small words are dropped, because here they matter
    (r"\b(?:a|one) couple (?:of )?(?=day|week|month)", "2 "),
    (r"\b(?:couple (?:of )?)(?=day|week|month)", "2 "),
    (r"\ba few (?=day|week|month)", "3 "),
    (r"\ban? (?=day\b|week\b|month\b|fortnight\b)", "1 "),
    (r"\bfortnight\b", "2 weeks"),
    (r"\b1 2 weeks\b", "2 weeks"),
    (r"\bon or after\b", "starting"),
    (r"\bas of\b", "starting"),
    (r"\bany day\b", "anyday"),
    (r"\bnew year['’]?s?\b", "newyear"),
)
_CLOCK = re.compile(
    r"\b(?:at |around |about |after |before |by )?(?:\d{1,2}(?::\d{2})? ?(?:a\.?m\b\.?|p\.?m\b\.?)"
    r"|\d{1,2}:\d{2}|\d{1,2} ?o['’]?clock)"
)
_PART_OF_DAY = re.compile(
    r"\b(?:first thing )?(?:in (?:the )?)?(?:early |late )?"
    r"(morning|afternoon|evening|noon|tonight)s?\b"
)


def split_part_of_day(text: str) -> tuple[str, PartOfDay | None]:
    """Take "in the morning" and the like out of a phrase: (the rest, the part of day or None).

    Evening and noon count as afternoon: a service department has no later part.
    """
    found = _PART_OF_DAY.search(text.lower())
    if found is None:
        return text, None
    word = found[1]
    left = f"{text[: found.start()]} {'today' if word == 'tonight' else ''} {text[found.end() :]}"
    return left, "morning" if word == "morning" else "afternoon"


def normalise(text: str) -> str:
    """One spelling for what callers say; see the module's docstring. Never raises."""
    text = text.lower().replace("’", "'").replace("–", "-")
    text = re.sub(r"\b(\d{4}-\d{2}-\d{2})t\d{2}:\d{2}\S*", r"\1", text)
    return spell(_CLOCK.sub(" ", text))


def spell(text: str) -> str:
    """The same for words in small letters that hold no time of day."""
    for pattern, replacement in _KEPT_PHRASES:
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = re.sub(r"(?<!\d)[-](?!\d)|[,.!?;:\"()]", " ", text)
    words = [ABBREVIATED.get(word, word) for word in text.split()]
    words = _number_words(words)
    return " ".join(word.removesuffix("'s") for word in words if word not in IGNORED)


def _number_words(words: list[str]) -> list[str]:
    """ "twenty fifth" -> "25th", "twenty five" -> "25", "fifth" -> "5th", "two" -> "2"."""
    out: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in _TENS and ORDINALS.get(following, 99) < 10:
            out.append(f"{_TENS[word] + ORDINALS[following]}th")
            index += 2
        elif word in _TENS and CARDINALS.get(following, 99) < 10:
            out.append(str(_TENS[word] + CARDINALS[following]))
            index += 2
        else:
            if word in ORDINALS:
                word = f"{ORDINALS[word]}th"
            elif word in CARDINALS:
                word = str(CARDINALS[word])
            out.append(re.sub(r"^(\d{1,2})(?:st|nd|rd)$", r"\1th", word))
            index += 1
    return out
