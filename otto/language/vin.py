"""Vehicle identification numbers, written or read out over the telephone.

A VIN has 17 characters, never I, O or Q (they look like 1 and 0), and its ninth is a check digit:
49 CFR 565.15, binding for every vehicle sold in the United States since model year 1981. It
catches any one wrong digit and most wrong letters (A, J and 1 count the same), which is why it is
always asked for here.
"""

from __future__ import annotations

import re

from otto.language.numbers import read_number

LENGTH = 17
TAIL_LENGTH = 6
"""The last characters, the serial number, which callers can be asked for as a proof."""
CHECK_POSITION = 8

# 49 CFR 565.15(c), tables III and IV.
_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)

_LOOKALIKES = str.maketrans("IOQ", "100")

# Letters as a recogniser spells their sound.
_SOUNDS = {
    "ay": "A", "bee": "B", "be": "B", "see": "C", "sea": "C", "dee": "D", "ee": "E", "ef": "F",
    "eff": "F", "gee": "G", "aitch": "H", "jay": "J", "kay": "K", "el": "L", "ell": "L",
    "em": "M", "en": "N", "pee": "P", "cue": "Q", "queue": "Q", "are": "R", "ar": "R", "ess": "S",
    "tee": "T", "tea": "T", "you": "U", "vee": "V", "ex": "X", "why": "Y", "wye": "Y", "zee": "Z",
    "zed": "Z",
}  # fmt: skip

# Spelling alphabets: NATO's, and the one American police and call centres use.
_ALPHABETS = frozenset(
    "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike "
    "november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu "
    "adam boy charles david edward frank george henry ida john king lincoln mary nora ocean paul "
    "queen robert sam tom union william young zebra "
    "apple baker cat dog easy fox jack larry nancy peter roger sugar tiger uncle yellow".split()
)
_FILLERS = frozenset(
    "and capital character dash digit is it it's its letter my number okay space that that's the "
    "then uh um vin hyphen".split()
)


class VinError(ValueError):
    """Not a usable VIN. The message can be said to the caller and holds no part of the VIN."""


def normalise_vin(text: str) -> str:
    """The 17 characters, from writing ("1HGBH41JXMN109186") or speech ("one, H as in Henry, …").

    I, O and Q are taken for the digits they are mistaken for. Raises `VinError`.
    """
    vin = _characters(text)
    if len(vin) != LENGTH:
        raise VinError(
            f"I got {len(vin)} characters; a VIN has {LENGTH}. Please read it again, slowly."
        )
    if vin[CHECK_POSITION] != check_digit(vin):
        raise VinError(
            "One of the characters does not fit: the VIN's own check digit says so. "
            "Please read it again, slowly."
        )
    return vin


def normalise_vin_tail(text: str) -> str:
    """The last six characters, from those or from the whole VIN. Raises `VinError`."""
    characters = _characters(text)
    if len(characters) not in {TAIL_LENGTH, LENGTH}:
        raise VinError(f"I need the last {TAIL_LENGTH} characters of the VIN.")
    return characters[-TAIL_LENGTH:]


def check_digit(vin: str) -> str:
    """The ninth character that the other sixteen demand: "0" to "9" or "X"."""
    total = sum(
        (_VALUES[character] if character in _VALUES else int(character)) * weight
        for character, weight in zip(vin, _WEIGHTS, strict=True)
        if weight
    )
    return "0123456789X"[total % 11]


def _characters(text: str) -> str:
    """Letters and digits only, upper case, look-alikes corrected."""
    compact = re.sub(r"[\s\-.,]", "", text)
    written = compact.isascii() and compact.isalnum() and not compact.isalpha()
    if written and len(compact) in {LENGTH, TAIL_LENGTH}:
        return compact.upper().translate(_LOOKALIKES)
    tokens = re.findall(r"[A-Za-z0-9']+", text.replace("x-ray", "xray").replace("X-ray", "xray"))
    words = [token.lower() for token in tokens]
    found = ""
    at = 0
    while at < len(words):
        piece, taken = _piece(words, tokens, at)
        found += piece
        at += taken
    return found.upper().translate(_LOOKALIKES)


def _piece(words: list[str], tokens: list[str], at: int) -> tuple[str, int]:
    """The characters that begin at a word, and how many words they take."""
    word = words[at]
    if word == "double" and words[at + 1 : at + 2] in (["u"], ["you"], ["yu"]):
        piece, taken = _as_in(words, at + 2, "W")
        return piece, taken + 1
    if word in {"double", "triple"} and at + 1 < len(words):
        piece, taken = _piece(words, tokens, at + 1)
        if len(piece) == 1:
            return piece * (2 if word == "double" else 3), taken + 1
    if (number := read_number(words, at)) is not None and word != "o":
        return number
    letter = _letter(word)
    if letter:
        return _as_in(words, at + 1, letter)
    if word in _FILLERS:
        return "", 1
    if any(character.isdigit() for character in word) or tokens[at].isupper() or len(word) <= 3:
        return word, 1
    raise VinError("A part of that was neither a letter nor a digit. Please spell the VIN.")


def _letter(word: str) -> str:
    if len(word) == 1 and word.isalpha():
        return word.upper()
    if word in _SOUNDS:
        return _SOUNDS[word]
    return word[0].upper() if word in _ALPHABETS else ""


def _as_in(words: list[str], at: int, letter: str) -> tuple[str, int]:
    """`letter`, unless it is followed by "as in Henry", "like Henry" or "for Henry": then the
    word's initial, because the word is what the caller wants to be understood by.

    Returns the letter and the words taken, counted from the letter itself.
    """
    for introduction in (["as", "in"], ["like"], ["for"], ["is", "in"]):
        end = at + len(introduction)
        if words[at:end] == introduction and end < len(words) and len(words[end]) > 1:
            return words[end][0].upper(), 1 + len(introduction) + 1
    return letter, 1
