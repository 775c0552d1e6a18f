"""A tiny fake of the service desk's tools, and a conversation held with the receptionist."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from sandbox.app import listen
from sandbox.openai.routes import routes as openai_routes
from sandbox.receptionist.calls import Reply
from sandbox.receptionist.receptionist import answer
from sandbox.receptionist.understanding import people
from sandbox.receptionist.understanding.dates import date_of_birth as read_birth
from sandbox.receptionist.understanding.times import clock_times
from sandbox.receptionist.understanding.vehicles import read_car
from sandbox.world import Options, World

TODAY = date(2026, 11, 22)
CODES = [
    "oil_change",
    "tire_rotation",
    "brake_inspection",
    "brake_pads",
    "wheel_alignment",
    "battery_replacement",
    "diagnostic",
    "state_inspection",
]
GREETING = (
    "Thank you for calling Otto's Auto service department. This is Otto, the automated assistant. "
    "How can I help you today?"
)

PROMPT = "You are Otto. Services: Oil change (oil_change); Brake pad replacement (brake_pads)"


def _tool(name: str, **properties: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    function = {"name": name, "description": name, "strict": True, "parameters": schema}
    return {"type": "function", "function": function}


TOPICS = ["hours", "prices", "address", "services", "towing", "sales", "parts", "loaner"]
TOPICS += ["shuttle", "waiting_room"]
TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"]}
TOOLS = {
    tool["function"]["name"]: tool
    for tool in (
        _tool("identify_caller", phone_number=MAYBE),
        _tool(
            "verify_caller",
            date_of_birth=MAYBE,
            vin_last_six=MAYBE,
            first_name=MAYBE,
            last_name=MAYBE,
        ),
        _tool("text_code"),
        _tool("check_code", code=TEXT),
        _tool(
            "create_customer",
            first_name=TEXT,
            last_name=TEXT,
            phone_number=MAYBE,
            date_of_birth=MAYBE,
            email=MAYBE,
        ),
        _tool(
            "add_vehicle",
            vehicle=TEXT,
            vin=MAYBE,
            mileage=MAYBE,
            mileage_confirmed={"type": ["boolean", "null"]},
        ),
        _tool(
            "find_openings",
            services={"type": "array", "items": {"type": "string", "enum": CODES}},
            when=MAYBE,
            **{"with": MAYBE},
            transport=MAYBE,
            appointment_ref=MAYBE,
        ),
        _tool("book_appointment", slot_id=TEXT, vehicle_ref=MAYBE, notes=MAYBE),
        _tool("my_appointments"),
        _tool("reschedule_appointment", appointment_ref=TEXT, slot_id=TEXT),
        _tool("cancel_appointment", appointment_ref=TEXT, reason=TEXT),
        _tool("repair_status", vehicle_ref=MAYBE),
        _tool(
            "dealership_info",
            topic={"type": "string", "enum": TOPICS},
            service={"type": ["string", "null"], "enum": [*CODES, None]},
            date=MAYBE,
        ),
        _tool("request_callback", reason=TEXT, when=MAYBE, phone_number=MAYBE),
        _tool("transfer_to_person", reason=TEXT),
        _tool("end_call", reason={"type": "string", "enum": ["done", "wrong_number"]}),
    )
}


@dataclass
class Desk:
    """The fake tools: one customer, a fixed calendar, every call recorded."""

    known: bool = True
    born: str = "1984-03-12"
    vehicles: list[str] = field(default_factory=lambda: ["2019 Honda Civic"])
    taken: bool = False
    vehicle_booked: str = ""
    """What is said of the vehicle that is booked already; "" for one that is not."""
    withheld_number: bool = False
    texts: bool = True
    texted: bool = True
    code_sent: bool = False
    attempts: int = 3
    identified: str = "unknown"
    openings: bool = False
    work: str = "Oil change"
    """What was looked for last."""
    booked: list[tuple[str, str, str]] = field(
        default_factory=lambda: [
            ("oil_change", "2019 Honda Civic", "Monday, November 23 at 2:00 PM"),
        ]
    )
    """What is in the book: service, vehicle, when."""
    repairs: list[tuple[str, str]] = field(default_factory=list)
    """What the workshop does: state and message, by the vehicles' order."""
    withhold: set[str] = field(default_factory=set)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def offered(self) -> list[dict[str, Any]]:
        names = {"find_openings", "dealership_info", "transfer_to_person", "request_callback"}
        names |= {"end_call"}
        if self.identified in {"unknown", "not_found"}:
            names.add("identify_caller")
        if self.identified == "found":
            names.add("verify_caller")
        if self.identified == "claimed":
            names |= {"verify_caller", "check_code" if self.code_sent else "text_code"}
        if self.identified == "not_found":
            names |= {"create_customer"}
        if self.identified == "known":
            names |= {"add_vehicle", "my_appointments", "repair_status", "cancel_appointment"}
            names |= {"book_appointment", "reschedule_appointment"} if self.openings else set()
        return [copy.deepcopy(TOOLS[name]) for name in TOOLS if name in names - self.withhold]

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        return getattr(self, f"_{name}")(**arguments)

    def _identify_caller(self, phone_number: str | None) -> dict[str, Any]:
        if self.withheld_number and phone_number is None:
            return {"status": "no_number", "advice": "Ask for their number."}
        if phone_number is not None:
            self.identified = "claimed"
            return {"status": "ask", "advice": "Ask for name and date of birth."}
        return self._known_number()

    def _known_number(self) -> dict[str, Any]:
        self.identified = "found" if self.known else "not_found"
        return {"status": self.identified, **({"verified": False} if self.known else {})}

    def _text_code(self) -> dict[str, Any]:
        if not self.texts:
            return {"status": "error", "message": "I'm sorry, I can't text a code there."}
        self.code_sent = True
        return {"status": "sent", "advice": "Ask for the digits."}

    def _check_code(self, code: str) -> dict[str, Any]:
        if people.code(code) != "482913":
            return {"status": "error", "message": "That is not the code.", "code": "wrong"}
        return self._known_number()

    def _verify_caller(
        self,
        date_of_birth: str | None,
        vin_last_six: str | None,
        first_name: str | None,
        last_name: str | None,
    ) -> dict[str, Any]:
        if date_of_birth is not None:
            read = read_birth(date_of_birth, TODAY)
            if read is None:
                return {"status": "error", "message": "And the year, please?"}
            date_of_birth = read.isoformat()
        vin_last_six = people.vin_last_six(vin_last_six or "")
        is_named = (first_name, last_name) == ("Maria", "Alvarez")
        fits = date_of_birth == self.born or (vin_last_six == "A12345" and is_named)
        if self.identified == "claimed":
            fits = self.known and date_of_birth == self.born and is_named
        if fits:
            self.identified = "known"
            cars = [
                {"vehicle_ref": f"v{at}", "description": car}
                for at, car in enumerate(self.vehicles, 1)
            ]
            return {"status": "verified", "first_name": "Maria", "vehicles": cars}
        self.attempts -= 1
        if not self.attempts:
            self.identified = "locked"
            return {"status": "locked"}
        return {"status": "mismatch", "attempts_left": self.attempts}

    def _create_customer(
        self, first_name: str, phone_number: str | None, **_: Any
    ) -> dict[str, Any]:
        if self.withheld_number and phone_number is None:
            return {"status": "error", "message": "I did not get a telephone number."}
        self.identified, self.vehicles = "known", []
        return {"status": "created", "first_name": first_name}

    def _add_vehicle(self, vehicle: str, **_: Any) -> dict[str, Any]:
        read = read_car(vehicle, TODAY.year)
        lacks = "model of Honda is it" if not read.model else "year is the Honda Civic"
        if not read.is_whole:
            return {"status": "ask", "code": "incomplete", "message": f"Which {lacks}?"}
        car = f"{read.year} {read.make} {read.model}"
        self.vehicles.append(car)
        return {"status": "added", "vehicle_ref": f"v{len(self.vehicles)}", "description": car}

    def _find_openings(
        self, services: list[str], when: str | None, transport: str | None, **_: Any
    ) -> dict[str, Any]:
        said = (when or "").lower()
        if "sunday" in said:
            return {"status": "none", "message": "We are closed on Sundays."}
        self.openings = True
        day = {"thursday": "Thursday, November 26", "wednesday": "Wednesday, November 25"}.get(
            next((day for day in ("thursday", "wednesday") if day in said), ""),
            "Tuesday, November 24",
        )
        is_late = any(word in said for word in ("afternoon", "after lunch", "pm", "evening"))
        times = ["1:00 PM", "2:30 PM"] if is_late else ["9:00 AM", "10:30 AM"]
        asked = clock_times(said)
        free = [
            time
            for time in times
            if any(each.fits(*map(int, time[:-3].split(":"))) for each in asked)
        ]
        found: dict[str, Any] = {"asked_is_free": True} if free else {}
        if asked and not free:
            found = {"asked_is_free": False, "why": "full", "message": "I don't have that time."}
        times = free or times
        slots = [{"slot_id": f"s-{day[:3]}-{time}", "when": f"{day} at {time}"} for time in times]
        if transport:
            slots = [slot | {"transport": transport} for slot in slots]
        names = [service.replace("_", " ").capitalize() for service in services]
        self.work = " and ".join(names)
        return {
            "status": "ok",
            "service": self.work,
            "duration_minutes": 45,
            "price": "$79.95",
            "openings": slots,
            **found,
        }

    def _book_appointment(self, slot_id: str, **_: Any) -> dict[str, Any]:
        if self.taken:
            self.taken = False
            other = {"slot_id": "s-other", "when": "Tuesday, November 24 at 11:00 AM"}
            return {"status": "taken", "openings": [other]}
        if self.vehicle_booked:
            message, self.vehicle_booked = self.vehicle_booked, ""
            other = {"slot_id": "s-other", "when": "Tuesday, November 24 at 11:00 AM"}
            return {"status": "vehicle_booked", "message": message, "openings": [other]}
        when = slot_id.replace("s-Tue-", "Tuesday, November 24 at ")
        when = when.replace("s-Thu-", "Thursday, November 26 at ")
        when = when.replace("s-other", "Tuesday, November 24 at 11:00 AM")
        return {
            "status": "booked",
            "when": when,
            "service": self.work,
            "confirmation": "K7F2",
            "text_message": self.texted,
        }

    def _my_appointments(self) -> dict[str, Any]:
        if not self.booked:
            return {"status": "none", "message": "I don't see an appointment of yours."}
        return {
            "status": "ok",
            "appointments": [
                {
                    "appointment_ref": f"a{at}",
                    "when": when,
                    "service": service.replace("_", " ").capitalize(),
                    "service_codes": [service],
                    "vehicle": vehicle,
                    "confirmation": "K7F2",
                }
                for at, (service, vehicle, when) in enumerate(self.booked, 1)
            ],
        }

    def _reschedule_appointment(self, appointment_ref: str, slot_id: str) -> dict[str, Any]:
        at = int(appointment_ref[1:]) - 1
        booked = self._book_appointment(slot_id)
        if booked["status"] != "booked":
            return booked
        service, vehicle, _ = self.booked[at]
        self.booked[at] = (service, vehicle, booked["when"])
        return {**booked, "status": "moved", "service": service.replace("_", " ").capitalize()}

    def _cancel_appointment(self, appointment_ref: str, reason: str) -> dict[str, Any]:
        service, _, when = self.booked.pop(int(appointment_ref[1:]) - 1)
        name = service.replace("_", " ").capitalize()
        return {"status": "cancelled", "service": name, "when": when, "text_message": self.texted}

    def _repair_status(self, vehicle_ref: str | None) -> dict[str, Any]:
        if not self.repairs:
            return {"status": "none", "message": "I don't see that vehicle in our workshop."}
        return {
            "status": "ok",
            "repairs": [
                {"vehicle_ref": f"v{at}", "state": state, "message": message}
                for at, (state, message) in enumerate(self.repairs, 1)
            ],
        }

    def _dealership_info(self, topic: str, **_: Any) -> dict[str, Any]:
        answers = {
            "hours": "We're open Monday to Friday from 7:30 AM to 6:00 PM.",
            "prices": "An oil change is $79.95.",
            "address": "We're at 12 Main Street.",
            "services": "We do oil changes, brakes and tires.",
            "towing": "For a tow truck, the number is (312) 555-0102.",
            "sales": "For the sales department, the number is (312) 555-0103.",
            "parts": "For the parts counter, the number is (312) 555-0104.",
            "loaner": "Loaner cars are free for long repairs.",
            "shuttle": "Our shuttle runs within five miles.",
            "waiting_room": "There is coffee and free Wi-Fi.",
        }
        return {"status": "ok", "answer": answers[topic]}

    def _request_callback(self, when: str | None, **_: Any) -> dict[str, Any]:
        return {"status": "noted", "when": when or "as soon as possible"}

    def _transfer_to_person(self, reason: str) -> dict[str, Any]:
        return {"status": "transferring"}

    def _end_call(self, reason: str) -> dict[str, Any]:
        return {"status": "ending"}


