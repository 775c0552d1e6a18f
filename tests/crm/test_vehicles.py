"""Which vehicle a caller means: never another one than they said."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from otto.crm.customers import Customer, NewCustomer, NewVehicle, Vehicle
from otto.crm.service import CrmService
from otto.crm.vehicles import known_vehicle
from otto.storage.errors import CrmError
from otto.storage.tables import VehicleRow

VIN = "1HGBH41JXMN109186"
OTHER_VIN = "1M8GDM9AXKP042788"
_numbers = itertools.count(100)
_keys = itertools.count()


@pytest.fixture
def crm(engine: AsyncEngine) -> CrmService:
    return CrmService(engine, "main")


@pytest.fixture
async def owner(crm: CrmService) -> AsyncIterator[Customer]:
    phone = f"+1872555{next(_numbers):04d}"
    yield await crm.create_customer(NewCustomer(f"owner:{phone}", "Sam", "Reed", phone))


def told(owner: Customer, description: str, vin: str | None = None, key: str = "") -> NewVehicle:
    year, make, model = description.split(" ", 2)
    key = key or f"vehicle-{next(_keys)}"
    return NewVehicle(key, owner.id, int(year), make, model, vin)


async def test_a_tesla_is_not_the_honda_on_record(crm: CrmService, owner: Customer) -> None:
    honda = await crm.add_vehicle(told(owner, "2019 Honda Civic"))
    tesla = await crm.add_vehicle(told(owner, "2023 Tesla Model 3"))
    assert tesla.description == "2023 Tesla Model 3"
    (found,) = await crm.find_by_phone(owner.phone)
    assert found.vehicles == (honda, tesla)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("2019 Ford F-150", VIN), ("2019 Ford F-150", OTHER_VIN)),
        (("2019 Ford F-150", VIN), ("2023 Tesla Model 3", None)),
        (("2019 Ford F-150", None), ("2023 Tesla Model 3", VIN)),
        (("2019 Ford F-150", None), ("2020 Ford F-150", None)),
        (("2019 Ford F-150", None), ("2019 Ford F-250", None)),
        (("2019 Ford F-150", None), ("2019 Toyota F-150", None)),
    ],
)
async def test_what_differs_is_another_vehicle(
    crm: CrmService,
    owner: Customer,
    first: tuple[str, str | None],
    second: tuple[str, str | None],
) -> None:
    one, two = [await crm.add_vehicle(told(owner, *which)) for which in (first, second)]
    assert one.id != two.id
    assert [(one.description, one.vin), (two.description, two.vin)] == [first, second]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("2019 Ford F-150", None), ("2019 Ford F-150", None)),
        (("2019 Ford F-150", None), ("2019 FORD f 150", None)),
        (("2019 Ford F-150", VIN), ("2019 Ford F150", None)),
        (("2019 Ford F-150", VIN), ("2018 Ford Ranger", VIN)),  # the VIN knows better
        (("2019 Škoda Superb", None), ("2019 ŠKODA superb", None)),
    ],
)
async def test_the_same_vehicle_told_again_is_one(
    crm: CrmService,
    owner: Customer,
    first: tuple[str, str | None],
    second: tuple[str, str | None],
) -> None:
    one, two = [await crm.add_vehicle(told(owner, *which)) for which in (first, second)]
    assert one == two


async def test_a_vin_told_later_is_filled_in(crm: CrmService, owner: Customer) -> None:
    without = await crm.add_vehicle(told(owner, "2019 Honda Civic"))
    filled = await crm.add_vehicle(told(owner, "2019 Honda Civic", VIN))
    assert filled == replace(without, vin=VIN)
    (found,) = await crm.find_by_phone(owner.phone)
    assert found.vehicles == (filled,)
    # The second of two equal trucks is told by its VIN.
    other = await crm.add_vehicle(told(owner, "2019 Honda Civic", OTHER_VIN))
    assert other.id != filled.id


async def test_a_key_is_not_lent_to_another_vehicle(crm: CrmService, owner: Customer) -> None:
    first = await crm.add_vehicle(told(owner, "2019 Honda Civic", key="lent"))
    with pytest.raises(CrmError):
        await crm.add_vehicle(told(owner, "2023 Tesla Model 3", key="lent"))
    other = await crm.create_customer(NewCustomer("lender", "Ann", "Bell", "+18725559999"))
    with pytest.raises(CrmError):
        await crm.add_vehicle(told(other, "2019 Honda Civic", key="lent"))
    assert await crm.add_vehicle(told(owner, "2019 Honda Civic", key="lent")) == first


async def test_one_vehicle_told_by_many_at_once_is_one(
    crm: CrmService, engine: AsyncEngine, owner: Customer
) -> None:
    await asyncio.gather(*(crm.add_vehicle(told(owner, "2021 Kia Rio")) for _ in range(8)))
    async with engine.connect() as connection:
        counted = select(func.count()).where(VehicleRow.customer_id == owner.id)
        assert await connection.scalar(counted) == 1


async def test_keys_beyond_the_column_do_not_collide(crm: CrmService, owner: Customer) -> None:
    long = "CA" + "0" * 300
    one = await crm.add_vehicle(told(owner, "2019 Honda Civic", key=f"{long}:1"))
    two = await crm.add_vehicle(told(owner, "2023 Tesla Model 3", key=f"{long}:2"))
    assert one.id != two.id
    assert await crm.add_vehicle(told(owner, "2019 Honda Civic", key=f"{long}:1")) == one


_cars = st.builds(
    NewVehicle,
    key=st.sampled_from(["a", "b", "c"]),
    customer_id=st.just(1),
    year=st.sampled_from([2019, 2023]),
    make=st.sampled_from(["Honda", "honda", "Tesla"]),
    model=st.sampled_from(["F-150", "f150", "Model 3", "…"]),
    vin=st.sampled_from([None, VIN, OTHER_VIN]),
)


@given(st.lists(_cars, max_size=12))
def test_whatever_is_told_no_vehicle_stands_for_another(cars: list[NewVehicle]) -> None:
    on_record: list[tuple[Vehicle, str | None]] = []
    for car in cars:
        try:
            known = known_vehicle(car, on_record)
        except CrmError:
            assert any(key == car.key for _, key in on_record)
            continue
        if known is None:
            assert car.vin is None or all(one.vin != car.vin for one, _ in on_record)
            vehicle = Vehicle(len(on_record), car.year, car.make, car.model, car.vin)
            on_record.append((vehicle, car.key))
            continue
        meant = next(one for one, _ in on_record if one.id == known)
        assert meant.vin == car.vin or None in (meant.vin, car.vin)
        assert meant.vin == car.vin is not None or meant.year == car.year
