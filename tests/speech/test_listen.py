"""The listener against a Deepgram that misbehaves; the media link is the real one."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from otto.events import Transcript, WorkerFailed
from otto.media_link.frames import LinkError
from otto.speech import listen, wire
from otto.speech.listen import Listener
from otto.speech.transcripts import Utterance


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(listen, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))


class Hears:
    """Takes audio until it has `needed` bytes, then answers; optionally breaks off."""

    def __init__(self, needed: int, *answers: str, drop: bool = False) -> None:
        self.needed = needed
        self.answers = answers
        self.drop = drop
        self.frames: list[bytes] = []
        self.texts: list[str] = []
        self.ended = asyncio.Event()

    async def __call__(self, socket: ServerConnection) -> None:
        answered = False
        try:
            async for message in socket:
                if isinstance(message, str):
                    self.texts.append(json.loads(message)["type"])
                    if self.texts[-1] == "CloseStream":
                        return
                    continue
                self.frames.append(message)
                if not answered and len(b"".join(self.frames)) >= self.needed:
                    answered = True
                    for answer in self.answers:
                        await socket.send(answer)
                    if self.drop:
                        socket.transport.abort()
                        return
        finally:
            self.ended.set()


def audio(seconds: float) -> bytes:
    return bytes(1 + at % 250 for at in range(int(seconds * 8000)))


async def test_words_become_transcripts(call: Any, deepgram: Any, results: Any) -> None:
    recogniser = Hears(8000, results("book it", 0, 1, final=True, speech_final=True))
    async with deepgram(recogniser).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(audio(1))
        call.fall_silent(1000)
        heard = await call.wait_for_type(Transcript)
        assert heard == Transcript("book it", True, True, 0, 1000, 0.9)
        await listener.detach()
    path = server.requests[0].path
    assert "endpointing=300" in path and "interim_results=true" in path
    assert server.requests[0].headers["Authorization"] == "Token key"
    assert b"".join(recogniser.frames)[:8000] == audio(1)


async def test_frames_are_joined_and_none_is_empty(call: Any, deepgram: Any) -> None:
    recogniser = Hears(0)
    async with deepgram(recogniser).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        for at in range(50):
            call.talk(audio(0.02), at * 20)
            await asyncio.sleep(0.002)
        call.link.push_audio(1000, b"")
        call.fall_silent(1000)
        async with asyncio.timeout(5):
            while len(b"".join(recogniser.frames)) < 8000:
                await asyncio.sleep(0.01)
        assert all(len(frame) >= 320 for frame in recogniser.frames)
        await listener.detach()


async def test_close_stream_is_sent_when_the_call_is_left(call: Any, deepgram: Any) -> None:
    recogniser = Hears(0)
    async with deepgram(recogniser).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        await listener.detach()
        await asyncio.wait_for(recogniser.ended.wait(), 5)
    assert recogniser.texts == ["CloseStream"]


async def test_the_last_words_of_a_call_that_ended_are_still_delivered(
    call: Any, deepgram: Any, results: Any
) -> None:
    async def hears(socket: ServerConnection) -> None:
        async for message in socket:
            if message == json.dumps({"type": "CloseStream"}):
                await socket.send(results("bye", 0, 0.5, final=True))
                return

    async with deepgram(hears).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(audio(0.5))
        call.link.close("done")
        assert (await call.wait_for_type(Transcript)).text == "bye"
        await listener.detach()


async def test_a_socket_that_drops_is_replaced_and_replayed_from_the_last_final(
    call: Any, deepgram: Any, results: Any
) -> None:
    first = Hears(16_000, results("one", 0, 1.5, final=True), drop=True)
    second = Hears(7200, results("ne two", 0.1, 0.8, final=True))
    async with deepgram(first, second).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(audio(2))
        call.fall_silent(2000)
        two = await call.wait_for(lambda e: isinstance(e, Transcript) and e.text == "two")
        # The cut was in mid-speech: a lead-in was given, and what is known of it left out.
        assert (two.start_ms, two.end_ms) == (1600, 2000)
        assert b"".join(second.frames)[:7200] == audio(2)[8800:]
        assert not any(isinstance(e, WorkerFailed) for e in call.events)
        await listener.detach()


async def test_a_drop_in_the_middle_of_a_send_loses_no_audio(
    call: Any, deepgram: Any, results: Any
) -> None:
    first = Hears(1600, drop=True)
    second = Hears(24_000, results("all of it", 0, 3, final=True))
    async with deepgram(first, second).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        for at in range(150):
            call.talk(audio(3)[at * 160 : at * 160 + 160], at * 20)
            await asyncio.sleep(0.001)
        call.fall_silent(3000)
        await call.wait_for_type(Transcript)
        assert b"".join(second.frames)[:24_000] == audio(3)
        await listener.detach()


async def test_a_refused_connection_is_tried_again_then_reported(call: Any, deepgram: Any) -> None:
    async with deepgram(Hears(0), refusals=(429,) * 4).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        (failed,) = call.news
        assert call.reports == [("primary", False, "refused")] * 4
        assert failed.kind == "refused"
        assert failed.detail == "status 429 TOO_MANY r-1"
        assert len(server.requests) == 4
        await listener.attach(call.address, call.token)  # the limit is over: it may try again
        assert len(call.news) == 1
        await listener.detach()


async def test_a_refusal_that_ends_within_the_retries_is_not_noticed(
    call: Any, deepgram: Any
) -> None:
    async with deepgram(Hears(0), refusals=(503, 429)).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        assert call.news == []
        await listener.detach()


@pytest.mark.parametrize(("status", "kind"), [(401, "refused"), (402, "quota"), (400, "rejected")])
async def test_a_wrong_key_is_not_tried_again(
    call: Any, deepgram: Any, status: int, kind: str
) -> None:
    async with deepgram(Hears(0), refusals=(status,) * 4).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        assert [event.kind for event in call.news] == [kind]
        assert len(server.requests) == 1


async def test_a_server_that_drops_every_socket_is_given_up(call: Any, deepgram: Any) -> None:
    async with deepgram(Hears(1, drop=True)).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(audio(1))
        failed = await call.wait_for_type(WorkerFailed)
        assert (failed.kind, len(server.requests)) == ("dropped", 4)
        await listener.detach()


async def test_a_wrong_token_is_the_links_refusal_and_leaves_no_socket(
    call: Any, deepgram: Any
) -> None:
    recogniser = Hears(0)
    async with deepgram(recogniser).serving() as server:
        listener = Listener(server.settings, call.events.append)
        with pytest.raises(LinkError):
            await listener.attach(call.address, "wrong")
        if server.requests:
            await asyncio.wait_for(recogniser.ended.wait(), 5)


async def test_nothing_is_emitted_after_detach_and_the_next_call_starts_clean(
    call: Any, deepgram: Any, results: Any
) -> None:
    async def late(socket: ServerConnection) -> None:
        async for message in socket:
            if isinstance(message, str):
                await socket.send(results("too late", 0, 1, final=True))
                return

    recogniser = Hears(8000, results("next", 0, 1, final=True))
    async with deepgram(late, recogniser).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        await listener.detach()
        assert call.events == []
        await listener.attach(call.address, call.token)
        call.talk(audio(1))
        call.fall_silent(1000)
        assert (await call.wait_for_type(Transcript)).text == "next"
        await listener.detach()


class QuietUplink:
    """An uplink that says what it is told, on virtual time."""

    def __init__(self, script: list[tuple[float, bytes]]) -> None:
        self.script = script
        self.at_ms = 0

    async def read(self) -> tuple[int, bytes] | None:
        if not self.script:
            await asyncio.Event().wait()
        wait_s, mulaw = self.script.pop(0)
        await asyncio.sleep(wait_s)
        at, self.at_ms = self.at_ms, self.at_ms + len(mulaw) // 8
        return at, mulaw

    async def close(self) -> None: ...


class QuietSocket:
    """A socket that takes everything, and answers nothing but what `answers` begins with."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.sent: list[tuple[float, str | bytes]] = []

    async def send(self, message: str | bytes) -> None:
        self.sent.append((asyncio.get_running_loop().time(), message))

    def __aiter__(self) -> QuietSocket:
        return self

    async def __anext__(self) -> str:
        if self.answers:
            return self.answers.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None: ...


