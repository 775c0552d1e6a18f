"""What a caller hears when a worker has failed for good: its own retries are behind it.

model         "I'm having trouble on my side", and a person
recogniser    "I can't hear you properly", and a person; or, if the settings say so, keys only, with
              the offer of a person
synthesiser   nothing can be said here: Twilio's own voice says it, after the stream
"""

from __future__ import annotations

from functools import partial

import structlog

from otto.dialogue.answering import Answering
from otto.dialogue.context import CallContext
from otto.dialogue.control import CallControl
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.session.state import Directive, Ending
from otto.dialogue.turns.taker import Turn, TurnTaker
from otto.events import Worker, WorkerFailed

log = structlog.get_logger()


class WorkerFailures:
    """The failures of one call's workers."""

    def __init__(
        self,
        context: CallContext,
        answering: Answering,
        player: ReplyPlayer,
        turns: TurnTaker,
        call: CallControl,
    ) -> None:
        self._on_recogniser_lost = context.settings.on_recogniser_lost
        self._phrases = context.phrases
        self._answering = answering
        self._player = player
        self._turns = turns
        self._call = call
        self._desk_offered = False
        self.recogniser_lost = False
        """Nobody listens: only keys reach Otto."""

    def failed(self, failed: WorkerFailed) -> None:
        """A worker has failed; without a `generation` or `round_id`, altogether."""
        generation, round_id = failed.generation, failed.round_id
        match failed.worker:
            case Worker.LLM:
                if round_id is not None and not self._answering.failed(round_id):
                    return
                self._note(failed)
                apologise = partial(self._call.give_up, self._phrases.trouble, "model_failed")
                reply = self._player.reply
                if reply is None:
                    apologise()
                else:
                    reply.when_going(apologise)  # nobody asks for it if the caller goes on
            case Worker.STT:
                self._note(failed)
                self._lose_hearing()
            case Worker.TTS:
                if generation is not None and self._player.current(generation) is None:
                    return
                self._note(failed)
                self._call.hang_up(Ending(Directive.TRANSFER, "voice_failed"))

    def hears_again(self) -> None:
        """There is a new recogniser, which was replayed what was missed."""
        self.recogniser_lost = self._desk_offered = False

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
        if self.recogniser_lost:
            return
        self.recogniser_lost = True
        reply = self._player.reply
        if reply is not None and reply.is_closing and not reply.is_paused:
            return  # nothing more has to be heard
        if self._on_recogniser_lost == "transfer":
            self.ask_for_a_person()
            return
        self._call.say(self._phrases.keypad_only)
        self._turns.asked(self._phrases.keypad_only)
        self._desk_offered = True

    def _note(self, failed: WorkerFailed) -> None:
        log.error("worker_failed", worker=failed.worker.value, kind=failed.kind)
