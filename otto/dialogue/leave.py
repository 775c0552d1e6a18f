"""How a call takes leave: what tools mean for its end, on the session, and what an end that was
interrupted leaves to be kept. The rule itself is in `tools/endings.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from otto.dialogue.control import CallControl
from otto.dialogue.prompts import Phrases
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.state import Directive, Ending, Session
from otto.dialogue.tools.endings import (
    ENDINGS,
    TRANSFER,
    Conclusion,
    conclude,
    is_owed,
    retract,
)
from otto.dialogue.turns.courtesy import Parting, announced, asks, withdraws
from otto.events import ToolCall


class Leave:
    """The end of one call, as far as its answers bring it about."""

    def __init__(
        self, session: Session, phrases: Phrases, player: ReplyPlayer, call: CallControl
    ) -> None:
        self._session = session
        self._phrases = phrases
        self._player = player
        self._call = call

    def conclude(self, calls: Sequence[ToolCall], results: Sequence[str], said: str) -> Conclusion:
        """What follows on the tools of a message that said `said`."""
        session = self._session
        conclusion = conclude(
            [call.name for call in calls],
            [json.loads(result) for result in results],
            said,
            is_owed=is_owed(session.history),
            promised=session.promised,
        )
        if conclusion.wants_person:
            self._promise(ENDINGS[TRANSFER])
        return conclusion

    def interrupted(self, ending: Ending) -> None:
        """The call was to end so and goes on: the history says that it did not, and a person stays
        promised."""
        if ending != self._session.ended_with:
            retract(self._session.history)
            self._promise(ending)

    def hear(self, text: str) -> None:
        """The caller's turn may do without the person."""
        session = self._session
        if session.promised is not None and withdraws(text, session.history.last_said):
            session.promised = None

    def keep_promise(self, reply: Reply, said: str) -> bool:
        """A reply has told, with `said`, what kept it from bringing the person it was asked for:
        whether it brings them now. First the caller may have something to answer."""
        promised = self._session.promised
        if not reply.owes_person or promised is None or asks(said):
            return False
        reply.end_with(promised)
        self.take(reply, is_announced=announced(said) is Parting.PERSON)
        return True

    def take(self, reply: Reply, *, is_announced: bool) -> None:
        """It is the last reply; a fixed sentence says so when its own words have not."""
        assert reply.ending is not None
        is_transfer = reply.ending.directive is Directive.TRANSFER
        if not is_announced and (is_transfer or not reply.has_answer):
            phrases = self._phrases
            text = phrases.transferring if is_transfer else phrases.goodbye
            index = self._player.say(reply, text)
            reply.place(self._session.history.otto(text), index, index + 1)
        self._call.closing(reply.ending)
        self._player.finish(reply)

    def _promise(self, ending: Ending) -> None:
        if ending.directive is Directive.TRANSFER:
            self._session.promised = ending
