"""What bridges the time until something of the answer can be heard.

    caller  "an oil change"
    otto                    ··filler_s··"One moment."····again_s····"I'm still working on it."
                                                     └ silence counts from the last sound heard

A caller who asks whether anybody is there hears a filler at once, unless something can be heard
already. Between the sentences of one answer none is said for as long as behind a filler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from otto.dialogue.answering import Answering
from otto.dialogue.context import CallContext
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.timers import Timer, Timers

BETWEEN_CHECKS_S = 2.0
"""Whoever asks "hello?" again and again hears a filler after this much silence, not for each."""


def next_filler(fillers: Sequence[str], said: Sequence[str]) -> str:
    """Which of `fillers` comes next in a reply that has `said` so far: the first one only as its
    first words, the others in turn."""
    last = next((fillers.index(each) for each in reversed(said) if each in fillers), None)
    if last is None:
        return fillers[1] if said else fillers[0]
    return fillers[last % (len(fillers) - 1) + 1]


class Fillers:
    """The fillers of one call."""

    def __init__(
        self, context: CallContext, timers: Timers, player: ReplyPlayer, answering: Answering
    ) -> None:
        self._settings = context.settings
        self._phrases = context.phrases
        self._timers = timers
        self._player = player
        self._answering = answering
        self._loop = asyncio.get_running_loop()

    def expect(self, delay_s: float, *, is_asked_for: bool = False) -> None:
        """Bridge the silence after so long, in place of the time set before."""
        self._timers.start(Timer.FILLER, delay_s, partial(self._fill, is_asked_for))

    def answer_check(self) -> None:
        """The caller asks whether anybody is there: a sound is the answer."""
        reply = self._player.reply
        if reply is not None and not reply.playback.left_ms(self._loop.time()):
            self._fill(is_asked_for=True)

    def _fill(self, is_asked_for: bool) -> None:
        reply, settings = self._player.reply, self._settings
        if reply is None or reply.is_paused or reply.is_finished:
            return
        wait_s = self._wait_s(reply, is_asked_for)
        if wait_s > 0:
            self.expect(wait_s, is_asked_for=is_asked_for)
            return
        if not reply.sentences:
            waited_s = self._loop.time() - reply.timing.turn_ended_s
            if self._answering.is_busy:
                reply.timing.tools_took(min(settings.tool_filler_s, waited_s) * 1000)
            else:
                reply.timing.model_took(min(settings.model_filler_s, waited_s) * 1000)
        reply.fill()
        phrase = next_filler(self._phrases.fillers, reply.sentences)
        self._player.say(reply, phrase, is_remark=True)
        self.expect(settings.filler_again_s)

    def _wait_s(self, reply: Reply, is_asked_for: bool) -> float:
        """How much longer a filler has to wait, by what the caller has heard of the reply."""
        settings, now_s = self._settings, self._loop.time()
        left_s = reply.playback.left_ms(now_s) / 1000
        if is_asked_for:
            patience_s = BETWEEN_CHECKS_S
        elif reply.is_filled or reply.is_in_mid_round:
            patience_s = settings.filler_again_s
        elif left_s > 0:
            patience_s = 2 * settings.tool_filler_s  # it says that it will look
        else:
            return 0.0
        silent_s = reply.playback.silent_s(now_s)
        return 0.0 if silent_s is None else left_s + patience_s - silent_s
