"""How a call is held, and how many a node holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from config.environment import SettingsGroup


class CallSettings(SettingsGroup):
    """How a call is held."""

    model_config = SettingsConfigDict(env_prefix="OTTO_CALL_")

    transcript_notice: str = "This call is transcribed."
    """Said in the greeting; `off`: nothing is. What the law asks for differs by state."""
    spanish: bool = False
    """Go on in Spanish with callers who speak it; else they are connected with a person. The model
    has to know Spanish, and Deepgram's Spanish models are used (`DEEPGRAM_SPANISH_*`)."""
    audio_chunk_ms: int = Field(400, ge=20, le=2000)
    """Size of an audio chunk to Twilio; a mark follows each, so it bounds how well we know what
    was heard."""
    barge_in_words: int = Field(2, ge=1)
    """Interim words needed to interrupt Otto where nobody has measured whether there is a voice
    behind them, unless one of them is an immediate word."""
    barge_in_voice_ms: int = Field(60, ge=0, le=400)
    """So much of a voice, behind one word that is no backchannel, interrupts Otto. A cough that is
    taken for a word has none."""
    false_interruption_s: float = Field(1.2, gt=0)
    """Otto was stopped, and nothing that means anything has followed for so long: it goes on."""
    unfinished_hold_s: float = Field(1.2, ge=0)
    """How long Otto waits, after the recogniser's pause, for the rest of "on Tuesday and…"."""
    story_hold_s: float = Field(1.1, ge=0)
    """The same at the start of a call, behind a greeting or a story without a wish in it."""
    dictation_hold_s: float = Field(2.2, ge=0)
    """The same while a number, a date or a spelling is being dictated."""
    longest_hold_s: float = Field(6.0, gt=0)
    """No turn is held longer than this after its last word, whatever noise follows."""
    keypad_timeout_s: float = Field(3.0, gt=0)
    """Keyed digits are complete when no other follows for so long, or with `#`."""
    no_input_s: float = Field(8.0, gt=0)
    no_input_prompts: int = Field(2, ge=0)
    on_recogniser_lost: Literal["transfer", "keypad"] = "transfer"
    """When the recogniser is lost for good: connect the caller with the desk after an apology,
    or go on by keypad, where one key connects them."""
    max_duration_s: float = Field(1200.0, gt=0)
    limit_warning_s: float = Field(60.0, ge=0)
    """How long before `max_duration_s` the caller is told; 0: not at all."""
    limit_grace_s: float = Field(20.0, gt=0)
    """After `max_duration_s` Otto says so and ends; so long after it the line is given up even
    if somebody is talking."""
    stalled_s: float = Field(20.0, gt=0)
    """An answer with no sign of life for so long is given up: better a person than silence."""
    speculate: bool = False
    """Begin an answer when the caller's turn is likely, but not certain, to be over."""
    max_tool_rounds: int = Field(6, ge=1)
    model_filler_s: float = Field(3.0, gt=0)
    """With no word of an answer so long after the caller's turn, Otto says "one moment"."""
    tool_filler_s: float = Field(1.5, gt=0)
    filler_again_s: float = Field(10.0, gt=0)
    """After so long without a sound that the caller can hear, Otto says that it is still there."""
    tool_timeout_s: float = Field(10.0, gt=0)
    verification_attempts: int = Field(3, ge=1)
    stream_start_timeout_s: float = Field(5.0, gt=0)
    token_ttl_s: float = Field(60.0, gt=0)
    """How long a reserved call actor waits for Twilio to open the stream."""

    @field_validator("transcript_notice")
    @classmethod
    def _off(cls, value: str) -> str:
        return "" if value.strip().lower() == "off" else value.strip()


class PoolSettings(SettingsGroup):
    """The warm call actors of a node."""

    model_config = SettingsConfigDict(env_prefix="OTTO_POOL_")

    size: int = Field(2, ge=1)
    takeover_reserve: int = Field(1, ge=0)
    """Call actors beyond `size`, for calls that have lost theirs."""
    spares: int = Field(1, ge=0)
    """Warm workers of each kind (recogniser, language model, synthesiser) beyond those of the call
    actors, for calls that have lost one; with inline workers there are none."""
    max_lag_ms: float = Field(400.0, gt=0)
    """While a process of the node is later than this, no new call is taken."""
    calls_per_actor: int = Field(200, ge=1)
    """An actor retires after this many calls, so that nothing can accumulate in it for ever."""
    sub_actors: Literal["ray", "inline"] = "ray"
