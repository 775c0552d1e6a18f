"""What callers are considering: openings that were offered to them, and the one that is held.

An *offer* only steers: other calls are shown other openings while there are any, and none is
refused anything by it. It is kept in PostgreSQL, beside the bookings that it is read with: so a
restart of actors or of Redis loses none, and looking for openings needs one store and one clock.
The table is unlogged, for it is worth nothing after a crash of the database.

A *hold* is firm: lines of a bay's time with the status `held`, under the same exclusion constraint
as appointments. One a call; it ends by itself, and whoever bumps into one that has ended removes
it, in the transaction that wants its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.language.characters import storable_key
from otto.scheduling.hours import Period
from otto.scheduling.openings import Opening, OpeningLine
from otto.storage.tables import (
    SID_LENGTH,
    AppointmentLineRow,
    BayBlockRow,
    OfferedStartRow,
)

OFFER_S = 180
"""How long a caller is taken to be considering what was offered."""
_IS_HELD = AppointmentLineRow.status == "held"


# What is in the way


def not_held_for(call_sid: str | None, now: datetime) -> ColumnElement[bool]:
    """Lines that count for this call: not a hold that has ended, nor its own."""
    line = AppointmentLineRow
    others = line.held_until > now
    if call_sid is not None:
        others = and_(others, line.held_by != call_sid)
    return or_(line.status != "held", others)


def blocked(period: Period) -> ColumnElement[bool]:
    """Blocks of staff in the period, in the terms of their index."""
    block = BayBlockRow
    span = func.tstzrange(block.starts_at, block.ends_at)
    return span.bool_op("&&")(func.tstzrange(period.starts_at, period.ends_at))


async def share_bays(connection: AsyncConnection, location_id: str) -> None:
    """Keep staff's blocks from changing until the transaction ends, as every booking, move and
    hold does before it looks at them; who writes blocks takes the same lock for itself alone."""
    key = func.hashtextextended(f"bays {location_id}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock_shared(key)))


# Offers


async def offered_to_others(
    connection: AsyncConnection, location_id: str, span: Period, call_sid: str, now: datetime
) -> list[datetime]:
    """The starts that other calls consider, each as often as it is considered."""
    offered = OfferedStartRow
    wanted = select(offered.starts_at).where(
        offered.location_id == location_id,
        offered.starts_at >= span.starts_at,
        offered.starts_at < span.ends_at,
        offered.offered_until > now,
        offered.call_sid != call_sid,
    )
    return list(await connection.scalars(wanted))


async def note_offers(
    connection: AsyncConnection, openings: Iterable[Opening], call_sid: str, now: datetime
) -> None:
    """Write down what a call was offered, in place of what it was offered before."""
    offered = OfferedStartRow
    over = (
        select(offered.id)
        .where(or_(offered.call_sid == call_sid, offered.offered_until <= now))
        # Another call may be at the same.
        .with_for_update(skip_locked=True)
    )
    await connection.execute(delete(offered).where(offered.id.in_(over)))
    rows = [
        {
            "location_id": opening.location_id,
            "starts_at": opening.starts_at,
            "call_sid": call_sid,
            "offered_until": now + timedelta(seconds=OFFER_S),
        }
        for opening in openings
    ]
    if rows:
        await connection.execute(insert(offered).values(rows))


# Holds


async def drop_holds(
    connection: AsyncConnection, call_sid: str | None, opening: Opening, now: datetime
) -> None:
    """Remove the call's own hold, and those in the way of the opening that have ended."""
    line = AppointmentLineRow
    end = max([opening.ends_at, *(one.free_at for one in opening.lines)])
    wanted = func.tstzrange(opening.starts_at, end)
    use = func.tstzrange(line.starts_at, line.free_at)
    ended = and_(line.held_until <= now, use.bool_op("&&")(wanted))
    mine = line.held_by == call_sid
    which = ended if call_sid is None else or_(mine, ended)
    await connection.execute(delete(line).where(_IS_HELD, which))


async def release_holds(connection: AsyncConnection, call_sid: str) -> None:
    """Remove what is held for the call."""
    line = AppointmentLineRow
    mine = line.held_by == storable_key(call_sid, SID_LENGTH)
    await connection.execute(delete(line).where(_IS_HELD, mine))


async def insert_held(
    connection: AsyncConnection,
    location_id: str,
    lines: Sequence[OpeningLine],
    call_sid: str,
    until: datetime,
) -> bool:
    """Hold the lines; whether all of them found their place. If not, the transaction has to be
    undone."""
    rows = [
        {
            "id": uuid.uuid4(),
            "position": position,
            "location_id": location_id,
            "bay_id": line.bay_id,
            "service_code": line.service_code,
            "starts_at": line.starts_at,
            "ends_at": line.ends_at,
            "free_at": line.free_at,
            "status": "held",
            "held_by": call_sid,
            "held_until": until,
        }
        for position, line in enumerate(lines, start=1)
    ]
    # In one order for everybody, as bookings are.
    rows.sort(key=lambda row: (str(row["bay_id"]), str(row["starts_at"])))
    statement = (
        insert(AppointmentLineRow)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(AppointmentLineRow.id)
    )
    return len((await connection.execute(statement)).all()) == len(rows)
