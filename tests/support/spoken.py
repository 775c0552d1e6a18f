"""A call in words: the sandbox's receptionist answers, with Otto's tools, on real stores."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from otto.crm.records import Callback
from otto.crm.repair_desk import RepairDesk
from otto.crm.repair_orders import RepairOrder
from otto.crm.repair_table import RepairTable
from otto.crm.service import CrmService
from otto.dialogue.session.state import Session
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall
from otto.scheduling.bookings import Booking
from otto.scheduling.service import CalendarService
from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict
from otto.scheduling.texts.codes import TextCodes
from sandbox.receptionist.receptionist import answer
from tests.support.call import NOW


@dataclass
class SpokenCall:
    """The caller speaks, the receptionist answers and uses Otto's tools."""

    toolbox: Toolbox
    session: Session
    messages: list[dict[str, Any]]
    longest_tool_s: float = 0.0
    results: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, text: str) -> str:
        """One turn of the caller; everything Otto says to it."""
        self.messages.append({"role": "user", "content": text})
        self.session.history.caller(text)
        self.session.caller_turns += 1
        said = []
        for number in range(10):
            reply = answer(self.messages, self.toolbox.offered(), date(2026, 11, 23))
            said.append(reply.text)
            message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
            self.messages.append(message)
            if reply.call is None:
                self.session.history.otto(reply.text)
                return " ".join(filter(None, said))
            name, arguments = reply.call.name, json.dumps(reply.call.arguments)
            call_id = f"c{len(self.messages)}-{number}"
            function = {"name": name, "arguments": arguments}
            message["tool_calls"] = [{"id": call_id, "type": "function", "function": function}]
            began_s = time.monotonic()
            call = ToolCall(call_id, name, arguments)
            result = await self.toolbox.run(call)
            self.longest_tool_s = max(self.longest_tool_s, time.monotonic() - began_s)
            self.results.append(result)
            content = json.dumps(result)
            self.session.history.otto(reply.text, [call], [content])
            self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
            if result["status"] == "ending":
                return " ".join(filter(None, said))
        raise AssertionError("the receptionist called tools for ever")


class Customers(CrmService):
    """The service in the shape of the port that the tools have, as the CRM actor is."""

    def __init__(self, engine: AsyncEngine, location_id: str, **more: Any) -> None:
        super().__init__(engine, location_id, **more)
        system = RepairTable(engine, location_id)
        self._repairs = RepairDesk(engine, system, clock=lambda: NOW)

    async def repair_orders(self, customer_id: int) -> tuple[RepairOrder, ...]:
        return await self._repairs.repair_orders(customer_id)

    async def request_callback(self, request: Callback) -> None:
        await self.calls.request_callback(request)


class Bookings:
    """Bookings and codes in the shape of the port, as the calendar actor is."""

    def __init__(self, calendar: CalendarService, codes: TextCodes) -> None:
        self.find_openings = calendar.find_openings
        self.appointments_of = calendar.appointments_of
        self.reschedule = calendar.reschedule
        self.cancel = calendar.cancel
        self.hold = calendar.hold
        self.release_hold = calendar.release_hold
        self._calendar = calendar
        self._codes = codes
        self.booked: list[Booking] = []

    async def book(self, request: Any) -> Booking:
        booking = await self._calendar.book(request)
        self.booked.append(booking)
        return booking

    async def text_code(self, request: CodeRequest) -> bool:
        return await self._codes.send(request)

    async def check_code(self, call_sid: str, code: str) -> CodeVerdict:
        return await self._codes.check(call_sid, code)
