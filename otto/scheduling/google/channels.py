"""Channels by which Google says that a calendar has changed.

https://developers.google.com/workspace/calendar/api/guides/push
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from googleapiclient.errors import HttpError

from otto.scheduling.google.connection import GoogleConnection, answer_of, content_of
from otto.scheduling.google.errors import CalendarUnavailable, reason_of


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by which Google says that a calendar has changed."""

    channel_id: str
    resource_id: str
    ends_at: datetime


class GoogleChannels(GoogleConnection):
    """One Google account's channels. Every method raises a `CalendarError`."""

    async def watch(
        self, calendar_id: str, channel_id: str, address: str, token: str, lifetime_s: float
    ) -> Channel:
        """Have Google tell `address` (https) of every change, with the token in each notice."""
        return await self._run(
            lambda: self._watch(calendar_id, channel_id, address, token, lifetime_s)
        )

    async def stop(self, channel_id: str, resource_id: str) -> None:
        """End a channel; one that has ended already is a success."""
        await self._run(lambda: self._stop(channel_id, resource_id))

    # In a thread of the executor

    def _watch(
        self, calendar_id: str, channel_id: str, address: str, token: str, lifetime_s: float
    ) -> Channel:
        body = {
            "id": channel_id,
            "type": "web_hook",
            "address": address,
            "token": token,
            "params": {"ttl": str(int(lifetime_s))},
        }
        found = answer_of(self._service().events().watch(calendarId=calendar_id, body=body))
        try:
            ends_at = datetime.fromtimestamp(int(found["expiration"]) / 1000, UTC)
            return Channel(channel_id, str(found["resourceId"]), ends_at)
        except (LookupError, TypeError, ValueError, OverflowError, OSError):
            raise CalendarUnavailable("bad_answer") from None

    def _stop(self, channel_id: str, resource_id: str) -> None:
        try:
            body = {"id": channel_id, "resourceId": resource_id}
            content_of(self._service().channels().stop(body=body))
        except HttpError as error:
            if error.resp.status != 404 or reason_of(error.content) is None:
                raise
