"""Handing a caller over to the service desk, and taking them back: the webhooks of both calls.

A warm transfer, in a conference of Twilio's (docs/adr/0008-warm-transfer.md)::

    /twilio/after, /twilio/resume   the caller's stream is over: desk called, caller put on hold
    /twilio/desk/wait               the caller waits (asked again and again by Twilio)
    /twilio/desk/answer             the desk has picked up: what it is about, and a key
    /twilio/desk/key                1 joins the two, any other key declines
    /twilio/desk/status             the desk's call is over
    /twilio/desk/left               the caller's line is free: back to Otto, or nobody is there

What has happened so far is the switchboard's to know (`otto.telephony.handover`). Each of these
answers without it, too, and without Twilio's REST API: the caller's own call then dials the desk.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlencode

import structlog

from config.settings import Settings
from otto.tasks import Tasks
from otto.telephony import desk_twiml, twiml
from otto.telephony.desk_line import DeskLine
from otto.telephony.forms import Form
from otto.telephony.handover import Event, Handover, Stage, Way
from otto.telephony.switchboard_port import DeskInfo

log = structlog.get_logger()

CALL_SID: Final = re.compile(r"CA[0-9A-Za-z]{1,62}", re.ASCII)
ANSWERING_S: Final = 45
"""From picking up at the desk to the end of the whisper, said twice, and Twilio's own margin."""
OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Twilio's statuses of a call that has ended."""
WHY: Final = {Stage.PARTED: "parted"}
"""Why a caller comes back to Otto, by the handover's stage; else nobody took them."""
NOBODY: Final = "nobody"


class Caller(Protocol):
    """What else can be done for the caller whose webhook it is: a stream (as TwiML), a callback
    (as the sentence that promises it, or asks to call again), and what the switchboard knows."""

    async def open_stream(self, form: Form, resume: bool, returned: str = "") -> str: ...
    async def promise_callback(self, form: Form) -> str: ...
    async def tell(
        self, call_sid: str, event: Event, way: Way | None = None, leg: str = ""
    ) -> Handover: ...


