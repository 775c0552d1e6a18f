"""Where the time between the caller's last word and Otto's first sound went."""

from __future__ import annotations

from dataclasses import dataclass


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

    def sounded(self, now_s: float) -> None:
        """Audio is on the line; the first time counts."""
        self.playing_s = self.playing_s or now_s

    def model_took(self, ms: float) -> None:
        """The model took so long before anything could be said."""
        self.model_ms += ms

    def tools_took(self, ms: float) -> None:
        """Tools took so long; what the caller was already told counts no more."""
        if not self.playing_s:
            self.tools_ms += ms

    def synthesiser_took(self, ms: float) -> None:
        """The synthesiser took so long to its first audio; the first time counts."""
        self.speech_ms = self.speech_ms or ms

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
