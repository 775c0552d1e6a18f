"""One answer of Otto, from the caller's last word to the last mark."""

from __future__ import annotations

from dataclasses import dataclass, field

from otto.dialogue.history import OttoSaid
from otto.dialogue.playback import Playback
from otto.dialogue.session import Directive
from otto.speech.events import ModelDone


@dataclass(slots=True)
class Timing:
    """When things happened (loop seconds) and what others took (ms). 0 where it did not happen."""

    speech_ended_s: float | None = None
    """When the caller's last word ended; None when Otto speaks unasked."""
    turn_ended_s: float = 0.0
    playing_s: float = 0.0
    model_ms: float = 0.0
    """Up to the first sentence: whole rounds that only called tools, then the last one's start."""
    speech_ms: float = 0.0
    tools_ms: float = 0.0

    def latency(self) -> dict[str, float]:
        """Where the time went, in ms; empty when there was no turn to answer or no audio."""
        if self.speech_ended_s is None or not self.playing_s:
            return {}
        total = (self.playing_s - self.speech_ended_s) * 1000
        endpointing = max(0.0, (self.turn_ended_s - self.speech_ended_s) * 1000)
        spent = endpointing + self.model_ms + self.speech_ms + self.tools_ms
        parts = {
            "endpointing_ms": endpointing,
            "model_ms": self.model_ms,
            "speech_ms": self.speech_ms,
            "tools_ms": self.tools_ms,
            "otto_ms": max(0.0, total - spent),
            "total_ms": total,
        }
        return {name: round(value, 1) for name, value in parts.items()}


@dataclass(slots=True)
class Reply:
    """One generation: its sentences, its place in the history, its playback.

    A reply is *closed* when it has been played, interrupted or thrown away; from then on its
    `heard` is final and nothing of it may be said or done any more, save that a tool which was
    already running brings its result into the history.
    """

    generation: int
    playback: Playback
    timing: Timing = field(default_factory=Timing)
    sentences: list[str] = field(default_factory=list)
    rounds: int = 0
    round_start: int = 0
    """Index of the first sentence of the model's current round."""
    streaming: bool = False
    """Whether the model is still at it."""
    audible: bool = False
    ending: Directive | None = None
    outcome: str = ""
    closed: bool = False
    recorded: bool = False
    heard: dict[int, tuple[str, str]] = field(default_factory=dict)
    entries: list[tuple[OttoSaid, int, int]] = field(default_factory=list)

    def add_sentence(self, text: str) -> int:
        """Queue a sentence; returns its index in the reply."""
        index = len(self.sentences)
        self.sentences.append(text)
        self.playback.queued(index, text)
        return index

    def round_done(self, done: ModelDone) -> None:
        """Take the times of a finished round of the model."""
        self.streaming = False
        if self.round_start == 0:
            said_something = len(self.sentences) > 0
            self.timing.model_ms += done.first_sentence_ms if said_something else done.total_ms

    def next_round(self) -> None:
        self.rounds += 1
        self.round_start = len(self.sentences)
        self.streaming = True

    def place(self, entry: OttoSaid, first: int, last: int) -> None:
        """Tie a history entry to its sentences [first, last), so that it can be cut."""
        self.entries.append((entry, first, last))
        if self.closed:
            self._cut(entry, first, last)

    def close(self, now_s: float) -> None:
        """Settle what was heard, and let the history say no more than that."""
        if self.closed:
            return
        self.closed = True
        self.heard = self.playback.split(now_s)
        for entry, first, last in self.entries:
            self._cut(entry, first, last)

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    @property
    def heard_text(self) -> str:
        return " ".join(heard for heard, _ in self.heard.values() if heard)

    def _cut(self, entry: OttoSaid, first: int, last: int) -> None:
        parts = [self.heard[index] for index in range(first, last) if index in self.heard]
        entry.text = " ".join(heard for heard, _ in parts if heard)
        entry.unheard = " ".join(unheard for _, unheard in parts if unheard)
