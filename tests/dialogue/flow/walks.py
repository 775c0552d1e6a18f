"""Calls as walks through the state machine: what a caller says and tools come to, and where the
call must stand then. One walk for each flow; every row of the table is needed by some of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from otto.dialogue.flow.machine import allowed_tools, came, denial, happened, hears
from otto.dialogue.flow.table import Said
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.state import AppointmentRef, Identity, Offer, Session, VehicleRef

MARIA, OTHER = "+13125550142", "+17735550199"
AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SLOT = Offer("s-1", (), "2026-11-24T15:00:00+00:00", "2026-11-24T15:30:00+00:00", "Tuesday", 1)
TUESDAY = AppointmentRef("a-1", "1", ("oil_change",), "Oil change", 1, "", "", "Tuesday", "AB", 1)
CIVIC = VehicleRef("v1", 1, "2019 Honda Civic")


class Walk:
    """One call's session, moved from outside."""

    def __init__(self, caller: str = MARIA) -> None:
        self.session = Session.begin("CA1", caller, "+13125550100", AT)

    def says(self, *turns: str) -> None:
        for words in turns:
            hears(self.session, words)

    def tool(self, name: str, status: str, arguments: Any = None, **result: Any) -> None:
        """A tool that is offered comes to this."""
        self.offers(name)
        came(self.session, name, arguments or {}, {"status": status, **result})

    def offers(self, *names: str) -> None:
        missing = {*names} - allowed_tools(self.session)
        assert not missing, f"not offered: {missing}, {self.session.identity}"

    def keeps_back(self, *names: str) -> None:
        offered = {*names} & allowed_tools(self.session)
        assert not offered, f"offered: {offered}"
        assert all(denial(name, self.session) for name in names)

    def is_about(self, errand: Errand, *waiting: Errand) -> None:
        assert (self.session.errand, self.session.waiting) == (errand, [*waiting])

    def is_with(self, identity: Identity) -> None:
        assert self.session.identity is identity

    # Steps that many calls have

    def verified(self) -> None:
        self.tool("identify_caller", "found")
        self.is_with(Identity.FOUND)
        self.keeps_back("my_appointments", "repair_status", "add_vehicle", "book_appointment")
        self.tool("verify_caller", "verified")
        self.is_with(Identity.VERIFIED)
        self.session.phone, self.session.vehicles = MARIA, [CIVIC]

    def openings(self, arguments: Any = None, status: str = "ok") -> None:
        if status == "ok":
            self.session.offers["s-1"] = SLOT
        self.tool("find_openings", status, arguments)

    def told(self) -> None:
        self.session.appointments = [TUESDAY]
        self.tool("my_appointments", "ok")


WALKS: dict[str, Callable[[], None]] = {}


def walk(flow: Callable[[], None]) -> Callable[[], None]:
    WALKS[flow.__name__] = flow
    return flow


# A new appointment


@walk
def a_new_customer_books() -> None:
    call = Walk()
    call.keeps_back("create_customer", "book_appointment", "add_vehicle", "add_number")
    call.says("I need an oil change")
    call.is_about(Errand.BOOK)
    call.tool("identify_caller", "not_found")
    call.is_with(Identity.NOT_FOUND)
    call.keeps_back("verify_caller")
    call.tool("create_customer", "created")
    call.is_with(Identity.CREATED)
    call.session.phone = MARIA
    call.keeps_back("repair_status", "book_appointment", "identify_caller")
    call.openings()
    call.is_about(Errand.BOOK)
    call.keeps_back("book_appointment")
    call.tool("add_vehicle", "added")
    call.session.vehicles = [CIVIC]
    call.tool("book_appointment", "booked")
    call.is_about(Errand.DONE)
    call.tool("end_call", "ending")


