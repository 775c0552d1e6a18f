"""What the workshop of the believable dealership does: one repair order in each state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from config.dealership import Location
from otto.crm.repair_orders import RepairStatus

Car = tuple[int, str, str]
"""Year, make and model."""

AT_WORK = time(8, 0)
"""When the morning's orders were written down."""


@dataclass(frozen=True, slots=True)
class _Repair:
    """An order for a regular's car; `promised`: so many open days from today, and when then."""

    car: Car
    status: RepairStatus
    promised: tuple[int, time] | None = None
    item: str | None = None
    cents: int | None = None
    days_ago: int = 0


_REPAIRS = (
    _Repair((2019, "Honda", "Civic"), RepairStatus.CLOSED, (0, time(12)), days_ago=40),
    _Repair(
        (2021, "Ford", "F-150"),
        RepairStatus.WAITING_FOR_APPROVAL,
        (1, time(15)),
        "front brake pads and rotors",
        41_500,
    ),
    _Repair((2016, "Toyota", "Camry"), RepairStatus.READY, (0, time(11))),
    _Repair((2020, "Subaru", "Outback"), RepairStatus.WAITING_FOR_PARTS, (2, time(16, 30))),
    _Repair((2018, "Chevrolet", "Equinox"), RepairStatus.IN_PROGRESS, (1, time(13))),
    _Repair((2014, "Volkswagen", "Jetta"), RepairStatus.OPEN),
)
FIRST_NUMBER = 40_311
LOOKS_AHEAD_DAYS = 15
"""How far is looked for the open days that something is promised for."""


def repair_orders(
    location: Location, owned: Mapping[Car, tuple[int, int]], today: date
) -> Iterator[dict[str, Any]]:
    """Rows for the regulars' cars; `owned` gives (customer id, vehicle id) of each."""
    for number, repair in enumerate(_REPAIRS, start=FIRST_NUMBER):
        if repair.car not in owned:
            continue
        customer_id, vehicle_id = owned[repair.car]
        written = today - timedelta(days=repair.days_ago)
        yield {
            "location_id": location.id,
            "number": str(number),
            "customer_id": customer_id,
            "vehicle_id": vehicle_id,
            "status": repair.status.value,
            "promised_at": _promised(location, written, repair.promised),
            "approval_item": repair.item,
            "approval_cents": repair.cents,
            "updated_at": _instant(location, written, AT_WORK),
        }


def _promised(
    location: Location, today: date, promised: tuple[int, time] | None
) -> datetime | None:
    if promised is None:
        return None
    open_days, at = promised
    ahead = (today + timedelta(days=days) for days in range(1, LOOKS_AHEAD_DAYS))
    days = [today, *(day for day in ahead if location.intervals_on(day))]
    return _instant(location, days[min(open_days, len(days) - 1)], at)


def _instant(location: Location, day: date, at: time) -> datetime:
    return datetime.combine(day, at, location.zone).astimezone(UTC)
