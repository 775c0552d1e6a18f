"""What the caller has heard of one answer: marks, the clock, and the sentences' timeline.

Twilio buffers what we send and plays it later, so having sent audio proves nothing. A mark that
is echoed proves that everything before it was played, unless a `clear` made Twilio echo it;
between two marks the clock tells::

    written to the line   |0····400····800····1200
    played (Twilio)         |0····400····800·            the line's own lag, learnt from mark 0
    marks back                        ▲0     ▲1   now    heard = 800 + what the clock adds

The synthesiser gives no times of words, so a place within a sentence is found by how long its
words take to say: digits and prices as they are spoken, a pause behind a comma.
"""

from __future__ import annotations

from dataclasses import dataclass

from otto.dialogue.turns.echo import AudibleWord, spoken_words
from otto.language.pronounce import to_spoken

MS_PER_CHARACTER = 62
"""How long speech takes, for a sentence whose audio is still being made (about 16 characters a
second, measured on the sandbox's voice)."""
PAUSE_CHARACTERS = {",": 3, ";": 4, ":": 4, ".": 5, "!": 5, "?": 5}
"""A pause behind punctuation, in characters' worth of time."""
MAX_LAG_MS = 500
"""More than this between writing and playing is the synthesiser's delay, not the line's."""


@dataclass(slots=True)
class _Span:
    text: str
    words: tuple[str, ...]
    """As they are spoken."""
    start_ms: int | None = None
    end_ms: int | None = None


