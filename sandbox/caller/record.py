"""What is written down about a call: events as they happen, and the measurements made of them.

All times are milliseconds since the call began, on the monotonic clock; `t0_monotonic_ms` is that
clock's reading at the beginning, the same for all processes of the machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

GAP_FROM_MS = 60
GAP_TO_MS = 600
"""The buffer running dry for less is not heard; for longer it is a pause, not a gap."""


@dataclass(slots=True)
class Turn:
    """One thing the caller said, and how long Otto took to answer it."""

    index: int
    text: str
    began_ms: float
    interrupting: bool = False
    ended_ms: float | None = None
    first_audio_ms: float | None = None
    """First audible audio received after the caller began (after the clear, when interrupting)."""
    latency_ms: float | None = None
    """From the end of the caller's speech to `first_audio_ms`; negative: Otto did not wait."""
    clear_ms: float | None = None
    """From the beginning of the caller's speech to Otto's `clear`."""


@dataclass(slots=True)
class Clear:
    """Otto emptied the playback buffer."""

    at_ms: float
    monotonic_ms: float
    dropped_ms: int


@dataclass(slots=True)
class Mark:
    """Otto put a mark behind the audio it had sent."""

    name: str
    monotonic_ms: float


@dataclass(slots=True)
class Noise:
    """A sound of the caller's that was no word, and what Otto made of it."""

    began_ms: float
    clear_ms: float | None = None
    """From its beginning to Otto's `clear`; None: Otto was not stopped by it."""
    resumed_monotonic_ms: float | None = None
    """The first audible audio received after that `clear`."""


@dataclass(slots=True)
class Measurements:
    """What a benchmark reads. None: it did not come to that."""

    twiml_ms: float | None = None
    greeting_ms: float | None = None
    start_sent_monotonic_ms: float | None = None
    longest_silence_ms: float = 0.0
    frames_sent: int = 0
    latest_frame_ms: float = 0.0
    """How far the worst frame was behind its schedule: this process' own lateness."""
    audio_received_ms: float = 0.0
    streams: int = 0
    turns: list[Turn] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    clears: list[Clear] = field(default_factory=list)
    noises: list[Noise] = field(default_factory=list)
    audio_gaps: list[dict[str, float]] = field(default_factory=list)


