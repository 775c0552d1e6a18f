"""The tools' execution: the model proposes, this module disposes.

A tool takes the model's arguments, checks them again, and works on what is *pinned* of the
session: whose customer it is, whether they are verified and which slots were offered come from
there, never from the arguments. It always comes to a result the model can speak about; what goes
wrong inside is logged without personal data and told as one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from pydantic import ValidationError

from config.dealership import Dealership, Location
from otto.crm.records import Callback
from otto.dialogue.desk_words import ENGLISH_DESK
from otto.dialogue.flow.machine import allowed_tools, came, denial
from otto.dialogue.flow.slots import taken
from otto.dialogue.session.state import Session
from otto.dialogue.tools.appointments import AppointmentTools
from otto.dialogue.tools.arguments import (
    AddNumber,
    AddVehicle,
    BookAppointment,
    CancelAppointment,
    CheckCode,
    CreateCustomer,
    DealershipInfo,
    EndCall,
    FindOpenings,
    IdentifyCaller,
    MyAppointments,
    RepairStatusOf,
    RequestCallback,
    RescheduleAppointment,
    TextCode,
    TransferToPerson,
    VerifyCaller,
    not_usable,
)
from otto.dialogue.tools.callers import CallerTools
from otto.dialogue.tools.changes import ChangeTools
from otto.dialogue.tools.codes import CodeTools
from otto.dialogue.tools.consent import Consents
from otto.dialogue.tools.endings import CLOSED
from otto.dialogue.tools.information import answer
from otto.dialogue.tools.newcomers import NewcomerTools
from otto.dialogue.tools.outcome import Finished, Late, Outcome, Pinned, Tool, told
from otto.dialogue.tools.ports import Calendar, Crm
from otto.dialogue.tools.repairs import RepairTools
from otto.dialogue.tools.results import (
    Asked,
    Result,
    ToolFault,
    calendar_away,
    error,
    without_blanks,
)
from otto.dialogue.tools.schemas import Schema, tool_schemas
from otto.events import ToolCall
from otto.language.characters import printable
from otto.language.dates import DateError
from otto.language.phone import PhoneError
from otto.language.vin import VinError
from otto.scheduling.bookings import SchedulingError
from otto.scheduling.desk_hours import closed_desk
from otto.storage.errors import CrmError, StoreUnavailable

log = structlog.get_logger()

NOT_BOOKED = "I'm sorry, your appointment did not go through after all."
NOT_MOVED = "I'm sorry, your appointment was not moved after all: it stands as it was."
NOT_CANCELLED = "I'm sorry, your appointment was not cancelled after all: it still stands."
NOT_NOTED = "I'm sorry, nobody will call you back: I could not note down your wish."
NOTED = "I have noted it now: somebody will call you back."


class Toolbox:
    """The tools of one call, on its session."""

    def __init__(
        self,
        session: Session,
        dealership: Dealership,
        location: Location,
        calendar: Calendar,
        crm: Crm,
        *,
        now: Callable[[], datetime],
        verification_attempts: int,
    ) -> None:
        self._session = session
        self._dealership = dealership
        self._location = location
        self._crm = crm
        self._now = now
        callers = CallerTools(crm, session, verification_attempts, now)
        newcomers = NewcomerTools(crm, now)
        codes = CodeTools(calendar, crm)
        consents = Consents(session, dealership, location, now)
        appointments = AppointmentTools(dealership, location, calendar, consents, now)
        changes = ChangeTools(dealership, location, calendar, consents, appointments)
        repairs = RepairTools(location, crm, now)
        self._tools: dict[str, Tool] = {
            "identify_caller": Tool(IdentifyCaller, callers.identify),
            "verify_caller": Tool(VerifyCaller, callers.verify),
            "text_code": Tool(TextCode, codes.send),
            "check_code": Tool(CheckCode, codes.check),
            "create_customer": Tool(CreateCustomer, newcomers.create),
            "add_vehicle": Tool(AddVehicle, newcomers.add_vehicle),
            "add_number": Tool(AddNumber, newcomers.add_number),
            "find_openings": Tool(FindOpenings, appointments.find_openings),
            "book_appointment": Tool(BookAppointment, appointments.book, NOT_BOOKED),
            "my_appointments": Tool(MyAppointments, changes.mine),
            "reschedule_appointment": Tool(RescheduleAppointment, changes.reschedule, NOT_MOVED),
            "cancel_appointment": Tool(CancelAppointment, changes.cancel, NOT_CANCELLED),
            "repair_status": Tool(RepairStatusOf, repairs.status),
            "dealership_info": Tool(DealershipInfo, self._dealership_info),
            "request_callback": Tool(RequestCallback, self._request_callback, NOT_NOTED),
            "transfer_to_person": Tool(TransferToPerson, self._transfer),
            "end_call": Tool(EndCall, self._end_call),
        }

    def offered(self) -> list[Schema]:
        """The tools the model may call now, in OpenAI's form."""
        allowed = allowed_tools(self._session)
        return [tool for name, tool in tool_schemas(self._dealership).items() if name in allowed]

    def may_have_effect(self, call: ToolCall) -> bool:
        """Whether the caller is to hear what comes of it, however late."""
        tool = self._tools.get(call.name)
        return tool is not None and bool(tool.failed_late)

    async def run(self, call: ToolCall) -> Result:
        """Execute one tool call and apply it. Never raises, except for cancellation."""
        return (await self.work(call)).settle(self._session)

    async def work(self, call: ToolCall) -> Finished:
        """Execute one tool call; nothing of it is in the session before it is settled. Never
        raises, except for cancellation."""
        pinned = Pinned.of(self._session, call.id)
        tool = self._tools.get(call.name)
        if call.fault:
            return Finished(pinned, told(error(advice=call.fault)))
        if tool is None or call.name not in allowed_tools(self._session):
            return Finished(pinned, told(error(advice=denial(call.name, self._session))))
        try:
            given = without_blanks(printable(json.loads(call.arguments or "{}")))
            arguments = tool.arguments.model_validate(given)
        except ValidationError as invalid:
            return Finished(pinned, told(error(advice=not_usable(invalid))))
        except (ValueError, RecursionError):
            advice = "The arguments were not valid JSON. Call the tool again."
            return Finished(pinned, told(error(advice=advice)))
        outcome = await self._outcome(call.name, tool, pinned, arguments)
        return Finished(pinned, _moving(call.name, given, outcome))

    async def _outcome(self, name: str, tool: Tool, pinned: Pinned, arguments: Any) -> Outcome:
        sentence = tool.failed_late
        try:
            return await tool.run(pinned, arguments)
        except Asked as question:
            result = question.result
        except ToolFault as fault:
            result = error(advice=str(fault))
        except (DateError, PhoneError, VinError) as fault:
            result = error(str(fault))
        except SchedulingError as fault:
            result = error(fault.sentence) | {"code": fault.code}
        except CrmError as fault:
            result = error(str(fault))
        except StoreUnavailable as away:
            log.warning("tool_without_database", tool=name, reason=away.reason)
            result = calendar_away(name, away)
            if away.outcome_unknown:
                sentence = ""  # it may still have gone through, as the caller was told
        except Exception as unexpected:
            log.error("tool_failed", tool=name, error=type(unexpected).__name__)
            result = error(
                "I'm sorry, that did not work on our side.", advice="Offer to connect a person."
            )
        return Outcome(lambda session: result, lambda session: Late(result, sentence))

    # What needs no room of its own

    async def _dealership_info(self, pinned: Pinned, arguments: DealershipInfo) -> Outcome:
        now = self._now().astimezone(ZoneInfo(self._location.timezone))
        return told(
            {"status": "ok", "answer": answer(self._dealership, self._location, arguments, now)}
        )

    async def _request_callback(self, pinned: Pinned, arguments: RequestCallback) -> Outcome:
        if pinned.callback_requested:
            return told({"status": "noted", "advice": "It was noted before: one request a call."})
        phone = pinned.number(arguments.phone_number)
        closed = closed_desk(self._location, self._now())
        soonest = closed.promise if closed else "as soon as possible"
        when = arguments.when or soonest
        reason = f"{arguments.reason} (when: {when})"
        promised_at = closed.opens_at if closed else None
        await self._crm.request_callback(
            Callback(f"{pinned.call_sid}:callback", phone, reason, pinned.call_sid, promised_at)
        )

        def noted(session: Session) -> Result:
            session.callback_requested = True
            return {"status": "noted", "when": when}

        def late(session: Session) -> Late:
            is_known = session.callback_requested  # asked for again, and told then
            return Late(noted(session), "" if is_known else NOTED)

        return Outcome(noted, late)

    async def _transfer(self, pinned: Pinned, arguments: TransferToPerson) -> Outcome:
        closed = closed_desk(self._location, self._now())
        if closed is None:
            return told({"status": "transferring"})
        return told(
            {
                "status": "ask",
                "code": CLOSED,
                "message": ENGLISH_DESK.offer(closed.promise),
                "advice": "On a yes, use request_callback. Nobody can be connected now.",
            }
        )

    async def _end_call(self, pinned: Pinned, arguments: EndCall) -> Outcome:
        return told({"status": "ending"})


def _moving(name: str, given: dict[str, Any], outcome: Outcome) -> Outcome:
    """The outcome, which moves the state of the call as well when it is applied."""

    def change(session: Session) -> Result:
        result = outcome.change(session)
        came(session, name, given, result)
        taken(session, name, given, result)
        return result

    def late(session: Session) -> Late:
        late = outcome.late(session)
        came(session, name, given, late.result)
        taken(session, name, given, late.result)
        return late

    return Outcome(change, late)
