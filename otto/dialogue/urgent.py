"""What must not wait for a model's reading of it: danger, a person, anger, being left alone,
another language, what Otto is, and that the same thing has been asked for often enough.

The caller's own words decide (`otto.language.intents`), and a fixed sentence answers, whichever
model would have spoken. While a tool is at work its result comes first: the model is told both.
"""

from __future__ import annotations

import re

import structlog

from otto.crm.records import OptOut
from otto.dialogue.answering import Answering
from otto.dialogue.context import CallContext
from otto.dialogue.control import CallControl
from otto.dialogue.escalation import Escalation
from otto.dialogue.exchange import Exchange
from otto.dialogue.flow.following import Patience
from otto.dialogue.session.opening import OpenedSession
from otto.dialogue.tongue import Tongue
from otto.dialogue.turns.taker import Turn, TurnTaker
from otto.language.consent import Answer
from otto.language.intents import Intent, intents
from otto.language.languages import Language, asks_for_english, asks_for_spanish
from otto.language.phone import caller_number
from otto.language.spanish import judge_in, urgent_in_spanish
from otto.storage.errors import StoreUnavailable

log = structlog.get_logger()

_NOISES = re.compile(
    r"\b(?:terrible|horrible|awful|ridiculous|worst)(?: \w+)? (?:nois\w+|sounds?|smell\w*|squeal\w*"
    r"|squeak\w*|grind\w*|vibrat\w+|shak\w+|leaks?|rattl\w+|clunk\w*|shape|brakes?)\b"
)
"""What a car does, not what anybody complains of."""


class Urgent:
    """The turns of one call that are answered without the model."""

    def __init__(
        self,
        context: CallContext,
        opened: OpenedSession,
        answering: Answering,
        turns: TurnTaker,
        call: CallControl,
        tongue: Tongue,
    ) -> None:
        self._context = context
        self._session = session = opened.session
        self._escalation = Escalation(context, session, answering, turns, call, opened.returned)
        self._answering = answering
        self._turns = turns
        self._call = call
        self._tongue = tongue

    def speak_first(self) -> None:
        """Greet, or take up a caller who is back from the desk."""
        self._say(self._escalation.first_words)

    def give_up(self, sentence: str, outcome: str) -> None:
        """Otto cannot go on: say `sentence`, which announces a person."""
        self._escalation.give_up(sentence, outcome)

    def is_answered_by(self, turn: Turn) -> bool:
        """Whether the turn wants one of these things, and is dealt with."""
        if self._answering.is_busy:
            return False
        if self._changes_language(turn.text) or self._escalation.is_answered_by(turn):
            return True
        for intent in self._urgent(turn.text):
            if self._answer(intent):
                log.info("answered_without_model", intent=intent.value)
                return True
        return self._accepts_person(turn.text) or self._has_asked_enough(turn.text)

    def _urgent(self, text: str) -> tuple[Intent, ...]:
        if self._tongue.is_english:
            return intents(_NOISES.sub(" ", text.lower()))
        found = urgent_in_spanish(text)
        return () if found is None else (found,)

    def _changes_language(self, text: str) -> bool:
        """Whether the caller speaks another language that Otto can speak, or asks for it."""
        if self._tongue.is_english:
            if not (self._context.settings.spanish and asks_for_spanish(text)):
                return False
            language = Language.SPANISH
        elif asks_for_english(text):
            language = Language.ENGLISH
        else:
            return False
        if language is Language.SPANISH:
            self._tongue.switch(language)
        self._answering.take_up()  # still, or already, no English that says what they want
        self._tongue.switch(language)
        self._say(self._context.phrases.go_on_in)
        log.info("language_changed", language=language.value)
        return True

    def _accepts_person(self, text: str) -> bool:
        """Whether it is a yes to the person that was offered here."""
        heard = Exchange.of(self._session.history.entries).since
        is_offered = heard.endswith(self._context.phrases.offer_person)
        if is_offered and judge_in(self._session.language, text) is Answer.AGREES:
            self._end(self._context.phrases.transferring, "transferred")
            return True
        return False

    def _has_asked_enough(self, text: str) -> bool:
        """Whether the caller is not asked the same thing once more, for it is not understood: a
        person is offered instead, and comes when that was in vain."""
        phrases = self._context.phrases
        patience = self._answering.patience_with(text)
        if patience is Patience.GO_ON and self._escalation.is_asked_too_often():
            patience = Patience.OFFER_A_PERSON
        match patience:
            case Patience.OFFER_A_PERSON:
                self._answering.take_up()
                self._say(phrases.offer_person)
            case Patience.CONNECT:
                self._end(phrases.not_understood, "not_understood")
            case Patience.GO_ON:
                return False
        log.info("asked_enough")
        return True

    def _answer(self, intent: Intent) -> bool:
        phrases = self._context.phrases
        match intent:
            case Intent.DANGER:
                self._end(phrases.danger, "danger")
            case Intent.PERSON:
                self._end(phrases.transferring, "transferred")
            case Intent.COMPLAINT:
                self._end(phrases.complaint, "complaint")
            case Intent.LANGUAGE:
                self._end(phrases.other_language, "other_language")
            case Intent.ROBOT:
                self._answering.take_up()
                self._say(phrases.robot)
            case Intent.OPT_OUT if (number := caller_number(self._session.caller)) is not None:
                self._answering.take_up()
                self._call.spawn(self._opt_out(number))
            case _:
                return False
        return True

    def _end(self, sentence: str, outcome: str) -> None:
        self._answering.take_up()
        self._escalation.connect(sentence, outcome)

    def _say(self, sentence: str) -> None:
        self._call.say(sentence)
        self._turns.asked(sentence)

    async def _opt_out(self, number: str) -> None:
        """It is confirmed when it is written down, or safely kept until it can be."""
        try:
            await self._context.crm.opt_out(OptOut(number, "voice"))
        except StoreUnavailable:
            self._call.give_up(self._context.phrases.trouble, "opt_out_failed")
        else:
            self._say(self._context.phrases.opted_out)
