"""What Otto needs to know for an errand, one slot each. Plain data of the session; how slots come
to be filled, and what follows when one cannot be, is in `otto.dialogue.flow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class SlotName(StrEnum):
    """What is asked for."""

    SERVICE = "service"
    CAR = "car"
    """Year, make and model."""
    DAY = "day"
    """The day and the time, or one of the openings."""
    NAME = "name"
    PHONE = "phone"
    BIRTH_DATE = "birth_date"
    VIN = "vin"
    """All of it, or the last six."""
    EMAIL = "email"
    MILEAGE = "mileage"
    CODE = "code"
    """The one that was texted."""


class Source(StrEnum):
    """Where a value comes from."""

    CALLER = "caller"
    KEYPAD = "keypad"
    CALLER_ID = "caller_id"
    BOOK = "book"


@dataclass(frozen=True, slots=True)
class Slot:
    """A value as far as it is known: "" when it is not."""

    value: str = ""
    source: Source | None = None
    confidence: float = 0.0
    """From 0 to 1: 1 when the book, the network or a tool vouches for it."""
    asked: int = 0
    """How often the caller has heard it asked for since a tool last took a value."""

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `asdict`. Raises ValueError or KeyError for what is none."""
        source = data["source"]
        return cls(
            str(data["value"]),
            None if source is None else Source(source),
            float(data["confidence"]),
            int(data["asked"]),
        )


Slots = dict[SlotName, Slot]


def dump_slots(slots: Mapping[SlotName, Slot]) -> dict[str, dict[str, Any]]:
    """JSON-ready data."""
    return {name.value: asdict(slot) for name, slot in slots.items()}


def load_slots(data: Mapping[str, Mapping[str, Any]]) -> Slots:
    """The inverse of `dump_slots`. What another release knows and this one does not is left out:
    it is asked for again."""
    slots: Slots = {}
    for name, slot in data.items():
        try:
            slots[SlotName(name)] = Slot.load(slot)
        except (ValueError, KeyError, TypeError):
            continue
    return slots
