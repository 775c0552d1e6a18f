"""What was said, as the model is shown it: only what the caller *heard* counts as said.

Entries are kept in the order of the conversation. An assistant entry with tool calls is added
together with all of their results, in one step: a call without its result makes the model's API
refuse every later turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from otto.events import ToolCall


@dataclass(slots=True)
class CallerSaid:
    """One turn of the caller."""

    text: str


@dataclass(slots=True)
class OttoSaid:
    """One answer of the model, or a part of it between two tool calls.

    `unheard` is what was generated but not played; `results` are the answers to `calls`, in
    order, as JSON text.
    """

    text: str
    unheard: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)


Entry = CallerSaid | OttoSaid
_KINDS: dict[str, type[CallerSaid] | type[OttoSaid]] = {
    "caller": CallerSaid,
    "otto": OttoSaid,
}


class History:
    """The conversation so far."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries: list[Entry] = list(entries)

    def caller(self, text: str) -> None:
        self.entries.append(CallerSaid(text))

    def otto(
        self, text: str, calls: Sequence[ToolCall] = (), results: Sequence[str] = ()
    ) -> OttoSaid:
        """Add an answer; with tool calls, all of their results at once.

        Raises ValueError when their numbers differ.
        """
        if len(calls) != len(results):
            raise ValueError(f"{len(calls)} tool calls, {len(results)} results")
        said = OttoSaid(text, calls=[asdict(call) for call in calls], results=list(results))
        self.entries.append(said)
        return said

    def correct(self, truth: Callable[[str, dict[str, Any]], dict[str, Any] | None]) -> None:
        """Something has happened that makes tools' results untrue: `truth` gets each tool's name
        and result, and returns what is true now, or None when it still is."""
        for entry in self.entries:
            if isinstance(entry, OttoSaid):
                for at, call in enumerate(entry.calls):
                    now = truth(call["name"], json.loads(entry.results[at]))
                    if now is not None:
                        entry.results[at] = json.dumps(now)

    def replace_result(self, call_id: str, result: str) -> bool:
        """What a tool was said to have come to is not true any more; whether it was found."""
        for entry in reversed(self.entries):
            if isinstance(entry, OttoSaid):
                for at, call in enumerate(entry.calls):
                    if call["id"] == call_id:
                        entry.results[at] = result
                        return True
        return False

    @property
    def last_said(self) -> str:
        """The last words of Otto, heard or not."""
        said = (e for e in reversed(self.entries) if isinstance(e, OttoSaid))
        return next((whole for e in said if (whole := f"{e.text} {e.unheard}".strip())), "")

    def remove(self, said: OttoSaid) -> None:
        """It was not said after all."""
        self.entries = [entry for entry in self.entries if entry is not said]

    def forget_unsaid(self) -> None:
        """Leave out answers of which nobody heard a word: to the caller they never were."""
        self.entries = [
            entry
            for entry in self.entries
            if not isinstance(entry, OttoSaid) or entry.text or entry.unheard or entry.calls
        ]

    def messages(self, system: str) -> list[dict[str, Any]]:
        """The conversation in the form of OpenAI's chat completions."""
        found: list[dict[str, Any]] = [{"role": "system", "content": system}]
        for entry in self.entries:
            match entry:
                case CallerSaid(text):
                    found.append({"role": "user", "content": text})
                case OttoSaid():
                    found += _otto_messages(entry)
        return found

    def dump(self) -> list[dict[str, Any]]:
        """Plain data, for the session."""
        names = {kind: name for name, kind in _KINDS.items()}
        return [{"kind": names[type(entry)], **asdict(entry)} for entry in self.entries]

    @classmethod
    def load(cls, data: Sequence[dict[str, Any]]) -> History:
        """The inverse of `dump`."""
        entries: list[Entry] = []
        for item in data:
            fields = dict(item)
            entries.append(_KINDS[fields.pop("kind")](**fields))
        return cls(entries)


def _otto_messages(said: OttoSaid) -> list[dict[str, Any]]:
    content = said.text
    if said.unheard:
        content = f"{said.text} [The caller interrupted. Not heard: {said.unheard}]".strip()
    if not said.calls:
        return [{"role": "assistant", "content": content}] if content else []
    calls = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": call["arguments"]},
        }
        for call in said.calls
    ]
    return [
        {"role": "assistant", "content": content or None, "tool_calls": calls},
        *(
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(said.calls, said.results, strict=True)
        ),
    ]
