"""What is kept of a call: its session as it changes, its turns, and its record at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from otto.dialogue.context import CallContext
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.opening import OpenedSession
from otto.dialogue.session.record import call_record, note_turn
from otto.dialogue.session.state import Directive, InProgress
from otto.dialogue.turns.taker import Turn
from otto.language.refusals import refuses_transcript

log = structlog.get_logger()

REFUSAL_REMARK = "No transcript of this call will be kept, and the caller has been told so."
"""For the model, behind the words of a caller who refuses one."""
HEARD_KEPT_EVERY_S = 1.0
"""How often at most the session is written because more of an answer has been heard."""


class CallRecorder:
    """Keeps one call. `in_progress` tells what is being made, said or done; `clock` is in seconds.

    `on_fenced` is called once, when another call actor has the call.
    """

    def __init__(
        self,
        context: CallContext,
        opened: OpenedSession,
        in_progress: Callable[[], InProgress | None],
        clock: Callable[[], float],
        on_fenced: Callable[[], None],
    ) -> None:
        self._context = context
        self._session = opened.session
        self._writer = opened.writer
        self._writer.on_fenced = on_fenced
        self._in_progress = in_progress
        self._clock = clock
        self._heard_kept_s = 0.0
        self._last_state: dict[str, Any] | None = None

    def changed(self) -> None:
        """The session is another one now."""
        self._writer.changed(self._state)

    def heard_more(self) -> None:
        """More has been heard, so less would have to be said again."""
        now_s = self._clock()
        if now_s - self._heard_kept_s >= HEARD_KEPT_EVERY_S:
            self._heard_kept_s = now_s
            self.changed()

    def freeze(self) -> None:
        """The call goes on elsewhere from the state it is in now, whatever is done here yet."""
        self._last_state = self._state()

    def fence(self) -> None:
        """Another owner has the call: write nothing more."""
        self._writer.fenced = True

    def caller_turn(self, turn: Turn, keys: int) -> Turn:
        """The caller has taken a turn, and pressed so many keys by now. Returns it as the
        model is to read it: another one when the caller has just refused a transcript."""
        self._session.keys = keys
        note_turn(self._session, self._context.now(), "caller", turn.text, turn.text)
        if self._session.transcript_refused or not refuses_transcript(turn.text):
            return turn
        self._session.transcript_refused = True
        log.info("transcript_refused")
        return replace(turn, text=f"{turn.text} [{REFUSAL_REMARK}]")

    def otto_turn(self, reply: Reply) -> None:
        """A reply was heard to its end, or thrown away."""
        if reply.sentences:
            latency = reply.timing.latency()
            now = self._context.now()
            note_turn(self._session, now, "otto", reply.text, reply.heard_text, latency)

    async def close(self) -> None:
        """Write the last state and the record, unless another owner has the call by now."""
        if self._forget_refused():
            self.changed()
        await self._writer.close()
        await self.write_record()

    async def write_record(self) -> None:
        """Write the record as it is; a later one replaces it."""
        if self._writer.fenced:
            return  # it is the other one's business
        self._forget_refused()
        context = self._context
        version = context.prompts.version
        record = call_record(self._session, context.now(), context.sub_actors, version)
        try:
            await context.crm.record_call(record)
        except Exception as error:
            log.error("call_record_lost", error=type(error).__name__)

    def _forget_refused(self) -> bool:
        """Keep nothing that was said in a call that is over and whose caller wants no transcript;
        whether that is so."""
        session = self._session
        is_refused = session.transcript_refused and session.directive is not Directive.RESUME
        if is_refused:
            session.forget_words()
        return is_refused

    def _state(self) -> dict[str, Any]:
        if self._last_state is not None:
            return self._last_state
        self._session.revision += 1
        self._session.in_progress = self._in_progress()
        return self._session.dump()
