"""The words of an appointment's states and changes. Light: calls import them without the database's
modules."""

from __future__ import annotations

from typing import Literal

STANDING = ("booked", "arrived")
"""The statuses of an appointment that is not over: its bays and its vehicle are taken."""
OCCUPYING = (*STANDING, "held")
"""The statuses of a line whose bay is taken."""

Action = Literal["booked", "moved", "cancelled", "arrived", "completed", "no_show", "restored"]
"""What is done to an appointment."""
Actor = Literal["caller", "staff", "otto"]
"""Who does it."""
