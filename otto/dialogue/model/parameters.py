"""The parameters of a request that an answer can do without, and how servers refuse them.

Models and servers differ in what they take, and each says it in its own way; what is refused is
left out from then on. A refusal is read where it names a parameter, never where it quotes the
conversation: a validator's report may hold all of the request, and callers talk of temperatures.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

OPTIONAL: Final = (
    "parallel_tool_calls",
    "stream_options",
    "temperature",
    "reasoning_effort",
    "max_completion_tokens",
    "max_tokens",
    "strict",
    "stream",
)
"""What can be left out. `max_completion_tokens` becomes `max_tokens` first, which older servers
know; without `stream` the answer comes in one piece."""
_ALIASES: Final = {"reasoning": "reasoning_effort", "thinking": "reasoning_effort"}
"""What servers call a parameter that has another name here."""
_NAMES: Final = "|".join((*OPTIONAL, *_ALIASES))
_NAMED: Final = re.compile(
    # 'temperature', `temperature`, "temperature", ['temperature'], 'tools[0].function.strict'
    rf"""['"`\[](?:[\w.\[\]]*[.\]])?(?P<quoted>{_NAMES})(?:\.\w+)?['"`\]]"""
    # parameter: temperature; argument supplied: temperature; unknown field temperature
    rf"|\b(?:param(?:eter)?s?|arguments?(?:\ssupplied)?|fields?|key|property|input)s?:?\s"
    rf"(?P<told>{_NAMES})\b"
    # temperature: Extra inputs are not permitted; temperature is not supported; ... no thinking
    rf"|\b(?P<first>{_NAMES})(?:\.\w+)?\s?(?::\s(?:extra|unknown|unexpected|not)|"
    r"(?:is|are)\s(?:not|un)|does\snot|cannot)"
    rf"|\bdoes(?:\snot|n't)\ssupport\s(?P<last>{_NAMES})\b"
    # Names that nobody says otherwise
    r"|\b(?P<plain>parallel_tool_calls|stream_options|reasoning_effort|max_completion_tokens)\b",
    re.IGNORECASE,
)
_LOCATION: Final = re.compile(r"""['"]loc['"]:\s*(?P<path>[\[(][^\])]*[\])])""")
"""A validator's location that was written into a text: 'loc': ('body', 'temperature')."""
MAX_TOLD_CHARS: Final = 2_000
"""A refusal says what it is about at its beginning; what follows may be the request itself."""


def refused(param: object, body: object) -> str:
    """Which of `OPTIONAL` a refusal is about; "" when none.

    `param` is the field of OpenAI's errors, `body` the error's JSON, of whatever shape, or its
    text.
    """
    if isinstance(param, str) and param:
        # OpenAI's own word. One that is not optional is the request's fault.
        return _of_path(re.split(r"[^\w]+", param))
    for path in _locations(body):
        if found := _of_path(path):
            return found
    for text in _messages(body):
        if found := _of_text(text[:MAX_TOLD_CHARS]):
            return found
    return ""


def _of_path(path: Collection[object]) -> str:
    for step in path:
        name = _ALIASES.get(str(step), str(step))
        if name in OPTIONAL:
            return name
    return ""


def _of_text(text: str) -> str:
    for located in _LOCATION.finditer(text):
        try:
            if found := _of_path(ast.literal_eval(located["path"])):
                return found
        except (ValueError, SyntaxError):
            continue
    named = _NAMED.search(_LOCATION.sub("", text))
    if named is None:
        return ""
    name = next(value for value in named.groups() if value).lower()
    return _ALIASES.get(name, name)


def _locations(body: object) -> Iterator[list[object]]:
    """The `loc` of each error in a validator's report, wherever it stands."""
    for item in _walk(body):
        location = item.get("loc")
        if isinstance(location, list):
            yield location


def _messages(body: object) -> Iterator[str]:
    """The texts that say what is wrong, but no `input`, which quotes the request."""
    if isinstance(body, str):
        yield body
    for item in _walk(body):
        for key in ("message", "msg", "error", "detail", "description"):
            if isinstance(text := item.get(key), str):
                yield text


def _walk(body: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if depth > 6:
        return
    if isinstance(body, list):
        for item in body[:20]:
            yield from _walk(item, depth + 1)
    elif isinstance(body, dict):
        yield body
        for key, value in body.items():
            if key not in ("input", "ctx"):
                yield from _walk(value, depth + 1)


def without(request: Mapping[str, Any], refused: Collection[str]) -> dict[str, Any]:
    """The request without these parameters; "strict" stands in each tool's function."""
    found = {name: value for name, value in request.items() if name not in refused}
    limit = request.get("max_completion_tokens")
    if limit is not None and "max_completion_tokens" in refused and "max_tokens" not in refused:
        found["max_tokens"] = limit
    if "stream" in refused:
        found.pop("stream_options", None)  # it is refused without a stream
    if "strict" in refused and "tools" in found:
        found["tools"] = [
            tool | {"function": {k: v for k, v in tool["function"].items() if k != "strict"}}
            for tool in found["tools"]
        ]
    return found


def to_leave_out(request: Mapping[str, Any], parameter: str) -> frozenset[str]:
    """What to leave out when this request was refused for `parameter`; nothing when the request
    does not hold it, so that leaving it out would change nothing."""
    if parameter == "max_tokens" and "max_completion_tokens" in request:
        return frozenset(("max_tokens", "max_completion_tokens"))  # it is called so everywhere
    if parameter == "strict":
        is_held = any("strict" in tool["function"] for tool in request.get("tools", ()))
    else:
        is_held = parameter in request
    return frozenset((parameter,)) if is_held else frozenset()
