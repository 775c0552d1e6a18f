"""How a caller gets to a person, at this hour: at once, or by a callback.

Somebody is at the desk while the location is open. Then the last sentence announces them, and the
line goes there; if nobody takes the call, the caller comes back and is offered a callback. Out of
hours nobody is dialled: the callback is promised for the next opening. Where Otto cannot go on, it
is noted without asking, and so it is for whoever sits in a car that is not safe.

A yes to the offer is taken here, whichever model speaks.
"""

from __future__ import annotations

import asyncio
import re

import structlog

from otto.crm.records import Callback
from otto.dialogue.answering import Answering
from otto.dialogue.context import CallContext
from otto.dialogue.control import CallControl
from otto.dialogue.desk_words import ENGLISH_DESK, SPANISH_DESK, DeskWords
from otto.dialogue.exchange import Exchange
from otto.dialogue.flow.machine import came, happened
from otto.dialogue.flow.table import Came
from otto.dialogue.session.history import CallerSaid
from otto.dialogue.session.state import Directive, Ending, Session
from otto.dialogue.session.summary import summarise
from otto.dialogue.turns.taker import Turn, TurnTaker
from otto.language.consent import Answer, judge
from otto.language.languages import Language
from otto.language.phone import caller_number
from otto.language.spanish import judge_spanish
from otto.scheduling.desk_hours import ClosedDesk, closed_desk

log = structlog.get_logger()

NOTED_WITHIN_S = 3.0
"""Nobody waits longer to hear whether they will be called back. It is kept safe well before: a
database that is away takes a second."""
MOST_REPEATS = 3
"""So often in a row is a caller asked to say it again; then a person is offered."""
_ASKS_AGAIN = re.compile(
    r"\b(?:say (?:that|it) again|(?:did not|didn't|could not|couldn't) (?:quite )?"
    r"(?:catch|get|hear|understand)|repeat (?:that|it)|one more time|rephrase)\b"
)
_CALL_ME = re.compile(
    r"\b(?:(?:have|let|get) (?:them|him|her|somebody|someone|anybody|a person) |just )*"
    r"(?:call|ring|phone) me(?: back)?\b"
    r"|\b(?:any ?time|whenever)(?: (?:is|would be) (?:fine|good|okay|ok|great)| works"
    r"| you (?:can|like|open))?(?: (?:for|with) me)?(?= *[.,!]| *$)",
    re.IGNORECASE,
)
"""What says the same as yes to the offer, where nothing else is said."""
_NOTED = {"status": "noted"}


class Escalation:
    """The way to a person, of one call. `returned`: why they are back from the desk, or ""."""

    def __init__(
        self,
        context: CallContext,
        session: Session,
        answering: Answering,
        turns: TurnTaker,
        call: CallControl,
        returned: str = "",
    ) -> None:
        self._context = context
        self._session = session
        self._answering = answering
        self._turns = turns
        self._call = call
        phrases = context.phrases
        back = phrases.desk_hung_up if returned == "parted" else phrases.nobody_free
        self.first_words = back if returned else phrases.greeting
        """What Otto says first on this stream."""
        self._offered_for = "transferred"
        """Why the callback was offered."""
        if returned:
            happened(session, Came.NOBODY_THERE)

    # To a person

    def connect(self, sentence: str, outcome: str) -> None:
        """`sentence` announces a person, who is to come; out of hours a callback is offered."""
        closed = self._closed()
        if closed is None:
            self._call.say(sentence, Ending(Directive.TRANSFER, outcome))
            return
        first = self._words.without_person(sentence)
        if outcome == "danger":
            self._call.spawn(self._note(closed, outcome, first=first))
        elif outcome == "other_language":  # they would not understand the question
            self._call.spawn(self._note_and_end(closed, outcome, first))
        elif self._session.callback_requested:
            first = f"{first} {self._words.closed}".strip()
            self._call.spawn(self._note(closed, outcome, first=first))
        else:
            self._offered_for = outcome
            happened(self._session, Came.NOBODY_THERE)
            self._ask(f"{first} {self._words.offer(closed.promise)}".strip())

    def give_up(self, sentence: str, outcome: str) -> None:
        """The same where Otto cannot go on: out of hours the callback is noted, and that is all."""
        closed = self._closed()
        if closed is None:
            self._call.say(sentence, Ending(Directive.TRANSFER, outcome))
        else:
            self._call.spawn(
                self._note_and_end(closed, outcome, self._words.without_person(sentence))
            )

    # Back from there, or not there at all

    def is_answered_by(self, turn: Turn) -> bool:
        """Whether it is a yes to the callback that was offered, and dealt with."""
        if self._answering.is_busy:
            return False
        heard = Exchange.of(self._session.history.entries).since
        question = heard.rpartition(self._words.offered)[2]
        is_offered = question != heard and question.count("?") == 1 and question.endswith("?")
        if not is_offered or not _agrees(turn.text, self._session.language):
            return False
        if self._number is None:
            return False  # the model asks for one
        self._answering.take_up()
        self._call.spawn(self._note(self._closed(), self._offered_for))
        return True

    def is_asked_too_often(self) -> bool:
        """Whether the caller was asked to say it again `MOST_REPEATS` times in a row."""
        exchange = Exchange.of(self._session.history.entries)
        said = [*(each.heard for each in exchange.rounds[1:]), exchange.since]
        last = said[-MOST_REPEATS:]
        return len(last) == MOST_REPEATS and all(_ASKS_AGAIN.search(each.lower()) for each in last)

    # Inside

    @property
    def _words(self) -> DeskWords:
        is_english = self._session.language is Language.ENGLISH
        return ENGLISH_DESK if is_english else SPANISH_DESK

    def _closed(self) -> ClosedDesk | None:
        return closed_desk(self._context.location, self._context.now())

    @property
    def _number(self) -> str | None:
        """Where they can be called: the number they call from, or one that they have proved."""
        session = self._session
        own = None if session.is_forged else caller_number(session.caller)
        return own or session.proved or (session.phone if session.identity.trusted else "") or None

    def _ask(self, sentence: str) -> None:
        self._call.say(sentence)
        self._turns.asked(sentence)

    async def _note(self, closed: ClosedDesk | None, outcome: str, *, first: str = "") -> None:
        """Note the callback, and say so behind `first`."""
        phrases = self._context.phrases
        if not await self._is_noted(closed, outcome):
            again = phrases.not_noted if closed is None else self._words.try_again(closed.promise)
            self._call.say(f"{first} {again}".strip())
        elif closed is None:
            self._ask(phrases.will_be_called)
        else:
            words = self._words
            promise = words.promise(closed.promise)
            self._ask(words.noted.format(first=first or words.all_right, promise=promise))

    async def _note_and_end(self, closed: ClosedDesk, outcome: str, first: str) -> None:
        is_noted = await self._is_noted(closed, outcome)
        words = self._words
        told = (words.promise if is_noted else words.try_again)(closed.promise)
        sentence = f"{first} {words.closed} {told} {words.goodbye}".strip()
        self._call.say(sentence, Ending(Directive.HANG_UP, outcome))

    async def _is_noted(self, closed: ClosedDesk | None, outcome: str) -> bool:
        """Whether somebody will call them: it is written down, or safely kept until it can be."""
        session, number = self._session, self._number
        if session.callback_requested:
            return True
        if number is None:
            return False
        session.summary = summarise(session, outcome)
        wish = Callback(
            f"{session.call_sid}:callback",
            number,
            session.summary,
            session.call_sid,
            closed.opens_at if closed else None,
        )
        try:
            async with asyncio.timeout(NOTED_WITHIN_S):
                await self._context.crm.request_callback(wish)
        except Exception as error:  # whatever it is, the caller waits for a word
            log.error("callback_not_noted", error=type(error).__name__)
            return False
        session.callback_requested = True
        came(session, "request_callback", {}, _NOTED)
        self._call.changed()
        return True


def _agrees(text: str, language: Language) -> bool:
    """Whether all of a turn is a yes to being called back: "yes, have them call me"."""
    answer = Exchange.of([CallerSaid(text)]).answer
    if language is Language.SPANISH:
        return judge_spanish(answer) is Answer.AGREES
    return judge(_CALL_ME.sub("yes", answer)) is Answer.AGREES
