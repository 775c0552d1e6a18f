"""What the parts of a conversation ask of the call they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.state import Ending


class CallControl(Protocol):
    """The call: whoever makes answers, keeps its timers or sees a worker fail acts on this."""

    @property
    def reply(self) -> Reply | None:
        """What is being said or made."""

    @property
    def is_free(self) -> bool:
        """Whether nobody speaks, and nothing is on its way."""

    # Speaking

    def say(self, text: str, ending: Ending | None = None) -> None:
        """Say a fixed sentence, the last one when an `ending` is given."""

    def give_up(self, sentence: str, outcome: str) -> None:
        """Say the sentence and connect the caller with a person."""

    def hang_up(self, ending: Ending) -> None:
        """Give up the line without another word."""

    def silent(self) -> None:
        """Nobody has spoken for the time set."""

    # Making an answer

    def next_id(self) -> int:
        """A number greater than all before, for a round of the model."""

    def spawn(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Run as a task of the call."""

    def progressed(self, reply: Reply) -> None:
        """Something of the reply came: it is alive."""

    def expect_filler(self, delay_s: float) -> None:
        """Bridge the silence after so long, in place of the time set before."""

    def said(self, reply: Reply) -> None:
        """A sentence of the model was given to the synthesiser."""

    def closing(self, ending: Ending) -> None:
        """The reply is the last one: when it has been heard, the call ends so."""

    def changed(self) -> None:
        """The session is another one now."""
