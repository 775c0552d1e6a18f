"""The customers of the dealership: found, verified, created; and the record of every call.

Nothing of a customer's is revealed by a failure: `verify` says yes or no, and errors carry
sentences without names, numbers or dates.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import Customer, Vehicle
from otto.crm.records import Callback, CallRecord, TurnLine
from otto.language.vin import VinError, normalise_vin, normalise_vin_tail
from otto.storage.errors import CrmError, CustomerExists, StoreUnavailable
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.spool import NotKept, Spool, SpoolEntry
from otto.storage.tables import (
    E164,
    KEY_LENGTH,
    NOTES_LENGTH,
    CallbackRow,
    CallRow,
    CustomerRow,
    TurnRow,
    VehicleRow,
)

__all__ = [
    "CallRecord",
    "CrmError",
    "CrmService",
    "Customer",
    "CustomerCache",
    "CustomerExists",
    "StoreUnavailable",
    "TurnLine",
    "Vehicle",
]

_log = structlog.get_logger()

EARLIEST_BIRTH = date(1900, 1, 1)
EARLIEST_MODEL_YEAR = 1900
PHONE = re.compile(E164.strip("'"))
CALLBACK, CALL = "callback", "call"
"""The kinds of letters."""
NUMBER_LENGTH = 40
"""Of a caller's number as the network sends it, which may be a SIP address."""


