"""The telephone exchange: the account's number, its calls and its messages."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Literal

import aiohttp

from sandbox.caller.personas import PERSONAS, Persona
from sandbox.twilio.call import Call
from sandbox.twilio.conference import Rooms
from sandbox.twilio.desk import DeskSetting
from sandbox.twilio.parts import Line
from sandbox.twilio.plan import MAX_CALL_S, RING_TIMEOUT_S, Callbacks, CallPlan
from sandbox.world import World

CALLS_KEPT = 2_000
"""Ended calls that can still be asked about; the oldest are forgotten first."""
MESSAGES_LOG = "twilio.messages"


class ExchangeError(ValueError):
    """The call cannot be placed. The message is a sentence for whoever asked."""


@dataclass(slots=True)
class Number:
    """How the account's telephone number is configured."""

    voice_url: str = ""
    status_callback_url: str = ""


class Exchange:
    """All of Twilio's state in one sandbox."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = Number()
        self.calls: OrderedDict[str, Call] = OrderedDict()
        self.rooms = Rooms()
        self.desk = DeskSetting()
        self._http: aiohttp.ClientSession | None = None

    def ring(
        self,
        persona: Persona,
        *,
        from_number: str | None = None,
        speech: Literal["real", "known"] | None = None,
        stir_verstat: str | None = None,
    ) -> Call:
        """`persona` rings the dealership. Raises `ExchangeError` when the number leads nowhere."""
        if not self.number.voice_url:
            raise ExchangeError("the number has no voice_url yet: PUT /sandbox/number")
        plan = CallPlan(
            persona=persona,
            direction="inbound",
            from_number=from_number or persona.facts.phone,
            to_number=self.world.phone_number,
            speech=speech or self.world.options.speech,
            url=self.number.voice_url,
            callbacks=Callbacks(self.number.status_callback_url),
        )
        return self._start(
            plan if stir_verstat is None else replace(plan, stir_verstat=stir_verstat)
        )

    def dial_out(
        self,
        to_number: str,
        from_number: str,
        *,
        url: str = "",
        method: str = "POST",
        document: str = "",
        callbacks: Callbacks | None = None,
        machine_detection: bool = False,
        time_limit_s: float | None = None,
        ring_timeout_s: float | None = None,
    ) -> Call:
        """Otto calls `to_number`; the persona who has it answers, or else the service desk."""
        persona = next((p for p in PERSONAS.values() if p.facts.phone == to_number), None)
        plan = CallPlan(
            persona=persona or PERSONAS["load"],
            is_desk=persona is None,
            ring_timeout_s=ring_timeout_s or RING_TIMEOUT_S,
            direction="outbound-api",
            from_number=from_number,
            to_number=to_number,
            speech=self.world.options.speech,
            url=url,
            method=method,
            document=document,
            callbacks=callbacks or Callbacks(),
            machine_detection=machine_detection,
            time_limit_s=time_limit_s or MAX_CALL_S,
        )
        return self._start(plan)

    def dial_for(self, parent: Line, plan: CallPlan) -> Call:
        """A call that another one's `<Dial>` places."""
        parent.record.event("line", "leg", plan.to_number)
        return self._start(plan)

    def send_message(self, to_number: str, from_number: str, body: str) -> dict[str, Any]:
        """Keep a text message; it is delivered at once."""
        message = {
            "sid": "SM" + secrets.token_hex(16),
            "to": to_number,
            "from": from_number,
            "body": body,
            "at": self.world.clock().isoformat(),
        }
        self.world.log(MESSAGES_LOG).append(message)
        for call in self.calls.values():
            if not call.is_over and call.caller.persona.facts.phone == to_number:
                call.caller.mind.receive_text(body)
        return message

    def messages(self) -> list[dict[str, Any]]:
        """All messages sent, oldest first."""
        return list(self.world.log(MESSAGES_LOG))

    def _start(self, plan: CallPlan) -> Call:
        call = Call(self.world, self._session(), plan, self)
        self.calls[call.sid] = call
        self._forget()
        self.world.spawn(call.run(), name=f"call {call.sid}")
        return call

    def _forget(self) -> None:
        excess = len(self.calls) - CALLS_KEPT
        for sid in [sid for sid, call in self.calls.items() if call.is_over][: max(0, excess)]:
            del self.calls[sid]

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            connector = aiohttp.TCPConnector(limit=0)
            self._http = aiohttp.ClientSession(connector=connector)
            self.world.spawn(_close_at_the_end(self._http), name="twilio's http client")
        return self._http


async def _close_at_the_end(http: aiohttp.ClientSession) -> None:
    """Lives as long as the world's tasks do, then closes `http`."""
    try:
        await asyncio.Event().wait()
    finally:
        await http.close()
