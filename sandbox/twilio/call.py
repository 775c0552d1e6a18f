"""A call's life on Twilio's side: ring, fetch TwiML, carry out its verbs, tell how it ended."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import urljoin

import aiohttp

from sandbox.caller.caller import Caller
from sandbox.caller.personas import Persona
from sandbox.caller.record import Record
from sandbox.caller.stages import Stage
from sandbox.twilio import signing, twiml
from sandbox.twilio.stream import StreamSession
from sandbox.twilio.twiml import TwimlError
from sandbox.world import World

FETCH_FAILED = 11200
WEBHOOK_TIMEOUT_S = 15.0
CONNECT_RETRIES = 1
"""Twilio tries a refused connection once more (its default, `rc=1` for connections only)."""
DOCUMENTS_LIMIT = 30
"""A call that keeps redirecting is ended: a loop of ours, not a conversation."""
SAY_MS_PER_WORD = 350
DESK_ANSWERS_MS = 800
DESK_TALKS_MS = 1_500
RING_MS = 200
MAX_CALL_S = 900.0

Direction = Literal["inbound", "outbound-api"]
FINAL_STATUSES = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Where Twilio tells how a call goes, and of what. Empty url: nowhere."""

    url: str = ""
    events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What is known before a call begins. Exactly one of `url` and `document` is given."""

    persona: Persona
    direction: Direction
    from_number: str
    to_number: str
    speech: Literal["real", "known"]
    url: str = ""
    method: str = "POST"
    document: str = ""
    callbacks: Callbacks = field(default_factory=Callbacks)
    machine_detection: bool = False
    stir_verstat: str = "TN-Validation-Passed-A"
    """What the network says of who rings; empty: nothing is said."""
    time_limit_s: float = MAX_CALL_S


class _Over(Exception):
    """The call has ended; the message says by what."""


class Call:
    """One call. `run` it once, as a task; the other methods may be called while it runs."""

    def __init__(self, world: World, http: aiohttp.ClientSession, plan: CallPlan) -> None:
        self.sid = "CA" + secrets.token_hex(16)
        self.plan = plan
        self.status = "queued"
        self.began_at = world.clock()
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.ended_by = ""
        self.record = Record()
        self.caller = Caller(world, plan.persona, self.record, plan.speech)
        self._world = world
        self._http = http
        self._answered_monotonic = 0.0
        self._sequence = 0
        self._replacement: str | None = None
        self._interrupted = asyncio.Event()
        self._interruption = ""
        self._base_url = plan.url
        self._session: StreamSession | None = None

    # From outside

    def replace_twiml(self, document: str) -> None:
        """Run `document` now, in place of what runs. Raises `TwimlError` when it is none."""
        twiml.parse(document)
        self._interrupt(document, "")

    def redirect(self, url: str) -> None:
        """Fetch TwiML from `url` and run it, in place of what runs."""
        self._interrupt(_redirect_to(url), "")

    def hang_up(self, by: str) -> None:
        """End the call."""
        self._interrupt(None, by)

    def press(self, digits: str) -> None:
        """The caller presses keys."""
        if self._session is not None:
            for digit in digits:
                self._session.dtmf(digit)

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.status in FINAL_STATUSES

    def _interrupt(self, document: str | None, by: str) -> None:
        if self.over:
            return
        self._replacement = document
        self._interruption = by
        self._interrupted.set()

    # The life

    async def run(self) -> None:
        """From the first ring to the last callback. Never raises but for cancellation."""
        status = "completed"
        try:
            async with asyncio.timeout(self.plan.time_limit_s):
                status = await self._live()
        except TimeoutError:
            self.ended_by = "time_limit"
        except _Over as over:
            self.ended_by = str(over)
        except asyncio.CancelledError:
            self.ended_by = "sandbox"
            raise
        finally:
            await self._finish(status)
        await self._tell(status)

    async def _finish(self, status: str) -> None:
        try:
            await self.caller.settle()
        finally:
            self.caller.close()
            self.status = status
            self.ended_at = self._world.clock()
            self.record.event("line", "ended", self.ended_by, status=status)
            self.record.end()

    async def _live(self) -> str:
        await self._tell("initiated")
        self.status = "ringing"
        self.record.event("line", "ringing")
        await self._tell("ringing")
        inbound = self.plan.direction == "inbound"
        if not inbound:
            await asyncio.sleep(RING_MS / 1000)
            self._answer()
            self.caller.pick_up()
            await self._tell("in-progress")
        document: str | None = self.plan.document
        if not document:
            document = await self._fetch(self.plan.url, self.plan.method, {}, first=True)
        for _ in range(DOCUMENTS_LIMIT):
            if document is None:
                break
            verbs = self._parse(document)
            if inbound and verbs and isinstance(verbs[0], twiml.Reject):
                self.ended_by = "rejected"
                return "busy" if verbs[0].reason == "busy" else "no-answer"
            if self.answered_at is None:
                self._answer()
            document = await self._execute(verbs)
        else:
            raise _Over("too_many_documents")
        self.ended_by = self.ended_by or "twiml_ended"
        return "completed"

    def _answer(self) -> None:
        self.status = "in-progress"
        self.answered_at = self._world.clock()
        self._answered_monotonic = time.monotonic()
        self.record.event("line", "answered")

    def _parse(self, document: str) -> tuple[twiml.Verb, ...]:
        try:
            verbs = twiml.parse(document)
        except TwimlError as error:
            self.record.warn(error.code, error.message)
            raise _Over("error") from None
        names = " ".join(type(verb).__name__ for verb in verbs)
        self.record.event("line", "twiml", names)
        return verbs

    async def _execute(self, verbs: tuple[twiml.Verb, ...]) -> str | None:
        """Carry out a document; the next one, or None when the call is over."""
        for verb in verbs:
            document = await self._uninterrupted(verb)
            if document is not None:
                return document
        return None

    async def _uninterrupted(self, verb: twiml.Verb) -> str | None:
        """Carry out one verb, unless a REST update or a hang-up comes in between."""
        work = asyncio.create_task(self._perform(verb))
        interruption = asyncio.create_task(self._interrupted.wait())
        try:
            await asyncio.wait((work, interruption), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, interruption):
                if not task.done():
                    task.cancel()
            await asyncio.gather(work, interruption, return_exceptions=True)
        if self._interrupted.is_set():
            self._interrupted.clear()
            document, self._replacement = self._replacement, None
            if document is None:
                raise _Over(self._interruption)
            self.record.event("line", "twiml_replaced")
            return document
        return work.result()

    async def _perform(self, verb: twiml.Verb) -> str | None:
        match verb:
            case twiml.Say(text, loop):
                for _ in range(max(1, loop)):
                    await asyncio.sleep(len(text.split()) * SAY_MS_PER_WORD / 1000)
                    self.caller.overhear(text)
            case twiml.Pause(length_s):
                await asyncio.sleep(length_s)
            case twiml.Connect():
                return await self._connect(verb)
            case twiml.Dial():
                return await self._dial(verb)
            case twiml.Redirect(url, method):
                return await self._fetch(url, method, {})
            case twiml.Record():
                await asyncio.sleep(min(verb.timeout_s, verb.max_length_s))
                recorded = {
                    "RecordingUrl": f"{self._world.http_url}/twilio/recordings/{self.sid}",
                    "RecordingDuration": str(round(verb.timeout_s)),
                }
                return await self._fetch(verb.action, verb.method, recorded)
            case twiml.Gather(prompts, _, _, timeout_s):
                for prompt in prompts:
                    await self._perform(prompt)
                await asyncio.sleep(timeout_s)
            case twiml.Hangup() | twiml.Reject():
                raise _Over("twiml_hangup")
        return None

    async def _connect(self, verb: twiml.Connect) -> str | None:
        session = StreamSession(
            *(self._world, self._http, self.caller, self.record, verb.stream, self.sid)
        )
        self._session = session
        try:
            await self._stream_callback(verb.stream, session, "stream-started")
            end = await session.run()
        except asyncio.CancelledError:
            self.record.event("line", "stream_ended", "by Twilio")
            raise
        finally:
            self._session = None
        self.record.event("line", "stream_ended", end.reason, detail=end.detail)
        await self._stream_callback(verb.stream, session, "stream-stopped")
        if end.reason == "hung_up":
            raise _Over("caller")
        self.ended_by = ""
        if verb.action:
            stopped = {"StreamSid": session.stream_sid, "StreamEvent": "stream-stopped"}
            return await self._fetch(verb.action, verb.method, stopped)
        return None

    async def _dial(self, verb: twiml.Dial) -> str | None:
        self.record.event("line", "dialling", verb.number)
        if Stage.TRANSFERRED not in self.caller.mind.stages:
            self.caller.mind.stages.append(Stage.TRANSFERRED)
        await asyncio.sleep((DESK_ANSWERS_MS + DESK_TALKS_MS) / 1000)
        self.record.event("line", "desk_spoke", verb.number)
        self.ended_by = "transferred"
        if verb.action:
            done = {"DialCallStatus": "completed", "DialCallDuration": "2"}
            return await self._fetch(verb.action, verb.method, done)
        raise _Over("transferred")

    # Requests to Otto

    def _form(self) -> dict[str, str]:
        plan = self.plan
        inbound = plan.direction == "inbound"
        form = {
            "CallSid": self.sid,
            "AccountSid": self._world.account_sid,
            "ApiVersion": "2010-04-01",
            "From": plan.from_number,
            "To": plan.to_number,
            "Caller": plan.from_number,
            "Called": plan.to_number,
            "CallStatus": self.status,
            "Direction": plan.direction,
        }
        if inbound:
            facts = plan.persona.facts
            if plan.stir_verstat:
                form["StirVerstat"] = plan.stir_verstat
            form["CallerName"] = f"{facts.first_name} {facts.last_name}".upper()
        elif plan.machine_detection:
            form["AnsweredBy"] = "human"
        return form

    async def _fetch(
        self, url: str, method: str, more: Mapping[str, str], *, first: bool = False
    ) -> str:
        """TwiML from `url` (relative to the last one). Ends the call when there is none."""
        self._base_url = url = urljoin(self._base_url, url)
        began = time.monotonic()
        try:
            status, body = await self._request(url, method, self._form() | dict(more))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.record.warn(FETCH_FAILED, f"no answer from the webhook: {type(error).__name__}")
            raise _Over("error") from None
        took_ms = round((time.monotonic() - began) * 1000, 2)
        if first:
            self.record.measured.twiml_ms = took_ms
        self.record.event("line", "webhook", ms=took_ms, status=status)
        if status >= 400:
            self.record.warn(FETCH_FAILED, f"the webhook answered {status}")
            raise _Over("error")
        return body

    async def _request(self, url: str, method: str, form: Mapping[str, str]) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S)
        for attempt in range(CONNECT_RETRIES + 1):
            try:
                if method == "GET":
                    request = self._http.get(url, params=form, timeout=timeout)
                else:
                    signature = signing.sign(self._world.auth_token, url, form)
                    headers = {signing.SIGNATURE_HEADER: signature}
                    request = self._http.post(url, data=form, headers=headers, timeout=timeout)
                async with request as response:
                    return response.status, await response.text()
            except aiohttp.ClientConnectorError:
                if attempt == CONNECT_RETRIES:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")

    async def _tell(self, status: str) -> None:
        """The status callback, when one is wanted; its failure changes nothing."""
        callbacks = self.plan.callbacks
        event = {"in-progress": "answered"}.get(status, status)
        wanted = event in callbacks.events or (
            status in FINAL_STATUSES and "completed" in callbacks.events
        )
        if not callbacks.url or not wanted:
            return
        form = self._form() | {
            "CallStatus": status,
            "SequenceNumber": str(self._sequence),
            "Timestamp": format_datetime(self._world.clock()),
            "CallbackSource": "call-progress-events",
        }
        self._sequence += 1
        if status in FINAL_STATUSES:
            form["CallDuration"] = str(self.duration_s)
        await self._post_quietly(callbacks.url, form)

    async def _stream_callback(
        self, stream: twiml.Stream, session: StreamSession, event: str
    ) -> None:
        if stream.status_callback:
            form = {
                "AccountSid": self._world.account_sid,
                "CallSid": self.sid,
                "StreamSid": session.stream_sid,
                "StreamName": stream.name or session.stream_sid,
                "StreamEvent": event,
                "Timestamp": format_datetime(self._world.clock()),
            }
            await self._post_quietly(urljoin(self._base_url, stream.status_callback), form)

    async def _post_quietly(self, url: str, form: Mapping[str, str]) -> None:
        try:
            status, _ = await self._request(url, "POST", form)
        except (aiohttp.ClientError, OSError, TimeoutError):
            status = 0
        self.record.event("line", "callback", form.get("CallStatus", ""), status=status)

    # What became of it

    @property
    def duration_s(self) -> int:
        """Whole seconds since the answer; 0 when there was none."""
        if self.answered_at is None:
            return 0
        end = self.ended_at or self._world.clock()
        return max(0, round((end - self.answered_at).total_seconds()))

    def outcome(self) -> dict[str, Any]:
        """Everything about this call, in JSON's terms."""
        mind, record = self.caller.mind, self.record
        return {
            "call_sid": self.sid,
            "persona": self.plan.persona.name,
            "direction": self.plan.direction,
            "from": self.plan.from_number,
            "to": self.plan.to_number,
            "speech": self.plan.speech,
            "status": self.status,
            "over": record.ended,
            "began_at": self.began_at.isoformat(),
            "t0_monotonic_ms": record.t0_monotonic_ms,
            "duration_s": self.duration_s,
            "stages": [str(stage) for stage in mind.stages],
            "booked": Stage.BOOKED in mind.stages,
            "booked_as": mind.done_as if Stage.BOOKED in mind.stages else None,
            "done_as": mind.done_as,
            "satisfied": mind.outcome.is_satisfied,
            "reached": mind.outcome.reached,
            "missed": mind.outcome.missed,
            "wrong": mind.outcome.wrong,
            "chosen": mind.chosen.said if mind.chosen else None,
            "ended_by": self.ended_by,
            "warnings": record.warnings,
            "measured": record.as_dict(),
        }


def _redirect_to(url: str) -> str:
    escaped = url.replace("&", "&amp;").replace("<", "&lt;")
    return f"<Response><Redirect>{escaped}</Redirect></Response>"
