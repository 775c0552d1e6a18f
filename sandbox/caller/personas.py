"""Who calls: voice, number, facts, goal and manner of each persona.

A persona knows facts and wants something; what it says follows from what it hears (mind.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Literal

Manner = Literal["plain", "curt", "chatty"]


class PersonaError(ValueError):
    """The persona, goal or fact asked for does not exist. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the caller knows about themselves. `phone` is E.164; None: the caller does not know."""

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

    @property
    def vehicle(self) -> str:
        """The car as its owner calls it, e.g. 2019 Honda Civic."""
        return f"{self.year} {self.make} {self.model}"


@dataclass(frozen=True, slots=True)
class Goal:
    """What the caller wants of this call."""

    kind: Literal["book", "reschedule", "cancel", "when", "status", "ask", "person", "silent"] = (
        "book"
    )
    service: str = "oil_change"
    prefer: str = "first"
    """first, morning, afternoon, a weekday, or several: "tuesday morning"."""
    slot: str | None = None
    """A certain opening wanted, as said: "Tuesday, November 24 at 9:00 AM"."""
    questions: tuple[str, ...] = ()
    """Asked one after the other before anything else (kind "ask") or at the end."""


@dataclass(frozen=True, slots=True)
class Persona:
    """One caller. `interrupt_after_ms`: cuts in after so much of Otto's speech; None: never."""

    name: str
    about: str
    voice: str
    facts: Facts
    goal: Goal = field(default_factory=Goal)
    manner: Manner = "plain"
    gap_ms: int = 700
    """Silence after Otto's last word before this caller speaks."""
    interrupt_after_ms: int | None = None
    keys: bool = False
    """Whether this caller keys a date of birth, a telephone number and a yes on the telephone's
    keypad instead of saying them."""


PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        Persona(
            name="maria",
            about="A known customer who books an oil change, best on Tuesday or in a morning.",
            voice="alto",
            facts=Facts(
                "Maria", "Alvarez", "+13125550142", date(1984, 3, 12), 2019, "Honda", "Civic"
            ),
            goal=Goal(prefer="tuesday morning"),
        ),
        Persona(
            name="new-customer",
            about="Not in the book yet: gives name and car, books a tire rotation.",
            voice="british",
            facts=Facts(
                *("Daniel", "Foster", "+17735550187", date(1991, 8, 23)),
                *(2021, "Toyota", "Corolla"),
                known=False,
            ),
            goal=Goal(service="tire_rotation", prefer="first"),
        ),
        Persona(
            name="hurried",
            about="A known customer in a hurry, who cuts in while Otto is speaking.",
            voice="quick",
            facts=Facts(
                "Maria", "Alvarez", "+13125550142", date(1984, 3, 12), 2019, "Honda", "Civic"
            ),
            goal=Goal(prefer="first"),
            manner="curt",
            gap_ms=600,
            interrupt_after_ms=1800,
        ),
        Persona(
            name="window-shopper",
            about="Asks for hours and prices, books nothing.",
            voice="bright",
            facts=Facts("Helen", "Price", "+16305550119", date(1970, 1, 30), known=False),
            goal=Goal(
                kind="ask",
                questions=("What are your hours?", "How much is an oil change?"),
            ),
        ),
        Persona(
            name="wants-a-person",
            about="Will not speak with a machine.",
            voice="tenor",
            facts=Facts("George", "Miller", "+18475550176", date(1952, 11, 2), known=False),
            goal=Goal(kind="person"),
            manner="curt",
        ),
        Persona(
            name="silent",
            about="Rings and says nothing.",
            voice="alto",
            facts=Facts("Nobody", "There", "+12245550133", known=False),
            goal=Goal(kind="silent"),
        ),
        Persona(
            name="rambler",
            about="A new customer who says everything with a story around it.",
            voice="slow",
            facts=Facts(
                *("Walter", "Simmons", "+18155550164", date(1949, 6, 5)),
                *(2015, "Ford", "Escape"),
                known=False,
            ),
            goal=Goal(prefer="afternoon"),
            manner="chatty",
            gap_ms=800,
        ),
        Persona(
            name="keypad",
            about="A known customer who keys numbers, and a yes, instead of saying them.",
            voice="alto",
            facts=Facts(
                "Maria", "Alvarez", "+13125550142", date(1984, 3, 12), 2019, "Honda", "Civic"
            ),
            goal=Goal(prefer="first"),
            keys=True,
        ),
        Persona(
            name="reschedule",
            about="Has an appointment, and would rather come on a Thursday.",
            voice="bright",
            facts=Facts(
                "Grace", "Bell", "+13125550171", date(1988, 5, 14), 2022, "Hyundai", "Tucson"
            ),
            goal=Goal(kind="reschedule", prefer="thursday"),
        ),
        Persona(
            name="cancel",
            about="Has an appointment, and needs it no longer.",
            voice="tenor",
            facts=Facts(
                "Victor", "Hill", "+13125550154", date(1966, 2, 17), 2015, "Jeep", "Wrangler"
            ),
            goal=Goal(kind="cancel"),
        ),
        Persona(
            name="when",
            about="Has an appointment, and has forgotten when.",
            voice="british",
            facts=Facts(
                "Grace", "Bell", "+13125550171", date(1988, 5, 14), 2022, "Hyundai", "Tucson"
            ),
            goal=Goal(kind="when"),
        ),
        Persona(
            name="car-ready",
            about="Has two cars in the workshop, and asks whether one of them is ready.",
            voice="tenor",
            facts=Facts(
                "James", "Okafor", "+13125550117", date(1979, 11, 2), 2016, "Toyota", "Camry"
            ),
            goal=Goal(kind="status"),
        ),
        Persona(
            name="load",
            about="For load tests: a known customer whose facts come with the request.",
            voice="alto",
            facts=Facts(
                "Maria", "Alvarez", "+13125550142", date(1984, 3, 12), 2019, "Honda", "Civic"
            ),
            goal=Goal(prefer="first"),
        ),
    )
}


def persona(
    name: str, goal: dict[str, Any] | None = None, facts: dict[str, Any] | None = None
) -> Persona:
    """The persona called `name`, with parts of goal and facts replaced. Raises `PersonaError`."""
    if name not in PERSONAS:
        raise PersonaError(f"unknown persona {name!r}: there are {', '.join(PERSONAS)}")
    chosen = PERSONAS[name]
    return replace(
        chosen,
        goal=_changed(chosen.goal, goal or {}, "goal"),
        facts=_changed(chosen.facts, facts or {}, "fact"),
    )


def _changed(part: Any, changes: dict[str, Any], what: str) -> Any:
    names = {f.name for f in fields(part)}
    for key in changes:
        if key not in names:
            raise PersonaError(f"unknown {what} {key!r}: there are {', '.join(sorted(names))}")
    values = dict(changes)
    try:
        if isinstance(values.get("date_of_birth"), str):
            values["date_of_birth"] = date.fromisoformat(values["date_of_birth"])
        if "year" in values:
            values["year"] = int(values["year"])
    except ValueError as error:
        raise PersonaError(f"a {what} cannot be read: {error}") from None
    if "questions" in values:
        values["questions"] = tuple(values["questions"])
    return replace(part, **values)