class CrmService:
    """Customers, for one location. Safe to use from many calls of one event loop at once.

    Every method raises `StoreUnavailable`, within the reach's deadline, when the database cannot be
    asked. Records of calls and wishes to be called back are then kept in `spool`, if given, and
    no error is raised; whoever owns the service runs `deliver_kept` beside it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        location_id: str,
        cache: CustomerCache | None = None,
        *,
        guard: DatabaseGuard | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._engine = engine
        self._location_id = location_id
        self._cache = cache
        self._guard = guard or DatabaseGuard()
        self._spool = spool

    # Reading

    async def find_by_phone(self, phone: str) -> Customer | None:
        """The customer with this E.164 number."""
        if self._cache is None:
            return await self._ask(phone)
        cached, lease = await self._cache.get(phone)
        if cached is not None:
            return cached
        customer = await self._ask(phone)
        if customer is not None and lease is not None:
            await self._cache.put(customer, lease)
        return customer

    @guarded
    async def verify(
        self,
        customer_id: int,
        *,
        date_of_birth: date | None = None,
        vin_last_six: str | None = None,
    ) -> bool:
        """Whether everything given (at least one of the two) is this customer's.

        Always asks the database; says yes or no and never which part was wrong. An unknown
        customer and one without the fact on record take the same path to "no".
        """
        async with self._engine.connect() as connection:
            born = await connection.scalar(
                select(CustomerRow.date_of_birth).where(CustomerRow.id == customer_id)
            )
            vins = await connection.scalars(
                select(VehicleRow.vin).where(
                    VehicleRow.customer_id == customer_id, VehicleRow.vin.is_not(None)
                )
            )
            tails = [str(vin)[-6:] for vin in vins]
        answers = []
        if date_of_birth is not None:
            answers.append(_same(date_of_birth.isoformat(), born.isoformat() if born else ""))
        if vin_last_six is not None:
            try:
                given = normalise_vin_tail(vin_last_six)
            except VinError:
                given = "?"
            # All are compared: how long it takes does not tell which one fits.
            answers.append(sum(_same(given, tail) for tail in tails) > 0)
        return bool(answers) and all(answers)

    # Writing

    @guarded
    async def create_customer(
        self,
        key: str,
        first_name: str,
        last_name: str,
        phone: str,
        date_of_birth: date | None = None,
    ) -> Customer:
        """Record a customer; `phone` is E.164. A repeat with the same key returns the same
        customer. Raises `CustomerExists` when the number is taken, `CrmError` on bad details."""
        if date_of_birth is not None and not EARLIEST_BIRTH < date_of_birth <= date.today():  # noqa: DTZ011  a birthday has no zone
            raise CrmError("That date of birth cannot be right.")
        values = {
            "location_id": self._location_id,
            "first_name": _words(first_name),
            "last_name": _words(last_name),
            "phone": phone,
            "date_of_birth": date_of_birth,
            "creation_key": key[:KEY_LENGTH],
        }
        async with self._changing(phone) as connection:
            made = await connection.scalar(
                insert(CustomerRow)
                .values(values)
                .on_conflict_do_nothing()
                .returning(CustomerRow.id)
            )
            if made is None:
                phone_of_key = await connection.scalar(
                    select(CustomerRow.phone).where(
                        CustomerRow.creation_key == values["creation_key"]
                    )
                )
                if phone_of_key is None:
                    raise CustomerExists("This number is in the book already.")
                phone = phone_of_key
        customer = await self._read(phone)
        if customer is None:
            raise CrmError("The customer is no longer in the book.")
        return customer

    @guarded
    async def add_vehicle(
        self, key: str, customer_id: int, year: int, make: str, model: str, vin: str | None = None
    ) -> Vehicle:
        """Record a vehicle. A repeat with the same key, or the customer's same VIN, returns the
        vehicle already there. Raises `VinError` or `CrmError`."""
        latest = date.today().year + 2  # noqa: DTZ011  model years run ahead of any zone's date
        if not EARLIEST_MODEL_YEAR <= year <= latest:
            raise CrmError("That model year cannot be right.")
        values = {
            "customer_id": customer_id,
            "year": year,
            "make": _words(make),
            "model": _words(model),
            "vin": normalise_vin(vin) if vin else None,
            "creation_key": key[:KEY_LENGTH],
        }
        async with self._engine.connect() as connection:
            phone = await connection.scalar(
                select(CustomerRow.phone).where(CustomerRow.id == customer_id)
            )
        if phone is None:
            raise CrmError("The customer is no longer in the book.")
        async with self._changing(phone) as connection:
            await connection.execute(insert(VehicleRow).values(values).on_conflict_do_nothing())
            row = (
                await connection.execute(
                    select(VehicleRow.__table__).where(
                        VehicleRow.customer_id == customer_id,
                        (VehicleRow.creation_key == values["creation_key"])
                        | (VehicleRow.vin == values["vin"]),
                    )
                )
            ).first()
        if row is None:
            raise CrmError("The vehicle could not be recorded.")
        return Vehicle(id=row.id, year=row.year, make=row.make, model=row.model, vin=row.vin)

    async def request_callback(
        self, key: str, phone: str, reason: str, call_sid: str | None
    ) -> None:
        """Ask a person to call back; idempotent by key. `phone` is E.164: `CrmError` when not."""
        if not PHONE.fullmatch(phone):
            raise CrmError("That is not a number that can be called back.")
        wish = Callback(key[:KEY_LENGTH], phone, _text(reason)[:NOTES_LENGTH], call_sid)
        try:
            await self._write_callback(wish)
        except StoreUnavailable as away:
            await self._keep(SpoolEntry(CALLBACK, wish.key, wish.dump()), away)

    async def record_call(self, record: CallRecord) -> None:
        """Write the call and its turns; a later record of the same call replaces the earlier."""
        try:
            await self._write_call(record)
        except StoreUnavailable as away:
            await self._keep(SpoolEntry(CALL, record.call_sid, record.dump()), away)

    async def deliver_kept(self) -> None:
        """Bring into the database what was kept while it was away, until cancelled."""
        if self._spool is not None:
            await self._spool.run(self.take_in)

    async def take_in(self, entry: SpoolEntry) -> None:
        """Write what an entry holds, once or again. Raises `StoreUnavailable`, or why it is
        refused."""
        if entry.kind == CALLBACK:
            await self._write_callback(Callback.load(entry.payload))
        elif entry.kind == CALL:
            await self._write_call(CallRecord.load(entry.payload))
        else:
            raise CrmError("Nobody here takes such letters.")

    # Inside

    async def _keep(self, entry: SpoolEntry, away: StoreUnavailable) -> None:
        if self._spool is None:
            raise away
        try:
            await self._spool.keep(entry)
        except NotKept:
            raise away from None

    @guarded
    async def _write_callback(self, wish: Callback) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(
                    insert(CallbackRow)
                    .values(location_id=self._location_id, **wish.dump())
                    .on_conflict_do_nothing(index_elements=["key"])
                )
        except DBAPIError as error:
            if not _refused(error):
                raise
            # Its own text would hold the number.
            raise CrmError("That is not a number that can be called back.") from None

    @guarded
    async def _write_call(self, record: CallRecord) -> None:
        known_customer = select(CustomerRow.id).where(CustomerRow.id == record.customer_id)
        call = {
            "location_id": self._location_id,
            "direction": record.direction,
            "from_number": _cut(record.from_number),
            "to_number": _cut(record.to_number),
            "customer_id": known_customer.scalar_subquery(),
            "outcome": record.outcome,
            "sub_actors": record.sub_actors,
            "started_at": record.started_at,
            "ended_at": record.ended_at,
        }
        turns = [
            {
                "call_sid": record.call_sid,
                "index": turn.index,
                "speaker": turn.speaker,
                "text": _text(turn.text),
                "heard_text": None if turn.heard_text is None else _text(turn.heard_text),
                "latency": turn.latency,
                "at": turn.at,
            }
            for turn in record.turns
        ]
        async with self._engine.begin() as connection:
            statement = insert(CallRow).values(call_sid=record.call_sid, **call)
            written = await connection.scalar(
                statement.on_conflict_do_update(
                    index_elements=["call_sid"],
                    set_=call,
                    # A record that had to wait does not undo a later one.
                    where=func.coalesce(CallRow.ended_at <= statement.excluded.ended_at, True),
                ).returning(CallRow.call_sid)
            )
            if written is None:
                return
            if turns:
                turn_rows = insert(TurnRow).values(turns)
                changed = {
                    name: turn_rows.excluded[name]
                    for name in ("speaker", "text", "heard_text", "latency", "at")
                }
                await connection.execute(
                    turn_rows.on_conflict_do_update(
                        index_elements=["call_sid", "index"], set_=changed
                    )
                )
        _log.info("call_recorded", call_sid=record.call_sid, turns=len(turns))

    @asynccontextmanager
    async def _changing(self, phone: str) -> AsyncIterator[AsyncConnection]:
        """A transaction on a customer's data; the cached copy goes after the commit, and also
        when it is not known whether the commit happened."""
        try:
            async with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if not _refused(error):
                raise
            # Its own text would hold names and numbers.
            _log.warning("crm_write_refused", reason=type(error.orig).__name__)
            raise CrmError("These details cannot be recorded.") from None
        finally:
            if self._cache is not None:
                await self._cache.forget(phone)

    @guarded
    async def _ask(self, phone: str) -> Customer | None:
        return await self._read(phone)

    async def _read(self, phone: str) -> Customer | None:
        vehicles = (
            select(func.coalesce(func.json_agg(_VEHICLE), func.json_build_array()))
            .where(VehicleRow.customer_id == CustomerRow.id)
            .scalar_subquery()
        )
        query = select(
            CustomerRow.id, CustomerRow.first_name, CustomerRow.last_name, vehicles
        ).where(CustomerRow.phone == phone)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        found = sorted((Vehicle(**vehicle) for vehicle in row[3]), key=lambda vehicle: vehicle.id)
        return Customer(row.id, row.first_name, row.last_name, phone, tuple(found))


_VEHICLE = func.json_build_object(
    *(
        part
        for column in (
            VehicleRow.id,
            VehicleRow.year,
            VehicleRow.make,
            VehicleRow.model,
            VehicleRow.vin,
        )
        for part in (column.key, column)
    )
)


def _refused(error: DBAPIError) -> bool:
    """Whether the database refused the values, and did not merely fail: SQLSTATE classes 22 (data
    exception, as too long a text) and 23 (integrity constraint)."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in {"22", "23"}


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _text(text: str) -> str:
    """PostgreSQL's text holds anything but NUL."""
    return text.replace("\x00", "")


def _words(text: str) -> str:
    return " ".join(_text(text).split())


def _cut(number: str | None) -> str | None:
    return None if number is None else _text(number)[:NUMBER_LENGTH]
