"""Appointments written past the rules of booking, straight into the tables."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.storage.tables import AppointmentLineRow, AppointmentRow


async def write_appointment(
    connection: AsyncConnection,
    key: str,
    *,
    customer_id: int | None,
    starts_at: datetime,
    ends_at: datetime | None = None,
    vehicle_id: int | None = None,
    bay_id: str = "bay-1",
    service_code: str = "oil_change",
    location_id: str = "main",
    status: str = "booked",
    line: dict[str, Any] | None = None,
    **more: Any,
) -> uuid.UUID:
    """An appointment of 45 minutes with one line; `line` overrides the line's own columns."""
    appointment_id = uuid.uuid4()
    both: dict[str, Any] = {
        "location_id": location_id,
        "vehicle_id": vehicle_id,
        "starts_at": starts_at,
        "ends_at": ends_at or starts_at + timedelta(minutes=45),
        "status": status,
    }
    head = {"id": appointment_id, "customer_id": customer_id, "idempotency_key": key}
    work = {
        "appointment_id": appointment_id,
        "bay_id": bay_id,
        "service_code": service_code,
        "free_at": both["ends_at"],
    }
    await connection.execute(insert(AppointmentRow).values(both | head | more))
    await connection.execute(insert(AppointmentLineRow).values(both | work | (line or {})))
    return appointment_id
