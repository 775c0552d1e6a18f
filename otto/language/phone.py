"""Telephone numbers, as the network writes them and as callers say them."""

from __future__ import annotations

import re

from config.phone_numbers import DEFAULT_REGION, callable_number, phone_number
from otto.language.numbers import DIGITS, HOMOPHONES, TEENS, read_number

FULL_LENGTH = 10
"""Digits of a North American number with its area code."""
LOCAL_LENGTH = 7
"""Without it."""

_WITHIN = frozenset(
    "a an and area code dash hyphen dot point number oh space that the then uh uhm "
    "um well i is it's so okay plus".split()
)
"""Words that a number may be dictated through; any other ends it."""
_EXTENSION = frozenset({"extension", "ext", "x"})
_CORRECTION = frozenset(
    {"no", "sorry", "correction", "wait", "actually", "scratch", "mean", "meant"}
)
_WHEN = re.compile(
    rf"\b(?:after|before|until|till|around|at) (?:[0-9]{{1,2}}|{'|'.join((*DIGITS, *TEENS))})"
    r"(?: (?:thirty|fifteen|[ap]m|o'clock|today|tonight|tomorrow|in the \w+))*(?=[.,;!]|$)"
)
"""When to call there: "... 0142, after five"."""
_CALLING = re.compile(
    r"\b(?:calling (?:you )?from|calling on|this (?:number|phone|line|one|same number)"
    r"|same (?:number|one)"
    r"|(?:the )?(?:number|one) (?:that )?(?:i'm|i am|you see|on your (?:screen|caller id)|showing)"
    r"|caller id|number i called (?:from|on))\b"
)


class PhoneError(ValueError):
    """Not a usable telephone number. The message can be said to the caller and holds no digits
    of the number."""


WITHHELD_WORDS = (
    "anonymous",
    "blocked",
    "confidential",
    "hidden",
    "nocallerid",
    "notavailable",
    "outofarea",
    "payphone",
    "private",
    "privatenumber",
    "restricted",
    "unavailable",
    "undisclosed",
    "unidentified",
    "unknown",
    "withheld",
)
"""What stands in place of a number that is withheld or unknown. Gateways that pass only digits
spell it on a telephone's keypad, behind a + or +1: "+266696687" is ANONYMOUS.
https://help.twilio.com/articles/223179988"""

_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_SPELT = frozenset(word.translate(_KEYS) for word in WITHHELD_WORDS)
_SENT = re.compile(r"\+?[0-9]{1,15}")


def caller_number(sent: str) -> str | None:
    """The E.164 number at which a person can call back whom the network announces as `sent`.

    None when there is no such number: withheld ("anonymous", "+266696687"), empty, a SIP address,
    an app's client, an extension, a short code, a number that does not exist, or one that costs
    whoever calls it. RESTRICTED is also a number of Austin, Texas (+1 737 874 2833): whoever has
    it is taken to be withheld, and can still say it.
    """
    sent = sent.strip()
    if not _SENT.fullmatch(sent):
        return None
    digits = sent.removeprefix("+")
    if digits in _SPELT or digits.removeprefix("1") in _SPELT:
        return None
    return callable_number(sent)


def parse_phone(text: str, region: str = DEFAULT_REGION) -> str:
    """The number in E.164, e.g. "+13125550142".

    Takes what the network sends ("+13125550142"), what people write ("(312) 555-0142") and what
    they say ("my cell is three one two, double five five, oh one four two, thank you"). Words
    around the number do no harm; digits that do not belong to it do, for then nobody knows which
    are meant. Raises `PhoneError`, also for a number that costs whoever calls it.
    """
    runs = _runs(text)
    runs = [half for run in runs for half in _halves(run, region)]
    if len(runs) > 1 and not any(phone_number(run, region) for run in runs):
        runs = ["".join(runs)]  # dictated with a remark in between
    numbers = {found.e164: found for run in runs if (found := phone_number(run, region))}
    if len(numbers) > 1:
        raise PhoneError("I got more than one number. Which one shall I take?")
    spare = [run for run in runs if phone_number(run, region) is None]
    if len(numbers) == 1 and not spare:
        (number,) = numbers.values()
        if not number.is_callable:
            raise PhoneError("I cannot use that kind of number. Please give me an ordinary one.")
        return number.e164
    if any(char.isdigit() and char.isascii() for run in runs for char in run):
        raise PhoneError(_length_sentence("".join(runs)))
    if any(char.isalpha() for char in text):
        raise PhoneError("I did not get that as a telephone number. Please say it in digits.")
    raise PhoneError("I did not get a telephone number.")


