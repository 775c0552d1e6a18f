"""Which of a customer's vehicles is meant: the one on record again, or a new one.

What is told is compared with what is on record, in this order:

1. the same VIN: that vehicle, whatever else was said of it;
2. the same key: a repeat. It has to be the same vehicle, or it is refused;
3. year, make and model, unless both VINs are known and differ: that vehicle. A VIN told now is
   filled in.

Anything else is a new vehicle. A mileage told now is noted with either (`otto.crm.details`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.crm.customers import NewVehicle, Vehicle
from otto.crm.details import later_mileage
from otto.storage.errors import CrmError
from otto.storage.tables import CustomerRow, VehicleRow


def known_vehicle(told: NewVehicle, on_record: Sequence[tuple[Vehicle, str | None]]) -> int | None:
    """The id of the vehicle on record that is meant, or None for a new one.

    `on_record`: the customer's vehicles with the keys they were recorded with, oldest first. VINs
    and keys are compared as they are, so both sides come normalised. Raises `CrmError` when the
    key belongs to another of the vehicles.
    """
    for vehicle, _ in on_record:
        if told.vin is not None and vehicle.vin == told.vin:
            return vehicle.id
    alike = [
        (vehicle, key)
        for vehicle, key in on_record
        if _description(vehicle) == _description(told) and (vehicle.vin is None or told.vin is None)
    ]
    if any(key == told.key for _, key in on_record):
        repeated = [vehicle.id for vehicle, key in alike if key == told.key]
        if not repeated:
            raise CrmError("Something went wrong with that vehicle.")
        return repeated[0]
    return alike[0][0].id if alike else None


async def record_vehicle(connection: AsyncConnection, told: NewVehicle) -> Vehicle:
    """Insert the vehicle, or find the one on record, fill its VIN in and note its mileage. Raises
    `CrmError`."""
    # Locked, so that one vehicle told twice at once is compared with itself.
    owner = select(CustomerRow.id).where(CustomerRow.id == told.customer_id)
    if await connection.scalar(owner.with_for_update(key_share=True)) is None:
        raise CrmError("The customer is no longer in the book.")
    owned = select(VehicleRow.__table__).where(VehicleRow.customer_id == told.customer_id)
    rows = (await connection.execute(owned.order_by(VehicleRow.id))).all()
    on_record = [(_vehicle(row), row.creation_key) for row in rows]
    known = known_vehicle(told, on_record)
    if known is None:
        values = {
            "customer_id": told.customer_id,
            "year": told.year,
            "make": told.make,
            "model": told.model,
            "vin": told.vin,
            "mileage": told.mileage,
            "creation_key": told.key,
        }
        added = insert(VehicleRow).values(values).on_conflict_do_nothing()
        row = (await connection.execute(added.returning(*VehicleRow.__table__.columns))).first()
        if row is None:
            raise CrmError("Something went wrong with that vehicle.")  # another customer's key
        return _vehicle(row)
    vehicle = next(one for one, _ in on_record if one.id == known)
    mileage = later_mileage(told.mileage, vehicle.mileage, is_sure=told.is_sure_of_mileage)
    changed = {"vin": vehicle.vin or told.vin, "mileage": mileage}
    if changed == {"vin": vehicle.vin, "mileage": vehicle.mileage}:
        return vehicle
    filled = update(VehicleRow).where(VehicleRow.id == known).values(changed)
    row = (await connection.execute(filled.returning(*VehicleRow.__table__.columns))).one()
    return _vehicle(row)


def _description(vehicle: Vehicle | NewVehicle) -> tuple[int, str, str]:
    """Compared as it is said: "f 150" is an F-150."""
    return vehicle.year, _letters(vehicle.make), _letters(vehicle.model)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum()) or text


def _vehicle(row: Row[Any]) -> Vehicle:
    return Vehicle(row.id, row.year, row.make, row.model, row.vin, row.mileage)
