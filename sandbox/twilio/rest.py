"""Twilio's REST API, as far as a service line uses it: calls and messages.

Shapes: https://www.twilio.com/docs/voice/api/call-resource and .../messaging/api/message-resource.
The tests read the answers with the `twilio` SDK.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.twilio.call import Call
from sandbox.twilio.exchange import Exchange
from sandbox.twilio.message_list import MessagePage
from sandbox.twilio.plan import FINAL_STATUSES, Callbacks
from sandbox.twilio.twiml import TwimlError

API = "/twilio/2010-04-01/Accounts/{account_sid}"
API_VERSION = "2010-04-01"
E164 = re.compile(r"\+[1-9]\d{6,14}")
MESSAGE_LIMIT_CHARS = 1600
MAGIC_NUMBERS = {
    "+15005550001": (21211, "The 'To' number is not a valid phone number."),
    "+15005550002": (21612, "The 'To' number is not currently reachable via SMS."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
"""Twilio's own numbers for tests, which refuse every text:
https://www.twilio.com/docs/iam/test-credentials#test-sms-messages"""
STALL_S = 3600.0


class RestError(Exception):
    """An error as Twilio answers it: HTTP status, Twilio's code, a sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> JSONResponse:
        """The body the SDK turns into `TwilioRestException`."""
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return JSONResponse(body, self.status)


Form = dict[str, list[str]]
Handler = Callable[[Request, Form], Awaitable[Response]]


class Rest:
    """The endpoints, over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._world = exchange.world

    def routes(self) -> list[Route]:
        """Starlette's routes."""
        return [
            Route(f"{API}/Calls.json", self._guarded(self._create_call), methods=["POST"]),
            Route(f"{API}/Calls/{{sid}}.json", self._guarded(self._read_call), methods=["GET"]),
            Route(f"{API}/Calls/{{sid}}.json", self._guarded(self._update_call), methods=["POST"]),
            Route(f"{API}/Messages.json", self._guarded(self._create_message), methods=["POST"]),
            Route(f"{API}/Messages.json", self._guarded(self._list_messages), methods=["GET"]),
            Route(f"{API}/Messages/{{sid}}.json", self._guarded(self._read_message)),
            Route(f"{API}.json", self._guarded(self._read_account)),
            Route(f"{API}/IncomingPhoneNumbers.json", self._guarded(self._list_numbers)),
        ]

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            fault = await self._world.faults.meet("twilio", "slow", "fail", "stall")
            if fault is not None and fault.kind == "stall":
                await asyncio.sleep(STALL_S)
            if fault is not None:
                told = "the sandbox was told to fail"
                return RestError(fault.status, fault.code, told).response()
            await asyncio.sleep(self._world.options.rest_ms / 1000)
            try:
                self._authenticate(request)
                return await handler(request, _form(await request.body()))
            except RestError as error:
                return error.response()

        return endpoint

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = b64decode(encoded).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            user = password = ""
        world = self._world
        if scheme.lower() != "basic" or (user, password) != (world.account_sid, world.auth_token):
            raise RestError(401, 20003, "Authenticate")
        if request.path_params["account_sid"] != world.account_sid:
            raise RestError(404, 20404, f"The requested resource {request.url.path} was not found")

    # Calls

    async def _create_call(self, _request: Request, form: Form) -> Response:
        to_number, from_number = _number(form, "To", 21211), _number(form, "From", 21212)
        if from_number != self._world.phone_number:
            raise RestError(400, 21210, f"The source phone number {from_number} is not yours")
        url, document = _text(form, "Url"), _text(form, "Twiml")
        if bool(url) == bool(document):
            raise RestError(400, 21205, "Url parameter or Twiml parameter is required, not both")
        events = tuple(form.get("StatusCallbackEvent", ()))
        time_limit, timeout = _text(form, "TimeLimit"), _text(form, "Timeout")
        call = self._exchange.dial_out(
            to_number,
            from_number,
            url=url,
            method=_text(form, "Method") or "POST",
            document=document,
            callbacks=Callbacks(_text(form, "StatusCallback"), events or ("completed",)),
            machine_detection=bool(_text(form, "MachineDetection")),
            time_limit_s=float(time_limit) if time_limit.isdigit() else None,
            ring_timeout_s=float(timeout) if timeout.isdigit() else None,
        )
        if fault := self._world.faults.take("twilio", "lost"):
            return RestError(
                fault.status, 20500, "An internal server error has occurred"
            ).response()
        return JSONResponse(self._call_resource(call), 201)

    async def _read_call(self, request: Request, _form: Form) -> Response:
        return JSONResponse(self._call_resource(self._find(request)))

    async def _update_call(self, request: Request, form: Form) -> Response:
        call = self._find(request)
        status, document, url = _text(form, "Status"), _text(form, "Twiml"), _text(form, "Url")
        if status not in ("", "completed", "canceled"):
            raise RestError(400, 21218, f"Invalid call status: {status}")
        if call.is_over:
            raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
        if status:
            call.hang_up("rest")
        elif document:
            try:
                call.replace_twiml(document)
            except TwimlError as error:
                raise RestError(400, error.code, error.message) from None
        elif url:
            call.redirect(url)
        else:
            raise RestError(400, 21218, "Nothing to update: give Status, Url or Twiml")
        return JSONResponse(self._call_resource(call))

    def _find(self, request: Request) -> Call:
        call = self._exchange.calls.get(request.path_params["sid"])
        if call is None:
            raise RestError(404, 20404, f"The requested resource {request.url.path} was not found")
        return call

    def _call_resource(self, call: Call) -> dict[str, Any]:
        account = self._world.account_sid
        over = call.status in FINAL_STATUSES
        return {
            "sid": call.sid,
            "account_sid": account,
            "api_version": API_VERSION,
            "from": call.plan.from_number,
            "from_formatted": call.plan.from_number,
            "to": call.plan.to_number,
            "to_formatted": call.plan.to_number,
            "status": call.status,
            "direction": call.plan.direction,
            "duration": str(call.duration_s) if over else None,
            "date_created": format_datetime(call.began_at),
            "date_updated": format_datetime(call.ended_at or call.began_at),
            "start_time": format_datetime(call.answered_at) if call.answered_at else None,
            "end_time": format_datetime(call.ended_at) if call.ended_at else None,
            "answered_by": "human" if call.plan.machine_detection and call.answered_at else None,
            "annotation": None,
            "caller_name": None,
            "forwarded_from": None,
            "group_sid": None,
            "parent_call_sid": call.plan.parent_sid or None,
            "phone_number_sid": None,
            "price": None,
            "price_unit": "USD",
            "queue_time": "0",
            "trunk_sid": None,
            "uri": f"/{API_VERSION}/Accounts/{account}/Calls/{call.sid}.json",
            "subresource_uris": {},
        }

    # Messages

    async def _create_message(self, _request: Request, form: Form) -> Response:
        to_number, from_number = _number(form, "To", 21211), _number(form, "From", 21212)
        body = _text(form, "Body")
        if not body:
            raise RestError(400, 21602, "Message body is required.")
        if len(body) > MESSAGE_LIMIT_CHARS:
            raise RestError(400, 21617, "The concatenated message body exceeds 1600 characters")
        if from_number != self._world.phone_number:
            raise RestError(400, 21606, f"The From phone number {from_number} is not yours")
        if to_number in MAGIC_NUMBERS:
            raise RestError(400, *MAGIC_NUMBERS[to_number])
        message = self._exchange.send_message(to_number, from_number, body)
        if fault := self._world.faults.take("twilio", "lost"):
            return RestError(
                fault.status, 20500, "An internal server error has occurred"
            ).response()
        return JSONResponse(self._message_resource(message, "queued"), 201)

    async def _list_messages(self, request: Request, _form: Form) -> Response:
        """Newest first, by To, From and DateSent (`=`, `<=` and `>=`), in pages."""
        page = MessagePage.of(request.query_params.multi_items(), self._exchange.messages())
        path = f"/{API_VERSION}/Accounts/{self._world.account_sid}/Messages.json"
        return JSONResponse(
            {
                "messages": [self._message_resource(one, "delivered") for one in page.messages],
                "page": page.number,
                "page_size": page.size,
                "start": page.first,
                "end": page.first + max(len(page.messages) - 1, 0),
                "first_page_uri": f"{path}?{page.query(0)}",
                "next_page_uri": f"{path}?{page.query(page.number + 1)}" if page.has_next else None,
                "previous_page_uri": None,
                "uri": f"{path}?{page.query(page.number)}",
            }
        )

    async def _read_message(self, request: Request, _form: Form) -> Response:
        sid = request.path_params["sid"]
        for message in self._exchange.messages():
            if message["sid"] == sid:
                return JSONResponse(self._message_resource(message, "delivered"))
        raise RestError(404, 20404, f"The requested resource {request.url.path} was not found")

    def _message_resource(self, message: dict[str, Any], status: str) -> dict[str, Any]:
        account = self._world.account_sid
        at = format_datetime(datetime.fromisoformat(message["at"]))
        return {
            "sid": message["sid"],
            "account_sid": account,
            "api_version": API_VERSION,
            "body": message["body"],
            "from": message["from"],
            "to": message["to"],
            "status": status,
            "direction": "outbound-api",
            "date_created": at,
            "date_updated": at,
            "date_sent": None if status == "queued" else at,
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": "USD",
            "uri": f"/{API_VERSION}/Accounts/{account}/Messages/{message['sid']}.json",
            "subresource_uris": {},
        }

    async def _read_account(self, _request: Request, _form: Form) -> Response:
        now = format_datetime(self._world.clock())
        return JSONResponse(
            {
                "sid": self._world.account_sid,
                "friendly_name": "Sandbox",
                "status": "active",
                "type": "Full",
                "auth_token": "",
                "owner_account_sid": self._world.account_sid,
                "date_created": now,
                "date_updated": now,
                "subresource_uris": {},
                "uri": f"/{API_VERSION}/Accounts/{self._world.account_sid}.json",
            }
        )

    async def _list_numbers(self, request: Request, _form: Form) -> Response:
        """The account's only number, unless the query asks for another."""
        world, number = self._world, self._exchange.number
        wanted = request.query_params.get("PhoneNumber", "")
        path = f"/{API_VERSION}/Accounts/{world.account_sid}/IncomingPhoneNumbers.json"
        resource = {
            "sid": "PN" + world.account_sid[2:],
            "account_sid": world.account_sid,
            "friendly_name": world.phone_number,
            "phone_number": world.phone_number,
            "voice_url": number.voice_url,
            "voice_method": "POST",
            "status_callback": number.status_callback_url,
            "status_callback_method": "POST",
        }
        return JSONResponse(
            {
                "incoming_phone_numbers": [resource] if wanted in world.phone_number else [],
                "page": 0,
                "page_size": 50,
                "first_page_uri": path,
                "next_page_uri": None,
                "previous_page_uri": None,
                "uri": path,
            }
        )


def _form(body: bytes) -> Form:
    # Starlette's own form parser wants a package that nothing else here needs.
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def _text(form: Form, name: str) -> str:
    return form.get(name, [""])[-1]


def _number(form: Form, name: str, code: int) -> str:
    value = _text(form, name)
    if not E164.fullmatch(value):
        raise RestError(400, code, f"The '{name}' number {value} is not a valid phone number.")
    return value
