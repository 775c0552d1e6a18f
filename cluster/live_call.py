"""Placing a call in the sandbox and showing it in the terminal while it is held."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.errors import StackError
from cluster.evidence import Proof, peek
from cluster.loopback import Control
from config.settings import Settings

SILENCE_TIMEOUT_S = 90.0
"""No event at all for so long: the call is stuck."""
COMMIT_WAIT_S = 1.0
"""How long to wait for the turn that was just heard to be written to the session."""

STAGES = (
    ("endpointing_ms", "endpointing"),
    ("model_ms", "model"),
    ("tools_ms", "tools"),
    ("speech_ms", "speech"),
    ("otto_ms", "Otto"),
)
"""Where a turn's time goes, in its order: (key in the session's `latency`, what to call it)."""


def place(sandbox: Control, persona: str, speech: str | None = None, **more: Any) -> str:
    """Have a persona ring Otto; returns the CallSid. `more`: parts of its goal, facts and traits
    that are otherwise. Raises StackError (no such persona, or part of one)."""
    body: dict[str, Any] = {"persona": persona, **more}
    if speech:
        body["speech"] = speech
    answer = sandbox.request("/sandbox/calls", method="POST", body=body)
    return str(answer["call_sid"])


@dataclass
class LiveCall:
    """Follows one call's events until it has ended, and prints it as a conversation."""

    call_sid: str
    sandbox: Control
    settings: Settings
    console: Console
    caller: str = "Caller"
    latencies: list[dict[str, float]] = field(default_factory=list)
    _shown_turns: int = 0

    def follow(self) -> dict[str, Any]:
        """Print until the end; returns the call's outcome as the sandbox saw it."""
        path = f"/sandbox/calls/{self.call_sid}"
        for event in self.sandbox.lines(f"{path}/events", SILENCE_TIMEOUT_S):
            self._show(event)
        self._show_new_turns()
        outcome: dict[str, Any] = self.sandbox.request(path)
        return outcome

    def _show(self, event: dict[str, Any]) -> None:
        who, kind, text = event["who"], event["kind"], event.get("text", "")
        if who == "caller" and kind == "says":
            self._say(event, self.caller, "cyan", text)
        elif who == "otto" and kind == "said":
            self._say(event, "Otto", "green", text)
            self._wait_for_turn()
        elif who == "otto" and kind == "first_audio":
            self._note(event, f"Otto answers; its first word {event['ms']:.0f} ms after the start")
        elif who == "otto" and kind == "clear":
            self._note(event, "interrupted: Otto falls silent")
        elif who == "line" and kind == "warning":
            self._note(event, f"Twilio warns: {text}", "yellow")
        elif who == "line" and kind in ("ringing", "answered", "dialling", "ended"):
            self._note(event, f"{kind} {text}".strip())

    def _say(self, event: dict[str, Any], name: str, colour: str, words: str) -> None:
        row = Table.grid(padding=(0, 1))
        row.add_column(width=7, justify="right")
        row.add_column(width=8)
        row.add_column()
        row.add_row(_clock(event), Text(name, style=f"bold {colour}"), Text(words))
        self.console.print(row)

    def _note(self, event: dict[str, Any], note: str, style: str = "dim") -> None:
        row = Table.grid(padding=(0, 1))
        row.add_column(width=7, justify="right")
        row.add_row(_clock(event), Text(f"· {note}", style=style))
        self.console.print(row)

    # Where the time went

    def _wait_for_turn(self) -> None:
        """Otto writes a turn once it has been heard, about when the caller has understood it."""
        deadline = time.monotonic() + COMMIT_WAIT_S
        while not self._show_new_turns() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _show_new_turns(self) -> bool:
        try:
            state, _ = asyncio.run(peek(self.call_sid, self.settings))
        except StackError:
            return False  # the evidence at the end says so
        turns = [turn for turn in (state or {}).get("turns", []) if turn["speaker"] == "otto"]
        fresh = turns[self._shown_turns :]
        self._shown_turns = len(turns)
        for turn in fresh:
            latency = turn.get("latency") or {}
            if latency.get("total_ms"):
                self.latencies.append(latency)
                self.console.print(
                    Text(" " * 17 + describe_latency(latency), style="dim"), soft_wrap=True
                )
        return bool(fresh)


def shortcomings(outcome: dict[str, Any]) -> list[str]:
    """What a caller did not get, in sentences; none when everything is as they wanted it."""
    said = [f"the caller did not hear that this was done: {wish}" for wish in outcome["missed"]]
    return said + [f"what was told as done is not theirs: {wrong}" for wrong in outcome["wrong"]]


def describe_latency(latency: dict[str, float]) -> str:
    """E.g. `0.81 s: endpointing 320, model 240, speech 230, Otto 18 ms`."""
    parts = [f"{name} {latency[key]:.0f}" for key, name in STAGES if latency.get(key)]
    return f"{latency['total_ms'] / 1000:.2f} s: {', '.join(parts)} ms"


def evidence_table(proofs: list[Proof]) -> Table:
    """The evidence, one row a proof; what is missing says so."""
    table = Table(title="What the call left behind", title_justify="left", show_lines=True)
    for heading in ("", "What", "Where", "Found"):
        table.add_column(heading, overflow="fold")
    for proof in proofs:
        mark = Text("✓", style="green") if proof.found else Text("✗", style="red")
        table.add_row(
            mark,
            proof.what,
            proof.where,
            Text(proof.found or "missing", style="" if proof.found else "red"),
        )
    return table


def _clock(event: dict[str, Any]) -> Text:
    return Text(f"{event['at_ms'] / 1000:.1f} s", style="dim")
