"""What Twilio asks and tells Otto about one call: TwiML fetched, callbacks posted, all signed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import format_datetime
from urllib.parse import urljoin

import aiohttp

from sandbox.twilio import signing
from sandbox.twilio.parts import Line
from sandbox.twilio.plan import FINAL_STATUSES, Over

FETCH_FAILED = 11200
WEBHOOK_TIMEOUT_S = 15.0
CONNECT_RETRIES = 1
"""Twilio tries a refused connection once more (its default, `rc=1` for connections only)."""


class Webhooks:
    """The requests of one call."""

    def __init__(self, call: Line, http: aiohttp.ClientSession) -> None:
        self._call = call
        self._http = http
        self._sequence = 0
        self._base_url = call.plan.url

    def form(self) -> dict[str, str]:
        """The fields that every request about the call has."""
        call, plan = self._call, self._call.plan
        form = {
            "CallSid": call.sid,
            "AccountSid": call.world.account_sid,
            "ApiVersion": "2010-04-01",
            "From": plan.from_number,
            "To": plan.to_number,
            "Caller": plan.from_number,
            "Called": plan.to_number,
            "CallStatus": call.status,
            "Direction": plan.direction,
        }
        if plan.parent_sid:
            form["ParentCallSid"] = plan.parent_sid
        if plan.direction == "inbound":
            facts = plan.persona.facts
            if plan.stir_verstat:
                form["StirVerstat"] = plan.stir_verstat
            form["CallerName"] = f"{facts.first_name} {facts.last_name}".upper()
        elif plan.machine_detection:
            form["AnsweredBy"] = "human"
        return form

    async def fetch(
        self, url: str, method: str, more: Mapping[str, str], *, first: bool = False
    ) -> str:
        """TwiML from `url` (relative to the last one). Ends the call when there is none."""
        record = self._call.record
        self._base_url = url = urljoin(self._base_url, url)
        began = time.monotonic()
        try:
            status, body = await self._request(url, method, self.form() | dict(more))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            record.warn(FETCH_FAILED, f"no answer from the webhook: {type(error).__name__}")
            raise Over("error") from None
        took_ms = round((time.monotonic() - began) * 1000, 2)
        if first:
            record.measured.twiml_ms = took_ms
        record.event("line", "webhook", ms=took_ms, status=status)
        if status >= 400:
            record.warn(FETCH_FAILED, f"the webhook answered {status}")
            raise Over("error")
        return body

    def absolute(self, url: str) -> str:
        """A URL of the TwiML that is being carried out."""
        return urljoin(self._base_url, url)

    async def tell(self, status: str) -> None:
        """The status callback, when one is wanted; its failure changes nothing."""
        call, callbacks = self._call, self._call.plan.callbacks
        event = {"in-progress": "answered"}.get(status, status)
        wanted = event in callbacks.events or (
            status in FINAL_STATUSES and "completed" in callbacks.events
        )
        if not callbacks.url or not wanted:
            return
        form = self.form() | {
            "CallStatus": status,
            "SequenceNumber": str(self._sequence),
            "Timestamp": format_datetime(call.world.clock()),
            "CallbackSource": "call-progress-events",
        }
        self._sequence += 1
        if status in FINAL_STATUSES:
            form["CallDuration"] = str(call.duration_s)
        await self.post_quietly(callbacks.url, form)

    async def post_quietly(self, url: str, form: Mapping[str, str]) -> None:
        """Tell `url`; whatever comes of it changes nothing."""
        try:
            status, _ = await self._request(self.absolute(url), "POST", form)
        except (aiohttp.ClientError, OSError, TimeoutError):
            status = 0
        self._call.record.event("line", "callback", form.get("CallStatus", ""), status=status)

    async def _request(self, url: str, method: str, form: Mapping[str, str]) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S)
        for attempt in range(CONNECT_RETRIES + 1):
            try:
                if method == "GET":
                    request = self._http.get(url, params=form, timeout=timeout)
                else:
                    signature = signing.sign(self._call.world.auth_token, url, form)
                    headers = {signing.SIGNATURE_HEADER: signature}
                    request = self._http.post(url, data=form, headers=headers, timeout=timeout)
                async with request as response:
                    return response.status, await response.text()
            except aiohttp.ClientConnectorError:
                if attempt == CONNECT_RETRIES:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")
