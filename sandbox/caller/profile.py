"""What is known of a caller before the call: facts, wishes, manner, twists and line. Data alone.

A persona can be written as a mapping (a scenario's YAML) and is read by `personas.py`; every name
below is a key there. What a caller says of it follows from what it hears (mind.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, with_config

from sandbox.audio.impairment import Noise
from sandbox.caller.acts import Act

Manner = Literal["plain", "curt", "chatty"]
_STRICT = with_config(ConfigDict(extra="forbid"))
CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d)?$"
DAY = r"^(\d{4}-(0[1-9]|1[0-2])-\d\d|(mon|tues|wednes|thurs|fri|satur|sun)day)$"
_Clock = Annotated[str, Field(pattern=CLOCK)]
_Day = Annotated[
    str,
    # YAML reads a date as one.
    BeforeValidator(lambda day: day.isoformat() if isinstance(day, date) else day),
    Field(pattern=DAY),
]


class GoalKind(StrEnum):
    """What a caller may want of a call."""

    BOOK = "book"
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"
    WHEN = "when"
    """Asks when their appointment is."""
    STATUS = "status"
    """Asks whether their car is ready."""
    LATE = "late"
    """Tells that they are running late."""
    ASK = "ask"
    """Asks `questions`, and wants nothing else."""
    DANGER = "danger"
    """Tells of something that must not be driven."""
    DESK = "desk"
    """A matter for the service desk: warranty, recall, bill, complaint."""
    SALES = "sales"
    PARTS = "parts"
    CALLBACK = "callback"
    OPT_OUT = "opt_out"
    WRONG_NUMBER = "wrong_number"
    PERSON = "person"
    LANGUAGE = "language"
    """Speaks no English."""
    SILENT = "silent"
    NOISE = "noise"
    """Nobody speaks; there are sounds."""


@_STRICT
@dataclass(frozen=True, slots=True)
class Facts:
    """What the caller knows about themselves. `phone` is E.164, and what they call from unless the
    call says otherwise; None, or "": the caller does not know."""

    first_name: str
    last_name: str
    phone: str
    date_of_birth: date | None = None
    year: int = 2018
    make: str = "Toyota"
    model: str = "Camry"
    vin_last_six: str | None = None
    known: bool = True
    """Whether the dealership has this caller in its book."""
    vin: str | None = None
    zip_code: str | None = None
    email: str | None = None
    mileage: int | None = None

    @property
    def vehicle(self) -> str:
        """The car as its owner calls it, e.g. 2019 Honda Civic."""
        return f"{self.year} {self.make} {self.model}"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@_STRICT
@dataclass(frozen=True, slots=True)
class Goal:
    """One thing the caller wants of this call."""

    kind: GoalKind = GoalKind.BOOK
    service: str = "oil_change"
    """The service's code; what it is called follows from it."""
    also: tuple[str, ...] = ()
    """Codes of what is to be done in the same visit."""
    accepts: tuple[str, ...] = ()
    """Codes that are as good as `service`, e.g. an inspection for a noise."""
    words: str = ""
    """How the caller puts the wish, in place of the manner's own sentence: a symptom, a story, a
    day that only a person would say."""
    prefer: str = "first"
    """What is best among what is offered: first, last, morning, afternoon, a weekday, or several:
    "tuesday morning"."""
    when: str = ""
    """How the caller says the day, e.g. "a week from tomorrow"; empty: as `prefer` has it."""
    days: tuple[_Day, ...] = ()
    """The only days the caller agrees to: weekdays, or dates like 2026-12-01. Empty: any."""
    earliest: _Clock = ""
    latest: _Clock = ""
    """The only hours the caller agrees to begin, like 09:30, both included. Empty: any."""
    slot: str | None = None
    """A certain opening wanted, as said: "Tuesday, November 24 at 9:00 AM"."""
    vehicle: str = ""
    """The car it is about, like 2016 Toyota Camry, when it is not the one of the facts."""
    appointment: str = ""
    """Which appointment is meant when there are several, as said: "the oil change"."""
    price: str = ""
    """What it costs, like 79.95, when the caller knows; another price is objected to."""
    transport: str = ""
    """wait, loaner or shuttle; empty: the caller does not mind."""
    questions: tuple[str, ...] = ()
    """Asked one after the other before anything else (kind "ask") or at the end."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Everything that is to be done, `service` first."""
        return (self.service, *self.also)


