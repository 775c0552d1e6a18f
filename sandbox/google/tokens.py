"""Page tokens and sync tokens: opaque to clients, and good only where they were given.

A token names the life of the sandbox that gave it, the collection it belongs to and the query.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sandbox.google.errors import GoogleError


def give(content: dict[str, Any]) -> str:
    """The token with that content."""
    text = json.dumps(content, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_page(text: str, life: str, collection: str, query: Any) -> dict[str, Any]:
    """A page token's content. Raises `GoogleError` 400: another query's, or none of ours."""
    content = _read(text)
    own = {"life": life, "collection": collection, "query": query, "kind": "page"}
    if content is None or any(content.get(name) != value for name, value in own.items()):
        raise GoogleError(400, "invalid", "Invalid page token value.", parameter="pageToken")
    return content


def read_sync(text: str, life: str, collection: str, newest: int, oldest: int) -> dict[str, Any]:
    """A sync token's content. Raises `GoogleError` 410: another life's or collection's, or too
    old; it tells changes after its `revision`, which is one between `oldest` and `newest`."""
    content = _read(text)
    own = {"life": life, "collection": collection, "kind": "sync"}
    is_own = content is not None and all(content.get(name) == own[name] for name in own)
    revision = content.get("revision") if content is not None else None
    if not is_own or content is None or not isinstance(revision, int):
        raise gone()
    if not oldest <= revision <= newest:
        raise gone()
    return content


def gone() -> GoogleError:
    """The client is to forget what it knows and begin anew."""
    return GoogleError(410, "fullSyncRequired", parameter="syncToken")


def _read(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
