"""Deepgram's messages to events, in the caller's media time. Sans-I/O.

Words that were told as an interim are *owed* until a final covers them. A recogniser may never
give one; then they are settled, which is to be told as they stand:

    interim  it is the blue one ─┐
    final    …                   │ covers them, with words     those words, nothing is owed
    final    (empty)             │ covers them, speech ended   taken back: it was a noise
    final    (empty)             │ behind them, speech ended   settled
    UtteranceEnd                 │ not older than they are     settled
    nothing else for some time   ┘                             the listener has them settled
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from otto.events import Event, SpeechStarted, Transcript, UtteranceEnd
from otto.speech.complaints import error_in, parse
from otto.speech.results import Result, read, seconds
from otto.speech.socket_clock import SocketClock
from otto.speech.told import SLACK_MS, Told, Word
from otto.speech.wire import VendorError

AHEAD_MS: Final = 1000
"""What is said to have been heard so far behind the audio that was sent was not."""
SHORTEST_GAP_MS: Final = 1000
"""No UtteranceEnd comes sooner after the last word (Deepgram's least `utterance_end_ms`)."""
SURE_GUESS: Final = 0.8
"""A single interim word of less confidence may be taken back: most such are noises."""


class Utterance:
    """Whether the caller's last words still wait for the recogniser to say that they ended.

    A socket that hears only the silence after them never says it: whoever replaces a socket asks
    here what is left open.
    """

    def __init__(self) -> None:
        self.open_ms: int | None = None
        """Where the last word of an utterance ended that has no end yet, in media time."""
        self.cut_in_speech = False
        """The last final was one in mid-speech: audio after it may begin within a word."""
        self.owed: Transcript | None = None
        """Words told as an interim, of which no final has come."""

    def told(self, event: Event) -> None:
        """An event goes to the call."""
        if isinstance(event, UtteranceEnd) or (
            isinstance(event, Transcript) and event.speech_final
        ):
            self.open_ms, self.cut_in_speech = None, False
        elif isinstance(event, Transcript):
            self.open_ms = event.end_ms
            self.cut_in_speech = self.cut_in_speech or event.is_final


class TranscriptReader:
    """One socket's messages. Make a new one for every socket.

    Words before `known_until_ms` (media time) are known already: they are left out, so that a
    socket may be given a little of what another has heard.
    """

    def __init__(self, known_until_ms: int = 0) -> None:
        self.acknowledged_ms: int | None = None
        """Media time up to which the recogniser has given final results; None before any."""
        self.messages = 0
        """Messages understood so far: none on a socket that never worked."""
        self._clock = SocketClock()
        self._interim = ""
        self._owed: Result | None = None
        self._newest_ms = 0
        self._told = Told(known_until_ms)

    def sent(self, at_ms: int, size: int) -> None:
        """`size` bytes of audio of media time `at_ms` were sent on the socket."""
        self._clock.sent(at_ms, size)

    def media_ms(self, socket_ms: float) -> int:
        """The media time of a position in the socket's audio."""
        return self._clock.media_ms(socket_ms)

    @property
    def owed(self) -> Transcript | None:
        """The words that were told and that no final has covered."""
        return self._event(self._owed) if self._owed is not None else None

    def settle(self) -> Transcript | None:
        """The owed words as they stand, final: what comes later of them is left out."""
        if (owed := self.owed) is None:
            return None
        self._owed, self._interim = None, ""
        return self.settled(owed)

    def settled(self, owed: Transcript) -> Transcript:
        """The same for words that another socket told, and of which this one knows nothing."""
        self._told.add(owed.text, owed.start_ms, owed.end_ms)
        self._acknowledge(owed.end_ms)
        return replace(owed, is_final=True, speech_final=True)

    def receive(self, message: str | bytes) -> list[Event]:
        """The events of one message; none for those that say nothing new.

        An interim comes only when its words changed, an empty final only when it ends the speech
        or takes words back. Unknown messages and missing fields are passed over: Deepgram adds to
        its messages. Raises `VendorError` for a message which says that the socket is of no use.
        """
        data = parse(message)
        if (error := error_in(data)) is not None:
            raise VendorError(error[0], f"error frame {error[1]}")
        match data.get("type"):
            case "Results":
                return self._results(data)
            case "SpeechStarted" if (at_s := seconds(data.get("timestamp"))) is not None:
                self.messages += 1
                return [SpeechStarted(self.media_ms(at_s * 1000))]
            case "UtteranceEnd":
                self.messages += 1
                return self._utterance_end(seconds(data.get("last_word_end")))
        return []

    def _utterance_end(self, last_word_end_s: float | None) -> list[Event]:
        """`last_word_end_s` None: Deepgram says -1 when it has no word to go by. Then the gap is
        behind the newest words if that much was sent since."""
        if last_word_end_s is not None:
            end_ms = min(self.media_ms(last_word_end_s * 1000), self._sent_ms)
        elif self._newest_ms and self._sent_ms - self._newest_ms >= SHORTEST_GAP_MS:
            end_ms = self._newest_ms
        else:
            end_ms = self.media_ms(0)
        owed = self.owed
        is_of_owed = owed is not None and end_ms >= owed.end_ms - SLACK_MS
        settled = self.settle() if is_of_owed else None
        return [UtteranceEnd(end_ms)] if settled is None else [settled, UtteranceEnd(end_ms)]

    def _results(self, data: dict[str, Any]) -> list[Event]:
        if (found := read(data)) is None:
            return []
        self.messages += 1
        heard = self._in_media_time(found)
        if heard.is_final and not heard.text:
            return self._nothing(heard)
        new = self._not_told(heard)
        if not heard.is_final:
            if not new.text or new.text == self._interim:
                return []
            self._interim, self._owed = new.text, new
            return [self._words(new)]
        self._interim = ""
        event = self._words(new)
        if new.text:
            self._told.add(new.text, event.start_ms, event.end_ms)
        if heard.span_ms is not None:
            self._acknowledge(heard.span_ms[1])
        self._owe_less(heard)
        if new.text:
            return [event]
        # A repetition. That the speech ended then says nothing of newer words.
        return [event] if new.speech_final and self._owed is None else []

    def _nothing(self, heard: Result) -> list[Event]:
        """A final without words."""
        owed = self.owed
        is_taken_back = (
            heard.span_ms is None
            or owed is None
            or (
                heard.span_ms[0] <= owed.start_ms + SLACK_MS
                and heard.span_ms[1] >= owed.end_ms - SLACK_MS
            )
        )
        if not heard.speech_final:
            is_taken_back = (
                is_taken_back
                and owed is not None
                and len(owed.text.split()) == 1
                and owed.confidence < SURE_GUESS
            )
        elif not is_taken_back and (settled := self.settle()) is not None:
            return [settled]
        if is_taken_back:
            self._owed, self._interim = None, ""
        if self._owed is None and heard.span_ms is not None:
            self._acknowledge(heard.span_ms[1])
        return [self._event(heard)] if is_taken_back else []

    def _not_told(self, heard: Result) -> Result:
        """`heard` without what was told already."""
        if not heard.words:
            return heard.of(self._told.rest(heard.text, heard.span_ms))
        words = self._told.fresh(heard.words)
        if len(words) == len(heard.words):
            return heard
        return heard.of(" ".join(word.text for word in words), tuple(words))

    def _owe_less(self, final: Result) -> None:
        """Words behind the audio that `final` covers are owed still."""
        if self._owed is None:
            return
        owed, end_ms = self._not_told(self._owed), final.span_ms[1] if final.span_ms else None
        if owed.words and end_ms is not None:
            words = tuple(word for word in owed.words if word.middle_ms >= end_ms)
            owed = owed.of(" ".join(word.text for word in words), words)
        elif end_ms is None or owed.span_ms is None or owed.span_ms[1] <= end_ms + SLACK_MS:
            owed = owed.of("")
        self._owed = owed if owed.text else None

    # Time

    @property
    def _sent_ms(self) -> int:
        """The media time up to which audio was sent."""
        return self._clock.sent_ms

    def _acknowledge(self, end_ms: int) -> None:
        self.acknowledged_ms = max(self.acknowledged_ms or 0, min(end_ms, self._sent_ms))

    def _in_media_time(self, found: Result) -> Result:
        """`found` on the call's clock; without times that lie where nothing was sent yet."""
        most_ms = self._clock.length_ms + AHEAD_MS if self._clock.length_ms else None
        words, span_ms = found.words, found.span_ms
        if most_ms is not None:
            words = words if all(word.end_ms <= most_ms for word in words) else ()
            span_ms = span_ms if span_ms is not None and span_ms[1] <= most_ms else None
        at = self.media_ms
        return replace(
            found,
            words=tuple(Word(word.text, at(word.start_ms), at(word.end_ms)) for word in words),
            span_ms=(at(span_ms[0]), at(span_ms[1])) if span_ms is not None else None,
        )

    def _words(self, heard: Result) -> Transcript:
        event = self._event(heard)
        if heard.text:
            self._newest_ms = max(self._newest_ms, event.end_ms)
        return event

    def _event(self, heard: Result) -> Transcript:
        start_ms, end_ms = heard.said_ms or (self._sent_ms, self._sent_ms)
        return Transcript(
            heard.text, heard.is_final, heard.speech_final, start_ms, end_ms, heard.confidence
        )
