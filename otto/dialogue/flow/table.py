"""The conversation as one state machine: states, events, guards, and the tools of each state.

It has two regions that move side by side::

    who     is calling, as far as they have proved it          `Identity`, rows in `WHO`
    errand  is under way, and what waits behind it             `Errand`, rows in `ERRANDS`

An event is something that the caller has said (an `Intent`, by `otto.language.intents`; or `Said`)
or that a tool has come to (`Came`). Of the rows for a state and an event the first one whose guard
holds is taken; where there is none, nothing changes. `GRANTS` says which tools the model is
offered, and what it is told about one that it is not: whoever may do something may do it by these
rows alone.

A wish that cannot be seen to at once is not lost: it *waits* until the errand under way is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Generic, TypeVar

from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import SlotName
from otto.dialogue.session.state import Identity, Session
from otto.language.intents import Intent
from otto.language.phone import caller_number


class Came(StrEnum):
    """What a tool has come to, as far as it moves anything."""

    NUMBER_KNOWN = "number known"
    NUMBER_UNKNOWN = "number unknown"
    NUMBER_SAID = "number said"
    """One that is not known to be the caller's."""
    PROVED = "proved"
    LOCKED = "locked"
    ENTERED = "entered"
    IN_THE_BOOK = "in the book"
    """They were to be entered as new, and are known."""
    OPENINGS = "openings"
    OPENINGS_TO_MOVE = "openings to move"
    """Found for an appointment that stands."""
    APPOINTMENTS = "appointments"
    NO_APPOINTMENT = "no appointment"
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    TO_BE_MOVED = "to be moved"
    """A move was tried, and is not done yet."""
    TO_BE_CANCELLED = "to be cancelled"
    REPAIRS = "repairs"
    INFORMED = "informed"
    NOTED = "noted"
    """Somebody will call back, or has been told."""
    NOBODY_THERE = "nobody there"
    """Nobody takes the call at the desk, or it is closed: a callback is offered."""
    DONE = "done"
    """What was under way is done."""


class Said(StrEnum):
    """What the caller has said, where an intent alone does not tell it."""

    BOOK_TOO = "book, too"
    """One more appointment: "I also need new tires". While one that stands is talked about, a
    service without such a word only says which."""
    NO_PERSON = "no person"
    """They do without the person, or the callback, that they were offered or promised."""


Event = Intent | Said | Came

COMES_TO: dict[tuple[str, str], Came] = {
    ("identify_caller", "found"): Came.NUMBER_KNOWN,
    ("identify_caller", "not_found"): Came.NUMBER_UNKNOWN,
    ("identify_caller", "ask"): Came.NUMBER_SAID,
    ("check_code", "found"): Came.NUMBER_KNOWN,
    ("check_code", "not_found"): Came.NUMBER_UNKNOWN,
    ("verify_caller", "verified"): Came.PROVED,
    ("verify_caller", "locked"): Came.LOCKED,
    ("create_customer", "created"): Came.ENTERED,
    ("create_customer", "exists"): Came.IN_THE_BOOK,
    ("find_openings", "ok"): Came.OPENINGS,
    ("find_openings", "none"): Came.OPENINGS,
    ("my_appointments", "ok"): Came.APPOINTMENTS,
    ("my_appointments", "none"): Came.NO_APPOINTMENT,
    ("book_appointment", "booked"): Came.BOOKED,
    ("reschedule_appointment", "moved"): Came.MOVED,
    ("reschedule_appointment", "not_done"): Came.TO_BE_MOVED,
    ("reschedule_appointment", "taken"): Came.TO_BE_MOVED,
    ("cancel_appointment", "cancelled"): Came.CANCELLED,
    ("cancel_appointment", "not_done"): Came.TO_BE_CANCELLED,
    ("repair_status", "ok"): Came.REPAIRS,
    ("repair_status", "none"): Came.REPAIRS,
    ("dealership_info", "ok"): Came.INFORMED,
    ("request_callback", "noted"): Came.NOTED,
    ("transfer_to_person", "ask"): Came.NOBODY_THERE,
}
"""(tool, status of its result) → what has come of it. What is not here moves nothing."""


# Guards


@dataclass(frozen=True, slots=True)
class Guard:
    """Something that the session says, under the name by which the drawing shows it."""

    name: str
    holds: Callable[[Session], bool]


def _calls_from_elsewhere(session: Session) -> bool:
    """Whether the number that calls, as far as anybody vouches for it, is not the one they were
    found by."""
    calling = None if session.is_forged else caller_number(session.caller)
    return calling is not None and calling != session.phone


