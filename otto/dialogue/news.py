"""What the caller has to hear although nobody asked: that what took too long did go through, or
did not.

It is said in the first moment in which nobody speaks; or ahead of the next answer, when the caller
speaks first; or ahead of the end. It stays in the session until some of it was heard.
"""

from __future__ import annotations

from collections.abc import Sequence

from otto.dialogue.control import CallControl
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.history import OttoSaid
from otto.dialogue.session.state import Session
from otto.dialogue.tools.results import Result

WORDS_THAT_TELL = 8
"""Whoever has heard so much of it knows what it is about, and will ask."""


class News:
    """The news of one call."""

    def __init__(self, session: Session, player: ReplyPlayer, call: CallControl) -> None:
        self._session = session
        self._player = player
        self._call = call
        self._told: dict[str, OttoSaid] = {}
        """What the reply in progress begins with, and its place in the history."""
        self._results: dict[str, Result] = {}

    def add(self, sentence: str, result: Result) -> None:
        """There is something to tell: the tool's `result`, as a sentence."""
        self._session.news.append(sentence)
        self._results[sentence] = result
        self.tell_if_free()

    def known(self, results: Sequence[Result]) -> None:
        """The model has these results, so that the caller hears of them by its answer."""
        news = self._session.news
        self._session.news = [each for each in news if self._results.get(each) not in results]

    def tell_if_free(self) -> None:
        """Tell it now, if nobody speaks."""
        if self._session.news and self._call.is_free:
            self._call.say(self._text)

    def tell_before_end(self, reply: Reply) -> bool:
        """Tell it now that a reply was heard to its end, after which the call ends; whether there
        was anything."""
        if reply.ending is None or not self._session.news:
            return False
        self._call.say(self._text, reply.ending)
        return True

    def tell_with(self, reply: Reply) -> None:
        """Begin an answer with it, in front of what the caller has said."""
        for sentence in self._session.news:
            if sentence not in reply.sentences:
                self._player.say(reply, sentence, is_remark=True)
                self._told[sentence] = self._session.history.otto(sentence)

    def settle(self, reply: Reply) -> None:
        """A reply was heard to its end, or thrown away: what nobody has heard is still to come."""
        session, heard = self._session, reply.heard_text
        for sentence in [*session.news]:
            entry = self._told.pop(sentence, None)
            if " ".join(sentence.split()[:WORDS_THAT_TELL]) in heard:
                session.news.remove(sentence)
            elif entry is not None:
                session.history.remove(entry)

    @property
    def _text(self) -> str:
        return " ".join(self._session.news)
