"""A call's media link and a Deepgram that does what a test says, both over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from config.settings import DeepgramSettings
from otto.events import Event, VendorReport
from otto.media_link.frames import Role
from otto.media_link.link import Link
from otto.media_link.server import LinkServer


@dataclass
class Recogniser:
    """The ingress' side of the link: keeps what would go to Twilio."""

    line: list[tuple[int, bytes | int]] = field(default_factory=list)

    def on_audio(self, generation: int, mulaw: bytes) -> None:
        self.line.append((generation, mulaw))

    def on_mark(self, generation: int, index: int) -> None:
        self.line.append((generation, index))

    def on_clear(self, generation: int) -> None: ...

    def on_hangup(self) -> None: ...

    def on_control_attached(self) -> None: ...

    def on_control_lost(self) -> None: ...

    def heard(self, generation: int) -> bytes:
        return b"".join(a for g, a in self.line if g == generation and isinstance(a, bytes))


@dataclass
class Call:
    address: str
    link: Link
    recogniser: Recogniser
    events: list[Event] = field(default_factory=list)

    @property
    def token(self) -> str:
        """For one listener, once."""
        return self.link.invite(Role.UPLINK)

    @property
    def downlink_token(self) -> str:
        """For one speaker, once."""
        return self.link.invite(Role.DOWNLINK)

    @property
    def news(self) -> list[Event]:
        """What a conversation looks at: all but the reports for the switchboard."""
        return [event for event in self.events if not isinstance(event, VendorReport)]

    @property
    def reports(self) -> list[tuple[str, bool, str]]:
        return [
            (event.provider, event.ok, event.kind)
            for event in self.events
            if isinstance(event, VendorReport)
        ]

    def talk(self, audio: bytes, at_ms: int = 0) -> None:
        """20 ms frames, as fast as the link takes them."""
        for start in range(0, len(audio), 160):
            self.link.push_audio(at_ms + start // 8, audio[start : start + 160])

    def fall_silent(self, at_ms: int) -> None:
        """The line goes on: a telephone sends silence, never nothing."""
        self.talk(b"\xff" * 1600, at_ms)

    async def wait_for(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event that is wanted; they come, or the test fails."""
        async with asyncio.timeout(60):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                await asyncio.sleep(0.005)

    async def wait_for_type(self, kind: type[Event]) -> Any:
        return await self.wait_for(lambda event: isinstance(event, kind))


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    server = LinkServer()
    await server.start()
    recogniser = Recogniser()
    yield Call(server.address, server.open("CA1", recogniser), recogniser)
    await server.close()


Handler = Callable[[ServerConnection], Awaitable[None]]


@dataclass
class FakeDeepgram:
    """One handler a connection, the last for all further ones; `refusals` come first."""

    handlers: list[Handler]
    refusals: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    settings: DeepgramSettings = field(default_factory=DeepgramSettings)

    @asynccontextmanager
    async def serving(self, **settings: Any) -> AsyncIterator[FakeDeepgram]:
        async with serve(self._handle, "127.0.0.1", 0, process_request=self._admit) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.settings = DeepgramSettings(
                api_key=SecretStr("key"), url=f"ws://127.0.0.1:{port}", **settings
            )
            yield self

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if not self.refusals:
            return None
        response = connection.respond(HTTPStatus(self.refusals.pop(0)), "no")
        response.headers["dg-error"] = "TOO_MANY"
        response.headers["dg-request-id"] = "r-1"
        return response

    async def _handle(self, connection: ServerConnection) -> None:
        handler = self.handlers.pop(0) if len(self.handlers) > 1 else self.handlers[0]
        await handler(connection)


def results(
    text: str, start: float, duration: float, *, final: bool = False, speech_final: bool = False
) -> str:
    """A `Results` message, words spread evenly."""
    words = text.split()
    step = duration / max(1, len(words))
    return json.dumps(
        {
            "type": "Results",
            "channel_index": [0, 1],
            "start": start,
            "duration": duration,
            "is_final": final,
            "speech_final": speech_final,
            "channel": {
                "alternatives": [
                    {
                        "transcript": text,
                        "confidence": 0.9,
                        "words": [
                            {
                                "word": word,
                                "start": start + at * step,
                                "end": start + (at + 1) * step,
                                "confidence": 0.9,
                            }
                            for at, word in enumerate(words)
                        ],
                    }
                ]
            },
            "metadata": {
                "request_id": "r",
                "model_info": {"name": "n", "version": "v", "arch": "a"},
                "model_uuid": "u",
            },
        }
    )


@pytest.fixture(name="results")
def _results() -> Callable[..., str]:
    return results


@pytest.fixture
def deepgram() -> Callable[..., FakeDeepgram]:
    def make(*handlers: Handler, refusals: tuple[int, ...] = ()) -> FakeDeepgram:
        return FakeDeepgram(list(handlers), list(refusals))

    return make
