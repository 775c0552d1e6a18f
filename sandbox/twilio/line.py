"""Twilio's end of a media stream: what it plays, what it echoes, what it writes. No I/O, no clock.

The caller's audio and the messages about it go out as ready-made text; what the other side sends
comes in through `Line.receive`; `Line.play` moves playback on by one frame. Everything happens in
one order, the wire's, so it can be tested to the byte.

Message shapes: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.audio.frames import FRAME_BYTES, FRAME_MS, QUIET_BYTES, SILENCE_PAYLOAD

BUFFER_LIMIT_BYTES = 10 * 60 * 8000
"""Ten minutes: Twilio discards what would be buffered beyond (31931)."""

BINARY_MESSAGE = 31950
INVALID_MESSAGE = 31951
BUFFER_FULL = 31931


class LineError(Exception):
    """The other side broke the protocol. `code` is Twilio's; the message names no content."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """Audio was put into the playback buffer. `silent` says that nothing in it can be heard."""

    size_bytes: int
    silent: bool


@dataclass(frozen=True, slots=True)
class MarkReceived:
    """A mark was put behind the audio buffered so far."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The buffer was emptied; `dropped_ms` of audio will not be heard."""

    dropped_ms: int


Received = AudioReceived | MarkReceived | Cleared


class PlaybackBuffer:
    """Audio and marks in the order they came; marks are due when all audio before was played."""

    def __init__(self) -> None:
        self._items: deque[bytes | str] = deque()
        self._head_offset = 0
        self.size_bytes = 0

    def add(self, audio: bytes) -> None:
        """Queue `audio` (mu-law). Raises `LineError` 31931 when the buffer would overflow."""
        if self.size_bytes + len(audio) > BUFFER_LIMIT_BYTES:
            raise LineError(BUFFER_FULL, "more than ten minutes of audio are buffered")
        if audio:
            self._items.append(audio)
            self.size_bytes += len(audio)

    def mark(self, name: str) -> None:
        """Queue a mark behind what is buffered."""
        self._items.append(name)

    def clear(self) -> list[str]:
        """Drop all audio; returns the marks that were outstanding, all of them due at once."""
        marks = [item for item in self._items if isinstance(item, str)]
        self._items.clear()
        self._head_offset = 0
        self.size_bytes = 0
        return marks

    def due(self) -> list[str]:
        """The marks with no audio left before them."""
        marks: list[str] = []
        while self._items and isinstance(self._items[0], str):
            marks.append(self._items.popleft())  # type: ignore[arg-type]
        return marks

    def take(self, size_bytes: int) -> tuple[bytes, list[str]]:
        """Play up to `size_bytes`; returns the audio and the marks reached while it played."""
        items = self._items
        if not items:
            return b"", []
        head = items[0]
        # The usual frame lies inside one chunk: one slice, no list.
        if isinstance(head, bytes) and len(head) - self._head_offset > size_bytes:
            start = self._head_offset
            self._head_offset = start + size_bytes
            self.size_bytes -= size_bytes
            return head[start : start + size_bytes], []
        pieces: list[bytes] = []
        marks: list[str] = []
        wanted = size_bytes
        while items:
            head = items[0]
            if isinstance(head, str):
                marks.append(head)
                items.popleft()
                continue
            if wanted == 0:
                break
            piece = head[self._head_offset : self._head_offset + wanted]
            wanted -= len(piece)
            self._head_offset += len(piece)
            pieces.append(piece)
            if self._head_offset == len(head):
                items.popleft()
                self._head_offset = 0
        audio = b"".join(pieces)
        self.size_bytes -= len(audio)
        return audio, marks


