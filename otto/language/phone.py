"""Telephone numbers, as the network writes them and as callers say them."""

from __future__ import annotations

import re

import phonenumbers

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


def parse_phone(text: str, region: str = "US") -> str:
    """The number in E.164, e.g. "+13125550142".

    Takes what the network sends ("+13125550142"), what people write ("(312) 555-0142") and what
    they say ("three one two, double five five, oh one four two"). Raises `PhoneError`.
    """
    digits = _digits(text)
    if not digits.strip("+"):
        raise PhoneError("I did not get a telephone number.")
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        raise PhoneError(_length_sentence(digits)) from None
    if not phonenumbers.is_valid_number(number):
        raise PhoneError(_length_sentence(digits))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


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
