"""A caller's line at stated levels: noise in dB below the voice, packets lost in percent."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pytest

from sandbox.audio import mulaw
from sandbox.audio.frames import FRAME_BYTES, SILENCE_FRAME, frames_of
from sandbox.audio.impairment import FULL_SCALE, Impairment, Noise
from sandbox.audio.voices import LOUDNESS


def carried(line: Impairment, frames: list[str | None]) -> bytes:
    return b"".join(b64decode(line.carry(frame)) for frame in frames)


def level_db(audio: bytes) -> float:
    """Below the loudness of a voice."""
    samples = mulaw.decode(audio).astype(np.float64)
    return float(-20 * np.log10(np.sqrt(np.mean(samples**2)) / (LOUDNESS * FULL_SCALE)))


@pytest.mark.parametrize("noise", ["road", "crowd"])
@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_the_noise_is_as_loud_as_it_is_said_to_be(noise: Noise, snr_db: float) -> None:
    audio = carried(Impairment(noise, snr_db, 0.0), [None] * 1000)
    assert level_db(audio) == pytest.approx(snr_db, abs=0.5)


def test_a_voice_is_still_there_over_the_noise() -> None:
    tone = LOUDNESS * FULL_SCALE * np.sqrt(2) * np.sin(np.arange(FRAME_BYTES * 500) * 0.7)
    voice = frames_of(mulaw.encode(tone.astype(np.int16)))
    audio = carried(Impairment("road", 10.0, 0.0), [*voice])
    # Of two sounds that have nothing to do with each other the powers add.
    assert level_db(audio) == pytest.approx(-10 * np.log10(1 + 10**-1), abs=0.3)


@pytest.mark.parametrize("loss", [1.0, 5.0, 20.0])
def test_as_many_packets_are_lost_as_it_is_said(loss: float) -> None:
    line = Impairment("road", None, loss, seed=4)
    voice = frames_of(b"\x20" * FRAME_BYTES)
    audio = carried(line, voice * 5000)
    silent = sum(audio[at : at + FRAME_BYTES] == SILENCE_FRAME for at in range(0, len(audio), 160))
    assert silent == line.lost and line.carried == 5000
    assert 100 * line.lost / line.carried == pytest.approx(loss, rel=0.2)


def test_a_quiet_whole_line_changes_nothing() -> None:
    voice = frames_of(bytes(range(256)) * 5)
    line = Impairment("road", None, 0.0)
    assert [line.carry(frame) for frame in voice] == voice


def test_the_same_seed_makes_the_same_line() -> None:
    frames: list[str | None] = [None] * 200
    one, same, other = (carried(Impairment("crowd", 15.0, 3.0, s), frames) for s in (1, 1, 2))
    assert one == same != other


def test_what_is_louder_than_the_line_can_carry_is_clipped() -> None:
    loud = frames_of(mulaw.encode(np.full(FRAME_BYTES, FULL_SCALE, dtype=np.int16)))
    samples = mulaw.decode(carried(Impairment("road", -5.0, 0.0), [*loud] * 50))
    assert samples.max() > 30_000 and samples.min() > -5_000, "nothing has wrapped around"
