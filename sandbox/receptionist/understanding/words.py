"""Words as a recogniser writes them down: normalising, near misses, numbers said in words.

A small recogniser on telephone audio writes "all change" for "oil change", "3 12 1984" or "March
12th, 1984" for the same date. Everything that understands the caller starts here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
]
_ORDINAL_TENS = ["twentieth", "thirtieth"]

NUMBER_WORDS: dict[str, int] = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: value for value, word in enumerate(_ORDINALS)},
    **{word: 20 + 10 * place for place, word in enumerate(_TENS)},
    **{word: 20 + 10 * place for place, word in enumerate(_ORDINAL_TENS)},
    "oh": 0,
    "o": 0,
    "fourty": 40,
    "nineth": 9,
    "twelveth": 12,
}


CACHED_COMPARISONS = 16_384
"""Every request reads the whole conversation again, so the same words meet over and over."""


def normalise(text: str) -> str:
    """Lower case, no apostrophes, single spaces; keeps digits, `/`, `:` and `-` between digits.

    Text in square brackets is a note of the machinery (what was not heard), not speech: it goes.
    """
    text = re.sub(r"\[[^\]]*\]", " ", text).lower()
    text = re.sub(r"['’]", "", text)
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"(?<!\d)[/:-]|[/:-](?!\d)", " ", text)
    text = re.sub(r"[^\w\s/:-]|_", " ", text)
    return " ".join(text.split())


def tokens(text: str) -> list[str]:
    """The words of `text`, normalised."""
    return normalise(text).split()


@lru_cache(maxsize=CACHED_COMPARISONS)
def close(heard: str, meant: str, least: float = 0.8) -> bool:
    """Whether `heard` may be a misheard `meant`. Short words must match exactly."""
    if heard == meant:
        return True
    if min(len(heard), len(meant)) < 4 or abs(len(heard) - len(meant)) > 3:
        return False
    matcher = SequenceMatcher(None, heard, meant)
    return matcher.quick_ratio() >= least and matcher.ratio() >= least


def closest(heard: str, candidates: Iterable[str], least: float = 0.8) -> str | None:
    """The candidate most like `heard`, or None when none is close."""
    best = [(SequenceMatcher(None, heard, each).ratio(), each) for each in candidates]
    best = [(ratio, each) for ratio, each in best if close(heard, each, least)]
    return max(best)[1] if best else None


@lru_cache(maxsize=CACHED_COMPARISONS)
def contains_phrase(text: str, phrase: str, least: float = 0.84) -> bool:
    """Whether the normalised `text` has `phrase` in it, word for word, allowing near misses."""
    heard, meant = text.split(), phrase.split()
    return any(
        all(close(a, b, least) for a, b in zip(heard[at:], meant, strict=False))
        for at in range(len(heard) - len(meant) + 1)
    )


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text: its digits as said or written, and which tokens it took."""

    digits: str
    first: int
    last: int

    @property
    def value(self) -> int:
        return int(self.digits)


def numbers(words: list[str]) -> list[Number]:
    """The numbers among `words`, in digits: "nineteen eighty four" is 19, 84; "twelfth" is 12.

    Only what belongs to one number is joined ("eighty four", "two thousand one", "12th"): which
    numbers form a date or a telephone number is for the caller of this function.
    """
    found: list[Number] = []
    at = 0
    while at < len(words):
        taken = _read_number(words, at)
        if taken is not None:
            digits, end = taken
            found.append(Number(digits, at, end - 1))
            at = end
            continue
        pieces = re.findall(r"\d+", words[at])
        if pieces and re.fullmatch(r"[\d/:-]+(st|nd|rd|th)?", words[at]):
            found += [Number(piece, at, at) for piece in pieces]
        at += 1
    return found


def _read_number(words: list[str], at: int) -> tuple[str, int] | None:
    """A number in words from `at` on: (its digits, index after it)."""
    word = words[at]
    value = NUMBER_WORDS.get(word)
    if value is None:
        return None
    following = words[at + 1] if at + 1 < len(words) else ""
    after = words[at + 2] if at + 2 < len(words) else ""
    if following == "thousand" and 1 <= value <= 9:
        return _read_tail(words, at + 2, value * 1000)
    if following == "hundred" and 1 <= value <= 20:
        return _read_tail(words, at + 2, value * 100)
    if _joins(word, following) and after not in {"thousand", "hundred"}:
        return str(value + NUMBER_WORDS[following]), at + 2
    return str(value), at + 1


def _read_tail(words: list[str], at: int, base: int) -> tuple[str, int]:
    """What follows "two thousand" or "nineteen hundred": "and one", "twenty two", nothing."""
    start = at + 1 if at < len(words) and words[at] == "and" else at
    rest = _read_number(words, start) if start < len(words) else None
    if rest is None or int(rest[0]) > 99 or int(rest[0]) == 0:
        return str(base), at
    return str(base + int(rest[0])), rest[1]


def _joins(tens: str, unit: str) -> bool:
    return (
        tens in {*_TENS, "fourty"}
        and unit in NUMBER_WORDS
        and unit not in {"oh", "o"}
        and 1 <= NUMBER_WORDS[unit] <= 9
    )
