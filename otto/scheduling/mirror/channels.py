"""Channels by which Google says that a bay's calendar has changed: made, renewed, ended.

They make reading prompt and are no more than that: what no notice told of is read with the next
look. Notices may be lost, come twice, late or out of order, and say nothing but that there is
something to read.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from config.clock import utc_now
from config.dealership import Bay, Location
from config.hosts import is_loopback
from config.settings import Settings
from otto.scheduling.google.channel_token import PATH, channel_token
from otto.scheduling.google.channels import GoogleChannels
from otto.scheduling.google.errors import CalendarError
from otto.storage.tables import CalendarSyncRow

_log = structlog.get_logger()

LIFETIME_S = 7 * 86400.0
"""Google's longest, and what it takes when nothing is asked for."""
RENEWED_BEFORE = timedelta(days=1)
TRIED_AGAIN = timedelta(hours=1)


def channels_of(
    engine: AsyncEngine, google: GoogleChannels, location: Location, settings: Settings
) -> Channels | None:
    """The location's channels; None where Google cannot reach us, which takes https, or where it is
    not to. What is played on this machine reaches it as it is."""
    origin, key = settings.public_origin, settings.twilio.auth_token.get_secret_value()
    is_played = is_loopback(urlsplit(settings.google.calendar_url).hostname or "")
    is_reached = (
        is_played
        if is_loopback(urlsplit(origin).hostname or "")
        else (origin.startswith("https://"))
    )
    if not (settings.google.push and key and is_reached):
        return None
    return Channels(engine, google, location, origin, key)


class Channels:
    """The channels of a location's calendars. `origin`: where Google reaches Otto; `key`: what the
    ingress knows the notices by."""

    def __init__(
        self,
        engine: AsyncEngine,
        google: GoogleChannels,
        location: Location,
        origin: str,
        key: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._engine = engine
        self._google = google
        self._location = location
        self._address = origin + PATH
        self._key = key
        self._clock = clock
        # Another address or another key is another channel.
        of = hashlib.sha256(f"{self._address}\0{channel_token(key, '')}".encode()).hexdigest()
        self._prefix = f"otto-{of[:12]}-"
        self._not_before: datetime | None = None

    async def renew(self) -> None:
        """Make the channels that are missing, or about to end. What fails is tried again later."""
        now = self._clock()
        if self._not_before is not None and now < self._not_before:
            return
        row = CalendarSyncRow
        wanted = select(
            row.calendar_id, row.channel_id, row.channel_resource, row.channel_ends_at
        ).where(row.calendar_id.in_([bay.calendar_id for bay in self._location.bays]))
        async with self._engine.connect() as connection:
            known = {one.calendar_id: one for one in await connection.execute(wanted)}
        for bay in self._location.bays:
            old = known.get(bay.calendar_id)
            ends_at = old.channel_ends_at if old is not None else None
            is_ours = old is not None and (old.channel_id or "").startswith(self._prefix)
            if is_ours and ends_at is not None and ends_at > now + RENEWED_BEFORE:
                continue
            try:
                await self._make(bay)
                if old is not None and old.channel_id and old.channel_resource:
                    await self._google.stop(old.channel_id, old.channel_resource)
            except CalendarError as error:
                _log.warning("calendar_channel_not_made", bay_id=bay.id, error=error.code)
                self._not_before = now + TRIED_AGAIN

    async def _make(self, bay: Bay) -> None:
        channel_id = f"{self._prefix}{uuid.uuid4().hex}"
        token = channel_token(self._key, channel_id)
        made = await self._google.watch(
            bay.calendar_id, channel_id, self._address, token, LIFETIME_S
        )
        values = {
            "channel_id": made.channel_id,
            "channel_resource": made.resource_id,
            "channel_ends_at": made.ends_at,
        }
        row = insert(CalendarSyncRow).values(calendar_id=bay.calendar_id, **values)
        async with self._engine.begin() as connection:
            await connection.execute(
                row.on_conflict_do_update(index_elements=["calendar_id"], set_=values)
            )
