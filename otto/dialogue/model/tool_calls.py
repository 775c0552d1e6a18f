"""The tool calls of an answer, in one form, whatever a server with this API sends. Sans-I/O.

A call is stored in the history and sent back with every later request, so nothing of it may be
raw: a name that does not exist, arguments that are no JSON, an id that repeats, half a surrogate,
and the server refuses the request, and the next, and all that follow. What comes out has *our* id,
the name of a tool that was offered if one was meant, and a JSON object as arguments. A call that
cannot be understood comes out as well, with a `fault` for the model to hear of.

What servers send: fragments under an index, as the API says; whole calls without an index; all
calls under index 0; names in pieces, repeated, written otherwise, or with the prefix of some
framework; ids that are the same in every turn; a call sent again when it was whole; arguments as an
empty text, as JSON within a JSON text, cut off, or two objects in a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otto.events import ToolCall
from otto.language.characters import printable, to_json

MAX_CALLS: Final = 8
"""More than this in one answer is a model that repeats itself; what follows is left out."""
MAX_TAKEN: Final = 32
"""So many are looked at, some of which may be the same."""
MAX_NAME_CHARS: Final = 64
MAX_ARGUMENTS_CHARS: Final = 8_000
MAX_DEPTH: Final = 16
"""No tool's arguments are nested deeper than two; a JSON parser spends seconds on thousands."""
NOT_JSON: Final = "The arguments were not valid JSON. Call the tool again."
TOO_MANY: Final = "These were several sets of arguments in one call. Call the tool once for each."
MAX_NUMBER: Final = 2**53
"""JSON's readers elsewhere are not sure of larger ones, and no argument is one."""
_AROUND_NAME: Final = re.compile(
    r"^(?:<[|｜][^<>]*[|｜]>)+|(?<=\w)<[|｜].*$|:\d+$|\(.*$", re.DOTALL
)
"""Tokens of a model's own, a number, arguments: what is not the name, before and behind it."""
_PREFIX: Final = re.compile(r"^.*[.:/]", re.DOTALL)
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
        function = part.get("function")
        if not isinstance(function, Mapping):
            function = part  # without the envelope
        id, name = _text(part.get("id")), _text(function.get("name"))
        arguments = _written(function.get("arguments"))
        call = self._call_of(_index(part.get("index")), id, name, arguments)
        call.id = call.id or id
        if name and name != call.name:  # some repeat it with every fragment
            call.name = (call.name + name)[:MAX_NAME_CHARS]
        if len(call.arguments) <= MAX_ARGUMENTS_CHARS:
            call.arguments += arguments

    def canonical(self, round_id: int) -> tuple[ToolCall, ...]:
        """All of them, with ids that no other round has."""
        found: list[ToolCall] = []
        seen: set[tuple[str, str, str]] = set()
        for call in sorted(self._calls, key=lambda call: call.index):  # stable: else as they came
            name = self._name(call.name)
            arguments, fault = _object(call.arguments)
            is_again = (call.id, name, arguments) in seen
            seen.add((call.id, name, arguments))
            if not (call.id and is_again):  # the same one, sent again
                found.append(ToolCall(f"call_{round_id}_{len(found)}", name, arguments, fault))
        return tuple(found[:MAX_CALLS])

    def _call_of(self, index: int | None, id: str, name: str, arguments: str) -> _Fragments:
        """The call that a fragment belongs to; a new one when it begins one."""
        if index is not None:
            call = self._of_index.get(index)
            if call is None or self._begins_another(call, id, name, arguments):
                call = self._of_index[index] = self._new(index)
            return call
        for_it = [call for call in self._calls if id and call.id == id] or self._calls
        if not for_it or self._begins_another(for_it[-1], id, name, arguments):
            return self._new(len(self._calls))
        return for_it[-1]

    def _begins_another(self, call: _Fragments, id: str, name: str, arguments: str) -> bool:
        if not name or not call.name:
            return False
        if id and call.id and id != call.id:
            return True
        # By the ids it is one: the arguments of the one before have come, or its name is whole.
        if name == call.name:
            is_over = call.arguments.rstrip().endswith("}") and arguments.lstrip()[:1] in ("", "{")
            return is_over and _object(call.arguments)[1] == ""
        return bool(call.arguments) or (call.name in self._offered and name in self._offered)

    def _new(self, index: int) -> _Fragments:
        call = _Fragments(index)
        if len(self._calls) < MAX_TAKEN:
            self._calls.append(call)
        return call

    def _name(self, sent: str) -> str:
        """The offered tool that is meant; else what was sent, as far as a name may hold it."""
        bare = _AROUND_NAME.sub("", sent.strip().strip("\"'`"))
        for name in (sent.strip(), bare, _PREFIX.sub("", bare)):
            if name in self._offered:
                return name
        meant = [
            each for each in self._offered if _letters(each) == _letters(_PREFIX.sub("", bare))
        ]
        if len(meant) == 1:
            return meant[0]
        return re.sub(r"[^A-Za-z0-9_-]", "_", sent.strip())[:MAX_NAME_CHARS] or "unnamed"


def _letters(name: str) -> str:
    """What is the same of findOpenings, find-openings and FIND_OPENINGS."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _index(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[0-9]{1,4}", value) else None
    return value if isinstance(value, int) else None


def _written(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments
    try:
        return "" if arguments is None else json.dumps(arguments)  # some send the object itself
    except (ValueError, TypeError, RecursionError):
        return "?"  # which is no JSON


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(text: str) -> tuple[str, str]:
    """Arguments as canonical JSON, and what is wrong with them; `{}` when anything is."""
    text = text.strip().lstrip("\ufeff")
    if not text:
        return "{}", ""
    if len(text) > MAX_ARGUMENTS_CHARS or _depth(text) > MAX_DEPTH:
        return "{}", NOT_JSON
    found: set[str] = set()
    while text:
        try:
            value, end = _DECODER.raw_decode(text)
            if isinstance(value, str):  # JSON within a JSON text
                value = _DECODER.decode(value.strip())
        except (ValueError, RecursionError):
            return "{}", NOT_JSON
        if not isinstance(value, dict):
            return "{}", NOT_JSON
        found.add(to_json(printable(value)))
        text = text[end:].strip()
    return (found.pop(), "") if len(found) == 1 else ("{}", TOO_MANY)


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and the infinities are no JSON


def _number(text: str) -> int | float:
    value = float(text) if re.search(r"[.eE]", text) else int(text)
    if abs(value) > MAX_NUMBER:
        raise ValueError(text)
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that has two values means neither."""
    found = dict(pairs)
    if any(found[key] != value for key, value in pairs):
        raise ValueError("two values under one key")
    return found


_DECODER: Final = json.JSONDecoder(
    parse_constant=_refuse,
    parse_int=_number,
    parse_float=_number,
    object_pairs_hook=_pairs,
    strict=False,  # a line's end within a text is one
)


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest
