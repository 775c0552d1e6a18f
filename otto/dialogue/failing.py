"""What a caller hears when a worker has failed for good: its own retries are behind it.

mind      "I'm having trouble on my side", and a person
ears      "I can't hear you properly", and a person; or, if the settings say so, keys only, with
          the offer of a person
voice     nothing can be said here: Twilio's own voice says it, after the stream
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import structlog

from otto.dialogue.house import House
from otto.dialogue.session import Directive
from otto.dialogue.thinking import Thinking
from otto.dialogue.turns import Turn, TurnTaker
from otto.dialogue.voice import Voice
from otto.speech.events import Worker, WorkerFailed

log = structlog.get_logger()


class Troubled(Protocol):
    """The call it happens to."""

    def say(self, text: str, ending: Directive | None = None, outcome: str = "") -> None:
        """Say a fixed sentence, the last one when `ending` is given."""

    def give_up(self, sentence: str, outcome: str) -> None:
        """Say the sentence and connect the caller with a person."""

    def hang_up(self, outcome: str, directive: Directive) -> None:
        """Give up the line without another word."""


class Failing:
    """The failures of one call's workers."""

    def __init__(
        self, house: House, thinking: Thinking, voice: Voice, turns: TurnTaker, call: Troubled
    ) -> None:
        self._deaf = house.settings.deaf
        self._phrases = house.phrases
        self._thinking = thinking
        self._voice = voice
        self._turns = turns
        self._call = call
        self._desk_offered = False
        self.is_deaf = False
        """Nobody listens: only keys reach Otto."""

    def failed(self, failed: WorkerFailed) -> None:
        """A worker has failed; without a `generation`, altogether."""
        generation = failed.generation
        match failed.worker:
            case Worker.LLM:
                if generation is not None and not self._thinking.failed(generation):
                    return
                self._note(failed)
                apologise = partial(self._call.give_up, self._phrases.trouble, "model_failed")
                reply = self._voice.reply
                if reply is not None and reply.paused:
                    reply.waiting.append(apologise)  # nobody asks for it if the caller goes on
                else:
                    apologise()
            case Worker.STT:
                self._note(failed)
                self._lose_hearing()
            case Worker.TTS:
                if generation is not None and self._voice.current(generation) is None:
                    return
                self._note(failed)
                self._call.hang_up("voice_failed", Directive.TRANSFER)

    def hears_again(self) -> None:
        """There are new ears, which were replayed what was missed."""
        self.is_deaf = self._desk_offered = False

    def ask_for_a_person(self) -> None:
        """The silence of a caller whom nobody can hear is no silence."""
        self._call.give_up(self._phrases.cannot_hear, "listening_failed")

    def is_answered_by(self, turn: Turn) -> bool:
        """Whether this turn accepts the person who was offered, and is dealt with."""
        offered, self._desk_offered = self._desk_offered, False
        if not offered or not turn.text.startswith("Yes"):
            return False
        self._call.give_up(self._phrases.transferring, "listening_failed")
        return True

    def _lose_hearing(self) -> None:
        if self.is_deaf:
            return
        self.is_deaf = True
        if self._deaf == "transfer":
            self.ask_for_a_person()
            return
        self._call.say(self._phrases.keypad_only)
        self._turns.asked(self._phrases.keypad_only)
        self._desk_offered = True

    def _note(self, failed: WorkerFailed) -> None:
        log.error("worker_failed", worker=failed.worker.value, kind=failed.kind)
