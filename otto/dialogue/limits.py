"""What keeps a call from waiting for ever: silence, answers that do not come, the longest call.

silence    asked "are you still there?" so many times, then a polite end
stall      neither model nor synthesiser nor line shows a sign of life: a person instead
length     a warning, then the last sentence; so long after it the line is given up, whoever
           is still talking
"""

from __future__ import annotations

import structlog

from otto.dialogue.context import CallContext
from otto.dialogue.control import CallControl
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.state import Directive, Ending, Session
from otto.dialogue.timers import Timer, Timers

log = structlog.get_logger()


class CallTimers:
    """The patience of one call."""

    def __init__(
        self, context: CallContext, session: Session, timers: Timers, call: CallControl
    ) -> None:
        self._settings = context.settings
        self._phrases = context.phrases
        self._session = session
        self._timers = timers
        self._call = call
        self._prompts = 0
        self._warning_due = False

    def begin(self) -> None:
        """The call has begun: its length counts."""
        settings = self._settings
        self._timers.start(Timer.LIMIT, settings.max_duration_s, self._time_is_up)
        if 0 < settings.limit_warning_s < settings.max_duration_s:
            warn_s = settings.max_duration_s - settings.limit_warning_s
            self._timers.start(Timer.WARNING, warn_s, self._time_is_short)

    # Silence

    def wait(self) -> None:
        """It is the caller's turn: count silence from now."""
        self._timers.start(Timer.SILENCE, self._settings.no_input_s, self._call.silent)

    def answered(self) -> None:
        """The caller has taken a turn."""
        self._timers.stop(Timer.SILENCE)
        self._prompts = 0

    def prompt(self) -> None:
        """Ask whether the caller is still there; after so many times, say goodbye. Who waits for
        the person that was promised is connected."""
        if self._session.promised is not None:
            self._call.say(self._phrases.transferring, self._session.promised)
        elif self._prompts >= self._settings.no_input_prompts:
            self._call.say(self._phrases.silent_goodbye, Ending(Directive.HANG_UP, "no_response"))
        else:
            self._prompts += 1
            self._call.say(self._phrases.still_there)

    # Stalls

    def progressed(self, reply: Reply) -> None:
        """The reply shows a sign of life."""
        if not reply.is_closed and not reply.is_paused:
            self._timers.start(Timer.STALL, self._settings.stalled_s, self._stalled)

    def sounded(self, reply: Reply) -> None:
        """The voice or the line shows a sign of life; while it is a filler's, that says nothing
        of the answer."""
        if not reply.is_bridged:
            self.progressed(reply)

    def _stalled(self) -> None:
        reply = self._call.reply
        log.error("reply_stalled", state=None if reply is None else reply.state.value)
        if reply is not None and reply.ending is not None:
            # Not even the last sentence can be said: Twilio's own voice has to.
            self._call.hang_up(reply.ending)
        else:
            self._call.give_up(self._phrases.trouble, "stalled")

    # Length

    def warn_if_due(self) -> None:
        """Say that time is short, in the first moment in which nobody speaks."""
        if self._warning_due and self._call.is_free:
            self._warning_due = False
            self._call.say(self._phrases.time_is_short)

    def _time_is_short(self) -> None:
        self._warning_due = True
        self.warn_if_due()

    def _time_is_up(self) -> None:
        self._warning_due = False
        # Whoever talks on has this long to be put through after all.
        self._timers.start(Timer.LIMIT, self._settings.limit_grace_s, self._time_is_over)
        self._call.give_up(self._phrases.time_is_up, "time_limit")

    def _time_is_over(self) -> None:
        self._call.hang_up(Ending(Directive.TRANSFER, "time_limit"))
