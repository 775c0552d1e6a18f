"""Who may be texted, and why: one decision, asked where a text is written and again when it is
sent. Rules alone; the facts are gathered by `texts.py`.

A telephone number that somebody says is not theirs because they say so: texting it would let any
caller have Otto text anybody. So a number needs a *standing*: something other than the caller's
word that connects it with whom the text is for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from config.dealership import Dealership, Location
from config.limits import LimitSettings
from config.phone_numbers import NumberKind, phone_number


class Standing(StrEnum):
    """Why a number may be texted."""

    CALLER = "caller"
    """It is the number that calls, as far as the network vouches for it."""
    ON_FILE = "on_file"
    """It is on file for the customer whose appointment it is."""
    PROVED = "proved"
    """A code that was texted to it was given back in this call."""
    CONSENT = "consent"
    """Its owner has asked for texts before."""
    CODE = "code"
    """The text is such a code, the one of its call."""


class Refusal(StrEnum):
    """Why a number is not texted. Holds no personal data: it is stored and logged."""

    NO_NUMBER = "no_number"
    OUR_OWN = "our_own"
    COSTLY = "costly"
    """Premium rate, satellite and whatever else costs more than an ordinary number."""
    TOLL_FREE = "toll_free"
    """A business's, where nobody reads texts and who receives them pays."""
    FOREIGN = "foreign"
    OPTED_OUT = "opted_out"
    NO_STANDING = "no_standing"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class TextRules:
    """What the dealership texts. `ours`: E.164 numbers that are never texted; `countries`: ISO."""

    ours: frozenset[str]
    countries: frozenset[str]

    @classmethod
    def of(
        cls,
        dealership: Dealership,
        location: Location,
        limits: LimitSettings,
        lines: Iterable[str] = (),
    ) -> TextRules:
        """`lines`: numbers that Otto answers, beyond those in the dealership's file."""
        listed = (number for one in dealership.locations for number in (one.phone, one.desk_number))
        home = phone_number(location.phone, region=None)
        at_home = frozenset() if home is None else frozenset({home.region})
        return cls(frozenset(filter(None, (*listed, *lines))), limits.text_countries or at_home)


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What is known of a number and of the text. E.164 throughout."""

    caller: str | None = None
    """The number that calls; None when it is withheld, or the network says it is forged."""
    on_file: str | None = None
    """The number of the customer whom the text is for."""
    is_proved: bool = False
    has_consent: bool = False
    has_opted_out: bool = False
    is_code: bool = False


def refused_number(to: str, rules: TextRules) -> Refusal | None:
    """Why a number is never texted, whoever's it is; None: it can be."""
    number = phone_number(to, region=None)
    if number is None or number.e164 != to:
        return Refusal.NO_NUMBER
    if to in rules.ours:
        return Refusal.OUR_OWN
    if number.kind is NumberKind.COSTLY:
        return Refusal.COSTLY
    if number.kind is NumberKind.TOLL_FREE:
        return Refusal.TOLL_FREE
    return None if number.region in rules.countries else Refusal.FOREIGN


def may_text(to: str, facts: TextFacts, rules: TextRules) -> Standing | Refusal:
    """Whether a number may be texted, and why or why not."""
    refusal = refused_number(to, rules)
    if refusal is not None:
        return refusal
    if facts.has_opted_out:
        return Refusal.OPTED_OUT
    standings = (
        (Standing.CALLER, facts.caller == to),
        (Standing.ON_FILE, facts.on_file == to),
        (Standing.PROVED, facts.is_proved),
        (Standing.CONSENT, facts.has_consent),
        (Standing.CODE, facts.is_code),
    )
    return next((standing for standing, holds in standings if holds), Refusal.NO_STANDING)
