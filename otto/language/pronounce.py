"""Written text as a person says it: what the voice is given instead of digits and signs.

A voice left to itself says "three four five oh six" for a price and drops the pause in a
telephone number. The rules run from the most specific shape (a telephone number, a VIN) to the
least (any digit left), each one regular expression and one function; the order is the table
`_RULES` at the end. The result has no ASCII digit left, so a second pass changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from num2words import num2words

from otto.language import money
from otto.language.languages import Language
from otto.language.numerals import LONGEST_NUMBER, cardinal, digits, each_digit

Match = re.Match[str]

_MONTHS: Final = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip
_MONTH: Final = (
    r"(?:Jan(?:uary|\.)|Feb(?:ruary|\.)|Mar(?:ch|\.)|Apr(?:il|\.)|May|June?\b\.?|July?\b\.?"
    r"|Aug(?:ust|\.)|Sept?(?:ember|\.)|Oct(?:ober|\.)|Nov(?:ember|\.)|Dec(?:ember|\.))"
)
_STREETS: Final = {
    "st": "Street",
    "ave": "Avenue",
    "rd": "Road",
    "blvd": "Boulevard",
    "dr": "Drive",
    "ln": "Lane",
    "hwy": "Highway",
    "pkwy": "Parkway",
    "ct": "Court",
    "pl": "Place",
    "sq": "Square",
    "ste": "Suite",
}
_STREET_KIND: Final = (
    r"(?:St|Ave|Rd|Blvd|Dr|Ln|Hwy|Pkwy|Ct|Pl|Sq|Street|Avenue|Road|Boulevard|Drive|Lane|Highway"
    r"|Parkway|Court|Place|Square|Way|Terrace|Circle)"
)
_STATES: Final = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa",
    "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland",
    "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina",
    "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania",
    "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee",
    "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip
_UNITS: Final = {
    "min": "minutes",
    "mins": "minutes",
    "hr": "hours",
    "hrs": "hours",
    "mi": "miles",
    "lbs": "pounds",
    "mph": "miles an hour",
    "mpg": "miles a gallon",
}
_COUNTED: Final = r"(?:miles?|dollars?|minutes?|hours?|days?|points?|pounds?|RPM|cc|customers?)\b"
_FRACTIONS: Final = {"1/2": "one half", "1/4": "one quarter", "3/4": "three quarters"}
_DASHES: Final = re.compile(r"(?<=[0-9)])[\u2010-\u2015\u2212\ufe58\ufe63](?=[0-9(])")
"""Between digits they are the hyphens of a telephone number, which models like to typeset."""
_PLAIN: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    (0xAD, 0x200B, 0x2060, 0xFEFF)
)
"""Letters, digits and signs of double width as they are meant, and marks without a width."""
_GAP: Final = r"(?:\s?[-./·•‧∙‐-―−]\s?|\s)?"
"""What stands between the groups of a telephone number."""


def to_spoken(text: str, language: Language = Language.ENGLISH) -> str:
    """`text` with numbers, times, prices, dates, telephone numbers, codes said in words.

    "$79.95 at 9:00 AM" becomes "seventy-nine dollars and ninety-five cents at nine A M".
    In another language than English nothing is replaced: its voice reads figures by itself.
    Never raises; no ASCII digit is left; a text without digits and signs comes back as it is,
    whitespace collapsed.
    """
    text = _DASHES.sub("-", " ".join(text.translate(_PLAIN).split()))
    if language is not Language.ENGLISH:
        return text
    for pattern, replace in _RULES:
        text = pattern.sub(replace, text)
    return " ".join(text.split())


def _ordinal(text: str) -> str:
    return digits(text) if len(text) > LONGEST_NUMBER else _plain(num2words(int(text), True))


def _plain(words: str) -> str:
    return words.replace(",", "")


def _year(text: str) -> str:
    """2019 is "twenty nineteen", 2005 "two thousand five", 1998 "nineteen ninety-eight"."""
    century, rest = int(text[:2]), int(text[2:])
    if text[2] == "0" and century % 10 == 0:
        return cardinal(text).replace(" and ", " ")
    if rest == 0:
        return f"{num2words(century)} hundred"
    return f"{num2words(century)} {'oh ' if rest < 10 else ''}{num2words(rest)}"


def _code(text: str) -> str:
    """Letters and digits one by one, in groups of four with a pause between."""
    kept = [char for char in text if char.isalnum()]
    groups = ["".join(kept[at : at + 4]) for at in range(0, len(kept), 4)]
    return ", ".join(" ".join(map(_spelled, re.findall(r"[0-9]+|\D", group))) for group in groups)


def _spelled(part: str) -> str:
    return digits(part) if part.isdecimal() else part


def _phone(match: Match) -> str:
    number = re.sub(r"\D", "", match.group())
    country, number = (number[:-10], number[-10:]) if len(number) > 10 else ("", number)
    groups = [country] if country else []
    groups += [number[:-7]] if number[:-7] else []
    groups += [number[-7:-4], number[-4:]]
    return ", ".join(map(digits, groups))


def _foreign_phone(match: Match) -> str:
    """Another country's number, in the groups in which it is written."""
    return ", ".join(map(digits, re.findall(r"[0-9]+", match.group())))


def _dotted(match: Match) -> str:
    """An address for letters, or the name of a site without its pages."""
    words = {".": " dot ", "@": " at ", "-": " dash ", "_": " underscore ", "+": " plus "}
    return "".join(words.get(char, char) for char in match["address"])


def _house(number: str) -> str:
    """A house number: 512 is "five twelve", 4821 "forty-eight twenty-one"."""
    if len(number) not in (3, 4) or number.startswith("0"):
        return digits(number) if len(number) > 4 else cardinal(number)
    head, tail = int(number[:-2]), int(number[-2:])
    if tail == 0:
        return f"{num2words(head)} hundred" if head % 10 else cardinal(number)
    return f"{num2words(head)} {'oh ' if tail < 10 else ''}{num2words(tail)}"


def _address(match: Match) -> str:
    number, name, kind = match["number"], match["name"], match["kind"]
    return f"{_house(number)} {name} {_STREETS.get(kind.lower(), kind)}"


def _clock(match: Match) -> str:
    hour, minute = int(match["hour"]), match["minute"] or "00"
    half = (match["half"] or "").upper()
    if not half and (hour > 12 or hour == 0):
        half = "P" if hour >= 12 else "A"
    if hour > 12 or hour == 0:
        hour = abs(hour - 12)
    if minute == "00":
        past = "" if half else " o'clock"
    else:
        past = f" oh {num2words(int(minute))}" if minute[0] == "0" else f" {cardinal(minute)}"
    said = f"{num2words(hour)}{past}" + (f" {half} M" if half else "")
    # "at 9 a.m. Shall I" loses its full stop to the abbreviation: give it back.
    ends = match.group().endswith(".") and re.match(r"\s*$|\s+[A-Z]", match.string[match.end() :])
    return said + "." if ends else said


def _date(month: int, day: str, year: str | None) -> str:
    said = f"{_MONTHS[month - 1]} {num2words(int(day), True)}"
    return f"{said}, {_year(year)}" if year else said


def _iso_date(match: Match) -> str:
    return _date(int(match["month"]), match["day"], match["year"])


def _slash_date(match: Match) -> str:
    if match.group() in _FRACTIONS:
        return _FRACTIONS[match.group()]
    year = match["year"]
    return _date(
        int(match["month"]), match["day"], f"20{year}" if year and len(year) == 2 else year
    )


def _named_date(match: Match) -> str:
    month = next(number for number, name in enumerate(_MONTHS, 1) if name[:3] == match["month"][:3])
    return _date(month, match["day"], match["year"])


def _model_name(match: Match) -> str:
    """ "F-150" is "F one fifty", "RAV4" "RAV four", "CX-5" "CX five"."""
    letters, number = match["letters"], match["number"]
    return f"{letters} {_house(number) if len(number) == 3 else cardinal(number)}"


def _decimal(match: Match) -> str:
    whole, part = match.group().split(".")
    return f"{cardinal(whole)} point {each_digit(part)}"


def _number(match: Match) -> str:
    text = match.group()
    if len(text) >= 5 and "," not in text and not text.endswith("000"):
        return digits(text)
    return cardinal(text)


def _keep_apart(said: str, match: Match) -> str:
    """`said` with a space where a letter would otherwise stick to it ("5W" or "B12")."""
    text, start, end = match.string, match.start(), match.end()
    before = " " if start and text[start - 1].isalnum() else ""
    after = " " if end < len(text) and text[end].isalnum() else ""
    return f"{before}{said}{after}"