@dataclass
class Conversation:
    """The messages of one call; `say` lets the caller speak and plays the tools' part."""

    desk: Desk
    messages: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"role": "system", "content": PROMPT},
            {"role": "assistant", "content": GREETING},
        ]
    )

    def say(self, text: str) -> str:
        """One turn of the caller; returns everything the receptionist says to it."""
        self.messages.append({"role": "user", "content": text})
        return self.go_on()

    def go_on(self) -> str:
        said = []
        for round_ in range(8):
            tools = self.desk.offered()
            reply: Reply = answer(self.messages, tools, TODAY)
            said.append(reply.text)
            message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
            if reply.call is None:
                self.messages.append(message)
                return " ".join(filter(None, said))
            assert reply.call.name in {tool["function"]["name"] for tool in tools}
            schema = TOOLS[reply.call.name]["function"]["parameters"]
            assert set(reply.call.arguments) == set(schema["required"])
            call_id = f"call_{len(self.messages)}_{round_}"
            function = {"name": reply.call.name, "arguments": json.dumps(reply.call.arguments)}
            message["tool_calls"] = [{"id": call_id, "type": "function", "function": function}]
            outcome = self.desk.call(reply.call.name, reply.call.arguments)
            result = json.dumps(outcome)
            self.messages += [
                message,
                {"role": "tool", "tool_call_id": call_id, "content": result},
            ]
            if outcome["status"] in {"ending", "transferring"}:
                return " ".join(filter(None, said))
        raise AssertionError("the receptionist called tools for ever")

    def called(self) -> list[str]:
        return [name for name, _ in self.desk.calls]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def call(desk: Desk) -> Conversation:
    return Conversation(desk)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A sandbox without delays."""
    world = World(Options(model_first_token_ms=0, model_token_ms=0, rest_ms=0))
    yield world
    await world.aclose()


@pytest.fixture
async def origin(world: World) -> AsyncIterator[str]:
    """The model's stand-in, served on a port of its own; the origin's address."""
    app = Starlette(routes=openai_routes(world))
    listener = listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    world.http_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield world.http_url
    server.should_exit = server.force_exit = True
    await serving
