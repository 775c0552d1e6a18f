"""Partial answers: `fields=items(id,start/dateTime),nextSyncToken`.

The rules are those of Google's performance guide
(https://developers.google.com/workspace/calendar/api/guides/performance): commas between fields,
`a/b` for a field of a field, `a(b,c)` for several of them, `*` for all; lists are seen through.
What does not exist, or cannot be read, is answered with 400 and the reason `invalidParameter`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.google.discovery import field_of, schema, seen_through
from sandbox.google.errors import GoogleError, bad_parameter

Mask = dict[str, "Mask"]
"""What is wanted of each field; an empty mask wants all of it."""
_TOKEN = re.compile(r"\s*([A-Za-z0-9_$.-]+|[*/(),])")
_DEEPEST = 32


def partial(answer: dict[str, Any], fields: str, schema_name: str) -> dict[str, Any]:
    """What of an answer the selector asks for. Raises `GoogleError` 400."""
    return dict(_picked(answer, parse(fields, schema_name)))


def parse(fields: str, schema_name: str) -> Mask:
    """The mask that a selector means for a resource of that schema. Raises `GoogleError` 400."""
    reader = _Reader(fields)
    mask = reader.selection(schema(schema_name))
    if reader.next is not None:
        raise _wrong(reader.next)
    return mask


def _picked(value: Any, mask: Mask) -> Any:
    if not mask:
        return value
    if isinstance(value, list):
        return [_picked(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        wanted = mask.get(name, mask.get("*"))
        if wanted is not None:
            found[name] = _picked(inner, wanted)
    return found


class _Reader:
    """The selector's tokens, one after the other, checked against the schema on the way."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._depth = 0

    @property
    def next(self) -> str | None:
        return self._tokens[0] if self._tokens else None

    def selection(self, about: Mapping[str, Any]) -> Mask:
        """`selection = path ("," path)*`"""
        mask: Mask = {}
        while True:
            self._path(mask, about)
            if self.next != ",":
                return mask
            self._tokens.pop(0)

    def _path(self, mask: Mask, about: Mapping[str, Any]) -> None:
        """`path = name ("/" path | "(" selection ")")?`, added to `mask`."""
        name = self.next
        if name is None or name in set("/(),"):
            raise _wrong(name or "")
        self._tokens.pop(0)
        known = about if name == "*" else field_of(about, name)
        if known is None:
            raise _wrong(name)
        is_new = name not in mask
        inner: Mask = {}
        if self.next in {"/", "("}:
            if name != "*" and not _has_fields(known):
                raise _wrong(name)
            self._depth += 1
            if self._depth > _DEEPEST:
                raise _wrong(name)
            inner = self._inner(_any_of(about) if name == "*" else known)
            self._depth -= 1
            # All of a field was asked for already, or is now: that is the wider wish.
            inner = _joined(mask[name], inner) if not is_new else inner
        mask[name] = inner

    def _inner(self, about: Mapping[str, Any]) -> Mask:
        if self._tokens.pop(0) == "(":
            mask = self.selection(about)
            if self.next != ")":
                raise _wrong(self.next or "(")
            self._tokens.pop(0)
            return mask
        mask = {}
        self._path(mask, about)
        return mask


def _joined(one: Mask, other: Mask) -> Mask:
    if not one or not other:
        return {}
    names = one | other
    return {
        name: _joined(one[name], other[name]) if name in one and name in other else names[name]
        for name in names
    }


def _tokens(text: str) -> list[str]:
    found, at, text = [], 0, text.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _wrong(text[at:])
        found.append(token[1])
        at = token.end()
    return found


def _has_fields(about: Mapping[str, Any]) -> bool:
    inner = seen_through(about)
    return "properties" in inner or "additionalProperties" in inner


def _any_of(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """For `*/name`: whatever a field of any field of it may be called."""
    fields: dict[str, Any] = {}
    for field in seen_through(about).get("properties", {}).values():
        fields |= seen_through(field).get("properties", {})
    return {"properties": fields}


def _wrong(what: str) -> GoogleError:
    return bad_parameter("fields", f"Invalid field selection {what}")
