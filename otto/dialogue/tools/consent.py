"""Consent to a booking, a move or a cancellation: given by the caller, judged here, by no model.

    heard    "That's an oil change for your 2019 Honda Civic on Tuesday, December 1 at 9:00 AM,
              for $79.95. Shall I book it?"
    answer   "Yes, please."  -> done         "Yes, but at ten."  -> not done: `corrected`
                                             "Hold on."          -> not done: `waits`

What was *heard* before the caller's last answer has to say exactly what a tool is asked to do
(`heard.py`), and the answer has to agree (`otto.language.consent`). Otherwise nothing is done, and
the model gets the reason and the sentence to say. A consent that was given is kept in the session
under the key of its wish, for whoever asks once more: the same wish is done once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

from config.dealership import Dealership, Location
from otto.dialogue.exchange import Exchange
from otto.dialogue.session.state import Session
from otto.dialogue.tools.finding import hours_on
from otto.dialogue.tools.heard import Ear, is_passing
from otto.dialogue.tools.outcome import Pinned
from otto.dialogue.tools.read_back import ReadBack
from otto.dialogue.tools.results import Result
from otto.dialogue.tools.spanish_consent import (
    answer_in_spanish,
    is_waiting,
    spanish_read_back,
)
from otto.language.consent import Answer, judge
from otto.language.languages import Language


class NotDone(StrEnum):
    """Why nothing was done."""

    NOT_READ_BACK = "not_read_back"
    """What was heard does not say exactly what is asked to be done."""
    NO_ANSWER = "no_answer"
    """It was said, and the caller has said nothing since."""
    DECLINED = "declined"
    CORRECTED = "corrected"
    CONDITION = "condition"
    ASKED = "asked"
    WAITS = "waits"
    UNCLEAR = "unclear"


BY_ANSWER = {
    Answer.DECLINES: NotDone.DECLINED,
    Answer.CORRECTS: NotDone.CORRECTED,
    Answer.CONDITION: NotDone.CONDITION,
    Answer.ASKS: NotDone.ASKED,
    Answer.WAITS: NotDone.WAITS,
    Answer.UNCLEAR: NotDone.UNCLEAR,
}

_AGAIN = re.compile(r"\b(?:again|once more|one more time|retry|another (?:try|go))\b", re.I)
_NO_TIME = re.compile(r"\bKeyed on .*|(?<!at )\bone\b", re.IGNORECASE)
"""Numbers in an answer that are no time of day: "the blue one"."""
_MAY_CORRECT = frozenset({Answer.CONDITION, Answer.UNCLEAR})

ADVICE = {
    NotDone.NOT_READ_BACK: (
        "Nothing was done: the caller has not heard all of it. Say read_back word for word, wait "
        "for their answer, and use this tool again only after a yes."
    ),
    NotDone.NO_ANSWER: "Nothing was done: they have not answered yet. Wait, or say read_back.",
    NotDone.DECLINED: "Nothing was done: they do not want it. Ask what they would like instead.",
    NotDone.CORRECTED: (
        "Nothing was done: they want something else. Find out what, find openings for it, and read "
        "that back."
    ),
    NotDone.CONDITION: "Nothing was done: they agree only if. Settle that, then say read_back.",
    NotDone.ASKED: "Nothing was done: answer their question first, then say read_back.",
    NotDone.WAITS: "Nothing was done: they need a moment. Let them have it, then say read_back.",
    NotDone.UNCLEAR: "Nothing was done: their answer was no clear yes. Say read_back.",
}


def why_not(
    exchange: Exchange, wish: ReadBack, ear: Ear, others: Sequence[datetime] = ()
) -> NotDone | None:
    """Why `wish` may not be done; None when the caller has agreed to it.

    `others` are the starts (local) of openings that are offered beside it.
    """
    if ear.reads_back(exchange.since, wish.named, others):
        return NotDone.NO_ANSWER  # also of one who said something to it when it was said before
    answer = _answer_to(exchange, wish, ear, others)
    if not answer:
        return NotDone.NOT_READ_BACK if answer is None else NotDone.NO_ANSWER
    judged = judge(answer, wish.named.about, wish.phrases)
    if judged in _MAY_CORRECT and ear.contradicts(_NO_TIME.sub(" ", answer), wish.named):
        return NotDone.CORRECTED  # "yes, but at ten"
    return BY_ANSWER.get(judged)


def why_not_in_spanish(exchange: Exchange, sentence: str) -> NotDone | None:
    """The same in a call that is held in Spanish, in which `sentence` has to be heard as it is."""
    if is_waiting(exchange, sentence):
        return NotDone.NO_ANSWER
    answer = answer_in_spanish(exchange, sentence)
    return NotDone.NOT_READ_BACK if answer is None else BY_ANSWER.get(answer)


def _answer_to(
    exchange: Exchange, wish: ReadBack, ear: Ear, others: Sequence[datetime]
) -> str | None:
    """What the caller has answered to the read-back; None when they heard none before it.

    A yes may come in pieces ("Yes." "One moment." "Thank you."). Who asked for time is asked anew:
    what they say next may be meant for somebody beside them.
    """
    if not exchange.rounds:
        return None
    last, named = exchange.rounds[-1], wish.named
    if ear.reads_back(last.heard, named, others):
        return last.answer
    if ear.was_cut_behind(last.heard, last.unheard, named):
        return last.answer
    if len(exchange.rounds) > 1 and is_passing(last.heard):
        before = exchange.rounds[-2]
        agreed = judge(before.answer, named.about, wish.phrases) is Answer.AGREES
        if agreed and ear.reads_back(before.heard, named, others):
            return f"{before.answer} {last.answer}"
    return None


def _is_wanted_again(pinned: Pinned) -> bool:
    """Whether a wish that was agreed to, and of which nobody knows what it came to, is to be tried
    once more: by the next owner of the call, or because the caller says so."""
    answer = pinned.exchange.answer
    return pinned.is_again or (
        _AGAIN.search(answer) is not None
        and judge(answer) in {Answer.AGREES, Answer.ASKS, Answer.UNCLEAR}
    )


class Consents:
    """The consents of one call, on its session."""

    def __init__(
        self,
        session: Session,
        dealership: Dealership,
        location: Location,
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._menu = dealership.services
        self._location = location
        self._now = now

    def refusal(self, pinned: Pinned, wish: ReadBack, told_turn: int) -> Result | None:
        """What the model is told when `wish` may not be done; None when it may, which is kept.

        `told_turn`: how many turns the caller had taken when the model got to know what it is
        about. Nothing that it found since they spoke can be what they agreed to.
        """
        if wish.key in pinned.done or (wish.key in pinned.agreed and _is_wanted_again(pinned)):
            return None
        zone = self._location.zone
        ear = Ear(
            self._now().astimezone(zone), lambda day: hours_on(self._location, day), self._menu
        )
        starts = [
            datetime.fromisoformat(offer.starts_at).astimezone(zone)
            for offer in pinned.offers.values()
        ]
        others = [start for start in starts if start.replace(tzinfo=None) != wish.named.start]
        code: NotDone | None = NotDone.NOT_READ_BACK
        sentence = wish.sentence
        if self._session.language is Language.SPANISH:
            sentence = spanish_read_back(wish.named, self._menu)
            code = why_not_in_spanish(pinned.exchange, sentence)
        elif told_turn < pinned.caller_turns:
            code = why_not(pinned.exchange, wish, ear, others)
        if code is None:
            if wish.key not in self._session.agreed:
                self._session.agreed.append(wish.key)
            return None
        return {
            "status": "not_done",
            "code": code.value,
            "read_back": sentence,
            "advice": ADVICE[code],
        }
