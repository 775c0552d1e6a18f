"""The machine along one call: every turn of the caller is taken in here, before the model sees it.

Which slot a turn answers is known from what the caller has *heard* Otto ask before it, so a
question that was talked over was not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from config.dealership import Dealership, Location
from otto.dialogue.exchange import Exchange
from otto.dialogue.flow.briefing import system_prompt
from otto.dialogue.flow.machine import happened, hears, wishes
from otto.dialogue.flow.prompt_files import Prompts
from otto.dialogue.flow.questions import asked_for
from otto.dialogue.flow.slots import ANOTHER_WAY_AT, MOST_ASKS, WAYS, SlotReader, Way, was_asked
from otto.dialogue.flow.table import Said
from otto.dialogue.session.history import CallerSaid
from otto.dialogue.session.slots import Slot, SlotName, Slots
from otto.dialogue.session.state import Session
from otto.dialogue.turns.completeness import is_dictation
from otto.dialogue.turns.courtesy import withdraws
from otto.dialogue.turns.taker import Turn


class Patience(StrEnum):
    """What is left to be tried with a caller whose answers are not understood."""

    GO_ON = "go_on"
    OFFER_A_PERSON = "offer_a_person"
    CONNECT = "connect"
    """The person was offered, and asking once more was in vain, too."""


class Following:
    """Follows one call, on its session."""

    def __init__(
        self,
        session: Session,
        dealership: Dealership,
        location: Location,
        now: Callable[[], datetime],
        prompts: Prompts,
    ) -> None:
        self._session = session
        self._prompts = prompts
        self._dealership = dealership
        self._location = location
        self._now = now
        self._read: tuple[tuple[str, frozenset[SlotName], Slots], Slots] | None = None
        """What was read last, and of what: a turn is looked at before it is taken up."""

    def take_up(self, turn: Turn) -> None:
        """A turn of the caller enters the history."""
        session = self._session
        self._hear(session, turn.text)
        last = session.history.entries[-1] if session.history.entries else None
        if isinstance(last, CallerSaid) and is_dictation(last.text) and is_dictation(turn.text):
            last.text = f"{last.text} {turn.text}"  # one number, in two breaths
        else:
            session.history.caller(turn.text)
            session.caller_turns += 1
        if turn.end_ms:
            session.recognised_ms = turn.end_ms

    def patience_with(self, text: str) -> Patience:
        """What is left to be tried with a caller who answers with `text`; changes nothing yet."""
        return self._hear(self._ahead(), text)

    def messages(self, advice: str = "") -> list[dict[str, Any]]:
        """What the model is asked with: its instructions, the call so far, and `advice`, if any."""
        told = [{"role": "system", "content": advice}] if advice else []
        return [*self._session.history.messages(self._prompt(self._session)), *told]

    def messages_with(self, text: str) -> list[dict[str, Any]]:
        """The same as it will be if the caller's turn is `text`."""
        ahead = self._ahead()
        self._hear(ahead, text)
        said = {"role": "user", "content": text}
        return [*self._session.history.messages(self._prompt(ahead)), said]

    def _prompt(self, session: Session) -> str:
        now = self._now().astimezone(self._location.zone)
        return system_prompt(self._prompts, self._dealership, self._location, session, now)

    def _ahead(self) -> Session:
        """A copy of the session that can be moved; what moves nothing of it is shared."""
        session = self._session
        return replace(session, waiting=[*session.waiting], slots={**session.slots})

    def _filled(self, said: str, asked: frozenset[SlotName], slots: Slots) -> Slots:
        """The slots that the caller's words fill."""
        of = (said, asked, {**slots})
        if self._read is None or self._read[0] != of:
            now = self._now().astimezone(self._location.zone)
            reader = SlotReader(self._dealership, self._location, now)
            self._read = of, reader.read(said, asked, slots)
        return self._read[1]

    def _hear(self, session: Session, text: str) -> Patience:
        exchange, said = Exchange.of(session.history.entries), text
        if exchange.since:
            asked = asked_for(exchange.since)
            was_asked(session, asked)
        else:  # they go on with their answer
            asked = asked_for(exchange.heard)
            said = f"{exchange.rounds[-1].said} {text}" if exchange.rounds else text
        filled = self._filled(said, asked, session.slots)
        unanswered = [
            session.slots[name].asked for name in asked if not _is_news(session, name, filled)
        ]
        session.slots.update(filled)
        answered = asked & filled.keys()
        if withdraws(text, session.history.last_said):
            happened(session, Said.NO_PERSON)
        hears(session, text, answered)
        if wishes(text, answered):
            return Patience.GO_ON  # they said something else that they want
        most = max(unanswered, default=0)
        if most > MOST_ASKS:
            return Patience.CONNECT
        return Patience.OFFER_A_PERSON if most == MOST_ASKS else Patience.GO_ON


def _is_news(session: Session, name: SlotName, filled: Slots) -> bool:
    """Whether a turn says more of a slot than was known."""
    return name in filled and filled[name].value != session.slots.get(name, Slot()).value


def another_way(session: Session, said: str) -> Way | None:
    """The way in which a slot can be given that Otto asks for, in `said`, once too often to say
    nothing of it; None when nothing is to be added."""
    heard = said.lower()
    for name in sorted(asked_for(said)):
        way = WAYS[name]
        if session.slots.get(name, Slot()).asked >= ANOTHER_WAY_AT and way not in _named(heard):
            return way
    return None


_NAMES: Sequence[tuple[Way, tuple[str, ...]]] = (
    (Way.KEY, ("key", "press", "pound")),
    (Way.SPELL, ("spell", "letter")),
    (Way.PERSON, ("person", "advisor", "service desk", "somebody")),
)


def _named(heard: str) -> set[Way]:
    """The ways that a question names itself; a person is as good as any."""
    found = {way for way, words in _NAMES if any(word in heard for word in words)}
    return set(Way) if Way.PERSON in found else found
