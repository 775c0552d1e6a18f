"""What the outbox does about Google Calendar: its handlers for events.

A row names an event; what the event has to be, and on which calendar, is asked of the book when the
row is delivered. So a row that lay for days, or was replayed, tells what is true now.

Payloads:
- calendar.upsert {event_id, calendar_id, appointment_id}, and `over`: the version of somebody
  else's that was looked at and is to be written over
- calendar.delete {event_id, calendar_id, appointment_id}

`calendar_id` says for which calendar a row waits; of a deletion it is the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from otto.scheduling.google.errors import CalendarError, CalendarWaits, EditedByStaff
from otto.scheduling.mirror.book import PlannedEvent
from otto.scheduling.outbox import DeliveryError, Handler, OutboxItem, Postponed, Undeliverable

_log = structlog.get_logger()

LOOKS = 3
"""How often an upsert looks at what somebody else has made of the event before it waits."""


class Events(Protocol):
    """The part of `GoogleCalendar` that is needed here."""

    async def upsert_event(
        self, calendar_id: str, event_id: str, body: Mapping[str, Any], *, over: str = ""
    ) -> dict[str, Any]: ...

    async def delete_event(self, calendar_id: str, event_id: str) -> None: ...


class Book(Protocol):
    """What is asked of the book, and told to it."""

    async def planned(self, event_id: str) -> PlannedEvent | None:
        """The event as it has to be now; None when there is to be none."""

    async def told(self, event_id: str, etag: str) -> None:
        """Google has it so, in this version."""

    async def look(self, calendar_id: str, event_id: str) -> str:
        """Decide about what somebody else has made of the event; returns the version that was
        looked at. What the book says afterwards counts."""

    async def parting(self, calendar_id: str, event_id: str) -> None:
        """The event is about to be deleted there: have a person see what is lost with it."""


def calendar_handlers(calendar: Events, book: Book) -> dict[str, Handler]:
    """The handlers of the calendar's kinds, for an `OutboxWorker`."""

    async def upsert(item: OutboxItem) -> None:
        event_id, over = item.payload["event_id"], item.payload.get("over", "")
        for _ in range(LOOKS):
            planned = await book.planned(event_id)
            if planned is None:
                return  # whoever took it out of the book has its deletion told as well
            try:
                event = await calendar.upsert_event(
                    planned.calendar_id, event_id, planned.body, over=over
                )
            except EditedByStaff:
                over = await book.look(planned.calendar_id, event_id)
            else:
                await book.told(event_id, event["etag"])
                return
        raise DeliveryError("changing")

    async def delete(item: OutboxItem) -> None:
        calendar_id, event_id = item.payload["calendar_id"], item.payload["event_id"]
        planned = await book.planned(event_id)
        if planned is not None and planned.calendar_id == calendar_id:
            return  # it belongs there again
        await book.parting(calendar_id, event_id)
        await calendar.delete_event(calendar_id, event_id)

    return {"calendar.upsert": _told(upsert), "calendar.delete": _told(delete)}


def _told(handler: Handler) -> Handler:
    """The handler, with Google's errors as the outbox knows them."""

    async def handle(item: OutboxItem) -> None:
        try:
            await handler(item)
        except CalendarError as error:
            raise _delivery_error(error) from None

    return handle


def _delivery_error(error: CalendarError) -> DeliveryError:
    if error.retryable:
        return DeliveryError(error.code)
    if isinstance(error, CalendarWaits):
        return Postponed(error.code, error.after_s)
    return Undeliverable(error.code)
