"""What a conversation needs from the rest of the house.

The conversation knows these protocols only. On the cluster they are actor handles; in a plain
test and in inline mode they are the objects themselves.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

from otto.crm.customers import Customer, Vehicle
from otto.crm.records import CallRecord
from otto.scheduling.bookings import Booking, BookingRequest
from otto.scheduling.openings import Opening, OpeningsQuery


class Ear(Protocol):
    """The speech recogniser of the call."""

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None: ...
    async def detach(self) -> None: ...
    def avoid(self, providers: frozenset[str]) -> None: ...


class Mouth(Protocol):
    """The voice of the call."""

    async def attach(self, address: str, token: str) -> None: ...
    async def detach(self) -> None: ...
    def say(self, generation: int, index: int, text: str) -> None: ...
    def finish(self, generation: int) -> None: ...
    def cancel(self, generation: int) -> None: ...
    def avoid(self, providers: frozenset[str]) -> None: ...


class Mind(Protocol):
    """The language model of the call."""

    def generate(
        self, generation: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None: ...
    def cancel(self, generation: int) -> None: ...
    def avoid(self, providers: frozenset[str]) -> None: ...


class Line(Protocol):
    """The way back to the telephone line: the media link's control channel."""

    def clear(self, generation: int) -> None: ...
    def hangup(self) -> None: ...
    def keep(self, state: bytes) -> None: ...


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


class Sessions(Protocol):
    """Where sessions are kept."""

    async def open(self, call_sid: str, epoch: int) -> tuple[int, dict[str, Any] | None]: ...
    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None: ...