class Line:
    """One media stream, from `connected` to `stop`.

    Messages to send: `connected`, `start`, then one `media` a frame, `dtmf`, and `stop` at the
    end. After every `receive` and `play`, send what `echoes` returns before anything else.
    """

    def __init__(
        self, stream_sid: str, call_sid: str, account_sid: str, parameters: Mapping[str, str]
    ) -> None:
        self.stream_sid = stream_sid
        self.call_sid = call_sid
        self.account_sid = account_sid
        self._parameters = dict(parameters)
        self.buffer = PlaybackBuffer()
        self._sequence = 0
        self._chunk = 0
        self._echoes: list[str] = []
        self._media_head = '{"event":"media","sequenceNumber":"'
        self._media_middle = f'","streamSid":"{stream_sid}","media":{{"track":"inbound","chunk":"'

    # What the other side sends

    def receive(self, message: str | bytes) -> Received:
        """Take one message. Raises `LineError`: 31950 for binary, 31951 for anything malformed."""
        if isinstance(message, bytes):
            raise LineError(BINARY_MESSAGE, "a binary frame")
        try:
            data = json.loads(message)
        except ValueError:
            raise LineError(INVALID_MESSAGE, "not JSON") from None
        if not isinstance(data, dict):
            raise LineError(INVALID_MESSAGE, "not a JSON object")
        if data.get("streamSid") != self.stream_sid:
            raise LineError(INVALID_MESSAGE, "another stream's streamSid, or none")
        match data.get("event"):
            case "media":
                return self._audio(data.get("media"))
            case "mark":
                return self._mark(data.get("mark"))
            case "clear":
                dropped_ms = self.buffer.size_bytes // 8
                self._echo(self.buffer.clear())
                return Cleared(dropped_ms)
            case _:
                raise LineError(INVALID_MESSAGE, "an event Twilio does not know")

    def _audio(self, media: Any) -> AudioReceived:
        payload = media.get("payload") if isinstance(media, dict) else None
        if not isinstance(payload, str):
            raise LineError(INVALID_MESSAGE, "media without a payload")
        try:
            audio = b64decode(payload, validate=True)
        except (Base64Error, ValueError):
            raise LineError(INVALID_MESSAGE, "a payload that is not base64") from None
        self.buffer.add(audio)
        return AudioReceived(len(audio), not audio.strip(QUIET_BYTES))

    def _mark(self, mark: Any) -> MarkReceived:
        name = mark.get("name") if isinstance(mark, dict) else None
        if not isinstance(name, str):
            raise LineError(INVALID_MESSAGE, "a mark without a name")
        self.buffer.mark(name)
        self._echo(self.buffer.due())
        return MarkReceived(name)

    # What is played and sent

    def play(self) -> bytes:
        """Play one frame; the audio that was heard, b"" when there was none."""
        audio, marks = self.buffer.take(FRAME_BYTES)
        if marks:
            self._echo(marks)
        return audio

    def echoes(self) -> list[str]:
        """The mark messages that are due, each once."""
        if not self._echoes:
            return []
        due, self._echoes = self._echoes, []
        return due

    def connected(self) -> str:
        """The first message; it has neither a streamSid nor a number."""
        return '{"event":"connected","protocol":"Call","version":"1.0.0"}'

    def start(self) -> str:
        """The second message, with the TwiML's parameters."""
        return self._message(
            "start",
            {
                "streamSid": self.stream_sid,
                "accountSid": self.account_sid,
                "callSid": self.call_sid,
                "tracks": ["inbound"],
                "customParameters": self._parameters,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            },
        )

    def media(self, payload: str = SILENCE_PAYLOAD) -> str:
        """The caller's next frame; `payload` is its base64."""
        # A template, not json.dumps: this is written fifty times a second for every call.
        at_ms = self._chunk * FRAME_MS
        self._chunk += 1
        self._sequence += 1
        return (
            f"{self._media_head}{self._sequence}{self._media_middle}{self._chunk}"
            f'","timestamp":"{at_ms}","payload":"{payload}"}}}}'
        )

    def dtmf(self, digit: str) -> str:
        """A key the caller pressed."""
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def stop(self) -> str:
        """The last message."""
        return self._message("stop", {"accountSid": self.account_sid, "callSid": self.call_sid})

    @property
    def media_ms(self) -> int:
        """Media time: milliseconds of the caller's audio sent so far."""
        return self._chunk * FRAME_MS

    def _echo(self, names: list[str]) -> None:
        self._echoes += [self._message("mark", {"name": name}) for name in names]

    def _message(self, event: str, body: dict[str, Any]) -> str:
        self._sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            "streamSid": self.stream_sid,
            event: body,
        }
        return json.dumps(message, separators=(",", ":"))