def said_number(said: str | None, calling: str) -> str | None:
    """The number a caller gives, where they may mean the one they call from ("this number"). None
    when that one cannot be called. Raises `PhoneError`."""
    if not said or (not re.search(r"[0-9]{3}", said) and is_calling_number(said)):
        return caller_number(calling)
    return parse_phone(said)


def is_calling_number(text: str) -> bool:
    """Whether the caller means the number that they call from."""
    return _CALLING.search(text.lower().replace("\u2019", "'")) is not None


def _length_sentence(digits: str) -> str:
    plain = digits.removeprefix("+").removeprefix("1")
    if digits.startswith("+") and not digits.startswith("+1"):
        return "That is not a telephone number that exists. Please say it again."
    if len(plain) == FULL_LENGTH:
        return "There is no such area code or number. Please say the number again."
    return (
        f"I got {len(plain)} digits; a full number has {FULL_LENGTH}, with the area code. "
        "Please say it again, slowly."
    )


def _runs(text: str) -> list[str]:
    """The digits that were said without other words between them, each run with a leading + where
    one was said. An extension is left out; a correction ("... 0143, no, 0142") is carried out."""
    # NFKC would do more; here only full digits count, so anything else separates words.
    plain = _WHEN.sub(" ", text.lower().replace("\u2019", "'"))
    words = re.findall(r"[a-z']+|[0-9]+|\+", plain)
    runs = [""]
    at = 0
    while at < len(words):
        word = words[at]
        run = runs[-1]
        if word in _EXTENSION and run:
            _, at = _digits_behind(words, at + 1)
            runs.append("")
            continue
        if word == "area" and len(run) == LOCAL_LENGTH:
            area, at = _digits_behind(words, at + 2)  # "555 0142, area code 312"
            runs[-1] = area + run
            continue
        if word in {"+", "plus"} and not run:
            runs[-1] = "+"
        elif (found := _digits_at(words, at, bool(run.strip("+")))) is not None:
            runs[-1] += found[0]
            at += found[1]
            continue
        elif word in _CORRECTION and run.strip("+"):
            corrected, at = _corrected(words, at, run)
            runs[-1] = corrected
            continue
        elif word not in _WITHIN:
            runs.append("")
        at += 1
    return [run for run in runs if run.strip("+")]


def _halves(run: str, region: str) -> list[str]:
    """Two numbers that were said in one breath, or the run as it is."""
    if len(run) == 2 * FULL_LENGTH:
        halves = [run[:FULL_LENGTH], run[FULL_LENGTH:]]
        if all(phone_number(half, region) for half in halves):
            return halves
    return [run]


def _digits_at(words: list[str], at: int, is_within: bool) -> tuple[str, int] | None:
    word = words[at]
    if is_within and word in HOMOPHONES and at + 1 < len(words):
        # "three one too five": a digit stands on both sides of it.
        return (HOMOPHONES[word], 1) if read_number(words, at + 1) else None
    if not is_within and word in HOMOPHONES and word not in {"to", "too", "for", "free"}:
        ahead = read_number(words, at + 1) if at + 1 < len(words) else None
        return (HOMOPHONES[word], 1) if ahead else None
    following = words[at + 1] if at + 1 < len(words) else ""
    if word in {"oh", "o", "one"} and not is_within:
        # "Oh, it's ...", "that is the one".
        is_digit = following in _WITHIN | _EXTENSION or (following and read_number(words, at + 1))
        return read_number(words, at) if is_digit else None
    return read_number(words, at)


def _digits_behind(words: list[str], at: int) -> tuple[str, int]:
    """The digits from there on, and where they end."""
    digits = ""
    while at < len(words) and (found := read_number(words, at)):
        digits += found[0]
        at += found[1]
    return digits, at


def _corrected(words: list[str], at: int, run: str) -> tuple[str, int]:
    """The run with its last digits replaced by those behind "no", if some come; and where it goes
    on. All over again when they are as many as a whole number."""
    while at < len(words) and words[at] in _CORRECTION | _WITHIN | {"i", "meant", "mean", "make"}:
        at += 1
    digits, at = _digits_behind(words, at)
    if not digits:
        return run, at
    kept = "" if len(digits) >= FULL_LENGTH else run[: -len(digits)]
    return kept + digits, at
