"""What a scenario says: who calls when, what they want, and what has to have come of it.

One YAML file each in `scenarios/`, for a manager to read and to write. Everything is checked when
it is read; what is wrong is said with the file's and the field's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sandbox.caller.personas import Persona, PersonaError, read_persona

FOLDER = Path(__file__).with_name("scenarios")
MONDAY = "2026-11-23T09:05:00-06:00"
"""When a call comes in if nothing else is said."""
FLOWS = (
    "new-customer",
    "known-customer",
    "reschedule",
    "cancel",
    "when",
    "car-ready",
    "running-late",
    "questions",
    "symptom",
    "danger",
    "desk",
    "sales-and-parts",
    "wrong-number",
    "person",
    "silence",
    "language",
    "several-wishes",
    "change-of-mind",
    "adversarial",
)


class ScenarioError(ValueError):
    """A scenario cannot be used. The message is one line for each fault."""


def _time_of(value: Any) -> Any:
    """YAML 1.1 takes 09:30 for a number of minutes."""
    return time(*divmod(value, 60)) if isinstance(value, int) else value


Clock = Annotated[time, BeforeValidator(_time_of)]
Phone = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# What there is at the beginning


class GivenAppointment(_Strict):
    """An appointment in the book. `car` may be left out when they have one only."""

    who: str
    service: str
    starts: datetime
    """By the location's clock."""
    car: str | None = None
    bay: str | None = None


class GivenCustomer(_Strict):
    """Somebody in the book beyond the seed's people."""

    name: str
    phone: Phone
    born: date
    cars: tuple[str, ...] = ()


class StaffEvent(_Strict):
    """What staff have put into the bays' calendars: nothing can be booked there then."""

    day: date
    start: Clock = time(0, 0)
    end: Clock = time(23, 59)
    bays: tuple[str, ...] = ()
    """Empty: all."""
    title: str = "Closed for training"


class Given(_Strict):
    """The starting data, beside the seed's customers and their cars. Nobody has an appointment
    who is not named here."""

    customers: tuple[GivenCustomer, ...] = ()
    appointments: tuple[GivenAppointment, ...] = ()
    staff: tuple[StaffEvent, ...] = ()


# What has to have come of it

ChangeKind = Literal[
    "booked",
    "moved",
    "cancelled",
    "customer",
    "vehicle",
    "vehicle_changed",
    "number",
    "customer_changed",
    "callback",
    "opt_out",
    "text_consent",
]


class Change(_Strict):
    """A change of the book that has to be there, once. What is left out may be anything."""

    change: ChangeKind
    who: str | None = None
    """Whose it is, as "Maria Alvarez"."""
    car: str | None = None
    services: tuple[str, ...] = ()
    """Codes, in any order."""
    days: tuple[date | str, ...] = ()
    """Dates, or weekdays like tuesday: on one of these."""
    earliest: Clock | None = None
    latest: Clock | None = None
    phone: str | None = None
    reason: str | None = None
    """A pattern that is found in it."""
    transport: str | None = None
    optional: bool = False
    """It may be there, and need not."""

    @field_validator("days")
    @classmethod
    def _days(cls, days: tuple[date | str, ...]) -> tuple[date | str, ...]:
        names = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
        for day in days:
            if isinstance(day, str) and day not in names:
                raise ValueError(f"{day!r} is neither a weekday nor a date")
        return days


Ends = Literal["goodbye", "transfer", "caller", "any"]