def session(deepgram_settings: Any, script: list[tuple[float, bytes]]) -> tuple[Any, QuietSocket]:
    socket = QuietSocket()
    emit: Callable[[Any], None] = lambda event: None  # noqa: E731
    made = listen._Session(deepgram_settings, emit, socket, QuietUplink(script), 0, Utterance())  # type: ignore[arg-type]
    return made, socket


@pytest.mark.looptime
async def test_1011_when_no_audio_was_sent_keep_alive_prevents_it() -> None:
    made, socket = session(listen.DeepgramSettings(), [])
    start = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await made.run()
    alive = [at - start for at, message in socket.sent if message == listen._KEEP_ALIVE]
    assert len(alive) in (14, 15)
    assert all(later - earlier < 10 for earlier, later in itertools.pairwise(alive))


@pytest.mark.looptime
async def test_no_keep_alive_while_audio_flows() -> None:
    made, socket = session(listen.DeepgramSettings(), [(0.02, b"a" * 160)] * 500)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6.9):
            await made.run()
    assert not [message for _, message in socket.sent if message == listen._KEEP_ALIVE]


@pytest.mark.looptime
async def test_a_recogniser_that_never_answers_is_taken_for_lost() -> None:
    made, _ = session(listen.DeepgramSettings(), [(0.02, b"a" * 160)] * 2000)
    start = asyncio.get_running_loop().time()
    with pytest.raises(wire.VendorError, match="timeout"):
        await made.run()
    assert 7 <= asyncio.get_running_loop().time() - start <= 8


@pytest.mark.looptime
async def test_a_recogniser_that_falls_silent_behind_an_interim_is_given_up_sooner(
    results: Any,
) -> None:
    """The caller waits for an answer to words heard in part: seven seconds is too long."""
    made, socket = session(listen.DeepgramSettings(), [(0.02, b"a" * 160)] * 2000)
    socket.answers.append(results("I would like", 0, 1))
    start = asyncio.get_running_loop().time()
    with pytest.raises(wire.VendorError, match="timeout"):
        await made.run()
    assert 3.5 <= asyncio.get_running_loop().time() - start <= 4.5
