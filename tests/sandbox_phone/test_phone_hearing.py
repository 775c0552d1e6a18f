"""What each ear makes of the other's audio: known words by a listener, a voice by a detector."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest

from sandbox.audio import carrier
from sandbox.audio.frames import FRAME_BYTES
from sandbox.audio.mulaw import BYTES_PER_MS
from sandbox.audio.recogniser import Recognised
from sandbox.caller.caller import HESITATION_MS, Caller
from sandbox.caller.comprehension import UNINTELLIGIBLE
from sandbox.caller.ear import Ear, KnownEar, RealEar, Words
from sandbox.caller.mind import PATIENCE_MS
from sandbox.caller.personas import PersonaError, persona
from sandbox.caller.record import Record
from sandbox.world import World

SPAN_MS = 100
GREETING = (
    "Thank you for calling Otto's Auto service department. This is Otto, the automated assistant. "
    "How can I help you today?"
)


class Transcript:
    """Instead of the recogniser: writes what it is told to, and keeps what it was given."""

    busy = False

    def __init__(self, text: str) -> None:
        self.text = text
        self.heard: list[bytes] = []

    async def transcribe(self, mulaw: bytes) -> Recognised:
        self.heard.append(mulaw)
        return Recognised(self.text, 0.0, 0.0)


def play(ear: Ear, audio: bytes, quiet_ms: int = 600, from_ms: int = 0) -> int:
    """The audio, then a silence, in slices as the stream hands them over; when that was."""
    now_ms = from_ms
    step = SPAN_MS * 8
    slices = [audio[at : at + step] for at in range(0, len(audio), step)]
    for piece in [*slices, *[b""] * (quiet_ms // SPAN_MS)]:
        now_ms += SPAN_MS
        ear.feed(piece, SPAN_MS, now_ms)
    return now_ms


@pytest.fixture
async def voice(world: World) -> bytes:
    await world.voices.load()
    return await world.voices.synthesise("How can I help you today?")


@pytest.mark.parametrize("offset", [0, 37, 799])
async def test_a_listener_understands_audio_that_carries_its_words(
    world: World, offset: int
) -> None:
    transcript = world.__dict__["recogniser"] = Transcript("noise")
    heard: list[Words] = []
    ear = RealEar(world, heard.append)
    sentences = [GREETING, "How can I help you today?"]
    now_ms = 0
    for sentence in sentences:
        now_ms = play(ear, b"\xff" * offset + carrier.encode(sentence), from_ms=now_ms)
    await ear.settle()
    assert [words.text for words in heard] == sentences
    assert not ear.busy and transcript.heard == []


@pytest.mark.speech
async def test_a_listener_hears_a_voice_before_and_after_audio_with_words(
    world: World, voice: bytes
) -> None:
    transcript = world.__dict__["recogniser"] = Transcript("a voice")
    heard: list[Words] = []
    ear = RealEar(world, heard.append)
    now_ms = play(ear, voice, quiet_ms=0)
    now_ms = play(ear, carrier.encode(GREETING), from_ms=now_ms)
    await ear.settle()
    play(ear, voice, from_ms=now_ms)
    await ear.settle()
    assert sorted(words.text for words in heard) == [GREETING, "a voice", "a voice"]
    assert len(transcript.heard) == 2


def test_an_interrupted_carrier_is_heard_so_far_by_either_ear(world: World) -> None:
    cut = carrier.encode(GREETING)[: 8 * 3000]
    for make in (KnownEar, lambda on_words: RealEar(world, on_words)):
        heard: list[Words] = []
        play(make(heard.append), cut)
        (words,) = heard
        assert words.cut and GREETING.startswith(words.text) and len(words.text) > 30


def test_a_stutter_of_the_line_says_nothing_twice() -> None:
    offer = "I have Monday, November twenty-third at seven thirty A M. Which works for you?"
    audio = carrier.encode(offer)
    for cut_ms in range(500, len(audio) // 8 - 500, 100):
        heard: list[Words] = []
        ear = KnownEar(heard.append)
        now_ms = play(ear, audio[: cut_ms * 8], quiet_ms=400)
        play(ear, audio[cut_ms * 8 :], from_ms=now_ms)
        joined = " ".join(words.text for words in heard if words.text != UNINTELLIGIBLE)
        assert joined == offer, f"cut after {cut_ms} ms"


@pytest.mark.speech
async def test_who_knows_words_only_notices_a_voice_and_its_end(voice: bytes) -> None:
    heard: list[Words] = []
    ear = KnownEar(heard.append)
    now_ms = play(ear, voice, quiet_ms=0)
    assert ear.busy and heard == []
    play(ear, b"", from_ms=now_ms)
    assert not ear.busy and [words.text for words in heard] == [UNINTELLIGIBLE]
    assert heard[0].ended_ms - heard[0].began_ms > 1000


def test_a_click_and_a_quiet_line_are_no_speech() -> None:
    heard: list[Words] = []
    ear = KnownEar(heard.append)
    play(ear, b"\x20" * 8 * 200 + b"\xff\x7f\xfe\x7e" * 2000)
    assert heard == [] and not ear.busy


class SteppedRecord(Record):
    """A record whose clock is stepped by the test."""

    at_ms = 0.0

    @property
    def now_ms(self) -> float:
        return self.at_ms


async def test_a_caller_who_understands_nothing_speaks_up_all_the_same(world: World) -> None:
    """The voice is any sound without words: three seconds of it, and then nothing."""
    record = SteppedRecord()
    caller = Caller(world, persona("maria"), record, "known")
    caller.connected()
    hum = b"\x1e\x9e\x08\x88" * 200
    while not caller.speaking and record.at_ms < PATIENCE_MS:
        record.at_ms += SPAN_MS
        caller.listen(hum if record.at_ms <= 3000 else b"", SPAN_MS, record.at_ms > 3000)
    assert caller.speaking and 3000 + caller.persona.gap_ms <= record.at_ms < 4500
    assert any("oil change" in event["text"] for event in record.events)
    caller.close()


def _answer_to_a_hum(world: World, **traits: Any) -> tuple[bytes, float]:
    """What a caller says after three seconds of speech, and how long after."""
    record = SteppedRecord()
    caller = Caller(world, persona("maria", traits=traits), record, "known")
    caller.connected()
    hum = b"\x1e\x9e\x08\x88" * 200
    while not caller.speaking and record.at_ms < PATIENCE_MS:
        record.at_ms += SPAN_MS
        caller.listen(hum if record.at_ms <= 3000 else b"", SPAN_MS, record.at_ms > 3000)
    audio = b""
    while caller.speaking:
        audio += b64decode(caller.next_frame() or "")
    caller.close()
    return audio, record.at_ms - 3000


async def test_a_caller_who_hesitates_is_silent_in_the_middle_of_a_sentence(world: World) -> None:
    plain, _ = _answer_to_a_hum(world)
    halting, _ = _answer_to_a_hum(world, twists=["hesitates"])
    shortest, longest = (BYTES_PER_MS * ms for ms in HESITATION_MS)
    pauses = [len(pause) for pause in re.findall(rb"\xff{800,}", halting)]
    assert len(pauses) == 1 and shortest <= pauses[0] < longest + FRAME_BYTES * 2
    assert not re.findall(rb"\xff{800,}", plain)


async def test_a_seed_varies_how_long_a_caller_thinks(world: World) -> None:
    def thinks(seed: int) -> float:
        caller = Caller(world, persona("maria", traits={"seed": seed}), Record(), "known")
        caller.say("Hello.")
        gap_ms = caller._gap_ms
        caller.close()
        return gap_ms

    assert thinks(0) == 700 and thinks(1) == thinks(1)
    varied = {thinks(seed) for seed in range(1, 8)}
    assert len(varied) == 7 and all(500 < each < 1100 for each in varied)


async def test_a_noisy_line_is_never_silent(world: World) -> None:
    caller = Caller(world, persona("maria", traits={"snr_db": 15}), Record(), "real")
    frames = [caller.next_frame() for _ in range(50)]
    assert all(frames) and len({*frames}) > 40
    caller.close()
    with pytest.raises(PersonaError, match="needs real speech"):
        Caller(world, persona("maria", traits={"loss_percent": 2}), Record(), "known")


async def test_where_nobody_speaks_there_are_sounds(world: World) -> None:
    record = SteppedRecord()
    caller = Caller(world, persona("noise"), record, "known")
    caller.connected()
    heard = 0
    while record.at_ms < 20_000:
        record.at_ms += SPAN_MS
        caller.listen(b"", SPAN_MS, True)
        while caller.speaking:
            heard += caller.next_frame() is not None
    assert heard and 3 <= len(record.measured.noises) <= 10 and not record.measured.turns
    caller.close()
