"""Twilio's list of messages: which of them a query asks for, and in which page.

https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

PAGE_SIZE = 50
PAGE_SIZE_MOST = 1000
DAY = len("2026-11-28")
"""Of a time only its day counts."""
FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")
"""As they stand before the first `=`: an inequality is a part of the name."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of the messages that were asked for, newest first."""

    messages: Sequence[dict[str, Any]]
    number: int
    size: int
    first: int
    has_next: bool
    filters: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, asked: Iterable[tuple[str, str]], messages: Sequence[dict[str, Any]]
    ) -> MessagePage:
        """`messages` are the oldest first, with `to`, `from` and `at` (ISO 8601)."""
        query = dict(asked)
        size = min(max(_whole(query.get("PageSize"), PAGE_SIZE), 1), PAGE_SIZE_MOST)
        number = max(_whole(query.get("Page"), 0), 0)
        filters = tuple((name, query[name]) for name in FILTERS if query.get(name))
        days = {name: day[:DAY] for name, day in filters if name.startswith("DateSent")}
        found = [one for one in reversed(messages) if _is_asked_for(one, dict(filters) | days)]
        first = number * size
        return cls(
            found[first : first + size], number, size, first, len(found) > first + size, filters
        )

    def query(self, number: int) -> str:
        """The query of another page of the same."""
        return urlencode([*self.filters, ("PageSize", self.size), ("Page", number)])


def _is_asked_for(message: dict[str, Any], filters: dict[str, str]) -> bool:
    day = datetime.fromisoformat(message["at"]).date().isoformat()
    return (
        message["to"] == filters.get("To", message["to"])
        and message["from"] == filters.get("From", message["from"])
        and day == filters.get("DateSent", day)
        and day <= filters.get("DateSent<", day)
        and day >= filters.get("DateSent>", day)
    )


def _whole(given: str | None, otherwise: int) -> int:
    return int(given) if given and given.isdecimal() else otherwise
