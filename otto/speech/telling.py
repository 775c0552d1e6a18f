"""What one socket's listener tells the call, and until when it waits for more. Sans-I/O.

The reader turns messages into events. Here they meet what other sockets have told: words whose
socket is gone (an *orphan*) are said again by this one, or ended when it does not know of them.
"""

from __future__ import annotations

from typing import Final, Protocol

from otto.events import Event, Transcript, UtteranceEnd
from otto.speech.told import SLACK_MS
from otto.speech.transcripts import Utterance

UNFINISHED_S: Final = 2.4
"""A recogniser that says something, but for so long nothing new of words it owes a final for, will
never finish them."""


class _Reader(Protocol):
    @property
    def owed(self) -> Transcript | None: ...
    def settle(self) -> Transcript | None: ...
    def settled(self, owed: Transcript) -> Transcript: ...


class Telling:
    """Clocks are monotonic, in seconds. What is returned goes to the call, in order."""

    def __init__(
        self,
        reader: _Reader,
        utterance: Utterance,
        now_s: float,
        unfinished_s: float = UNFINISHED_S,
    ) -> None:
        self._unfinished_s = unfinished_s
        self._reader = reader
        self._utterance = utterance
        self._words_at_s = now_s
        self._newest_ms = 0
        self.orphan_ms = utterance.open_ms
        """The end of words that another socket told, while this one has said nothing of them."""

    def tell(self, event: Event, now_s: float) -> list[Event]:
        """`event` comes of this socket."""
        before = self._of_orphan(event, now_s) if self.orphan_ms is not None else []
        if isinstance(event, Transcript):
            if event.is_final or event.end_ms > self._newest_ms:
                self._words_at_s = now_s
            self._newest_ms = max(self._newest_ms, event.end_ms)
            if self.orphan_ms is None:
                self._utterance.owed = self._reader.owed
        self._utterance.told(event)
        return [*before, event]

    def settle(self, now_s: float) -> list[Event]:
        """The words that this socket owes, as they stand; none when it owes none."""
        settled = self._reader.settle()
        return [] if settled is None else self.tell(settled, now_s)

    def end_orphan(self, now_s: float) -> list[Event]:
        """Silence has followed the orphan for long enough: this socket never heard it."""
        if self.orphan_ms is None:
            return []
        owed = self._utterance.owed
        end_ms = self.orphan_ms if owed is None else max(self.orphan_ms, owed.end_ms)
        return self.tell(UtteranceEnd(end_ms), now_s)

    def is_unfinished(self, heard_at_s: float, now_s: float) -> bool:
        """Whether it talks, last at `heard_at_s`, but no more of the words it owes."""
        return (
            self._reader.owed is not None
            and heard_at_s > self._words_at_s
            and now_s - self._words_at_s >= self._unfinished_s
        )

    def _of_orphan(self, event: Event, now_s: float) -> list[Event]:
        """What is said in the orphan's place, or behind it, decides what becomes of it."""
        owed = self._utterance.owed
        match event:
            case Transcript(text=text) if text:
                is_behind = owed is not None and event.start_ms >= owed.end_ms
            case UtteranceEnd():
                is_behind = owed is not None and event.last_word_end_ms >= owed.end_ms - SLACK_MS
            case _:
                return []
        self.orphan_ms = None
        if not is_behind or owed is None:
            return []
        return self.tell(self._reader.settled(owed), now_s)
