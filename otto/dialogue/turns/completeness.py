"""What Otto's last question asks for, and whether what the caller said so far answers it whole.

Pure functions over text. The recogniser's pauses tell when somebody stopped *speaking*; these
tell whether they can have *finished*: "my number is three one two" has not, and neither has "on
Tuesday or". A verdict only changes how long a pause may be (see `taker.py`); no caller is
ever kept waiting for a word that does not come.
"""

from __future__ import annotations

import re
from enum import StrEnum

from otto.dialogue.turns.breaking_off import breaks_off
from otto.language.numbers import read_number
from otto.language.vehicles import read_vehicle
from otto.language.vin import characters_said


class Expected(StrEnum):
    """What Otto has asked for."""

    ANYTHING = "anything"
    WISH = "wish"
    """What the call is about: a greeting does not say it."""
    YES_NO = "yes_no"
    PHONE = "phone"
    DATE = "date"
    """A date of birth: month, day and year."""
    VIN = "vin"
    VIN_TAIL = "vin_tail"
    """The last six characters."""
    SPELLING = "spelling"
    VEHICLE = "vehicle"
    """Year, make and model."""

    @property
    def dictated(self) -> bool:
        """Whether people give it piece by piece, with pauses to read or to think."""
        return self not in _SAID_AT_ONCE


_SAID_AT_ONCE = frozenset({Expected.ANYTHING, Expected.WISH, Expected.YES_NO, Expected.VEHICLE})


class Verdict(StrEnum):
    """How finished a turn is, by its words alone."""

    COMPLETE = "complete"
    """It cannot sensibly go on: a whole telephone number, a plain yes."""
    PLAIN = "plain"
    """Nothing speaks for or against: the recogniser's pause decides."""
    UNFINISHED = "unfinished"
    """It breaks off: "and…", "on the…", "um"."""
    DICTATING = "dictating"
    """A part of a number, a date or a spelling: more comes after a pause."""


PHONE_DIGITS = 10
VIN_CHARACTERS = 17
VIN_TAIL_CHARACTERS = 6

_WORD = re.compile(r"[a-z0-9']+")
_TOKEN = re.compile(r"[a-z']+|[0-9]+")


def words_of(text: str) -> list[str]:
    """The words of `text`, lower case, hyphens dropped ("Mm-hmm" is one word)."""
    return _WORD.findall(text.lower().replace("-", ""))


# What was asked

_PROOF = re.compile(r"\b(?:date of birth|birth ?da(?:y|te)|were you born)\b")
_VIN_TAIL = re.compile(r"\blast (?:six|6)\b")
_VIN = re.compile(r"\b(?:vin|vehicle identification number)\b")
_PHONE = re.compile(r"\b(?:(?:phone|telephone|cell|mobile|callback) ?number|ten.digit|area code)\b")
_VEHICLE = re.compile(r"\bmake,? and model\b")
_WISH = re.compile(r"\b(?:can|may) i (?:help|do for)\b|\bwhat does your car need\b")
_SPELL = re.compile(r"\bspell\b")
_YES_NO = re.compile(
    r"^(?:(?:okay|ok|alright|all right|great|thanks|thank you|and|so|then|sorry|well)\W+)*"
    r"(?:is|are|am|was|were|do|does|did|shall|should|will|would|has|have"
    r"|(?:can|may|could) i (?:go|book|put|confirm|help|connect|do))\b"
    r"|\byes or no\b|\b(?:is that|that's|does that|does this|sound) (?:right|correct|work|good)\b"
    r"|\bpress (?:1|one) for yes\b|\banything else\b|\b(?:right|correct|okay)\?$"
)
_HAVE = re.compile(r"\b(?:do you (?:have|know|remember)|would you (?:tell|give|say|spell))\b")
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")


