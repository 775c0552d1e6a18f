"""The CRM actor: the customers of one location, for every call of the cluster."""

from __future__ import annotations

from datetime import date

from config.settings import Settings
from otto.crm.database import make_engine
from otto.crm.service import CallRecord, CrmService, Customer, CustomerCache, Vehicle
from otto.dialogue.session_store import make_redis


class CrmActor:
    """Reads and writes customers. Every write is idempotent by its key."""

    def __init__(self, settings: Settings, location_id: str) -> None:
        cache = CustomerCache(make_redis(settings.redis), settings.redis.customer_ttl_s)
        self._service = CrmService(make_engine(settings.database), location_id, cache)

    async def ready(self) -> None:
        """Returns when the actor answers."""

    async def find_by_phone(self, phone: str) -> Customer | None:
        return await self._service.find_by_phone(phone)

    async def verify(
        self, customer_id: int, date_of_birth: date | None, vin_last_six: str | None
    ) -> bool:
        return await self._service.verify(
            customer_id, date_of_birth=date_of_birth, vin_last_six=vin_last_six
        )

    async def create_customer(
        self, key: str, first_name: str, last_name: str, phone: str, date_of_birth: date | None
    ) -> Customer:
        return await self._service.create_customer(key, first_name, last_name, phone, date_of_birth)

    async def add_vehicle(
        self, key: str, customer_id: int, year: int, make: str, model: str, vin: str | None
    ) -> Vehicle:
        return await self._service.add_vehicle(key, customer_id, year, make, model, vin)

    async def request_callback(
        self, key: str, phone: str, reason: str, call_sid: str | None
    ) -> None:
        await self._service.request_callback(key, phone, reason, call_sid)

    async def record_call(self, record: CallRecord) -> None:
        await self._service.record_call(record)