TRUSTED = Guard("verified or new", lambda session: session.identity.trusted)
VEHICLE = Guard("a vehicle known", lambda session: bool(session.vehicles))
OFFERED = Guard("openings offered", lambda session: bool(session.offers))
NOT_OFFERED = Guard("no openings offered", lambda session: not session.offers)
TOLD = Guard("appointments told", lambda session: bool(session.appointments))
CODE_SENT = Guard("a code sent", lambda session: bool(session.code_sent_to))
NO_CODE_SENT = Guard("no code sent", lambda session: not session.code_sent_to)
ELSEWHERE = Guard("calls from another number", _calls_from_elsewhere)
SOMETHING_WAITS = Guard("something waits", lambda session: bool(session.waiting))


# Rows

State = TypeVar("State", Identity, Errand)


@dataclass(frozen=True, slots=True)
class Row(Generic[State]):
    """From any of `sources`, on any of `events`, to `target`, when the guard holds.

    `keeps`: what was under way waits, and is come back to. `waits`: the other way about, the state
    stays, and the target waits. Without a target, what has waited longest is next.
    """

    sources: frozenset[State]
    events: frozenset[Event]
    target: State | None
    guard: Guard | None = None
    keeps: bool = False
    waits: bool = False


def _who(sources: Iterable[Identity], event: Came, target: Identity) -> Row[Identity]:
    return Row(frozenset(sources), frozenset({event}), target)


def _errand(
    sources: Iterable[Errand],
    events: Event | tuple[Event, ...],
    target: Errand | None,
    guard: Guard | None = None,
    *,
    keeps: bool = False,
    waits: bool = False,
) -> Row[Errand]:
    which = events if isinstance(events, tuple) else (events,)
    return Row(frozenset(sources), frozenset(which), target, guard, keeps, waits)


NOT_PROVED = frozenset({Identity.UNKNOWN, Identity.NOT_FOUND, Identity.CLAIMED})
"""Of whom nothing is known, or nothing but a number. A wrong number may have been searched for:
another one may be given."""
IN_QUESTION = frozenset({Identity.FOUND, Identity.CLAIMED})
"""Who says that they are in the book."""
MAYBE_NEW = frozenset({Identity.NOT_FOUND, Identity.FOUND})
"""A number may be a family's: who calls may be somebody else of them, who is new here."""

WHO: tuple[Row[Identity], ...] = (
    _who(NOT_PROVED, Came.NUMBER_KNOWN, Identity.FOUND),
    _who(NOT_PROVED, Came.NUMBER_UNKNOWN, Identity.NOT_FOUND),
    _who(NOT_PROVED, Came.NUMBER_SAID, Identity.CLAIMED),
    _who(IN_QUESTION, Came.PROVED, Identity.VERIFIED),
    _who(IN_QUESTION, Came.LOCKED, Identity.LOCKED),
    _who(MAYBE_NEW, Came.ENTERED, Identity.CREATED),
    # As anybody, they have to prove who they are.
    _who(MAYBE_NEW, Came.IN_THE_BOOK, Identity.FOUND),
)
"""From VERIFIED and CREATED nothing leads away within a call, from LOCKED never."""

AT_REST = frozenset(
    {
        *(Errand.OPEN, Errand.QUESTION, Errand.DEPARTMENT, Errand.TOW, Errand.DONE),
        *(Errand.WRONG_NUMBER, Errand.PERSON, Errand.LANGUAGE),
    }
)
"""Nothing is left undone when the caller wants something else."""
OWN_APPOINTMENT = frozenset({Errand.MOVE, Errand.CANCEL, Errand.CHANGE, Errand.LATE})
"""About an appointment that stands: a change of mind turns one into another."""
BESIDES = frozenset({Errand.REPAIR, Errand.DESK, Errand.CALLBACK})
AT_WORK = OWN_APPOINTMENT | BESIDES | {Errand.BOOK, Errand.LOOK_UP}
SAFE = AT_REST | AT_WORK
"""Everything but danger, which only the tow truck or a person ends."""
GROUPS: dict[str, frozenset[Errand]] = {
    "safe": SAFE,
    "at work": AT_WORK,
    "at rest": AT_REST,
    "own appointment": OWN_APPOINTMENT,
    "besides": BESIDES,
}
"""The names under which they are drawn, the larger ones first."""
A_NEW_ONE = (Intent.BOOK, Said.BOOK_TOO)
FOR_THE_DESK = (Intent.RECALL, Intent.BILLING, Intent.RETURNED_CALL)
DO_WITHOUT = frozenset({Errand.PERSON, Errand.LANGUAGE, Errand.CALLBACK})
"""A person is wanted, and may be done without."""
QUESTIONS = (Intent.HOURS, Intent.PRICES, Intent.ADDRESS, Intent.WAITING)
"""Beside something else they are answered, and lead nowhere."""