class Desk:
    """The desk's part of the webhooks. Keeps nothing about calls."""

    def __init__(
        self, settings: Settings, caller: Caller, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` in seconds since 1970, for how long a caller has waited."""
        self._settings = settings
        self._caller = caller
        self._clock = clock
        self._line = DeskLine(settings.twilio)
        self._tasks = Tasks()

    @property
    def routes(self) -> Mapping[str, Callable[[Form, str], Awaitable[str]]]:
        """By path: the TwiML that answers a form, given the request's query."""
        return {
            "/twilio/desk/wait": self._wait,
            "/twilio/desk/answer": self._answer,
            "/twilio/desk/key": self._key,
            "/twilio/desk/status": self._status,
            "/twilio/desk/left": self._left,
            "/twilio/desk/alone": self._alone,
            "/twilio/desk/dialled": self._dialled,
        }

    async def hand_over(self, form: Form, desk: DeskInfo) -> str:
        """The caller's stream is over, for a person."""
        number, call_sid = desk.desk_number or "", form.get("CallSid", "")
        handover = await self._caller.tell(call_sid, Event.RING)
        if handover.stage is Stage.GONE:
            return twiml.hang_up()
        if handover.stage is not Stage.RINGING:
            log.warning("desk_dialled_plainly", call_sid=call_sid, stage=handover.stage.value)
            return twiml.transfer(number, self.dialled_url)
        if handover.is_new:
            way, leg = await self._ring(call_sid, number)
            await self._caller.tell(call_sid, Event.DIALLED, way, leg)
        else:
            way = handover.way or Way.ROOM  # the same webhook again
        log.info("desk_called", call_sid=call_sid, way=way.value)
        if way is Way.LINE:
            whisper_url = self._url("answer", call=call_sid, way=way)
            ring_s = self._settings.twilio.desk_ring_s
            return desk_twiml.dial_screened(number, ring_s, whisper_url, self._left_url)
        wait_url = self._url("wait", call=call_sid, since=str(int(self._clock())))
        return desk_twiml.hold(call_sid, wait_url, self._left_url)

    async def caller_gone(self, call_sid: str) -> None:
        """The caller has hung up, whatever the desk is doing."""
        self.release((await self._caller.tell(call_sid, Event.CALLER_GONE)).leg)

    def release(self, leg: str) -> None:
        """The desk's call is for nobody any more."""
        if leg:
            self._tasks.spawn(self._line.hang_up(leg))

    async def _ring(self, call_sid: str, number: str) -> tuple[Way, str]:
        """Have Twilio call the desk; where that does not work, the caller's own call dials it."""
        answer, status = (self._url(p, call=call_sid, way=Way.ROOM) for p in ("answer", "status"))
        leg = await self._line.ring(number, answer, status, self._settings.twilio.desk_ring_s)
        return (Way.ROOM, leg) if leg else (Way.LINE, "")

    # The caller's call

    async def _wait(self, form: Form, query: str) -> str:
        """The caller is alone in the conference."""
        asked = _of(query)
        call_sid = asked.get("call", "")
        waited_s = self._clock() - _number(asked.get("since", ""))
        longest_s = self._settings.twilio.desk_ring_s + ANSWERING_S
        event = Event.OVERDUE if waited_s > longest_s else Event.WAITING
        handover = await self._caller.tell(call_sid, event)
        again_url = self._url("wait", **{**asked, "again": "1"})
        if handover.stage in {Stage.NOBODY, Stage.PARTED} and not await self._fetch_back(call_sid):
            # Nothing brings them back: so they are told here, and promised what can be kept.
            promise = await self._caller.promise_callback(form)
            sentence = f"{desk_twiml.NOBODY_FREE} {promise} {desk_twiml.HANG_UP_NOW}"
            return desk_twiml.hold_on(sentence, "", again_url)
        sentence = desk_twiml.STILL_CALLING if "again" in asked else desk_twiml.CALLING_THE_DESK
        return desk_twiml.hold_on(sentence, self._settings.twilio.hold_music_url, again_url)

    async def _left(self, form: Form, query: str) -> str:
        """The caller's line is free: the conference, or the call of theirs to the desk, is over,
        or we have fetched them back."""
        call_sid = form.get("CallSid", "")
        if form.get("CallStatus") in OVER:
            await self.caller_gone(call_sid)
            return twiml.hang_up()
        handover = await self._caller.tell(call_sid, Event.CALLER_BACK)
        if handover.stage is Stage.GONE:
            return twiml.hang_up()
        if handover.stage is Stage.NOBODY:
            self.release(handover.leg)
        returned = WHY.get(handover.stage, NOBODY)
        log.info("caller_back_from_desk", call_sid=call_sid, why=returned)
        return await self._caller.open_stream(form, resume=True, returned=returned)

    async def _dialled(self, form: Form, query: str) -> str:
        """The desk was dialled for somebody whom Otto does not serve, and that is over."""
        if form.get("CallStatus") in OVER or form.get("DialCallStatus") == "completed":
            return twiml.hang_up()
        promise = await self._caller.promise_callback(form)
        return twiml.busy(f"{desk_twiml.NOBODY_FREE} {promise} Goodbye.", None)

    # The desk's call

    async def _answer(self, form: Form, query: str) -> str:
        """The desk has picked up."""
        call_sid, way = _call_of(query)
        handover = await self._caller.tell(call_sid, Event.ANSWERED, way, form.get("CallSid", ""))
        if refusal := _refusal(handover, Stage.RINGING, Stage.TAKEN):
            return desk_twiml.turn_away(refusal)
        return desk_twiml.whisper(handover.summary, self._url("key", call=call_sid, way=way))

    async def _key(self, form: Form, query: str) -> str:
        """The desk has pressed a key."""
        call_sid, way = _call_of(query)
        leg, accepts = form.get("CallSid", ""), form.get("Digits") == desk_twiml.ACCEPT_KEY
        event = Event.ACCEPTED if accepts else Event.REFUSED
        handover = await self._caller.tell(call_sid, event, way, leg)
        if not accepts:
            if handover.stage is Stage.NOBODY and way is Way.ROOM:
                self._tasks.spawn(self._fetch_back(call_sid))
            return desk_twiml.turn_away(desk_twiml.DECLINED)
        if refusal := _refusal(handover, Stage.TAKEN):
            return desk_twiml.turn_away(refusal)
        if way is Way.LINE:
            return desk_twiml.connect_line()
        return desk_twiml.join(call_sid, self._url("alone"))

    async def _status(self, form: Form, query: str) -> str:
        """The desk's call is over: nobody took the caller, or they have talked. In that case the
        conference ends by itself, and with it the caller's waiting."""
        call_sid, way = _call_of(query)
        if form.get("CallStatus") in OVER:
            leg = form.get("CallSid", "")
            handover = await self._caller.tell(call_sid, Event.DESK_GONE, way, leg)
            if handover.stage is Stage.NOBODY and handover.is_new:
                self._tasks.spawn(self._fetch_back(call_sid))
        return twiml.hang_up()

    async def _alone(self, form: Form, query: str) -> str:
        return desk_twiml.alone()

    # Inside

    async def _fetch_back(self, call_sid: str) -> bool:
        """Have the caller leave the conference; whether Twilio does it."""
        return await self._line.redirect(call_sid, self._left_url)

    @property
    def dialled_url(self) -> str:
        """What Twilio asks when the desk was dialled for somebody whom Otto does not serve."""
        return self._url("dialled")

    @property
    def _left_url(self) -> str:
        return self._url("left")

    def _url(self, page: str, **query: str) -> str:
        """One of these webhooks; Twilio's signature covers the query."""
        address = f"{self._settings.public_origin}/twilio/desk/{page}"
        return f"{address}?{urlencode(query)}" if query else address


def _refusal(handover: Handover, *expected: Stage) -> str:
    """What the desk hears that has come too late; "" when it has not."""
    if handover.is_own and handover.stage in {*expected, Stage.UNKNOWN}:
        return ""
    if handover.stage is Stage.GONE:
        return desk_twiml.CALLER_LEFT
    return desk_twiml.CALLER_SERVED


def _of(query: str) -> dict[str, str]:
    return dict(parse_qsl(query))


def _call_of(query: str) -> tuple[str, Way]:
    """The caller's call, and the way, that the desk's call was placed for."""
    asked = _of(query)
    call_sid = asked.get("call", "")
    way = Way.LINE if asked.get("way") == Way.LINE else Way.ROOM
    return (call_sid if CALL_SID.fullmatch(call_sid) else ""), way


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
