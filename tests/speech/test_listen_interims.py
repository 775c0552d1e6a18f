"""The listener and a recogniser that guesses, and never says the words for good."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from config.settings import DeepgramSettings
from otto.events import Event, Transcript, UtteranceEnd, WorkerFailed
from otto.speech import listen, telling, wire
from otto.speech.listen import Listener
from otto.speech.transcripts import Utterance

BLUE = ("it is the blue one", 0.0, 1.0)


@pytest.fixture
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(listen, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(listen, "ORPHAN_GRACE_S", 0.05)
    monkeypatch.setattr(listen, "CHECK_S", 0.02)
    monkeypatch.setattr(listen, "OWED_S", 0.3)
    monkeypatch.setattr(listen, "STABLE_S", 0.2)
    monkeypatch.setattr(telling, "UNFINISHED_S", 0.2)


class Guesses:
    """Tells an interim of the first second; then what it is told to, again and again."""

    def __init__(self, interim: str, again: str | None) -> None:
        self.interim, self.again = interim, again
        self.audio = b""

    async def __call__(self, socket: ServerConnection) -> None:
        is_told = False
        async for message in socket:
            if isinstance(message, str):
                if json.loads(message)["type"] == "CloseStream":
                    return
                continue
            self.audio += message
            if len(self.audio) < 8000:
                continue
            if not is_told:
                is_told = True
                await socket.send(self.interim)
            elif self.again is not None:
                await socket.send(self.again)


class Hears(Guesses):
    """Says the words, as final, as soon as it has a second of audio."""

    def __init__(self, final: str) -> None:
        super().__init__(final, None)


@asynccontextmanager
async def talking(call: Any, settings: DeepgramSettings) -> AsyncIterator[Listener]:
    """A caller who has spoken for a second and waits."""
    listener = Listener(settings, call.events.append)
    await listener.attach(call.address, call.token)

    async def line() -> None:
        for at_ms in range(0, 60_000, 20):
            call.talk(bytes(range(1, 161)) if at_ms < 1000 else b"\xff" * 160, at_ms)
            await asyncio.sleep(0.002)

    line_task = asyncio.create_task(line())
    yield listener
    line_task.cancel()
    await asyncio.gather(line_task, return_exceptions=True)
    await listener.detach()


def words(call: Any) -> list[Transcript]:
    return [e for e in call.events if isinstance(e, Transcript) and e.text and e.is_final]


@pytest.mark.usefixtures("_fast")
async def test_words_that_stay_interim_are_told_and_the_fallback_listens_on(
    call: Any, deepgram: Any, results: Any
) -> None:
    guesses = Guesses(results(*BLUE), results("", 1.0, 0.5))
    after = Hears(results("and a red one", 0.1, 0.8, final=True, speech_final=True))
    async with deepgram(guesses).serving() as one, deepgram(after).serving() as other:
        settings = one.settings.model_copy(update={"fallback_url": other.settings.url})
        async with talking(call, settings):
            await call.wait_for(lambda e: isinstance(e, Transcript) and "red" in e.text)
    first, second = words(call)
    assert (first.text, first.speech_final) == ("it is the blue one", True)
    assert second.start_ms >= first.end_ms
    assert call.reports[0] == ("primary", False, "timeout")
    # The next socket is given what lies behind the words, not the words.
    assert bytes(range(1, 161)) not in after.audio


@pytest.mark.usefixtures("_fast")
@pytest.mark.parametrize("again", ["results", "metadata", "interim", "nonsense", "silence"])
async def test_no_message_is_a_sign_of_life_while_words_are_owed(
    call: Any, deepgram: Any, results: Any, again: str
) -> None:
    """Whatever else comes (or nothing), the caller's words are told once and come to an end."""
    message = {
        "results": results("", 1.0, 0.2, final=True),
        "metadata": json.dumps({"type": "Metadata"}),
        "interim": results(*BLUE),
        "nonsense": "no JSON",
        "silence": None,
    }[again]
    guesses = deepgram(Guesses(results(*BLUE), message))
    async with guesses.serving() as server, talking(call, server.settings):
        await call.wait_for(
            lambda e: isinstance(e, UtteranceEnd) or (isinstance(e, Transcript) and e.speech_final)
        )
        assert [event.text for event in words(call)] == ["it is the blue one"]
        assert not any(isinstance(e, WorkerFailed) for e in call.events)


@pytest.mark.usefixtures("_fast")
async def test_words_of_a_dead_socket_are_heard_again_by_the_next(
    call: Any, deepgram: Any, results: Any
) -> None:
    dead = Guesses(results("it is the", 0.0, 0.8), None)
    whole = Hears(results(*BLUE, final=True, speech_final=True))
    async with deepgram(dead, whole).serving() as server, talking(call, server.settings):
        await call.wait_for(lambda e: isinstance(e, Transcript) and e.is_final)
        assert [event.text for event in words(call)] == ["it is the blue one"]


