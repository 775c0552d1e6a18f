"""Otto's own table of repair orders: what callers are told from it, and how staff keep it.

A `DealerSystem` for a dealership whose management system is not connected. `otto repair` writes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from otto.crm.repair_orders import (
    Approval,
    Owner,
    RepairChange,
    RepairLine,
    RepairOrder,
    RepairStatus,
)
from otto.crm.verification import having
from otto.language.characters import storable
from otto.storage.clock import CLOCK
from otto.storage.errors import CrmError
from otto.storage.tables import (
    APPROVAL_ITEM_LENGTH,
    REPAIR_NUMBER_LENGTH,
    CustomerRow,
    RepairOrderRow,
    VehicleRow,
)

_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]*")
_MOST_CENTS = 10_000_000


class RepairTable:
    """The repair orders of one location."""

    def __init__(self, engine: AsyncEngine, location_id: str) -> None:
        self._engine = engine
        self._location_id = location_id

    async def repair_orders(self, owner: Owner) -> Sequence[RepairOrder]:
        """All of the owner's, as `DealerSystem` says."""
        query = select(RepairOrderRow.__table__).where(
            RepairOrderRow.location_id == self._location_id,
            RepairOrderRow.customer_id == owner.customer_id,
        )
        async with self._engine.connect() as connection:
            return [_order(row) for row in await connection.execute(query)]

    async def lines(self, *, with_closed: bool = False) -> tuple[RepairLine, ...]:
        """The location's, those promised first on top."""
        query = self._with_vehicle().order_by(
            RepairOrderRow.promised_at.nulls_last(), RepairOrderRow.number
        )
        if not with_closed:
            query = query.where(RepairOrderRow.status != RepairStatus.CLOSED)
        async with self._engine.connect() as connection:
            return tuple(_line(row) for row in await connection.execute(query))

    async def open(self, number: str, phone: str, vehicle: str) -> RepairLine:
        """Begin an order for the one vehicle of the customer at `phone` (E.164) whose year, make
        or model is in `vehicle`; an empty text is the only one they have. Raises `CrmError`."""
        key = checked_number(number)
        async with self._engine.begin() as connection:
            car = _only_one(await _vehicles_of(connection, phone), vehicle)
            values = {
                "location_id": self._location_id,
                "number": key,
                "customer_id": car.customer_id,
                "vehicle_id": car.id,
                "status": RepairStatus.OPEN.value,
            }
            added = insert(RepairOrderRow).values(values).on_conflict_do_nothing()
            if (await connection.execute(added.returning(RepairOrderRow.number))).first() is None:
                raise CrmError(f"There is a repair order {key} already.")
            return await self._line(connection, key)

    async def change(self, number: str, change: RepairChange) -> RepairLine:
        """Write down what is known now. Raises `CrmError`, and has then changed nothing."""
        key, approval = checked_number(number), checked_approval(change)
        values: dict[str, Any] = {
            "status": change.status.value,
            "approval_item": approval.item if approval else None,
            "approval_cents": approval.cents if approval else None,
            "updated_at": CLOCK,
        }
        if change.promised_at is not None:
            values["promised_at"] = change.promised_at
        async with self._engine.begin() as connection:
            changed = await connection.execute(
                update(RepairOrderRow)
                .where(
                    RepairOrderRow.location_id == self._location_id,
                    RepairOrderRow.number == key,
                )
                .values(values)
            )
            if not changed.rowcount:
                raise CrmError(f"There is no repair order {key}.")
            return await self._line(connection, key)

    def _with_vehicle(self) -> Select[Any]:
        return (
            select(
                RepairOrderRow.__table__,
                VehicleRow.year,
                VehicleRow.make,
                VehicleRow.model,
                CustomerRow.phone,
            )
            .join(VehicleRow, VehicleRow.id == RepairOrderRow.vehicle_id)
            .join(CustomerRow, CustomerRow.id == RepairOrderRow.customer_id)
            .where(RepairOrderRow.location_id == self._location_id)
        )

    async def _line(self, connection: AsyncConnection, number: str) -> RepairLine:
        query = self._with_vehicle().where(RepairOrderRow.number == number)
        return _line((await connection.execute(query)).one())


def checked_number(number: str) -> str:
    """A repair order's number as it is kept. Raises `CrmError`."""
    plain = number.strip().upper()
    if not _NUMBER.fullmatch(plain) or len(plain) > REPAIR_NUMBER_LENGTH:
        raise CrmError(
            "A repair order's number is made of letters, digits and hyphens, "
            f"{REPAIR_NUMBER_LENGTH} at most."
        )
    return plain


def checked_approval(change: RepairChange) -> Approval | None:
    """What waits for the customer's yes, as it is kept: given exactly when the order waits for
    that. Raises `CrmError`."""
    waits = change.status is RepairStatus.WAITING_FOR_APPROVAL
    item = " ".join(storable(change.approval.item).split()) if change.approval else ""
    if waits and not item:
        raise CrmError("Say what waits for approval.")
    if not waits and change.approval:
        raise CrmError("Something waits for approval only while the status is that.")
    if len(item) > APPROVAL_ITEM_LENGTH:
        raise CrmError(f"What waits for approval may have {APPROVAL_ITEM_LENGTH} characters.")
    cents = change.approval.cents if change.approval else None
    if cents is not None and not 0 <= cents <= _MOST_CENTS:
        raise CrmError("That amount cannot be right.")
    return Approval(item, cents) if waits else None


async def _vehicles_of(connection: AsyncConnection, phone: str) -> Sequence[Row[Any]]:
    query = (
        select(VehicleRow.__table__)
        .where(VehicleRow.customer_id.in_(having(phone)))
        .order_by(VehicleRow.id)
    )
    return (await connection.execute(query)).all()


def _only_one(vehicles: Sequence[Row[Any]], words: str) -> Row[Any]:
    wanted = words.casefold().split()
    found = [car for car in vehicles if set(wanted) <= set(_described(car).casefold().split())]
    if len(found) == 1:
        return found[0]
    if not vehicles:
        raise CrmError("No customer with a vehicle has that number.")
    known = ", ".join(_described(car) for car in vehicles)
    raise CrmError(f"Say which of their vehicles it is: {known}.")


def _described(row: Row[Any]) -> str:
    return f"{row.year} {row.make} {row.model}"


def _line(row: Row[Any]) -> RepairLine:
    return RepairLine(_order(row), _described(row), row.phone)


def _order(row: Row[Any]) -> RepairOrder:
    approval = Approval(row.approval_item, row.approval_cents) if row.approval_item else None
    return RepairOrder(
        number=row.number,
        vehicle_id=row.vehicle_id,
        status=RepairStatus(row.status),
        updated_at=row.updated_at,
        promised_at=row.promised_at,
        approval=approval,
    )