def expectation(said: str) -> Expected:
    """What `said`, Otto's words as the caller heard them, asks for."""
    sentences = [part.strip().lower() for part in _SENTENCE.findall(said) if part.strip()]
    questions = [part for part in sentences[-2:] if part.endswith("?") or _is_request(part)]
    if not questions:
        return Expected.ANYTHING
    asked = questions[-1]
    yes_or_no = bool(_YES_NO.search(asked)) and not re.search(r"\bor\b(?! no\b)", asked)
    if yes_or_no and not _HAVE.search(asked):
        return Expected.YES_NO
    for pattern, expected in (
        (_VEHICLE, Expected.VEHICLE),
        (_WISH, Expected.WISH),
        (_PROOF, Expected.DATE),
        (_VIN_TAIL, Expected.VIN_TAIL),
        (_VIN, Expected.VIN),
        (_SPELL, Expected.SPELLING),
        (_PHONE, Expected.PHONE),
    ):
        if pattern.search(asked):
            return expected
    return Expected.ANYTHING


def _is_request(sentence: str) -> bool:
    return bool(re.search(r"\b(?:please|tell me|give me|i need|say your|spell|press)\b", sentence))


# What was said

_MONTHS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
).split()
_ORDINALS = {
    word: str(number)
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth".split(),
        start=1,
    )
} | {"twentieth": "20", "thirtieth": "30"}
_YES_NO_WORDS = frozenset(
    "yes yeah yep yup no nope nah sure correct right okay ok absolutely definitely exactly please "
    "thanks thank you that's is fine good it great perfect do go ahead ma'am sir not really "
    "mhm uhhuh all".split()
)
_DECISIVE = frozenset(
    "yes yeah yep yup no nope nah sure correct right okay ok absolutely definitely exactly".split()
)
SHORT_ANSWER_WORDS = 4
_ANY_YEAR = 2099
"""No year said is in the future of this one."""

_NUMBER_CONTEXT = re.compile(r"\b(?:number|phone|cell|area code|vin|digits?|zip)\b")


def assess(text: str, expected: Expected) -> Verdict:
    """How finished the turn `text` is, as an answer to what was `expected`."""
    words = words_of(text)
    if not words:
        return Verdict.PLAIN
    if text.rstrip().endswith("?"):
        return Verdict.PLAIN  # a question of the caller's own
    if breaks_off(words, text, opening=expected is Expected.WISH):
        return Verdict.UNFINISHED
    if expected is Expected.YES_NO:
        return _judge_yes_no(words)
    if expected is Expected.VEHICLE and _lacks_year(text):
        return Verdict.UNFINISHED
    if expected.dictated:
        return _judge_dictation(text, expected)
    return _judge_number(text)


def is_dictation(text: str) -> bool:
    """Whether `text` is nothing but digits, letters and what people say between them."""
    tokens = _tokens(text)
    return bool(tokens) and all(
        read_number(tokens, at) is not None or len(word) == 1 or word in _ORDINALS
        for at, word in enumerate(tokens)
        if word not in {"dash", "and", "then", "hundred", "thousand"}
    )


def digits_of(text: str) -> str:
    """All digits in `text`, said or written: "double five, oh one" is "5501"."""
    tokens, digits, at = _tokens(text), "", 0
    while at < len(tokens):
        found = read_number(tokens, at)
        if found is None:
            digits += _ORDINALS.get(tokens[at], "")
            at += 1
        else:
            digits += found[0]
            at += found[1]
    return digits


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text.lower()))


def _judge_yes_no(words: list[str]) -> Verdict:
    is_short = len(words) <= SHORT_ANSWER_WORDS
    if is_short and words[0] in _DECISIVE and all(word in _YES_NO_WORDS for word in words):
        return Verdict.COMPLETE
    return Verdict.PLAIN


def _lacks_year(text: str) -> bool:
    """Whether a car was named, but not of which year: people say it behind a pause."""
    said = read_vehicle(text, _ANY_YEAR)
    return said.year is None and (said.make is not None or said.model is not None)


def _judge_dictation(text: str, expected: Expected) -> Verdict:
    match expected:
        case Expected.PHONE:
            return _judge_phone(digits_of(text))
        case Expected.DATE:
            return _judge_date(text)
        case Expected.VIN | Expected.VIN_TAIL:
            return _judge_vin(text, expected)
        case _:  # spelling: it ends when letters stop coming
            return _judge_spelling(_tokens(text))


