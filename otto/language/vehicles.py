"""Which car a caller speaks of: year, make and model from their own words. Pure.

Nothing is made up: what was not said is None, and what is not in our list of names
(`vehicle_names`) is left to the caller's spelling.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache

from otto.language.numbers import DIGITS, TEENS, TENS, read_number
from otto.language.vehicle_names import MODEL_SOUNDS, MODELS, NICKNAMES

OLDEST_YEAR = 1950
LIKE_A_MAKE = 0.82
"""How much alike a misheard make must be (`difflib`'s ratio): Toyoto is, Tomato is not."""
_OWNED = "my|our|his|her|their|a|an|the|this|that|for|drive|own|have|wife s|husband s|s"


@dataclass(frozen=True, slots=True)
class VehicleSaid:
    """As much of a car as was said."""

    year: int | None = None
    make: str | None = None
    model: str | None = None

    @property
    def is_whole(self) -> bool:
        return None not in (self.year, self.make, self.model)


def read_vehicle(text: str, this_year: int) -> VehicleSaid:
    """The car that `text` names, as far as it does. Of two cars the last one counts, because a
    correction comes last ("the 2020, no, the 2021")."""
    plain = " ".join(re.findall(r"[a-z]+|\d+", _whole_years(text.lower(), this_year)))
    year, plain = _year(plain, this_year)
    make = _make(plain)
    found = _model(plain, make)
    if found is None:
        return VehicleSaid(year, make, None)
    return VehicleSaid(year, make or found[0], found[1])


def _whole_years(text: str, this_year: int) -> str:
    """Years of two digits written out: "an '09", and "09" or "15" right before a make or model."""

    def whole(found: re.Match[str]) -> str:
        year = 2000 + int(found[1])
        return f" {year if year <= this_year + 1 else year - 100} "

    text = re.sub(r"['\u2019\u2018`](\d\d)\b(?!')", whole, text)
    text = re.sub(rf"(?<![\w.,-])(\d\d) (?={_first_words()})", whole, text)
    tens = rf"({'|'.join(TENS)})(?:[ -]({'|'.join(_UNITS)}))?|({'|'.join(TEENS)})"
    text = re.sub(
        rf"(?<!twenty )(?<!nineteen )(?<!\w)(?:{tens}) (?={_first_words()})",
        lambda found: f" '{_two_digits(found)} ",
        text,
    )
    text = re.sub(r" '(\d\d) ", whole, text)
    return text.replace("\u2019", "").replace("'", " ")


_UNITS = {word: digit for word, digit in DIGITS.items() if word not in {"o", "oh", "zero"}}


def _two_digits(found: re.Match[str]) -> str:
    if found[3]:
        return TEENS[found[3]]
    return TENS[found[1]] + (_UNITS[found[2]] if found[2] else "0")


@cache
def _first_words() -> str:
    """A pattern for the words that makes and models begin with."""
    names = [*MODELS, *NICKNAMES, *(model for make in MODELS for model in names_of_models(make))]
    firsts = {_key(name).split()[0] for name in names}
    return r"\b(?:" + "|".join(sorted(first for first in firsts if len(first) > 2)) + r")\b"


def worded_vehicle(text: str, this_year: int) -> VehicleSaid:
    """The same, where a make or model that is not in our list is taken as it is spelled: "1996
    Oldsmobile Cutlass". For words that are said to be a car's, and nothing else."""
    said = read_vehicle(text, this_year)
    if said.make is not None and said.model is not None:
        return said
    _, plain = _year(" ".join(_WORD.findall(_whole_years(text.lower(), this_year))), this_year)
    names = {_key(make): make for make in MODELS} | NICKNAMES
    known = sorted((name for name, make in names.items() if make == said.make), key=len)
    for name in reversed(known):
        plain = re.sub(rf"\b{re.escape(name)}\b", " ", plain)
    left = [word for word in plain.split() if word not in _NO_CARS and word != "|"]
    cases = {word.lower(): word for word in _WORD.findall(text)}
    written = [_written(cases.get(word, word)) for word in left]
    if not 0 < len(left) <= MOST_UNLISTED or (said.make is None and said.year is None):
        return said
    if said.make is not None:
        return VehicleSaid(said.year, said.make, " ".join(written))
    return VehicleSaid(said.year, written[0], " ".join(written[1:]) or None)


MOST_UNLISTED = 4
"""Words of a make and model that are not in our list; more are a sentence."""
_WORD = re.compile(r"[a-zA-Z]+|\d+")
_NO_CARS = frozenset(
    "a an the my our his her their your it its s is this that i we he she have has had got drive "
    "own car truck van suv vehicle sedan wagon and or from of with to in for on at by made make "
    "model year um uh well so yes yeah no not sorry actually please thanks thank you old new black "
    "white red blue green silver gray grey gold called im wife husband be would think what know "
    "don dont t d ll re ve do me one ones thing".split()
)


def _written(word: str) -> str:
    return word if any(char.isupper() for char in word) else word.capitalize()


def names_of_models(make: str) -> tuple[str, ...]:
    """The models of a make, as they are written."""
    return tuple(model.strip() for model in MODELS.get(make, "").split(",") if model.strip())


def _year(plain: str, this_year: int) -> tuple[int | None, str]:
    """The model year that was said last, and the text without it."""
    words = plain.split()
    found: int | None = None
    at = 0
    kept: list[str] = []
    while at < len(words):
        year = _year_at(words, at)
        if year is not None and OLDEST_YEAR <= year[0] <= this_year + 1:
            found = year[0]
            at += year[1]
            kept.append("|")
            continue
        kept.append(words[at])
        at += 1
    return found, " ".join(kept)


def _year_at(words: list[str], at: int) -> tuple[int, int] | None:
    word, ahead = words[at], words[at + 1 :]
    if word.isdecimal() and len(word) == 4:
        return int(word), 1
    if word in {"2", "two"} and ahead[:1] == ["thousand"]:
        taken = 3 if ahead[1:2] == ["and"] else 2
        rest = read_number(words, at + taken) if at + taken < len(words) else None
        if rest is not None and len(rest[0]) <= 2:
            return 2000 + int(rest[0]), taken + rest[1]
        return 2000, 2
    number = read_number(words, at)
    if number is not None and len(number[0]) == 4 and word in {"two", "nineteen", "2", "19"}:
        return int(number[0]), number[1]  # "two thousand nine", "nineteen hundred ..."
    if (word == "twenty" or word == "nineteen" or word in {"20", "19"}) and ahead:
        century = 2000 if word in {"twenty", "20"} else 1900
        if ahead[0] in {"oh", "o", "zero"} and len(ahead) > 1:
            unit = DIGITS.get(ahead[1], ahead[1])
            return (century + int(unit), 3) if unit.isdecimal() and len(unit) == 1 else None
        if ahead[0] in TEENS or ahead[0] in TENS or (ahead[0].isdecimal() and len(ahead[0]) == 2):
            last = read_number(words, at + 1)
            return (century + int(last[0]), 1 + last[1]) if last and len(last[0]) == 2 else None
    if word in {"oh", "o"} and ahead:
        unit = DIGITS.get(ahead[0], ahead[0])
        return (2000 + int(unit), 2) if unit.isdecimal() and len(unit) == 1 else None
    return None


def _make(plain: str) -> str | None:
    names = {_key(make): make for make in MODELS} | NICKNAMES
    found = [
        (match.start(), -len(name), make)
        for name, make in names.items()
        for match in re.finditer(rf"\b{re.escape(name)}\b", plain)
    ]
    if found:
        return max(found, key=lambda each: (each[0], each[1]))[2]
    for word in reversed(plain.split()):
        close = difflib.get_close_matches(word, names, n=1, cutoff=LIKE_A_MAKE)
        if close and len(word) >= 4:
            return names[close[0]]
    return None


def _model(plain: str, make: str | None) -> tuple[str, str] | None:
    """Make and model: of the make that was said, or, when none was, of the one that has it."""
    makes = [make] if make else list(MODELS)
    # Many models are everyday words: "I can't focus" is no Ford.
    before = "" if make else rf"(?:^|\| ?|\b(?:{_OWNED}) )(?:old |new |black |white |red |blue )?"
    found: list[tuple[int, int, str, str]] = []
    for one in makes:
        for model in names_of_models(one):
            for way in _ways(model, one, bool(make)):
                found += [
                    (len(way), match.end() - len(way), one, model)
                    for match in _pattern(rf"{before}\b{way}\b").finditer(plain)
                ]
    if not found and make:
        words = {_key(model): model for model in names_of_models(make)}
        for word in reversed(plain.split()):
            close = difflib.get_close_matches(word, words, n=1, cutoff=LIKE_A_MAKE)
            if close and len(word) >= 4:
                return make, words[close[0]]
    if not found:
        return None
    # The last one said; of those at one place the longest ("Grand Cherokee").
    _, _, one, model = max(found, key=lambda each: (each[1] + each[0], each[0]))
    return one, model


# `re` itself keeps 512 patterns, and reading a car without its make looks for thousands.
_pattern = cache(re.compile)


@cache
def _ways(model: str, make: str, is_make_known: bool) -> list[str]:
    """Patterns for a model, as recognisers write it. Names that are only numbers or letters count
    only beside their make."""
    key = _key(model)
    letters = key.replace(" ", "")
    has_word = re.search(r"[a-z]{4}", letters) is not None
    sounds = [sound for sound, name in MODEL_SOUNDS.items() if name == model]
    ways = [re.escape(sound) for sound in sounds]
    if has_word or is_make_known or re.search(r"[a-z]\d|[a-z] [a-z]", key):
        # "CR-V" is written "crv", "cr v" and "c r v"; "F-150" "f 150".
        ways.append(r" ?".join(re.escape(char) for char in letters))
        spoken = re.sub(r"\d+", lambda digits: _spoken(digits[0]), key)
        if spoken != key and (is_make_known or has_word):
            ways.append(re.escape(spoken))
    short = key.removeprefix(_key(make) + " ")
    if make == "Mazda" and letters.startswith("mazda"):
        ways.append(rf"mazda (?:{letters[5:]}|{_spoken(letters[5:])})")
    elif short != key:
        ways.append(re.escape(short))
    return ways


def _spoken(digits: str) -> str:
    if len(digits) == 1:
        return next(word for word, digit in DIGITS.items() if digit == digits and len(word) > 2)
    if len(digits) == 4 and digits.endswith("00"):
        tens = {number: word for word, number in TEENS.items()}
        head = tens.get(digits[:2]) or next(
            (word for word, ten in TENS.items() if ten + "5" == digits[:2]), ""
        )
        return f"{head} five hundred" if head in TENS else f"{head} hundred"
    return digits


def _key(name: str) -> str:
    return " ".join(re.findall(r"[a-z]+|\d+", name.lower()))
