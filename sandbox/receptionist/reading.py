"""From the messages of a chat completion to the state of the desk, afresh each time.

`read_desk` goes through the messages once, from the first to the last: the caller's words are
understood in the light of the question open at that moment, tool results change what is known.
Nothing is remembered between two requests, so any server may answer the next one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sandbox.receptionist.hearing import hear
from sandbox.receptionist.results import learn
from sandbox.receptionist.state import Desk

_NO_TRANSCRIPT = re.compile(r"\s*\[No transcript[^\]]*\]")
_DONE = re.compile(r"\b(?:booked for|is moved to|is cancelled)\b")
_WRITTEN_DOWN = re.compile(r"record|transcri|\btap(e|ing)\b|\bdown\b", re.IGNORECASE)


def read_desk(
    messages: Sequence[Mapping[str, Any]],
    codes: Sequence[str],
    today: date,
    topics: Sequence[str] = (),
) -> Desk:
    """The state after `messages`. `codes` are the service codes, and `topics` those of
    `dealership_info`, that the tools on offer know."""
    desk = Desk(today=today, codes=tuple(codes), topics=tuple(topics))
    for message in messages:
        if message.get("role") in {"system", "developer"}:
            desk.names |= _service_names(_text(message), codes)
    calls: dict[str, tuple[str, dict[str, Any]]] = {}
    pending_words: list[str] = []
    for message in [*messages, {"role": "end"}]:
        role = message.get("role")
        if role == "user":
            # Several user messages in a row are one turn, broken up by pauses.
            pending_words.append(_without_remark(_text(message)))
            continue
        if any(pending_words):
            untold = [told for told in desk.news if _DONE.search(told)]
            hear(desk, " ".join(pending_words).strip())
            if untold:  # they went on before they heard it
                desk.news, desk.unclear, desk.answered = [*untold, *desk.news], 0, True
        if pending_words:
            pending_words = []
        if role == "assistant":
            said = re.sub(r"\[[^\]]*\]", "", _text(message)).strip()
            if said:
                desk.last_said = said
                desk.news = []
            for call in message.get("tool_calls") or ():
                function = call.get("function", {})
                calls[call.get("id", "")] = (
                    function.get("name", ""),
                    _json(function.get("arguments")),
                )
                desk.rounds += 1
        elif role == "tool":
            name, arguments = calls.get(message.get("tool_call_id", ""), ("", {}))
            learn(desk, name, arguments, _json(_text(message)))
    return desk


def _without_remark(said: str) -> str:
    """What is left for the desk when the caller wanted no transcript, which was seen to."""
    if not _NO_TRANSCRIPT.search(said):
        return said
    clauses = re.split(r"(?<=[.!?,;])", _NO_TRANSCRIPT.sub("", said))
    return "".join(each for each in clauses if not _WRITTEN_DOWN.search(each)).strip()


def _service_names(prompt: str, codes: Sequence[str]) -> dict[str, str]:
    """The names that stand before their codes, as in "Oil change (oil_change)"."""
    found = re.findall(r"([^;:,.()\n]+) \((\w+)\)", prompt)
    return {code: name.strip() for name, code in found if code in codes}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if part.get("type") == "text")
    return content or ""


def _json(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
