"""A deterministic receptionist: what a language model would answer, without one.

`answer` reads the messages and the tools of a chat completion and returns the assistant's next
message: a text, or one tool call, perhaps with a text before it. It calls only tools that are
offered in this very request, and one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sandbox.receptionist import errands, phrases
from sandbox.receptionist.phrases import Question
from sandbox.receptionist.reading import read_desk
from sandbox.receptionist.state import Desk, Errand, Identity, Inquiry, Opening

MOST_SERVICES = 4
"""In one visit: `find_openings` takes no more."""
MAX_ROUNDS = 6
"""Tool calls after one turn of the caller; then it speaks, whatever is still open."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The assistant's message: what it says, and the tool it calls, if any."""

    text: str
    call: Call | None = None


def answer(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], today: date
) -> Reply:
    """The next message. `tools` as in the request; `today` is for ages and model years only."""
    offered = {tool["function"]["name"]: tool["function"] for tool in tools or ()}
    desk = read_desk(messages, service_codes(offered), today)
    if desk.ending:
        return Reply("")
    if desk.transferring:
        return Reply("" if _has_just_spoken(messages) else phrases.HOLD)
    call = _next_call(desk)
    if call is not None and call.name not in offered:
        return _without(desk, call)
    if call is None or call.name in desk.failed or desk.rounds >= MAX_ROUNDS:
        return Reply(_speak(desk))
    return Reply(_said_while_calling(desk, call), call)


