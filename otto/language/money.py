"""Amounts of money as a person says them, however they are written. Sans-I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from num2words import num2words

from otto.language.numerals import LONGEST_NUMBER, cardinal, each_digit

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class _Currency:
    """The words for one and for several, of the whole and of its hundredth part."""

    one: str
    many: str
    small_one: str = "cent"
    small_many: str = "cents"


_CURRENCIES: Final = {
    "$": _Currency("dollar", "dollars"),
    "€": _Currency("euro", "euros"),
    "£": _Currency("pound", "pounds", "penny", "pence"),
    "¥": _Currency("yen", "yen"),
}
_CODES: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_SIGN: Final = r"[$€£¥]"
_CODE: Final = "|".join(_CODES)
_SCALES: Final = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
# 1,234.5 and 1.234,5; 1234.5; 12,50; and .50
_AMOUNT: Final = (
    r"(?:(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:\.[0-9]{3})+(?=,[0-9]{1,2}\b)|[0-9]+)"
    r"(?:\.(?P<part>[0-9]+)|,(?P<comma>[0-9]{1,2})(?![0-9]))?"
    r"|\.(?P<only>[0-9]{1,2})(?![0-9]))"
    r"(?:\s(?P<scale>thousand|million|billion)\b|(?P<short>[kKmMbB]|bn)\b)?"
)
BEFORE: Final = re.compile(
    rf"(?:\b(?:US|CA|AU|A|C)(?=\$))?(?:(?P<sign>{_SIGN})|\b(?P<code>{_CODE}))\s?{_AMOUNT}", re.ASCII
)
"""$5, US$5, USD 5."""
BEHIND: Final = re.compile(
    rf"(?<![\w.,$-]){_AMOUNT}\s?(?:(?P<sign>[€£¥])|(?P<code>{_CODE})\b)", re.ASCII
)
"""5 €, 5 USD."""
CENTS: Final = re.compile(r"(?P<cents>[0-9]{1,9})\s?¢")
RANGE: Final = re.compile(
    rf"(?P<sign>{_SIGN})\s?(?P<low>[0-9]{{1,6}})\s?[–—-]\s?(?=[0-9]{{1,6}}(?![\w,-]))"
)
"""$5-10: both are dollars."""
MINUS: Final = re.compile(rf"(?<![\w)])[-−](?={_SIGN})|(?P<sign>{_SIGN})[-−](?=[0-9.])")


def money(match: Match) -> str:
    """An amount with its currency: "one dollar and fifty cents"."""
    groups = match.groupdict()
    currency = _CURRENCIES[groups["sign"] or _CODES[groups["code"]]]
    whole = re.sub(r"[.,]", "", groups["whole"] or "0")
    part = groups["part"] or groups["comma"] or groups["only"] or ""
    scale = groups["scale"] or _SCALES.get((groups["short"] or "").lower())
    if scale or len(part) > 2:
        point = f" point {each_digit(part)}" if part else ""
        return f"{cardinal(whole)}{point}{f' {scale}' if scale else ''} {currency.many}"
    amount, small = int(whole[:LONGEST_NUMBER]), int(part.ljust(2, "0") or 0)
    said = f"{cardinal(str(amount))} {currency.one if amount == 1 else currency.many}"
    if not small:
        return said
    change = f"{num2words(small)} {currency.small_one if small == 1 else currency.small_many}"
    return change if amount == 0 else f"{said} and {change}"


def cents(match: Match) -> str:
    """5¢."""
    count = match["cents"]
    return f"{cardinal(count)} {'cent' if count == '1' else 'cents'}"


def span(match: Match) -> str:
    """The lower end of a range; the sign moves to its upper end."""
    return f"{cardinal(match['low'])} to {match['sign']}"


def minus(match: Match) -> str:
    """A sign before or behind the currency's."""
    return f"minus {match['sign'] or ''}"
