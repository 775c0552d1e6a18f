"""What the caller has heard of one answer: marks, the clock, and the sentences' timeline.

Twilio buffers what we send and plays it later, so having sent audio proves nothing. A mark that
is echoed proves that everything before it was played, unless a `clear` made Twilio echo it;
between two marks the clock tells.
"""

from __future__ import annotations

from dataclasses import dataclass

MS_PER_CHARACTER = 62
"""How long speech takes, for a sentence whose audio is still being made (about 16 characters a
second, measured on the sandbox's voice)."""


@dataclass(slots=True)
class _Span:
    text: str
    start_ms: int
    end_ms: int | None = None


class Playback:
    """The playback of one generation. All clocks are seconds of the caller's choosing."""

    def __init__(self, chunk_ms: int) -> None:
        self._chunk_ms = chunk_ms
        self._spans: dict[int, _Span] = {}
        self._heard_ms = 0
        self._anchor_s: float | None = None
        self._total_ms: int | None = None
        self._last_mark: int | None = None
        self.finished = False

    # What happens

    def queued(self, index: int, text: str) -> None:
        """A sentence was given to the voice."""
        self._spans[index] = _Span(text, start_ms=self._end_of(index - 1))

    def spoken(self, index: int, start_ms: int, end_ms: int) -> None:
        """The voice has made all of a sentence: its place on the timeline is known."""
        span = self._spans.get(index)
        if span is not None:
            span.start_ms, span.end_ms = start_ms, end_ms

    def done(self, total_ms: int, last_mark: int) -> None:
        """The voice has made all of the answer. The mark may have been echoed already."""
        self._total_ms, self._last_mark = total_ms, last_mark
        if total_ms == 0:
            self.finished = True
        self._settle(self._heard_ms >= total_ms)

    def playing(self, now_s: float) -> None:
        """The first audio was written to the line."""
        if self._anchor_s is None:
            self._anchor_s = now_s

    def mark(self, index: int, now_s: float) -> None:
        """Twilio echoed a mark, and not because of a `clear`."""
        reached = (index + 1) * self._chunk_ms
        if index == self._last_mark and self._total_ms is not None:
            reached = self._total_ms
            self._settle(True)
        self._heard_ms = max(self._heard_ms, reached)
        self._anchor_s = now_s

    # What follows from it

    def heard_ms(self, now_s: float) -> int:
        """How much of the answer's audio has been played by now."""
        if self._anchor_s is None:
            return 0
        since_mark = min(max(0.0, now_s - self._anchor_s) * 1000, self._chunk_ms)
        heard = round(self._heard_ms + since_mark)
        return heard if self._total_ms is None else min(heard, self._total_ms)

    def split(self, now_s: float) -> dict[int, tuple[str, str]]:
        """Sentence index → (what was heard of it, what was not), cut between words."""
        heard_ms = self._total_ms if self.finished else self.heard_ms(now_s)
        return {i: _cut(span, heard_ms or 0) for i, span in sorted(self._spans.items())}

    # Inside

    def _settle(self, all_heard: bool) -> None:
        if all_heard and self._total_ms is not None:
            self.finished = True

    def _end_of(self, index: int) -> int:
        span = self._spans.get(index)
        if span is None:
            return 0
        return span.end_ms or span.start_ms + MS_PER_CHARACTER * len(span.text)


def _cut(span: _Span, heard_ms: int) -> tuple[str, str]:
    end_ms = span.end_ms or span.start_ms + MS_PER_CHARACTER * len(span.text)
    if heard_ms >= end_ms:
        return span.text, ""
    if heard_ms <= span.start_ms:
        return "", span.text
    reached = len(span.text) * (heard_ms - span.start_ms) / max(1, end_ms - span.start_ms)
    words = span.text.split()
    heard: list[str] = []
    length = 0
    for word in words:
        length += len(word) + 1
        if length > reached + 1:
            break
        heard.append(word)
    return " ".join(heard), " ".join(words[len(heard) :])
