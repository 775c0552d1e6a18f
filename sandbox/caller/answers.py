"""What a caller answers to each thing Otto may ask: functions of how they stand, in a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sandbox.caller.acts import DETAILS, Act, Heard
from sandbox.caller.checking import Wrong, correction, days_said, fits, what_is_wrong
from sandbox.caller.details import give_details
from sandbox.caller.phrases import WISHES, work_words
from sandbox.caller.profile import GoalKind
from sandbox.caller.stages import DONE, IN_PERSON, WANTS_TIME, Stage
from sandbox.caller.standing import Reply, Standing
from sandbox.caller.words import WEEKDAYS, Time, normalise, preferred

REFUSALS_LIMIT = 2
"""A time that was chosen and offered past so often is given up for another."""
CORRECTIONS_LIMIT = 3
"""What is still read back wrong after so many corrections is not agreed to: a person is wanted."""
NONE_FITS_LIMIT = 3
"""After so many offers of which none is any good, the caller gives up."""
ARRIVES_MIN = "20"


def answer(standing: Standing, heard: Heard) -> Reply:
    """The answer to the last thing asked. `heard` asks something."""
    decisive = heard.asks[-1]
    if decisive in _ANSWERS:
        return _ANSWERS[decisive](standing, heard)
    return give_details(standing, [act for act in heard.asks if act in DETAILS], heard.text)


def request(standing: Standing, _heard: Heard | None = None) -> Reply:
    """What the call is about."""
    goal, say = standing.goal, standing.say
    if goal.kind is GoalKind.ASK:
        return Reply(open_question(standing))
    standing.reach(Stage.REQUESTED)
    is_again = standing.answered.get(Act.ASK_SERVICE, 0) > 0
    if goal.words and not is_again:
        return Reply(goal.words)
    if goal.kind is GoalKind.BOOK and is_again:
        return Reply(say("book_again", service=work_words(goal.codes)))
    model = standing.vehicle.split(maxsplit=2)[-1]
    return Reply(say(goal.kind, service=work_words(goal.codes), model=model))


def open_question(standing: Standing) -> str:
    """The next question of the caller's own."""
    if standing.questions:
        return standing.questions.pop(0)
    return standing.last or "What are your hours?"


# --- The time -----------------------------------------------------------------------------------


def _when(standing: Standing, _heard: Heard) -> Reply:
    goal, say = standing.goal, standing.say
    if goal.kind not in WANTS_TIME:
        return _no_booking(standing)
    if goal.slot and not standing.has_asked_for_slot:
        standing.has_asked_for_slot = True
        return Reply(say("slot", slot=goal.slot))
    if goal.when or goal.days or goal.earliest or goal.latest:
        return Reply(say("day", day=days_said(goal)))
    weekdays = [day.capitalize() for day in WEEKDAYS if day in goal.prefer]
    part = next((p for p in ("morning", "afternoon") if p in goal.prefer), "")
    if standing.answered.get(Act.ASK_TIME, 0) >= 2 or not (weekdays or part):
        return Reply(say("any_time"))
    if weekdays and part:
        return Reply(say("day_part", day=weekdays[0], part=part))
    return Reply(say("day", day=weekdays[0]) if weekdays else say("part", part=part))


def _choose(standing: Standing, heard: Heard) -> Reply:
    goal = standing.goal
    if goal.kind not in WANTS_TIME:
        return _no_booking(standing)
    standing.reach(Stage.OFFERED)
    if not heard.times:
        # "Would any of those work?" with the times lost: the first one is understood.
        return Reply("The first one, please.")
    offered = tuple(time for time in heard.times if fits(time, goal))
    if not offered:
        return _none_fits(standing)
    times = _still_possible(standing, offered)
    match = next((time for time in times if standing.slot and time.agrees(standing.slot)), None)
    if standing.slot and match is None and not standing.has_asked_for_slot:
        standing.has_asked_for_slot = True
        return Reply(f"Do you have {goal.slot}?")
    standing.chosen = match or preferred(times, goal.prefer)
    standing.awaits_confirmation = True
    standing.reach(Stage.CHOSEN)
    key = "choose_only" if len(heard.times) == 1 else "choose"
    return Reply(standing.say(key, slot=standing.chosen.said))


def _none_fits(standing: Standing) -> Reply:
    if standing.answered.get(Act.OFFER, 0) >= NONE_FITS_LIMIT:
        standing.is_calm = True
        return Reply(standing.say("gives_up"), hang_up=True)
    return Reply(standing.say("none_fit", day=days_said(standing.goal)))


