"""Which of the caller's words have been told already: by their times, else by the words. Sans-I/O.

Results overlap: a new socket is given some audio twice, a recogniser says a final twice, or begins
the next one before the end of the last:

    final    0.0 ─ three one two five five five ─ 3.0
    final              1.5 ─ five five five oh one four two ─ 5.0
    told           three one two five five five oh one four two

A word belongs to what has been told when its middle lies there; a result whose words have no times
that can be believed is laid against the last words that were told. When in doubt a word is told
twice rather than not at all.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SLACK_MS: Final = 100
"""By so much two results may disagree on where the same word begins or ends."""
_SPANS: Final = 64
_LAST_WORDS: Final = 64
_SURE_WORDS: Final = 2
"""Without any times, one word that is said again may well have been said again."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written, and its place in milliseconds (of whichever clock is meant)."""

    text: str
    start_ms: int
    end_ms: int

    @property
    def middle_ms(self) -> float:
        """What decides where the word belongs."""
        return (self.start_ms + self.end_ms) / 2


@dataclass(frozen=True, slots=True)
class _Span:
    start_ms: int
    end_ms: int
    last_word: str


class Told:
    """What one socket need not tell (any more). Words before `until_ms` another one has told."""

    def __init__(self, until_ms: int = 0) -> None:
        self._until_ms = until_ms
        self._spans: deque[_Span] = deque(maxlen=_SPANS)
        self._last: deque[str] = deque(maxlen=_LAST_WORDS)

    def add(self, text: str, start_ms: int, end_ms: int) -> None:
        """`text` has been told: its first word began and its last one ended then."""
        words = [_plain(word) for word in text.split()]
        if words:
            # A word without length is a word all the same.
            self._spans.append(_Span(start_ms, max(end_ms, start_ms + 1), words[-1]))
            self._last.extend(words)

    def fresh(self, words: Sequence[Word]) -> list[Word]:
        """Those of the `words` that have not been told."""
        return [word for word in words if not self._is_told(word)]

    def rest(self, text: str, span_ms: tuple[int, int] | None) -> str:
        """What of `text` has not been told, of a result between the two ends of `span_ms` whose
        words have no times; None: it has not even a place."""
        if span_ms is None:
            return self._behind_last(text, at_least=_SURE_WORDS)
        start_ms, end_ms = span_ms
        if 0 < self._until_ms >= end_ms - SLACK_MS or any(
            span.start_ms - SLACK_MS <= start_ms and end_ms <= span.end_ms + SLACK_MS
            for span in self._spans
        ):
            return ""
        is_apart = start_ms >= self._until_ms - SLACK_MS and all(
            end_ms <= span.start_ms + SLACK_MS or start_ms >= span.end_ms - SLACK_MS
            for span in self._spans
        )
        return text if is_apart else self._behind_last(text, at_least=1)

    def _is_told(self, word: Word) -> bool:
        if self._until_ms > 0 and word.middle_ms < self._until_ms:
            return True
        return any(
            span.start_ms <= word.middle_ms < span.end_ms
            or (
                # The last word again, though it is said to have ended later.
                span.start_ms <= word.start_ms < span.end_ms and _plain(word.text) == span.last_word
            )
            for span in self._spans
        )

    def _behind_last(self, text: str, at_least: int) -> str:
        """`text` without the longest beginning that is the end of what was told."""
        words = text.split()
        plain, last = [_plain(word) for word in words], list(self._last)
        for size in range(min(len(words), len(last)), at_least - 1, -1):
            if plain[:size] == last[-size:]:
                return " ".join(words[size:])
        return text


def _plain(word: str) -> str:
    return re.sub(r"\W", "", word).casefold()