def _judge_spelling(tokens: list[str]) -> Verdict:
    if len(tokens[-1]) != 1:
        return Verdict.PLAIN
    # Who says the name and then spells it has finished with its last letter.
    spelt = "".join(token for token in tokens if len(token) == 1)
    return Verdict.COMPLETE if spelt in tokens else Verdict.DICTATING


def _judge_phone(digits: str) -> Verdict:
    if not digits:
        return Verdict.PLAIN
    whole = PHONE_DIGITS + digits.startswith("1")
    if len(digits) == whole:
        return Verdict.COMPLETE
    return Verdict.DICTATING if len(digits) < whole else Verdict.PLAIN


def _judge_date(text: str) -> Verdict:
    if re.search(r"\b\d{1,2}[/-]\d{1,2}[/-](?:19|20)\d\d\b", text):
        return Verdict.COMPLETE
    tokens, digits = _tokens(text), digits_of(text)
    if not digits and not any(token in _MONTHS for token in tokens):
        return Verdict.PLAIN
    if tokens[-1] in {"thousand", "hundred"}:
        return Verdict.DICTATING  # "two thousand" may become "two thousand one"
    # Of "may" the month and "may" the verb, only the one with numbers around it counts.
    months = [at for at, token in enumerate(tokens) if token in _MONTHS]
    if (months and digits) or (len(tokens) == 1 and months):
        year = re.search(r"(?:19|20)\d\d$", digits)
        if year and len(digits) > len(year[0]):
            return Verdict.COMPLETE
        # "March 12, 84" is whole; "March 12, nineteen" is not.
        is_short_year = 3 <= len(digits) <= 4 and digits[-2:] not in {"19", "20"}
        return Verdict.PLAIN if is_short_year else Verdict.DICTATING
    if not digits:
        return Verdict.PLAIN
    if len(digits) >= 6 and re.fullmatch(r"\d{2,4}(?:19|20)\d\d", digits):
        return Verdict.COMPLETE if len(digits) == 8 else Verdict.PLAIN
    if _SIX_DIGITS.fullmatch(digits):
        return Verdict.PLAIN  # "oh three twelve eighty four"
    # "3 12 84": month, day and a year of two digits.
    groups = re.findall(r"\d+", " ".join(_spoken_numbers(tokens)))
    if len(groups) == 3 and len(groups[2]) == 2 and groups[2] not in {"19", "20"}:
        return Verdict.PLAIN
    return Verdict.DICTATING if len(digits) < 8 else Verdict.PLAIN


_SIX_DIGITS = re.compile(r"(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?!19|20)\d\d")
"""Month, day and a year of two digits; "19" and "20" may be the first half of one of four."""


def _spoken_numbers(tokens: list[str]) -> list[str]:
    found, at = [], 0
    while at < len(tokens):
        number = read_number(tokens, at)
        found += [number[0]] if number else []
        at += number[1] if number else 1
    return found


def _judge_vin(text: str, expected: Expected) -> Verdict:
    count = characters_said(text)
    if not count:
        return Verdict.PLAIN
    if count == VIN_CHARACTERS or (expected is Expected.VIN_TAIL and count == VIN_TAIL_CHARACTERS):
        return Verdict.COMPLETE
    return Verdict.DICTATING if count < VIN_CHARACTERS else Verdict.PLAIN


def _judge_number(text: str) -> Verdict:
    """A telephone number or a VIN that nobody asked for, being read out."""
    tokens = _tokens(text)
    run, singles = "", 0
    for at in range(len(tokens) - 1, -1, -1):
        found = read_number(tokens, at)
        if found is None:
            break
        run = found[0] + run
        singles += len(found[0]) == 1
    is_read_out = singles >= 3 or (len(run) >= 3 and bool(_NUMBER_CONTEXT.search(text.lower())))
    return Verdict.DICTATING if is_read_out and len(run) < PHONE_DIGITS else Verdict.PLAIN