class Expected(_Strict):
    """The end of it."""

    changes: tuple[Change, ...] = ()
    """Every change of the book; another one is a fault."""
    any_of: tuple[tuple[Change, ...], ...] = ()
    """In place of `changes`: one of these lists."""
    ends: Ends = "any"
    """Who gives up the line, and what for: Otto after a goodbye, Otto to connect the caller with a
    person, or the caller."""
    texts: int | None = None
    """Text messages that were sent; left out: any number."""
    verified: bool | None = None
    """Whether the caller had to prove who they are, and did; left out: either."""
    satisfied: bool = True
    """Whether the caller has to have heard that their wish is done, as they wished."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Expected:
        if self.changes and self.any_of:
            raise ValueError("either changes or any_of, not both")
        return self

    @property
    def outcomes(self) -> tuple[tuple[Change, ...], ...]:
        return self.any_of or (self.changes,)


class Heard(_Strict):
    """Patterns (regular expressions, in any case) of what must and must not be heard of Otto."""

    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()

    @field_validator("must", "must_not")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no pattern: {error}") from None
        return patterns


class Bounds(_Strict):
    """How long it may take."""

    turns: int = Field(16, ge=1)
    seconds: float = Field(300, gt=0)
    """Of the call."""


class Scenario(_Strict):
    """One call, and what has to come of it."""

    name: str
    """The file's."""
    flow: Literal[FLOWS]  # type: ignore[valid-type]
    about: str
    """A sentence for people."""
    clock: AwareDatetime = datetime.fromisoformat(MONDAY)
    persona: dict[str, Any]
    """As `sandbox.caller.profile.Persona` has it; name and about are the scenario's."""
    calls_from: str | None = None
    """Left out: the persona's own number; withheld: no number."""
    attestation: str = ""
    """What the network says of the number."""
    kill_after_turn: int | None = Field(None, ge=1)
    """The call actor dies when the caller has spoken so often, and another one takes over."""
    given: Given = Given()
    expected: Expected = Expected()
    heard: Heard = Heard()
    bounds: Bounds = Bounds()
    by_voice: bool = False
    """Whether it is among those that are also run by voice."""

    @field_validator("persona")
    @classmethod
    def _persona(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in ("name", "about", "seed"):
            if name in given:
                raise ValueError(f"{name} is not the persona's to say here")
        try:
            read_persona({**_NAMELESS, **given})
        except PersonaError as error:
            raise ValueError(str(error)) from None
        return given

    def caller(self, seed: int, voice: str = "") -> Persona:
        """Who calls; `seed` varies wording and timing."""
        given = {"name": self.name, "about": self.about, "voice": "alto", **self.persona}
        return read_persona(given | {"seed": seed} | ({"voice": voice} if voice else {}))

    @property
    def number(self) -> str:
        """What Twilio says of who calls."""
        if self.calls_from == "withheld":
            return "+266696687"
        return self.calls_from or self.caller(0).facts.phone or "+266696687"


_NAMELESS: Mapping[str, Any] = {"name": "caller", "about": "a caller", "voice": "alto"}


def read(path: Path) -> Scenario:
    """The scenario of a file. Raises `ScenarioError`."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path.name}: this is not YAML: {_first_line(error)}") from None
    if not isinstance(given, dict):
        raise ScenarioError(f"{path.name}: a scenario is a mapping of its fields")
    try:
        return Scenario.model_validate({"name": path.stem, **given})
    except ValidationError as error:
        raise ScenarioError("\n".join(_faults(path.name, error))) from None


def read_all(folder: Path = FOLDER, only: Iterable[str] = ()) -> list[Scenario]:
    """All scenarios, or those whose name or flow is one of `only`. Raises `ScenarioError`."""
    found, faults = list[Scenario](), list[str]()
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(read(path))
        except ScenarioError as error:
            faults.append(str(error))
    if faults:
        raise ScenarioError("\n".join(faults))
    wanted = set(only)
    if unknown := wanted - {each.name for each in found} - {each.flow for each in found}:
        raise ScenarioError(f"there is no scenario or flow {', '.join(sorted(unknown))}")
    return [each for each in found if not wanted or {each.name, each.flow} & wanted]


def _faults(file: str, error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"] if part != "function-before")
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "there is no such field"
        lines.append(f"{file}: {where + ': ' if where else ''}{message}")
    return lines


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())
