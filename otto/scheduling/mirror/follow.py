"""Following the calendars: what is new in them is read, and decided about by the book.

Each calendar is read by its sync token, whole when there is none. The token is kept only when
everything before it was dealt with, so that whatever fails comes again; all of it bears
repetition.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.clock import utc_now
from config.dealership import Bay, Dealership
from otto.language.characters import storable_key
from otto.scheduling.bookings import SchedulingError
from otto.scheduling.google.calendar import Changes, GoogleCalendar
from otto.scheduling.google.errors import CalendarError, SyncTokenExpired
from otto.scheduling.google.seen_events import SeenEvent
from otto.scheduling.hours import Period
from otto.scheduling.mirror.blocks import Shown, forget_other_calendars, show, write_blocks
from otto.scheduling.mirror.book import (
    EventBook,
    is_standing,
    line_written_as,
    lines_of,
    standing_lines,
)
from otto.scheduling.mirror.meaning import (
    CHANGED_MEANWHILE,
    Block,
    BookedLine,
    Cancel,
    Meaning,
    Move,
    NoBlock,
    PutBack,
    meaning,
)
from otto.storage.tables import KEY_LENGTH, AppointmentLineRow, CalendarSyncRow, OutboxRow

_log = structlog.get_logger()

LOOKS_BACK = timedelta(days=1)
"""How old what a full reading brings may be."""


class Desk(Protocol):
    """What the mirror asks for in the name of staff. Both raise `SchedulingError` for what cannot
    be, and bear repetition: the key is the wish's."""

    async def move(self, line: BookedLine, bay: Bay, period: Period, key: str) -> None:
        """The line to another time or bay; its customer is told."""

    async def cancel(self, line: BookedLine, key: str) -> None:
        """The line's appointment."""

    async def ask_for_calls(self) -> int:
        """Have those called whose appointments were cancelled so."""