class Playback:
    """The playback of one generation. All clocks are seconds of the caller's choosing.

    `lag_ms` is how long after writing the line has begun to play before, if that is known.
    """

    def __init__(self, chunk_ms: int, lag_ms: int = 0) -> None:
        self.lag_ms = lag_ms
        self._chunk_ms = chunk_ms
        self._spans: dict[int, _Span] = {}
        self._heard_ms = 0
        self._began_s: float | None = None
        self._anchor_s: float | None = None
        self._marks: list[tuple[int, float]] = []
        """How far the answer had been played (ms), and when."""
        self._total_ms: int | None = None
        self._last_mark: int | None = None
        self.finished = False

    # What happens

    def queued(self, index: int, text: str) -> None:
        """A sentence was given to the synthesiser, behind those before it."""
        self._spans[index] = _Span(text, tuple(spoken_words(text)))

    def spoken(self, index: int, start_ms: int, end_ms: int) -> None:
        """The synthesiser has made all of a sentence: its place on the timeline is known."""
        span = self._spans.get(index)
        if span is not None:
            span.start_ms, span.end_ms = start_ms, end_ms

    def done(self, total_ms: int, last_mark: int) -> None:
        """The synthesiser has made all of the answer. The mark may have been echoed already."""
        self._total_ms, self._last_mark = total_ms, last_mark
        self.finished = self.finished or self._heard_ms >= total_ms

    def playing(self, now_s: float) -> None:
        """The first audio was written to the line."""
        if self._began_s is None:
            self._began_s = self._anchor_s = now_s

    def mark(self, index: int, now_s: float) -> None:
        """Twilio echoed a mark, and not because of a `clear`."""
        reached = (index + 1) * self._chunk_ms
        if index == self._last_mark and self._total_ms is not None:
            reached = self._total_ms
            self.finished = True
        elif index == 0 and self._began_s is not None:
            late_ms = round((now_s - self._began_s) * 1000) - self._chunk_ms
            self.lag_ms = min(max(0, late_ms), MAX_LAG_MS)
        self._heard_ms = max(self._heard_ms, reached)
        self._anchor_s = now_s
        self._marks.append((self._heard_ms, now_s))

    # What follows from it

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been given to the synthesiser."""
        return not self._spans

    def heard_ms(self, now_s: float) -> int:
        """How much of the answer's audio has been played by now."""
        if self._anchor_s is None:
            return 0
        passed_ms = (now_s - self._anchor_s) * 1000
        if not self._heard_ms:
            passed_ms -= self.lag_ms
        heard = round(self._heard_ms + min(max(0.0, passed_ms), self._chunk_ms))
        return heard if self._total_ms is None else min(heard, self._total_ms)

    def left_ms(self, now_s: float) -> int:
        """About how much the caller has still to hear of what was given to the synthesiser."""
        if self.finished or self.is_empty:
            return 0
        return max(0, max(end for _, end in self._timeline().values()) - self.heard_ms(now_s))

    def silent_s(self, now_s: float) -> float | None:
        """How long ago the last sound was heard: 0 while there is one or more to come; None when
        nothing has been heard yet and nothing is on its way."""
        if self._anchor_s is None or self.left_ms(now_s):
            return None if self.is_empty else 0.0
        last_ms = max((end for _, end in self._timeline().values()), default=0)
        ended_s = self._anchor_s + max(0, last_ms - self._heard_ms) / 1000
        return max(0.0, now_s - ended_s)

    def words(self, until_s: float) -> list[AudibleWord]:
        """The words, as they are spoken, that can be heard until then, and when."""
        if self._anchor_s is None:
            return []
        found: list[AudibleWord] = []
        for index, (start_ms, end_ms) in self._timeline().items():
            words = self._spans[index].words
            a_character_ms = (end_ms - start_ms) / max(1, sum(len(word) + 1 for word in words))
            at_ms = float(start_ms)
            for word in words:
                word_end_ms = at_ms + a_character_ms * (len(word) + 1)
                found.append(AudibleWord(word, self._time_of(at_ms), self._time_of(word_end_ms)))
                at_ms = word_end_ms
        return [word for word in found if word.start_s < until_s]

    def split(self, now_s: float) -> dict[int, tuple[str, str]]:
        """Sentence index → (what was heard of it, what was not), cut between words."""
        heard_ms = self._total_ms if self.finished else self.heard_ms(now_s)
        return {
            index: cut(self._spans[index].text, start_ms, end_ms, heard_ms or 0)
            for index, (start_ms, end_ms) in self._timeline().items()
        }

    # Inside

    def _time_of(self, at_ms: float) -> float:
        """When that place of the answer was played, or will be if nothing comes between."""
        # The mark behind it knows best: the silence of a late sentence lies before the mark.
        reached_ms, then_s = next(
            (mark for mark in self._marks if mark[0] >= at_ms), (self._heard_ms, self._anchor_s)
        )
        assert then_s is not None
        lag_ms = 0 if self._marks else self.lag_ms
        return then_s + (at_ms - reached_ms + lag_ms) / 1000

    def _timeline(self) -> dict[int, tuple[int, int]]:
        """Sentence index → (start, end) in ms; estimated where the synthesiser is not done yet."""
        found: dict[int, tuple[int, int]] = {}
        at = 0
        for index, span in sorted(self._spans.items()):
            start_ms = at if span.start_ms is None else span.start_ms
            at = span.end_ms or start_ms + MS_PER_CHARACTER * len(to_spoken(span.text))
            found[index] = start_ms, at
        return found


def cut(text: str, start_ms: int, end_ms: int, heard_ms: int) -> tuple[str, str]:
    """(heard, not heard) of a sentence that sounds from `start_ms` to `end_ms`.

    A word counts as heard when all of it was: at the border it is better said twice than never.
    """
    if heard_ms >= end_ms:
        return text, ""
    if heard_ms <= start_ms:
        return "", text
    words = text.split()
    weights = [_weight(word) for word in words]
    reached = sum(weights) * (heard_ms - start_ms) / max(1, end_ms - start_ms)
    count, length = 0, 0.0
    for weight in weights:
        length += weight
        if length > reached + 1:
            break
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])


def _weight(word: str) -> int:
    """How long a word takes to say, in characters of its spoken form."""
    return len(to_spoken(word)) + 1 + PAUSE_CHARACTERS.get(word[-1], 0)
