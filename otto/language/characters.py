"""Characters as every store and every wire takes them."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any

DIGEST_LENGTH = 32


def whole(text: str) -> str:
    """`text` with every pair of surrogates joined, and a lone one replaced: half a character can
    be neither sent, stored nor said. Servers that cut a stream by code units send halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable(text: str) -> str:
    """`text` as PostgreSQL takes it: whole characters, and no NUL."""
    return whole(text.replace("\x00", ""))


def storable_key(key: str, length: int) -> str:
    """`key` as PostgreSQL takes it, of at most `length` characters.

    One that has to be changed ends with a digest of the whole, so that keys that differ stay
    different, and the same key is the same again.
    """
    stored = storable(key)
    if stored == key and len(key) <= length:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
    return f"{stored[: length - DIGEST_LENGTH - 1]}:{digest}"


def shortened(text: str, length: int) -> str:
    """`text` as PostgreSQL takes it, of at most `length` characters; "…" stands for what is cut."""
    kept = storable(text).strip()
    return kept if len(kept) <= length else f"{kept[: length - 1].rstrip()}…"


def folded(text: str) -> str:
    """`text` in small letters without accents, its apostrophes straight: for what is compared with
    words of ours."""
    plain = unicodedata.normalize("NFKD", text).lower().replace("\u2019", "'")
    return "".join(char for char in plain if not unicodedata.combining(char))


def to_json(value: Any) -> str:
    """`value` as compact JSON, of whole characters."""
    return whole(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def printable(value: Any) -> Any:
    """JSON's `value` with whole characters in all its texts, keys included, and without those that
    only control: NUL is refused by stores, and what changes the direction of text hides it."""
    if isinstance(value, str):
        return "".join(
            char
            for char in whole(value)
            if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf")
        )
    if isinstance(value, list):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return value
