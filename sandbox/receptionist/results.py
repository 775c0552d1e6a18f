"""What the tools' results do to the desk: one function per tool, in a table at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.receptionist import consent, errands, phrases
from sandbox.receptionist.state import Desk, Doubt, Identity, Opening
from sandbox.receptionist.understanding.vehicles import Car, choose_vehicle, read_car

FAILURES_LIMIT = 2
"""Errors of one tool, with no success between, after which a person is offered."""
_DID_NOT_COME = frozenset({"interrupted", "not_yet", "not_ended"})
"""Statuses of an end of the call that did not come about: the caller went on, or first has to hear
something."""
_LAST_RESORTS = frozenset({"transfer_to_person", "end_call"})


def learn(desk: Desk, name: str, arguments: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Take in one tool's result.

    A result's `message` may be said to the caller; its `advice` is for a model that reasons, and
    is never said: what to do next follows from the desk's state.
    """
    status = str(result.get("status", ""))
    if status == "ask":
        desk.failed.add(name)  # Not before the caller has answered.
    if status == "error" and result.get("code") == "book_away":
        # Everything the caller has said still holds: it may be asked again later.
        desk.failed.add(name)
        desk.offers_callback = True
        _tell(desk, result, otherwise=phrases.BOOK_AWAY)
        return
    if status == "ask" and result.get("code") in _DOUBTS:
        _learn_doubt(desk, name, arguments, result)
        return
    if desk.doubt is not None and desk.doubt.tool == name:
        desk.doubt, desk.assent = None, False
    taken_in = _LEARN.get(name)
    understood = taken_in is not None and taken_in(desk, status, arguments, result)
    if not understood:
        desk.failed.add(name)
        # Advice without a message: nothing happened that the caller should hear of.
        _tell(desk, result, otherwise="" if result.get("advice") else phrases.PROBLEM)
    if understood and status != "error":
        desk.failures.pop(name, None)
        return
    desk.failures[name] = desk.failures.get(name, 0) + 1
    if desk.failures[name] >= FAILURES_LIMIT and name not in _LAST_RESORTS:
        del desk.failures[name]
        desk.offers_person = True
        desk.news = desk.news or [phrases.PROBLEM]


_DOUBTS = frozenset({"read_back", "differs"})
"""Codes of questions about what the caller has said of themselves."""


