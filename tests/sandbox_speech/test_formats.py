"""Other people's audio at the stand-in's sockets: encodings and rates, by the vendor's client."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from typing import Any

import numpy as np
import pytest
from deepgram.listen.v1.types import ListenV1Results
from deepgram.speak.v1.types import SpeakV1Flushed, SpeakV1Text
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from sandbox.app import serve
from sandbox.audio import carrier, mulaw
from sandbox.audio.carrier import CarrierDetector
from sandbox.audio.formats import (
    _DECODERS,
    _ENCODERS,
    TELEPHONE,
    AudioFormat,
    Inlet,
    Outlet,
    UndecodableError,
)
from sandbox.audio.voices import VOICES, Voices
from sandbox.world import Options, World
from tests.sandbox_speech.conftest import Served

SENTENCE = "I'd like an oil change, please."
SENT = [
    *(("linear16", rate) for rate in (8000, 16_000, 24_000, 48_000)),
    *(("linear32", 16_000), ("mulaw", 16_000), ("alaw", 8000), ("mulaw", 8000)),
]
SPOKEN = [
    *(("linear16", rate) for rate in (8000, 16_000, 24_000, 32_000, 48_000)),
    *(("mulaw", 8000), ("mulaw", 16_000), ("alaw", 16_000)),
]


def as_sent(audio: bytes, encoding: str, rate: int) -> bytes:
    """Mu-law at 8 kHz as a client that records at another rate would send it."""
    samples = np.repeat(mulaw.decode(audio), rate // 8000)
    if encoding == "linear32":
        return (samples / np.float32(32767)).astype("<f4").tobytes()
    return _ENCODERS[encoding](samples)


def wav(audio: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(as_sent(audio, "linear16", rate))
    return file.getvalue()


async def heard(socket: Any) -> str:
    """The transcript of the first utterance."""
    while True:
        message = await asyncio.wait_for(socket.recv(), 20)
        if isinstance(message, str):
            message = ListenV1Results.model_validate(json.loads(message))
        if getattr(message, "speech_final", False):
            return message.channel.alternatives[0].transcript


@pytest.mark.parametrize(("encoding", "rate"), SENT)
async def test_known_audio_survives_every_encoding_but_a_laws(
    served: Any, encoding: str, rate: int
) -> None:
    audio = as_sent(carrier.encode(SENTENCE, 1000) + mulaw.SILENCE * 3200, encoding, rate)
    async with served.sdk().listen.v1.connect(
        model="nova-3", encoding=encoding, sample_rate=rate, smart_format="true"
    ) as socket:
        for at in range(0, len(audio), 641):  # pieces end within a sample
            await socket.send_media(audio[at : at + 641])
        if encoding == "alaw":
            await socket.send_finalize()  # another law rounds otherwise: nothing is known of it
            assert (await asyncio.wait_for(socket.recv(), 5)).from_finalize
        else:
            assert await heard(socket) == SENTENCE


@pytest.mark.speech
@pytest.mark.parametrize(
    ("encoding", "rate"),
    [("linear16", 16_000), ("linear16", 24_000), ("linear16", 44_100), ("alaw", 8000)],
)
async def test_a_voice_is_understood_at_every_rate(encoding: str, rate: int) -> None:
    voices = Voices()
    telephone = voices.speak("I would like an oil change on Tuesday.", VOICES["alto"])
    voices.close()
    outlet = Outlet(AudioFormat(encoding, rate))
    audio = outlet.feed(telephone + mulaw.SILENCE * 8000, is_last=True)
    world = World(Options(speech="real"))
    async with (
        serve(world) as http,
        Served(world, http)
        .sdk()
        .listen.v1.connect(
            model="nova-3", encoding=encoding, sample_rate=rate, endpointing="300"
        ) as socket,
    ):
        size = rate // 50 * (2 if encoding == "linear16" else 1)
        for at in range(0, len(audio), size):
            await socket.send_media(audio[at : at + size])
        said = await heard(socket)
    world.recogniser.close()
    assert "oil change" in said.lower() and "tuesday" in said.lower()


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
async def test_without_an_encoding_a_wav_file_says_what_it_holds(served: Any, rate: int) -> None:
    audio = wav(carrier.encode(SENTENCE, 1000) + mulaw.SILENCE * 3200, rate)
    async with served.socket("/v1/listen?model=nova-3&smart_format=true") as socket:
        for at in range(0, len(audio), 30):
            await socket.send(audio[at : at + 30])
        assert await heard(socket) == SENTENCE


@pytest.mark.parametrize(
    "audio",
    [
        carrier.encode(SENTENCE),
        b"OggS" + bytes(100),
        b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00",
        b"RIFF\x00\x00\x00\x00WAVELIST\xff\xff\xff\xff",
        wav(mulaw.SILENCE * 80, 8000).replace(b"\x01\x00\x01\x00", b"\x01\x00\x02\x00", 1),
    ],
    ids=["raw", "ogg", "without a format", "without an end", "stereo"],
)
async def test_without_an_encoding_anything_else_cannot_be_decoded(
    served: Any, audio: bytes
) -> None:
    async with served.socket("/v1/listen?model=nova-3") as socket:
        await socket.send(audio)
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd.code == 1008 and closed.value.rcvd.reason.startswith("DATA-0000")


@pytest.mark.parametrize(("encoding", "rate"), SPOKEN)
async def test_speech_comes_as_it_was_asked_for(served: Any, encoding: str, rate: int) -> None:
    async with served.sdk().speak.v1.connect(
        model="aura-2-thalia-en", encoding=encoding, sample_rate=str(rate)
    ) as socket:
        await socket.recv()
        await socket.send_text(SpeakV1Text(text=SENTENCE))
        await socket.send_flush()
        audio = b""
        while isinstance(message := await asyncio.wait_for(socket.recv(), 5), bytes):
            audio += message
        assert isinstance(message, SpeakV1Flushed)
    telephone = carrier.encode(SENTENCE)
    samples = _DECODERS[encoding](audio)
    assert len(samples) == len(telephone) * rate // 8000
    if encoding != "alaw":
        heard = CarrierDetector().feed(mulaw.encode(samples[:: rate // 8000]))
        assert SENTENCE in [event.text for event in heard]


@pytest.mark.parametrize(
    ("query", "samples_a_ms", "size"),
    [("", 24, 2), ("&encoding=mulaw", 8, 1), ("&encoding=alaw", 8, 1)],
)
async def test_what_is_not_asked_for_is_the_vendors_default(
    served: Any, query: str, samples_a_ms: int, size: int
) -> None:
    async with served.socket("/v1/speak?model=aura-2-thalia-en" + query) as socket:
        await socket.send('{"type":"Speak","text":"Hello."}')
        await socket.send('{"type":"Flush"}')
        audio = b""
        while "Flushed" not in str(message := await asyncio.wait_for(socket.recv(), 5)):
            audio += message if isinstance(message, bytes) else b""
    assert len(audio) == carrier.spoken_ms("Hello.") * samples_a_ms * size


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ("encoding=opus", "encoding"),
        ("encoding=linear16&sample_rate=44100", "sample_rate"),
        ("encoding=mulaw&sample_rate=24000", "sample_rate"),
        ("container=wav", "container"),
    ],
)
async def test_what_the_vendor_does_not_speak_is_refused(
    served: Any, query: str, blamed: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with served.socket("/v1/speak?" + query):
            raise AssertionError("accepted")
    assert refused.value.response.status_code == 400
    assert blamed in refused.value.response.headers["dg-error"]


@given(st.binary(max_size=3000), st.lists(st.integers(1, 500), max_size=20), st.sampled_from(SENT))
@settings(max_examples=60, deadline=None)
def test_how_it_is_cut_changes_nothing(data: bytes, cuts: list[int], sent: tuple[str, int]) -> None:
    whole, pieces = (Inlet(AudioFormat(*sent), is_known=True) for _ in range(2))
    taken, at = b"", 0
    for cut in cuts:
        taken += pieces.feed(data[at : at + cut])
        at += cut
    taken += pieces.feed(data[at:]) + pieces.flush()
    assert taken == whole.feed(data) + whole.flush()


@given(st.binary(max_size=200))
def test_a_container_is_audio_or_cannot_be_decoded(data: bytes) -> None:
    try:
        Inlet(None).feed(data)
    except UndecodableError:
        return


def test_a_law_is_the_nearest_to_every_sample() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    codes = np.frombuffer(_ENCODERS["alaw"](samples), np.uint8)
    back = _DECODERS["alaw"](codes.tobytes())
    error = np.abs(back.astype(np.int32) - samples)
    # Half a step: 8 of the quietest samples, 512 of the loudest, and what is cut off at the top.
    assert error[np.abs(samples.astype(np.int32)) < 256].max() <= 8
    assert error.max() <= 512
    assert _DECODERS["alaw"](b"\xd5\x55").tolist() == [8, -8], "ITU-T G.711: the quietest codes"
    assert _DECODERS["alaw"](b"\xaa\x2a").tolist() == [32256, -32256], "and the loudest"


def test_the_telephones_audio_is_left_as_it_is() -> None:
    audio = bytes(range(256))
    assert Inlet(TELEPHONE).feed(audio) == Outlet(TELEPHONE).feed(audio) == audio
