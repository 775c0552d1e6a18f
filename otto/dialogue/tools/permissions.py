"""What the caller may do now: decided by code, from the session, never by the model.

The model is offered only the tools that this table allows, and the table is asked again when a
tool is executed: a model that calls what it was not offered gets an error it can speak about.
"""

from __future__ import annotations

from otto.dialogue.session.state import Identity, Session
from otto.language.phone import caller_number

ALWAYS = (
    "dealership_info",
    "find_openings",
    "request_callback",
    "transfer_to_person",
    "end_call",
)

CHANGES = ("my_appointments", "reschedule_appointment", "cancel_appointment")

BY_IDENTITY: dict[Identity, tuple[str, ...]] = {
    Identity.UNKNOWN: ("identify_caller",),
    # A wrong number may have been searched for: looking again is allowed, so is a new customer.
    Identity.NOT_FOUND: ("identify_caller", "create_customer"),
    # A number may be a family's: who calls may be somebody else of them, who is new here.
    Identity.FOUND: ("verify_caller", "create_customer"),
    Identity.CLAIMED: ("identify_caller", "verify_caller"),
    Identity.VERIFIED: ("add_vehicle", "repair_status"),
    Identity.CREATED: ("add_vehicle",),
    Identity.LOCKED: (),
}


def allowed_tools(session: Session) -> frozenset[str]:
    """The names of the tools that may be called in this state of the call."""
    names = {*ALWAYS, *BY_IDENTITY[session.identity]}
    if session.identity.trusted and session.vehicles and session.offers:
        names.add("book_appointment")
    if session.identity.trusted:
        # Somebody who was entered in this call may have booked in it, and thinks better of it.
        names.add("my_appointments")
        if session.appointments:
            names.add("cancel_appointment")
        if session.appointments and session.offers:
            names.add("reschedule_appointment")
        if _calls_from_elsewhere(session):
            names.add("add_number")
    if session.identity is Identity.CLAIMED:
        names.add("check_code" if session.code_sent_to else "text_code")
    return frozenset(names)


def _calls_from_elsewhere(session: Session) -> bool:
    """Whether the number that calls, as far as anybody vouches for it, is not the one they were
    found by."""
    calling = None if session.is_forged else caller_number(session.caller)
    return calling is not None and calling != session.phone


def denial(name: str, session: Session) -> str:
    """A sentence for the model about a tool that is not allowed now."""
    if session.identity is Identity.LOCKED:
        return "The caller could not be verified. Offer to connect them with a person."
    if name == "book_appointment":
        if not session.identity.trusted:
            return "Identify and verify the caller first, or enter them as a new customer."
        if not session.vehicles:
            return "Ask for the vehicle's year, make and model and add it first."
        return "Find openings and offer them to the caller first."
    if name in CHANGES:
        if not session.identity.trusted:
            return "Identify and verify the caller first: appointments are told to nobody else."
        if not session.appointments:
            return "Use my_appointments first, and tell the caller which one it is."
        return "Find openings and offer them to the caller first."
    if name == "repair_status":
        return "Identify and verify the caller first: what is in the workshop is theirs alone."
    if name == "verify_caller":
        return "Identify the caller first."
    if name == "text_code" and session.code_sent_to:
        return "One code a call. Ask for it again, or offer to connect a person."
    if name in {"text_code", "check_code"}:
        return "Only a number that the caller has said needs a code: use identify_caller with it."
    if name == "create_customer":
        return "Look the caller up with identify_caller first."
    if name == "add_vehicle":
        return "The caller has to be verified, or entered as a new customer, first."
    if name == "add_number":
        return "Only a verified caller's number, and only one that is not known yet, can be noted."
    if name == "identify_caller":
        return "The caller is identified already."
    return "This tool does not exist."
