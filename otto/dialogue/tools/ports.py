"""What the tools need from the stores: on the cluster actor handles, in a plain test the
services themselves."""

from __future__ import annotations

from typing import Protocol

from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewCustomer,
    NewVehicle,
    Vehicle,
    Verification,
)
from otto.crm.records import Callback, CallRecord
from otto.crm.repair_orders import RepairOrder
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.code_requests import CodeRequest, CodeVerdict
from otto.scheduling.openings import Opening, OpeningsQuery


class Calendar(Protocol):
    """The bookings of the location."""

    async def find_openings(self, query: OpeningsQuery) -> tuple[Opening, ...]: ...
    async def book(self, request: BookingRequest) -> Booking: ...
    async def text_code(self, request: CodeRequest) -> bool: ...
    async def check_code(self, call_sid: str, code: str) -> CodeVerdict: ...


class Crm(Protocol):
    """The customers of the location."""

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]: ...
    async def verify(self, claim: IdentityClaim) -> Verification: ...
    async def create_customer(self, new: NewCustomer) -> Customer: ...
    async def add_phone(self, customer_id: int, phone: str) -> Customer: ...
    async def add_vehicle(self, new: NewVehicle) -> Vehicle: ...
    async def repair_orders(self, customer_id: int) -> tuple[RepairOrder, ...]: ...
    async def request_callback(self, request: Callback) -> None: ...
    async def record_call(self, record: CallRecord) -> None: ...
