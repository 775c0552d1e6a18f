"""Deepgram's messages to events, in the caller's media time. Sans-I/O.

Deepgram counts seconds of the audio that one socket was sent. The call counts milliseconds since
Twilio's stream began. They differ by where the socket began (a reconnect replays from the middle)
and at every gap in the audio, so each stretch of adjoining audio leaves an anchor:

    media time   0 ──────── 4200      9000 ───────────►      (4.8 s were lost)
    socket time  0 ──────── 4200 4200 ───────────►
    anchors      (0, 0)     (4200, 9000)
"""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import Any

from otto.events import Event, SpeechStarted, Transcript, UtteranceEnd
from otto.speech.wire import BYTES_PER_MS

GAP_TOLERANCE_MS = 60
"""Twilio's clock jitters by a frame or two; more than that is audio that never came."""


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
        self._sent_bytes = 0
        self._anchors_socket: list[int] = []
        self._anchors_media: list[int] = []
        self._interim = ""
        self._known_until_ms = known_until_ms

    def sent(self, at_ms: int, size: int) -> None:
        """`size` bytes of audio of media time `at_ms` were sent on the socket."""
        position = self._sent_bytes // BYTES_PER_MS
        if not self._anchors_media or abs(self.media_ms(position) - at_ms) > GAP_TOLERANCE_MS:
            self._anchors_socket.append(position)
            self._anchors_media.append(at_ms)
        self._sent_bytes += size

    def media_ms(self, socket_ms: float) -> int:
        """The media time of a position in the socket's audio."""
        if not self._anchors_media:
            return round(socket_ms)
        at = max(0, bisect_right(self._anchors_socket, socket_ms) - 1)
        return round(self._anchors_media[at] + socket_ms - self._anchors_socket[at])

    def receive(self, message: str | bytes) -> list[Event]:
        """The events of one message; none for those that say nothing new.

        An interim comes only when its words changed, an empty final only when it ends the speech.
        Unknown messages and missing fields are passed over: Deepgram adds to its messages.
        """
        try:
            data = json.loads(message)
        except ValueError:
            return []
        if not isinstance(data, dict):
            return []
        try:
            return self._read(data)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
            return []

    def _read(self, data: dict[str, Any]) -> list[Event]:
        kind = data.get("type")
        if kind == "Results":
            return self._results(data)
        if kind == "SpeechStarted":
            self.messages += 1
            return [SpeechStarted(self._at(data["timestamp"]))]
        if kind == "UtteranceEnd":
            self.messages += 1
            # Deepgram says -1 when it has no word to go by.
            return [UtteranceEnd(self._at(max(0.0, data["last_word_end"])))]
        return []

    def _results(self, data: dict[str, Any]) -> list[Event]:
        best = data["channel"]["alternatives"][0]
        text = best["transcript"].strip()
        words = best.get("words") or []
        fresh = [word for word in words if not self._is_known(word)]
        if len(fresh) < len(words):
            text = " ".join(word.get("punctuated_word") or word["word"] for word in fresh)
            words = fresh
        start_s, duration_s = float(data["start"]), float(data["duration"])
        begins_s = float(words[0]["start"]) if words else start_s
        ends_s = float(words[-1]["end"]) if words else start_s + duration_s
        is_final, speech_final = bool(data.get("is_final")), bool(data.get("speech_final"))
        end_ms = self._at(start_s + duration_s)
        self.messages += 1
        if is_final:
            self.acknowledged_ms = max(self.acknowledged_ms or 0, end_ms)
            self._interim = ""
            if not text and not speech_final:
                return []
        else:
            if not text or text == self._interim:
                return []
            self._interim = text
        confidence = float(best.get("confidence", 1.0))
        start_ms = self._at(begins_s)
        return [Transcript(text, is_final, speech_final, start_ms, self._at(ends_s), confidence)]

    def _is_known(self, word: dict[str, Any]) -> bool:
        """Whether most of the word lies before what is known already."""
        middle_s = (float(word["start"]) + float(word["end"])) / 2
        return self._known_until_ms > 0 and self._at(middle_s) < self._known_until_ms

    def _at(self, socket_s: float) -> int:
        return self.media_ms(float(socket_s) * 1000)