def service_codes(offered: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The service codes that the offered tools' schemas list."""
    for function in offered.values():
        properties = function.get("parameters", {}).get("properties", {})
        schema = properties.get("service", {})
        several = properties.get("services", {}).get("items", {})
        for option in (schema, several, *schema.get("anyOf", ())):
            codes = tuple(code for code in option.get("enum", ()) if code is not None)
            if codes:
                return codes
    return ()


def _has_just_spoken(messages: Sequence[Mapping[str, Any]]) -> bool:
    calls = [message for message in messages if message.get("tool_calls")]
    return bool(calls and calls[-1].get("content"))


# --- What to do ---------------------------------------------------------------------------------


def _next_call(desk: Desk) -> Call | None:
    """The tool the state asks for, or None when it is time to speak."""
    if desk.wants_person:
        return Call("transfer_to_person", {"reason": _reason(desk)})
    if desk.wants_callback:
        return Call("request_callback", _callback(desk))
    if desk.repeat:
        return None
    if desk.inquiries and "dealership_info" not in desk.failed:
        return _ask(desk.inquiries[0])
    if desk.goodbye:
        return Call("end_call", {"reason": "wrong_number" if desk.wrong_number else "done"})
    if desk.offers_person or desk.offers_callback:
        return None
    if desk.errand is not None:
        return _identify(desk) if desk.identity is not Identity.KNOWN else _run_errand(desk)
    if not desk.wants or not desk.service:
        return None
    return _identify(desk) if desk.identity is not Identity.KNOWN else _arrange(desk)


def _reason(desk: Desk) -> str:
    if desk.identity is Identity.LOCKED:
        return "The caller could not be verified."
    if desk.service:
        return f"The caller asks for a person, about: {desk.service.replace('_', ' ')}."
    return "The caller asks for a person."


def _callback(desk: Desk) -> dict[str, Any]:
    wish = (
        f"wants {phrases.a_service(desk.name_of(desk.service))}" if desk.service else "has called"
    )
    name = " ".join(filter(None, (desk.first_name, desk.last_name)))
    return {
        "reason": f"{name or 'The caller'} {wish}.",
        "when": desk.callback_when,
        "phone_number": desk.phone,
    }


def _ask(inquiry: Inquiry) -> Call:
    return Call(
        "dealership_info",
        {"topic": inquiry.topic, "service": inquiry.service, "date": inquiry.date},
    )


_TO_PROVE = frozenset({Identity.FOUND, Identity.CLAIMED})


def _identify(desk: Desk) -> Call | None:
    if desk.identity is Identity.UNKNOWN:
        return Call("identify_caller", {"phone_number": desk.phone})
    is_named = bool(desk.first_name and desk.last_name)
    if desk.code_sent:
        return Call("check_code", {"code": desk.code}) if desk.code else None
    if desk.wants_code:
        return Call("text_code")
    if desk.offers_code:
        return None
    if desk.identity is Identity.CLAIMED or desk.is_shared:
        if desk.identity in _TO_PROVE and desk.born and is_named:
            return _verify(desk, with_name=True)
    elif desk.identity is Identity.FOUND and (desk.born or (desk.vin and is_named)):
        return _verify(desk, with_name=not desk.born)
    if desk.identity is Identity.NOT_FOUND and desk.first_name and desk.last_name:
        return Call(
            "create_customer",
            {
                "first_name": desk.first_name,
                "last_name": desk.last_name,
                "phone_number": desk.phone,
                "date_of_birth": None,
            },
        )
    return None


def _verify(desk: Desk, *, with_name: bool) -> Call:
    return Call(
        "verify_caller",
        {
            "date_of_birth": desk.born.isoformat() if desk.born else None,
            "vin_last_six": None if desk.born else desk.vin,
            "first_name": desk.first_name if with_name else None,
            "last_name": desk.last_name if with_name else None,
        },
    )


def _arrange(desk: Desk) -> Call | None:
    if not desk.vehicle:
        if desk.year and desk.make and desk.model:
            car = {"year": desk.year, "make": desk.make, "model": desk.model, "vin": None}
            return Call("add_vehicle", car)
        return None
    if desk.day is None:
        return None
    if not desk.openings:
        return _find_openings(desk, [desk.service, *desk.also][:MOST_SERVICES])
    if desk.chosen is not None and desk.confirmed:
        return Call(
            "book_appointment",
            {
                "slot_id": desk.chosen.slot_id,
                "vehicle_ref": desk.vehicle,
                "notes": None,
            },
        )
    return None


def _find_openings(desk: Desk, services: Sequence[str | None]) -> Call:
    assert desk.day is not None
    when = desk.day.words or (f"in the {desk.day.part}" if desk.day.part else None)
    moved = desk.appointment.ref if desk.errand and desk.appointment else None
    how = None if desk.errand else desk.transport
    wish = {"when": when, "with": None, "transport": how, "appointment_ref": moved}
    return Call("find_openings", {"services": list(services), **wish})


def _run_errand(desk: Desk) -> Call | None:
    """What a caller who is known wants of what is in the book already."""
    if desk.errand is Errand.REPAIR:
        return Call("repair_status", {"vehicle_ref": None})
    if desk.appointments is None:
        return Call("my_appointments")
    if desk.appointment is None:
        return None
    ref = {"appointment_ref": desk.appointment.ref}
    if desk.errand is Errand.CANCEL:
        reason = {"reason": "no_longer_needed"}
        return Call("cancel_appointment", ref | reason) if desk.agreed else None
    if desk.day is not None and not desk.openings:
        return _find_openings(desk, desk.appointment.codes)
    if desk.chosen is not None and desk.confirmed:
        return Call("reschedule_appointment", ref | {"slot_id": desk.chosen.slot_id})
    return None


# --- What to say --------------------------------------------------------------------------------


def _said_while_calling(desk: Desk, call: Call) -> str:
    """What is said along with a call; most are quick enough to be made in silence."""
    if call.name == "transfer_to_person":
        return phrases.TRANSFER
    if call.name == "end_call":
        return phrases.WRONG_NUMBER if desk.wrong_number else _join(*desk.news, phrases.GOODBYE)
    if call.name == "identify_caller" and desk.service and not desk.phone:
        return phrases.glad_to_help(desk.name_of(desk.service))
    if call.name == "identify_caller" and desk.errand is not None and not desk.phone:
        return phrases.CERTAINLY
    if call.name in _MEANWHILE:
        return _join(*desk.news, _MEANWHILE[call.name])
    if call.name == "book_appointment":
        return _join(*desk.news, phrases.BOOKING)
    if call.name == "find_openings":
        return _join(*desk.news, phrases.LOOKING)
    return ""


_MEANWHILE = {
    "my_appointments": phrases.LOOKING_UP,
    "repair_status": phrases.LOOKING_UP,
    "reschedule_appointment": phrases.MOVING,
    "cancel_appointment": phrases.CANCELLING,
}


_SAID_BACK = frozenset({Question.CONFIRM, Question.CANCEL_IT})
"""Questions that are asked whole again, because a yes to them is acted upon."""


def _speak(desk: Desk) -> str:
    question = desk.open_question()
    if desk.repeat and desk.last_said and question not in _SAID_BACK:
        return desk.last_said
    again = desk.unclear if not desk.news and not desk.repeat else min(desk.unclear, 1)
    news = [*desk.news]
    if desk.unclear and not desk.news and not desk.offers_person:
        news = [phrases.UNCLEAR[min(desk.unclear, len(phrases.UNCLEAR)) - 1]]
    if news and news[-1].endswith("?") and not desk.offers_person:
        return _join(*news)  # One question at a time: a tool's message has asked it.
    return _join(*news, _question(desk, question, again))


def _question(desk: Desk, question: Question, again: int) -> str:
    if question is Question.PERSON:
        return phrases.PERSON_OFFER
    if question is Question.WHICH_VEHICLE:
        return phrases.which_vehicle([name for _, name in desk.vehicles], again)
    if question is Question.VEHICLE and (desk.year or desk.make):
        return phrases.rest_of_vehicle(desk.year, desk.make, desk.model)
    if question is Question.OPENING:
        offered: tuple[Opening, ...] = desk.narrowed or desk.openings
        return phrases.openings([opening.when for opening in offered], again)
    if question is Question.WHICH_APPOINTMENT:
        return phrases.which_appointment([errands.visit(a) for a in desk.appointments or ()], again)
    if question is Question.CANCEL_IT and desk.appointment:
        return phrases.cancel_it(errands.visit(desk.appointment), again)
    if (
        question is Question.CONFIRM
        and desk.errand is not None
        and desk.appointment
        and desk.chosen
    ):
        return phrases.move_it(desk.appointment.service, desk.chosen.when, again)
    if question is Question.CONFIRM:
        when = desk.chosen.when if desk.chosen else ""
        how = desk.chosen.transport if desk.chosen else None
        return phrases.confirm(desk.work(), desk.vehicle_name(), when, desk.price, again, how)
    return phrases.question(question, again)


def _without(desk: Desk, call: Call) -> Reply:
    """The tool the state asks for is not offered now: say so, and offer a person."""
    if call.name == "end_call":
        return Reply(phrases.GOODBYE)
    if call.name == "transfer_to_person":
        desk.wants_person = desk.offers_person = False
        desk.last_said = ""
        question = desk.open_question()
        if question is Question.PERSON:
            question = Question.ANYTHING_ELSE
        return Reply(_join(phrases.NO_TRANSFER, _question(desk, question, 0)))
    return Reply(_join(*desk.news, phrases.CANNOT_HELP, phrases.PERSON_OFFER))


def _join(*sentences: str) -> str:
    return re.sub(r"\s+", " ", " ".join(sentence for sentence in sentences if sentence)).strip()
