"""An answer begun before it is certain that the caller has finished. Nobody sees it until it is.

    caller   "…an oil change."   ·300 ms·   end of turn
    guess         └─ generate ──────────────── adopted: what has come is taken as the answer
                        └─ "…and new wipers"   forgotten: cancelled, nothing was said or done

It saves what the model needs to begin, at the price of answers that are thrown away. It can have
no effect: events are kept, not acted on, and an adopted one is acted on as if it came only now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from otto.dialogue.ports import LanguageModel
from otto.dialogue.turns.completeness import words_of
from otto.dialogue.turns.taker import TurnTaker
from otto.events import EagerEndOfTurn, Heard, ModelDone, Sentence, Transcript

GUESSES_A_TURN = 2
"""A caller who pauses often would otherwise cost an answer for every breath."""


@dataclass(slots=True)
class Guess:
    """One answer in the making."""

    round_id: int
    text: str
    messages: list[dict[str, Any]]
    events: list[Sentence | ModelDone] = field(default_factory=list)


def probable(event: Heard, turns: TurnTaker, *, by_words: bool) -> str:
    """What the caller has probably finished with, now that `event` came: because the recogniser
    itself says so, or, where that is wanted, `by_words`; "" while nothing speaks for it."""
    match event:
        case EagerEndOfTurn():
            return turns.whole
        case Transcript() if by_words:
            return turns.likely
        case _:
            return ""


class Speculation:
    """At most one guess at a time."""

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._guess: Guess | None = None
        self._tries = 0

    def begin(
        self,
        text: str,
        messages: list[dict[str, Any]],
        offered: Callable[[], list[dict[str, Any]]],
        next_id: Callable[[], int],
    ) -> None:
        """Guess that the caller's turn is `text`, the last of `messages`."""
        guess = self._guess
        if guess is not None and _same(guess.text, text):
            return
        self._cancel()
        if self._tries < GUESSES_A_TURN:
            self._tries += 1
            self._guess = Guess(next_id(), text, messages)
            self._language_model.generate(self._guess.round_id, messages, offered())

    def take(self, event: Sentence | ModelDone) -> bool:
        """Keep an event of the guess; False when it is somebody else's."""
        if self._guess is None or event.round_id != self._guess.round_id:
            return False
        self._guess.events.append(event)
        return True

    def failed(self, round_id: int) -> bool:
        """The guess came to nothing; False when it is somebody else's failure."""
        if self._guess is None or round_id != self._guess.round_id:
            return False
        self._guess = None
        return True

    def adopt(self, messages: list[dict[str, Any]]) -> Guess | None:
        """The guess, if `messages` are what it was made on; otherwise it is forgotten."""
        self._tries = 0
        guess = self._guess
        if guess is not None and _same_talk(guess.messages, messages):
            self._guess = None
            return guess
        self._cancel()
        return None

    def resumed(self) -> None:
        """The caller goes on, in the same turn."""
        self._cancel()

    def forget(self) -> None:
        """It will not be needed."""
        self._tries = 0
        self._cancel()

    def _cancel(self) -> None:
        guess, self._guess = self._guess, None
        if guess is not None:
            self._language_model.cancel(guess.round_id)


def _same(one: str, other: str) -> bool:
    return words_of(one) == words_of(other)


def _same_talk(guessed: list[dict[str, Any]], real: list[dict[str, Any]]) -> bool:
    """Whether two conversations are one: the last turn in its words, everything before exactly.

    The first message holds the time of day, which may have moved on by a minute.
    """
    return (
        len(guessed) == len(real)
        and guessed[1:-1] == real[1:-1]
        and real[-1]["role"] == "user"
        and _same(guessed[-1]["content"], real[-1]["content"])
    )
