"""The customers of the dealership: found, verified, created.

Nothing of a customer's is revealed by a failure: `verify` says yes, no or locked, and errors carry
sentences without names, numbers or dates.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.limits import LimitSettings
from otto.crm.call_log import CallLog
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewCustomer,
    NewVehicle,
    Vehicle,
    Verdict,
)
from otto.crm.proof import is_enough, is_same_name
from otto.crm.vehicles import record_vehicle
from otto.language.characters import storable, storable_key
from otto.language.vin import VinError, normalise_vin, normalise_vin_tail
from otto.storage.errors import CrmError, CustomerExists
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.limits import Limit, count, left
from otto.storage.number_hash import hash_number, keyed_hash
from otto.storage.spool import Spool
from otto.storage.tables import (
    KEY_LENGTH,
    MAKE_LENGTH,
    MODEL_LENGTH,
    NAME_LENGTH,
    CustomerRow,
    VehicleRow,
)
from otto.storage.values import is_refused

_log = structlog.get_logger()

EARLIEST_BIRTH = date(1900, 1, 1)
EARLIEST_MODEL_YEAR = 1900
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""As the database checks it."""


class CrmService:
    """Customers, for one location. Safe to use from many calls of one event loop at once.

    Every method raises `StoreUnavailable`, within the guard's deadline, when the database cannot
    be asked. `calls` keeps what calls leave behind, in `spool` while that is so.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        location_id: str,
        cache: CustomerCache | None = None,
        *,
        guard: DatabaseGuard | None = None,
        spool: Spool | None = None,
        limits: LimitSettings | None = None,
    ) -> None:
        self._engine = engine
        self._location_id = location_id
        self._limits = limits or LimitSettings()
        self._cache = cache
        self._guard = guard or DatabaseGuard()
        self.calls = CallLog(engine, location_id, self._guard, spool)

    # Reading

    async def find_by_phone(self, phone: str) -> Customer | None:
        """The customer with this E.164 number; nobody has anything else."""
        if not _E164.fullmatch(phone):
            return None
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
    async def verify(self, claim: IdentityClaim) -> Verdict:
        """Whether everything claimed is the customer's with that number, and enough.

        Counted before anybody is told: a wrong answer counts against the customer's number and
        against the calling one, in one transaction that holds both, so two calls that guess at
        the same time have no more guesses than one. Never says which part was wrong, nor whether
        there is such a customer: an unknown number takes the same path to "no", and locks as well.
        """
        async with self._engine.begin() as connection:
            key = await keyed_hash(connection, claim.key)
            limits = await self._wrong_answers(connection, claim)
            room = await left(connection, key, limits)
            if not room:
                _log.warning("verification_locked")
                return Verdict.LOCKED
            if await _fits(connection, claim):
                return Verdict.VERIFIED
            await count(connection, key, limits)
            return Verdict.MISMATCH if room > 1 else Verdict.LOCKED

    # Writing

    @guarded
    async def create_customer(self, new: NewCustomer) -> Customer:
        """Record a customer. A repeat with the same key returns the same customer. Raises
        `CustomerExists` when the number is taken, `CrmError` on bad details."""
        born, phone = new.date_of_birth, new.phone
        if born is not None and not EARLIEST_BIRTH < born <= date.today():  # noqa: DTZ011  a birthday has no zone
            raise CrmError("That date of birth cannot be right.")
        if not _E164.fullmatch(phone):
            raise CrmError("That is not a telephone number that can be recorded.")
        values = {
            "location_id": self._location_id,
            "first_name": _words(new.first_name, "first name", NAME_LENGTH),
            "last_name": _words(new.last_name, "last name", NAME_LENGTH),
            "phone": phone,
            "date_of_birth": born,
            "creation_key": storable_key(new.key, KEY_LENGTH),
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
    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        """Record a vehicle; one that is on record already is returned, with its VIN filled in
        (`otto.crm.vehicles` says which one that is). Raises `VinError` or `CrmError`."""
        latest = date.today().year + 2  # noqa: DTZ011  model years run ahead of any zone's date
        if not EARLIEST_MODEL_YEAR <= new.year <= latest:
            raise CrmError("That model year cannot be right.")
        told = replace(
            new,
            key=storable_key(new.key, KEY_LENGTH),
            make=_words(new.make, "make", MAKE_LENGTH),
            model=_words(new.model, "model", MODEL_LENGTH),
            vin=normalise_vin(new.vin) if new.vin else None,
        )
        async with self._engine.connect() as connection:
            phone = await connection.scalar(
                select(CustomerRow.phone).where(CustomerRow.id == new.customer_id)
            )
        if phone is None:
            raise CrmError("The customer is no longer in the book.")
        async with self._changing(phone) as connection:
            return await record_vehicle(connection, told)

    # Inside

    async def _wrong_answers(
        self, connection: AsyncConnection, claim: IdentityClaim
    ) -> list[Limit]:
        limits = self._limits
        subjects = {
            f"of {await hash_number(connection, claim.phone)}": limits.wrong_answers_per_customer
        }
        if claim.caller is not None:
            calling = f"from {await hash_number(connection, claim.caller)}"
            subjects[calling] = limits.wrong_answers_per_number
        return [
            Limit("verification", subject, at_most, limits.window_s)
            for subject, at_most in subjects.items()
        ]

    @asynccontextmanager
    async def _changing(self, phone: str) -> AsyncIterator[AsyncConnection]:
        """A transaction on a customer's data; the cached copy goes after the commit, and also
        when it is not known whether the commit happened."""
        try:
            async with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if not is_refused(error):
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


async def _fits(connection: AsyncConnection, claim: IdentityClaim) -> bool:
    is_theirs = CustomerRow.phone == claim.phone
    row = (
        await connection.execute(
            select(CustomerRow.date_of_birth, CustomerRow.first_name, CustomerRow.last_name).where(
                is_theirs
            )
        )
    ).one_or_none()
    vins = await connection.scalars(
        select(VehicleRow.vin)
        .join(CustomerRow, CustomerRow.id == VehicleRow.customer_id)
        .where(is_theirs, VehicleRow.vin.is_not(None))
    )
    tails = [str(vin)[-6:] for vin in vins]
    born, first_name, last_name = row or (None, "", "")
    # Everything is compared: how long it takes does not tell what fits.
    answers = [is_enough(claim.facts, has_number=claim.has_number)]
    if claim.date_of_birth is not None:
        answers.append(_same(claim.date_of_birth.isoformat(), born.isoformat() if born else ""))
    if claim.vin_last_six is not None:
        try:
            given = normalise_vin_tail(claim.vin_last_six)
        except VinError:
            given = "?"
        answers.append(sum(_same(given, tail) for tail in tails) > 0)
    if claim.first_name is not None:
        answers.append(is_same_name(claim.first_name, first_name))
    if claim.last_name is not None:
        answers.append(is_same_name(claim.last_name, last_name))
    return all(answers)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _words(text: str, what: str, length: int) -> str:
    """`text` in single spaces. Raises `CrmError` when its column would not take it."""
    words = " ".join(storable(text).split())
    if not words:
        raise CrmError(f"The {what} is missing.")
    if len(words) > length:
        raise CrmError(f"That {what} is too long: it may have {length} characters.")
    return words