def _still_possible(standing: Standing, times: tuple[Time, ...]) -> tuple[Time, ...]:
    """Of the `times` offered, those Otto has not refused too often; all, if it has them all."""
    if standing.awaits_confirmation and standing.chosen:
        chosen = standing.chosen
        standing.refused[chosen] = standing.refused.get(chosen, 0) + 1
    hopeless = [time for time, count in standing.refused.items() if count >= REFUSALS_LIMIT]
    left = tuple(time for time in times if not any(time.agrees(other) for other in hopeless))
    return left or times


# --- Yes and no ---------------------------------------------------------------------------------


def _confirm(standing: Standing, heard: Heard) -> Reply:
    goal = standing.goal
    standing.awaits_confirmation = False
    if goal.kind in IN_PERSON:
        return Reply(standing.say(goal.kind))
    text = heard.about(Act.CONFIRM) or heard.text
    wrongs = what_is_wrong(text, standing.wanted)
    if Act.VISIT in heard.acts and standing.chosen is None:
        # The appointment that is to be changed is told: its time is not the one that is wanted.
        wrongs = tuple(wrong for wrong in wrongs if wrong is not Wrong.TIME)
    if wrongs:
        return _corrected(standing, wrongs)
    standing.objections = ()
    asked = _asked_to_do(normalise(text))
    if not asked and goal.kind not in WANTS_TIME:
        return _agreed(standing, "right")
    if goal.kind not in {*WANTS_TIME, GoalKind.CANCEL}:
        return _no_booking(standing)
    if asked and not asked & _AGREES_TO[goal.kind]:
        return Reply(f"I would like {WISHES.get(goal.kind, 'an appointment')}, please.")
    if goal.kind is GoalKind.CANCEL:
        standing.reach(Stage.CONFIRMED)
        return _agreed(standing, "yes")
    if heard.times and not standing.chosen and Act.VISIT not in heard.acts:
        standing.reach(Stage.OFFERED)
        standing.chosen = heard.times[-1]
    if standing.chosen:
        standing.reach(Stage.CONFIRMED)
    return _agreed(standing, "yes")


_DOING = (
    ("cancel", re.compile(r"\bcancel")),
    ("move", re.compile(r"\b(move|change (it|that|your appointment)|reschedul|push|switch)")),
    ("book", re.compile(r"\b(book|schedule|reserve|put you (down|in)|an appointment|set)\b")),
)
_AGREES_TO = {
    GoalKind.BOOK: {"book"},
    GoalKind.RESCHEDULE: {"move", "book"},
    GoalKind.CANCEL: {"cancel"},
}


def _asked_to_do(plain: str) -> set[str]:
    """What Otto asks whether to do; nothing when it only asks whether something is right."""
    return {name for name, words in _DOING if words.search(plain)}


def _corrected(standing: Standing, wrongs: Sequence[Wrong]) -> Reply:
    standing.corrections += 1
    standing.objections = tuple(wrongs)
    if standing.corrections > CORRECTIONS_LIMIT:
        standing.has_given_up = True
        return Reply("No, that is still not right. Can I speak to a person, please?")
    is_again = standing.corrections > 1
    return Reply(correction(wrongs, standing.wanted, is_again=is_again))


def _agreed(standing: Standing, how: str) -> Reply:
    return Reply("", keys="1") if standing.persona.keys else Reply(standing.say(how))


def _no_booking(standing: Standing) -> Reply:
    if standing.goal.kind in IN_PERSON:
        return Reply(standing.say(standing.goal.kind))
    if standing.questions:
        return Reply("No, thank you. " + standing.questions.pop(0))
    if not standing.is_done:
        return request(standing)
    standing.is_calm = True
    return Reply("No, thank you. That's all I wanted to know.")


def _anything_else(standing: Standing, _heard: Heard) -> Reply:
    goal = standing.goal
    if standing.questions:
        return Reply("Yes. " + standing.questions.pop(0))
    if goal.kind in IN_PERSON and not standing.is_done:
        return Reply(standing.say(goal.kind))
    if standing.complaint:
        complaint, standing.complaint = standing.complaint, ""
        return Reply(complaint)
    if not standing.is_done and standing.answered.get(Act.ANYTHING_ELSE, 0) < 2:
        return request(standing)
    if standing.later:
        standing.take_up(standing.later.pop(0))
        wish = request(standing)
        return Reply(f"Yes. {wish.text.removeprefix('Hi, ').removeprefix('Hello, ')}")
    standing.is_calm = True
    return Reply(standing.say("nothing_else"))


# --- Offers and questions about the call ----------------------------------------------------------


def _change(standing: Standing, heard: Heard) -> Reply:
    """Which part was wrong; when nothing was, the caller does not mean to change anything."""
    if standing.objections:
        return Reply(correction(standing.objections, standing.wanted, is_again=True))
    if standing.chosen is not None:
        return Reply(f"Nothing, {standing.chosen.said} is right.")
    return request(standing, heard)


