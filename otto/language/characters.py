"""Characters as every store and every wire takes them."""

from __future__ import annotations

import json
from typing import Any


def whole(text: str) -> str:
    """`text` with every pair of surrogates joined, and a lone one replaced: half a character can
    be neither sent, stored nor said. Servers that cut a stream by code units send halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable(text: str) -> str:
    """`text` as PostgreSQL takes it: whole characters, and no NUL."""
    return whole(text.replace("\x00", ""))


def to_json(value: Any) -> str:
    """`value` as compact JSON, of whole characters."""
    return whole(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