def _rule(pattern: str, replace: Callable[[Match], str], flags: int = 0) -> _Rule:
    return re.compile(pattern, flags | re.ASCII), replace


_Rule = tuple[re.Pattern[str], Callable[[Match], str]]
_I: Final = re.IGNORECASE
_EDGE: Final = r"(?<![\w.,$-])"
"""What a number is written after when it is not part of something longer."""
_DAY: Final = r"(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR: Final = r"(?:19|20)[0-9]{2}"

_RULES: Final[tuple[_Rule, ...]] = (
    # Addresses, before their signs are taken for others: service@ottos.com, ottos.com/book.
    _rule(r"\b(?P<address>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)", _dotted),
    _rule(
        r"\b(?P<address>(?:[a-z0-9][a-z0-9-]*\.)+(?:com|org|net|io|co|us|info|biz|edu|gov|example))"
        r"(?![a-z-])(?!\.[a-z])(?:/[\w./?=&%#~+-]*(?<![.?]))?",
        _dotted,
        _I,
    ),
    # Signs, those of written lists and emphasis first of all: a voice would read them out.
    _rule(r"\s?&\s?", lambda m: " and "),
    _rule(r"[*`_]+", lambda m: " "),
    _rule(r"#+\s?(?=[0-9])", lambda m: "number "),
    _rule(r"#+", lambda m: " "),
    _rule(r"^(?:\s*[-•]\s+)+", lambda m: " "),
    # A telephone number: +1 (815) 555-0123, 815-555-0123, 8155550123, 555-0123.
    _rule(
        rf"(?<![\w$.-])(?:\+?1{_GAP})?(?:\([0-9]{{3}}\){_GAP}|[0-9]{{3}}{_GAP})"
        rf"[0-9]{{3}}{_GAP}[0-9]{{4}}(?!\w)"
        r"|\+1?[0-9]{10,14}\b|(?<![\w$.-])[0-9]{3}-[0-9]{4}(?!\w)",
        _phone,
    ),
    _rule(rf"\+[0-9]{{1,3}}(?:{_GAP}\(?[0-9]{{1,6}}\)?){{2,6}}(?!\w)", _foreign_phone),
    _rule(r"\bext\.?\s?(?=[0-9])", lambda m: "extension ", _I),
    # A VIN, then any code that mixes capitals and digits, such as a confirmation.
    _rule(r"\b(?=\w*[0-9])[A-HJ-NPR-Z0-9]{17}\b", lambda m: _code(m.group())),
    _rule(
        r"\b(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])(?![A-Z]{2,4}[0-9]\b)(?![0-9]+(?:AM|PM)\b)"
        r"[A-Z0-9]{4,}\b",
        lambda m: _code(m.group()),
    ),
    _rule(
        r"(?P<lead>\b(?:ending in|last (?:four|six)(?: digits)?(?: are| is)?|zip(?: code)?)\s+)"
        r"(?P<number>[0-9]{3,})\b",
        lambda m: m["lead"] + digits(m["number"]),
        _I,
    ),
    # Dates before times and numbers: 2026-11-24, 11/24/2026, Nov. 24th, 2026.
    _rule(rf"\b(?P<year>{_YEAR})-(?P<month>0[1-9]|1[0-2])-(?P<day>{_DAY})\b", _iso_date),
    _rule(
        rf"(?<![\w/.$-])(?P<month>0?[1-9]|1[0-2])/(?P<day>{_DAY})"
        rf"(?:/(?P<year>{_YEAR}|[0-9]{{2}}))?(?![\w/]|\.[0-9])",
        _slash_date,
    ),
    _rule(
        rf"\b(?P<month>{_MONTH})\s+(?P<day>{_DAY})(?:st|nd|rd|th)?\b(?![:.][0-9])"
        rf"(?:,?\s+(?P<year>{_YEAR})\b(?![:,.][0-9]))?",
        _named_date,
    ),
    # Times: 9:00 AM, 9am, 14:30. A dash between two of them is said "to".
    _rule(r"(?<=[0-9mM.])\s?[–-]\s?(?=[0-9]{1,2}(?::[0-9]{2})?\s?[ap]\.?m)", lambda m: " to ", _I),
    _rule(
        rf"{_EDGE}(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?![0-9:])"
        r"(?:\s?(?P<half>[ap])\.?\s?m\b\.?)?",
        _clock,
        _I,
    ),
    _rule(
        rf"{_EDGE}(?P<hour>1[0-2]|0?[1-9])(?P<minute>(?!))?\s?(?P<half>[ap])\.?\s?m\b\.?",
        _clock,
        _I,
    ),
    # Prices: $79.95, $1,234.50, $1.5 million; a dash between two of them is said "to".
    _rule(r"(?<=[0-9])\s?[–—-]\s?(?=[$€£¥][0-9])", lambda m: " to "),
    (money.MINUS, money.minus),
    (money.RANGE, money.span),
    (money.BEFORE, lambda m: _keep_apart(money.money(m), m)),
    (money.BEHIND, lambda m: _keep_apart(money.money(m), m)),
    (money.CENTS, lambda m: _keep_apart(money.cents(m), m)),
    _rule(
        r"(?<=[a-z])\s?/\s?(?=(?:hour|day|week|month|year|mile|tire|visit)\b)", lambda m: " per "
    ),
    # Addresses: 4821 Oak Ave., Suite 200, Springfield, IL 62701.
    _rule(
        rf"\b(?P<number>[0-9]{{1,6}})\s(?P<name>(?:[NSEW]\.?\s)?(?:[A-Z0-9][\w']*\s){{0,2}}[A-Z0-9][\w']*)"
        rf"\s(?P<kind>{_STREET_KIND})\b\.?(?=[\s,.;]|$)",
        _address,
    ),
    _rule(r"\bSte\.?\s(?=[0-9])", lambda m: "Suite "),
    _rule(
        rf"\b(?P<state>{'|'.join(_STATES)})\s(?P<zip>[0-9]{{5}})(?:-(?P<more>[0-9]{{4}}))?\b",
        lambda m: (
            _STATES[m["state"]]
            + f", {digits(m['zip'])}"
            + (f", {digits(m['more'])}" if m["more"] else "")
        ),
    ),
    # Car models and oil grades: F-150, RAV4, 5W-30.
    _rule(r"\b(?P<letters>[A-Z]{1,4})-?(?P<number>[1-9][0-9]{0,3})\b(?![.,:][0-9])", _model_name),
    _rule(
        r"\b(?P<cold>[0-9]{1,2})W-?(?P<hot>[0-9]{2})\b",
        lambda m: f"{cardinal(m['cold'])} W {cardinal(m['hot'])}",
    ),
    # Ordinals, percentages, years, ranges, fractions, units.
    _rule(
        r"\b(?P<number>[0-9]+)(?:st|nd|rd|th)\b", lambda m: _ordinal(m["number"].lstrip("0") or "0")
    ),
    _rule(r"(?<=[0-9])\s?%", lambda m: " percent"),
    _rule(r"(?<=[0-9])\s?°\s?F?\b", lambda m: " degrees"),
    _rule(rf"{_EDGE}{_YEAR}\b(?!\s{_COUNTED})(?![,.:/-][0-9])", lambda m: _year(m.group())),
    _rule(
        rf"(?<=[0-9])\s?(?P<unit>{'|'.join(_UNITS)})\b\.?(?=[\s,;:?!)]|$)",
        lambda m: " " + _UNITS[m["unit"].lower()],
    ),
    _rule(r"(?<=[0-9])\s?[–-]\s?(?=[0-9])", lambda m: " to "),
    _rule(r"(?:(?<=\s)|^)-(?=[0-9])", lambda m: "minus "),
    _rule(r"(?<=[0-9])\s?x(?=\s?[0-9])", lambda m: " by "),
    # Whatever number is left.
    _rule(
        r"(?<![\w.,])(?P<whole>[0-9]{1,3}(?:\.[0-9]{3})+),(?P<part>[0-9]{1,2})(?![\w,])",
        lambda m: f"{cardinal(m['whole'].replace('.', ''))} point {each_digit(m['part'])}",
    ),
    _rule(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)\.[0-9]+", lambda m: _keep_apart(_decimal(m), m)),
    _rule(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+", lambda m: _keep_apart(_number(m), m)),
)
