"""What tells a word from a cough: a voice has a pitch. Real voices, and noises of several makes."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from config.settings import CallSettings
from otto.events import Transcript
from otto.speech.listen import Listener
from otto.speech.voice import KEPT_MS, LONGEST_MS, Voice, voiced_ms
from sandbox.audio import carrier, mulaw
from sandbox.audio.voices import VOICES, Voices

ENOUGH_MS = CallSettings().barge_in_voice_ms
FIRST_GUESS_MS = 300
"""When recognisers first guess at what somebody says."""


@pytest.mark.speech
@pytest.mark.parametrize("name", ["alto", "tenor", "quick", "pico", "british", "slow"])
async def test_the_beginning_of_a_word_holds_a_voice(name: str) -> None:
    voices = Voices()
    words = "no|wait|stop|I|hold on|but|can|actually|Tuesday|sorry|what|six|the|that's not right"
    for word in words.split("|"):
        audio = voices.speak(word, VOICES[name])
        assert voiced_ms(audio[: FIRST_GUESS_MS * 8 + 480]) >= ENOUGH_MS, word
    voices.close()


def _noise(seed: int) -> bytes:
    """Of a burst, a breath or a rattle: noise of some colour that swells and fades."""
    chance = np.random.default_rng(seed)
    at = np.arange(4000)
    swell = (1 - np.exp(-at / chance.uniform(20, 400))) * np.exp(-at / chance.uniform(500, 3000))
    colour = np.hanning(int(chance.integers(3, 10)))
    sound = np.convolve(chance.normal(0, 1, 4000), colour / colour.sum(), "same") * swell
    return mulaw.encode(
        (sound / np.abs(sound).max() * chance.uniform(2000, 30000)).astype(np.int16)
    )


@pytest.mark.parametrize("seed", range(50))
def test_a_noise_holds_none(seed: int) -> None:
    assert voiced_ms(_noise(seed)) < ENOUGH_MS


def test_silence_and_a_hum_too_quiet_to_hear_hold_none() -> None:
    hum = np.array([90 * math.sin(at * math.tau * 120 / 8000) for at in range(4000)])
    assert voiced_ms(mulaw.SILENCE * 4000) == 0
    assert voiced_ms(mulaw.encode(hum.astype(np.int16))) == 0
    assert voiced_ms(b"") == 0


def test_the_sandboxs_cough_is_one_and_its_words_are_none() -> None:
    assert voiced_ms(carrier.noise("wait")) < ENOUGH_MS
    assert voiced_ms(carrier.noise("wait", has_pitch=True)) > ENOUGH_MS
    assert voiced_ms(carrier.encode("wait a minute")) > ENOUGH_MS


def test_only_what_is_asked_for_is_measured_and_only_the_newest_is_kept() -> None:
    voice = Voice()
    tone = carrier.encode("something long enough to be said for some seconds and more")
    for at_ms in range(0, 3000, 20):
        voice.add(at_ms, tone[at_ms * 8 : at_ms * 8 + 160] if at_ms < 2000 else mulaw.SILENCE * 160)
    assert voice.ms_since(2100) == 0
    assert 0 < voice.ms_since(1900) <= 120
    assert voice.ms_since(0) <= LONGEST_MS < KEPT_MS
    assert sum(len(piece) for _, piece in voice._pieces) <= (KEPT_MS + 20) * 8


def test_only_a_first_guess_is_measured() -> None:
    voice = Voice()
    voice.add(0, carrier.encode("wait a minute"))
    guess = Transcript("wait", False, False, 0, 300)
    assert (voice.behind(guess).voice_ms or 0) >= ENOUGH_MS
    for sure in (
        Transcript("wait", True, True, 0, 300),
        Transcript("", False, False, 0, 300),
        Transcript("wait a minute", False, False, 0, 300),
    ):
        assert voice.behind(sure) is sure


def test_any_bytes_are_measured() -> None:
    chance = random.Random(7)
    for _ in range(200):
        assert 0 <= voiced_ms(chance.randbytes(chance.randrange(0, 5000))) <= 600


@pytest.mark.parametrize("sound", ["cough", "word"])
async def test_the_listener_says_how_much_of_a_first_guess_is_a_voice(
    call: Any, deepgram: Any, results: Any, sound: str
) -> None:
    audio = carrier.noise("wait") if sound == "cough" else carrier.encode("wait a minute please")

    async def guesses(socket: Any) -> None:
        heard = b""
        async for message in socket:
            heard += message if isinstance(message, bytes) else b""
            if len(heard) >= 300 * 8:
                break
        await socket.send(results("wait", 0.0, 0.3))
        await socket.wait_closed()

    async with deepgram(guesses).serving() as fake:
        listener = Listener(fake.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(audio[: 320 * 8])
        heard = await call.wait_for_type(Transcript)
        await listener.detach()
    assert (heard.voice_ms >= ENOUGH_MS) is (sound == "word")