@walk
def a_known_customer_books() -> None:
    call = Walk()
    call.says("I'd like to schedule service for my car")
    call.is_about(Errand.BOOK)
    call.verified()
    call.keeps_back("verify_caller", "add_number", "book_appointment")
    call.openings()
    call.keeps_back("reschedule_appointment")
    call.says("can we reschedule that to ten", "no, cancel that")  # of what is on the table
    call.is_about(Errand.BOOK)
    call.tool("book_appointment", "booked")
    call.is_about(Errand.DONE)


@walk
def a_symptom_leads_to_openings_whatever_was_understood() -> None:
    call = Walk()
    call.says("it does that thing again")
    call.is_about(Errand.OPEN)
    call.openings()
    call.is_about(Errand.BOOK)
    call = Walk()
    call.openings(status="none")
    call.is_about(Errand.BOOK)


@walk
def a_number_that_is_said_is_proved_by_name_or_by_code() -> None:
    call = Walk(OTHER)
    call.tool("identify_caller", "ask")
    call.is_with(Identity.CLAIMED)
    call.keeps_back("check_code", "create_customer")
    call.tool("verify_caller", "mismatch")
    call.tool("text_code", "sent")
    call.session.code_sent_to = MARIA
    call.keeps_back("text_code")
    call.tool("check_code", "not_found")
    call.is_with(Identity.NOT_FOUND)
    call.tool("create_customer", "exists")
    call.is_with(Identity.FOUND)
    call.tool("verify_caller", "verified")
    call.is_with(Identity.VERIFIED)
    call.session.phone = MARIA
    call.tool("add_number", "noted")
    call = Walk(OTHER)
    call.tool("identify_caller", "ask")
    call.tool("text_code", "sent")
    call.session.code_sent_to = MARIA
    call.tool("check_code", "found")
    call.is_with(Identity.FOUND)


@walk
def a_caller_who_cannot_be_verified() -> None:
    call = Walk()
    call.tool("identify_caller", "found")
    call.tool("verify_caller", "locked")
    call.is_with(Identity.LOCKED)
    call.keeps_back("identify_caller", "verify_caller", "create_customer", "my_appointments")
    call.tool("transfer_to_person", "transferring")


@walk
def nothing_is_told_or_done_for_who_is_not_verified() -> None:
    for identity in {*Identity} - {Identity.VERIFIED, Identity.CREATED}:
        for sent in ("", MARIA):
            call = Walk()
            call.session.identity, call.session.code_sent_to = identity, sent
            call.session.vehicles, call.session.appointments = [CIVIC], [TUESDAY]
            call.session.offers["s-1"] = SLOT
            call.keeps_back("book_appointment", "reschedule_appointment", "cancel_appointment")
            call.keeps_back("my_appointments", "repair_status", "add_vehicle", "add_number")
            if identity is not Identity.CLAIMED:
                call.keeps_back("text_code", "check_code")


# An appointment that stands


@walk
def a_customer_moves_an_appointment() -> None:
    call = Walk()
    call.says("I need to reschedule my appointment")
    call.is_about(Errand.MOVE)
    call.verified()
    call.keeps_back("reschedule_appointment", "cancel_appointment")
    call.told()
    call.is_about(Errand.MOVE)
    call.keeps_back("reschedule_appointment")
    call.openings({"appointment_ref": "a-1"})
    call.is_about(Errand.MOVE)
    call.tool("reschedule_appointment", "taken")
    call.is_about(Errand.MOVE)
    call.tool("reschedule_appointment", "moved")
    call.is_about(Errand.DONE)


@walk
def a_customer_cancels() -> None:
    call = Walk()
    call.says("I want to cancel my appointment")
    call.is_about(Errand.CANCEL)
    call.verified()
    call.told()
    call.tool("cancel_appointment", "cancelled")
    call.is_about(Errand.DONE)


