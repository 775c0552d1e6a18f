"""The CRM actor: the customers of one location, for every call of the cluster.

It imports nothing heavy, because a call actor that looks it up imports this module: in the middle
of the call, at the first thing it asks (0.7 CPU-seconds and 12 MB with the database's modules).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.runtime.deposit import Deposit, collected
from actors.runtime.process import BaseActor

if TYPE_CHECKING:
    from config.settings import Settings
    from otto.crm.customers import (
        Customer,
        IdentityClaim,
        NewCustomer,
        NewVehicle,
        Vehicle,
        Verification,
    )
    from otto.crm.records import Callback, CallRecord, OptOut
    from otto.crm.repair_orders import RepairOrder


class CrmActor(BaseActor):
    """Reads and writes customers. Every write is idempotent by its key."""

    def __init__(self, given: Settings | Deposit, location_id: str) -> None:
        from otto.crm.cache_invalidations import CacheInvalidations
        from otto.crm.customer_cache import CustomerCache
        from otto.crm.repair_desk import RepairDesk, dealer_system
        from otto.crm.retention import RetentionSweeper
        from otto.crm.service import CrmService
        from otto.storage.database import make_engine
        from otto.storage.guard import DatabaseGuard
        from otto.storage.redis import make_redis
        from otto.storage.spool import Spool

        settings = collected(given)
        super().__init__(settings.log_level, settings.clock)
        redis = make_redis(settings.redis)
        engine = make_engine(settings.database)
        spool = Spool(redis, settings.journal_dir, location_id)
        cache = CustomerCache(redis, settings.redis.customer_ttl_s)
        self._service = CrmService(
            engine,
            location_id,
            cache,
            guard=DatabaseGuard(settings.database.command_timeout_s),
            spool=spool,
            limits=settings.limits,
        )
        self._repairs = RepairDesk(
            engine,
            dealer_system(settings.dealer_system, engine, location_id),
            guard=DatabaseGuard(settings.database.command_timeout_s),
        )
        self._sweeper = RetentionSweeper(engine, settings.retention, spool)
        self._invalidations = CacheInvalidations(engine, cache)
        self._chores: list[asyncio.Task[None]] = []

    async def ready(self) -> None:
        """Returns when the actor answers, delivers what was kept while the database was away and
        what Redis has to hear of, and removes what is old."""
        if not self._chores:
            loop = asyncio.get_running_loop()
            self._chores = [
                loop.create_task(self._service.calls.deliver_kept()),
                loop.create_task(self._sweeper.run()),
                loop.create_task(self._invalidations.run()),
            ]

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]:
        await self.ready()  # after a restart by Ray nobody else does
        return await self._service.find_by_phone(phone)

    async def verify(self, claim: IdentityClaim) -> Verification:
        return await self._service.verify(claim)

    async def create_customer(self, new: NewCustomer) -> Customer:
        return await self._service.create_customer(new)

    async def add_phone(self, customer_id: int, phone: str) -> Customer:
        return await self._service.add_phone(customer_id, phone)

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        return await self._service.add_vehicle(new)

    async def repair_orders(self, customer_id: int) -> tuple[RepairOrder, ...]:
        return await self._repairs.repair_orders(customer_id)

    async def request_callback(self, request: Callback) -> None:
        await self.ready()
        await self._service.calls.request_callback(request)

    async def opt_out(self, wish: OptOut) -> None:
        await self.ready()
        await self._service.calls.opt_out(wish)

    async def record_call(self, record: CallRecord) -> None:
        await self.ready()
        await self._service.calls.record_call(record)
