"""The handles of the shared actors, in the shape of the conversation's ports.

What cannot be taken back is preceded by `check`, which raises when the call is another's by now.

They are looked up by name at the first use and again after a loss, because a shared actor that
restarts keeps its name. Their methods are idempotent (by key), so Ray may retry them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

from actors.runtime import registry
from actors.runtime.handle import Handle, find
from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
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
from otto.scheduling.bookings import (
    Booking,
    BookingRequest,
    CancelRequest,
    HoldRequest,
    MoveRequest,
)
from otto.scheduling.openings import Openings, OpeningsQuery
from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict

Check = Callable[[], Awaitable[None]]


async def _unchecked() -> None:
    """For those who hold no call."""


A = TypeVar("A")


class _Named(Generic[A]):
    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check
        self._found: Handle[A] | None = None

    def look_up(self) -> None:
        """Find the actor now, if it is there: the first caller need not wait for it."""
        try:
            self._found = find(self._name)
        except ValueError:
            self._found = None

    @property
    def _actor(self) -> Handle[A]:
        if self._found is None:
            self._found = find(self._name)
        return self._found


class RemoteCalendar(_Named[CalendarActor]):
    """The calendar actor of a location."""

    def __init__(self, location_id: str, check: Check = _unchecked) -> None:
        super().__init__(registry.calendar(location_id), check)

    async def find_openings(self, query: OpeningsQuery) -> Openings:
        return await self._actor.ask(CalendarActor.find_openings, query)

    async def book(self, request: BookingRequest) -> Booking:
        await self._check()
        return await self._actor.ask(CalendarActor.book, request)

    async def appointments_of(self, customer_id: int) -> tuple[Booking, ...]:
        return await self._actor.ask(CalendarActor.appointments_of, customer_id)

    async def reschedule(self, request: MoveRequest) -> Booking:
        await self._check()
        return await self._actor.ask(CalendarActor.reschedule, request)

    async def cancel(self, request: CancelRequest) -> Booking:
        await self._check()
        return await self._actor.ask(CalendarActor.cancel, request)

    async def hold(self, request: HoldRequest) -> datetime:
        await self._check()
        return await self._actor.ask(CalendarActor.hold, request)

    async def release_hold(self, call_sid: str) -> None:
        await self._actor.ask(CalendarActor.release_hold, call_sid)

    async def text_code(self, request: CodeRequest) -> bool:
        await self._check()
        return await self._actor.ask(CalendarActor.text_code, request)

    async def check_code(self, call_sid: str, code: str) -> CodeVerdict:
        await self._check()
        return await self._actor.ask(CalendarActor.check_code, call_sid, code)


class RemoteCrm(_Named[CrmActor]):
    """The CRM actor of a location."""

    def __init__(self, location_id: str, check: Check = _unchecked) -> None:
        super().__init__(registry.crm(location_id), check)

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]:
        return await self._actor.ask(CrmActor.find_by_phone, phone)

    async def verify(self, claim: IdentityClaim) -> Verification:
        return await self._actor.ask(CrmActor.verify, claim)

    async def create_customer(self, new: NewCustomer) -> Customer:
        await self._check()
        return await self._actor.ask(CrmActor.create_customer, new)

    async def add_phone(self, customer_id: int, phone: str) -> Customer:
        await self._check()
        return await self._actor.ask(CrmActor.add_phone, customer_id, phone)

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        await self._check()
        return await self._actor.ask(CrmActor.add_vehicle, new)

    async def repair_orders(self, customer_id: int) -> tuple[RepairOrder, ...]:
        return await self._actor.ask(CrmActor.repair_orders, customer_id)

    async def request_callback(self, request: Callback) -> None:
        await self._actor.ask(CrmActor.request_callback, request)

    async def opt_out(self, wish: OptOut) -> None:
        await self._actor.ask(CrmActor.opt_out, wish)

    async def record_call(self, record: CallRecord) -> None:
        await self._actor.ask(CrmActor.record_call, record)
