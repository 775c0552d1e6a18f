"""Flux's messages to events, in the caller's media time. Sans-I/O.

Flux (Deepgram's `/v2/listen`) decides turns itself. Each `TurnInfo` has all that was said in the
turn so far; an event says what has changed. Shapes are those of deepgram-sdk 7.17,
`listen/v2/types`; the order of events is that of developers.deepgram.com (docs/flux/state):

    StartOfTurn     a voice, and its first words     SpeechStarted, Transcript (interim)
    Update          every 0.25 s of audio            Transcript (interim), if the words changed
    EagerEndOfTurn  probably over                    EagerEndOfTurn
    TurnResumed     it was not                       TurnResumed
    EndOfTurn       over                             Transcript, final, speech ended

Whether what was said is *whole* Flux does not ask: a telephone number's first three digits are a
turn to it. The call judges that as it does with any recogniser (`otto/dialogue/turns/taker.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from otto.events import EagerEndOfTurn, Event, SpeechStarted, Transcript, TurnResumed
from otto.speech.complaints import error_in, parse
from otto.speech.results import MAX_TEXT_CHARS, clean, seconds, words_in
from otto.speech.socket_clock import SocketClock
from otto.speech.told import Told, Word
from otto.speech.wire import VendorError

AHEAD_MS: Final = 1000
"""What is said to have been heard so far behind the audio that was sent was not."""
_WITH_WORDS: Final = frozenset(("StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed"))


class FluxReader:
    """One socket's messages. Make a new one for every socket.

    Words before `known_until_ms` (media time) are known already and are left out.
    """

    def __init__(self, known_until_ms: int = 0) -> None:
        self.acknowledged_ms: int | None = None
        """Media time up to which turns have ended; None before any."""
        self.messages = 0
        """Messages understood so far: none on a socket that never worked."""
        self._clock = SocketClock()
        self._told = Told(known_until_ms)
        self._ended = -1
        """The last turn that is over: what comes of it, or of one before, is late."""
        self._turn = 0
        self._interim: Transcript | None = None
        self._is_eager = False

    def sent(self, at_ms: int, size: int) -> None:
        """`size` bytes of audio of media time `at_ms` were sent on the socket."""
        self._clock.sent(at_ms, size)

    @property
    def owed(self) -> Transcript | None:
        """The words that were told, of a turn that has not ended."""
        return self._interim

    def settle(self) -> Transcript | None:
        """The owed words as they stand, final: what comes later of their turn is left out."""
        if (owed := self._interim) is None:
            return None
        self._ended, self._interim, self._is_eager = self._turn, None, False
        return self.settled(owed)

    def settled(self, owed: Transcript) -> Transcript:
        """The same for words that another socket told, and of which this one knows nothing."""
        self._told.add(owed.text, owed.start_ms, owed.end_ms)
        self._acknowledge(owed.end_ms)
        return replace(owed, is_final=True, speech_final=True)

    def receive(self, message: str | bytes) -> list[Event]:
        """The events of one message; none for those that say nothing new.

        Unknown messages and events are passed over, and so is what cannot be: an end that ended
        before, a turn that goes on without an eager end. Raises `VendorError` for a message which
        says that the socket is of no use.
        """
        data = parse(message)
        if (error := error_in(data)) is not None:
            raise VendorError(error[0], f"error frame {error[1]}")
        match data.get("type"):
            case "Connected":
                self.messages += 1
            case "TurnInfo":
                self.messages += 1
                return self._turn_info(data)
        return []

    def _turn_info(self, data: Mapping[str, Any]) -> list[Event]:
        index = data.get("turn_index")
        turn = index if isinstance(index, int) and not isinstance(index, bool) else self._turn
        if turn <= self._ended:
            return []
        if turn != self._turn:
            self._turn, self._is_eager = turn, False
        event = data.get("event")
        if event == "EndOfTurn":
            return self._end(self._said(data))
        if not isinstance(event, str) or event not in _WITH_WORDS:
            return []
        said = self._said(data)
        events: list[Event] = [SpeechStarted(said.start_ms)] if event == "StartOfTurn" else []
        if self._is_eager and event == "TurnResumed":
            self._is_eager = False
            events.append(TurnResumed())
        if said.text and (self._interim is None or said.text != self._interim.text):
            self._interim = said
            events.append(said)
        if event == "EagerEndOfTurn" and said.text and not self._is_eager:
            self._is_eager = True
            events.append(EagerEndOfTurn())
        return events

    def _end(self, said: Transcript) -> list[Event]:
        was_told, self._interim = self._interim, None
        self._ended, self._turn, self._is_eager = self._turn, self._turn + 1, False
        self._acknowledge(said.end_ms)
        if not said.text:
            # What was told was a noise, if anything was.
            return [] if was_told is None else [replace(said, is_final=True, speech_final=True)]
        self._told.add(said.text, said.start_ms, said.end_ms)
        return [replace(said, is_final=True, speech_final=True)]

    def _said(self, data: Mapping[str, Any]) -> Transcript:
        """What was said in the turn, as an interim; times that cannot be are those of the audio."""
        words, window_ms = self._words(data), self._window_ms(data)
        text = clean(data.get("transcript")) or " ".join(word.text for word in words)
        if len(words) < len(text.split()):
            words = ()  # not the words of this text
        if words:
            fresh = self._told.fresh(words)
            if len(fresh) < len(words):
                text = " ".join(word.text for word in fresh)
            words = tuple(fresh)
        else:
            text = self._told.rest(text, window_ms)
        start_ms, end_ms = (
            (words[0].start_ms, words[-1].end_ms) if words else window_ms or (self._sent_ms,) * 2
        )
        return Transcript(text[:MAX_TEXT_CHARS], False, False, start_ms, end_ms, _confidence(data))

    def _words(self, data: Mapping[str, Any]) -> tuple[Word, ...]:
        """The words in media time; none when one of them lies where nothing was sent yet."""
        words = words_in(data.get("words"), None)
        if any(word.end_ms > self._most_ms for word in words):
            return ()
        at = self._clock.media_ms
        return tuple(Word(word.text, at(word.start_ms), at(word.end_ms)) for word in words)

    def _window_ms(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        begin_s, end_s = (seconds(data.get(f"audio_window_{side}")) for side in ("start", "end"))
        if begin_s is None or end_s is None or not begin_s <= end_s <= self._most_ms / 1000:
            return None
        return self._clock.media_ms(begin_s * 1000), self._clock.media_ms(end_s * 1000)

    @property
    def _most_ms(self) -> int:
        return self._clock.length_ms + AHEAD_MS

    @property
    def _sent_ms(self) -> int:
        return self._clock.sent_ms

    def _acknowledge(self, end_ms: int) -> None:
        self.acknowledged_ms = max(self.acknowledged_ms or 0, min(end_ms, self._sent_ms))


def _confidence(data: Mapping[str, Any]) -> float:
    """That of the word that is least certain."""
    found = data.get("words")
    entries = found if isinstance(found, list) else []
    values = [entry.get("confidence") for entry in entries if isinstance(entry, dict)]
    shares = [
        float(value)
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    ]
    return min(shares, default=1.0)
