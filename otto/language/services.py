"""Which lines of the service menu a caller means, by everyday words and symptoms. Pure.

The words are the manager's: `aliases` of each service in the dealership's file, and `not_offered`
for what callers ask for and the workshop does not do. They are matched by their stems and in
order, with a few small words between them ("rotate *all four* tires"); the longest match wins, and
what the caller does not want ("I don't need an oil change") is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.dealership import Service

MOST_BETWEEN = 3
"""How many small words may stand between two words of an alias."""

_SMALL = frozenset(
    "a an the my our his her your it its it's all four two of to on in up and is are was has have "
    "been get gets getting just really some new old front rear back left right driver passenger "
    "side for me do done this that with very kind bit little when i we you need needs keep keeps "
    "keeping while be being at stop stopping sort car truck from out not".split()
)
_NEGATION = re.compile(
    r"\b(?:not|don't|do not|doesn't|does not|no|without|never|isn't|instead of|rather than|except"
    r"|forget|skip|cancel|besides)\b(?: [\w']+){0,4}$"
)
_AFTER_ALL = re.compile(r"\b(?:but|just|only)\b|, ")
_VAGUE = re.compile(
    r"\b(?:looked at|look at|checked out|check up|checkup|service|serviced|servicing|maintenance"
    r"|appointment|something|work done|worked on|tune|fix|fixed)\b"
)


@dataclass(frozen=True, slots=True)
class ServicesMeant:
    """`codes` are services of the menu in the order of the caller's words; `not_offered` is what
    they asked for that the workshop does not do, in the file's words. With neither, `is_vague`
    says that some service was asked for and must be asked about."""

    codes: tuple[str, ...] = ()
    not_offered: str | None = None
    is_vague: bool = False


def read_services(
    text: str, menu: Sequence[Service], not_offered: Sequence[str] = ()
) -> ServicesMeant:
    """What `text` asks for."""
    words = _words(text)
    found = sorted(_matches(words, menu, not_offered), key=lambda match: match.rank)
    taken: list[_Match] = []
    for match in found:
        if not any(match.begin < other.end and other.begin < match.end for other in taken):
            taken.append(match)
    wanted = sorted(
        (match for match in taken if not _is_refused(words, match)), key=lambda match: match.begin
    )
    codes = tuple(dict.fromkeys(match.code for match in wanted if match.code is not None))
    other = next((match.alias for match in wanted if match.code is None), None)
    return ServicesMeant(
        codes, other, not codes and other is None and _VAGUE.search(" ".join(words)) is not None
    )


@dataclass(frozen=True, slots=True)
class _Match:
    begin: int
    end: int
    alias: str
    code: str | None

    @property
    def rank(self) -> tuple[int, int, int]:
        # More words of the alias first, then the tighter, then the earlier match.
        return -len(self.alias.split()), self.end - self.begin, self.begin


def _matches(
    words: list[str], menu: Sequence[Service], not_offered: Sequence[str]
) -> Iterable[_Match]:
    stems = [stem(word) for word in words]
    sources: list[tuple[str, str | None]] = [(alias, None) for alias in not_offered]
    for service in menu:
        sources += [(alias, service.code) for alias in (service.name, *service.aliases)]
    for alias, code in sources:
        wanted = tuple(stem(word) for word in _words(alias))
        for begin, first in enumerate(stems):
            if wanted and first == wanted[0] and (end := _end(stems, words, begin, wanted)):
                yield _Match(begin, end, alias, code)


def _end(stems: list[str], words: list[str], begin: int, wanted: tuple[str, ...]) -> int | None:
    """Where a match that begins there ends, or None."""
    at = begin + 1
    for word in wanted[1:]:
        between = 0
        while at < len(stems) and stems[at] != word:
            if words[at] not in _SMALL or between == MOST_BETWEEN:
                return None
            at, between = at + 1, between + 1
        if at == len(stems):
            return None
        at += 1
    return at


def _is_refused(words: list[str], match: _Match) -> bool:
    before = " ".join(words[: match.begin])
    negation = _NEGATION.search(before)
    return negation is not None and _AFTER_ALL.search(negation[0]) is None


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """The word without the endings that make no difference here: "pulling" and "pulls" are
    "pull", "batteries" is "battery"."""
    for ending, instead, least in (
        ("ies", "y", 5), ("ings", "", 6), ("ing", "", 5), ("ed", "", 5), ("es", "", 5),
        ("s", "", 3),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) >= least + 1 and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # "dripping"
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _words(text: str) -> list[str]:
    plain = text.lower().replace("\u2019", "'").replace("a/c", "ac").replace("a.c.", "ac")
    plain = re.sub(r"\b60[, ]?000\b|\b60 ?k\b|\bsixty k\b", "sixty thousand", plain)
    return re.findall(r"[a-z0-9']+|,", plain)