@walk
def who_cannot_come_is_asked_which_and_moves_it_after_all() -> None:
    call = Walk()
    call.says("I can't make it on Tuesday")
    call.is_about(Errand.CHANGE)
    call.verified()
    call.told()
    call.openings()
    call.is_about(Errand.MOVE)
    call.says("actually I'd rather cancel it")
    call.is_about(Errand.CANCEL)
    call.openings({"appointment_ref": "a-1"})
    call.tool("reschedule_appointment", "not_done")
    call.is_about(Errand.MOVE)


@walk
def a_change_of_mind_in_the_middle_of_a_booking() -> None:
    call = Walk()
    call.says("I need an oil change", "I want to reschedule my appointment instead")
    call.is_about(Errand.MOVE, Errand.BOOK)
    call = Walk()
    call.says("I need an oil change", "no, I want to cancel my appointment")
    call.is_about(Errand.CANCEL, Errand.BOOK)
    call.says("it's the oil change", "the oil change on Tuesday")
    call.verified()
    call.told()
    call.tool("cancel_appointment", "cancelled")
    call.is_about(Errand.BOOK)


@walk
def what_the_model_is_at_is_under_way() -> None:
    call = Walk()
    call.verified()
    call.told()
    call.is_about(Errand.OPEN)
    call.tool("cancel_appointment", "not_done")
    call.is_about(Errand.CANCEL)
    call.openings({"appointment_ref": "a-1"})
    call.is_about(Errand.MOVE)
    call = Walk()
    call.verified()
    call.told()
    call.openings()
    call.tool("reschedule_appointment", "not_done")
    call.is_about(Errand.MOVE)
    call = Walk()
    call.verified()
    call.told()
    call.openings()
    call.tool("reschedule_appointment", "taken")
    call.is_about(Errand.MOVE)


@walk
def when_is_my_appointment() -> None:
    call = Walk()
    call.says("when is my appointment")
    call.is_about(Errand.LOOK_UP)
    call.verified()
    call.told()
    call.is_about(Errand.DONE)
    call = Walk()
    call.says("I need an oil change", "when is my appointment by the way")
    call.is_about(Errand.LOOK_UP, Errand.BOOK)
    call.verified()
    call.tool("my_appointments", "none")
    call.is_about(Errand.BOOK)


@walk
def running_late() -> None:
    call = Walk()
    call.says("I'm running fifteen minutes late")
    call.is_about(Errand.LATE)
    call.verified()
    call.told()
    call.is_about(Errand.LATE)
    call.tool("request_callback", "noted")
    call.is_about(Errand.DONE)
    call.says("I'm running late")
    call.openings()
    call.is_about(Errand.MOVE)


# The workshop, the desk, other departments


@walk
def is_my_car_ready() -> None:
    call = Walk()
    call.says("is my car ready")
    call.is_about(Errand.REPAIR)
    call.verified()
    call.tool("repair_status", "ok")
    call.is_about(Errand.DONE)


@walk
def hours_and_prices() -> None:
    call = Walk()
    call.says("what are your hours")
    call.is_about(Errand.QUESTION)
    call.tool("dealership_info", "ok")
    call.is_about(Errand.DONE)
    call.says("I need an oil change", "how much is that")
    call.is_about(Errand.BOOK)


@walk
def warranty_recall_bill_and_complaint() -> None:
    for words in (
        "there's a recall on my car",
        "I have a question about my bill",
        "is that under warranty",
        "I want to make a complaint",
    ):
        call = Walk()
        call.says(words)
        call.is_about(Errand.DESK)
        call.tool("transfer_to_person", "transferring")
    call.says("and I need an oil change")
    call.is_about(Errand.BOOK, Errand.DESK)
    call.says("I want to complain")
    call.is_about(Errand.DESK, Errand.BOOK)


@walk
def sales_and_parts() -> None:
    for words in ("I want to buy a car", "the parts department please"):
        call = Walk()
        call.says(words)
        call.is_about(Errand.DEPARTMENT)
        call.tool("dealership_info", "ok")
        call.is_about(Errand.DONE)


