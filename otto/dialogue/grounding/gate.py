"""The last look at a model's words before they reach the voice.

Whatever the model was told, whoever told it something else: a price, a time, an opening, a code, a
promise or a thing done that nothing has said before is not spoken. The model is told why and asked
once more; if it does the same again, a fixed sentence takes its place. And what it promises that
only a tool can bring, it is told to bring.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Final

import structlog

from config.dealership import Dealership, Location
from otto.dialogue.grounding.claims import claims, promises_callback
from otto.dialogue.grounding.facts import Facts
from otto.dialogue.session.state import Session
from otto.dialogue.turns.courtesy import Parting, announced

log = structlog.get_logger()

ADVICE: Final = (
    "You were about to tell the caller {what}, which no tool has returned and the dealership's "
    "facts do not say. It was not said. Answer again: only what the tools' results and the facts "
    "say. Call the tool that finds it out or does it; if there is none, say that you don't know, "
    "and offer to connect a person."
)
PROMISED: Final = (
    "You have told the caller that {what}, and have not called {tool}. Call it now; if you cannot, "
    "tell the caller so."
)


class Gate:
    """What may be said in one call."""

    def __init__(
        self,
        session: Session,
        dealership: Dealership,
        location: Location,
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._dealership = dealership
        self._location = location
        self._now = now
        self._read: dict[str, Facts] = {}
        """What the call's results say: to read one costs a millisecond, and every sentence asks."""

    def refusal(self, text: str) -> str:
        """Why a piece of the model's text must not be said, as advice to it; "" when it may."""
        found = [*claims(text)]
        if not found:
            return ""
        today = self._now().astimezone(self._location.zone).date()
        facts = _known(self._dealership, self._location, today).with_call(
            self._session.history.entries, self._facts_of
        )
        refused = [claim.kind for claim in found if not facts.hold(claim)]
        if not refused or facts.quote(text):
            return ""
        log.warning("not_said", claims=sorted({kind.name.lower() for kind in refused}))
        return ADVICE.format(what=", ".join(dict.fromkeys(map(str, refused))))

    def _facts_of(self, result: str) -> Facts:
        if result not in self._read:
            self._read[result] = Facts.of_result(result)
        return self._read[result]

    def unkept(self, text: str) -> str:
        """What an answer without a tool call has promised that needs one, as advice to the model;
        "" for nothing."""
        if promises_callback(text) and not self._session.callback_requested:
            return PROMISED.format(what="somebody will call", tool="request_callback")
        if announced(text) is Parting.PERSON:
            return PROMISED.format(what="they are connected", tool="transfer_to_person")
        return ""


@lru_cache(maxsize=4)
def _known(dealership: Dealership, location: Location, today: date) -> Facts:
    return Facts.of_dealership(dealership, location, today)
