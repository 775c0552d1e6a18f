"""Repair orders: what the workshop does with a vehicle that is there, and whose system knows it.

A dealership keeps them in its dealer management system. `DealerSystem` is the port to one: Otto
comes with `otto.crm.repair_table.RepairTable`, a table of its own; another system is a class with
the same method (docs/OPERATIONS.md shows one). Shapes only, for call actors carry them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from otto.crm.customers import Vehicle

REMEMBERED = timedelta(days=14)
"""A closed order is told of for so long: who asks for a car later has not brought it since."""


class RepairStatus(StrEnum):
    """How far the work is."""

    OPEN = "open"
    """The vehicle is there, and nobody has begun."""
    IN_PROGRESS = "in_progress"
    WAITING_FOR_PARTS = "waiting_for_parts"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    """The customer has to say yes to something, and to what it costs."""
    READY = "ready"
    """Done; the vehicle waits to be picked up."""
    CLOSED = "closed"
    """Picked up."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What waits for the customer's yes; `cents` None: what it costs is not known yet."""

    item: str
    cents: int | None = None


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """One vehicle in the workshop. Times are aware; `promised_at` None: nothing was promised."""

    number: str
    """As it stands on the customer's paper."""
    vehicle_id: int
    """One of the owner's vehicles, by our own id."""
    status: RepairStatus
    updated_at: datetime
    promised_at: datetime | None = None
    approval: Approval | None = None
    """Given exactly with `WAITING_FOR_APPROVAL`."""


@dataclass(frozen=True, slots=True)
class RepairLine:
    """A repair order as staff see it in a list."""

    order: RepairOrder
    vehicle: str
    phone: str


@dataclass(frozen=True, slots=True)
class RepairChange:
    """What staff know now. `promised_at` None: as it was."""

    status: RepairStatus
    promised_at: datetime | None = None
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose repair orders are asked for. Another system knows them by number or VIN."""

    customer_id: int
    phone: str
    """E.164."""
    vehicles: tuple[Vehicle, ...]


class DealerSystem(Protocol):
    """A dealer management system, as far as Otto asks it. May be slow or raise anything: whoever
    asks has a deadline and takes a failure for "cannot be seen now"."""

    async def repair_orders(self, owner: Owner) -> Sequence[RepairOrder]: ...


def to_tell(orders: Sequence[RepairOrder], owner: Owner, now: datetime) -> tuple[RepairOrder, ...]:
    """What the owner may be told, the latest of each vehicle, in the order of the vehicles.

    An order of a vehicle that is not theirs is left out whatever system sent it. One that is not
    closed goes before one that is; a closed one is forgotten after `REMEMBERED`.
    """
    latest: dict[int, RepairOrder] = {}
    for order in sorted(orders, key=_how_current):
        if order.status is not RepairStatus.CLOSED or now - order.updated_at <= REMEMBERED:
            latest[order.vehicle_id] = order
    return tuple(latest[vehicle.id] for vehicle in owner.vehicles if vehicle.id in latest)


def _how_current(order: RepairOrder) -> tuple[bool, datetime]:
    return order.status is not RepairStatus.CLOSED, order.updated_at
