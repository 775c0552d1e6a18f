"""A call's life on Twilio's side: ring, fetch TwiML, carry out its verbs, tell how it ended."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import aiohttp

from sandbox.caller.caller import Caller
from sandbox.caller.record import Record
from sandbox.caller.stages import Stage
from sandbox.twilio import dialling, twiml
from sandbox.twilio.conference import Participant
from sandbox.twilio.parts import Switching
from sandbox.twilio.plan import FINAL_STATUSES, CallPlan, Over
from sandbox.twilio.stream import StreamSession
from sandbox.twilio.twiml import TwimlError
from sandbox.twilio.webhooks import Webhooks
from sandbox.world import World

DOCUMENTS_LIMIT = 30
"""A call that keeps redirecting is ended: a loop of ours, not a conversation."""
SAY_MS_PER_WORD = 350
PLAY_MS = 4_000
RING_MS = 200


class Call:
    """One call. `run` it once, as a task; the other methods may be called while it runs."""

    def __init__(
        self, world: World, http: aiohttp.ClientSession, plan: CallPlan, exchange: Switching
    ) -> None:
        self.sid = "CA" + secrets.token_hex(16)
        self.plan = plan
        self.world = world
        self.exchange = exchange
        self.status = "queued"
        self.began_at = world.clock()
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.ended_by = ""
        self.record = Record()
        self.caller = Caller(world, plan.persona, self.record, plan.speech)
        self.webhooks = Webhooks(self, http)
        self.met: list[Participant] = []
        """What reached this call in each conference it was in."""
        self._done = asyncio.Event()
        self._http = http
        self._answered_monotonic = 0.0
        self._replacement: str | None = None
        self._interrupted = asyncio.Event()
        self._interruption = ""
        self._session: StreamSession | None = None
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._left_dial: twiml.Dial | None = None
        """The `<Dial>` in which the call was hung up."""

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
        """Whoever is at the telephone presses keys."""
        for digit in digits:
            if self._session is not None:
                self._session.dtmf(digit)
            else:
                self._keys.put_nowait(digit)

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.status in FINAL_STATUSES

    async def over(self) -> None:
        """Wait until the call has ended."""
        await self._done.wait()

    def _interrupt(self, document: str | None, by: str) -> None:
        if self.is_over:
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
        except Over as over:
            self.ended_by = str(over)
        except asyncio.CancelledError:
            self.ended_by = "sandbox"
            raise
        finally:
            if self.answered_at is None and status == "completed":
                status = "canceled"
            await self._finish(status)
        if self._left_dial is not None:
            gone = self.webhooks.form() | {"CallStatus": status}
            await self.webhooks.post_quietly(self._left_dial.action, gone)
        await self.webhooks.tell(status)

    async def _finish(self, status: str) -> None:
        try:
            await self.caller.settle()
        finally:
            self.caller.close()
            self.status = status
            self.ended_at = self.world.clock()
            self.record.event("line", "ended", self.ended_by, status=status)
            self.record.end()
            self._done.set()

    async def _live(self) -> str:
        await self.webhooks.tell("initiated")
        self.status = "ringing"
        self.record.event("line", "ringing")
        await self.webhooks.tell("ringing")
        inbound, plan = self.plan.direction == "inbound", self.plan
        if not inbound:
            unanswered = await self._ring()
            if unanswered:
                return unanswered
            self._answer()
            if not plan.is_desk:
                self.caller.pick_up()
            await self.webhooks.tell("in-progress")
        document: str | None = plan.document or None
        if document is None and plan.url:
            document = await self.webhooks.fetch(plan.url, plan.method, {}, first=True)
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
            raise Over("too_many_documents")
        if plan.bridge is not None:
            bridged = twiml.Pause()  # a name for what runs: nothing of a document does
            await self._uninterrupted(bridged, dialling.meet_parent(self, plan.bridge))
        self.ended_by = self.ended_by or "twiml_ended"
        return "completed"

    async def _ring(self) -> str:
        """Until somebody answers; the status of a call that nobody does, else ""."""
        setting, plan = self.exchange.desk, self.plan
        if plan.is_desk and setting.behaviour == "busy":
            return "busy"
        answers_s = (setting.answers_ms if plan.is_desk else RING_MS) / 1000
        if plan.is_desk and setting.behaviour == "never_answers":
            answers_s = float("inf")
        try:
            async with asyncio.timeout(min(answers_s, plan.ring_timeout_s)):
                await self._interrupted.wait()
        except TimeoutError:
            return "no-answer" if answers_s > plan.ring_timeout_s else ""
        self._interrupted.clear()
        self.ended_by = self._interruption
        return "canceled"

    def _answer(self) -> None:
        self.status = "in-progress"
        self.answered_at = self.world.clock()
        self._answered_monotonic = time.monotonic()
        self.record.event("line", "answered")

    def _parse(self, document: str) -> tuple[twiml.Verb, ...]:
        try:
            verbs = twiml.parse(document)
        except TwimlError as error:
            self.record.warn(error.code, error.message)
            raise Over("error") from None
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

    async def _uninterrupted(
        self, verb: twiml.Verb, instead: Coroutine[Any, Any, str | None] | None = None
    ) -> str | None:
        """Carry out one verb, unless a REST update or a hang-up comes in between."""
        work = asyncio.create_task(instead or self.perform(verb))
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
                if isinstance(verb, twiml.Dial) and verb.action:
                    self._left_dial = verb
                raise Over(self._interruption)
            self.record.event("line", "twiml_replaced")
            return document
        return work.result()

    async def perform(self, verb: twiml.Verb) -> str | None:
        """Carry out one verb; the next document, if there is one."""
        match verb:
            case twiml.Say(text, loop):
                for _ in range(max(1, loop)):
                    await asyncio.sleep(len(text.split()) * SAY_MS_PER_WORD / 1000)
                    self.caller.overhear(text)
            case twiml.Play():
                await asyncio.sleep(PLAY_MS / 1000)
            case twiml.Pause(length_s):
                await asyncio.sleep(length_s)
            case twiml.Connect():
                return await self._connect(verb)
            case twiml.Dial():
                return await dialling.dial(self, verb)
            case twiml.Redirect(url, method):
                return await self.webhooks.fetch(url, method, {})
            case twiml.Record():
                await asyncio.sleep(min(verb.timeout_s, verb.max_length_s))
                recorded = {
                    "RecordingUrl": f"{self.world.http_url}/twilio/recordings/{self.sid}",
                    "RecordingDuration": str(round(verb.timeout_s)),
                }
                return await self.webhooks.fetch(verb.action, verb.method, recorded)
            case twiml.Gather():
                return await self._gather(verb)
            case twiml.Hangup() | twiml.Reject():
                raise Over(self.ended_by or "twiml_hangup")
        return None

    async def _gather(self, verb: twiml.Gather) -> str | None:
        """Say the prompts until a key comes, then wait for the others."""
        prompting = asyncio.create_task(self._prompt(verb))
        digits = ""
        try:
            while verb.digits is None or len(digits) < verb.digits:
                getting = asyncio.create_task(self._keys.get())
                racing = {getting, prompting} if not (digits or prompting.done()) else {getting}
                left_s = None if prompting in racing else verb.timeout_s
                done, _ = await asyncio.wait(
                    racing, timeout=left_s, return_when=asyncio.FIRST_COMPLETED
                )
                if getting not in done:
                    getting.cancel()
                    await asyncio.gather(getting, return_exceptions=True)
                    if prompting in done:
                        continue
                    break
                if verb.finish_on and getting.result() == verb.finish_on:
                    break
                digits += getting.result()
        finally:
            prompting.cancel()
            await asyncio.gather(prompting, return_exceptions=True)
        if not digits:
            return None
        self.record.event("line", "keyed", digits)
        return await self.webhooks.fetch(verb.action, verb.method, {"Digits": digits})

    async def _prompt(self, verb: twiml.Gather) -> None:
        setting = self.exchange.desk
        if self.plan.is_desk and setting.behaviour == "hangs_up":
            self.hang_up("desk")
        for prompt in verb.prompts:
            await self.perform(prompt)
        if self.plan.is_desk and setting.key:
            await asyncio.sleep(setting.key_ms / 1000)
            self.press(setting.key)

    async def _connect(self, verb: twiml.Connect) -> str | None:
        session = StreamSession(
            *(self.world, self._http, self.caller, self.record, verb.stream, self.sid)
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
            raise Over("caller")
        self.ended_by = ""
        if verb.action:
            stopped = {"StreamSid": session.stream_sid, "StreamEvent": "stream-stopped"}
            return await self.webhooks.fetch(verb.action, verb.method, stopped)
        return None

    async def _stream_callback(
        self, stream: twiml.Stream, session: StreamSession, event: str
    ) -> None:
        if stream.status_callback:
            form = {
                "AccountSid": self.world.account_sid,
                "CallSid": self.sid,
                "StreamSid": session.stream_sid,
                "StreamName": stream.name or session.stream_sid,
                "StreamEvent": event,
                "Timestamp": format_datetime(self.world.clock()),
            }
            await self.webhooks.post_quietly(stream.status_callback, form)

    # What became of it

    @property
    def duration_s(self) -> int:
        """Whole seconds since the answer; 0 when there was none."""
        if self.answered_at is None:
            return 0
        end = self.ended_at or self.world.clock()
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
            "conferences": [each.as_dict() for each in self.met],
            "warnings": record.warnings,
            "measured": record.as_dict(),
        }


def _redirect_to(url: str) -> str:
    escaped = url.replace("&", "&amp;").replace("<", "&lt;")
    return f"<Response><Redirect>{escaped}</Redirect></Response>"
