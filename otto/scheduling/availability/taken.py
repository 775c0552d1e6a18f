"""Time that is taken: of bays and of vehicles, asked in the terms of the indexes that keep it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, bindparam, func, literal_column, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.scheduling.availability.holds import blocked, not_held_for
from otto.scheduling.hours import Period
from otto.scheduling.openings import Opening
from otto.storage.appointment_terms import OCCUPYING, STANDING
from otto.storage.tables import AppointmentLineRow, AppointmentRow, BayBlockRow


def _among(column: Any, statuses: Sequence[str]) -> ColumnElement[bool]:
    """Written out, not as parameters: only then does the planner see that an index which holds
    these alone is enough."""
    found: ColumnElement[bool] = column.in_(
        bindparam(None, statuses, expanding=True, literal_execute=True)
    )
    return found


OCCUPIES = _among(AppointmentLineRow.status, OCCUPYING)
"""Lines whose bay is taken."""
HAS_VEHICLE = _among(AppointmentLineRow.status, STANDING)
"""Lines whose vehicle is expected, or there."""
STANDS = _among(AppointmentRow.status, STANDING)
"""Appointments that are not over."""


def overlapping(period: Period) -> ColumnElement[bool]:
    """Lines whose bay is in use in the period, in the terms of the index on (bay, time)."""
    return _meets(AppointmentLineRow.free_at, period)


def work_overlapping(period: Period) -> ColumnElement[bool]:
    """Lines worked on in the period, in the terms of the index on (vehicle, time)."""
    return _meets(AppointmentLineRow.ends_at, period)


def _meets(end: Any, period: Period) -> ColumnElement[bool]:
    taken = func.tstzrange(AppointmentLineRow.starts_at, end)
    return taken.bool_op("&&")(func.tstzrange(period.starts_at, period.ends_at))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way of a wish: its own key ("key"), a bay that is taken ("bay"), or the
    customer's vehicle that is expected elsewhere ("vehicle")."""

    kind: Literal["key", "bay", "vehicle"]
    appointment_id: uuid.UUID | None
    bay_id: str | None
    period: Period


async def in_the_way(
    connection: AsyncConnection,
    opening: Opening,
    bay_ids: Iterable[str],
    *,
    now: datetime,
    call_sid: str | None = None,
    key: str | None = None,
    customer_id: int | None = None,
    vehicle_id: int | None = None,
    itself: uuid.UUID | None = None,
) -> tuple[Obstacle, ...]:
    """What is in the way, in one look: appointments, what is held for other calls than
    `call_sid`, and blocks of staff. Advice only: what counts are the constraints, when the insert
    meets them, and for blocks the lock of `share_bays`. Of another customer's vehicle nothing is
    told, and the appointment `itself` is not in its own way."""
    head, line, block = AppointmentRow, AppointmentLineRow, BayBlockRow
    bays = list(bay_ids)
    # Whatever comes in is looked at before it is checked.
    end = max([opening.starts_at, *(one.free_at for one in opening.lines)])
    whole = Period(opening.starts_at, end)
    looks: list[Any] = [
        select(
            literal_column("'bay'"), line.appointment_id, line.bay_id, line.starts_at, line.free_at
        ).where(OCCUPIES, line.bay_id.in_(bays), overlapping(whole), not_held_for(call_sid, now)),
        select(literal_column("'bay'"), null(), block.bay_id, block.starts_at, block.ends_at).where(
            block.bay_id.in_(bays), blocked(whole)
        ),
    ]
    if key is not None:
        looks.append(
            select(literal_column("'key'"), head.id, null(), head.starts_at, head.ends_at).where(
                head.idempotency_key == key
            )
        )
    if vehicle_id is not None:
        looks.append(
            select(
                literal_column("'vehicle'"),
                line.appointment_id,
                line.bay_id,
                line.starts_at,
                line.ends_at,
            )
            .join(head, head.id == line.appointment_id)
            .where(
                HAS_VEHICLE,
                line.vehicle_id == vehicle_id,
                head.customer_id == customer_id,
                work_overlapping(whole),
            )
        )
    return tuple(
        Obstacle(kind, appointment_id, bay_id, Period(starts_at, ends_at))
        for kind, appointment_id, bay_id, starts_at, ends_at in await connection.execute(
            union_all(*looks)
        )
        if itself is None or appointment_id != itself
    )
