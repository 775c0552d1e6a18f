"""Letters that are spelled out: "S M Y T H", "double t", "B as in boy", "sierra mike". Pure."""

from __future__ import annotations

from otto.language.numbers import read_number

# Letters as a recogniser spells their sound.
SOUNDS = {
    "ay": "A", "bee": "B", "be": "B", "see": "C", "sea": "C", "dee": "D", "ee": "E", "ef": "F",
    "eff": "F", "gee": "G", "aitch": "H", "jay": "J", "kay": "K", "el": "L", "ell": "L",
    "em": "M", "en": "N", "pee": "P", "cue": "Q", "queue": "Q", "are": "R", "ar": "R", "ess": "S",
    "tee": "T", "tea": "T", "you": "U", "vee": "V", "ex": "X", "why": "Y", "wye": "Y", "zee": "Z",
    "zed": "Z",
}  # fmt: skip

# Spelling alphabets: NATO's, and the one American police and call centres use.
ALPHABETS = frozenset(
    "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike "
    "november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu "
    "adam boy charles david edward frank george henry ida john king lincoln mary nora ocean paul "
    "queen robert sam tom union william young zebra "
    "apple baker cat dog easy fox jack larry nancy peter roger sugar tiger uncle yellow".split()
)
BETWEEN = frozenset({"then", "capital", "letter", "hyphen", "dash", "apostrophe", "um", "uh"})
"""May stand between two letters of a word."""
LEAST_LETTERS = 2


def letter_of(word: str) -> str:
    """The letter, upper case, that a lower-case word says; "" when it says none."""
    if len(word) == 1 and word.isalpha():
        return word.upper()
    if word in SOUNDS:
        return SOUNDS[word]
    return word[0].upper() if word in ALPHABETS else ""


def as_in(words: list[str], at: int, letter: str) -> tuple[str, int]:
    """`letter`, unless it is followed by "as in Henry", "like Henry" or "for Henry": then the
    word's initial, because the word is what the caller wants to be understood by.

    Returns the letter and the words taken, counted from the letter itself.
    """
    for introduction in (["as", "in"], ["like"], ["for"], ["is", "in"]):
        end = at + len(introduction)
        is_name = end < len(words) and len(words[end]) > 1 and read_number(words, end) is None
        if words[at:end] == introduction and is_name:
            return words[end][0].upper(), 1 + len(introduction) + 1
    return letter, 1


def spelled_at(words: list[str], at: int) -> tuple[str, int] | None:
    """The letters that are spelled from `words[at]` on, upper case, and how many words that
    takes; None when it is a word, or fewer than two letters. Words in lower case."""
    letters, end, certain = "", at, 0
    is_alphabet = words[at] in ALPHABETS
    while end < len(words):
        word = words[end]
        if (word in ALPHABETS) is not is_alphabet and word not in BETWEEN:
            break  # "... L Y N Fox": a word of its own
        if word in BETWEEN and letters:
            end += 1
            continue
        times = 2 if word == "double" and end + 1 < len(words) else 1
        letter = letter_of(words[end + 1] if times == 2 else word)
        if not letter:
            break
        said, taken = as_in(words, end + times, letter)
        certain += taken > 1 or times == 2 or len(word) == 1
        letters += said * times
        end += taken + times - 1
    while end > at and words[end - 1] in BETWEEN:
        end -= 1
    is_spelled = len(letters) >= LEAST_LETTERS and (certain * 2 > len(letters) or len(letters) > 3)
    return (letters, end - at) if is_spelled else None
