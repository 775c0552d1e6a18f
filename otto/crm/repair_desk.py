"""Asking the dealer management system for a customer's repair orders, whichever system it is."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from config.clock import utc_now
from config.settings import OWN_TABLE, SettingsError
from otto.crm.customers import Vehicle
from otto.crm.repair_orders import DealerSystem, Owner, RepairOrder, to_tell
from otto.crm.repair_table import RepairTable
from otto.storage.errors import StoreUnavailable
from otto.storage.guard import DatabaseGuard, guarded
from otto.storage.tables import CustomerRow, VehicleRow

_log = structlog.get_logger()

DEADLINE_S = 5.0
"""A caller listens to silence while the dealer's system is asked."""


def dealer_system(name: str, engine: AsyncEngine, location_id: str) -> DealerSystem:
    """The system that `OTTO_DEALER_SYSTEM` names: our table, or `module:Class`, which is made with
    the location's id. Raises `SettingsError`."""
    if name == OWN_TABLE:
        return RepairTable(engine, location_id)
    module, _, attribute = name.partition(":")
    try:
        made: DealerSystem = getattr(importlib.import_module(module), attribute)(location_id)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"OTTO_DEALER_SYSTEM: {name} cannot be loaded ({type(error).__name__})"
        ) from None
    if not callable(getattr(made, "repair_orders", None)):
        raise SettingsError(f"OTTO_DEALER_SYSTEM: {name} has no method repair_orders")
    return made


class RepairDesk:
    """What the workshop does with a customer's vehicles."""

    def __init__(
        self,
        engine: AsyncEngine,
        system: DealerSystem,
        *,
        guard: DatabaseGuard | None = None,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._engine = engine
        self._system = system
        self._guard = guard or DatabaseGuard()
        self._deadline_s = deadline_s
        self._clock = clock

    async def repair_orders(self, customer_id: int) -> tuple[RepairOrder, ...]:
        """What the customer may be told: the current one of each vehicle. Raises
        `StoreUnavailable` when our database or the dealer's system cannot be asked."""
        owner = await self._owner(customer_id)
        if owner is None:
            return ()
        try:
            async with asyncio.timeout(self._deadline_s):
                orders = await self._system.repair_orders(owner)
            return to_tell(orders, owner, self._clock())
        except Exception as error:  # another's code: whatever it raises, it has not answered
            _log.warning("dealer_system_away", error=type(error).__name__)
            raise StoreUnavailable("dealer_system") from None

    @guarded
    async def _owner(self, customer_id: int) -> Owner | None:
        async with self._engine.connect() as connection:
            phone = await connection.scalar(
                select(CustomerRow.phone).where(CustomerRow.id == customer_id)
            )
            rows = await connection.execute(
                select(
                    VehicleRow.id,
                    VehicleRow.year,
                    VehicleRow.make,
                    VehicleRow.model,
                    VehicleRow.vin,
                )
                .where(VehicleRow.customer_id == customer_id)
                .order_by(VehicleRow.id)
            )
            vehicles = tuple(Vehicle(*row) for row in rows)
        return None if phone is None else Owner(customer_id, phone, vehicles)
