"""Errands about what is in the book already: when it is, moving it, cancelling it, and the car that
is in the workshop. What callers' words and tools' results do to the desk for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.receptionist import people, phrases, understanding
from sandbox.receptionist.dates import DayWish, clock_times, day_wish
from sandbox.receptionist.phrases import Question
from sandbox.receptionist.state import Appointment, Desk, Errand, Identity
from sandbox.receptionist.understanding import Intent
from sandbox.receptionist.words import normalise

Result = Mapping[str, Any]

_BY_INTENT = {
    Intent.MOVE: Errand.MOVE,
    Intent.CANCEL: Errand.CANCEL,
    Intent.WHEN: Errand.WHEN,
    Intent.REPAIR: Errand.REPAIR,
}
_BUSY = frozenset({Question.OPENING, Question.CONFIRM, Question.WHAT_TO_CHANGE})
_CANNOT_BE_MOVED = frozenset({"unknown_appointment", "cancelled", "over", "arrived", "begun"})
"""Codes of errors after which no other time helps."""
_TO = re.compile(
    r"\bto (?!(?:move|change|reschedule|cancel|push|switch|postpone|make|book|see|talk|speak|ask"
    r"|know|check|find|have|get|be|come|do|call|bring|my|the shop|you)\b)(?P<new>.*)$"
)
"""Where the new time begins in "move my Tuesday appointment to Friday at ten"."""


def errand_in(desk: Desk, question: Question, wanted: Sequence[Intent]) -> Errand | None:
    """The errand among what the caller wants, if there is one that is not under way already. While
    something is being booked, words for changes are about that."""
    found = next((_BY_INTENT[intent] for intent in wanted if intent in _BY_INTENT), None)
    is_news = question not in _BUSY or desk.errand not in {None, found}
    return found if is_news else None


def begin(desk: Desk, errand: Errand, text: str) -> None:
    """The caller has an errand; a new time may have been said with it."""
    desk.begin(errand, text)
    desk.wants = False
    if desk.appointments:
        _choose(desk)
    if desk.identity is Identity.NOT_FOUND:
        nobody_found(desk)
        return
    if errand is not Errand.MOVE:
        return
    new = _TO.search(normalise(text))
    wish = day_wish(new["new"]) if new else None
    times = tuple(clock_times(new["new"])) if new else ()
    if new and (wish or times):
        desk.day, desk.times = wish or DayWish(words=new["new"]), times


# --- The caller's answers -----------------------------------------------------------------------


def answer_which(desk: Desk, text: str) -> None:
    """Which of several appointments is meant."""
    assert desk.appointments is not None
    desk.appointment = _meant(desk.appointments, text, desk, by_place=True)
    if desk.appointment is None and understanding.yes_or_no(text) is False:
        _leave_it(desk)


def answer_cancel(desk: Desk, text: str) -> None:
    """Whether it shall be cancelled."""
    answer = understanding.yes_or_no(text)
    if answer or (answer is None and "cancel" in normalise(text)):
        desk.agreed = _was_asked(desk, text, "cancel")
        desk.repeat = not desk.agreed
    elif answer is False:
        _leave_it(desk)


def answer_move(desk: Desk, text: str) -> None:
    """Whether it shall be moved to the time that was said back."""
    answer = understanding.yes_or_no(text)
    if answer or (answer is None and "move" in normalise(text)):
        desk.confirmed = _was_asked(desk, text, "move")
        desk.repeat = not desk.confirmed
    elif answer is False:
        desk.day = None
        desk.forget_openings()
        desk.news = [phrases.ANOTHER_TIME]


def answer_new_day(desk: Desk, text: str) -> None:
    """When it suits better; what has no day in it may be a refusal."""
    wish, times = day_wish(text), tuple(clock_times(text))
    if wish or times:
        desk.day, desk.times = wish or DayWish(words=text.strip()), times
        desk.forget_openings()
    elif re.search(r"\b(leave|keep|forget|never ?mind|stay)\b", normalise(text)):
        _leave_it(desk)


def _was_asked(desk: Desk, text: str, word: str) -> bool:
    """Whether the caller can have heard what they say yes to: a question may have been cut off."""
    return word in desk.last_said.lower() or word in normalise(text)


def _leave_it(desk: Desk) -> None:
    desk.settle_errand()
    desk.news = [phrases.STAYS]


# --- The tools' results -------------------------------------------------------------------------


def nobody_found(desk: Desk) -> None:
    """The number is in no book: what they ask about cannot be found."""
    desk.settle_errand()
    desk.identity, desk.offers_person = Identity.UNKNOWN, True
    desk.news.append(phrases.NO_APPOINTMENT)


def learn_appointments(desk: Desk, status: str, _: Mapping[str, Any], result: Result) -> bool:
    """What `my_appointments` has found."""
    if status not in {"ok", "none"}:
        return False
    found = tuple(_appointment(desk, each) for each in result.get("appointments") or ())
    if not found:
        desk.settle_errand()
        desk.news.append(str(result.get("message") or phrases.NO_APPOINTMENT))
        return True
    desk.appointments = found
    if desk.errand is Errand.WHEN:
        desk.settle_errand()
        desk.news.append(
            phrases.appointments_told([visit(each) for each in found], found[0].confirmation)
        )
        return True
    _choose(desk)
    if desk.appointment and desk.errand is Errand.MOVE and desk.day is None:
        desk.news.append(phrases.to_be_moved(visit(desk.appointment)))
    return True


def learn_move(desk: Desk, status: str, _: Mapping[str, Any], result: Result) -> bool:
    """What became of moving it."""
    if status == "moved":
        service, when = str(result.get("service") or ""), str(result.get("when") or "")
        code = str(result.get("confirmation") or "")
        is_texted = result.get("text_message") is not False
        desk.settle_errand()
        desk.news.append(phrases.moved(service or "appointment", when, code, is_texted))
        return True
    if result.get("code") in _CANNOT_BE_MOVED:
        desk.settle_errand()
    return False


def learn_cancellation(desk: Desk, status: str, _: Mapping[str, Any], result: Result) -> bool:
    """What became of cancelling it."""
    desk.agreed = False
    if status == "cancelled":
        service, when = str(result.get("service") or ""), str(result.get("when") or "")
        is_texted = result.get("text_message") is not False
        desk.settle_errand()
        desk.news.append(phrases.cancelled(service or "appointment", when, is_texted))
        return True
    desk.settle_errand()
    return False


def learn_repairs(desk: Desk, status: str, _: Mapping[str, Any], result: Result) -> bool:
    """How far the workshop is with their cars."""
    if status not in {"ok", "none"}:
        desk.settle_errand()
        return False
    repairs = list(result.get("repairs") or ())
    refs = [str(each.get("vehicle_ref")) for each in repairs]
    names = [dict(desk.vehicles).get(ref, "") for ref in refs]
    at = people.choose_vehicle(desk.hints, names, by_place=False) if len(names) > 1 else None
    told = repairs if at is None else [repairs[at]]
    desk.settle_errand()
    desk.news += [str(each.get("message") or "") for each in told]
    desk.offers_person = any(each.get("state") == "waiting_for_approval" for each in told)
    if not told:
        desk.news.append(str(result.get("message") or phrases.NO_ANSWER))
    return True


def visit(appointment: Appointment) -> str:
    """An appointment as it is said."""
    return phrases.visit(appointment.work, appointment.vehicle, appointment.when)


def _choose(desk: Desk) -> None:
    found = desk.appointments or ()
    only = found[0] if len(found) == 1 else None
    desk.appointment = only or _meant(found, desk.hints, desk, by_place=False)


def _appointment(desk: Desk, told: Mapping[str, Any]) -> Appointment:
    service = str(told.get("service") or "")
    codes = tuple(str(code) for code in told.get("service_codes") or ())
    names = [desk.name_of(code) for code in codes] if len(codes) > 1 else [service]
    return Appointment(
        ref=str(told.get("appointment_ref")),
        when=str(told.get("when") or ""),
        service=service,
        codes=codes,
        work=phrases.work(names),
        vehicle=str(told.get("vehicle") or ""),
        confirmation=str(told.get("confirmation") or ""),
    )


def _meant(
    appointments: Sequence[Appointment], text: str, desk: Desk, *, by_place: bool
) -> Appointment | None:
    """The one that `text` speaks of: by its service, its car, its day and time, or its place."""
    left = list(appointments)
    named = understanding.services(text, desk.codes)
    for narrowed in (
        [each for each in left if set(each.codes) & set(named)],
        [each for each in left if _is_on(each, text)],
    ):
        both = [each for each in left if each in narrowed]
        left = both or left
    if len(left) == 1:
        return left[0]
    at = people.choose_vehicle(text, [each.vehicle for each in left], by_place=False)
    if at is None and by_place:
        at = understanding.choose_place(text, len(left))
    return left[at] if at is not None else None


def _is_on(appointment: Appointment, text: str) -> bool:
    wish = day_wish(text)
    if not (wish and (wish.weekdays or wish.day_of_month)) and not clock_times(text):
        return False
    return understanding.choose_openings(text, [appointment.when]) == [0]
