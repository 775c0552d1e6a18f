"""Words that were taken as they stood, because their final did not come: it may come later."""

from __future__ import annotations

from dataclasses import dataclass

from otto.dialogue.turns.completeness import words_of
from otto.events import Transcript


@dataclass(frozen=True, slots=True)
class Settled:
    """What was taken, and the media time at which it ended."""

    text: str = ""
    end_ms: int = 0

    def new_in(self, event: Transcript) -> str:
        """The words of `event` that were not taken already."""
        text = event.text.strip()
        if event.start_ms >= self.end_ms:
            return text
        if event.start_ms + event.end_ms < 2 * self.end_ms:
            return ""  # most of it lies before
        taken, words = words_of(self.text), text.split()
        if [word for entry in words[: len(taken)] for word in words_of(entry)] == taken:
            return " ".join(words[len(taken) :])
        return text