ERRANDS_BY_TOPIC: dict[str, tuple[Row[Errand], ...]] = {
    "What cannot wait": (
        _errand(SAFE, Intent.DANGER, Errand.DANGER),
        _errand(SAFE, Intent.PERSON, Errand.PERSON, keeps=True),
        _errand(SAFE, Intent.LANGUAGE, Errand.LANGUAGE),
        _errand(SAFE | {Errand.DANGER}, Intent.TOW, Errand.TOW, keeps=True),
    ),
    "A new appointment": (
        _errand(AT_REST, A_NEW_ONE, Errand.BOOK),
        _errand({Errand.DESK, Errand.CALLBACK}, A_NEW_ONE, Errand.BOOK, keeps=True),
        _errand({Errand.LOOK_UP, Errand.REPAIR}, A_NEW_ONE, Errand.BOOK, waits=True),
        _errand(OWN_APPOINTMENT, Said.BOOK_TOO, Errand.BOOK, waits=True),
    ),
    "An appointment that stands": (
        # With openings on the table "change it" is about those.
        _errand(AT_REST | OWN_APPOINTMENT | {Errand.LOOK_UP}, Intent.RESCHEDULE, Errand.MOVE),
        _errand(BESIDES | {Errand.BOOK}, Intent.RESCHEDULE, Errand.MOVE, NOT_OFFERED, keeps=True),
        _errand(AT_REST | OWN_APPOINTMENT | {Errand.LOOK_UP}, Intent.CANCEL, Errand.CANCEL),
        _errand(BESIDES | {Errand.BOOK}, Intent.CANCEL, Errand.CANCEL, NOT_OFFERED, keeps=True),
        _errand(AT_REST | {Errand.LOOK_UP, Errand.LATE}, Intent.CHANGE_OR_CANCEL, Errand.CHANGE),
        _errand(AT_REST, Intent.MY_APPOINTMENT, Errand.LOOK_UP),
        _errand(BESIDES | {Errand.BOOK}, Intent.MY_APPOINTMENT, Errand.LOOK_UP, keeps=True),
        _errand(AT_REST | {Errand.LOOK_UP}, Intent.RUNNING_LATE, Errand.LATE),
    ),
    "The workshop, the desk, other departments": (
        _errand(AT_REST, Intent.REPAIR_STATUS, Errand.REPAIR),
        _errand(AT_WORK, Intent.REPAIR_STATUS, Errand.REPAIR, waits=True),
        _errand(SAFE, Intent.COMPLAINT, Errand.DESK, keeps=True),
        _errand(AT_REST, FOR_THE_DESK, Errand.DESK),
        _errand(AT_WORK, FOR_THE_DESK, Errand.DESK, waits=True),
        _errand(SAFE, Intent.CALLBACK, Errand.CALLBACK),
        _errand(AT_REST, (Intent.SALES, Intent.PARTS), Errand.DEPARTMENT),
        _errand(AT_WORK, (Intent.SALES, Intent.PARTS), Errand.DEPARTMENT, waits=True),
        _errand(AT_REST, QUESTIONS, Errand.QUESTION),
        _errand({Errand.OPEN, Errand.QUESTION}, Intent.WRONG_NUMBER, Errand.WRONG_NUMBER),
    ),
    "No person": (
        _errand(AT_REST | {Errand.DESK}, Came.NOBODY_THERE, Errand.CALLBACK),
        _errand(
            AT_WORK - {Errand.DESK, Errand.CALLBACK},
            Came.NOBODY_THERE,
            Errand.CALLBACK,
            keeps=True,
        ),
        _errand(DO_WITHOUT, Said.NO_PERSON, None, SOMETHING_WAITS),
        _errand(DO_WITHOUT, Said.NO_PERSON, Errand.OPEN),
    ),
    "What the model is at": (
        # It is under way, whatever was understood of the caller.
        _errand(AT_REST | BESIDES | {Errand.LOOK_UP}, Came.OPENINGS, Errand.BOOK),
        _errand(OWN_APPOINTMENT, Came.OPENINGS, Errand.MOVE),
        _errand(SAFE, Came.OPENINGS_TO_MOVE, Errand.MOVE),
        _errand(SAFE, Came.TO_BE_MOVED, Errand.MOVE),
        _errand(SAFE, Came.TO_BE_CANCELLED, Errand.CANCEL),
    ),
    "What is done": (
        _errand({Errand.LOOK_UP}, Came.APPOINTMENTS, Errand.DONE),
        _errand(OWN_APPOINTMENT | {Errand.LOOK_UP}, Came.NO_APPOINTMENT, Errand.DONE),
        _errand(AT_REST | {Errand.BOOK}, Came.BOOKED, Errand.DONE),
        _errand(AT_REST | OWN_APPOINTMENT | {Errand.BOOK, Errand.LOOK_UP}, Came.MOVED, Errand.DONE),
        _errand(
            AT_REST | OWN_APPOINTMENT | {Errand.BOOK, Errand.LOOK_UP}, Came.CANCELLED, Errand.DONE
        ),
        _errand(AT_REST | {Errand.REPAIR}, Came.REPAIRS, Errand.DONE),
        _errand({Errand.QUESTION, Errand.DEPARTMENT, Errand.TOW}, Came.INFORMED, Errand.DONE),
        _errand(SAFE, Came.NOTED, Errand.DONE),
        _errand({Errand.DONE}, Came.DONE, None, SOMETHING_WAITS),
    ),
}
ERRANDS: tuple[Row[Errand], ...] = tuple(chain.from_iterable(ERRANDS_BY_TOPIC.values()))


