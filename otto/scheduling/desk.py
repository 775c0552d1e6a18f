"""What the service desk of one location goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config.dealership import Dealership, Location
from config.limits import LimitSettings
from otto.scheduling.texts.rules import TextRules


@dataclass(frozen=True, slots=True)
class Desk:
    """A location of the dealership, its clock, and its rules."""

    dealership: Dealership
    location: Location
    clock: Callable[[], datetime]
    limits: LimitSettings
    text_rules: TextRules
