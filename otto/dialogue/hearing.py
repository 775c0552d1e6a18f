"""The caller's side of the conversation: what they say and press, and the clock of their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.timing import Timing
from otto.dialogue.timers import Timer, Timers
from otto.dialogue.turns.echo import own_words
from otto.dialogue.turns.floor import Action, Input, State
from otto.dialogue.turns.presence import is_presence_check
from otto.dialogue.turns.taker import Turn, TurnTaker
from otto.events import Heard, Transcript, UtteranceEnd

SECONDS_A_WORD = 0.35
"""How long a word takes to say, where the recogniser gives no times."""


class Hearing:
    """Hands what happens to the turn-taker, and what follows from it to `act`.

    It keeps the timer of a turn that is held open.
    """

    def __init__(
        self,
        turns: TurnTaker,
        timers: Timers,
        player: ReplyPlayer,
        keys: int,
        anchor_s: float,
        act: Callable[[tuple[Action, ...]], None],
    ) -> None:
        """`keys`: how many keys of the stream belong to turns that are over; `anchor_s`: the loop
        time at which the caller's audio began (media time 0)."""
        self.keys = keys
        self._turns = turns
        self._timers = timers
        self._player = player
        self._anchor_s = anchor_s
        self._perform = act
        self._loop = asyncio.get_running_loop()

    def hear(self, event: Heard) -> None:
        """Take an event of the recogniser."""
        if not isinstance(event, UtteranceEnd):
            self._timers.stop(Timer.SILENCE)
        if isinstance(event, Transcript):
            event = self._without_echo(event)
        reply = self._player.reply
        is_asked = reply is not None and is_presence_check(reply.text)
        self._act(self._turns.hear(event, self._loop.time(), is_asked=is_asked))

    def _without_echo(self, event: Transcript) -> Transcript:
        """The transcript with only what the caller said of it."""
        end_s = self._anchor_s + event.end_ms / 1000 if event.end_ms else self._loop.time()
        length_s = (event.end_ms - event.start_ms) / 1000 or SECONDS_A_WORD * len(
            event.text.split()
        )
        own = own_words(
            event.text,
            end_s - length_s,
            end_s,
            self._player.audible(),
            is_final=event.is_final,
            is_speaking=self._turns.state in {State.SPEAKING, State.INTERRUPTED, State.ENDING},
        )
        return event if own == event.text else replace(event, text=own)

    def press(self, digit: str, number: int) -> None:
        """Take the `number`th key of the stream. Who takes a call over is told all of them."""
        if number > self.keys:
            self.keys = number
            self._timers.stop(Timer.SILENCE)
            self._act(self._turns.press(digit, self._loop.time()))

    def note(self, what: Input) -> None:
        """Something else has happened that bears on who has the floor."""
        self._act(self._turns.note(what))

    def played(self) -> None:
        """All of Otto's answer has been heard."""
        self._act(self._turns.played(self._loop.time()))

    def timing(self, turn: Turn) -> Timing:
        """The clock of the answer to a turn that is over now."""
        now_s = self._loop.time()
        ended_s = self._anchor_s + turn.end_ms / 1000 if turn.end_ms else now_s
        return Timing(speech_ended_s=min(ended_s, now_s), turn_ended_s=now_s)

    def _act(self, actions: tuple[Action, ...]) -> None:
        self._perform(actions)
        due_s = self._turns.due_s
        if due_s is None:
            self._timers.stop(Timer.TURN)
        else:
            self._timers.start(Timer.TURN, due_s - self._loop.time(), self._check_turn)

    def _check_turn(self) -> None:
        # A timer may ring a hair early; the turn's own clock decides.
        due_s = self._turns.due_s
        self._act(self._turns.check(max(self._loop.time(), due_s or 0.0)))
