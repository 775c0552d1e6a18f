"""Errands about what is in the book already: when it is, moving it, cancelling it, and the car that
is in the workshop. What callers' words and tools' results do to the desk for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.receptionist import consent, phrases
from sandbox.receptionist.state import Appointment, Desk, Errand, Identity
from sandbox.receptionist.understanding.agreement import (
    Answer,
    agreement,
    is_change_of_mind,
    yes_or_no,
)
from sandbox.receptionist.understanding.choices import choose_openings, choose_place, names
from sandbox.receptionist.understanding.services import services
from sandbox.receptionist.understanding.times import clock_times, says_when, when
from sandbox.receptionist.understanding.vehicles import choose_vehicle
from sandbox.receptionist.understanding.words import normalise

Result = Mapping[str, Any]

_CANNOT_BE_MOVED = frozenset({"unknown_appointment", "cancelled", "over", "arrived", "begun"})
"""Codes of errors after which no other time helps."""
_TO = re.compile(
    r"\b(?:to|until|till|do|for) (?!(?:move|change|reschedule|cancel|push|switch|postpone|make|book"
    r"|see|talk|speak|ask|know|check|find|have|get|be|come|do|call|bring|my|the shop|you|it|that"
    r"|this|another|a different|a later|an earlier)\b)(?P<new>.*)$",
    re.IGNORECASE,
)
"""Where the new time begins in "move my Tuesday appointment to Friday at ten"."""


def begin(desk: Desk, errand: Errand, text: str) -> None:
    """The caller has an errand; a new time may have been said with it. What was being booked waits
    for a question to be answered, and is dropped for a change."""
    hints = f"{desk.hints} {text}" if desk.errand is Errand.UNSETTLED else text
    if errand in {Errand.WHEN, Errand.REPAIR} and not is_change_of_mind(text):
        desk.kept_when = desk.when
    else:
        desk.wants, desk.kept_when = False, None
    desk.begin(errand, hints)
    if errand is Errand.UNSETTLED:
        desk.news.append(phrases.CANNOT_COME)
        return
    if desk.identity is Identity.NOT_FOUND:
        nobody_found(desk)
        return
    if desk.appointments:
        _choose(desk)
    if errand is Errand.MOVE:
        new = _TO.search(text)
        desk.when = new["new"].strip(" .?!") if new and says_when(new["new"]) else None


# --- The caller's answers -----------------------------------------------------------------------


def answer_move_or_cancel(desk: Desk, text: str) -> None:
    """Whether the appointment that they cannot keep is moved or cancelled."""
    heard = normalise(text)
    if re.search(r"\b(cancel|cancell?ed|drop|second|latter)\b", heard):
        begin(desk, Errand.CANCEL, text)
    elif _MOVES.search(heard) or says_when(text) or yes_or_no(text):
        begin(desk, Errand.MOVE, text)
        if says_when(text) and desk.when is None:
            desk.when = text.strip()
    elif yes_or_no(text) is False:
        _leave_it(desk)


_MOVES = re.compile(
    r"\b(move|reschedul\w*|another|different|change|other|first|former|later|push)\b"
)


def answer_which(desk: Desk, text: str) -> None:
    """Which of several appointments is meant."""
    desk.appointment = _meant(desk.appointments or (), text, desk, by_place=True)
    if desk.appointment is None and yes_or_no(text) is False:
        _leave_it(desk)


def answer_cancel(desk: Desk, text: str) -> None:
    """Whether it shall be cancelled; the tool judges a yes once more, by what was heard."""
    answer = agreement(text, "cancel")
    if answer is Answer.AGREES:
        was_asked = "cancel" in desk.last_said.lower() or "cancel" in normalise(text)
        desk.agreed, desk.repeat = was_asked, not was_asked
    elif _wants_it_moved(desk, text):
        begin(desk, Errand.MOVE, text)
        if desk.when is None and says_when(text):
            desk.when = text.strip()
    elif answer is Answer.WAITS and yes_or_no(text) is not False:
        desk.waiting, desk.news = True, [phrases.TAKE_YOUR_TIME]
    elif answer in {Answer.DECLINES, Answer.WAITS}:
        _leave_it(desk)


def _wants_it_moved(desk: Desk, text: str) -> bool:
    """Whether another time was named, or asked for, instead of an answer."""
    assert desk.appointment is not None
    if _LEAVES.search(normalise(text)) or names(text, desk.appointment.when):
        return False
    return bool(_MOVES.search(normalise(text)) or says_when(text))


def another_time(desk: Desk, text: str) -> None:
    """Not the time that was read back."""
    if _LEAVES.search(normalise(text)):
        _leave_it(desk)
        return
    desk.when = None
    desk.forget_openings()
    desk.news = [phrases.ANOTHER_TIME]


def answer_new_day(desk: Desk, text: str) -> None:
    """When it suits better; what has no day in it may be a refusal."""
    if _LEAVES.search(normalise(text)):
        _leave_it(desk)
    elif says_when(text):
        desk.when = text.strip()
        desk.forget_openings()


_LEAVES = re.compile(r"\b(leave|keep|forget|never ?mind|stay|stays)\b")


def _leave_it(desk: Desk) -> None:
    desk.settle_errand()
    desk.news = [phrases.STAYS]


# --- The tools' results -------------------------------------------------------------------------


def nobody_found(desk: Desk) -> None:
    """The number is in no book: it may be another one of theirs; else it cannot be found."""
    if desk.phone is None:
        desk.identity = Identity.NEEDS_NUMBER
        desk.news.append(phrases.NOT_THIS_NUMBER)
        return
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
    if desk.appointment and desk.errand is Errand.MOVE and desk.when is None:
        desk.news.append(phrases.to_be_moved(visit(desk.appointment)))
    return True


def learn_move(desk: Desk, status: str, _: Mapping[str, Any], result: Result) -> bool:
    """What became of moving it."""
    if status == "not_done":
        return consent.learn(desk, result)
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
    if status == "not_done":
        return consent.learn(desk, result)
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
    at = choose_vehicle(desk.hints, names, by_place=False) if len(names) > 1 else None
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
    named = services(text, desk.codes)
    for narrowed in (
        [each for each in left if set(each.codes) & set(named)],
        [each for each in left if _is_on(each, text)],
    ):
        both = [each for each in left if each in narrowed]
        left = both or left
    if len(left) == 1:
        return left[0]
    at = choose_vehicle(text, [each.vehicle for each in left], by_place=False)
    if at is None and by_place:
        at = choose_place(text, len(left))
    return left[at] if at is not None else None


def _is_on(appointment: Appointment, text: str) -> bool:
    said = when(text)
    if not (said and (said.weekdays or said.day_of_month)) and not clock_times(text):
        return False
    return choose_openings(text, [appointment.when]) == [0]
