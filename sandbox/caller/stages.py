"""How far a call has come towards what its caller wants, and what tells that it is reached."""

from __future__ import annotations

from enum import StrEnum

from sandbox.caller.acts import Act
from sandbox.caller.profile import GoalKind


class Stage(StrEnum):
    """How far a call came, in the order a booking goes."""

    GREETED = "greeted"
    REQUESTED = "requested"
    IDENTIFIED = "identified"
    OFFERED = "offered"
    CHOSEN = "chosen"
    CONFIRMED = "confirmed"
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    TOLD = "told"
    NOTED = "noted"
    TRANSFERRED = "transferred"
    GOODBYE = "goodbye"


_BY_OTHERS = frozenset({Act.NOTED, Act.NUMBER, Act.TRANSFER})
"""It is not for Otto to do: it is passed on, or a number is told, or a person comes."""
DONE: dict[GoalKind, tuple[frozenset[Act], Stage]] = {
    GoalKind.BOOK: (frozenset({Act.BOOKED}), Stage.BOOKED),
    GoalKind.RESCHEDULE: (frozenset({Act.MOVED}), Stage.MOVED),
    GoalKind.CANCEL: (frozenset({Act.CANCELLED}), Stage.CANCELLED),
    GoalKind.WHEN: (frozenset({Act.VISIT}), Stage.TOLD),
    GoalKind.STATUS: (frozenset({Act.WORK}), Stage.TOLD),
    GoalKind.LATE: (frozenset({Act.NOTED, Act.TRANSFER, Act.MOVED}), Stage.NOTED),
    GoalKind.DANGER: (frozenset({Act.WARNED}), Stage.TOLD),
    GoalKind.DESK: (_BY_OTHERS, Stage.NOTED),
    GoalKind.SALES: (_BY_OTHERS, Stage.NOTED),
    GoalKind.PARTS: (_BY_OTHERS, Stage.NOTED),
    GoalKind.CALLBACK: (frozenset({Act.NOTED}), Stage.NOTED),
    GoalKind.OPT_OUT: (frozenset({Act.NOTED}), Stage.NOTED),
    GoalKind.WRONG_NUMBER: (frozenset({Act.GOODBYE}), Stage.GOODBYE),
    GoalKind.PERSON: (frozenset({Act.TRANSFER, Act.NOTED}), Stage.TRANSFERRED),
    GoalKind.LANGUAGE: (frozenset({Act.TRANSFER, Act.NOTED}), Stage.TRANSFERRED),
}
"""By the goal's kind: what Otto says when it is reached, and how far the call has come then. Who
only asks has reached it when everything is asked; who is silent wants nothing."""
WANTS_TIME = frozenset({GoalKind.BOOK, GoalKind.RESCHEDULE})
IN_PERSON = frozenset({GoalKind.PERSON, GoalKind.LANGUAGE})
"""Whoever wants this answers nothing else."""
SPEECHLESS = frozenset({GoalKind.SILENT, GoalKind.NOISE})
