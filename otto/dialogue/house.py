"""What a conversation is given: the house it answers for, and the workers that serve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config.dealership import Dealership, Location
from config.settings import CallSettings
from otto.dialogue.ports import Calendar, Crm, Ear, Mind, Mouth, Sessions
from otto.dialogue.prompts import Phrases
from otto.scheduling.bookings import utc_now


@dataclass(frozen=True, slots=True)
class Workers:
    """The three that serve one call."""

    ear: Ear
    mouth: Mouth
    mind: Mind


@dataclass(frozen=True, slots=True)
class House:
    """What all calls share."""

    dealership: Dealership
    location: Location
    phrases: Phrases
    settings: CallSettings
    calendar: Calendar
    crm: Crm
    sessions: Sessions
    workers_mode: str
    """How the workers run, for the record: "ray" or "inline"."""
    now: Callable[[], datetime] = utc_now
