"""What must be true of a location's book, in plain Python: no database, no clock, no I/O.

The stateful test asks it what an operation may come to, tells it what the product answered, and
compares the two of them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from config.dealership import Dealership

OCCUPYING = ("booked", "arrived")


@dataclass(frozen=True)
class Line:
    """A bay for a time; `free_at` excluded."""

    service_code: str
    bay_id: str
    starts_at: datetime
    ends_at: datetime
    free_at: datetime


@dataclass(frozen=True)
class Visit:
    """An appointment."""

    id: str
    customer_id: int
    vehicle_id: int
    status: str
    lines: tuple[Line, ...]

    @property
    def starts_at(self) -> datetime:
        return self.lines[0].starts_at

    @property
    def ends_at(self) -> datetime:
        return self.lines[-1].ends_at


@dataclass(frozen=True)
class Hold:
    """What is kept for a call while the caller makes up their mind."""

    lines: tuple[Line, ...]
    until: datetime


@dataclass
class Book:
    """All appointments of a location, and what keeps others from its bays."""

    dealership: Dealership
    visits: dict[str, Visit] = field(default_factory=dict)
    held: dict[str, Hold] = field(default_factory=dict)
    """By call: one hold each."""
    blocks: dict[str, Line] = field(default_factory=dict)
    """By event: staff's own hours in a bay."""

    def why_not(
        self,
        services: Sequence[str],
        starts_at: datetime,
        vehicle_id: int | None,
        now: datetime,
        *,
        moving: str | None = None,
        call: str | None = None,
    ) -> set[str]:
        """The reasons for which a wish may be refused; none: it must be met. `moving`: the
        appointment whose own place does not count; `call`: whose own hold does not."""
        location = self.dealership.location("main")
        reasons = set()
        notice = timedelta(minutes=max(0, location.min_notice_minutes - 10))
        if starts_at < now + notice:
            reasons.add("too_soon")
        begins = starts_at
        for code in services:
            service = self.dealership.service(code)
            ends = begins + timedelta(minutes=service.duration_minutes)
            able = [bay.id for bay in location.bays if service.skill in bay.skills]
            if not [bay for bay in able if self.is_free(bay, begins, ends, now, moving, call)]:
                reasons.add("taken")
            if vehicle_id and self.is_elsewhere(vehicle_id, begins, ends, moving):
                reasons.add("vehicle_booked")
            begins = ends
        return reasons

    def is_free(
        self,
        bay_id: str,
        starts_at: datetime,
        free_at: datetime,
        now: datetime,
        moving: str | None = None,
        call: str | None = None,
    ) -> bool:
        """Whether nobody has the bay in that time."""
        standing = (
            line
            for visit in self.visits.values()
            if visit.status in OCCUPYING and visit.id != moving
            for line in visit.lines
        )
        holds = (
            line
            for whose, hold in self.held.items()
            if whose != call and hold.until > now
            for line in hold.lines
        )
        return not any(
            line.bay_id == bay_id and line.starts_at < free_at and starts_at < line.free_at
            for line in (*standing, *holds, *self.blocks.values())
        )

    def is_blocked(self, line: Line) -> bool:
        """Whether staff have the bay for themselves in that time."""
        return any(
            block.bay_id == line.bay_id
            and block.starts_at < line.free_at
            and line.starts_at < block.free_at
            for block in self.blocks.values()
        )

    def is_elsewhere(
        self, vehicle_id: int, starts_at: datetime, ends_at: datetime, moving: str | None
    ) -> bool:
        """Whether the vehicle is in a bay in that time."""
        return any(
            line.starts_at < ends_at and starts_at < line.ends_at
            for visit in self.visits.values()
            if visit.status in OCCUPYING and visit.vehicle_id == vehicle_id and visit.id != moving
            for line in visit.lines
        )

    def put(self, visit: Visit, now: datetime, call: str | None = None) -> None:
        """It stands so from now on, as the product has answered. Fails when it could not. What
        staff have put over it later does not count."""
        others = Book(
            self.dealership,
            {each: one for each, one in self.visits.items() if each != visit.id},
            self.held,
        )
        for line in visit.lines:
            service = self.dealership.service(line.service_code)
            assert line.ends_at - line.starts_at == timedelta(minutes=service.duration_minutes)
            assert line.free_at >= line.ends_at
            if visit.status in OCCUPYING:
                assert others.is_free(
                    *(line.bay_id, line.starts_at, line.free_at, now), call=call
                ), "a bay, twice"
                assert not others.is_elsewhere(
                    visit.vehicle_id, line.starts_at, line.ends_at, None
                ), "a vehicle, twice"
        self.visits[visit.id] = visit
        if call is not None:
            self.held.pop(call, None)

    def end(self, visit_id: str, status: str) -> None:
        """It occupies its bays no more, or is over."""
        self.visits[visit_id] = replace(self.visits[visit_id], status=status)

    def standing(self) -> list[str]:
        """The appointments that occupy bays, in order of their beginning."""
        found = [v for v in self.visits.values() if v.status in OCCUPYING]
        return [v.id for v in sorted(found, key=lambda v: (v.starts_at, v.id))]
