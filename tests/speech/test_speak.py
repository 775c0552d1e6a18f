"""The speaker against a voice that misbehaves; the media link is the real one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from otto.events import FirstAudio, SentenceSpoken, SpeechDone, WorkerFailed
from otto.speech import wire
from otto.speech.phrases import synthesise
from otto.speech.speak import Speaker
from otto.speech.wire import VendorError


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))


def sound(text: str) -> bytes:
    """What the voice says: 80 bytes (10 ms) a letter, recognisable."""
    return b"".join(bytes([ord(entry)]) * 80 for entry in text)


class Voice:
    """Says each flushed text in pieces of 500 bytes. `breaks_after` bytes it drops the socket."""

    def __init__(self, breaks_after: int | None = None, mute: bool = False) -> None:
        self.breaks_after = breaks_after
        self.mute = mute
        self.messages: list[str] = []
        self.opened = 0

    async def __call__(self, socket: ServerConnection) -> None:
        self.opened += 1
        text, said = "", 0
        async for message in socket:
            data = json.loads(message)
            self.messages.append(data.get("text", data["type"]).strip())
            if data["type"] == "Speak":
                text += data["text"]
            elif data["type"] == "Clear":
                text = ""
                await socket.send(json.dumps({"type": "Cleared", "sequence_id": 0}))
            elif data["type"] == "Flush" and not self.mute:
                audio, text = sound(text.strip()), ""
                for start in range(0, len(audio), 500):
                    if self.breaks_after is not None and said >= self.breaks_after:
                        self.breaks_after = None
                        socket.transport.abort()
                        return
                    await socket.send(audio[start : start + 500])
                    said += 500
                await socket.send(json.dumps({"type": "Flushed", "sequence_id": 0}))
            elif data["type"] == "Close":
                return


async def until_heard(call: Any, generation: int, size: int) -> bytes:
    async with asyncio.timeout(8):
        while len(heard := call.recogniser.heard(generation)) < size:
            await asyncio.sleep(0.005)
    return bytes(heard)


async def test_sentences_are_spoken_in_order_with_exact_marks(call: Any, deepgram: Any) -> None:
    voice = Voice()
    async with deepgram(voice).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "It is $80.")
        speaker.say(1, 1, "Shall I book it?")
        speaker.finish(1)
        done = await call.wait_for_type(SpeechDone)
        wanted = sound("It is eighty dollars.") + sound("Shall I book it?")
        assert await until_heard(call, 1, len(wanted)) == wanted
        assert done == SpeechDone(1, len(wanted) // 8, len(wanted) // 800)
        spoken = [e for e in call.events if isinstance(e, SentenceSpoken)]
        assert [(s.text, s.start_ms, s.end_ms) for s in spoken] == [
            ("It is $80.", 0, 210),
            ("Shall I book it?", 210, 370),
        ]
        assert sum(isinstance(e, FirstAudio) for e in call.events) == 1
        assert voice.opened == 1
        await speaker.detach()
    assert "encoding=mulaw" in server.requests[0].path
    assert voice.messages[-1] == "Close"


async def test_a_barge_in_silences_at_once_and_the_next_answer_is_clean(
    call: Any, deepgram: Any
) -> None:
    async with deepgram(Voice()).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "A very long sentence that nobody wants to hear. " * 5)
        await call.wait_for_type(FirstAudio)
        speaker.cancel(1)
        speaker.say(2, 0, "Yes?")
        speaker.finish(2)
        await call.wait_for(lambda e: isinstance(e, SpeechDone) and e.generation == 2)
        assert await until_heard(call, 2, 320) == sound("Yes?")
        await speaker.detach()


async def test_a_dropped_voice_goes_on_in_the_middle_of_the_sentence(
    call: Any, deepgram: Any
) -> None:
    voice = Voice(breaks_after=1000)
    async with deepgram(voice).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        text = "This is said although the socket breaks."
        speaker.say(1, 0, text)
        speaker.finish(1)
        await call.wait_for_type(SpeechDone)
        assert await until_heard(call, 1, len(sound(text))) == sound(text)
        assert voice.opened == 2
        await speaker.detach()


async def test_a_refused_voice_fails_the_generation_and_the_next_tries_again(
    call: Any, deepgram: Any
) -> None:
    async with deepgram(Voice(), refusals=(429,) * 4).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "Hello.")
        failed = await call.wait_for_type(WorkerFailed)
        assert (failed.kind, failed.generation) == ("refused", 1)
        speaker.say(2, 0, "Hello again.")
        speaker.finish(2)
        await call.wait_for_type(SpeechDone)
        await speaker.detach()


async def test_a_phrase_plays_while_the_voice_is_out_of_reach(call: Any, deepgram: Any) -> None:
    async with deepgram(Voice(), refusals=(401,) * 9).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append, {"Sorry.": b"s" * 1000})
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "Sorry.")
        speaker.finish(1)
        await call.wait_for_type(SpeechDone)
        assert await until_heard(call, 1, 1000) == b"s" * 1000
        assert not any(isinstance(e, WorkerFailed) for e in call.events)
        await speaker.detach()


async def test_a_voice_that_falls_silent_is_replaced_then_reported(
    call: Any, deepgram: Any
) -> None:
    voice = Voice(mute=True)
    async with deepgram(voice).serving(first_audio_timeout_s=0.1) as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "Hello.")
        failed = await call.wait_for_type(WorkerFailed)
        assert (failed.kind, failed.generation, voice.opened) == ("timeout", 1, 2)
        await speaker.detach()


async def test_an_idle_voice_that_refuses_to_stay_is_not_hammered(call: Any, deepgram: Any) -> None:
    opened = 0

    async def hangs_up(socket: ServerConnection) -> None:
        nonlocal opened
        opened += 1

    async with deepgram(hangs_up).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        await asyncio.sleep(0.3)
        assert opened == 1
        await speaker.detach()
    assert call.news == []


async def test_nothing_is_sent_or_emitted_after_detach(call: Any, deepgram: Any) -> None:
    async with deepgram(Voice()).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "Words that come too late. " * 20)
        await speaker.detach()
        before = list(call.events)
        with pytest.raises(RuntimeError):
            speaker.say(1, 1, "More.")
        speaker.cancel(1)
        await asyncio.sleep(0.05)
        assert call.events == before


async def test_a_lost_link_is_reported_once(call: Any, deepgram: Any) -> None:
    async with deepgram(Voice()).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append, {"p": b"p" * 9000})
        await speaker.attach(call.address, call.downlink_token)
        call.link.close("done")
        await asyncio.sleep(0.05)
        speaker.say(1, 0, "p")
        speaker.finish(1)
        assert [e.kind for e in call.events] == ["dropped"]
        await speaker.detach()


async def test_a_phrase_is_synthesised_whole(deepgram: Any) -> None:
    async with deepgram(Voice()).serving() as server:
        assert await synthesise(server.settings, "It is $80.") == sound("It is eighty dollars.")


async def test_a_phrase_that_cannot_be_synthesised_says_why(deepgram: Any) -> None:
    async with deepgram(Voice(), refusals=(401,)).serving() as server:
        with pytest.raises(VendorError, match="refused: status 401 TOO_MANY"):
            await synthesise(server.settings, "Hello.")
    async with deepgram(Voice(mute=True)).serving(first_audio_timeout_s=0.05) as server:
        with pytest.raises(VendorError, match="timeout"):
            await synthesise(server.settings, "Hello.")


async def test_a_barge_in_before_the_voice_is_open_says_nothing(call: Any, deepgram: Any) -> None:
    voice = Voice()
    async with deepgram(voice, refusals=(503,)).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "Never heard.")
        speaker.cancel(1)
        speaker.say(2, 0, "Heard.")
        speaker.finish(2)
        await call.wait_for_type(SpeechDone)
        assert voice.messages == ["Heard.", "Flush"]
        await speaker.detach()
