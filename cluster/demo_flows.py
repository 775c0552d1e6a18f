"""What `otto demo` can show: who calls, what has to be there before, and what must be there after.

Each flow can be shown again and again on the same data: what it needs is looked for first, and
made when it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from cluster.database import database_errors
from cluster.errors import StackError
from cluster.evidence import Evidence, Proof
from config.dealership import Dealership
from config.settings import Settings
from otto.crm.service import CrmService
from otto.scheduling.bookings import BookingRequest, SchedulingError
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine

WORK = "oil_change"
"""What an appointment is for that is made so that it can be moved or cancelled."""
NEW_NUMBERS = tuple(f"+1773555{last:04d}" for last in range(100, 200))
"""Set aside for fiction; a new customer calls from one that nobody has."""

Extra = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the persona's own facts, and what of them the call changes."""

    persona: str
    phone: str
    vehicle: str
    changes: Extra


@dataclass(frozen=True, slots=True)
class Flow:
    """One thing that can be shown."""

    persona: str
    about: str
    prepare: Callable[[Settings, Dealership, str], Coroutine[Any, Any, Extra]]
    """Sees to it that what is needed is there; what of the caller's facts that changes."""
    proofs: Callable[[Evidence, Caller], Coroutine[Any, Any, list[Proof]]]


async def _nothing(_settings: Settings, _dealership: Dealership, _phone: str) -> Extra:
    return {}


async def _unknown_number(settings: Settings, _dealership: Dealership, phone: str) -> Extra:
    """A number that nobody has, so that the caller is a new customer each time."""
    engine = make_engine(settings.database)
    try:
        async with engine.connect() as connection:
            query = text("SELECT phone FROM customers UNION SELECT phone FROM customer_phones")
            taken = set((await connection.execute(query)).scalars())
    finally:
        await engine.dispose()
    free = next((number for number in (phone, *NEW_NUMBERS) if number not in taken), None)
    if free is None:
        raise StackError("every number for a new customer is taken: remove .otto and start afresh")
    return {"phone": free}


async def _appointment_ahead(settings: Settings, dealership: Dealership, phone: str) -> Extra:
    """An appointment of the caller's, made now unless there is one."""
    engine = make_engine(settings.database)
    place = dealership.locations[0]
    calendar = CalendarService(
        engine, dealership, place.id, limits=settings.limits, lines=(settings.twilio.phone_number,)
    )
    try:
        customer = next(iter(await CrmService(engine, place.id).find_by_phone(phone)), None)
        if customer is None or not customer.vehicles:
            raise StackError("the seed's customers are not in the database: run `otto db seed`")
        if await calendar.appointments_of(customer.id):
            return {}
        openings = (await calendar.find_openings(OpeningsQuery((WORK,)))).openings
        if not openings:
            raise StackError("the book is full: there is no appointment that could be changed")
        vehicle = customer.vehicles[0]
        key = f"demo:{customer.id}:{openings[0].starts_at.isoformat()}"
        await calendar.book(BookingRequest(key, openings[0], customer.id, vehicle.id, phone))
    except SchedulingError as refused:
        raise StackError(refused.sentence) from None
    finally:
        await engine.dispose()
    return {}


async def _is_booked(evidence: Evidence, _caller: Caller) -> list[Proof]:
    return [*await evidence.booked(), await evidence.session()]


async def _is_new_and_booked(evidence: Evidence, caller: Caller) -> list[Proof]:
    customer = await evidence.customer(caller.phone, vehicle=caller.vehicle)
    return [customer, *await evidence.booked(), await evidence.session()]


async def _is_moved(evidence: Evidence, _caller: Caller) -> list[Proof]:
    return [*await evidence.moved(), await evidence.session()]


async def _is_cancelled(evidence: Evidence, _caller: Caller) -> list[Proof]:
    return [*await evidence.cancelled(), await evidence.session()]


async def _is_told(evidence: Evidence, caller: Caller) -> list[Proof]:
    repair = await evidence.repair(caller.phone, caller.vehicle)
    return [repair, await evidence.nothing_changed(), await evidence.session()]


FLOWS: dict[str, Flow] = {
    "book": Flow("maria", "a customer books", _nothing, _is_booked),
    "new-customer": Flow("new-customer", "somebody new books", _unknown_number, _is_new_and_booked),
    "reschedule": Flow("reschedule", "a customer moves", _appointment_ahead, _is_moved),
    "cancel": Flow("cancel", "a customer cancels", _appointment_ahead, _is_cancelled),
    "status": Flow("car-ready", "a customer asks for their car", _nothing, _is_told),
}


def flow(name: str) -> Flow:
    """Raises `StackError` for one that does not exist."""
    if name not in FLOWS:
        raise StackError(f"there is no flow {name!r}: there are {', '.join(FLOWS)}")
    return FLOWS[name]


async def prepare(
    shown: Flow, persona: dict[str, Any], settings: Settings, dealership: Dealership
) -> Caller:
    """The caller of a flow, once all it needs is there; `persona` as the sandbox lists it. Raises
    `StackError`."""
    with database_errors():
        changes = await shown.prepare(settings, dealership, persona["phone"])
    phone = changes.get("phone", persona["phone"])
    return Caller(persona["name"], phone, persona["vehicle"], changes)
