"""What a caller says: from what it heard, what it knows and what it wants. Rules, no I/O, no clock.

`Mind.hear` takes a whole turn of Otto's and returns what to say, or None when nothing is called
for (a statement, "one moment"). `Mind.waited` is asked when Otto has been silent for a while.
Answers follow from the question understood (comprehension.py), never from a list of lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.caller.comprehension import DETAILS, UNINTELLIGIBLE, Act, Heard, understand
from sandbox.caller.personas import Goal, Persona
from sandbox.caller.phrases import WISHES, Phrases, long_date, national, service_words
from sandbox.caller.stages import DONE, WANTS_TIME, Stage
from sandbox.caller.words import WEEKDAYS, Time, normalise, preferred, times_in

PATIENCE_MS = 12_000
"""Silence after which a caller asks whether anybody is there."""
NEXT_QUESTION_MS = 2_500
"""Silence after an answer before the caller goes on with a question of their own."""
REFUSALS_LIMIT = 2
"""A time that was chosen and offered past so often is given up for another."""
SAME_ANSWER_LIMIT = 4
"""Giving the same answer oftener than this, a caller asks for a person; then hangs up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller says, and whether they then hang up. With `keys` they say nothing and press
    those; with neither text nor keys they hang up without a word."""

    text: str
    hang_up: bool = False
    keys: str = ""


class Mind:
    """One caller in one call. Not reusable."""

    def __init__(self, persona: Persona) -> None:
        self._persona = persona
        self._facts = persona.facts
        self._goal: Goal = persona.goal
        self._say = Phrases(persona.manner)
        self.stages: list[Stage] = []
        self.done_as: str | None = None
        """Otto's own words when it said that what was wanted is done."""
        self.chosen: Time | None = None
        self._questions = list(persona.goal.questions)
        self._last = ""
        self._answered: dict[Act, int] = {}
        self._asked_for_slot = False
        self._refused: dict[Time, int] = {}
        """How often a chosen time was answered with yet another offer."""
        self._awaits_confirmation = False
        self._corrected = False
        self._is_wrong = False
        """What Otto says is done is on another day than the one that was chosen."""
        self._gave_up = False
        self._spoke = False
        self._answer_heard = False
        self._prompts = 0
        self._calm = False
        """Nothing is open: Otto was told that this is all, or says goodbye."""

    # What happens to the caller

    def hear(self, text: str) -> Reply | None:
        """A turn of Otto's has ended; the answer to it, if it wants one."""
        heard = understand(text)
        self._note(heard)
        self._answer_heard = self._answer_heard or Act.HOLD not in heard.acts
        if self._goal.kind == "silent":
            return Reply("", hang_up=True) if Act.GOODBYE in heard.acts else None
        reply = self._reply(heard)
        return self._remember(reply) if reply else None

    def would_answer(self, text: str) -> bool:
        """Whether so much of a turn already asks something: then one may interrupt."""
        if self._goal.kind == "silent" or UNINTELLIGIBLE in text:
            return False
        return bool(understand(text).asks)

    def pick_up(self) -> Reply:
        """The caller was called, and answers."""
        return Reply(f"Hello, this is {self._facts.first_name}.")

    def waited(self, silence_ms: int) -> Reply | None:
        """Nobody has spoken for `silence_ms`; what the caller does about it, if anything."""
        if self._goal.kind == "silent":
            return None
        if (
            self._questions
            and self._answer_heard
            and self._spoke
            and silence_ms >= NEXT_QUESTION_MS
        ):
            return self._remember(Reply(self._questions.pop(0)))
        if silence_ms < PATIENCE_MS:
            return None
        if self._prompts >= 2 or (self._calm and silence_ms >= PATIENCE_MS):
            return Reply("", hang_up=True)
        self._prompts += 1
        return Reply("Hello? Are you still there?")

    # How it is answered

    def _reply(self, heard: Heard) -> Reply | None:
        asks = heard.asks
        if not asks:
            if Act.GOODBYE in heard.acts:
                self._calm = True
                return Reply(self._say("bye"), hang_up=True)
            if self._goal.kind == "person" and not self._spoke and Act.TRANSFER not in heard.acts:
                return self._request()
            return None
        self._prompts = 0
        decisive = asks[-1]
        if decisive in _ANSWERS:
            reply = _ANSWERS[decisive](self, heard)
        else:
            reply = self._details([act for act in asks if act in DETAILS])
        return self._unless_stuck(decisive, reply)

    def _unless_stuck(self, act: Act, reply: Reply) -> Reply:
        count = self._answered.get(act, 0) + 1
        self._answered[act] = count
        if count <= SAME_ANSWER_LIMIT or act is Act.ANYTHING_ELSE:
            return reply
        if self._gave_up:
            return Reply(self._say("bye"), hang_up=True)
        self._gave_up = True
        return Reply("This is not working. Can I speak to a person, please?")

    def _details(self, acts: Sequence[Act]) -> Reply:
        if self._goal.kind == "person":
            return Reply(self._say("person"))
        if self._goal.kind == "ask":
            return Reply("I'd rather not say, I just have a question. " + self._open_question())
        facts, parts = self._facts, []
        keys = self._keys_for(acts)
        if keys:
            self._reach(Stage.IDENTIFIED)
            return Reply("", keys=keys)
        for act in acts:
            if act is Act.ASK_NAME:
                parts.append(self._say("name", name=f"{facts.first_name} {facts.last_name}"))
            elif act is Act.ASK_PHONE:
                parts.append(self._say("phone", phone=national(facts.phone)))
            elif act is Act.ASK_BIRTH and facts.date_of_birth:
                parts.append(self._say("birth", date=long_date(facts.date_of_birth)))
            elif act is Act.ASK_VIN or act is Act.ASK_BIRTH:
                if facts.vin_last_six:
                    parts.append(self._say("vin", vin=" ".join(facts.vin_last_six)))
                elif facts.date_of_birth and facts.known:
                    birth = long_date(facts.date_of_birth)
                    parts.append(f"I don't have that with me. My date of birth is {birth}.")
                else:
                    parts.append("I don't have that with me, sorry.")
            elif act is Act.ASK_VEHICLE:
                parts.append(self._say("vehicle", vehicle=facts.vehicle))
        self._reach(Stage.IDENTIFIED)
        return Reply(" ".join(parts))

    def _keys_for(self, acts: Sequence[Act]) -> str:
        """What is keyed in answer to a question for a number alone; "" when it is said."""
        if not self._persona.keys:
            return ""
        if list(acts) == [Act.ASK_BIRTH] and self._facts.date_of_birth:
            return f"{self._facts.date_of_birth:%m%d%Y}"
        if list(acts) == [Act.ASK_PHONE]:
            return re.sub(r"\D", "", self._facts.phone)[-10:] + "#"
        return ""

    def _request(self, _heard: Heard | None = None) -> Reply:
        """What the call is about."""
        if self._goal.kind == "person":
            return Reply(self._say("person"))
        if self._goal.kind == "ask":
            return Reply(self._open_question())
        self._reach(Stage.REQUESTED)
        again = self._answered.get(Act.ASK_SERVICE, 0) > 0
        key = {"book": "service_again" if again else "request"}.get(
            self._goal.kind, self._goal.kind
        )
        service = service_words(self._goal.service)
        return Reply(self._say(key, service=service, model=self._facts.model))

    def _open_question(self) -> str:
        return self._questions.pop(0) if self._questions else self._last or "What are your hours?"

    def _when(self, _heard: Heard) -> Reply:
        if self._goal.kind not in WANTS_TIME:
            return self._no_booking()
        if self._goal.slot and not self._asked_for_slot:
            self._asked_for_slot = True
            return Reply(self._say("slot", slot=self._goal.slot))
        weekdays = [day.capitalize() for day in WEEKDAYS if day in self._goal.prefer]
        part = next((p for p in ("morning", "afternoon") if p in self._goal.prefer), "")
        if self._answered.get(Act.ASK_TIME, 0) >= 2 or not (weekdays or part):
            return Reply(self._say("any_time"))
        if weekdays and part:
            return Reply(self._say("day_part", day=weekdays[0], part=part))
        return Reply(
            self._say("day", day=weekdays[0]) if weekdays else self._say("part", part=part)
        )

    def _choose(self, heard: Heard) -> Reply:
        if self._goal.kind not in WANTS_TIME:
            return self._no_booking()
        self._reach(Stage.OFFERED)
        if not heard.times:
            # "Would any of those work?" with the times lost: the first one is understood.
            return Reply("The first one, please.")
        wanted = self._wanted_slot()
        times = self._still_possible(heard.times)
        match = next((time for time in times if wanted and time.agrees(wanted)), None)
        if wanted and match is None and not self._asked_for_slot:
            self._asked_for_slot = True
            return Reply(f"Do you have {self._goal.slot}?")
        self.chosen = match or preferred(times, self._goal.prefer)
        self._awaits_confirmation = True
        self._reach(Stage.CHOSEN)
        key = "choose_only" if len(heard.times) == 1 else "choose"
        return Reply(self._say(key, slot=self.chosen.said))

    def _still_possible(self, times: tuple[Time, ...]) -> tuple[Time, ...]:
        """Of the `times` offered, those Otto has not refused too often; all, if it has them all."""
        if self._awaits_confirmation and self.chosen:
            self._refused[self.chosen] = self._refused.get(self.chosen, 0) + 1
        hopeless = [time for time, count in self._refused.items() if count >= REFUSALS_LIMIT]
        left = tuple(time for time in times if not any(time.agrees(other) for other in hopeless))
        return left or times

    def _confirm(self, heard: Heard) -> Reply:
        self._awaits_confirmation = False
        if self._goal.kind == "person":
            return Reply(self._say("person"))
        if self._goal.kind in {"ask", "when", "status"}:
            return self._no_booking()
        if ("cancel" in normalise(heard.text)) is not (self._goal.kind == "cancel"):
            return Reply(f"I would like {WISHES.get(self._goal.kind, 'an appointment')}, please.")
        if self._goal.kind == "cancel":
            self._reach(Stage.CONFIRMED)
            return Reply(self._say("yes"))
        times = heard.times
        if self.chosen and times and not any(self.chosen.agrees(t) for t in times):
            if not self._corrected:
                # Once: a misheard number must not become an argument.
                self._corrected = True
                return Reply(f"No, I would like {self.chosen.said}.")
            self.chosen = times[-1]
        if times and not self.chosen:
            self._reach(Stage.OFFERED)
            self.chosen = times[-1]
        if self.chosen:
            self._reach(Stage.CONFIRMED)
        return Reply("", keys="1") if self._persona.keys else Reply(self._say("yes"))

    def _other_day(self, _heard: Heard) -> Reply:
        return Reply(self._say("any_time"))

    def _no_booking(self) -> Reply:
        if self._goal.kind == "person":
            return Reply(self._say("person"))
        if self._questions:
            return Reply("No, thank you. " + self._questions.pop(0))
        self._calm = True
        return Reply("No, thank you. That's all I wanted to know.")

    def _anything_else(self, _heard: Heard) -> Reply:
        if self._questions:
            return Reply("Yes. " + self._questions.pop(0))
        if self._goal.kind == "person":
            return Reply(self._say("person"))
        if self._is_wrong and self.chosen:
            self._is_wrong = False
            return Reply(f"That's not right. Please move my appointment to {self.chosen.said}.")
        done = DONE.get(self._goal.kind)
        unfinished = done is not None and done[1] not in self.stages
        if unfinished and self._answered.get(Act.ANYTHING_ELSE, 0) < 2:
            return self._request()
        self._calm = True
        return Reply(self._say("nothing_else"))

    def _person_offered(self, _heard: Heard) -> Reply:
        if self._goal.kind == "person" or self._gave_up:
            return Reply("Yes, please.")
        if self._goal.kind in {"ask", "status"}:
            return Reply("No, thank you.")
        if self._goal.kind in WISHES:
            return Reply(f"No, I just want {WISHES[self._goal.kind]}, please.")
        return Reply(f"No, I just want to book {service_words(self._goal.service)}, please.")

    def _callback_offered(self, _heard: Heard) -> Reply:
        if self._goal.kind == "ask":
            return Reply("No, thank you.")
        return Reply(self._say("yes"))

    def _known(self, heard: Heard) -> Reply:
        if self._goal.kind in {"ask", "person"}:
            return self._details((Act.ASK_NAME,))
        if self._facts.known:
            return Reply("Yes, I have been there before.")
        return Reply("No, I am a new customer.")

    def _again(self, heard: Heard) -> Reply:
        others = [act for act in heard.asks if act is not Act.REPEAT]
        if others and (self._last == "" or others[-1] in DETAILS):
            return self._details(others) if others[-1] in DETAILS else self._request()
        return Reply(self._last) if self._last else self._request()

    def _here(self, heard: Heard) -> Reply:
        if self._last:
            return Reply(f"Yes, I'm here. {self._last}")
        return Reply(f"Yes, I'm here. {self._request().text}")

    def _puzzled(self, _heard: Heard) -> Reply:
        if not self._spoke:
            return self._request()
        if self._answered.get(Act.UNKNOWN_QUESTION, 0) % 2:
            return self._request()
        return Reply("Sorry, could you say that again?")

    # What is kept

    def _note(self, heard: Heard) -> None:
        self._reach(Stage.GREETED)
        done = DONE.get(self._goal.kind)
        if done is not None and done[0] in heard.acts:
            self._reach(done[1])
            self.done_as = self.done_as or heard.text
            self._is_wrong = self._is_another_day(heard.times)
        if Act.TRANSFER in heard.acts:
            self._reach(Stage.TRANSFERRED)
        if Act.GOODBYE in heard.acts and not heard.asks:
            self._reach(Stage.GOODBYE)

    def _is_another_day(self, times: tuple[Time, ...]) -> bool:
        """Whether what is told as done is on another day than the one that was chosen, once."""
        if self._corrected or self.chosen is None or not times:
            return False
        self._corrected = all(time.is_another_day(self.chosen) for time in times)
        return self._corrected

    def _reach(self, stage: Stage) -> None:
        if stage not in self.stages:
            self.stages.append(stage)

    def _remember(self, reply: Reply) -> Reply:
        self._spoke = True
        self._answer_heard = False
        if (
            reply.text
            and not reply.hang_up
            and not reply.text.startswith(("Yes, I'm here", "Sorry, could you"))
        ):
            self._last = reply.text
        return reply

    def _wanted_slot(self) -> Time | None:
        times = times_in(normalise(self._goal.slot)) if self._goal.slot else ()
        return times[0] if times else None


_ANSWERS = {
    Act.REPEAT: Mind._again,
    Act.STILL_THERE: Mind._here,
    Act.ANYTHING_ELSE: Mind._anything_else,
    Act.OFFER: Mind._choose,
    Act.OFFER_PERSON: Mind._person_offered,
    Act.OFFER_CALLBACK: Mind._callback_offered,
    Act.OTHER_DAY: Mind._other_day,
    Act.ASK_KNOWN: Mind._known,
    Act.ASK_TIME: Mind._when,
    Act.ASK_SERVICE: Mind._request,
    Act.CONFIRM: Mind._confirm,
    Act.UNKNOWN_QUESTION: Mind._puzzled,
}
