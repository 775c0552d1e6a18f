"""What the speech and model workers tell the call: one small vocabulary of frozen dataclasses.

These are the only messages that cross from a worker (an actor, or an object in the call's own
process) to the conversation. Times named `_ms` on audio are milliseconds of *media time*: the
position in the caller's audio since the stream began, as Twilio counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The recogniser hears a voice; no words yet."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words of the caller.

    `is_final` says that this segment will not change; `speech_final` that the recogniser's
    endpointing heard the caller stop. `start_ms` and `end_ms` bound the words in media time.
    `voice_ms` says of the first guess at what somebody says how much of its sound is a voice; None
    where nobody has measured that.
    """

    text: str
    is_final: bool
    speech_final: bool
    start_ms: int
    end_ms: int
    confidence: float = 1.0
    voice_ms: int | None = None


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """The recogniser saw a gap after the last word: the fallback when `speech_final` never came."""

    last_word_end_ms: int


@dataclass(frozen=True, slots=True)
class EagerEndOfTurn:
    """A recogniser that decides turns itself takes the caller's for probably over."""


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """It was not: the caller goes on."""


@dataclass(frozen=True, slots=True)
class FirstAudio:
    """The first audio of a generation has been handed to the line.

    `vendor_ms` is what the vendor took from the request to its first byte (0 for a phrase that
    was synthesised beforehand).
    """

    generation: int
    vendor_ms: float


@dataclass(frozen=True, slots=True)
class SentenceSpoken:
    """All audio of one sentence has been handed to the line (not: has been heard).

    `start_ms` and `end_ms` bound it on the generation's own audio timeline, which begins at 0.
    """

    generation: int
    index: int
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SpeechDone:
    """Every sentence of the generation has been handed to the line; a last mark follows it.

    `last_mark` is the index of that mark: when Twilio echoes it, all of it has been played.
    """

    generation: int
    total_ms: int
    last_mark: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of the model's answer in a round, whole enough to be spoken."""

    round_id: int
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model asks for, in canonical form: `arguments` is a JSON object, `id` ours.

    `fault` says to the model what was wrong with a call that could not be understood.
    """

    id: str
    name: str
    arguments: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ModelDone:
    """The model's answer is complete. `text` is all of it, for the history."""

    round_id: int
    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    first_token_ms: float
    first_sentence_ms: float
    total_ms: float
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Worker(StrEnum):
    """The three workers of a call."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """A worker could not do its job.

    `kind` is a machine code: refused, dropped, timeout, rejected, protocol, quota, gone.
    `detail` is for the log and holds no personal data. `generation` (of speech) and `round_id` (of
    the model) say what failed; without either it is the worker altogether.
    """

    worker: Worker
    kind: str
    detail: str
    generation: int | None = None
    round_id: int | None = None


@dataclass(frozen=True, slots=True)
class VendorReport:
    """How a vendor did: every failed attempt, and the first success after there was doubt.

    `provider` is one of the worker's providers ("primary", "fallback"); `kind` says of a failure
    what `WorkerFailed.kind` says. The call goes on: this is for the switchboard.
    """

    worker: Worker
    provider: str
    ok: bool
    kind: str = ""


Heard = SpeechStarted | Transcript | UtteranceEnd | EagerEndOfTurn | TurnResumed
"""What a recogniser tells."""

Event = (
    Heard
    | FirstAudio
    | SentenceSpoken
    | SpeechDone
    | Sentence
    | ModelDone
    | WorkerFailed
    | VendorReport
)
