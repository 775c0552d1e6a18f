"""What the tools need from the stores: on the cluster actor handles, in a plain test the
services themselves."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from otto.crm.customers import Customer, Vehicle
from otto.crm.records import CallRecord
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.openings import Opening, OpeningsQuery


class Calendar(Protocol):
    """The book of the location."""

    async def find_openings(self, query: OpeningsQuery) -> tuple[Opening, ...]: ...
    async def book(self, request: BookingRequest) -> Booking: ...


class Crm(Protocol):
    """The customers of the location."""

    async def find_by_phone(self, phone: str) -> Customer | None: ...
    async def verify(
        self,
        customer_id: int,
        *,
        date_of_birth: date | None = None,
        vin_last_six: str | None = None,
    ) -> bool: ...
    async def create_customer(
        self,
        key: str,
        first_name: str,
        last_name: str,
        phone: str,
        date_of_birth: date | None = None,
    ) -> Customer: ...
    async def add_vehicle(
        self, key: str, customer_id: int, year: int, make: str, model: str, vin: str | None = None
    ) -> Vehicle: ...
    async def request_callback(
        self, key: str, phone: str, reason: str, call_sid: str | None
    ) -> None: ...
    async def record_call(self, record: CallRecord) -> None: ...
