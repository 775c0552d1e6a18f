"""Listener, speaker and model against the sandbox's stand-ins: the same wire, nobody's double."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import DeepgramSettings, OpenAISettings
from otto.dialogue.model.client import Model
from otto.events import ModelDone, SpeechDone, Transcript, UtteranceEnd, WorkerFailed
from otto.language.phone import parse_phone
from otto.speech.listen import Listener
from otto.speech.phrases import synthesise
from otto.speech.speak import Speaker
from sandbox.app import serve
from sandbox.audio import carrier
from sandbox.world import Options, World

SILENCE = b"\xff"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(Options(speech="known", listen_final_delay_ms=0, speak_first_byte_ms=10))
    async with serve(made):
        yield made


def settings_of(world: World, **values: Any) -> DeepgramSettings:
    url = world.http_url.replace("http", "ws") + "/deepgram"
    return DeepgramSettings(api_key=SecretStr(world.api_key), url=url, **values)


async def speak_into(call: Any, audio: bytes, pace: float) -> None:
    """20 ms frames, `pace` times faster than real time."""
    for at in range(0, len(audio), 160):
        call.link.push_audio(at // 8, audio[at : at + 160])
        await asyncio.sleep(0.02 / pace)


async def test_known_audio_comes_back_as_its_words(call: Any, world: World) -> None:
    listener = Listener(settings_of(world), call.events.append)
    await listener.attach(call.address, call.token)
    audio = SILENCE * 4000 + carrier.encode("I need an oil change", 1500) + SILENCE * 16_000
    await speak_into(call, audio, pace=10)
    final = await call.wait_for(lambda e: isinstance(e, Transcript) and e.speech_final)
    assert re.sub(r"\W+", " ", final.text).strip().lower() == "i need an oil change"
    assert abs(final.start_ms - 500) < 200 and abs(final.end_ms - 2000) < 200
    interims = [e for e in call.events if isinstance(e, Transcript) and not e.is_final]
    assert interims and len({e.text for e in interims}) == len(interims)
    await call.wait_for_type(UtteranceEnd)
    await listener.detach()


async def test_a_noise_is_guessed_at_and_taken_back(call: Any, world: World) -> None:
    """What a cough looks like: an interim, and then a final segment without words."""
    listener = Listener(settings_of(world), call.events.append)
    await listener.attach(call.address, call.token)
    await speak_into(call, SILENCE * 800 + carrier.noise("wait") + SILENCE * 16_000, pace=10)
    final = await call.wait_for(lambda e: isinstance(e, Transcript) and e.speech_final)
    interims = [e.text for e in call.events if isinstance(e, Transcript) and not e.is_final]
    assert interims and set(interims) == {"wait"} and final.text == ""
    await listener.detach()


async def test_words_said_while_the_recogniser_was_away_are_not_lost(
    call: Any, world: World
) -> None:
    listener = Listener(settings_of(world), call.events.append)
    await listener.attach(call.address, call.token)
    world.faults.add("deepgram.listen", "drop", count=1)
    audio = carrier.encode("book the first one", 1200) + SILENCE * 12_000
    await speak_into(call, audio, pace=10)
    final = await call.wait_for(lambda e: isinstance(e, Transcript) and e.speech_final)
    assert "first one" in final.text.lower()
    assert not any(isinstance(e, WorkerFailed) for e in call.events)
    await listener.detach()


async def test_what_is_said_is_what_the_line_carries(call: Any, world: World) -> None:
    speaker = Speaker(settings_of(world), 400, call.events.append)
    await speaker.attach(call.address, call.downlink_token)
    speaker.say(1, 0, "It is $79.95.")
    speaker.say(1, 1, "Shall I book it?")
    speaker.finish(1)
    done = await call.wait_for_type(SpeechDone)
    async with asyncio.timeout(5):
        while len(call.recogniser.heard(1)) < done.total_ms * 8:
            await asyncio.sleep(0.01)
    detector = carrier.CarrierDetector()
    told = detector.feed(call.recogniser.heard(1) + SILENCE * 800)
    texts = [event.text.strip() for event in told if isinstance(event, carrier.Started)]
    assert texts == ["It is seventy-nine dollars and ninety-five cents.", "Shall I book it?"]
    await speaker.detach()


@pytest.mark.parametrize("kind", ["drop", "stall"])
async def test_a_voice_that_breaks_is_replaced(call: Any, world: World, kind: Any) -> None:
    speaker = Speaker(settings_of(world, first_audio_timeout_s=0.5), 400, call.events.append)
    await speaker.attach(call.address, call.downlink_token)
    world.faults.add("deepgram.speak", kind, count=1)
    speaker.say(1, 0, "This sentence is said to its very end.")
    speaker.finish(1)
    await call.wait_for_type(SpeechDone)
    assert not any(isinstance(e, WorkerFailed) for e in call.events)
    await speaker.detach()


async def test_the_receptionist_streams_an_answer(world: World) -> None:
    events: list[Any] = []
    settings = OpenAISettings(
        base_url=f"{world.http_url}/openai/v1", api_key=SecretStr(world.api_key)
    )
    model = Model(settings, events.append)
    await model.warm()
    model.generate(1, [{"role": "user", "content": "What are your hours?"}], [])
    async with asyncio.timeout(10):
        while not any(isinstance(e, ModelDone | WorkerFailed) for e in events):
            await asyncio.sleep(0.01)
    assert isinstance(events[-1], ModelDone), events[-1]
    assert events[-1].text
    await model.close()


@pytest.mark.speech
@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("I have Tuesday, November 24 at 9:00 AM.", r"november (24|twenty[- ]fourth).* 9"),
        ("That is $79.95.", r"79\.95|79 dollars"),
        ("A 2019 Honda Civic, at 2:30 PM.", r"2019 honda civic.*2.?30"),
    ],
)
async def test_numbers_are_understood_over_the_telephone(
    call: Any, written: str, heard: str
) -> None:
    said = await over_the_telephone(call, written)
    assert re.search(heard, said.lower()), said


@pytest.mark.speech
async def test_a_telephone_number_keeps_every_digit_over_the_telephone(call: Any) -> None:
    said = await over_the_telephone(call, "The number is 815-555-0123.")
    assert parse_phone(said) == "+18155550123", said


async def over_the_telephone(call: Any, written: str) -> str:
    """What the recogniser hears of `written`, said in the real voice."""
    world = World(Options(speech="real", speak_pace=0))
    async with serve(world):
        settings = settings_of(world, first_audio_timeout_s=30.0, connect_timeout_s=30.0)
        audio = await synthesise(settings, written)
        listener = Listener(settings, call.events.append)
        await listener.attach(call.address, call.token)
        await speak_into(call, SILENCE * 4000 + audio + SILENCE * 12_000, pace=4)
        async with asyncio.timeout(30):
            while not any(isinstance(e, Transcript) and e.speech_final for e in call.events):
                await asyncio.sleep(0.02)
        await listener.detach()
    return " ".join(e.text for e in call.events if isinstance(e, Transcript) and e.is_final)


async def test_a_recogniser_with_interims_only_is_listened_past(call: Any, world: World) -> None:
    world.faults.add("deepgram.listen", "interims")
    url = f"{settings_of(world).url}-b"
    listener = Listener(settings_of(world, fallback_url=url), call.events.append)
    await listener.attach(call.address, call.token)
    audio = carrier.encode("it is the blue one", 1200) + SILENCE * 8000 * 8
    audio += carrier.encode("and a red one", 1000) + SILENCE * 8000 * 6
    talking = asyncio.create_task(speak_into(call, audio, pace=2))
    await call.wait_for(lambda e: isinstance(e, Transcript) and e.is_final and "red" in e.text)
    finals = [e.text for e in call.events if isinstance(e, Transcript) and e.is_final and e.text]
    plain = [re.sub(r"\W+", " ", text).strip().lower() for text in finals]
    assert plain == ["it is the blue one", "and a red one"]
    assert call.reports == [("primary", False, "timeout")]
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    await listener.detach()


async def test_a_voice_that_reports_success_without_a_sound_gives_way(
    call: Any, world: World
) -> None:
    world.faults.add("deepgram.speak", "empty")
    url = f"{settings_of(world).url}-b"
    speaker = Speaker(settings_of(world, fallback_url=url), 100, call.events.append)
    await speaker.attach(call.address, call.downlink_token)
    speaker.say(1, 0, "Your car is ready.")
    speaker.finish(1)
    done = await call.wait_for_type(SpeechDone)
    assert done.total_ms > 500
    assert not any(isinstance(e, WorkerFailed) for e in call.events)
    assert call.reports == [("primary", False, "protocol")] * 2
    await speaker.detach()
