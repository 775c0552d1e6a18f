"""The customers of the dealership: found, verified, created.

Nothing of a customer's is revealed by a failure: `verify` says yes, no or locked, and errors carry
sentences without names, numbers or dates.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from config.clock import utc_now
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
    Verification,
)
from otto.crm.details import E164, birth_of, email_of, mileage_of, name_of, phone_of, words_of
from otto.crm.names import is_one_person
from otto.crm.vehicles import record_vehicle
from otto.crm.verification import Candidate, candidates_at, having, who_fits
from otto.language.characters import storable_key
from otto.language.vin import normalise_vin
from otto.storage.errors import CrmError, CustomerExists
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.limits import Limit, count, left, take_back
from otto.storage.number_hash import hash_number, keyed_hash
from otto.storage.spool import Spool
from otto.storage.tables import (
    KEY_LENGTH,
    MAKE_LENGTH,
    MODEL_LENGTH,
    CustomerPhoneRow,
    CustomerRow,
    VehicleRow,
)
from otto.storage.values import is_refused

_log = structlog.get_logger()

EARLIEST_MODEL_YEAR = 1900
MOST_ON_A_NUMBER = 12
"""Customers who are entered under one number by telephone: a household, and no list of guesses."""
MOST_NUMBERS = 6
"""Of one customer."""
GONE = "The customer is no longer in the book."
_LOCK_NUMBER = text("SELECT pg_advisory_xact_lock(hashtextextended('customers ' || :phone, 0))")


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

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]:
        """Everybody who has this E.164 number, in the order in which they were recorded; nobody
        has anything else."""
        if not E164.fullmatch(phone):
            return ()
        if self._cache is None:
            return await self._ask(phone)
        return await self._cache.find(phone, lambda: self._ask(phone))

    @guarded
    async def verify(self, claim: IdentityClaim) -> Verification:
        """Whether everything claimed is that of a customer with that number, and enough; and whose.

        Counted before anybody is told: a wrong answer counts against the customer's number and
        against the calling one, in one transaction that holds both, so two calls that guess at
        the same time have no more guesses than one. Never says which part was wrong, nor whether
        there is such a customer: an unknown number takes the same path to "no", and locks as well.
        What was misheard before is forgiven to whoever proves to be the customer, to nobody else.
        """
        async with self._engine.begin() as connection:
            key = await keyed_hash(connection, claim.key)
            limits = await self._wrong_answers(connection, claim.phone, claim.caller)
            room = await left(connection, key, limits)
            if not room:
                _log.warning("verification_locked")
                return Verification(Verdict.LOCKED)
            match who_fits(claim, await candidates_at(connection, claim.phone)):
                case [customer_id]:
                    for misheard in claim.misheard:
                        await take_back(connection, await keyed_hash(connection, misheard), limits)
                    return Verification(Verdict.VERIFIED, customer_id)
                case [_, *_]:
                    return Verification(Verdict.SEVERAL)
            await count(connection, key, limits)
            return Verification(Verdict.MISMATCH if room > 1 else Verdict.LOCKED)

    # Writing

    @guarded
    async def create_customer(self, new: NewCustomer) -> Customer:
        """Record a customer, also under a number that others have. A repeat with the same key
        returns the same customer.

        Raises `CustomerExists` when the person, by name and date of birth, has the number already,
        and `CrmError` on bad details. Of the others who have it nothing is told, but that somebody
        has: then a date of birth is asked for.
        """
        values = {
            "location_id": self._location_id,
            "first_name": name_of(new.first_name, "first name"),
            "last_name": name_of(new.last_name, "last name") if new.last_name else "",
            "phone": phone_of(new.phone),
            "date_of_birth": birth_of(new.date_of_birth),
            "email": email_of(new.email) if new.email else None,
            "creation_key": storable_key(new.key, KEY_LENGTH),
        }
        same_key = CustomerRow.creation_key == values["creation_key"]
        async with self._changing(new.phone) as connection:
            # One at a time under a number, so that a person told twice at once is one.
            await connection.execute(_LOCK_NUMBER, {"phone": new.phone})
            made = await connection.scalar(select(CustomerRow.id).where(same_key))
            if made is None:
                having_it = await candidates_at(connection, new.phone)
                if having_it:
                    await self._enter_beside(connection, new, having_it)
                made = await connection.scalar(
                    insert(CustomerRow)
                    .values(values)
                    .on_conflict_do_nothing()
                    .returning(CustomerRow.id)
                )
        # None: the same key came at the same time, with another number.
        return await self._one(CustomerRow.id == made if made is not None else same_key)

    @guarded
    async def add_phone(self, customer_id: int, phone: str) -> Customer:
        """Record a further E.164 number of a customer's; one they have is no error. Raises
        `CrmError`."""
        async with self._changing(phone_of(phone)) as connection:
            owner = select(CustomerRow.phone).where(CustomerRow.id == customer_id)
            first = await connection.scalar(owner.with_for_update(key_share=True))
            if first is None:
                raise CrmError(GONE)
            numbers = {first, *await connection.scalars(_further(customer_id))}
            if phone not in numbers:
                if len(numbers) >= MOST_NUMBERS:
                    raise CrmError("No more numbers can be recorded for one person.")
                added = insert(CustomerPhoneRow).values(customer_id=customer_id, phone=phone)
                await connection.execute(added.on_conflict_do_nothing())
        return await self._one(CustomerRow.id == customer_id)

    @guarded
    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        """Record a vehicle; one that is on record already is returned, with its VIN filled in
        (`otto.crm.vehicles` says which one that is) and its mileage noted. Raises `VinError`,
        `MileageFell` or `CrmError`."""
        latest = utc_now().year + 2
        if not EARLIEST_MODEL_YEAR <= new.year <= latest:
            raise CrmError("That model year cannot be right.")
        told = replace(
            new,
            key=storable_key(new.key, KEY_LENGTH),
            make=words_of(new.make, "make", MAKE_LENGTH),
            model=words_of(new.model, "model", MODEL_LENGTH),
            vin=normalise_vin(new.vin) if new.vin else None,
            mileage=mileage_of(new.mileage),
        )
        async with self._engine.connect() as connection:
            first = await connection.scalar(
                select(CustomerRow.phone).where(CustomerRow.id == new.customer_id)
            )
            further = await connection.scalars(_further(new.customer_id))
        if first is None:
            raise CrmError(GONE)
        async with self._changing(first, *further) as connection:
            return await record_vehicle(connection, told)

    # Inside

    async def _enter_beside(
        self, connection: AsyncConnection, new: NewCustomer, having_it: Sequence[Candidate]
    ) -> None:
        """Whether somebody new may be recorded under a number that these have. Raises `CrmError`.

        Somebody's name with another date of birth is a son's, or a guess: it counts as a wrong
        answer, or entering would tell what verifying does not.
        """
        if new.date_of_birth is None:
            raise CrmError("To enter you under this number I need your date of birth as well.")
        limits = await self._wrong_answers(connection, new.phone, None)
        key = await keyed_hash(connection, new.key)
        if len(having_it) >= MOST_ON_A_NUMBER or not await left(connection, key, limits):
            raise CrmError("No more people can be entered under this number by telephone.")
        name = new.first_name, new.last_name
        namesakes = [one for one in having_it if is_one_person(name, one.name)]
        if any(one.born == new.date_of_birth for one in namesakes):
            raise CustomerExists("You are in the book already.")
        if namesakes:
            await count(connection, key, limits)

    async def _wrong_answers(
        self, connection: AsyncConnection, phone: str, caller: str | None
    ) -> list[Limit]:
        limits = self._limits
        subjects = {f"of {await hash_number(connection, phone)}": limits.wrong_answers_per_customer}
        if caller is not None:
            calling = f"from {await hash_number(connection, caller)}"
            subjects[calling] = limits.wrong_answers_per_number
        return [
            Limit("verification", subject, at_most, limits.window_s)
            for subject, at_most in subjects.items()
        ]

    @asynccontextmanager
    async def _changing(self, *phones: str) -> AsyncIterator[AsyncConnection]:
        """A transaction on the data of whoever has these numbers; the cached copies go after the
        commit, and also when it is not known whether the commit happened."""
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
                await self._cache.forget(*phones)

    @guarded
    async def _ask(self, phone: str) -> tuple[Customer, ...]:
        return await self._read(CustomerRow.id.in_(having(phone)))

    async def _one(self, who: ColumnElement[bool]) -> Customer:
        for customer in await self._read(who):
            return customer
        raise CrmError(GONE)

    async def _read(self, who: ColumnElement[bool]) -> tuple[Customer, ...]:
        vehicles = (
            select(
                func.coalesce(
                    func.json_agg(aggregate_order_by(_VEHICLE, VehicleRow.id)),
                    func.json_build_array(),
                )
            )
            .where(VehicleRow.customer_id == CustomerRow.id)
            .scalar_subquery()
        )
        query = select(
            CustomerRow.id,
            CustomerRow.first_name,
            CustomerRow.last_name,
            CustomerRow.phone,
            vehicles,
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.where(who).order_by(CustomerRow.id))).all()
        return tuple(
            Customer(who, first, last, phone, tuple(Vehicle(**each) for each in owned))
            for who, first, last, phone, owned in rows
        )


_VEHICLE = func.json_build_object(
    *(
        part
        for column in (
            VehicleRow.id,
            VehicleRow.year,
            VehicleRow.make,
            VehicleRow.model,
            VehicleRow.vin,
            VehicleRow.mileage,
        )
        for part in (column.key, column)
    )
)


def _further(customer_id: int) -> Select[str]:
    return select(CustomerPhoneRow.phone).where(CustomerPhoneRow.customer_id == customer_id)
