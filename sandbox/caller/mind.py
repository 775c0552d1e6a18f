"""What a caller says: from what it heard, what it knows and what it wants. Rules, no I/O, no clock.

`Mind.hear` takes a whole turn of Otto's and returns what to say, or None when nothing is called
for (a statement, "one moment"). `Mind.waited` is asked when Otto has been silent for a while.
Answers follow from the question understood (comprehension.py, answers.py), never from a list of
lines; what is heard is held against what is wanted (checking.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sandbox.caller.acts import Act, Heard
from sandbox.caller.answers import answer, request
from sandbox.caller.checking import Wrong, correction, wrong_when_done
from sandbox.caller.claims import EXACTLY, ROUGHLY, claims
from sandbox.caller.comprehension import UNINTELLIGIBLE, understand
from sandbox.caller.profile import GoalKind, Persona, TwistKind
from sandbox.caller.stages import DONE, SPEECHLESS, Stage
from sandbox.caller.standing import Reply, Standing
from sandbox.caller.twists import Twists
from sandbox.caller.words import Time

__all__ = ["Mind", "Outcome", "Reply", "Stage"]

PATIENCE_MS = 12_000
"""Silence after which a caller asks whether anybody is there."""
NEXT_QUESTION_MS = 2_500
"""Silence after an answer before the caller goes on with a question of their own, or with what
they wanted a moment for."""
SAME_ANSWER_LIMIT = 4
"""Giving the same answer oftener than this, a caller asks for a person; then hangs up."""
INTERRUPTS_AFTER_MS = 1_200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of what a caller wanted, as they heard it. `wrong`: what was told as done, and
    never put right."""

    reached: tuple[str, ...]
    missed: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def is_satisfied(self) -> bool:
        return not self.missed and not self.wrong


class Mind:
    """One caller in one call; not reusable. `chance` varies wording; without it the persona's seed
    does, and with seed 0 the first wording of everything is said. With `mishears` what is heard
    came through a recogniser, and words that are alike are taken for the same."""

    def __init__(
        self, persona: Persona, chance: Random | None = None, *, mishears: bool = False
    ) -> None:
        if chance is None and persona.seed:
            chance = Random(persona.seed)
        self._now = Standing(persona, chance, ROUGHLY if mishears else EXACTLY)
        self._twists = Twists(persona.twists, chance)
        kinds = {twist.kind for twist in persona.twists}
        self.interrupt_after_ms = persona.interrupt_after_ms or (
            INTERRUPTS_AFTER_MS if TwistKind.INTERRUPTS in kinds else None
        )

    # What became of it

    @property
    def stages(self) -> list[Stage]:
        """How far the call came, in the order it was reached."""
        return self._now.stages

    @property
    def done_as(self) -> str | None:
        """Otto's own words when it said that what was wanted is done, as it was wanted."""
        return self._now.done_as

    @property
    def chosen(self) -> Time | None:
        """The opening that was agreed on last."""
        return self._now.chosen

    @property
    def outcome(self) -> Outcome:
        """What of the wishes was reached so far."""
        now = self._now
        wishes = [*now.reached, *now.later]
        if now.goal not in now.reached:
            wishes.append(now.goal)
        missed = [*now.later, *([] if now.is_done else [now.goal])]
        return Outcome(
            tuple(str(goal.kind) for goal in wishes if goal not in missed),
            tuple(str(goal.kind) for goal in missed),
            tuple(str(wrong) for wrong in now.wrongs),
        )

    # What happens to the caller

    def hear(self, text: str) -> Reply | None:
        """A turn of Otto's has ended; the answer to it, if it wants one."""
        now, heard = self._now, understand(text)
        self._note(heard)
        now.has_heard_answer = now.has_heard_answer or Act.HOLD not in heard.acts
        if now.is_mute or now.goal.kind in SPEECHLESS:
            return Reply("", hang_up=True) if Act.GOODBYE in heard.acts else None
        happens, twisted = self._twists.instead_of(now, heard)
        reply = twisted if happens else self._reply(heard)
        return self._remember(self._twists.reworded(reply)) if reply else None

    def would_answer(self, text: str) -> bool:
        """Whether so much of a turn already asks something: then one may interrupt."""
        if self._now.goal.kind in SPEECHLESS or self._now.is_mute or UNINTELLIGIBLE in text:
            return False
        return bool(understand(text).asks)

    def pick_up(self) -> Reply:
        """The caller was called, and answers."""
        return Reply(f"Hello, this is {self._now.facts.first_name}.")

    def receive_text(self, body: str) -> None:
        """A text message has come to the caller's own telephone; a code in it is remembered."""
        if code := re.search(r"(?<!\d)\d{6}(?!\d)", body):
            self._now.code = code[0]

    def transferred(self) -> None:
        """A person is on the line."""
        self._now.reach(Stage.TRANSFERRED)
        if Act.TRANSFER in self._now.done_by:
            self._reached("")

    def waited(self, silence_ms: int) -> Reply | None:
        """Nobody has spoken for `silence_ms`; what the caller does about it, if anything."""
        now = self._now
        if now.goal.kind in SPEECHLESS or now.is_mute:
            return None
        if silence_ms >= NEXT_QUESTION_MS and now.has_spoken:
            if now.owed is not None:
                owed, now.owed = now.owed, None
                return self._remember(self._twists.reworded(answer(now, owed)))
            if now.awaits_code and now.code:
                now.awaits_code = False
                return self._remember(Reply(now.say("code", code=" ".join(now.code))))
            if now.questions and now.has_heard_answer:
                return self._remember(Reply(now.questions.pop(0)))
        if silence_ms < PATIENCE_MS:
            return None
        if now.prompts >= 2 or now.is_calm:
            return Reply("", hang_up=True)
        now.prompts += 1
        return Reply("Hello? Are you still there?")

    # How it is answered

    def _reply(self, heard: Heard) -> Reply | None:
        now = self._now
        if not heard.asks:
            if Act.GOODBYE in heard.acts:
                now.is_calm = True
                return Reply(now.say("bye"), hang_up=True)
            if (
                now.goal.kind is GoalKind.PERSON
                and not now.has_spoken
                and Act.TRANSFER not in heard.acts
            ):
                return request(now)
            return None
        now.prompts, now.owed = 0, None
        if now.goal.kind is GoalKind.WRONG_NUMBER and now.has_spoken:
            return Reply(now.say("bye"), hang_up=True)
        return self._unless_stuck(heard.asks[-1], answer(now, heard))

    def _unless_stuck(self, act: Act, reply: Reply) -> Reply:
        now = self._now
        count = now.answered.get(act, 0) + 1
        now.answered[act] = count
        if count <= SAME_ANSWER_LIMIT or act is Act.ANYTHING_ELSE or reply.hang_up:
            return reply
        if now.has_given_up:
            return Reply(now.say("bye"), hang_up=True)
        now.has_given_up = True
        return Reply("This is not working. Can I speak to a person, please?")

    # What is kept

    def _note(self, heard: Heard) -> None:
        now = self._now
        now.reach(Stage.GREETED)
        self._hear_price(heard)
        if told := set(heard.acts) & now.done_by:
            self._reached(heard.about(*told))
        if Act.TRANSFER in heard.acts:
            now.reach(Stage.TRANSFERRED)
        if Act.GOODBYE in heard.acts and not heard.asks:
            now.reach(Stage.GOODBYE)

    def _reached(self, text: str) -> None:
        """Otto says that it is done: it is, unless it is not as it was wanted."""
        now = self._now
        now.wrongs = wrong_when_done(text, now.wanted)
        if now.wrongs:
            now.complaint = now.complaint or _complaint(now, now.wrongs)
            return
        now.complaint = ""
        now.reach(DONE[now.goal.kind][1])
        now.done_as = now.done_as or text
        if now.goal not in now.reached:
            now.reached.append(now.goal)

    def _hear_price(self, heard: Heard) -> None:
        """The price that was told first for what is wanted is the one that holds."""
        now = self._now
        if now.price_cents is not None or now.goal.kind is not GoalKind.BOOK:
            return
        for sentence, _ in heard.parts:
            claimed = claims(sentence)
            if len(claimed.prices) == 1 and claimed.services == {*now.goal.codes}:
                now.price_cents = claimed.prices[0]
                return

    def _remember(self, reply: Reply) -> Reply:
        now = self._now
        now.has_spoken = True
        now.has_heard_answer = False
        if (
            reply.text
            and not reply.hang_up
            and not reply.text.startswith(("Yes, I'm here", "Sorry, could you"))
        ):
            now.last = reply.text
        return reply


def _complaint(now: Standing, wrongs: Sequence[Wrong]) -> str:
    """How the caller says that what is done is not what they wanted."""
    if Wrong.TIME in wrongs and now.chosen is not None:
        return f"That's not right. Please move my appointment to {now.chosen.said}."
    return f"That's not right. {_without_no(now, wrongs)}"


def _without_no(now: Standing, wrongs: Sequence[Wrong]) -> str:
    said = correction(wrongs, now.wanted).removeprefix("No, ")
    return said[0].upper() + said[1:]
