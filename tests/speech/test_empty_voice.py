"""A voice that says it is done and has said nothing: the caller must not hear silence for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from otto.events import Event, SentenceSpoken, SpeechDone, WorkerFailed
from otto.speech import wire
from otto.speech.audible import audible_bytes, is_enough
from otto.speech.phrases import synthesise
from otto.speech.playout import Playout
from otto.speech.speak import Speaker
from otto.speech.wire import VendorError

TEXT = "Your car is ready on Tuesday."


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))


def flushed(number: int = 0) -> str:
    return json.dumps({"type": "Flushed", "sequence_id": number})


class Voice:
    """Answers each Flush with what it is given; without anything, it speaks, 10 ms a letter."""

    def __init__(self, *answers: str | bytes, closes: bool = False) -> None:
        self.answers, self.closes = answers, closes
        self.asked: list[str] = []

    def sound(self, text: str) -> bytes:
        return b"".join(bytes([ord(entry)]) * 80 for entry in text)

    async def __call__(self, socket: ServerConnection) -> None:
        text = ""
        async for message in socket:
            data = json.loads(message)
            if data["type"] == "Speak":
                text += data["text"]
            elif data["type"] == "Flush":
                text = text.strip()
                self.asked.append(text)
                for answer in self.answers or (self.sound(text), flushed()):
                    await socket.send(answer)
                text = ""
                if self.closes:
                    await socket.close(1000)


NOTHING: dict[str, tuple[str | bytes, ...]] = {
    "no audio": (flushed(),),
    "another sequence": (flushed(7),),
    "no bytes": (b"", b"", flushed()),
    "too short": (b"a" * 160, flushed()),
    "silence": (b"\xff" * 24_000, flushed()),
    "negative silence": (b"\x7f" * 24_000, flushed()),
    "dithered silence": (b"\xff\xfe\x7f\x7e" * 6000, flushed()),
    "a click in silence": (b"\xff" * 8000 + b"a" * 40 + b"\xff" * 8000, flushed()),
    "a warning": (json.dumps({"type": "Warning", "code": "TEXT_TOO_LONG"}), flushed()),
    "done in binary": (flushed().encode(),),
    "unasked Cleared": (json.dumps({"type": "Cleared", "sequence_id": 1}), flushed()),
    "a refused flush": (json.dumps({"type": "Warning", "code": "EXCEEDED_FLUSH_LIMIT"}),),
    "an error": (json.dumps({"type": "Error", "code": "INTERNAL", "description": "x"}),),
    "endless silence": (b"\xff" * 24_000,),
    "Metadata only": (json.dumps({"type": "Metadata", "request_id": "r"}),),
    "no JSON": ("Flushed", "{", "[" * 100_000),
}


@pytest.mark.parametrize("nothing", NOTHING)
async def test_who_says_nothing_is_asked_again_and_then_another_voice(
    call: Any, deepgram: Any, nothing: str
) -> None:
    mute, other = Voice(*NOTHING[nothing]), Voice()
    primary = deepgram(mute).serving(first_audio_timeout_s=0.2)
    async with primary as one, deepgram(other).serving() as two:
        settings = one.settings.model_copy(update={"fallback_url": two.settings.url})
        speaker = Speaker(settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, TEXT)
        speaker.finish(1)
        done = await call.wait_for_type(SpeechDone)
        async with asyncio.timeout(5):
            while len(call.recogniser.heard(1)) < done.total_ms * 8:
                await asyncio.sleep(0.005)
        assert mute.asked and mute.asked[0] == TEXT
        # What was audible before is not taken back; all words come after it.
        assert other.asked == [TEXT]
        assert call.recogniser.heard(1).endswith(other.sound(TEXT))
        assert {ok for provider, ok, _ in call.reports if provider == "primary"} == {False}
        assert not any(isinstance(event, WorkerFailed) for event in call.events)
        await speaker.detach()


async def test_a_socket_closed_in_good_order_behind_the_flush_is_a_failure(
    call: Any, deepgram: Any
) -> None:
    closing, good = Voice(b"", closes=True), Voice()
    async with deepgram(closing, good).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, TEXT)
        speaker.finish(1)
        done = await call.wait_for_type(SpeechDone)
        assert done.total_ms == len(TEXT) * 10
        assert good.asked == [TEXT]
        await speaker.detach()


@pytest.mark.parametrize("nothing", ["no audio", "too short", "silence", "a refused flush"])
async def test_the_call_is_told_when_no_voice_says_anything(
    call: Any, deepgram: Any, nothing: str
) -> None:
    """So that the caller is put through, instead of hearing silence and being hung up on."""
    mute = Voice(*NOTHING[nothing])
    async with deepgram(mute).serving() as one, deepgram(mute).serving() as two:
        settings = one.settings.model_copy(update={"fallback_url": two.settings.url})
        speaker = Speaker(settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, TEXT)
        speaker.finish(1)
        failed = await call.wait_for_type(WorkerFailed)
        assert failed.generation == 1
        assert failed.kind == ("refused" if nothing == "a refused flush" else "protocol")
        assert not any(isinstance(event, SpeechDone | SentenceSpoken) for event in call.events)
        await speaker.detach()


async def test_an_error_frame_of_the_voice_says_why(call: Any, deepgram: Any) -> None:
    broke = Voice(json.dumps({"type": "Error", "err_code": "INSUFFICIENT_CREDITS"}))
    async with deepgram(broke).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, TEXT)
        failed = await call.wait_for_type(WorkerFailed)
        assert (failed.kind, failed.detail) == ("quota", "error frame INSUFFICIENT_CREDITS")
        await speaker.detach()


async def test_a_phrase_without_a_sound_is_asked_for_again_and_of_the_other_voice(
    deepgram: Any,
) -> None:
    once, good = Voice(flushed()), Voice()
    async with deepgram(once, good).serving() as server:
        assert await synthesise(server.settings, TEXT) == good.sound(TEXT)
    async with deepgram(once).serving() as one, deepgram(good).serving() as two:
        settings = one.settings.model_copy(update={"fallback_url": two.settings.url})
        assert await synthesise(settings, TEXT) == good.sound(TEXT)
        with pytest.raises(VendorError, match="no audio"):
            await synthesise(one.settings, TEXT)


# Without sockets


class Desk:
    """The outlet: keeps what comes out."""

    def __init__(self) -> None:
        self.clock = 1000.0
        self.line = b""
        self.events: list[Event] = []

    def to_voice(self, message: str) -> None: ...

    def audio(self, generation: int, mulaw: bytes) -> None:
        self.line += mulaw

    def mark(self, generation: int, index: int) -> None: ...

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def now(self) -> float:
        return self.clock


def playing() -> tuple[Playout, Desk]:
    desk = Desk()
    playout = Playout(desk, 100, 18, 4.0, {})
    playout.opened("one")
    return playout, desk


def test_a_pause_of_speech_reaches_the_line_where_it_was() -> None:
    playout, desk = playing()
    playout.say(1, 0, "Hello. You there?")
    parts = [b"\xff" * 400, b"a" * 800, b"\xff" * 3200, b"b" * 800, b"\xff" * 1600]
    for part in parts:
        playout.received(part)
    assert b"".join(parts[:-1]).startswith(desk.line)
    assert playout.flushed(0)
    assert desk.line == b"".join(parts)


def test_silence_is_no_sign_of_life() -> None:
    playout, desk = playing()
    playout.say(1, 0, TEXT)
    for _ in range(5):
        desk.clock += 1.0
        playout.received(b"\xff" * 800)
        playout.cleared()
    assert playout.check() is False
    assert desk.line == b""


def test_silence_of_a_lost_socket_costs_no_word_of_the_next() -> None:
    playout, desk = playing()
    playout.say(1, 0, TEXT)
    playout.received(b"\xff" * 8000)
    assert playout.flushed(0) is False
    playout.lost()
    playout.opened("one")
    playout.received(b"a" * 4000)
    assert playout.flushed(0)
    assert desk.line == b"a" * 4000


def test_a_flush_that_is_reported_twice_ends_one_sentence() -> None:
    playout, desk = playing()
    for index, text in enumerate(["One.", "Two.", "Three."]):
        playout.say(1, index, text)
    for number in (0, 1):
        playout.received(b"a" * 400)
        assert playout.flushed(number)
    assert playout.flushed(1)  # again, before any sound of the third
    playout.received(b"c" * 400)
    assert playout.flushed(2)
    spoken = [event for event in desk.events if isinstance(event, SentenceSpoken)]
    assert [event.end_ms - event.start_ms for event in spoken] == [50, 50, 50]


@given(st.lists(st.sampled_from([b"", b"\xff" * 160, b"a" * 160, b"a", None]), max_size=40))
def test_no_sentence_is_done_without_its_sound(frames: list[bytes | None]) -> None:
    """None: Flushed. Whatever comes, what is reported as spoken could be heard."""
    playout, desk = playing()
    playout.say(1, 0, "Your car is ready.")
    playout.finish(1)
    sent = b""
    for frame in frames:
        if frame is None:
            if not playout.flushed():
                playout.lost()
                playout.opened("one")
        else:
            sent += frame
            playout.received(frame)
    is_done = any(isinstance(event, SpeechDone) for event in desk.events)
    assert is_done <= is_enough("Your car is ready.", audible_bytes(sent))
    assert not is_done or is_enough("Your car is ready.", audible_bytes(desk.line))
