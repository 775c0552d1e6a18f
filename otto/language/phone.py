"""Telephone numbers, as the network writes them and as callers say them."""

from __future__ import annotations

import re

from config.phone_numbers import DEFAULT_REGION, callable_number, phone_number
from otto.language.numbers import read_number

FULL_LENGTH = 10
"""Digits of a North American number with its area code."""

_FILLERS = frozenset(
    "a and area at call can code cell home is it it's its me mobile my no number okay on or phone "
    "please reach s so sure telephone that that's the then uh uhm um well yeah yes you".split()
)
_EXTENSION = frozenset({"extension", "ext", "x"})


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
    they say ("three one two, double five five, oh one four two"). Raises `PhoneError`, also for a
    number that costs whoever calls it.
    """
    digits = _digits(text)
    if not digits.strip("+"):
        raise PhoneError("I did not get a telephone number.")
    number = phone_number(digits, region)
    if number is None:
        raise PhoneError(_length_sentence(digits))
    if not number.is_callable:
        raise PhoneError("I cannot use that kind of number. Please give me an ordinary one.")
    return number.e164


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


def _digits(text: str) -> str:
    """Only the digits, with a leading + where one was written or said."""
    # NFKC would do more; here only full digits count, so anything else separates words.
    words = re.findall(r"[a-z']+|[0-9]+|\+", text.lower())
    plus = ""
    digits = ""
    at = 0
    while at < len(words):
        word = words[at]
        if word in {"+", "plus"} and not digits:
            plus = "+"
        elif word in _EXTENSION and digits:
            break
        elif (found := read_number(words, at)) is not None:
            digits += found[0]
            at += found[1]
            continue
        elif word not in _FILLERS:
            raise PhoneError("I did not get that as a telephone number. Please say it in digits.")
        at += 1
    return plus + digits
