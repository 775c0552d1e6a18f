"""The handles of the shared actors, in the shape of the conversation's ports.

What cannot be taken back is preceded by `check`, which raises when the call is another's by now.

They are looked up by name at the first use and again after a loss, because a shared actor that
restarts keeps its name. Their methods are idempotent (by key), so Ray may retry them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import ray

from actors.runtime import registry
from otto.crm.customers import Customer, IdentityClaim, NewCustomer, NewVehicle, Vehicle
from otto.crm.records import Callback, CallRecord
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.openings import Opening, OpeningsQuery

Check = Callable[[], Awaitable[None]]


async def _unchecked() -> None:
    """For those who hold no call."""


class _Named:
    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check
        self._found: Any = None

    def look_up(self) -> None:
        """Find the actor now, if it is there: the first caller need not wait for it."""
        try:
            self._found = ray.get_actor(self._name, namespace=registry.NAMESPACE)
        except ValueError:
            self._found = None

    @property
    def _actor(self) -> Any:
        if self._found is None:
            self._found = ray.get_actor(self._name, namespace=registry.NAMESPACE)
        return self._found


class RemoteCalendar(_Named):
    """The calendar actor of a location."""

    def __init__(self, location_id: str, check: Check = _unchecked) -> None:
        super().__init__(registry.calendar(location_id), check)

    async def find_openings(self, query: OpeningsQuery) -> tuple[Opening, ...]:
        found: tuple[Opening, ...] = await self._actor.find_openings.remote(query)
        return found

    async def book(self, request: BookingRequest) -> Booking:
        await self._check()
        booking: Booking = await self._actor.book.remote(request)
        return booking


class RemoteCrm(_Named):
    """The CRM actor of a location."""

    def __init__(self, location_id: str, check: Check = _unchecked) -> None:
        super().__init__(registry.crm(location_id), check)

    async def find_by_phone(self, phone: str) -> Customer | None:
        found: Customer | None = await self._actor.find_by_phone.remote(phone)
        return found

    async def verify(self, claim: IdentityClaim) -> bool:
        ok: bool = await self._actor.verify.remote(claim)
        return ok

    async def create_customer(self, new: NewCustomer) -> Customer:
        await self._check()
        customer: Customer = await self._actor.create_customer.remote(new)
        return customer

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        await self._check()
        vehicle: Vehicle = await self._actor.add_vehicle.remote(new)
        return vehicle

    async def request_callback(self, request: Callback) -> None:
        await self._actor.request_callback.remote(request)

    async def record_call(self, record: CallRecord) -> None:
        await self._actor.record_call.remote(record)
