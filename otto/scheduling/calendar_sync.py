"""What the outbox does: its handlers for Google Calendar and for text messages.

Payloads, as `service.py` writes them:
- calendar.upsert {calendar_id, event_id, body, appointment_id}
- calendar.delete {calendar_id, event_id, appointment_id}
- sms.send {to, body, appointment_id}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog

from otto.scheduling.google_errors import CalendarError, CalendarWaits, EventGone
from otto.scheduling.outbox import DeliveryError, Handler, OutboxItem, Postponed, Undeliverable

_log = structlog.get_logger()

SendMessage = Callable[[str, str], Awaitable[object]]
"""(to, body): sends one text message. Raises `DeliveryError` or anything else to be tried again,
`Undeliverable` for a number that can never be reached."""


class Events(Protocol):
    """The part of `GoogleCalendar` that is needed here."""

    async def upsert_event(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any]
    ) -> dict[str, Any]: ...

    async def delete_event(self, calendar_id: str, event_id: str) -> None: ...


def make_handlers(calendar: Events, send_message: SendMessage) -> dict[str, Handler]:
    """All handlers, by kind, for an `OutboxWorker`."""

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

    async def send(item: OutboxItem) -> None:
        await send_message(item.payload["to"], item.payload["body"])

    return {"calendar.upsert": upsert, "calendar.delete": delete, "sms.send": send}


def _delivery_error(error: CalendarError) -> DeliveryError:
    if error.retryable:
        return DeliveryError(error.code)
    if isinstance(error, CalendarWaits):
        return Postponed(error.code, error.after_s)
    return Undeliverable(error.code)
