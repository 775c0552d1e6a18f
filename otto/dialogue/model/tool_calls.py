"""The tool calls of an answer, in one form, whatever a server with this API sends. Sans-I/O.

A call is stored in the history and sent back with every later request, so nothing of it may be
raw: a name that does not exist, arguments that are no JSON, an id that repeats, half a surrogate,
and the server refuses the request, and the next, and all that follow. What comes out has *our* id,
the name of a tool that was offered if one was meant, and a JSON object as arguments. A call that
cannot be understood comes out as well, with a `fault` for the model to hear of.

What servers send: fragments under an index, as the API says; whole calls without an index; all
calls under index 0; names in pieces, repeated, or with the prefix of some framework; ids that
are the same in every turn; arguments as an empty text, as JSON within a JSON text, cut off, or two
objects in a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otto.events import ToolCall
from otto.language.characters import to_json

MAX_CALLS: Final = 8
"""More than this in one answer is a model that repeats itself; what follows is left out."""
MAX_ARGUMENTS_CHARS: Final = 8_000
MAX_DEPTH: Final = 16
"""No tool's arguments are nested deeper than two; a JSON parser spends seconds on thousands."""
NOT_JSON: Final = "The arguments were not valid JSON. Call the tool again."
TOO_MANY: Final = "These were several sets of arguments in one call. Call the tool once for each."
_PREFIX: Final = re.compile(r"^.*[.:/]")
_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


@dataclass(slots=True)
class _Fragments:
    """One call, as far as it has come."""

    index: int
    """Its place in the answer: the server's, or where it came."""
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCalls:
    """Takes the fragments of an answer's tool calls; `canonical` when the answer has ended."""

    def __init__(self, offered: Iterable[str] = ()) -> None:
        """`offered`: the names of the tools that the request had."""
        self._offered = frozenset(offered)
        self._calls: list[_Fragments] = []
        self._of_index: dict[int, _Fragments] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(self, part: Mapping[str, Any]) -> None:
        """One fragment, as it stands in a delta."""
        function = part.get("function") or {}
        id, name = _text(part.get("id")), _text(function.get("name"))
        call = self._call_of(part.get("index"), id, name)
        call.id = call.id or id
        if name and name != call.name:  # some repeat it with every fragment
            call.name += name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments += arguments
        elif arguments is not None:
            call.arguments += json.dumps(arguments)  # some send the object itself

    def canonical(self, round_id: int) -> tuple[ToolCall, ...]:
        """All of them, with ids that no other round has."""
        found = []
        ordered = sorted(self._calls, key=lambda call: call.index)  # stable: else as they came
        for at, call in enumerate(ordered[:MAX_CALLS]):
            arguments, fault = _object(call.arguments)
            name = self._name(call.name)
            found.append(ToolCall(f"call_{round_id}_{at}", name, arguments, fault))
        return tuple(found)

    def _call_of(self, index: object, id: str, name: str) -> _Fragments:
        """The call that a fragment belongs to; a new one when it begins one."""
        if isinstance(index, int):
            call = self._of_index.get(index)
            if call is None or self._begins_another(call, id, name):
                call = self._of_index[index] = self._new(index)
            return call
        last = self._calls[-1] if self._calls else None
        if last is None or (name and self._begins_another(last, id, name)):
            return self._new(len(self._calls))
        return last

    def _begins_another(self, call: _Fragments, id: str, name: str) -> bool:
        if not name or not call.name:
            return False
        if id and call.id and id != call.id:
            return True
        # Without ids: the arguments of the one before have come, or its name is whole.
        if name == call.name:
            return _object(call.arguments)[1] == "" and bool(call.arguments)
        return bool(call.arguments) or (call.name in self._offered and name in self._offered)

    def _new(self, index: int) -> _Fragments:
        self._calls.append(_Fragments(index))
        return self._calls[-1]

    def _name(self, sent: str) -> str:
        """The offered tool that is meant; else what was sent, as far as a name may hold it."""
        sent = sent.strip()
        for name in (sent, _PREFIX.sub("", sent)):
            if name in self._offered:
                return name
        return re.sub(r"[^A-Za-z0-9_-]", "_", sent)[:64] or "unnamed"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(text: str) -> tuple[str, str]:
    """Arguments as canonical JSON, and what is wrong with them; `{}` when anything is."""
    text = text.strip()
    if not text:
        return "{}", ""
    if len(text) > MAX_ARGUMENTS_CHARS or _depth(text) > MAX_DEPTH:
        return "{}", NOT_JSON
    found: set[str] = set()
    while text:
        try:
            value, end = _DECODER.raw_decode(text)
            if isinstance(value, str):  # JSON within a JSON text
                value = json.loads(value, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return "{}", NOT_JSON
        if not isinstance(value, dict):
            return "{}", NOT_JSON
        found.add(to_json(value))
        text = text[end:].strip()
    return (found.pop(), "") if len(found) == 1 else ("{}", TOO_MANY)


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and the infinities are no JSON


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest
