"""How a caller stands in the middle of a call: what they want now, have said and have been told."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from sandbox.caller.acts import Act, Heard
from sandbox.caller.checking import Wanted, Wrong
from sandbox.caller.claims import EXACTLY
from sandbox.caller.phrases import Phrases
from sandbox.caller.profile import Facts, Goal, GoalKind, Persona
from sandbox.caller.stages import DONE, Stage
from sandbox.caller.words import Time, normalise, times_in


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller says, and whether they then hang up. With `keys` they say nothing and press
    those; with neither text nor keys they hang up without a word. `spoken` is the text with its
    pauses, each written as an ellipsis, when there are any."""

    text: str
    hang_up: bool = False
    keys: str = ""
    spoken: str = ""


@dataclass
class Standing:
    """One caller in one call. `chance` varies the wording; None: always the first. `likeness` is
    from where on two words may be the same (claims.py)."""

    persona: Persona
    chance: Random | None = None
    likeness: float = EXACTLY
    facts: Facts = field(init=False)
    goal: Goal = field(init=False)
    later: list[Goal] = field(init=False)
    """The wishes that are still to come."""
    questions: list[str] = field(init=False)
    say: Phrases = field(init=False)
    stages: list[Stage] = field(default_factory=list)
    reached: list[Goal] = field(default_factory=list)
    done_as: str | None = None
    """Otto's own words when it said that what was wanted is done, as it was wanted."""
    chosen: Time | None = None
    price_cents: int | None = None
    last: str = ""
    answered: dict[Act, int] = field(default_factory=dict)
    has_asked_for_slot: bool = False
    refused: dict[Time, int] = field(default_factory=dict)
    """How often a chosen time was answered with yet another offer."""
    awaits_confirmation: bool = False
    complaint: str = ""
    """How what Otto told as done is wrong, until it is said."""
    wrongs: tuple[Wrong, ...] = ()
    """What of it is wrong, until Otto tells it otherwise."""
    corrections: int = 0
    objections: tuple[Wrong, ...] = ()
    """What was wrong in what was read back last."""
    owed: Heard | None = None
    """What Otto asked before the caller wanted a moment."""
    code: str = ""
    """What came by text message."""
    awaits_code: bool = False
    has_given_up: bool = False
    has_spoken: bool = False
    has_heard_answer: bool = False
    prompts: int = 0
    is_calm: bool = False
    """Nothing is open: Otto was told that this is all, or says goodbye."""
    is_mute: bool = False
    """Says nothing any more."""

    def __post_init__(self) -> None:
        self.facts, self.goal = self.persona.facts, self.persona.goal
        self.later = [*self.persona.then]
        self.questions = [*self.goal.questions]
        self.say = Phrases(self.persona.manner, self.chance)
        self._know_price()

    @property
    def wanted(self) -> Wanted:
        """What they hold what they hear against."""
        return Wanted(self.facts, self.goal, self.chosen, self.price_cents, self.likeness)

    @property
    def vehicle(self) -> str:
        return self.wanted.vehicle

    @property
    def is_done(self) -> bool:
        """Whether what is wanted now is reached, and nothing told about it is wrong."""
        if self.goal.kind is GoalKind.ASK:
            return not self.questions
        return self.goal.kind not in DONE or (self.goal in self.reached and not self.wrongs)

    @property
    def done_by(self) -> frozenset[Act]:
        """What Otto says when what is wanted now is reached."""
        acts = DONE[self.goal.kind][0] if self.goal.kind in DONE else frozenset[Act]()
        # What was booked otherwise than it was wanted is put right by moving it.
        is_mended = self.goal.kind is GoalKind.BOOK and self.wrongs
        return acts | {Act.MOVED} if is_mended else acts

    def reach(self, stage: Stage) -> None:
        if stage not in self.stages:
            self.stages.append(stage)

    def take_up(self, goal: Goal) -> None:
        """Want something else from now on."""
        if goal.questions != self.goal.questions:
            self.questions = [*goal.questions]
        self.goal, self.chosen, self.has_asked_for_slot = goal, None, False
        self.refused, self.awaits_confirmation = {}, False
        self.complaint, self.wrongs, self.corrections = "", (), 0
        self.objections = ()
        self.answered = {}
        self.price_cents = None
        self._know_price()

    def _know_price(self) -> None:
        if self.goal.price:
            self.price_cents = round(float(self.goal.price) * 100)

    @property
    def slot(self) -> Time | None:
        """The certain opening that is wanted, if there is one."""
        times = times_in(normalise(self.goal.slot)) if self.goal.slot else ()
        return times[0] if times else None
