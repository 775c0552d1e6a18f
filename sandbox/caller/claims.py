"""What Otto claims about a caller's errand: services, car, name, numbers, price. Pure.

Read out of what a recogniser made of it, so near misses of what the caller knows count as that: a
claim is only what is clearly something.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import dropwhile, pairwise, takewhile

from sandbox.caller.vocabulary import MAKES, SERVICES
from sandbox.caller.words import MONTHS, normalise

_SAME_MAKE = {"chevy": "chevrolet", "vw": "volkswagen"}
_NO_MAKE_ALONE = frozenset({"mini", "ram", "lincoln", "saturn"})
"""Words that are something else unless a year is said before them."""
_YEAR = r"(?P<year>(?:19|20) ?\d\d|2 ?(?:000|thousand)(?: and)?(?: \d{1,2})?)"
_VEHICLE_YEAR = re.compile(rf"\b{_YEAR}\b(?! dollars| miles)")
_BORN = re.compile(
    rf"\b(?P<month>{'|'.join(MONTHS)}) (?:the )?(?P<day>\d{{1,2}}) (?:of )?{_YEAR}\b"
)
_DIGIT_RUN = re.compile(r"\b\d(?: ?\d){3,}\b")
_PRICE = re.compile(r"\$ ?(\d+(?:\.\d\d)?)(?: and (?:(\d+) cents|\$0\.(\d\d)))?")
_PRICE_WORDS = re.compile(r"\b(\d+(?: 100)?(?: and)?(?: \d+)?) dollars(?: and (\d+)(?: cents)?)?")
_NAME = re.compile(
    r"\b(?:name (?:is|as)|that s|i have|i ve got|it s|is it|is this|you are|under|with|to|heard)"
    r" (?P<name>[a-z]+(?: [a-z]+){0,24})"
)
_LETTERS = re.compile(r"\b(?:[A-Za-z][ ,.-]+){2,}[A-Za-z]\b")
_NO_NAME = frozenset(
    "a an the your my for that this it right correct okay is was name number phone last first car "
    "vehicle service appointment on at all set good great i you we and or not so just one another "
    "what which when who how booked heard down here ready sorry no yes date of birth code open "
    "available someone somebody person advisor desk speak talk connect confirm do does did monday "
    "tuesday wednesday thursday friday saturday sunday to with calling speaking found got have "
    "had be in as go ahead put born spelled spelt".split()
)
EXACTLY = 1.0
ROUGHLY = 0.72
"""Words as alike as this may be the same, misheard by a recogniser."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What was said; empty: nothing of the kind. `prices` in cents, `born` as (month's name, day,
    year), `digits` the runs of four and more of them."""

    services: frozenset[str] = frozenset()
    years: tuple[int, ...] = ()
    makes: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    born: tuple[tuple[str, int, int], ...] = ()
    digits: tuple[str, ...] = ()
    prices: tuple[int, ...] = ()
    names: tuple[tuple[str, ...], ...] = ()
    spelled: tuple[str, ...] = ()
    """Letters said one by one, where a name is spoken of."""
    vin: str = ""
    """The characters said behind "VIN", as far as six of them and more were."""


def claims(text: str) -> Claims:
    """What `text`, as it was heard, claims. Never raises."""
    plain = normalise(text)
    words = tuple(plain.split())
    born = tuple((m["month"], int(m["day"]), _year(m["year"])) for m in _BORN.finditer(plain))
    other = _BORN.sub(" ", plain)
    services = {code for code, said in SERVICES.items() if re.search(rf"\b(?:{said})", plain)}
    if "brake_pads" in services and not re.search(r"brake (inspection|check)", plain):
        services.discard("brake_inspection")
    years = tuple(_year(m["year"]) for m in _VEHICLE_YEAR.finditer(other))
    makes = {
        _SAME_MAKE.get(word, word)
        for before, word in pairwise(("", *words))
        if word in MAKES and (word not in _NO_MAKE_ALONE or before.isdigit())
    }
    return Claims(
        frozenset(services),
        years,
        frozenset(makes),
        words,
        born,
        tuple(re.sub(r"\D", "", m[0]) for m in _DIGIT_RUN.finditer(_counted(other))),
        _prices(text, plain),
        tuple(name for m in _NAME.finditer(other) if (name := _name_alone(m["name"]))),
        _spelled(text) if re.search(r"\b(name|spel[lt]\w*)\b", plain) else (),
        _vin(text),
    )


def is_in(name: str, words: Sequence[str], likeness: float) -> bool:
    """Whether `name`, of one word or several, is among `words`, or something as alike as that."""
    count = len(normalise(name).split())
    wanted = normalise(name).replace(" ", "")
    return any(
        _likeness("".join(words[first : first + length]), wanted) >= likeness
        for length in {count, count + 1, max(1, count - 1)}
        for first in range(len(words) - length + 1)
    )


def _likeness(heard: str, wanted: str) -> float:
    if heard == wanted:
        return EXACTLY
    if min(len(heard), len(wanted)) < 3:
        return 0.0
    skeleton = _skeleton(wanted)
    # A recogniser has the consonants of a name it does not know, and guesses at its vowels.
    same_sound = ROUGHLY if len(skeleton) > 1 and _skeleton(heard) == skeleton else 0.0
    return max(same_sound, SequenceMatcher(None, heard, wanted).ratio())


def _skeleton(word: str) -> str:
    """The consonants as they sound: "corolla" and "carala" are both "krl"."""
    sounds = word.replace("ck", "k").replace("ph", "f").translate(_SOUNDS)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouywh]", "", sounds))


_SOUNDS = str.maketrans("cqzvdb", "kksftp")


def _spelled(text: str) -> tuple[str, ...]:
    """ "F O S T E R" and "F, O, S, T" as words; of normalised text a letter would be missing."""
    runs = _LETTERS.findall(text)
    return tuple(re.sub(r"\W", "", run).lower() for run in runs)


def _vin(text: str) -> str:
    """ "the VIN ending in 1 0 9, B as in boy, 8 6" is 109b86."""
    _, found, behind = re.sub(r"\bas in \w+", " ", text.lower()).partition("vin")
    words = normalise(re.sub(r"\bo\b", "0", behind)).split() if found else []
    signs = takewhile(
        lambda word: len(word) == 1 or word.isdigit(),
        dropwhile(lambda word: word in {"is", "ending", "in", "with", "ends", "on"}, words),
    )
    vin = "".join(signs)
    return vin if len(vin) >= 6 else ""


def _name_alone(said: str) -> tuple[str, ...]:
    """The words of a name, up to the first that is none."""
    return tuple(takewhile(lambda word: word not in _NO_NAME, said.split()))


def _year(said: str) -> int:
    if thousand := re.match(r"2 ?(?:000|thousand)(?: and)? ?(\d*)$", said):
        return 2000 + int(thousand[1] or 0)
    return int(said.replace(" ", ""))


def _prices(text: str, plain: str) -> tuple[int, ...]:
    written = [
        round(float(dollars) * 100) + int(cents or more or 0)
        for dollars, cents, more in _PRICE.findall(text.replace(",", ""))
    ]
    if written:
        return tuple(written)
    return tuple(
        _hundreds(dollars) * 100 + int(cents or 0) for dollars, cents in _PRICE_WORDS.findall(plain)
    )


def _hundreds(said: str) -> int:
    """ "5 100 and 49" is 549."""
    first, *rest = [int(word) for word in said.split() if word.isdigit()]
    if rest and rest[0] == 100:
        return first * 100 + sum(rest[1:])
    return first + sum(rest)


def _counted(plain: str) -> str:
    """ "triple 5" and "double 5" written out."""
    said = re.sub(r"\btriple (\d)\b", r"\1 \1 \1", plain)
    return re.sub(r"\bdouble (\d)\b", r"\1 \1", said)
