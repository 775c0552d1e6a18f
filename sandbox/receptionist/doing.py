"""Which tool the state of the desk asks for next, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.receptionist import phrases, wants
from sandbox.receptionist.calls import Call
from sandbox.receptionist.state import Desk, Errand, Identity, Inquiry

MOST_SERVICES = 4
"""In one visit: `find_openings` takes no more."""


def next_call(desk: Desk) -> Call | None:
    """The tool the state asks for, or None when it is time to speak."""
    if desk.wants_person:
        return Call("transfer_to_person", {"reason": _reason(desk)})
    if desk.wants_callback:
        return Call("request_callback", _callback(desk))
    if desk.repeat or desk.waiting:
        return None
    if desk.inquiries and "dealership_info" not in desk.failed:
        return _ask(desk.inquiries[0])
    if desk.goodbye:
        return Call("end_call", {"reason": "wrong_number" if desk.wrong_number else "done"})
    if desk.offers_person or desk.offers_callback:
        return None
    if desk.doubt is not None:
        return Call(desk.doubt.tool, dict(desk.doubt.arguments)) if desk.assent else None
    if desk.errand is Errand.UNSETTLED:
        return None
    if desk.errand is not None:
        return _identify(desk) if desk.identity is not Identity.KNOWN else _run_errand(desk)
    if not desk.wants or not desk.service:
        return None
    return _identify(desk) if desk.identity is not Identity.KNOWN else _arrange(desk)


def _reason(desk: Desk) -> str:
    if desk.reason:
        return desk.reason
    if desk.identity is Identity.LOCKED:
        return "The caller could not be verified."
    return wants.summary(desk, "asks for a person")


def _callback(desk: Desk) -> dict[str, Any]:
    wish = (
        f"wants {phrases.a_service(desk.name_of(desk.service))}" if desk.service else "has called"
    )
    if desk.purpose and not desk.service:
        return {
            "reason": desk.purpose,
            "when": desk.callback_when,
            "phone_number": desk.phone,
        }
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
    if desk.identity is Identity.NOT_FOUND and is_named and (desk.born or not desk.asks_birth):
        return Call("create_customer", _new_customer(desk))
    return None


def _new_customer(desk: Desk) -> dict[str, Any]:
    return {
        "first_name": desk.first_name,
        "last_name": desk.last_name,
        "phone_number": desk.phone,
        "date_of_birth": desk.born,
        "email": desk.email,
    }


def _verify(desk: Desk, *, with_name: bool) -> Call:
    return Call(
        "verify_caller",
        {
            "date_of_birth": desk.born,
            "vin_last_six": None if desk.born else desk.vin,
            "first_name": desk.first_name if with_name else None,
            "last_name": desk.last_name if with_name else None,
        },
    )


def _arrange(desk: Desk) -> Call | None:
    if not desk.vehicle:
        if not desk.car.words or (desk.vehicles and not desk.adding):
            return None
        return Call("add_vehicle", {"vehicle": desk.car.words, "vin": desk.car_vin})
    if desk.when is None:
        return None
    if not desk.openings:
        return _find_openings(desk, [desk.service, *desk.also])
    if desk.chosen is not None and desk.confirmed:
        return Call(
            "book_appointment",
            {"slot_id": desk.chosen.slot_id, "vehicle_ref": desk.vehicle, "notes": None},
        )
    return None


def _find_openings(desk: Desk, services: list[str | None]) -> Call:
    moved = desk.appointment.ref if desk.errand and desk.appointment else None
    return Call(
        "find_openings",
        {
            "services": services[:MOST_SERVICES],
            "when": desk.when or None,
            "with": desk.staff,
            "transport": None if desk.errand else desk.transport,
            "appointment_ref": moved,
        },
    )


def _run_errand(desk: Desk) -> Call | None:
    """What a caller who is known wants of what is in the book already."""
    if desk.errand is Errand.REPAIR:
        return Call("repair_status", {"vehicle_ref": None})
    if desk.appointments is None:
        return Call("my_appointments")
    if desk.appointment is None:
        return None
    ref: Mapping[str, Any] = {"appointment_ref": desk.appointment.ref}
    if desk.errand is Errand.CANCEL:
        reason = {"reason": "no_longer_needed"}
        return Call("cancel_appointment", {**ref, **reason}) if desk.agreed else None
    if desk.when is not None and not desk.openings:
        return _find_openings(desk, [*desk.appointment.codes])
    if desk.chosen is not None and desk.confirmed:
        return Call("reschedule_appointment", {**ref, "slot_id": desk.chosen.slot_id})
    return None
