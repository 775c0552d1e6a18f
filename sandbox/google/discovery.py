"""Google's own description of its API: which methods, parameters and fields there are.

It is the discovery document that ships inside google-api-python-client (calendar v3), read without
importing the client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sandbox.google.errors import GoogleError, bad_parameter, invalid
from sandbox.google.times import parse_time

_FILE = Path("discovery_cache", "documents", "calendar.v3.json")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}
Query = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method: `name` like `events.list`; the schemas' names, "" for no body."""

    name: str
    verb: str
    path: str
    parameters: Mapping[str, Mapping[str, Any]]
    request: str
    response: str


@cache
def _document() -> dict[str, Any]:
    client = find_spec("googleapiclient")
    if client is None or not client.submodule_search_locations:
        raise ModuleNotFoundError("google-api-python-client", name="googleapiclient")
    text = Path(client.submodule_search_locations[0], _FILE).read_text(encoding="utf-8")
    return dict(json.loads(text))


def method(name: str) -> Method:
    """The method called `name`, e.g. `events.list`. Raises KeyError."""
    resource, _, verb = name.partition(".")
    found = _document()["resources"][resource]["methods"][verb]
    return Method(
        name,
        found["httpMethod"],
        "/" + found["path"],
        found.get("parameters", {}),
        found.get("request", {}).get("$ref", ""),
        found.get("response", {}).get("$ref", ""),
    )


def schema(name: str) -> Mapping[str, Any]:
    """The schema called `name`, e.g. `Event`. Raises KeyError."""
    return dict(_document()["schemas"][name])


def field_of(parent: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The schema of a field; lists and references are seen through. None: there is no such."""
    parent = seen_through(parent)
    found = parent.get("properties", {}).get(name) or parent.get("additionalProperties")
    return None if found is None else dict(found)


def seen_through(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a schema is of in the end: a list's items, what a reference names."""
    while "$ref" in given or given.get("type") == "array":
        given = schema(given["$ref"]) if "$ref" in given else given["items"]
    return given


def check_query(called: Method, query: Query) -> None:
    """Raises `GoogleError` 400 for a value its parameter cannot have. Unknown names pass."""
    for name, about in called.parameters.items():
        if about["location"] != "query":
            continue
        if about.get("required") and not query.get(name):
            raise GoogleError(400, "required", "Required", parameter=name)
        for value in query.get(name, ()):
            _check_parameter(name, value, about)


def _check_parameter(name: str, value: str, about: Mapping[str, Any]) -> None:
    if about["type"] == "boolean" and value not in {"true", "false"}:
        raise bad_parameter(name, f"Invalid boolean value: '{value}'.")
    if about["type"] == "integer":
        is_number = value.isascii() and value.isdigit() and len(value) < 11
        if not is_number or int(value) < int(about.get("minimum", 0)):
            raise bad_parameter(name, f"Invalid integer value: '{value}'.")
    if value not in about.get("enum", (value,)):
        raise bad_parameter(name, f"Invalid string value: '{value}'.")
    if about.get("format") == "date-time":
        parse_time(value, name)


def read_body(content: bytes) -> dict[str, Any]:
    """A body's JSON object, {} for none. Raises `GoogleError` 400, also for what JSON's text could
    not say again: a number that is none, half a surrogate."""
    try:
        body = json.loads(content, parse_constant=_no_constant) if content else {}
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise GoogleError(400, "parseError") from None
    if not isinstance(body, dict):
        raise GoogleError(400, "parseError")
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def check_body(value: Any, about: Mapping[str, Any], where: str = "") -> None:
    """Raises `GoogleError` 400 where a known field has a wrong type; null says "remove it"."""
    if "$ref" in about:
        about = schema(about["$ref"])
    if value is None:
        return
    kind = about.get("type", "object")
    # Numbers of 64 bits are strings in Google's JSON, and are taken as numbers, too.
    if about.get("format") == "int64" and type(value) is int:
        return
    is_odd_number = isinstance(value, bool) and kind in {"integer", "number"}
    if is_odd_number or not isinstance(value, _TYPES.get(kind, object)):
        raise invalid(where or "body")
    if isinstance(value, list):
        for item in value:
            if item is None:
                raise invalid(where)
            check_body(item, about["items"], where)
    elif isinstance(value, dict):
        for name, inner in value.items():
            known = about.get("properties", {}).get(name) or about.get("additionalProperties")
            if known is not None:
                check_body(inner, known, f"{where}.{name}" if where else name)
