"""The dealership of one text run: the product's actors on this loop, the sandbox around them.

What the cluster would run in processes of its own runs here as plain objects: the calendar actor
and the CRM actor with their outbox worker and followers, the model's client, the conversation. They
speak with a PostgreSQL of their own, a Valkey, and the sandbox's chat completions, Google and
Twilio over their real clients. Time is virtual, and everybody's.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from benchmarks.eval.book import Snapshot, snapshot
from benchmarks.eval.loop import VirtualLoop
from benchmarks.eval.scenario import Given
from benchmarks.eval.servers import Servers, execute
from benchmarks.eval.starting import settled, staff_events, until_read, write
from config import clock
from config.clock import PinnedClock
from config.dealership import Dealership
from config.loading import read_settings
from config.sandbox_endpoints import SandboxEndpoints, with_sandbox
from config.settings import RedisSettings, Settings
from otto.storage.database import make_engine
from otto.storage.redis import make_redis
from sandbox.app import serve
from sandbox.twilio.exchange import MESSAGES_LOG
from sandbox.world import Options, World

POLL_S = 3600.0
SETTLE_S = 60.0
"""Virtual seconds in which everything that a call has left to be delivered is delivered."""
REST_MS = 0
"""Google is asked from a thread, for which the loop waits with its clock stopped: nobody sleeps."""
LINE = "+13125550100"
"""The number that callers dial."""


class House:
    """Use it as `async with House.open(...) as house`, on a loop of its own."""

    def __init__(self, dealership: Dealership, settings: Settings, world: World) -> None:
        self.dealership = dealership
        self.settings = settings
        self.world = world
        self.location = dealership.locations[0]
        self.calendar = CalendarActor(settings, dealership, self.location.id)
        self.crm = CrmActor(settings, self.location.id)
        self.engine: AsyncEngine = make_engine(settings.database)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        servers: Servers,
        dealership: Dealership,
        starts: datetime,
        given: Given,
        sandbox_model: str = "",
    ) -> AsyncIterator[House]:
        """A house in which it is `starts` now, with the starting data. `sandbox_model`: the one of
        the sandbox's that answers, where it is not the receptionist."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        name = f"run_{uuid.uuid4().hex[:12]}"
        template = servers.template(starts.astimezone(dealership.locations[0].zone).date())
        await execute(servers, f"CREATE DATABASE {name} TEMPLATE {template}")
        redis = make_redis(RedisSettings(url=SecretStr(servers.redis_url)))
        await redis.flushdb()
        await redis.aclose()

        def shows() -> datetime:
            return starts + timedelta(seconds=loop.time() - began_s)

        clock.use(shows)
        world = World(Options(speech="known", rest_ms=REST_MS), clock=shows)
        try:
            async with serve(world) as origin:
                if isinstance(loop, VirtualLoop):
                    loop.inside.add(int(origin.rpartition(":")[2]))
                settings = _settings(servers, name, world, origin, starts)
                if sandbox_model:
                    chosen = settings.openai.model_copy(update={"model": sandbox_model})
                    settings = settings.model_copy(update={"openai": chosen})
                house = cls(dealership, settings, world)
                clock.use(shows)  # an actor that is made goes by its settings' clock
                await house._begin(given)
                try:
                    yield house
                finally:
                    await house.engine.dispose()
        finally:
            clock.use(None)
            with contextlib.suppress(OSError):
                await execute(servers, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def snapshot(self) -> Snapshot:
        """All tables, and all events of the calendars."""
        events = {
            event_id: copy.deepcopy(event)
            for calendar in self.world.google.store.calendars.values()
            for event_id, event in calendar.events.items()
        }
        return await snapshot(self.engine, events)

    async def settle(self) -> None:
        """Wait until everything that was to be delivered is."""
        await settled(self.engine, SETTLE_S)

    @property
    def texts(self) -> list[Mapping[str, Any]]:
        """The text messages that were sent, oldest first."""
        return [dict(each) for each in self.world.log(MESSAGES_LOG)]

    async def _begin(self, given: Given) -> None:
        store = self.world.google.store
        for calendar_id, event in staff_events(given, self.location):
            store.insert(store.calendar(calendar_id), event)
        await self.calendar.ready()
        await self.crm.ready()
        await write(given, self.dealership, self.calendar, self.crm, self.engine)
        if given.staff:
            await until_read(self.engine, len(self.location.bays))
        await self.settle()


def _settings(
    servers: Servers, database: str, world: World, origin: str, starts: datetime
) -> Settings:
    """The product's settings, with the sandbox's addresses for everybody."""
    endpoints = SandboxEndpoints(
        pid=0,
        http=origin,
        control_token=world.control_token,
        deepgram_url=f"ws{origin.removeprefix('http')}/deepgram",
        openai_base_url=f"{origin}/openai/v1",
        google_calendar_url=f"{origin}/google/calendar/v3/",
        google_token_url=f"{origin}/google/token",
        twilio_api_url=f"{origin}/twilio",
        database_url=servers.on(database),
        redis_url=servers.redis_url,
        account_sid=world.account_sid,
        auth_token=world.auth_token,
        api_key=world.api_key,
        phone_number=world.phone_number,
    )
    kept = Path(servers.folder) / "kept" / database
    settings = with_sandbox(read_settings(journal_dir=kept, log_level="ERROR"), endpoints)
    pinned = PinnedClock.showing(starts)
    database_settings = settings.database.model_copy(
        update={"url": SecretStr(servers.on(database))}
    )
    # Staff enter nothing during a call, and what they have entered before is read at the start.
    google = settings.google.model_copy(update={"poll_s": POLL_S})
    changed = {"clock": pinned, "database": database_settings, "google": google}
    return settings.model_copy(update=changed)
