"""Vendors that fail in the middle of a call, with the sandbox's two providers on real sockets.

What is bounded here is what the caller waits for: the time from the fault to the next event.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import openai  # noqa: F401  its import takes longer than the deadlines below
import pytest
from pydantic import SecretStr

from config.settings import DeepgramSettings, OpenAISettings
from otto.dialogue.model.client import Model
from otto.events import (
    ModelDone,
    Sentence,
    SpeechDone,
    Transcript,
    UtteranceEnd,
    WorkerFailed,
)
from otto.speech.listen import Listener
from otto.speech.speak import Speaker
from sandbox.app import serve
from sandbox.audio import carrier
from sandbox.world import Options, World

SILENCE = b"\xff"
QUESTION = "I would like to book an oil change for my car please"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    options = Options(speech="known", listen_final_delay_ms=0, speak_first_byte_ms=10)
    options.update({"model_first_token_ms": 20, "model_token_ms": 10, "listen_interim_ms": 200})
    made = World(options)
    async with serve(made):
        yield made


def deepgram(world: World, **values: Any) -> DeepgramSettings:
    url = world.http_url.replace("http", "ws")
    return DeepgramSettings(
        api_key=SecretStr(world.api_key),
        url=f"{url}/deepgram",
        fallback_url=f"{url}/deepgram-b",
        **values,
    )


class Talker:
    """Puts audio on the line as a telephone does: 50 frames a second, `pace` times as fast."""

    def __init__(self, call: Any, pace: float = 5.0) -> None:
        self.call, self.pace, self.at_ms = call, pace, 0

    async def say(self, audio: bytes) -> None:
        for at in range(0, len(audio), 160):
            self.call.link.push_audio(self.at_ms, audio[at : at + 160])
            self.at_ms += 20
            await asyncio.sleep(0.02 / self.pace)


def said(call: Any) -> list[str]:
    return [
        re.sub(r"\W+", " ", event.text).strip().lower()
        for event in call.events
        if isinstance(event, Transcript) and event.is_final and event.text
    ]


Strike = Callable[[World], Any]
STRIKES: dict[str, Strike] = {
    "drop": lambda world: world.faults.add("deepgram.listen", "drop", open=True),
    "1011": lambda world: world.faults.add("deepgram.listen", "fail", open=True),
    "drop, then refused": lambda world: (
        world.faults.add("deepgram.listen", "drop", open=True),
        world.faults.add("deepgram.listen", "refuse"),
    ),
}


@pytest.mark.parametrize("strike", STRIKES.values(), ids=STRIKES)
async def test_a_sentence_cut_by_a_lost_socket_arrives_whole_once_and_ends(
    call: Any, world: World, strike: Strike
) -> None:
    listener = Listener(deepgram(world), call.events.append)
    await listener.attach(call.address, call.token)
    talker, audio = Talker(call), carrier.encode(QUESTION)
    await talker.say(SILENCE * 1600 + audio[: len(audio) // 2])
    assert await call.wait_for(lambda event: isinstance(event, Transcript))  # half-said
    strike(world)
    await talker.say(audio[len(audio) // 2 :] + SILENCE * 12_000)
    await call.wait_for(lambda event: isinstance(event, Transcript) and event.speech_final)
    assert said(call) == [QUESTION.lower()]
    await call.wait_for_type(UtteranceEnd)
    assert not any(isinstance(event, WorkerFailed) for event in call.events)
    await listener.detach()


async def test_drops_between_and_within_utterances_lose_and_double_no_word(
    call: Any, world: World
) -> None:
    listener = Listener(deepgram(world), call.events.append)
    await listener.attach(call.address, call.token)
    talker = Talker(call, pace=8.0)
    sentences = ["my name is ada byron", "the number is eight one five", "on tuesday please"]
    for sentence in sentences:
        audio = carrier.encode(sentence)
        for part in (SILENCE * 4000, audio[: len(audio) // 3], audio[len(audio) // 3 :]):
            world.faults.add("deepgram.listen", "drop", open=True)
            await talker.say(part)
    await talker.say(SILENCE * 12_000)
    async with asyncio.timeout(8):
        while len(said(call)) < len(sentences):
            await asyncio.sleep(0.01)
    assert said(call) == sentences
    await listener.detach()


@pytest.mark.parametrize("then", [(), ("refuse",)], ids=["drop", "drop, then refused"])
async def test_what_the_line_carries_after_a_voice_broke_has_every_word_in_order(
    call: Any, world: World, then: tuple[str, ...]
) -> None:
    speaker = Speaker(deepgram(world), 400, call.events.append)
    await speaker.attach(call.address, call.downlink_token)
    text = "The oil change takes about one hour and costs forty nine dollars in all, tax included."
    world.options.speak_pace = 20.0
    speaker.say(1, 0, text)
    async with asyncio.timeout(5):
        while len(call.recogniser.heard(1)) < len(text) * 62 * 8 // 2:
            await asyncio.sleep(0.002)
    for kind in then:
        world.faults.add("deepgram.speak", kind)
    world.faults.add("deepgram.speak", "drop", open=True)
    speaker.finish(1)
    done = await call.wait_for_type(SpeechDone)
    async with asyncio.timeout(5):
        while len(call.recogniser.heard(1)) < done.total_ms * 8:
            await asyncio.sleep(0.01)
    heard = carrier.CarrierDetector().feed(call.recogniser.heard(1) + SILENCE * 2400)
    starts = [event for event in heard if isinstance(event, carrier.Started)]
    if not then:  # the same voice: one unbroken carrier, to the sample
        assert [event.text for event in starts] == [text]
        assert call.recogniser.heard(1) == carrier.encode(text)
        return
    cut = next(event for event in heard if isinstance(event, carrier.Ended))
    assert starts[0].text == text
    rest = starts[1].text
    assert text.endswith(rest)
    # Where the second voice begins, against where the first one was: within a word, 10 % of it.
    resumed_ms = (len(text) - len(rest)) * carrier.MS_PER_CHARACTER
    assert -900 < resumed_ms - cut.heard_ms <= 300
    assert not any(isinstance(event, WorkerFailed) for event in call.events)
    await speaker.detach()


@pytest.mark.parametrize("kind", ["drop", "stall"])
async def test_an_answer_struck_in_the_middle_is_finished_without_a_word_said_twice(
    world: World, kind: str
) -> None:
    settings = OpenAISettings(
        base_url=f"{world.http_url}/openai/v1",
        fallback_base_url=f"{world.http_url}/openai-b/v1",
        api_key=SecretStr(world.api_key),
        between_tokens_timeout_s=0.3,
    )
    whole, struck = [], []
    for events in (whole, struck):
        model = Model(settings, events.append)
        model.generate(1, [{"role": "user", "content": "What are your hours?"}], [])
        async with asyncio.timeout(10):
            while not events:
                await asyncio.sleep(0.002)
            if events is struck:
                assert world.faults.add("openai", kind, open=True).bitten == 1
            while not any(isinstance(e, ModelDone | WorkerFailed) for e in events):
                await asyncio.sleep(0.002)
        await model.close()
    assert [e for e in struck if isinstance(e, Sentence)] == [
        e for e in whole if isinstance(e, Sentence)
    ]
    done = next(event for event in struck if isinstance(event, ModelDone))
    assert done.text == next(event for event in whole if isinstance(event, ModelDone)).text
