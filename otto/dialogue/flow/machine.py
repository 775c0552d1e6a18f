"""The machine at work on a session: what the caller says and what tools come to move it, and which
tools it offers now is read from where it stands.

The model is offered only the tools that the table grants, and the table is asked again when a tool
is executed: a model that calls what it was not offered gets an error it can speak about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from otto.dialogue.flow import table
from otto.dialogue.flow.table import Came, Event, Grant, Row, Said, State
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import SlotName
from otto.dialogue.session.state import Identity, Session
from otto.language.intents import Intent, intents
from otto.language.languages import Language

NOT_VERIFIED = "The caller could not be verified. Offer to connect them with a person."
_ONE_MORE = re.compile(
    r"\b(?:also|too|as well|another|one more|additional(?:ly)?|besides|plus|(?:second|other)"
    r" (?:car|truck|vehicle|appointment)|while (?:i'm|we're|you're) at it)\b"
)
READ_BACK = frozenset({"read_back", "differs"})
"""Codes of a result that asks for the same thing again: nothing has come of it yet."""


# Tools


def allowed_tools(session: Session) -> frozenset[str]:
    """The names of the tools that may be called in this state of the call."""
    return frozenset(grant.tool for grant in table.GRANTS if _is_granted(grant, session))


def denial(name: str, session: Session) -> str:
    """A sentence for the model about a tool that is not allowed now."""
    grant = next((grant for grant in table.GRANTS if grant.tool == name), None)
    if session.identity is Identity.LOCKED:
        return NOT_VERIFIED
    if grant is None:
        return "This tool does not exist."
    if session.errand not in grant.errands:
        return table.NOT_SAFE
    if session.identity not in grant.who:
        return grant.otherwise
    missing = (sentence for guard, sentence in grant.guards if not guard.holds(session))
    return next(missing, grant.otherwise)


def _is_granted(grant: Grant, session: Session) -> bool:
    return (
        session.identity in grant.who
        and session.errand in grant.errands
        and all(guard.holds(session) for guard, _ in grant.guards)
    )


# Events


def hears(session: Session, text: str, answered: Collection[SlotName] = ()) -> None:
    """The caller has said this, and `answered` what they were asked for with it. Of several wishes
    the most urgent one is under way first, and the others wait; what leads nowhere from here is
    only answered."""
    is_moved = False
    if session.language is not Language.ENGLISH:
        return  # the model translates; what it calls tells the rest
    for wish in wishes(text, answered):
        row = _row(table.ERRANDS, session.errand, wish, session)
        if row is None:
            continue
        if is_moved:
            _wait(session, row.target)
        else:
            _take(session, row)
            is_moved = not row.waits


def wishes(text: str, answered: Collection[SlotName] = ()) -> tuple[Event, ...]:
    """What the caller wants by these words, most urgent first."""
    no_wish = {intent for name in answered for intent in table.ONLY_ANSWERS.get(name, ())}
    is_one_more = _ONE_MORE.search(text.lower()) is not None
    return tuple(
        Said.BOOK_TOO if intent is Intent.BOOK and is_one_more else intent
        for intent in intents(text)
        if intent not in no_wish
    )


def came(session: Session, tool: str, arguments: Any, result: dict[str, Any]) -> None:
    """A tool has come to `result`, which is in the session by now."""
    event = event_of(tool, arguments, result)
    if event is not None:
        happened(session, event)


def happened(session: Session, event: Came | Said) -> None:
    """Something that moves the call, and is not told by a tool's result or an intent."""
    row = _row(table.WHO, session.identity, event, session)
    if row is not None and row.target is not None:
        session.identity = row.target
    errand = _row(table.ERRANDS, session.errand, event, session)
    if errand is not None:
        _take(session, errand)


def event_of(tool: str, arguments: Any, result: dict[str, Any]) -> Came | None:
    """What has come of a tool, as far as it moves anything."""
    if result.get("code") in READ_BACK:
        return None
    event = table.COMES_TO.get((tool, str(result.get("status"))))
    if event is Came.OPENINGS and isinstance(arguments, dict) and arguments.get("appointment_ref"):
        return Came.OPENINGS_TO_MOVE
    return event


# Inside


def _row(
    rows: Sequence[Row[State]], state: State, event: Event, session: Session
) -> Row[State] | None:
    """The row that is taken; None when nothing changes."""
    return next(
        (
            row
            for row in rows
            if state in row.sources
            and event in row.events
            and (row.guard is None or row.guard.holds(session))
        ),
        None,
    )


def _take(session: Session, row: Row[Errand]) -> None:
    left, target = session.errand, row.target or session.waiting[0]
    if row.waits:
        _wait(session, target)
        return
    session.errand = target
    session.waiting = [each for each in session.waiting if each is not target]
    if row.keeps and left in table.AT_WORK and left is not target:
        session.waiting.insert(0, left)
    follows = _row(table.ERRANDS, session.errand, Came.DONE, session)
    if follows is not None:
        _take(session, follows)


def _wait(session: Session, errand: Errand | None) -> None:
    if errand is not None and errand not in {session.errand, *session.waiting}:
        session.waiting.append(errand)