def _person_offered(standing: Standing, _heard: Heard) -> Reply:
    goal = standing.goal
    by_others = goal.kind in DONE and Act.TRANSFER in DONE[goal.kind][0]
    if standing.has_given_up or by_others or goal.kind is GoalKind.DANGER:
        return Reply(standing.say("yes"))
    if goal.kind in {GoalKind.ASK, GoalKind.STATUS, GoalKind.OPT_OUT, GoalKind.WRONG_NUMBER}:
        return Reply("No, thank you.")
    if goal.kind in WISHES:
        return Reply(f"No, I just want {WISHES[goal.kind]}, please.")
    return Reply(f"No, I just want to book {work_words(goal.codes)}, please.")


def _callback_offered(standing: Standing, heard: Heard) -> Reply:
    if standing.goal.kind in {GoalKind.ASK, GoalKind.OPT_OUT, GoalKind.WRONG_NUMBER}:
        return Reply("No, thank you.")
    if re.search(r"\b(when (should|shall|would|can|may|is)|what time)\b", normalise(heard.text)):
        return Reply("Any time is fine.")
    return Reply(standing.say("yes"))


def _code_offered(standing: Standing, _heard: Heard) -> Reply:
    return Reply(standing.say("yes"))


def _code(standing: Standing, _heard: Heard) -> Reply:
    if standing.code:
        return Reply(standing.say("code", code=" ".join(standing.code)))
    standing.awaits_code = True
    return Reply("One moment, it hasn't come yet.")


def _known(standing: Standing, heard: Heard) -> Reply:
    if standing.goal.kind in {GoalKind.ASK, *IN_PERSON}:
        return give_details(standing, (Act.ASK_NAME,), heard.text)
    if standing.facts.known:
        return Reply("Yes, I have been there before.")
    return Reply("No, I am a new customer.")


def _visit(standing: Standing, heard: Heard) -> Reply:
    goal = standing.goal
    if goal.appointment:
        return Reply(standing.say("visit", visit=goal.appointment))
    return Reply(standing.say("visit", visit=f"the {standing.vehicle}"))


def _reason(standing: Standing, _heard: Heard) -> Reply:
    return Reply(standing.say("reason"))


def _arrival(standing: Standing, _heard: Heard) -> Reply:
    return Reply(standing.say("arrival", minutes=ARRIVES_MIN))


def _transport(standing: Standing, _heard: Heard) -> Reply:
    ways = {
        "wait": "I'll wait for it.",
        "loaner": "I'd need a loaner car.",
        "shuttle": "I'd like the shuttle, please.",
    }
    return Reply(ways.get(standing.goal.transport, "I'll drop it off."))


def _go_on(standing: Standing, _heard: Heard) -> Reply:
    if not standing.last or standing.goal not in standing.reached:
        return Reply(f"Yes. {request(standing).text}")
    return Reply(standing.say("yes"))


def _again(standing: Standing, heard: Heard) -> Reply:
    others = [act for act in heard.asks if act is not Act.REPEAT]
    if others and (standing.last == "" or others[-1] in DETAILS):
        if others[-1] in DETAILS:
            return give_details(standing, others, heard.text)
        return request(standing)
    return Reply(standing.last) if standing.last else request(standing)


def _here(standing: Standing, _heard: Heard) -> Reply:
    return Reply(f"Yes, I'm here. {standing.last or request(standing).text}")


def _other_day(standing: Standing, _heard: Heard) -> Reply:
    return Reply(standing.say("any_time"))


def _puzzled(standing: Standing, _heard: Heard) -> Reply:
    if not standing.has_spoken or standing.answered.get(Act.UNKNOWN_QUESTION, 0) % 2:
        return request(standing)
    return Reply("Sorry, could you say that again?")


_ANSWERS: dict[Act, Callable[[Standing, Heard], Reply]] = {
    Act.REPEAT: _again,
    Act.STILL_THERE: _here,
    Act.ANYTHING_ELSE: _anything_else,
    Act.OFFER: _choose,
    Act.OFFER_PERSON: _person_offered,
    Act.OFFER_CALLBACK: _callback_offered,
    Act.OFFER_CODE: _code_offered,
    Act.OTHER_DAY: _other_day,
    Act.GO_ON: _go_on,
    Act.ASK_CHANGE: _change,
    Act.ASK_APPOINTMENT: _visit,
    Act.ASK_KNOWN: _known,
    Act.ASK_TIME: _when,
    Act.ASK_SERVICE: request,
    Act.ASK_CODE: _code,
    Act.ASK_REASON: _reason,
    Act.ASK_ARRIVAL: _arrival,
    Act.ASK_TRANSPORT: _transport,
    Act.CONFIRM: _confirm,
    Act.UNKNOWN_QUESTION: _puzzled,
}