ONLY_ANSWERS: dict[SlotName, frozenset[Intent]] = {
    SlotName.PHONE: frozenset({Intent.CALLBACK, Intent.WRONG_NUMBER}),
    SlotName.DAY: frozenset({Intent.BOOK, Intent.CALLBACK}),
    SlotName.SERVICE: frozenset({Intent.BOOK, Intent.PARTS, Intent.PRICES}),
    SlotName.CAR: frozenset({Intent.BOOK, Intent.SALES}),
}
"""What an answer may sound like without being a wish: "call me at 312…", asked for the number."""


# Tools


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may use a tool, in which errands, and what must be so before: each guard with what the
    model is told while it is not. `otherwise`: what it is told in any other state.
    """

    tool: str
    who: frozenset[Identity] = frozenset(Identity)
    errands: frozenset[Errand] = frozenset(Errand)
    guards: tuple[tuple[Guard, str], ...] = ()
    otherwise: str = ""


PROVEN = frozenset({Identity.VERIFIED, Identity.CREATED})
NOT_SAFE = (
    "The car is not safe to drive: nothing is booked for it now. Offer the towing number and a "
    "person."
)
FIND_FIRST = "Find openings and offer them to the caller first."
NOT_THEIRS = "Identify and verify the caller first: appointments are told to nobody else."
TELL_FIRST = "Use my_appointments first, and tell the caller which one it is."

GRANTS: tuple[Grant, ...] = (
    # Always
    Grant("dealership_info"),
    Grant("request_callback"),
    Grant("transfer_to_person"),
    Grant("end_call"),
    # Who is calling
    Grant("identify_caller", NOT_PROVED, otherwise="The caller is identified already."),
    Grant("verify_caller", IN_QUESTION, otherwise="Identify the caller first."),
    Grant(
        "text_code",
        frozenset({Identity.CLAIMED}),
        guards=(
            (NO_CODE_SENT, "One code a call. Ask for it again, or offer to connect a person."),
        ),
        otherwise="Only a number that the caller has said needs a code: use identify_caller with "
        "it.",
    ),
    Grant(
        "check_code",
        frozenset({Identity.CLAIMED}),
        guards=((CODE_SENT, "Only a code that was texted can be checked: use text_code first."),),
        otherwise="Only a number that the caller has said needs a code: use identify_caller with "
        "it.",
    ),
    Grant("create_customer", MAYBE_NEW, otherwise="Look the caller up with identify_caller first."),
    Grant(
        "add_vehicle",
        PROVEN,
        otherwise="The caller has to be verified, or entered as a new customer, first.",
    ),
    Grant(
        "add_number",
        PROVEN,
        guards=((ELSEWHERE, "The number they call from is noted already."),),
        otherwise="Only a verified caller's number, and only one that is not known yet, can be "
        "noted.",
    ),
    # The book
    Grant("find_openings", errands=SAFE, otherwise=NOT_SAFE),
    Grant(
        "book_appointment",
        PROVEN,
        SAFE,
        (
            (VEHICLE, "Ask for the vehicle's year, make and model and add it first."),
            (OFFERED, FIND_FIRST),
        ),
        "Identify and verify the caller first, or enter them as a new customer.",
    ),
    # Somebody who was entered in this call may have booked in it, and thinks better of it.
    Grant("my_appointments", PROVEN, otherwise=NOT_THEIRS),
    Grant(
        "reschedule_appointment",
        PROVEN,
        SAFE,
        ((TOLD, TELL_FIRST), (OFFERED, FIND_FIRST)),
        NOT_THEIRS,
    ),
    Grant("cancel_appointment", PROVEN, guards=((TOLD, TELL_FIRST),), otherwise=NOT_THEIRS),
    Grant(
        "repair_status",
        frozenset({Identity.VERIFIED}),
        otherwise="Identify and verify the caller first: what is in the workshop is theirs alone.",
    ),
)
