"""When a call ends: what a batch of tool calls means for it, and what an ending that did not come
about leaves behind. Pure functions, over the calls of one message and what they have come to.

A model may ask for several tools at once, in any order, whatever it was told, and end the call
beside a booking that then fails. So an ending counts only when the caller has been told all that
was found out; it counts once; and a person is more than a goodbye::

    [book_appointment → taken, end_call]       not yet: the model is asked again, and tells it
    [end_call, transfer_to_person]             a person
    "Anything else?" [end_call]                not yet: the caller is to answer
    [transfer_to_person]  ×caller goes on      interrupted; the person stays promised
    … then [end_call]                          the person that was promised, unless withdrawn
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from otto.dialogue.session.history import CallerSaid, History
from otto.dialogue.session.state import Directive, Ending
from otto.dialogue.tools.results import Result
from otto.dialogue.turns.courtesy import Parting, asks

END_CALL, TRANSFER = "end_call", "transfer_to_person"
ENDINGS: dict[str, Ending] = {
    END_CALL: Ending(Directive.HANG_UP, "done"),
    TRANSFER: Ending(Directive.TRANSFER, "transferred"),
}
PROMISES: dict[str, str] = {END_CALL: "ending", TRANSFER: "transferring"}
"""Status of a result that says that the call will end so: true until something comes between."""

CLOSED = "closed"
"""Code of a result that says that nobody is at the desk at this hour."""

INTERRUPTED: dict[str, Result] = {
    END_CALL: {
        "status": "interrupted",
        "advice": "The call was not ended, for the caller went on. Answer them.",
    },
    TRANSFER: {
        "status": "interrupted",
        "advice": "They have not been connected, for the caller went on. Answer them. "
        "If they still want a person, call transfer_to_person again.",
    },
}
NOT_YET: Result = {
    "status": "not_yet",
    "advice": "First tell the caller what the other tools have come to; then call this again.",
}
PERSON_NOT_YET: Result = {
    "status": "not_yet",
    "advice": "First tell the caller what the other tools have come to. "
    "They are connected after that.",
}
QUESTION_OPEN: Result = {
    "status": "not_yet",
    "advice": "You have asked the caller something. Wait for the answer.",
}
PERSON_INSTEAD: Result = {
    "status": "not_ended",
    "advice": "The caller is connected with a person instead.",
}

_FOR_OTTO = frozenset({("identify_caller", "found"), ("identify_caller", "not_found")})
"""(tool, status) of results that are nothing to the caller."""
_KEPT = frozenset({("request_callback", "noted")})
"""(tool, status) of results that only say that what was just promised will be so."""


class Next(StrEnum):
    """What follows on a batch of tool calls."""

    ASK = "ask"
    """The model is asked again, with the results."""
    WAIT = "wait"
    """It is the caller's turn."""
    END = "end"
    """The call ends when the answer has been heard."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a batch means for the call. `results` are those of its calls, as they are true now."""

    follows: Next
    results: tuple[Result, ...]
    ending: Ending | None = None
    """Given with `END`."""
    is_announced: bool = False
    """Whether the message itself can have said that the call ends so."""
    wants_person: bool = False
    """Whether a person was asked for that this batch does not bring."""


def conclude(
    calls: Sequence[str],
    results: Sequence[Result],
    said: str,
    *,
    is_owed: bool = False,
    promised: Ending | None = None,
) -> Conclusion:
    """What follows on the tools `calls`, by their names, of one message that said `said`.

    `is_owed`: whether the caller has still to be told what tools came to before that message.
    `promised`: the person the caller was promised before.
    """
    if not any(_promises(name, result) for name, result in zip(calls, results, strict=True)):
        return Conclusion(Next.ASK, tuple(results), wants_person=_wants_person(calls, results))
    wants_person = _wants_person(calls, results) or promised is not None
    if (is_owed and not said) or any(
        is_news(name, result, said) for name, result in zip(calls, results, strict=True)
    ):
        refusals = {END_CALL: NOT_YET, TRANSFER: PERSON_NOT_YET}
        return Conclusion(Next.ASK, _with(refusals, calls, results), wants_person=wants_person)
    if wants_person:
        truths = _with({END_CALL: PERSON_INSTEAD}, calls, results)
        person = ENDINGS[TRANSFER] if TRANSFER in calls else promised
        return Conclusion(Next.END, truths, person, bool(said) and TRANSFER in calls)
    if asks(said):
        return Conclusion(Next.WAIT, _with({END_CALL: QUESTION_OPEN}, calls, results))
    return Conclusion(Next.END, tuple(results), ENDINGS[END_CALL], bool(said))


def is_news(name: str, result: Result, said: str = "") -> bool:
    """Whether the caller has to be told what a tool came to, by a message after `said`.

    An ending is nothing to tell; what is not known to be nothing, is.
    """
    kind = name, str(result.get("status"))
    return not (name in ENDINGS or kind in _FOR_OTTO or (kind in _KEPT and bool(said)))


def is_owed(history: History) -> bool:
    """Whether the last things tools have come to are behind the last thing the caller was told."""
    for entry in reversed(history.entries):
        if isinstance(entry, CallerSaid):
            continue
        if any(
            is_news(call["name"], json.loads(result), entry.text)
            for call, result in zip(entry.calls, entry.results, strict=True)
        ):
            return True
        if entry.text:
            return False
    return False


def retract(history: History) -> None:
    """No ending that the history promises has come about, for the call goes on."""
    history.correct(lambda name, result: INTERRUPTED[name] if _promises(name, result) else None)


def parting_of(ending: Ending) -> Parting | None:
    """How Otto takes leave with it; None when it does because it hears nobody."""
    if ending.directive is Directive.TRANSFER:
        return Parting.PERSON
    return None if ending.outcome == "no_response" else Parting.GOODBYE


def _wants_person(calls: Sequence[str], results: Sequence[Result]) -> bool:
    """Whether a person was asked for who can come: out of hours there is none to owe."""
    return any(
        name == TRANSFER and result.get("code") != CLOSED
        for name, result in zip(calls, results, strict=True)
    )


def _promises(name: str, result: Result) -> bool:
    return result.get("status") == PROMISES.get(name)


def _with(
    instead: dict[str, Result], calls: Sequence[str], results: Sequence[Result]
) -> tuple[Result, ...]:
    """The results, with others for the endings among them that were granted."""
    return tuple(
        instead.get(name, result) if _promises(name, result) else result
        for name, result in zip(calls, results, strict=True)
    )
