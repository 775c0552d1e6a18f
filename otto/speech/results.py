"""One `Results` message of Deepgram, read without trusting it. Sans-I/O.

What can be understood is kept: words without times are still words, and a time that cannot be is
no time. Shapes are those of deepgram-sdk 7.17, `ListenV1Results`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from otto.speech.told import Word

MAX_TEXT_CHARS: Final = 4000
"""Of one result. It covers some seconds of speech: more was not said, and goes to the model."""
MAX_S: Final = 100_000.0
"""A position in a call's audio beyond this (a day) is none."""
OUTSIDE_S: Final = 0.5
"""A word may lie so far outside its own result."""
_UNSAYABLE: Final = frozenset(("Cc", "Cs"))
"""Control characters and halves of characters, as Unicode's categories."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was heard in a stretch of audio, in milliseconds since its socket (or the call) began.

    `words` is empty when their times cannot be believed, `span_ms` None when the result's own
    cannot.
    """

    text: str
    words: tuple[Word, ...]
    span_ms: tuple[int, int] | None
    is_final: bool
    speech_final: bool
    confidence: float

    @property
    def said_ms(self) -> tuple[int, int] | None:
        """From the first word to the last, as far as that is known."""
        if self.words:
            return self.words[0].start_ms, self.words[-1].end_ms
        return self.span_ms

    def of(self, text: str, words: tuple[Word, ...] = ()) -> Result:
        """The same result with no more than these words."""
        return replace(self, text=text[:MAX_TEXT_CHARS], words=words)


def read(data: Mapping[str, Any]) -> Result | None:
    """The best of the alternatives, or None when there is none.

    Never raises: what is missing or senseless is left out.
    """
    if (best := _best(data)) is None:
        return None
    start_s, duration_s = seconds(data.get("start")), seconds(data.get("duration"))
    span_ms = None
    if start_s is not None and duration_s is not None:
        span_ms = round(start_s * 1000), round((start_s + duration_s) * 1000)
    words = words_in(best.get("words"), span_ms)
    text = clean(best.get("transcript")) or " ".join(word.text for word in words)
    if len(words) < len(text.split()):
        words = ()  # not the words of this text
    speech_final = data.get("speech_final") is True
    confidence = best.get("confidence")
    is_share = isinstance(confidence, int | float) and 0 <= confidence <= 1
    return Result(
        text,
        words,
        span_ms,
        # Who has heard the speech end has nothing to change about it any more.
        data.get("is_final") is True or speech_final,
        speech_final,
        float(confidence) if is_share and confidence is not None else 1.0,
    )


def seconds(value: Any) -> float | None:
    """A position or length in the audio, or None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MAX_S else None  # false for what is no number, too


def clean(value: Any) -> str:
    """Words as they can be stored and said: no control characters, no halves of characters."""
    if not isinstance(value, str):
        return ""
    kept = "".join(
        " " if unicodedata.category(c) in _UNSAYABLE else c for c in value[:MAX_TEXT_CHARS]
    )
    return " ".join(kept.split())


def _best(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    channel = data.get("channel")
    found = channel.get("alternatives") if isinstance(channel, dict) else None
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def words_in(found: Any, span_ms: tuple[int, int] | None) -> tuple[Word, ...]:
    """A message's words with their times; none when one of them cannot be where it says."""
    words: list[Word] = []
    least_s = 0.0 if span_ms is None else span_ms[0] / 1000 - OUTSIDE_S
    most_s = MAX_S if span_ms is None else span_ms[1] / 1000 + OUTSIDE_S
    for entry in found if isinstance(found, list) else ():
        if not isinstance(entry, dict):
            return ()
        text = clean(entry.get("punctuated_word")) or clean(entry.get("word"))
        start_s, end_s = seconds(entry.get("start")), seconds(entry.get("end"))
        if start_s is None or end_s is None or not least_s <= start_s <= end_s <= most_s:
            return ()
        least_s = start_s
        if text:
            words.append(Word(text, round(start_s * 1000), round(end_s * 1000)))
    return tuple(words)