@pytest.mark.usefixtures("_fast")
async def test_words_that_the_next_socket_skips_are_told_before_its_own(
    call: Any, deepgram: Any, results: Any
) -> None:
    dead = Guesses(results("it is", 0.0, 0.4), None)
    later = Hears(results("the blue one", 0.5, 0.5, final=True, speech_final=True))
    async with deepgram(dead, later).serving() as server, talking(call, server.settings):
        await call.wait_for(lambda e: isinstance(e, Transcript) and "blue" in e.text)
        assert [event.text for event in words(call)] == ["it is", "the blue one"]


@pytest.mark.usefixtures("_fast")
async def test_the_interim_is_kept_when_the_caller_hangs_up(
    call: Any, deepgram: Any, results: Any
) -> None:
    async with deepgram(Guesses(results(*BLUE), None)).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 8000)
        await call.wait_for_type(Transcript)
        call.link.close("done")
        await call.wait_for(lambda e: isinstance(e, Transcript) and e.is_final)
        await listener.detach()


@pytest.mark.usefixtures("_fast")
async def test_a_socket_that_guesses_and_breaks_for_ever_is_given_up(
    call: Any, deepgram: Any, results: Any
) -> None:
    opened = []

    async def breaks(socket: ServerConnection) -> None:
        opened.append(socket)
        await socket.recv()
        await socket.send(results("hello", 0.0, 0.1))
        socket.transport.abort()

    async with deepgram(breaks).serving() as server, talking(call, server.settings):
        failed = await call.wait_for_type(WorkerFailed)
        assert (failed.kind, len(opened)) == ("dropped", 4)


@pytest.mark.usefixtures("_fast")
@pytest.mark.parametrize(
    ("code", "kind"), [("ASR_PAYMENT_REQUIRED", "quota"), ("TOO_MANY_REQUESTS", "refused")]
)
async def test_an_error_frame_moves_the_call_to_the_fallback_and_says_why(
    call: Any, deepgram: Any, results: Any, code: str, kind: str
) -> None:
    async def complains(socket: ServerConnection) -> None:
        await socket.send(json.dumps({"type": "Error", "variant": code, "description": "no"}))
        await socket.wait_closed()

    hears = Hears(results(*BLUE, final=True, speech_final=True))
    async with deepgram(complains).serving() as one, deepgram(hears).serving() as other:
        settings = one.settings.model_copy(update={"fallback_url": other.settings.url})
        async with talking(call, settings):
            await call.wait_for_type(Transcript)
    assert call.reports[0] == ("primary", False, kind)
    assert [event.text for event in words(call)] == ["it is the blue one"]


# In virtual time


class Line:
    """An uplink in real time, on the test's clock."""

    def __init__(self) -> None:
        self.at_ms = 0

    async def read(self) -> tuple[int, bytes]:
        await asyncio.sleep(0.04)
        at_ms, self.at_ms = self.at_ms, self.at_ms + 40
        return at_ms, b"a" * 320

    async def close(self) -> None: ...


class Chatty:
    """A socket that says `first` after a second, and `again` twice a second ever after."""

    def __init__(self, first: str, again: str) -> None:
        self.messages = [(1.0, first)]
        self.again = again

    async def send(self, message: str | bytes) -> None: ...

    def __aiter__(self) -> Chatty:
        return self

    async def __anext__(self) -> str:
        wait_s, message = self.messages.pop() if self.messages else (0.5, self.again)
        await asyncio.sleep(wait_s)
        return message

    async def close(self) -> None: ...


@pytest.mark.looptime
async def test_the_caller_is_answered_within_three_seconds(results: Any) -> None:
    told: list[tuple[float, Event]] = []
    loop = asyncio.get_running_loop()
    start = loop.time()
    session = listen._Session(
        DeepgramSettings(),
        lambda event: told.append((loop.time() - start, event)),
        Chatty(results(*BLUE), results("", 1.0, 0.5)),  # type: ignore[arg-type]
        Line(),  # type: ignore[arg-type]
        0,
        Utterance(),
    )
    with pytest.raises(wire.VendorError, match="never became final"):
        await session.run()
    (_, guess), (at_s, final) = told
    assert isinstance(guess, Transcript) and isinstance(final, Transcript)
    assert (guess.text, final.text, final.speech_final) == (BLUE[0], BLUE[0], True)
    assert 2 <= at_s - 1 <= 3.0
    assert session.acknowledged_ms == final.end_ms
