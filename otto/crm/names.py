"""When two spellings can be one name, in any script.

A recogniser writes "Alvares" for Álvarez, "Nguyen Thi" for Nguyễn Thị and "Li" for 李, and people
say one of their two surnames, or the family's name first. So names are compared as Latin letters
without accents and case, allowing for a letter or two; never alone, but with a fact that is not
written on a letterbox (`otto.crm.proof`).

Letters of other scripts are written as they commonly are in Latin (anyascii: of 23 pairs of
spellings it made 9 alike that are the same without accents and case alone and were refused before;
Japanese and Hebrew it mostly misses, where the writing does not tell the sound).
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from anyascii import anyascii

SAME_NAME = 0.75
"""How alike two spellings of a name are at least: recognisers write "Alvares" and "Steven"."""
_PARTICLES = frozenset(
    "a abu af al av ben bin d da de del den der di do dos du e el ibn ii iii jr la le mac mc o op "
    "san sr st ten ter the van von y zu zur".split()
)
"""Parts of names that are nobody's name by themselves."""


def folded(name: str) -> str:
    """The letters of a name, in Latin without accents and case; "" when there are none."""
    letters = "".join(
        char
        for char in unicodedata.normalize("NFKC", name)
        if unicodedata.category(char)[0] in "LM"
    )
    latin = "".join(char for char in anyascii(letters).casefold() if char.isalpha())
    return latin or "".join(char for char in letters.casefold() if char.isalpha())


def is_same_name(heard: str, known: str) -> bool:
    """Whether a name as it was recognised can be the one on record; never for an empty one."""
    return _are_alike(folded(heard), folded(known))


def can_be(heard: tuple[str | None, str | None], known: tuple[str, str]) -> bool:
    """Whether what was said of a name can be the person's: (first, last) each, None where it was
    not said. Somebody with one name has "" for the last, and says the one, or it twice."""
    first, last = heard
    if first is None or last is None:
        said = [(part, on_record) for part, on_record in zip(heard, known, strict=True) if part]
        return all(_is_part(part, on_record) for part, on_record in said)
    if not known[1]:
        return (folded(first) == folded(last) and is_same_name(first, known[0])) or is_one_person(
            (first, last), known
        )
    return (
        (_is_part(first, known[0]) and _is_part(last, known[1]))
        or (is_same_name(first, known[1]) and is_same_name(last, known[0]))
        or is_one_person((first, last), known)
    )


def is_one_person(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two (first, last) are one name but for accents, case, script and where it is
    divided. Twins have names that sound alike, so nothing else is allowed for."""
    whole, another = folded("".join(one)), folded("".join(other))
    return bool(whole) and whole == another


def _is_part(heard: str, known: str) -> bool:
    """The same name, or one of its words: "García" of "García Márquez", or the other way about."""
    if is_same_name(heard, known):
        return True
    said, on_record = folded(heard), folded(known)
    return said in _words(known) or on_record in _words(heard)


def _words(name: str) -> frozenset[str]:
    words = (folded(word) for word in re.split(r"[\s\-‐‑–.,/()&]+", name))
    return frozenset(word for word in words if len(word) > 1) - _PARTICLES


def _are_alike(one: str, other: str) -> bool:
    return bool(one and other) and SequenceMatcher(None, one, other).ratio() >= SAME_NAME