class TwistKind(StrEnum):
    """What a caller may do that makes a call harder."""

    CHANGES_MIND = "changes_mind"
    """Wants something else, as `to` has it: after an offer, unless `at` says otherwise."""
    GIVES_WRONG_BIRTH_DATE_FIRST = "gives_wrong_birth_date_first"
    GIVES_WRONG_NUMBER_FIRST = "gives_wrong_number_first"
    CHANGES_EVERY_ANSWER = "changes_every_answer"
    """Says something else first whenever asked about themselves, and takes it back."""
    REFUSES_BIRTH_DATE = "refuses_birth_date"
    HESITATES = "hesitates"
    """Begins with "uh" and pauses in the middle."""
    REPAIRS = "repairs"
    """Says the wrong thing and mends it in the same breath: "Wednesday, I mean, Tuesday"."""
    ANSWERS_BESIDE_THE_POINT = "answers_beside_the_point"
    ASKS_INSTEAD_OF_YES = "asks_instead_of_yes"
    SAYS_WAIT = "says_wait"
    INTERRUPTS = "interrupts"
    GOES_SILENT = "goes_silent"
    HANGS_UP = "hangs_up"
    SAYS = "says"
    """Says `words` in place of the answer, at `at`."""
    SAYS_IGNORE_INSTRUCTIONS = "says_ignore_instructions"
    ASKS_FOR_OTHER_CUSTOMER = "asks_for_other_customer"
    """Wants to know of the appointment of the customer called `words`."""
    CLAIMS_TO_BE_SPOUSE = "claims_to_be_spouse"
    INSISTS_ON_YESTERDAY = "insists_on_yesterday"
    SPEAKS_OTHER_LANGUAGE = "speaks_other_language"
    SWEARS = "swears"
    ASKS_IF_SAFE_TO_DRIVE = "asks_if_safe_to_drive"
    ASKS_IF_ROBOT = "asks_if_robot"
    WANTS_PERSON = "wants_person"


@_STRICT
@dataclass(frozen=True, slots=True)
class Twist:
    """One of them. What is not said follows from the kind (twists.py).

    `at` is what Otto has to ask for it to happen, `times` how often it happens (None: as the kind
    has it), `words` what is said, `to` the fields of the goal that a change of mind changes.
    """

    kind: TwistKind
    at: Act | None = None
    times: Annotated[int, Field(ge=1, le=20)] | None = None
    words: str = ""
    to: dict[str, Any] = field(default_factory=dict)


@_STRICT
@dataclass(frozen=True, slots=True)
class Persona:
    """One caller. `interrupt_after_ms`: cuts in after so much of Otto's speech; None: never."""

    name: str
    about: str
    voice: str
    facts: Facts
    goal: Goal = field(default_factory=Goal)
    then: tuple[Goal, ...] = ()
    """Further wishes, one after the other, once Otto asks for anything else."""
    twists: tuple[Twist, ...] = ()
    manner: Manner = "plain"
    gap_ms: Annotated[int, Field(ge=0, le=60_000)] = 700
    """Silence after Otto's last word before this caller speaks."""
    interrupt_after_ms: int | None = None
    keys: bool = False
    """Whether this caller keys a date of birth, a telephone number and a yes on the telephone's
    keypad instead of saying them."""
    seed: int = 0
    """Of wording and timing; 0: the first wording of everything, and the same pause each time."""
    pace: Annotated[float, Field(ge=0.6, le=1.6)] = 1.0
    """How fast this caller speaks, times the voice's own pace."""
    noise: Noise = "road"
    snr_db: Annotated[float, Field(ge=-5, le=60)] | None = None
    """How much louder the voice is than the noise behind it; None: a quiet room."""
    loss_percent: Annotated[float, Field(ge=0, le=50)] = 0.0
    """How many of a hundred 20 ms packets of this caller's voice are lost on the way."""

    @property
    def has_bad_line(self) -> bool:
        """Whether anything but the voice is to be heard, or not all of it."""
        return self.snr_db is not None or self.loss_percent > 0
