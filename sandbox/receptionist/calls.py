"""What an answer is made of: a text, and the tool that it calls, if any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Functions = Mapping[str, Mapping[str, Any]]
"""The tools on offer by their names, each as the request has it under "function"."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The assistant's message: what it says, and the tool it calls, if any."""

    text: str
    call: Call | None = None


def fitted(call: Call, offered: Functions) -> Call:
    """The call with all properties that the tool has, and no other: what there is nothing to say
    for is null, as strict schemas want it."""
    properties = offered[call.name].get("parameters", {}).get("properties")
    if not properties:
        return call
    return Call(call.name, {name: call.arguments.get(name) for name in properties})


def service_codes(offered: Functions) -> tuple[str, ...]:
    """The service codes that the offered tools' schemas list."""
    for function in offered.values():
        properties = function.get("parameters", {}).get("properties", {})
        schema = properties.get("service", {})
        several = properties.get("services", {}).get("items", {})
        for option in (schema, several, *schema.get("anyOf", ())):
            codes = tuple(code for code in option.get("enum", ()) if code is not None)
            if codes:
                return codes
    return ()


def topics(offered: Functions) -> tuple[str, ...]:
    """What `dealership_info` can be asked about; empty when its schema does not say."""
    properties = offered.get("dealership_info", {}).get("parameters", {}).get("properties", {})
    return tuple(properties.get("topic", {}).get("enum", ()))
