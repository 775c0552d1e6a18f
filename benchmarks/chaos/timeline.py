"""What a caller heard of a call, and for how long nothing when it was Otto's turn. No I/O.

A call's events (sandbox/caller/record.py) become stretches of sound; what lies between them is
silence, and whose silence it is follows from who spoke before:

    otto ─────┐      caller ────┐            otto ───────┐         ┌ caller
              └ reaction ┘      └── Otto's ──┘           └─ reaction ┘

After the caller, and between two stretches of Otto's, silence is Otto's and counts in full. After
Otto it is the caller's to think, up to `REACTION_MS`; what is longer was a wait for Otto ("Hello?
Are you still there?") and counts in full, too.

Times are milliseconds since the call began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

REACTION_MS = 3_500
"""A synthetic caller answers within a second, and asks a question of its own after 2.5 s."""
TWIML_MS_PER_WORD = 350
"""How fast the sandbox's Twilio speaks by itself."""

Who = Literal["caller", "otto"]
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody was heard."""

    who: Who
    began_ms: float
    ended_ms: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody was heard, and it was Otto's turn."""

    began_ms: float
    ended_ms: float

    @property
    def length_ms(self) -> float:
        return self.ended_ms - self.began_ms


def stretches(events: Sequence[Event]) -> list[Stretch]:
    """Everything that was heard, by its beginning."""
    found: list[Stretch] = []
    speaking_since: float | None = None
    for event in events:
        at_ms = float(event["at_ms"])
        match event["who"], event["kind"]:
            case "caller", "says":
                speaking_since = at_ms
            case ("caller", "finished") | ("line", "stream_ended" | "ended"):
                if speaking_since is not None:
                    found.append(Stretch("caller", speaking_since, at_ms))
                speaking_since = None
            case "otto", "said":
                found.append(_otto(event, at_ms))
            case "otto", "first_audio" | "answers":
                found.append(Stretch("otto", at_ms, at_ms))
            case "line", "desk_spoke":
                found.append(Stretch("otto", at_ms, at_ms))
    return sorted(found, key=lambda stretch: stretch.began_ms)


def _otto(event: Event, at_ms: float) -> Stretch:
    if event.get("by") == "twiml":
        return Stretch("otto", at_ms - len(event["text"].split()) * TWIML_MS_PER_WORD, at_ms)
    began_ms = float(event.get("began_ms", at_ms))
    # Words that broke off are told when the silence after them was noticed.
    ended_ms = at_ms if event.get("cut") else float(event.get("ended_ms", at_ms))
    return Stretch("otto", began_ms, max(began_ms, ended_ms))


def gaps(events: Sequence[Event]) -> list[Gap]:
    """The silences that were Otto's, from the answer to the end (or until the desk is dialled)."""
    began_ms = _first(events, "answered")
    if began_ms is None:
        return []
    dialling_ms, over_ms = _first(events, "dialling"), _first(events, "ended")
    ended_ms = dialling_ms if dialling_ms is not None else over_ms
    if ended_ms is None:
        ended_ms = float(events[-1]["at_ms"])
    found: list[Gap] = []
    heard_until, last = began_ms, "caller"  # whoever has rung waits for Otto
    for stretch in stretches(events):
        if stretch.began_ms >= ended_ms:
            break
        silence = Gap(heard_until, stretch.began_ms)
        answering = last == "otto" and stretch.who == "caller"
        if silence.length_ms > (REACTION_MS if answering else 0):
            found.append(silence)
        if stretch.ended_ms >= heard_until:
            heard_until, last = stretch.ended_ms, stretch.who
    silence = Gap(heard_until, ended_ms)
    leaving = last == "otto" or dialling_ms is None
    if silence.length_ms > (REACTION_MS if leaving else 0):
        found.append(silence)
    return found


def worst(found: Iterable[Gap], since_ms: float = 0.0) -> float:
    """The longest of the gaps that had not ended at `since_ms`; 0 when there is none."""
    return max((gap.length_ms for gap in found if gap.ended_ms >= since_ms), default=0.0)


def _first(events: Sequence[Event], kind: str) -> float | None:
    return next(
        (float(e["at_ms"]) for e in events if e["who"] == "line" and e["kind"] == kind), None
    )