class Mirror(EventBook):
    """The calendars of one location. `after_commit` wakes the outbox's worker."""

    def __init__(
        self,
        engine: AsyncEngine,
        dealership: Dealership,
        location_id: str,
        google: GoogleCalendar,
        desk: Desk,
        clock: Callable[[], datetime] = utc_now,
        *,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(engine, dealership)
        self._location = dealership.location(location_id)
        self._google = google
        self._desk = desk
        self._clock = clock
        self._after_commit = after_commit
        self._bays = {bay.calendar_id: bay for bay in self._location.bays}
        self._deciding = asyncio.Lock()
        """One edit after the other: two of one appointment would meet."""

    async def look(self, calendar_id: str, event_id: str) -> str:
        """Decide about what somebody else has made of our event; returns the version seen."""
        event = await self._google.see_event(calendar_id, self._location.zone, event_id)
        bay = self._bays.get(calendar_id)
        if event is not None and bay is not None:
            await self._decide(event)
        return event.etag if event is not None else ""

    async def parting(self, calendar_id: str, event_id: str) -> None:
        """An event that leaves this calendar because its line has: if somebody has moved it since
        we wrote it, the book's change was earlier, and a person sees that theirs is lost."""
        event = await self._google.see_event(calendar_id, self._location.zone, event_id)
        if event is None or event.is_cancelled or event.written is None or event.is_as_written:
            return
        owner = event.appointment_id
        async with self._engine.connect() as connection:
            is_lost = owner is not None and await is_standing(connection, owner)
        if is_lost and calendar_id in self._bays:
            await self._show([Shown("move_refused", CHANGED_MEANWHILE, event)])

    # Reading

    async def follow(self) -> int:
        """Read what is new in every calendar and deal with it; returns in how many that failed,
        which is written down for each."""
        read = await asyncio.gather(*map(self._read, self._location.bays))
        failed = 0
        for bay, changes in zip(self._location.bays, read, strict=True):
            try:
                if isinstance(changes, CalendarError):
                    raise changes
                await self._deal_with(bay, *changes)
            except Exception as error:
                # Whatever it is, it holds up this calendar only. Its text may hold somebody's data.
                code = error.code if isinstance(error, CalendarError) else type(error).__name__
                failed += 1
                _log.warning("calendar_not_read", bay_id=bay.id, error=code)
                await self._note(bay, last_error=code)
        async with self._engine.begin() as connection:
            await forget_other_calendars(connection, self._location.id, self._bays)
        await self._desk.ask_for_calls()
        return failed

    async def _read(self, bay: Bay) -> tuple[CalendarSyncRow, Changes] | CalendarError:
        """What is new, and the state it goes on from; None of which when Google does not say."""
        row = CalendarSyncRow
        wanted = select(row.sync_token, row.since).where(row.calendar_id == bay.calendar_id)
        async with self._engine.connect() as connection:
            known = (await connection.execute(wanted)).one_or_none()
        before = CalendarSyncRow(
            calendar_id=bay.calendar_id,
            sync_token=known and known.sync_token,
            since=known.since if known and known.since else self._clock() - LOOKS_BACK,
        )
        zone = self._location.zone
        assert before.since is not None
        try:
            try:
                changes = await self._google.changes(
                    bay.calendar_id, zone, before.sync_token, before.since
                )
            except SyncTokenExpired:
                before.sync_token, before.since = None, self._clock() - LOOKS_BACK
                changes = await self._google.changes(bay.calendar_id, zone, None, before.since)
        except CalendarError as error:
            return error
        return before, changes

    async def _deal_with(self, bay: Bay, before: CalendarSyncRow, changes: Changes) -> None:
        is_all = before.sync_token is None
        async with self._engine.connect() as connection:
            lines = await lines_of(connection, changes.events)
            unseen = await self._unseen(connection, bay, changes) if is_all else ()
        for line in unseen:
            await self.look(bay.calendar_id, line.event_id)
        now, found = self._clock(), dict[str, Period | None]()
        for event in changes.events:
            meant = meaning(event, lines.get(event.event_id), now)
            if isinstance(meant, Block) and meant.restored is None and event.appointment_id is None:
                found[event.event_id] = meant.period
            elif isinstance(meant, NoBlock):
                found[event.event_id] = None
            else:
                found[event.event_id] = await self._decide(event)
        async with self._engine.begin() as connection:
            await write_blocks(
                connection,
                self._location.id,
                bay,
                found,
                is_all=is_all,
                now=now,
            )
            await _save(
                connection,
                bay.calendar_id,
                sync_token=changes.sync_token,
                since=before.since,
                synced_at=now,
                last_error=None,
            )

    async def _unseen(
        self, connection: AsyncConnection, bay: Bay, changes: Changes
    ) -> tuple[BookedLine, ...]:
        """Lines whose events a full reading did not bring, though Google was told of them: somebody
        has deleted them long ago, or moved them far into the past."""
        seen = {event.event_id for event in changes.events}
        standing = await standing_lines(connection, self._location.id, self._clock())
        return tuple(
            line
            for line in standing
            if line.is_told
            and line.place.calendar_id == bay.calendar_id
            and line.event_id not in seen
        )

    async def _note(self, bay: Bay, **values: object) -> None:
        async with self._engine.begin() as connection:
            await _save(connection, bay.calendar_id, **values)

    # Deciding

    async def _decide(self, event: SeenEvent) -> Period | None:
        """Do what the event means, as the book is at this moment; returns the time it takes of the
        bay beside what is booked."""
        async with self._deciding:
            event, line = await self._whose(event)
            meant = meaning(event, line, self._clock())
            await self._do(event, meant)
        return meant.period if isinstance(meant, Block) else None

    async def _whose(self, event: SeenEvent) -> tuple[SeenEvent, BookedLine | None]:
        """The line whose event it is. Of a deleted one, the event as it stands elsewhere, if it was
        taken there."""
        async with self._engine.connect() as connection:
            line = (await lines_of(connection, [event])).get(event.event_id)
            if line is None:
                line = await line_written_as(connection, event)
                if line is not None and await self._stands(line.place.calendar_id, line.event_id):
                    line = None  # a copy: the event itself is where it was
        if line is None or not event.is_cancelled or event.calendar_id != line.place.calendar_id:
            return event, line
        others = [calendar_id for calendar_id in self._bays if calendar_id != event.calendar_id]
        for calendar_id in others if line.stands else ():
            there = await self._google.find_event(
                calendar_id,
                self._location.zone,
                event.event_id,
                event.ical_uid,
                event.written or line.place,
            )
            if there is not None:
                return there, line
        return event, line

    async def _stands(self, calendar_id: str, event_id: str) -> bool:
        found = await self._google.see_event(calendar_id, self._location.zone, event_id)
        return found is not None and not found.is_cancelled

    async def _do(self, event: SeenEvent, meant: Meaning) -> None:
        key = f"calendar:{event.event_id}:{event.etag}"
        if isinstance(meant, Move):
            try:
                await self._desk.move(
                    meant.line, self._bays[meant.to.calendar_id], meant.to.period, key
                )
            except SchedulingError as refused:
                await self._put_back(event, meant.line, refused.code)
            else:
                await self._adopt(event, meant.line)
        elif isinstance(meant, Cancel):
            try:
                await self._desk.cancel(meant.line, key)
            except SchedulingError as refused:
                await self._put_back(event, meant.line, refused.code)
            else:
                await self._show([Shown("deleted", "deleted", event, meant.line)])
        elif isinstance(meant, PutBack):
            await self._put_back(event, meant.line, meant.code)
        elif isinstance(meant, Block) and meant.restored is not None:
            await self._show([Shown("restored", "restored", event, meant.restored)])
        else:
            return
        self._after_commit()

    async def _adopt(self, event: SeenEvent, line: BookedLine) -> None:
        """The line has moved as staff wanted it: their event stays, and is the line's."""
        row = AppointmentLineRow
        async with self._engine.begin() as connection:
            ours = row.appointment_id == line.appointment_id
            now_at = (row.starts_at == _start(event)) & (
                row.bay_id == self._bays[event.calendar_id].id
            )
            taken_over = await connection.scalar(
                select(row.google_event_id).where(ours, now_at).with_for_update()
            )
            await connection.execute(
                update(row)
                .where(ours, now_at)
                .values(google_event_id=event.event_id, google_etag=event.etag)
            )
            appointment = str(line.appointment_id)
            if taken_over is not None and taken_over != event.event_id:
                await _write(connection, "delete", event.calendar_id, taken_over, appointment)
            key = f"{event.event_id}:agreed:{event.etag}"
            await _write(
                connection, "upsert", event.calendar_id, event.event_id, appointment, key=key
            )
        _log.info("calendar_edit_agreed", appointment_id=appointment, kind="moved")

    async def _put_back(self, event: SeenEvent, line: BookedLine, code: str) -> None:
        """What staff wanted cannot be: the event has to be again as the book says, and a person
        sees that it could not."""
        appointment, place = str(line.appointment_id), line.place
        is_there = event.event_id == line.event_id and event.calendar_id == place.calendar_id
        async with self._engine.begin() as connection:
            await show(
                connection,
                self._location.id,
                self._bays[event.calendar_id],
                Shown("move_refused", code, event, line),
            )
            if is_there and not event.is_cancelled:
                key = f"{event.event_id}:over:{event.etag}"
                await _write(
                    connection,
                    "upsert",
                    place.calendar_id,
                    event.event_id,
                    appointment,
                    key=key,
                    over=event.etag,
                )
            else:
                # Where it was its id stays reserved.
                row, anew = AppointmentLineRow, uuid.uuid4().hex
                await connection.execute(
                    update(row)
                    .where(row.google_event_id == line.event_id)
                    .values(google_event_id=anew, google_etag=None)
                )
                await _write(connection, "upsert", place.calendar_id, anew, appointment)
                if not event.is_cancelled:
                    await _write(
                        connection, "delete", event.calendar_id, event.event_id, appointment
                    )
        _log.warning("calendar_edit_refused", appointment_id=appointment, code=code)

    async def _show(self, shown: Iterable[Shown]) -> None:
        async with self._engine.begin() as connection:
            for each in shown:
                bay = self._bays[each.event.calendar_id]
                await show(connection, self._location.id, bay, each)


def _start(event: SeenEvent) -> datetime:
    assert event.period is not None  # a move goes somewhere
    return event.period.starts_at


async def _write(
    connection: AsyncConnection,
    what: str,
    calendar_id: str,
    event_id: str,
    appointment_id: str,
    *,
    key: str = "",
    over: str = "",
) -> None:
    """A row for the outbox; the same one is written once."""
    payload = {"calendar_id": calendar_id, "event_id": event_id, "appointment_id": appointment_id}
    row = {
        "kind": f"calendar.{what}",
        "key": storable_key(f"calendar.{what}:{key or f'{calendar_id}:{event_id}'}", KEY_LENGTH),
        "payload": payload | ({"over": over} if over else {}),
    }
    await connection.execute(insert(OutboxRow).values(row).on_conflict_do_nothing())


async def _save(connection: AsyncConnection, calendar_id: str, **values: object) -> None:
    row = insert(CalendarSyncRow).values(calendar_id=calendar_id, **values)
    await connection.execute(
        row.on_conflict_do_update(index_elements=["calendar_id"], set_=dict(values))
    )
