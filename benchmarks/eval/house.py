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
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from benchmarks.eval.book import Snapshot, snapshot
from benchmarks.eval.loop import VirtualLoop
from benchmarks.eval.scenario import Given, GivenAppointment, StaffEvent
from benchmarks.eval.servers import Servers, execute
from config import clock
from config.clock import PinnedClock
from config.dealership import Dealership
from config.loading import read_settings
from config.sandbox_endpoints import SandboxEndpoints, with_sandbox
from config.settings import RedisSettings, Settings
from otto.crm.customers import NewCustomer, NewVehicle
from otto.scheduling.bookings import BookingRequest
from otto.scheduling.openings import Opening
from otto.storage.database import make_engine
from otto.storage.redis import make_redis
from otto.storage.tables import CalendarSyncRow, CustomerRow, OutboxRow, VehicleRow
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


class GivenError(ValueError):
    """The starting data cannot be. The message is a sentence."""


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
        due = select(func.count()).where(OutboxRow.done_at.is_(None))
        deadline_s = asyncio.get_running_loop().time() + SETTLE_S
        while asyncio.get_running_loop().time() < deadline_s:
            async with self.engine.connect() as connection:
                if not await connection.scalar(due):
                    return
            await asyncio.sleep(0.5)

    @property
    def texts(self) -> list[Mapping[str, Any]]:
        """The text messages that were sent, oldest first."""
        return [dict(each) for each in self.world.log(MESSAGES_LOG)]

    # The starting data

    async def _begin(self, given: Given) -> None:
        for event in given.staff:
            self._enter(event)
        await self.calendar.ready()
        await self.crm.ready()
        for customer in given.customers:
            first, _, last = customer.name.partition(" ")
            new = NewCustomer(f"given:{customer.name}", first, last, customer.phone, customer.born)
            made = await self.crm.create_customer(new)
            for car in customer.cars:
                year, make, model = car.split(" ", 2)
                key = f"given:{customer.name}:{car}"
                await self.crm.add_vehicle(NewVehicle(key, made.id, int(year), make, model))
        for appointment in given.appointments:
            await self._book(appointment)
        if given.staff:
            await self._until_read()
        await self.settle()

    def _enter(self, event: StaffEvent) -> None:
        store = self.world.google.store
        for bay in self.location.bays:
            if event.bays and bay.id not in event.bays:
                continue
            starts, ends = (
                datetime.combine(event.day, at, self.location.zone)
                for at in (event.start, event.end)
            )
            body = {
                "summary": event.title,
                "start": {"dateTime": starts.isoformat()},
                "end": {"dateTime": ends.isoformat()},
            }
            store.insert(store.calendar(bay.calendar_id), body)

    async def _until_read(self) -> None:
        """Until what staff have entered is in the book."""
        read = select(func.count()).where(CalendarSyncRow.synced_at.is_not(None))
        for _ in range(200):
            async with self.engine.connect() as connection:
                if (await connection.scalar(read) or 0) >= len(self.location.bays):
                    return
            await asyncio.sleep(0.2)
        raise GivenError("what staff have entered was never read")

    async def _book(self, wanted: GivenAppointment) -> None:
        who, car_id = await self._owner(wanted)
        if wanted.service not in {each.code for each in self.dealership.services}:
            raise GivenError(f"there is no service {wanted.service}")
        service = self.dealership.service(wanted.service)
        starts = wanted.starts.replace(tzinfo=self.location.zone)
        bays = [bay for bay in self.location.bays if service.skill in bay.skills]
        bay_id = wanted.bay or bays[-1].id
        opening = Opening.of_one(
            self.location.id,
            bay_id,
            service.code,
            starts,
            starts + timedelta(minutes=service.duration_minutes),
            starts + timedelta(minutes=service.duration_minutes + service.buffer_minutes),
        )
        key = f"given:{who.id}:{starts.isoformat()}:{service.code}"
        await self.calendar.book(BookingRequest(key, opening, who.id, car_id, who.phone))

    async def _owner(self, wanted: GivenAppointment) -> tuple[Any, int]:
        first, _, last = wanted.who.partition(" ")
        async with self.engine.connect() as connection:
            query = select(CustomerRow).where(
                CustomerRow.first_name == first, CustomerRow.last_name == last
            )
            who = (await connection.execute(query)).first()
            if who is None:
                raise GivenError(f"{wanted.who} is not in the book")
            cars = (
                await connection.execute(
                    select(VehicleRow)
                    .where(VehicleRow.customer_id == who.id)
                    .order_by(VehicleRow.id)
                )
            ).all()
        for car in cars:
            if wanted.car in (None, f"{car.year} {car.make} {car.model}"):
                return who, car.id
        raise GivenError(f"{wanted.who} has no {wanted.car}")


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
