"""Vehicle identification numbers, written or read out over the telephone.

A VIN has 17 characters, never I, O or Q (they look like 1 and 0), and its ninth is a check digit:
49 CFR 565.15, binding for every vehicle sold in the United States since model year 1981. It
catches any one wrong digit and most wrong letters (A, J and 1 count the same), which is why it is
always asked for here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from otto.language.numbers import DIGITS, HOMOPHONES, read_number
from otto.language.spelling import ALPHABETS, as_in, letter_of

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

_FILLERS = frozenset(
    "and capital character dash digit is it it's its letter lower upper case my number okay space "
    "that that's the then this uh um vin hyphen so please next be thank thanks sir".split()
)
"""May stand anywhere among the characters."""
_REMARKS = re.compile(
    r"\b(?:(?:the )?last (?:six|6|eight|8)(?: (?:characters?|digits?|numbers?|letters?))?"
    r"(?: (?:of|in|on) (?:the|my|that) (?:vin|car|number))*(?: (?:number|are|is))*"
    r"|(?:one|just a|give me a) (?:sec|second|moment|minute)|vin number|serial number"
    r"|let me (?:see|read it(?: to you)?|get it|look)|(?:i think )?it (?:starts|begins|ends) with"
    r"|here (?:it is|you go|we go)|for you|to you|i have (?:it )?(?:here|right here))\b"
)
_CORRECTIONS = frozenset({"no", "sorry", "correction", "wait", "mean", "meant"})
MOST_READINGS = 400
"""How many ways of reading what was said are followed; speech has a handful."""


class VinError(ValueError):
    """Not a usable VIN. The message can be said to the caller and holds no part of the VIN."""


def normalise_vin(text: str) -> str:
    """The 17 characters, from writing ("1HGBH41JXMN109186") or speech ("one, H as in Henry, …").

    I, O and Q are taken for the digits they are mistaken for. What can be read in more than one
    way ("for", "one hundred nine") is read as the check digit has it. Raises `VinError`.
    """
    readings = _readings(text)
    whole = [reading for reading in readings if len(reading) == LENGTH]
    fitting = [vin for vin in whole if vin[CHECK_POSITION] == check_digit(vin)]
    if len(fitting) == 1 or fitting[:1] == readings[:1]:
        return fitting[0]
    if whole:
        raise VinError(
            "One of the characters does not fit: the VIN's own check digit says so. "
            "Please read it again, slowly."
        )
    raise VinError(
        f"I got {len(readings[0])} characters; a VIN has {LENGTH}. Please read it again, slowly."
    )


def normalise_vin_tail(text: str) -> str:
    """The last six characters, from those or from the whole VIN. Raises `VinError`."""
    tails = {
        reading[-TAIL_LENGTH:]
        for reading in _readings(text)
        if len(reading) in {TAIL_LENGTH, LENGTH}
    }
    if len(tails) != 1:
        raise VinError(f"I need the last {TAIL_LENGTH} characters of the VIN.")
    return tails.pop()


def characters_said(text: str) -> int:
    """How many characters have been said so far; 0 when most of it is something else."""
    tokens = re.findall(r"[A-Za-z0-9']+", re.sub(r"\b[Xx][- ]ray\b", "xray", text))
    words = [token.lower() for token in tokens]
    count = others = at = 0
    while at < len(words):
        is_written = any(char.isdigit() for char in tokens[at]) or tokens[at].isupper()
        is_character = len(words[at]) == 1 or words[at] in ALPHABETS or is_written
        if (number := read_number(words, at)) is not None or is_character:
            piece = number or _piece(words, tokens, at) or ("", 1)
            count += len(piece[0])
            at += piece[1]
        else:
            others += words[at] not in _FILLERS
            at += 1
    return count if count >= others else 0


def check_digit(vin: str) -> str:
    """The ninth character that the other sixteen demand: "0" to "9" or "X"."""
    total = sum(
        (_VALUES[character] if character in _VALUES else int(character)) * weight
        for character, weight in zip(vin, _WEIGHTS, strict=True)
        if weight
    )
    return "0123456789X"[total % 11]


def _readings(text: str) -> list[str]:
    """Every way to read the characters, upper case, look-alikes corrected; the most natural way
    first. Raises `VinError` when there is none."""
    compact = re.sub(r"[\s\-.,]", "", text)
    written = compact.isascii() and compact.isalnum() and not compact.isalpha()
    is_word = re.search(r"[A-Za-z]{4}", text.replace(compact, "")) is not None
    if written and len(compact) in {LENGTH, TAIL_LENGTH} and not is_word:
        return [compact.upper().translate(_LOOKALIKES)]
    plain = re.sub(r"\b[Xx][- ]ray\b", "xray", text)
    tokens = re.findall(r"[A-Za-z0-9']+", plain)
    remarks = _REMARKS.sub(" ", " ".join(token.lower() for token in tokens))
    words = remarks.split()
    if len(words) == len(tokens):
        cases = tokens
    else:
        # A remark was left out; what is upper case is a token of its own all the same.
        upper = {token.lower() for token in tokens if token.isupper()}
        cases = [word.upper() if word in upper else word for word in words]
    # By the position in the words: what may have been said until there.
    reached: list[dict[str, None]] = [{} for _ in range(len(words) + 1)]
    reached[0][""] = None
    for at in range(len(words)):
        for so_far in list(reached[at])[:MOST_READINGS]:
            for reading, taken in _options(words, cases, at, so_far):
                if len(reading) <= LENGTH + 3:
                    reached[at + taken][reading] = None
    found = [reading.upper().translate(_LOOKALIKES) for reading in reached[-1]]
    if not found or (words and not any(found)):
        raise VinError("A part of that was neither a letter nor a digit. Please spell the VIN.")
    return list(dict.fromkeys(found))


def _options(
    words: list[str], tokens: list[str], at: int, so_far: str
) -> Iterator[tuple[str, int]]:
    """What the characters may be behind the word at `at`, and how many words that takes."""
    word = words[at]
    if word in _CORRECTIONS and so_far:
        if at + 1 < len(words) and (corrected := _piece(words, tokens, at + 1)):
            yield so_far[: -len(corrected[0])] + corrected[0], corrected[1] + 1
        yield so_far, 1
        return
    if piece := _piece(words, tokens, at):
        yield so_far + piece[0], piece[1]
    if words[at + 1 : at + 2] == ["hundred"] and (hundreds := DIGITS.get(word)):
        unit = DIGITS.get(words[at + 2], "") if at + 2 < len(words) else ""
        if unit:
            yield so_far + hundreds + "0" + unit, 3
    if word in HOMOPHONES and so_far:
        yield so_far + HOMOPHONES[word], 1
    elif word in HOMOPHONES and word not in {"to", "too", "for", "free"}:
        yield HOMOPHONES[word], 1
    is_before = not so_far and len(word) > 1 and word.replace("'", "").isalpha()
    is_behind = len(so_far) >= TAIL_LENGTH and not any(
        len(later) == 1 or later in DIGITS or later.isdecimal() for later in words[at:]
    )
    if word in _FILLERS or word in {"a", "i", "i'm"} or is_before or is_behind:
        yield so_far, 1


def _piece(words: list[str], tokens: list[str], at: int) -> tuple[str, int] | None:
    """The characters that a word, or some, most naturally are; None when they are none."""
    word = words[at]
    if word == "double" and words[at + 1 : at + 2] in (["u"], ["you"], ["yu"]):
        piece, taken = as_in(words, at + 2, "W")
        return piece, taken + 1
    if word in {"double", "triple"} and at + 1 < len(words):
        repeated = _piece(words, tokens, at + 1)
        if repeated is not None and len(repeated[0]) == 1:
            return repeated[0] * (2 if word == "double" else 3), repeated[1] + 1
    if (number := read_number(words, at)) is not None and word != "o":
        return number
    letter = letter_of(word)
    if letter:
        return as_in(words, at + 1, letter)
    if word in _FILLERS:
        return None
    is_written = any(char.isdigit() for char in word) or tokens[at].isupper() or len(word) <= 3
    return (word, 1) if is_written and word.isalnum() else None
