"""What `otto calendar status | dead | replay | reconcile` do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from cluster.calendar_delivery import tell_google
from cluster.database import database_errors, operator_engine
from cluster.errors import StackError
from config.clock import utc_now
from config.dealership import Dealership, load_dealership
from config.settings import Settings
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.google.errors import CalendarError
from otto.scheduling.mirror import blocks, reconcile, replay, status
from otto.scheduling.mirror.drift import Drift
from otto.scheduling.mirror.follow import Mirror
from otto.scheduling.mirror.staff import StaffDesk
from otto.scheduling.service import CalendarService
from otto.storage.tables import CalendarConflictRow


@dataclass(frozen=True, slots=True)
class Standing:
    """How the calendars stand."""

    calendars: tuple[status.CalendarStatus, ...]
    conflicts: tuple[CalendarConflictRow, ...]

    @property
    def is_well(self) -> bool:
        return all(each.is_well for each in self.calendars)


async def standing(settings: Settings) -> Standing:
    """`otto calendar status`"""
    bays = [bay for at in _dealership(settings).locations for bay in at.bays]
    async with _database(settings) as engine, engine.connect() as connection:
        return Standing(
            await status.calendar_status(connection, bays),
            await blocks.conflicts(connection, [bay.calendar_id for bay in bays]),
        )


async def seen(settings: Settings, ids: Sequence[int] | None) -> int:
    """`otto calendar seen`: a person has looked at these conflicts, or at all."""
    async with _database(settings) as engine, engine.begin() as connection:
        return await blocks.resolve(connection, ids)


async def dead(settings: Settings) -> tuple[replay.DeadRow, ...]:
    """`otto calendar dead`"""
    async with _database(settings) as engine, engine.connect() as connection:
        return await replay.dead_rows(connection)


async def again(settings: Settings, ids: Sequence[int] | None) -> frozenset[int]:
    """`otto calendar replay`: which rows are told again. Raises `StackError` for an id that is no
    dead row's, and changes nothing then."""
    async with _database(settings) as engine, engine.begin() as connection:
        done = await replay.replay(connection, ids)
        missing = sorted(set(ids or ()) - done)
        if missing:
            raise StackError(f"no dead calendar row has the id {', '.join(map(str, missing))}")
    return done


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What `otto calendar reconcile` found, and, with `--apply`, what is left to be told."""

    found: tuple[reconcile.Mended, ...]
    given: int = 0
    """Lines that had no event and have one now."""
    left: int = 0
    """Rows of the outbox that Google has not taken in time."""


async def reconciled(settings: Settings, *, apply: bool) -> Reconciled:
    """`otto calendar reconcile`. Raises `StackError` when Google does not answer."""
    dealership, google = _dealership(settings), GoogleCalendar(settings.google)
    try:
        async with _database(settings) as engine:
            if not apply:
                found = await _drift(engine, dealership, google)
                return Reconciled(tuple(reconcile.Mended(each, "") for each in found))
            return await _apply(settings, engine, dealership, google)
    except CalendarError as error:
        raise StackError(
            f"Google Calendar cannot be used ({error.code}): `otto check` says more"
        ) from None
    finally:
        await google.close()


async def _apply(
    settings: Settings, engine: AsyncEngine, dealership: Dealership, google: GoogleCalendar
) -> Reconciled:
    mirrors = [_mirror(settings, engine, dealership, at.id, google) for at in dealership.locations]
    for mirror in mirrors:
        await mirror.follow()  # what staff have done is no drift
    await tell_google(engine, dealership, google)
    found = await _drift(engine, dealership, google)
    given = 0
    async with engine.begin() as connection:
        for at in dealership.locations:
            given += await reconcile.give_events(connection, at.id, utc_now())
        mended = await reconcile.mend(connection, found)
    for mirror in mirrors:
        await mirror.follow()
    left = await tell_google(engine, dealership, google)
    return Reconciled(mended, given, left)


def _mirror(
    settings: Settings,
    engine: AsyncEngine,
    dealership: Dealership,
    location_id: str,
    google: GoogleCalendar,
) -> Mirror:
    service = CalendarService(
        engine,
        dealership,
        location_id,
        limits=settings.limits,
        lines=(settings.twilio.phone_number,),
    )
    desk = StaffDesk(engine, dealership.location(location_id), service)
    return Mirror(engine, dealership, location_id, google, desk)


async def _drift(
    engine: AsyncEngine, dealership: Dealership, google: GoogleCalendar
) -> tuple[Drift, ...]:
    now, found = utc_now(), list[Drift]()
    for at in dealership.locations:
        found += await reconcile.find_drift(engine, dealership, at.id, google, now)
    return tuple(found)


def _dealership(settings: Settings) -> Dealership:
    return load_dealership(settings.dealership_file)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[AsyncEngine]:
    with database_errors():
        async with operator_engine(settings) as engine:
            yield engine
