"""The real voice into the real recogniser: one process has both, loaded once for this module."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode

import numpy as np
import pytest
from websockets.asyncio.client import connect

from sandbox.app import serve
from sandbox.audio import mulaw
from sandbox.audio.activity import VoiceActivity
from sandbox.audio.frames import frames_of
from sandbox.audio.impairment import Impairment
from sandbox.audio.recogniser import MIN_FRAMES, Recogniser, log_mel
from sandbox.audio.voices import CALLER_VOICES, VOICES, Voices
from sandbox.world import Options, World

pytestmark = pytest.mark.speech

SENTENCES = {
    "Hi, I'd like to book an oil change for my Honda Civic.": ("oil change", "civic"),
    "Do you have anything next Tuesday morning?": ("next tuesday morning",),
    "Yes, that's right. Go ahead and book it.": ("yes", "go ahead and book it"),
    "I drive a two thousand nineteen Toyota Camry.": ("2019 toyota camry",),
    "Can I speak to a person, please?": ("speak to a person",),
}


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


@pytest.fixture(scope="module")
def voices() -> Voices:
    return Voices()


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


@pytest.mark.parametrize("voice", ["otto", "alto", "tenor"])
async def test_what_a_voice_says_the_recogniser_hears(recogniser, voices, voice) -> None:
    for sentence, expected in SENTENCES.items():
        heard = await recogniser.transcribe(await voices.synthesise(sentence, voice))
        assert all(words in plain(heard.text) for words in expected), heard.text
        assert heard.confidence > 0.5


@pytest.mark.parametrize("snr_db", [None, 10])
@pytest.mark.parametrize("voice", ["deep", "young", "elderly", "brisk"])
async def test_a_car_is_understood_in_every_voice_and_over_the_noise_of_a_road(
    recogniser, voices, voice, snr_db
) -> None:
    audio = await voices.synthesise("It's a twenty twenty-one Toyota Corolla.", voice)
    line = Impairment("road", snr_db, 0.0)
    heard = b"".join(b64decode(line.carry(frame)) for frame in frames_of(audio))
    assert "2021 toyota cor" in plain((await recogniser.transcribe(heard)).text)


async def test_voices_differ_and_those_of_one_engine_repeat_exactly(voices) -> None:
    assert len(CALLER_VOICES) >= 4
    spoken = {name: await voices.synthesise("I need new tires.", name) for name in VOICES}
    assert len(set(spoken.values())) == len(VOICES)
    again = Voices()
    for name, audio in spoken.items():
        repeated = await again.synthesise("I need new tires.", name)
        # NanoTTS carries some state from one utterance to the next; hibari is seeded.
        assert repeated == audio or VOICES[name].engine != "hibari"
        assert 5_000 < len(audio) < 40_000
        loudness = np.sqrt(np.mean((mulaw.decode(audio) / 32768.0) ** 2))
        assert 0.05 < loudness < 0.15
    again.close()


async def test_nothing_to_say_is_no_audio(voices) -> None:
    assert await voices.synthesise(" ... ") == b""
    with pytest.raises(KeyError):
        await voices.synthesise("Hello.", "nobody")


def noises() -> dict[str, bytes]:
    rng = np.random.default_rng(7)
    hiss = rng.normal(0, 300, 24_000)
    hum = 2000 * np.sin(2 * np.pi * 60 * np.arange(24_000) / 8000)
    click = np.zeros(16_000)
    click[8000:8040] = 20_000
    made = {"hiss": hiss, "hum": hum, "click": click}
    found = {name: mulaw.encode(samples.astype(np.int16)) for name, samples in made.items()}
    return found | {"silence": b"\xff" * 24_000, "nothing": b""}


@pytest.mark.parametrize("name", ["hiss", "hum", "click", "silence", "nothing"])
async def test_noise_is_not_words(recogniser, name) -> None:
    noise = noises()[name]
    assert (await recogniser.transcribe(noise)).text == ""
    probabilities = VoiceActivity().feed(noise)
    assert sum(p > 0.5 for p in probabilities) <= len(probabilities) // 10


async def test_activity_finds_the_voice_in_the_silence(voices) -> None:
    said = await voices.synthesise("I need an oil change for my car, please.")
    lead = b"\xff" * 16_000
    probabilities = VoiceActivity().feed(lead + said + lead)
    loud = [n * 32 for n, p in enumerate(probabilities) if p > 0.5]
    assert 1_900 < loud[0] < 2_300
    assert 2_000 + len(said) / 8 - 500 < loud[-1] < 2_000 + len(said) / 8 + 400


def test_features_have_whispers_shape() -> None:
    assert log_mel(np.zeros(0, np.float32)).shape == (80, MIN_FRAMES)
    assert log_mel(np.zeros(16_000 * 60, np.float32)).shape == (80, 3000)


async def test_a_conversation_over_deepgrams_wire(recogniser, voices) -> None:
    """Spoken by the stand-in's voice, heard by its recogniser, twice on one socket."""
    world = World(Options(speech="real"))
    world.__dict__["recogniser"], world.__dict__["voices"] = recogniser, voices
    audio = b"\xff" * 4000
    for sentence in ("I need an oil change.", "Tuesday at nine, please."):
        audio += await voices.synthesise(sentence, "alto") + b"\xff" * 12_000
    query = "encoding=mulaw&sample_rate=8000&interim_results=true&endpointing=300&smart_format=true"
    async with serve(world) as http:
        url = f"ws{http.removeprefix('http')}/deepgram/v1/listen?{query}&utterance_end_ms=1000"
        header = {"Authorization": f"Token {world.api_key}"}
        async with connect(url, additional_headers=header) as socket:
            for at in range(0, len(audio), 160):
                await socket.send(audio[at : at + 160])
                # Ten times real time: audio time decides, not the clock.
                await asyncio.sleep(0.002)
            await socket.send('{"type":"CloseStream"}')
            received = [json.loads(message) async for message in socket]
    finals = [m for m in received if m.get("speech_final")]
    texts = [plain(m["channel"]["alternatives"][0]["transcript"]) for m in finals]
    assert len(texts) == 2
    assert "oil change" in texts[0]
    assert "tuesday at" in texts[1]
    assert finals[0]["start"] == pytest.approx(0.55, abs=0.15)
    assert sum(m["type"] == "UtteranceEnd" for m in received) == 2
    assert received[-1]["type"] == "Metadata"
