"""`/v1/listen`: Deepgram's live transcription over one WebSocket.

The session knows the protocol; what it hears with (sandbox.deepgram.recognisers) is chosen by the
world's option `speech` when the socket opens.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import Any

from starlette.websockets import WebSocket

from sandbox.deepgram import wire
from sandbox.deepgram.recognisers import (
    Gap,
    Heard,
    VoiceStarted,
    Words,
)
from sandbox.deepgram.session import LOG, HearingSession, serve
from sandbox.deepgram.wire import ListenQuery
from sandbox.world import World

EMPTY_EVERY_MS = 1000
_CONTROLS = ("KeepAlive", "Finalize", "CloseStream")


async def listen(world: World, websocket: WebSocket, target: str) -> None:
    """Serve one upgrade; see `serve`."""

    def begun() -> ListenSession:
        query = ListenQuery.parse(websocket.query_params)
        return ListenSession(world, websocket, query, target)

    await serve(world, websocket, target, begun)


class ListenSession(HearingSession):
    """One open transcription."""

    def __init__(
        self,
        world: World,
        websocket: WebSocket,
        query: ListenQuery,
        target: str = "deepgram.listen",
    ) -> None:
        super().__init__(world, websocket, query.audio, target, "listen")
        self._query = query
        self._empty_from_ms: int | None = None  # "interims" has struck: up to where all was said
        self._recogniser = self._recogniser_for(query, world.options.listen_interim_ms)

    # Receiving

    async def _empty_frame(self) -> bool:
        # It has always meant the end of the stream.
        await self._close_stream()
        return False

    def _take(self, audio: bytes) -> None:
        self._bytes += len(audio)
        if audio and not self._silent:
            self._recogniser.feed(audio)
            self._say_nothing()

    async def _control(self, text: str) -> bool:
        """Obey a text frame; False: it was the last."""
        control = wire.control_type(text, _CONTROLS)
        if control is None:
            self._post(wire.schema_error(text))
        elif control[0] == "Finalize":
            await self._recogniser.finalize()
        elif control[0] == "CloseStream":
            await self._close_stream()
            return False
        return True

    async def _close_stream(self) -> None:
        """Tell all that is left, the summary, and close."""
        self._take(self._inlet.flush())
        await self._recogniser.finalize()
        duration_ms = self._heard_ms
        digest = hashlib.sha256(f"{self.request_id}:{self._bytes}".encode()).hexdigest()
        self._post(wire.listen_metadata(self.request_id, duration_ms, digest, self._world.clock()))
        await self._finish(1000)

    # Telling

    def _hear(self, heard: Heard) -> None:
        """What the recogniser tells, as Deepgram's messages."""
        delay_ms = 0
        if isinstance(heard, Words) and heard.is_final and heard.text:
            if self._world.faults.take(self._target, "interims") is not None:
                heard = replace(heard, is_final=False, speech_final=False)
                self._empty_from_ms = self._heard_ms
            else:
                self._empty_from_ms = None
        elif isinstance(heard, Gap) and self._empty_from_ms is not None:
            return  # a gap is one behind words that are final
        if isinstance(heard, Words):
            body = wire.results(
                self._query,
                self.request_id,
                heard.text,
                (heard.start_ms, heard.end_ms),
                is_final=heard.is_final,
                speech_final=heard.speech_final,
                from_finalize=heard.from_finalize,
                confidence=heard.confidence,
            )
            if heard.is_final and heard.text:
                delay_ms = self._final_delay_ms()
        elif isinstance(heard, VoiceStarted):
            body = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": heard.at_ms / 1000}
        else:
            assert isinstance(heard, Gap)
            end = heard.last_word_end_ms / 1000
            body = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": end}
        self._post(body, delay_ms)

    def _say_nothing(self) -> None:
        """After "interims": an empty result for each second, as if all were in order."""
        if self._empty_from_ms is None or self._heard_ms < self._empty_from_ms + EMPTY_EVERY_MS:
            return
        from_ms, self._empty_from_ms = self._empty_from_ms, self._heard_ms
        self._hear(Words("", from_ms, self._heard_ms, is_final=False, confidence=0.0))

    def _going_out(self, body: dict[str, Any]) -> None:
        """For benchmarks: when each message went out, on the clock all processes share."""
        entry = {
            "at": time.monotonic(),
            "request_id": self.request_id,
            "target": self._target,
            "kind": body["type"],
            "audio_ms": self._heard_ms,
        }
        if body["type"] == "Results":
            entry |= {
                "text": body["channel"]["alternatives"][0]["transcript"],
                "is_final": body["is_final"],
                "speech_final": body["speech_final"],
                "start_ms": round(body["start"] * 1000),
                "end_ms": round((body["start"] + body["duration"]) * 1000),
            }
        self._world.log(LOG).append(entry)
