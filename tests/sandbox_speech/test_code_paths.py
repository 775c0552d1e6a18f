"""Numbers dictated by the voice are understood in each code path that the recogniser can take.

The recogniser's arithmetic depends on the instructions it finds and on the library that
multiplies; both are chosen once, when it is loaded, so each path has a process of its own. Three
seeds and two paces of the voice stand for the voices that other processors make: its own integer
arithmetic differs among them, too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from otto.language.phone import PhoneError, parse_phone
from otto.language.pronounce import to_spoken
from sandbox.audio.mulaw import SILENCE
from sandbox.audio.recogniser import Recogniser
from sandbox.audio.voices import VOICES, Voices

pytestmark = pytest.mark.speech

SEEDS = (0, 1, 2)
PACES = (1.0, 1.15)
FLAGS = {"GENERIC": "sse4_1", "AVX": "avx", "AVX2": "avx2", "AVX512": "avx512vl"}
"""The instructions that each of ctranslate2's code paths needs, by the kernel's names."""
PATHS = [(isa, mkl) for isa in FLAGS for mkl in ("0", "1")]
PATH_S = 240
LEAD = SILENCE * 8 * 320
TAIL = SILENCE * 8 * 160
"""As the sandbox's Deepgram cuts speech out of a line."""
QUICK = "815-555-0123"
MORE = ("312-555-0142", "847-990-0066", "773-336-9999", "414-777-2211")
"""Runs of a digit within groups and across them."""


def machine_has(isa: str) -> bool:
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return flags is not None and FLAGS[isa] in flags[1].split()


def understood(text: str) -> str:
    """The telephone number that the product makes of what was heard; "" when it makes none."""
    dictated = re.search(r"\b(?:number is|it's|it is)\b(.*)", text.lower())
    try:
        return parse_phone(dictated[1] if dictated else "")
    except PhoneError:
        return ""


@pytest.fixture(scope="module")
def voices() -> Iterator[Voices]:
    made = Voices()
    yield made
    made.close()


def renderings(voices: Voices, number: str) -> list[bytes]:
    """`number` as Otto reads it back, by each seed at each pace: mu-law."""
    said = to_spoken(f"The number is {number}.")
    return [
        LEAD + voices.speak(said, replace(VOICES["otto"], seed=seed, pace=pace)) + TAIL
        for seed in SEEDS
        for pace in PACES
    ]


def heard_by(isa: str, mkl: str, audio: list[bytes]) -> list[str]:
    """What a recogniser on this code path makes of each piece of `audio`."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps([base64.b64encode(piece).decode() for piece in audio]),
        env=os.environ | {"CT2_FORCE_CPU_ISA": isa, "CT2_USE_MKL": mkl},
        capture_output=True,
        text=True,
        timeout=PATH_S,
        check=True,
    )
    return list(json.loads(done.stdout))


@pytest.mark.timeout(PATH_S)
@pytest.mark.parametrize(("isa", "mkl"), PATHS)
def test_a_telephone_number_is_understood_in_each_code_path(
    voices: Voices, isa: str, mkl: str
) -> None:
    check(voices, isa, mkl, (QUICK,))


@pytest.mark.slow
@pytest.mark.timeout(PATH_S)
@pytest.mark.parametrize(("isa", "mkl"), PATHS)
def test_runs_of_one_digit_are_understood_in_each_code_path(
    voices: Voices, isa: str, mkl: str
) -> None:
    check(voices, isa, mkl, MORE)


def check(voices: Voices, isa: str, mkl: str, numbers: tuple[str, ...]) -> None:
    """Every rendering of every number is understood: it takes no luck, so none may fail."""
    if not machine_has(isa):
        pytest.skip(f"this processor has no {isa}")
    asked = [(number, audio) for number in numbers for audio in renderings(voices, number)]
    texts = heard_by(isa, mkl, [audio for _, audio in asked])
    wrong = [
        (number, text)
        for (number, _), text in zip(asked, texts, strict=True)
        if understood(text) != parse_phone(number)
    ]
    assert not wrong, f"{len(wrong)} of {len(asked)}: {wrong}"


async def transcribe_stdin() -> None:
    """What the process of a code path does: audio in, texts out, both JSON."""
    recogniser = Recogniser()
    audio = [base64.b64decode(piece) for piece in json.load(sys.stdin)]
    print(json.dumps([(await recogniser.transcribe(piece)).text for piece in audio]))
    recogniser.close()


if __name__ == "__main__":
    asyncio.run(transcribe_stdin())
