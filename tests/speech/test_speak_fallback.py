"""The speaker when its voice fails it: the same sentence goes on, in another voice if need be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from otto.events import SentenceSpoken, SpeechDone, WorkerFailed
from otto.speech import wire
from otto.speech.phrases import synthesise
from otto.speech.speak import Speaker

PRIMARY_MS, FALLBACK_MS = 60, 75
"""A letter's length in each voice."""


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))


class Voice:
    """Says each letter for `ms`; of the sentence in which `breaks_at` comes, no more than that."""

    def __init__(self, ms: int, breaks_at: str | None = None, *, stalls: bool = False) -> None:
        self.ms, self.breaks_at, self.stalls = ms, breaks_at, stalls
        self.asked: list[str] = []

    def sound(self, text: str) -> bytes:
        return b"".join(bytes([ord(entry)]) * 8 * self.ms for entry in text)

    async def __call__(self, socket: ServerConnection) -> None:
        text = ""
        async for message in socket:
            data = json.loads(message)
            if data["type"] == "Speak":
                text += data["text"]
            elif data["type"] == "Flush":
                text = text.strip()
                self.asked.append(text)
                if self.breaks_at and self.breaks_at in text:
                    await socket.send(self.sound(text[: text.index(self.breaks_at)]))
                    if self.stalls:
                        await socket.wait_closed()
                    socket.transport.abort()
                    return
                await socket.send(self.sound(text))
                await socket.send(json.dumps({"type": "Flushed", "sequence_id": 0}))
                text = ""


@asynccontextmanager
async def both(primary: Any, fallback: Any, **values: Any) -> AsyncIterator[Any]:
    async with primary.serving(**values), fallback.serving():
        yield primary.settings.model_copy(update={"fallback_url": fallback.settings.url})


def spool(call: Any, generation: int) -> str:
    """What the line was given, a letter for each run of its samples (none of them doubled)."""
    heard = call.recogniser.heard(generation)
    return "".join(chr(byte) for at, byte in enumerate(heard) if at == 0 or byte != heard[at - 1])


async def until_played(call: Any, done: SpeechDone) -> None:
    async with asyncio.timeout(5):
        while len(call.recogniser.heard(done.generation)) < done.total_ms * 8:
            await asyncio.sleep(0.005)


FIRST = "the first words are said by one voice alone"
SECOND = "and thes words go on with another"


@pytest.mark.parametrize("stalls", [False, True])
async def test_the_fallback_goes_on_with_the_word_that_was_cut(
    call: Any, deepgram: Any, stalls: bool
) -> None:
    """What the line has stays; the rest comes in the other voice, with no word lost or repeated."""
    voice = Voice(PRIMARY_MS, breaks_at="o on with", stalls=stalls)
    other = Voice(FALLBACK_MS)
    # After the drop the primary refuses: one broken socket alone is no reason to change the voice.
    primary, fallback = deepgram(voice), deepgram(other)
    async with both(primary, fallback, first_audio_timeout_s=0.2) as settings:
        speaker = Speaker(settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, FIRST)
        await call.wait_for(lambda event: isinstance(event, SentenceSpoken))
        primary.refusals += [503] * 9
        speaker.say(1, 1, SECOND)
        speaker.finish(1)
        done = await call.wait_for_type(SpeechDone)
        await until_played(call, done)
        assert other.asked == ["go on with another"]
        assert spool(call, 1) == FIRST + "and thes words g" + "go on with another"[1:]
        assert not any(isinstance(event, WorkerFailed) for event in call.events)
        spoken = [event for event in call.events if isinstance(event, SentenceSpoken)]
        assert spoken[1].start_ms == len(FIRST) * PRIMARY_MS
        assert spoken[1].end_ms == done.total_ms
        # "go" was begun twice; the line has the 16 letters of the one and 18 of the other.
        assert done.total_ms == (len(FIRST) + 16) * PRIMARY_MS + 18 * FALLBACK_MS
        await speaker.detach()


async def test_a_fallback_voice_stays_for_the_call_and_the_next_call_begins_anew(
    call: Any, deepgram: Any
) -> None:
    """A voice that changes to and fro is worse than one that is not the usual one."""
    voice, breaking, other = Voice(PRIMARY_MS), Voice(FALLBACK_MS, "wo"), Voice(FALLBACK_MS)
    primary, fallback = deepgram(voice), deepgram(breaking, other)
    async with both(primary, fallback) as settings:
        speaker = Speaker(settings, 100, call.events.append, {"One moment.": b"p" * 800})
        speaker.avoid(frozenset({"tts:primary"}))
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "one")
        speaker.finish(1)
        await call.wait_for_type(SpeechDone)
        speaker.avoid(frozenset())  # the primary is well again
        speaker.say(2, 0, "two")  # its socket breaks; the same voice is asked again
        speaker.say(2, 1, "One moment.")  # spoken beforehand, by the other voice
        speaker.finish(2)
        await until_played(
            call,
            await call.wait_for(
                lambda event: isinstance(event, SpeechDone) and event.generation == 2
            ),
        )
        assert breaking.asked + other.asked == ["one", "two", "two", "One moment."]
        assert spool(call, 2)[:3] == "two"
        await speaker.detach()
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(3, 0, "three")
        speaker.finish(3)
        await call.wait_for(lambda event: isinstance(event, SpeechDone) and event.generation == 3)
        assert voice.asked == ["three"]
        assert call.reports == [
            ("fallback", False, "dropped"),
            ("fallback", True, ""),
            ("primary", True, ""),
        ]
        await speaker.detach()


async def test_one_drop_is_mended_by_the_same_voice_to_the_sample(call: Any, deepgram: Any) -> None:
    voice, whole = Voice(PRIMARY_MS, breaks_at="words"), Voice(PRIMARY_MS)
    primary, fallback = deepgram(voice, whole), deepgram(Voice(FALLBACK_MS))
    async with both(primary, fallback) as settings:
        speaker = Speaker(settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, SECOND)
        speaker.finish(1)
        await until_played(call, await call.wait_for_type(SpeechDone))
        assert call.recogniser.heard(1) == whole.sound(SECOND)
        assert call.reports == [
            ("primary", False, "dropped"),
            ("primary", True, ""),
        ]
        await speaker.detach()


async def test_the_call_is_told_only_when_both_voices_are_out(call: Any, deepgram: Any) -> None:
    primary = deepgram(Voice(PRIMARY_MS), refusals=(503,) * 2)
    fallback = deepgram(Voice(FALLBACK_MS), refusals=(503,) * 2)
    async with both(primary, fallback) as settings:
        speaker = Speaker(settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "never heard")
        failed = await call.wait_for_type(WorkerFailed)
        assert (failed.kind, failed.generation) == ("refused", 1)
        speaker.say(2, 0, "heard")  # and the next answer tries again
        speaker.finish(2)
        done = await call.wait_for_type(SpeechDone)
        assert done.generation == 2
        await speaker.detach()


async def test_a_phrase_is_synthesised_by_the_fallback_when_a_node_starts_in_an_outage(
    deepgram: Any,
) -> None:
    other = Voice(FALLBACK_MS)
    async with both(deepgram(Voice(1), refusals=(402,) * 9), deepgram(other)) as settings:
        assert await synthesise(settings, "hello") == other.sound("hello")