@walk
def wrong_number() -> None:
    call = Walk()
    call.says("sorry, wrong number")
    call.is_about(Errand.WRONG_NUMBER)
    call.tool("end_call", "ending")


@walk
def somebody_shall_call_back() -> None:
    call = Walk()
    call.says("I need an oil change", "just have somebody call me back")
    call.is_about(Errand.CALLBACK)
    call.tool("request_callback", "noted")
    call.is_about(Errand.DONE)


# What cannot wait


@walk
def danger() -> None:
    call = Walk()
    call.verified()
    call.told()
    call.openings()
    call.says("the brake pedal goes to the floor")
    call.is_about(Errand.DANGER)
    call.keeps_back("find_openings", "book_appointment", "reschedule_appointment")
    call.says("I need an oil change", "what are your hours")
    call.is_about(Errand.DANGER)
    call.offers("transfer_to_person", "request_callback", "dealership_info")
    call.says("I need a tow truck")
    call.is_about(Errand.TOW)
    call.tool("dealership_info", "ok")
    call.is_about(Errand.DONE)
    call.offers("book_appointment")


@walk
def a_person_at_once_from_any_state() -> None:
    for errand in Errand:
        call = Walk()
        call.session.errand = errand
        call.says("let me speak to a person")
        call.offers("transfer_to_person")
        assert call.session.errand in {Errand.PERSON, Errand.DANGER}
    call = Walk()
    call.says("I need an oil change", "agent", "no wait, I need an oil change")
    call.is_about(Errand.BOOK)


@walk
def nobody_is_at_the_desk() -> None:
    call = Walk()
    call.says("I need an oil change", "let me speak to a person")
    call.is_about(Errand.PERSON, Errand.BOOK)
    call.tool("transfer_to_person", "ask", code="closed")
    call.is_about(Errand.CALLBACK, Errand.BOOK)
    happened(call.session, Said.NO_PERSON)
    call.is_about(Errand.BOOK)
    call.tool("transfer_to_person", "ask", code="closed")
    call.is_about(Errand.CALLBACK, Errand.BOOK)
    call = Walk()
    call.says("let me speak to a person")
    happened(call.session, Said.NO_PERSON)
    call.is_about(Errand.OPEN)


@walk
def another_language() -> None:
    call = Walk()
    call.says("hablas espanol")
    call.is_about(Errand.LANGUAGE)
    call.offers("transfer_to_person")


@walk
def silence_and_noise() -> None:
    call = Walk()
    call.says("", "uh", "...", "mhm")
    call.is_about(Errand.OPEN)
    call.says("I need an oil change", "", "uh huh")
    call.is_about(Errand.BOOK)


@walk
def several_wishes_in_one_call() -> None:
    call = Walk()
    call.says("I need to cancel my appointment")
    call.says("and I also need an oil change", "is my truck ready", "and the parts department")
    call.says("also I have a question about my bill")
    waiting = [Errand.BOOK, Errand.REPAIR, Errand.DEPARTMENT, Errand.DESK]
    call.is_about(Errand.CANCEL, *waiting)
    call.verified()
    call.told()
    call.tool("cancel_appointment", "cancelled")
    call.is_about(*waiting)
    call.openings()
    call.tool("book_appointment", "booked")
    call.is_about(*waiting[1:])
    call.tool("repair_status", "none")
    call.tool("dealership_info", "ok")
    call.is_about(Errand.DESK)


@walk
def a_second_wish_while_the_first_is_told() -> None:
    call = Walk()
    call.says("is my car ready", "I need an oil change for my truck")
    call.is_about(Errand.REPAIR, Errand.BOOK)


@walk
def two_wishes_in_one_breath() -> None:
    call = Walk()
    call.says("I'd like to reschedule my appointment, and is my truck ready?")
    call.is_about(Errand.MOVE, Errand.REPAIR)
    call = Walk()
    call.says("I want to cancel my appointment, and what are your hours?")
    call.is_about(Errand.CANCEL)
