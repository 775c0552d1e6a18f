"""What a caller corrects of something that was read back to them, letter by letter. Pure.

"No, B as in boy", "it's five, not nine", "the last letter is a T", "Smith with a y", "without the
h", "double n". A correction comes to all the texts that it can mean; it is carried out only where
that is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from otto.language.numbers import DIGITS, read_number
from otto.language.spelling import as_in, letter_of, spelled_at

CONFUSABLE = (
    "BDEPTCGVZ3",
    "MN",
    "FSX6",
    "AJKH8",
    "IY",
    "QU",
    "59",
    "CT", "GP", "EV",
    "5F", "1I", "0O", "2Z", "8A",
)  # fmt: skip
"""Characters that a telephone makes alike. C/T, G/P, E/V, A/J and H/8 also count the same in a
VIN's check digit, so that nothing but the caller's ear tells them apart."""

_PLACES = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3,
    "fifth": 4, "5th": 4, "sixth": 5, "6th": 5, "seventh": 6, "eighth": 7, "ninth": 8, "tenth": 9,
    "last": -1, "final": -1, "end": -1,
}  # fmt: skip
_WORDS = re.compile(r"[a-z]+|\d+")
_VARIANTS = {
    "y": ("i", "ie", "e"), "i": ("y", "e"), "k": ("c", "ch", "ck"), "c": ("k", "s"),
    "ch": ("c", "k"), "f": ("ph", "v"), "ph": ("f", "v"), "v": ("ph", "f"), "s": ("z", "c"),
    "z": ("s",), "j": ("g",), "g": ("j",), "ie": ("y", "ey"), "ey": ("y", "ie"), "x": ("cks", "ks"),
    "o": ("e", "a"), "e": ("i", "o", "a"), "a": ("e", "o"), "u": ("o",), "t": ("th",), "th": ("t",),
    "sch": ("sh",), "sh": ("sch",), "ee": ("ea", "ie"), "ea": ("ee",), "w": ("u",),
}  # fmt: skip
"""What a letter of a name may stand in place of: "Smith with a y" is Smyth."""


def characters(words: list[str], at: int) -> tuple[str, int] | None:
    """The character, upper case, that is said at `words[at]`, and how many words that takes."""
    if at >= len(words):
        return None
    number = read_number(words, at)
    if number is not None and words[at] not in {"o", "oh"} and len(number[0]) == 1:
        return number[0], number[1]
    letter = letter_of(words[at])
    return as_in(words, at + 1, letter) if letter else None


def corrected(
    known: str, said: str, fits: Callable[[str], bool] = lambda text: True
) -> frozenset[str]:
    """Everything that `known` (upper case, letters and digits) may become by the correction that
    is said, as far as it `fits`. Empty: it says none that is understood."""
    words = _WORDS.findall(said.lower().replace("'s", " is"))
    for rule in (_instead, _at_a_place, _alone):
        found = frozenset(rule(known, words)) - {known}
        if found:
            return frozenset(text for text in found if fits(text))
    return frozenset()


def reworded(name: str, said: str) -> frozenset[str]:
    """Everything that a word of a name (lower case) may become by what is said of its letters.
    Raises nothing; empty when nothing is said of them."""
    plain = said.lower().replace("\u2019", "'").replace("-", " ")
    words = _WORDS.findall(plain.replace("'s", " "))
    found = {text for text in _remarked(name, plain) if text != name}
    if found:
        return frozenset(found)
    instead = {text.lower() for text in _instead(name.upper(), words)} - {name}
    placed = {text.lower() for text in _at_a_place(name.upper(), words)} - {name}
    return frozenset(instead or placed)


def _instead(known: str, words: list[str]) -> Iterator[str]:
    """ "5 not 9", "not 9 but 5", "B instead of D", "the D should be a B"."""
    skipped = {"a", "an", "the", "letter", "number", "digit", "it", "is", "be", "character", "it's"}
    for at in range(len(words)):
        one = characters(words, at)
        if one is None:
            continue
        behind = at + one[1]
        between: list[str] = []
        while behind < len(words) and len(between) < 4:
            other = characters(words, behind)
            is_article = words[behind] == "a" and characters(words, behind + 1) is not None
            is_last_a = words[behind] == "a" and not is_article
            if other is not None and between and (words[behind] not in skipped or is_last_a):
                break
            between.append(words[behind])
            behind += 1
        else:
            continue
        assert other is not None
        joined = " ".join(word for word in between if word not in skipped)
        before = (
            words[at - 1 : at] if at and words[at - 1] not in skipped else words[at - 2 : at - 1]
        )
        if joined in {"not", "and not", "instead of", "rather than"}:
            new, old = one[0], other[0]
        elif joined in {"should", "with", "to", "but", "into"} or before == ["not"]:
            new, old = other[0], one[0]
        else:
            continue
        for place, character in enumerate(known):
            if character == old:
                yield known[:place] + new + known[place + 1 :]


def _at_a_place(known: str, words: list[str]) -> Iterator[str]:
    """ "The last letter is a T", "it ends in X", "starts with a P"."""
    for at, word in enumerate(words):
        place: int | None = None
        if word in {"ends", "end"} and words[at + 1 : at + 2] in (["in"], ["with"]):
            place, at = -1, at + 2
        elif word in {"starts", "begins", "start"} and words[at + 1 : at + 2] == ["with"]:
            place, at = 0, at + 2
        elif word in _PLACES:
            place, at = _PLACES[word], at + 1
            while at < len(words) and words[at] in {
                "letter",
                "digit",
                "number",
                "character",
                "one",
                "is",
                "was",
                "should",
                "be",
                "in",
                "of",
                "it",
            }:
                at += 1
        if place is None:
            continue
        while at < len(words) - 1 and words[at] in {"a", "an", "the"}:
            at += 1
        said = characters(words, at)
        if said is not None and -len(known) <= place < len(known):
            place %= len(known)
            yield known[:place] + said[0] + known[place + 1 :]
            return


def _alone(known: str, words: list[str]) -> Iterator[str]:
    """ "No, B as in boy", "five": in place of what sounds like it."""
    said = [
        found
        for at in range(len(words))
        if (found := characters(words, at)) is not None
        and (found[1] > 1 or words[at].isdecimal() or words[at] in DIGITS or len(words[at]) == 1)
        and not (words[at] in {"a", "i", "o", "oh"} and found[1] == 1)
    ]
    meant = {character for character, _ in said}
    if len(meant) != 1:
        return
    (new,) = meant
    for place, old in enumerate(known):
        if old != new and any(new in group and old in group for group in CONFUSABLE):
            yield known[:place] + new + known[place + 1 :]


def _remarked(name: str, plain: str) -> Iterator[str]:
    """ "With a y", "without the h", "with two ns", "double n", "e n at the end"."""
    if found := re.search(r"\b(?:with|has) (?:an? |the )?([a-z]{1,2})\b(.*)$", plain):
        letters, rest = found[1], found[2]
        if re.match(r" ?(?:not|instead of|rather than)", rest):
            return
        is_last = re.match(r" (?:at|on|in) the end", rest) is not None
        yield from _with(name, letters, is_last)
    for found in re.finditer(r"\b(?:without|no|minus) (?:an? |the |any )?([a-z])\b", plain):
        places = [at for at, letter in enumerate(name) if letter == found[1]]
        for at in places:
            yield name[:at] + name[at + 1 :]
    if found := re.search(r"\b(?:two|double|2|a double) ([a-z])(?:s|'s)?\b", plain):
        letter = found[1]
        if letter * 2 not in name:
            for at, known in enumerate(name):
                if known == letter:
                    yield name[:at] + letter + name[at:]
    if found := re.search(r"\b(?:one|only one|just one|a single|single|1) ([a-z])\b", plain):
        yield from {name.replace(found[1] * 2, found[1])}
    if found := re.search(r"\b((?:[a-z] )+[a-z]) (?:at|on) the end\b", plain):
        ending = found[1].replace(" ", "")
        ending = ending[ending.startswith("a") and len(ending) > 2 :]
        yield name[: max(1, len(name) - len(ending))] + ending
    words = _WORDS.findall(plain)
    for at in range(len(words)):
        run = spelled_at(words, at)
        if run is not None and len(run[0]) >= 3 and "end" not in words:
            spelled = run[0].lower()
            if spelled[0] == name[0] and abs(len(spelled) - len(name)) <= 3:
                yield spelled
            return


def _with(name: str, letters: str, is_last: bool) -> Iterator[str]:
    """A name with those letters: in place of what sounds like them, or beside it."""
    if is_last:
        if len(letters) == 1 and not name.endswith(letters):
            olds = _VARIANTS.get(letters, ())
            if ends := [old for old in olds if name.endswith(old)]:
                yield name[: -len(ends[0])] + letters
            else:
                yield name + letters
        return
    if letters in name:
        return
    for old in _VARIANTS.get(letters, ()):
        places = [at for at in range(len(name)) if name.startswith(old, at)]
        for at in places:
            yield name[:at] + letters + name[at + len(old) :]
        if places:
            return
    if letters == "e":
        yield name + "e"
    elif letters == "h":
        yield from _with_h(name)


def _with_h(name: str) -> Iterator[str]:
    """Sara, Jon, Teresa, Tomas, Reda: where an h is silent."""
    if name.endswith("a"):
        yield name + "h"
    elif name == "jon":
        yield "john"
    elif name.startswith("t") and not name.startswith("th"):
        yield "th" + name[1:]
