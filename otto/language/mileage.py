"""Miles on the odometer, as they are said: "forty five thousand", "about 120k". Pure."""

from __future__ import annotations

import re

from otto.language.numbers import DIGITS, TEENS, TENS

_UNITS = {word: int(digit) for word, digit in DIGITS.items() if word not in {"o", "oh"}}
_TEENS = {word: int(number) for word, number in TEENS.items()}
_TENS = {word: int(digit) * 10 for word, digit in TENS.items()}


def read_mileage(text: str) -> int | None:
    """The number of miles in `text`; None when there is none, or more than one.

    "forty five thousand two hundred" is 45,200, "45k" 45,000, "forty five two" is not guessed.
    """
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower())
    plain = re.sub(r"\b(?:a|one) (?=hundred|thousand)", "1 ", plain).replace("-", " ")
    plain = re.sub(r"(\d+(?:\.\d)?) ?k\b", r"\1 thousand", plain)
    runs: list[list[str]] = [[]]
    for word in re.findall(r"\d+(?:\.\d)?|[a-z]+", plain):
        if _is_number(word) or (word == "and" and runs[-1]):
            runs[-1].append(word)
        elif runs[-1]:
            runs.append([])
    found = {value for run in runs if run and (value := _value(run)) is not None}
    unread = any(_value(run) is None for run in runs if any(map(_is_number, run)))
    return found.pop() if len(found) == 1 and not unread else None


def _is_number(word: str) -> bool:
    return (
        word.replace(".", "").isdecimal()
        or word in {"hundred", "thousand"}
        or word in _UNITS
        or word in _TEENS
        or word in _TENS
    )


def _value(run: list[str]) -> int | None:
    """The number that the words make together, or None when they make several."""
    total, group, last = 0.0, 0.0, 10_000_000.0
    for word in run:
        if word == "and":
            continue
        if word == "thousand":
            if not 0 < group < 1000 or total:
                return None
            total, group, last = group * 1000, 0, 1000
        elif word == "hundred":
            if not 0 < group < 100 or group != int(group):
                return None
            group, last = group * 100, 100
        else:
            size = _size(word)
            value = float(word) if word[0].isdecimal() else float(_word_value(word))
            if size >= last:
                return None  # "forty five two"
            group, last = group + value, 10.0 if word in _TENS else 1.0
    return int(total + group) if total + group > 0 else None


def _size(word: str) -> float:
    """The place a number takes: units and teens 1 or 10, tens 10, written ones all of theirs."""
    if word[0].isdecimal():
        return float(10 ** (len(word.split(".")[0]) - 1)) if float(word) else 1.0
    return 10.0 if word in _TENS or word in _TEENS else 1.0


def _word_value(word: str) -> int:
    return _UNITS.get(word) or _TEENS.get(word) or _TENS.get(word) or 0
