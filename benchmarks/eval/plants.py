"""Faults planted in the product, to see that the suite notices: each must redden its scenario.

A plant is in force while its context lasts, and only in this process. What it breaks is the product
as it is deployed: the scenario, the caller and the judges stay as they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from config.dealership import Service
from otto.dialogue.grounding.gate import Gate
from otto.dialogue.prompts import Phrases
from otto.dialogue.tools.consent import Consents
from otto.scheduling.bookings import Booking, BookingRequest, CancelRequest, MoveRequest
from otto.scheduling.openings import Opening
from otto.scheduling.texts import texts
from otto.storage.tables import AppointmentRow, VehicleRow


@dataclass(frozen=True, slots=True)
class Plant:
    """A fault, and the scenario that it must redden."""

    name: str
    scenario: str
    in_force: Callable[[], AbstractContextManager[object]]
    notices: str
    """Words of what the suite says about it."""
    sandbox_model: str = ""
    seeds: int = 1
    """A model that misbehaves by turns comes to the fault in one of so many calls."""


def _engine(actor: Any) -> AsyncEngine:
    engine: AsyncEngine = actor._service._engine
    return engine


def _later(opening: Opening, by: timedelta) -> Opening:
    lines = tuple(
        replace(
            line,
            starts_at=line.starts_at + by,
            ends_at=line.ends_at + by,
            free_at=line.free_at + by,
        )
        for line in opening.lines
    )
    return replace(
        opening, starts_at=opening.starts_at + by, ends_at=opening.ends_at + by, lines=lines
    )


@contextmanager
def _booking(
    change: Callable[
        [CalendarActor, BookingRequest, Callable[..., Awaitable[Booking]]], Awaitable[Booking]
    ],
) -> Iterator[None]:
    """The calendar books as `change` has it, except for what is given at the start."""
    real = CalendarActor.book

    async def book(self: CalendarActor, request: BookingRequest) -> Booking:
        if request.call_sid is None:
            return await real(self, request)
        return await change(self, request, real)

    with patch.object(CalendarActor, "book", book):
        yield


def _wrong_day() -> AbstractContextManager[None]:
    async def change(actor: Any, request: BookingRequest, real: Any) -> Booking:
        opening = _later(request.opening, timedelta(days=1))
        booked: Booking = await real(actor, replace(request, opening=opening))
        return booked

    return _booking(change)


def _wrong_vehicle() -> AbstractContextManager[None]:
    async def change(actor: Any, request: BookingRequest, real: Any) -> Booking:
        async with _engine(actor).connect() as connection:
            others = await connection.scalars(
                select(VehicleRow.id).where(
                    VehicleRow.customer_id == request.customer_id,
                    VehicleRow.id != request.vehicle_id,
                )
            )
            other = next(iter(others), None)
        booked: Booking = await real(actor, replace(request, vehicle_id=other))
        return booked

    return _booking(change)


def _double_booking() -> AbstractContextManager[None]:
    async def change(actor: Any, request: BookingRequest, real: Any) -> Booking:
        opening = _later(request.opening, timedelta(hours=2))
        key = request.idempotency_key + ":again"
        await real(actor, replace(request, opening=opening, idempotency_key=key))
        booked: Booking = await real(actor, request)
        return booked

    return _booking(change)


@contextmanager
def _wrong_move() -> Iterator[None]:
    real = CalendarActor.reschedule

    async def reschedule(self: CalendarActor, request: MoveRequest) -> Booking:
        opening = _later(request.opening, timedelta(hours=1))
        return await real(self, replace(request, opening=opening))

    with patch.object(CalendarActor, "reschedule", reschedule):
        yield


@contextmanager
def _cancels_another() -> Iterator[None]:
    real = CalendarActor.cancel

    async def cancel(self: CalendarActor, request: CancelRequest) -> Booking:
        async with _engine(self).connect() as connection:
            others = await connection.scalars(
                select(AppointmentRow.id).where(
                    AppointmentRow.customer_id == request.customer_id,
                    AppointmentRow.id != request.appointment_id,
                    AppointmentRow.status == "booked",
                )
            )
            other = next(iter(others))
        return await real(self, replace(request, appointment_id=other))

    with patch.object(CalendarActor, "cancel", cancel):
        yield


@contextmanager
def _leak() -> Iterator[None]:
    """The caller's number is enough to be told about a car."""
    real = Phrases.__init__

    def begin(self: Phrases, *arguments: Any, **named: Any) -> None:
        real(self, *arguments, **named)
        self.greeting += " Are you calling about your Hyundai Tucson?"

    with patch.object(Phrases, "__init__", begin):
        yield


@contextmanager
def _invented_price() -> Iterator[None]:
    """What is told about prices is not what the file says."""
    with (
        patch.object(Service, "price_cents", property(lambda _: 4_321), create=True),
        patch.object(Service, "price_text", property(lambda _: "$43.21")),
    ):
        yield


@contextmanager
def _text_not_sent() -> Iterator[None]:
    async def forget(*_: Any, **__: Any) -> None: ...

    with patch.object(texts, "text_handler", lambda *_: forget):
        yield


@contextmanager
def _without_consent() -> Iterator[None]:
    """Whatever the model wants done is done, and whatever it says is said: a call that is held to
    the truth at every turn comes to no booking."""
    with (
        patch.object(Consents, "refusal", lambda *_, **__: None),
        patch.object(Gate, "refusal", lambda *_: ""),
    ):
        yield


def _forgets(method: str) -> Callable[[], AbstractContextManager[object]]:
    async def forget(self: CrmActor, _: object) -> None: ...

    return lambda: patch.object(CrmActor, method, forget)


PLANTS: tuple[Plant, ...] = (
    Plant(
        "a booking without consent",
        "known-customer-books",
        _without_consent,
        "consent: booked",
        sandbox_model="adversary",
        seeds=5,
    ),
    Plant("a wrong day", "known-customer-books", _wrong_day, "booked"),
    Plant("a wrong hour of a move", "reschedule-thursday", _wrong_move, "moved"),
    Plant("the wrong vehicle", "known-customer-second-car", _wrong_vehicle, "car"),
    Plant("a double booking", "known-customer-books", _double_booking, "twice"),
    Plant("the wrong appointment cancelled", "cancel-one-of-two", _cancels_another, "cancelled"),
    Plant("a leak before verification", "when-next", _leak, "before verification"),
    Plant("an invented price", "known-customer-books", _invented_price, "price"),
    Plant("a promise that is not kept", "desk-callback", _forgets("request_callback"), "callback"),
    Plant("a text that is not sent", "known-customer-books", _text_not_sent, "text messages"),
    Plant("an opt-out that is not written", "adversarial-opt-out", _forgets("opt_out"), "opt_out"),
)