class Record:
    """The events of one call, and its measurements."""

    def __init__(self) -> None:
        self._t0 = time.monotonic()
        self.t0_monotonic_ms = self._t0 * 1000
        self.events: list[dict[str, Any]] = []
        self.warnings: list[dict[str, Any]] = []
        self.measured = Measurements()
        self.ended = False
        self._changed = asyncio.Event()
        self._awaiting: Turn | None = None
        self._start_ms: float | None = None
        self._dry_since_ms: float | None = None
        self._quiet_since_ms = 0.0

    @property
    def now_ms(self) -> float:
        """Milliseconds since the call began."""
        return (time.monotonic() - self._t0) * 1000

    # Events

    def event(self, who: str, kind: str, text: str = "", **more: Any) -> None:
        """Add an event: `who` is caller, otto or line."""
        entry = {"at_ms": round(self.now_ms), "who": who, "kind": kind, "text": text, **more}
        self.events.append(entry)
        self._wake()

    def warn(self, code: int, message: str) -> None:
        """Add one of Twilio's warnings or errors, once for each code."""
        if all(warning["code"] != code for warning in self.warnings):
            entry = {"at_ms": round(self.now_ms), "code": code, "message": message}
            self.warnings.append(entry)
            self.event("line", "warning", message, code=code)

    def end(self) -> None:
        """No more events will come."""
        self.ended = True
        self._wake()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """All events from the first on, as they come, until the call has ended."""
        at = 0
        while True:
            while at < len(self.events):
                yield self.events[at]
                at += 1
            if self.ended:
                return
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # Measurements

    def stream_started(self) -> None:
        """The start message is on the wire."""
        self._start_ms = self.now_ms
        self.measured.streams += 1
        if self.measured.start_sent_monotonic_ms is None:
            self.measured.start_sent_monotonic_ms = time.monotonic() * 1000
        self._quiet_since_ms = self._start_ms
        self._dry_since_ms = None

    def audio_received(self, size_bytes: int, silent: bool) -> None:
        """Otto sent audio."""
        self.measured.audio_received_ms += size_bytes / 8
        if silent:
            return
        now_ms = self.now_ms
        if self.measured.greeting_ms is None and self._start_ms is not None:
            self.measured.greeting_ms = round(now_ms - self._start_ms, 2)
            self.event("otto", "first_audio", ms=self.measured.greeting_ms)
        noise = self._last_noise()
        if noise and noise.clear_ms is not None and noise.resumed_monotonic_ms is None:
            noise.resumed_monotonic_ms = time.monotonic() * 1000
            self.event("otto", "resumes")
        turn = self._awaiting
        if turn is None or (turn.interrupting and turn.clear_ms is None):
            return
        if turn.first_audio_ms is None:
            turn.first_audio_ms = round(now_ms, 2)
            self._settle(turn)

    def marked(self, name: str) -> None:
        """Otto sent a mark."""
        self.measured.marks.append(Mark(name, time.monotonic() * 1000))

    def cleared(self, dropped_ms: int) -> None:
        """Otto emptied the buffer."""
        now_ms = self.now_ms
        self.measured.clears.append(Clear(round(now_ms, 2), time.monotonic() * 1000, dropped_ms))
        turn = self._awaiting
        if turn is not None and turn.clear_ms is None and turn.first_audio_ms is None:
            turn.clear_ms = round(now_ms - turn.began_ms, 2)
        noise = self._last_noise()
        if noise is not None and noise.clear_ms is None:
            noise.clear_ms = round(now_ms - noise.began_ms, 2)
        self._dry_since_ms = None
        self.event("otto", "clear", dropped_ms=dropped_ms)

    def noise(self) -> None:
        """The first frame of a noise is going out."""
        self.measured.noises.append(Noise(round(self.now_ms, 2)))
        self.event("caller", "coughs")

    def _last_noise(self) -> Noise | None:
        """The last one, unless the caller has said something since."""
        noises, turns = self.measured.noises, self.measured.turns
        if not noises or (turns and turns[-1].began_ms > noises[-1].began_ms):
            return None
        return noises[-1]

    def caller_began(self, text: str, *, interrupting: bool) -> Turn:
        """The first frame of the caller's words is going out."""
        turn = Turn(len(self.measured.turns), text, round(self.now_ms, 2), interrupting)
        self.measured.turns.append(turn)
        self._awaiting = turn
        self.event("caller", "says", text, interrupting=interrupting)
        return turn

    def caller_ended(self, turn: Turn, quiet_tail_ms: float) -> None:
        """The last frame is out; its last `quiet_tail_ms` held no voice."""
        turn.ended_ms = round(self.now_ms - quiet_tail_ms, 2)
        self.event("caller", "finished", turn=turn.index)
        self._settle(turn)

    def _settle(self, turn: Turn) -> None:
        if turn.ended_ms is None or turn.first_audio_ms is None or turn.latency_ms is not None:
            return
        turn.latency_ms = round(turn.first_audio_ms - turn.ended_ms, 2)
        if self._awaiting is turn:
            self._awaiting = None
        self.event("otto", "answers", turn=turn.index, ms=turn.latency_ms)

    def playback(self, playing: bool, caller_speaks: bool, now_ms: float) -> None:
        """How the line sounded in the last tenth of a second."""
        if playing or caller_speaks:
            silence_ms = now_ms - self._quiet_since_ms
            if silence_ms > self.measured.longest_silence_ms:
                self.measured.longest_silence_ms = round(silence_ms, 1)
            self._quiet_since_ms = now_ms

    def ran_dry(self, dry: bool, now_ms: float) -> None:
        """The buffer became empty, or audio came after it had."""
        if dry:
            self._dry_since_ms = now_ms
        elif self._dry_since_ms is not None:
            gap_ms = now_ms - self._dry_since_ms
            if GAP_FROM_MS <= gap_ms <= GAP_TO_MS:
                gap = {"at_ms": round(self._dry_since_ms, 1), "gap_ms": round(gap_ms, 1)}
                self.measured.audio_gaps.append(gap)
            self._dry_since_ms = None

    def as_dict(self) -> dict[str, Any]:
        """Measurements in JSON's terms."""
        return asdict(self.measured)
