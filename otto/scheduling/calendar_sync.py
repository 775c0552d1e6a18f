"""What the outbox does about Google Calendar: its handlers for events.

Payloads, as `announcing.py` writes them:
- calendar.upsert {calendar_id, event_id, body, appointment_id}
- calendar.delete {calendar_id, event_id, appointment_id}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from otto.scheduling.google_errors import CalendarError, CalendarWaits, EventGone
from otto.scheduling.outbox import DeliveryError, Handler, OutboxItem, Postponed, Undeliverable

_log = structlog.get_logger()


class Events(Protocol):
    """The part of `GoogleCalendar` that is needed here."""

    async def upsert_event(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any]
    ) -> dict[str, Any]: ...

    async def delete_event(self, calendar_id: str, event_id: str) -> None: ...


def calendar_handlers(calendar: Events) -> dict[str, Handler]:
    """The handlers of the calendar's kinds, for an `OutboxWorker`."""

    async def upsert(item: OutboxItem) -> None:
        payload = item.payload
        try:
            await calendar.upsert_event(
                payload["calendar_id"], payload["event_id"], payload["body"]
            )
        except EventGone:
            # Staff deleted it between two attempts. Their word stands; the appointment itself is
            # theirs to cancel.
            _log.warning("calendar_event_gone", item=item.id)
        except CalendarError as error:
            raise _delivery_error(error) from None

    async def delete(item: OutboxItem) -> None:
        try:
            await calendar.delete_event(item.payload["calendar_id"], item.payload["event_id"])
        except CalendarError as error:
            raise _delivery_error(error) from None

    return {"calendar.upsert": upsert, "calendar.delete": delete}


def _delivery_error(error: CalendarError) -> DeliveryError:
    if error.retryable:
        return DeliveryError(error.code)
    if isinstance(error, CalendarWaits):
        return Postponed(error.code, error.after_s)
    return Undeliverable(error.code)