def _learn_doubt(
    desk: Desk, name: str, arguments: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    """What was understood has to be agreed to first; what was not said is asked for again."""
    message = str(result.get("message") or "")
    _tell(desk, result, otherwise="")
    heard = _HEARD.search(message) if name == "add_vehicle" else None
    if result.get("code") == "read_back" or (name in _CORRECTED_BY_TOOL and not heard):
        desk.doubt = Doubt(name, tuple(arguments.items()), message)
    elif heard:
        # It heard another car than it was given: a yes is one to that.
        desk.car = read_car(heard["car"], desk.today.year)
        given = {**arguments, "vehicle": desk.car.words}
        desk.doubt = Doubt(name, tuple(given.items()), message)
    else:
        _ask_again(desk, name)


_CORRECTED_BY_TOOL = frozenset({"create_customer", "add_vehicle"})
"""They hear themselves what the caller corrects, and are called again after whatever is said."""
_HEARD = re.compile(r"I heard (?P<car>.*)\. Is that right\?")


def _ask_again(desk: Desk, name: str) -> None:
    """What this tool was told is to be said anew."""
    if name == "identify_caller":
        desk.phone, desk.identity = None, Identity.NEEDS_NUMBER
    elif name == "verify_caller":
        desk.born = desk.vin = None


def _tell(desk: Desk, result: Mapping[str, Any], otherwise: str) -> None:
    """The result's message as news, or `otherwise`."""
    message = result.get("message")
    said = message.strip() if isinstance(message, str) else ""
    if said or otherwise:
        desk.news.append(said or otherwise)


def _learn_identity(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    if status == "found":
        desk.identity, desk.is_shared = Identity.FOUND, bool(result.get("shared"))
        if result.get("verified") and result.get("vehicles") is not None:
            _learn_customer(desk, result)
    elif status == "not_found" and desk.errand is not None:
        errands.nobody_found(desk)
    elif status == "not_found":
        desk.identity, desk.asks_birth = Identity.NOT_FOUND, True
        if any(desk.told):
            # They have proved a number that nobody has: what they said of themselves holds.
            desk.first_name, desk.last_name, desk.born = desk.told
        desk.news.append(phrases.NOT_FOUND)
    elif status == "ask":
        desk.identity = Identity.CLAIMED
    elif status == "no_number":
        desk.identity, desk.phone = Identity.NEEDS_NUMBER, None
    else:
        desk.identity = Identity.NEEDS_NUMBER
        desk.phone = None
        _tell(desk, result, otherwise="" if result.get("advice") else phrases.NO_NUMBER)
    return True


def _learn_verification(
    desk: Desk, status: str, arguments: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    if status == "ask" and result.get("shared"):
        desk.is_shared = True  # it fits more than one of those who have the number
        return True
    if status in {"ask", "error"}:
        # Half a date is kept for what they say next.
        desk.fragment, desk.born, desk.vin = desk.born or "", None, None
        return _said(desk, result)
    desk.born, desk.vin, desk.fragment = None, None, ""
    if status == "verified":
        _learn_customer(desk, result)
    elif status == "mismatch" and desk.identity is Identity.CLAIMED:
        desk.told = (desk.first_name, desk.last_name, str(arguments.get("date_of_birth") or ""))
        desk.first_name = desk.last_name = ""
        desk.offers_code = True
        desk.news.append(phrases.NO_MATCH)
    elif status == "mismatch":
        desk.news.append(phrases.MISMATCH)
        desk.unclear = 1
    elif status == "locked":
        desk.identity, desk.offers_person = Identity.LOCKED, True
        desk.news.append(phrases.LOCKED)
    else:
        return False
    return True


def _said(desk: Desk, result: Mapping[str, Any]) -> bool:
    """Whether the result asks the caller something itself, which is said then."""
    message = str(result.get("message") or "")
    if not message.endswith("?"):
        return False
    desk.news.append(message)
    return True


def _learn_code_sent(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    desk.wants_code = desk.offers_code = False
    if status == "sent":
        desk.code_sent = True
        desk.news.append(phrases.CODE_SENT)
        return True
    desk.offers_person = True
    return False


def _learn_code(desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    desk.code = None
    if status == "error":
        desk.offers_person = result.get("code") == "over"
        return False
    desk.code_sent = False
    return _learn_identity(desk, status, _, result)


def _learn_customer(desk: Desk, result: Mapping[str, Any]) -> None:
    desk.identity = Identity.KNOWN
    desk.first_name = str(result.get("first_name") or "")
    desk.vehicles = tuple(
        (str(each.get("vehicle_ref")), str(each.get("description", "")))
        for each in result.get("vehicles") or ()
    )
    names = [name for _, name in desk.vehicles]
    if len(names) == 1:
        desk.vehicle = desk.vehicles[0][0]
    else:
        at = choose_vehicle(" ".join(desk.earlier), names, by_place=False)
        desk.vehicle = desk.vehicles[at][0] if at is not None else None
    desk.news.append(phrases.thank_you(desk.first_name))


def _learn_new_customer(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    if status == "created":
        desk.identity = Identity.KNOWN
        desk.first_name = str(result.get("first_name") or desk.first_name)
        desk.news.append(phrases.thank_you(desk.first_name))
        _tell(desk, result, otherwise="")
    elif status == "exists":
        # They have this number already: they have to prove it, as anybody.
        desk.identity, desk.is_shared = Identity.FOUND, True
        desk.news.append(phrases.EXISTS)
    elif status == "ask":
        desk.asks_birth, desk.born = True, None
        return _said(desk, result)
    elif desk.phone is None and (not desk.born or "number" in str(result.get("message"))):
        # The number they call from will not do: perhaps it is withheld.
        desk.identity = Identity.NEEDS_NUMBER
        _tell(desk, result, otherwise=phrases.NEEDS_NUMBER)
    elif desk.born:
        desk.fragment, desk.born = desk.born, None
        desk.asks_birth = True
        return _said(desk, result)
    else:
        desk.last_name = ""
        return False
    return True


def _learn_new_vehicle(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    if status == "ask":
        desk.asks_vin = result.get("code") == "second_fact"
        return _said(desk, result)
    desk.car, desk.car_vin, desk.asks_vin = Car(), None, False
    if status != "added":
        return False
    added = (str(result.get("vehicle_ref")), str(result.get("description", "")))
    desk.vehicles, desk.vehicle, desk.adding = (*desk.vehicles, added), added[0], False
    _tell(desk, result, otherwise="")
    return True


def _learn_openings(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    openings = _openings(result)
    if status == "ok" and openings:
        desk.openings, desk.narrowed, desk.chosen = openings, (), None
        desk.service_name = str(result.get("service") or "")
        desk.price = str(result.get("price") or "")
        if result.get("why"):
            _tell(desk, result, otherwise="")
        elif result.get("asked_is_free") and len(openings) == 1:
            desk.chosen = openings[0]
        return True
    desk.when = None
    if status in {"none", "ok", "ask"}:
        _tell(desk, result, otherwise=phrases.NO_OPENINGS)
        return True
    return False


def _openings(result: Mapping[str, Any]) -> tuple[Opening, ...]:
    return tuple(
        Opening(str(each.get("slot_id")), str(each.get("when", "")), each.get("transport"))
        for each in result.get("openings") or ()
        if not each.get("status")  # taken or booked since
    )


def _learn_booking(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    if status == "not_done":
        return consent.learn(desk, result)
    when = str(result.get("when") or (desk.chosen.when if desk.chosen else ""))
    desk.service_name = str(result.get("service") or desk.service_name)
    if status == "booked":
        code = str(result.get("confirmation") or "")
        is_texted = result.get("text_message") is not False
        desk.news.append(phrases.booked(desk.work(), when, code, is_texted))
        desk.spoken_of = desk.service
        desk.wants, desk.service, desk.service_name, desk.also = False, None, "", ()
        desk.when, desk.booked = None, desk.booked + 1
        desk.transport = desk.staff = None
        if len(desk.vehicles) > 1:
            desk.vehicle = None
        desk.forget_openings()
        return True
    desk.offers_person = desk.offers_person or result.get("code") == "too_many"
    return _learn_other_times(desk, status, result)


def _learn_move(
    desk: Desk, status: str, arguments: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    return errands.learn_move(desk, status, arguments, result) or _learn_other_times(
        desk, status, result
    )


def _learn_other_times(desk: Desk, status: str, result: Mapping[str, Any]) -> bool:
    """The time that was chosen is gone; whether others are offered instead."""
    desk.forget_openings()
    if status not in {"taken", "vehicle_booked"}:
        return False
    desk.news.append(str(result.get("message") or phrases.TAKEN))
    desk.openings = _openings(result)
    if not desk.openings:
        desk.when = None
    return True


def _learn_info(
    desk: Desk, status: str, arguments: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    asked = str(arguments.get("topic"))
    asked_of = arguments.get("service")
    desk.inquiries = tuple(
        each for each in desk.inquiries if each.topic != asked or each.service != asked_of
    )
    desk.answered = True
    if status == "ok" and result.get("answer"):
        desk.news.append(str(result["answer"]))
    else:
        # The caller asked, and must hear something about it.
        _tell(desk, result, otherwise=phrases.NO_ANSWER)
    return True


def _learn_callback(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    desk.wants_callback = False
    if status == "noted":
        desk.goodbye = True
        _tell(desk, result, otherwise=phrases.CALLBACK_NOTED)
        return True
    desk.offers_person = True
    _tell(desk, result, otherwise=phrases.NO_CALLBACK)
    return True


def _learn_transfer(
    desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]
) -> bool:
    desk.wants_person = desk.offers_person = False
    desk.transferring = status == "transferring"
    if not desk.transferring and status not in _DID_NOT_COME:
        _tell(desk, result, otherwise=phrases.NO_TRANSFER)
        desk.offers_callback = result.get("code") == "closed" and "call" not in desk.last_said
    return True


def _learn_end(desk: Desk, status: str, _: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    desk.ending = status == "ending"
    return desk.ending or status in _DID_NOT_COME


_LEARN: dict[str, Callable[[Desk, str, Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "identify_caller": _learn_identity,
    "verify_caller": _learn_verification,
    "text_code": _learn_code_sent,
    "check_code": _learn_code,
    "create_customer": _learn_new_customer,
    "add_vehicle": _learn_new_vehicle,
    "find_openings": _learn_openings,
    "book_appointment": _learn_booking,
    "my_appointments": errands.learn_appointments,
    "reschedule_appointment": _learn_move,
    "cancel_appointment": errands.learn_cancellation,
    "repair_status": errands.learn_repairs,
    "dealership_info": _learn_info,
    "request_callback": _learn_callback,
    "transfer_to_person": _learn_transfer,
    "end_call": _learn_end,
}
