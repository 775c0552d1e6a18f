"""The two ASGI applications that Twilio talks to: `voice_app` (webhooks) and `media_app` (the
stream's WebSocket). No Ray in here: they get the switchboard through its port.

A webhook always answers TwiML that gets the caller somewhere: to Otto, to the desk, to a callback
or to an apology. What it never does is to wait for a switchboard that does not answer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from config.settings import Settings
from otto.health.calls import ENDED, HANG_UP, STANDING
from otto.health.lag import LagMeter
from otto.language.phone import caller_number
from otto.media_link.server import LinkServer
from otto.media_link.tls import link_tls
from otto.tasks import Tasks
from otto.telephony import attestation as attestations
from otto.telephony import desk_twiml, forms, twiml
from otto.telephony.calendar_notice import PATH as CALENDAR_NOTICE
from otto.telephony.calendar_notice import calendar_notice
from otto.telephony.desk import Desk
from otto.telephony.forms import Form
from otto.telephony.handover import Event, Handover, Stage, Way
from otto.telephony.media_protocol import EXTENSION
from otto.telephony.media_socket import MediaSocket
from otto.telephony.signature import SignatureChecker, may_be_signed
from otto.telephony.signed import Endpoint, Refusals, SignedWebhooks
from otto.telephony.switchboard_port import CallerFacts, DeskInfo, SwitchboardClient

log = structlog.get_logger()

SWITCHBOARD_TIMEOUT_S = 3.0
"""Twilio waits 15 s for a webhook; a caller waits less."""
MAX_NUMBER_CHARACTERS = 256
"""A SIP address is the longest thing that Twilio gives as a caller."""
TERMINAL_STATUSES = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


def voice_app(settings: Settings, switchboard: SwitchboardClient) -> Starlette:
    """The webhooks: /twilio/voice, /twilio/after, /twilio/resume, /twilio/status, those of the
    desk (`otto.telephony.desk`), Google's /google/calendar, and health."""
    voice = _Voice(settings, switchboard)
    webhook = SignedWebhooks(settings).webhook

    def desk_page(answer: Callable[[Form, str], Awaitable[str]]) -> Endpoint:
        async def xml(form: Form, query: str) -> Response:
            return _xml(await answer(form, query))

        return webhook(xml)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with _lag_reported(settings, switchboard, "voice"):
            yield

    return Starlette(
        routes=[
            Route("/twilio/voice", webhook(voice.incoming), methods=["POST"]),
            Route("/twilio/after", webhook(voice.after_stream), methods=["POST"]),
            Route("/twilio/resume", webhook(voice.after_stream), methods=["POST"]),
            Route("/twilio/status", webhook(voice.status), methods=["POST"]),
            *(
                Route(path, desk_page(answer), methods=["POST"])
                for path, answer in voice.desk.routes.items()
            ),
            Route(
                CALENDAR_NOTICE,
                calendar_notice(settings.twilio.signing_tokens, switchboard),
                methods=["POST"],
            ),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", voice.readyz, methods=["GET"]),
        ],
        lifespan=lifespan,
    )


def media_app(
    settings: Settings,
    switchboard: SwitchboardClient,
    prefix: str = "/media",
    link_host: str = "",
) -> Starlette:
    """The media stream's WebSocket at `prefix`/stream, with the process' link server.

    The server in front may or may not strip the prefix into `root_path`: both are understood.
    `link_host` is this node's address where the settings leave it to the node. Raises
    `LinkTlsError` when the link's certificates cannot be used there.
    """
    host, tls = link_host or settings.link.host, link_tls(settings.link)
    if tls is not None:
        tls.prove(host)
    links = LinkServer(host, tls=tls)
    endpoint = _MediaEndpoint(settings, switchboard, links)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await links.start()
        log.info("media_ingress_ready", link_address=links.address)
        try:
            async with _lag_reported(settings, switchboard, "media"):
                yield
        finally:
            await links.close()

    return Starlette(
        routes=[
            WebSocketRoute(f"{prefix}/stream", endpoint),
            WebSocketRoute("/stream", endpoint),
            Route(f"{prefix}/healthz", _healthz, methods=["GET"]),
            Route("/healthz", _healthz, methods=["GET"]),
        ],
        lifespan=lifespan,
    )


class _Voice:
    """The webhooks' answers. Keeps nothing about calls, only where to send callers in need."""

    def __init__(self, settings: Settings, switchboard: SwitchboardClient) -> None:
        self._settings = settings
        self._switchboard = switchboard
        self._desk = DeskInfo(twiml.APOLOGY, None)
        self._asking: asyncio.Task[dict[str, object]] | None = None
        self.desk = Desk(settings, self)

    async def incoming(self, form: Form, query: str) -> Response:
        """A call comes in: reserve a call actor and open the stream."""
        return _xml(await self.open_stream(form, resume=False))

    async def after_stream(self, form: Form, query: str) -> Response:
        """The stream ended, on purpose or not, and the call is Twilio's again."""
        call_sid = form.get("CallSid", "")
        if form.get("CallStatus") in TERMINAL_STATUSES:
            return _xml(twiml.hang_up())  # nobody is there to hear more
        directive = await self._directive(call_sid)
        log.info("stream_followed_by", call_sid=call_sid, directive=directive)
        if directive == "resume":
            return _xml(await self.open_stream(form, resume=True))
        return _xml(await self._send_on(form, directive))

    async def _directive(self, call_sid: str) -> str:
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                return await self._switchboard.resume_directive(call_sid)
        except Exception as error:
            log.error("resume_directive_failed", call_sid=call_sid, error=type(error).__name__)
            return "transfer"

    async def _send_on(self, form: Form, directive: str) -> str:
        """What follows a stream that nobody comes back from."""
        if directive == HANG_UP:
            return twiml.hang_up()
        desk = await self._find_desk()
        if desk.closed:
            return await self._promise_for(form, twiml.DESK_CLOSED, desk.closed)
        if desk.desk_number is None:
            return await self._promise_for(form, twiml.APOLOGY)
        return await self.desk.hand_over(form, desk)

    async def status(self, form: Form, query: str) -> Response:
        """A status callback. They repeat and overtake each other; only an end means something."""
        status = form.get("CallStatus", "")
        if status in TERMINAL_STATUSES:
            call_sid = form.get("CallSid", "")
            try:
                async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                    self.desk.release(await self._switchboard.call_ended(call_sid, status))
            except Exception as error:
                log.error("call_ended_failed", call_sid=call_sid, error=type(error).__name__)
                return Response(status_code=503)
        return Response(status_code=204)

    async def readyz(self, request: Request) -> Response:
        """Ready when the switchboard answers. Whoever asks while it is being asked shares the
        answer: it has calls to look after, and anybody may ask here."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_readiness())
        readiness = await asyncio.shield(self._asking)
        return JSONResponse(readiness, status_code=200 if readiness["ready"] else 503)

    async def _ask_readiness(self) -> dict[str, object]:
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                self._desk = await self._switchboard.desk()
        except Exception as error:
            return {"ready": False, "error": type(error).__name__}
        return {"ready": True}

    async def open_stream(self, form: Form, resume: bool, returned: str = "") -> str:
        """TwiML that brings the call to Otto, or wherever it can go; `returned`: why it is back
        from the desk, which is then not dialled again."""
        call_sid = form.get("CallSid", "")
        if not call_sid:
            return twiml.apology()
        caller, called = (form.get(key, "")[:MAX_NUMBER_CHARACTERS] for key in ("From", "To"))
        attestation = form.get("StirVerstat", "")[: attestations.MAX_CHARACTERS]
        facts = CallerFacts(caller, called, attestation, returned)
        origin = self._settings.public_origin
        resume_url = f"{origin}/twilio/resume"
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                held = await self._switchboard.reserve(call_sid, facts, resume)
        except Exception as error:
            log.error("reserve_failed", call_sid=call_sid, error=type(error).__name__)
            return await self._send_elsewhere(form, returned)
        if held.reason == STANDING:
            return twiml.come_again(resume_url)
        if held.reason == ENDED:
            directive = HANG_UP if returned else await self._directive(call_sid)
            return await self._send_on(form, directive)
        if held.token is None:
            log.warning("call_not_taken", call_sid=call_sid, reason=held.reason)
            return await self._send_elsewhere(form, returned)
        return twiml.connect(
            self._settings.stream_url, held.token, f"{origin}/twilio/after", resume_url
        )

    async def tell(
        self, call_sid: str, event: Event, way: Way | None = None, leg: str = ""
    ) -> Handover:
        """Tell the switchboard what has happened on the way to the desk; `Stage.UNKNOWN` when it
        does not answer."""
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                return await self._switchboard.handover(call_sid, event, way, leg)
        except Exception as error:
            log.error("handover_untold", what=event.value, error=type(error).__name__)
            return Handover(Stage.UNKNOWN)

    async def _send_elsewhere(self, form: Form, returned: str = "") -> str:
        desk = await self._find_desk()
        if returned:
            return await self._promise_for(form, desk_twiml.NOBODY_FREE)
        if desk.closed or desk.desk_number is None:
            return await self._promise_for(form, desk.sentence_full, desk.closed)
        return twiml.busy(desk.sentence_full, desk.desk_number, self.desk.dialled_url)

    async def _promise_for(self, form: Form, sentence: str, closed: str = "") -> str:
        """End the call with `sentence`, and with a promise if it can be kept."""
        return twiml.busy(f"{sentence} {await self.promise_callback(form, closed)}", None)

    async def promise_callback(self, form: Form, closed: str = "") -> str:
        """Have the caller called back, out of hours from the next opening on, which `closed` says.
        The sentence for them: without a number, or a way to note it, they are to call again."""
        call_sid, called = form.get("CallSid", ""), form.get("To", "")
        number = caller_number(form.get("From", ""))
        call_again = twiml.CALL_AGAIN_THEN.format(when=closed) if closed else twiml.CALL_AGAIN
        if number is None or number == caller_number(called):
            return call_again
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                await self._switchboard.request_callback(call_sid, number)
        except Exception as error:
            log.error("callback_failed", call_sid=call_sid, error=type(error).__name__)
            return call_again
        return twiml.CALLBACK_THEN.format(when=closed) if closed else twiml.CALLBACK_PROMISE

    async def _find_desk(self) -> DeskInfo:
        """The desk, or as it was when last asked: it must be known when all else is broken."""
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                self._desk = await self._switchboard.desk()
        except Exception as error:
            log.error("desk_unknown", error=type(error).__name__)
            return replace(self._desk, closed="")  # it may have opened since
        return self._desk


class _MediaEndpoint:
    """The WebSocket endpoint, as a bare ASGI application."""

    def __init__(
        self, settings: Settings, switchboard: SwitchboardClient, links: LinkServer
    ) -> None:
        self._settings = settings
        self._switchboard = switchboard
        self._links = links
        self._checker = SignatureChecker(settings.public_origin, *settings.twilio.signing_tokens)
        self._path = urlsplit(settings.stream_url).path
        self._refusals = Refusals("upgrade_refused")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query: str = scope.get("query_string", b"").decode("latin-1")
        target = self._path + (f"?{query}" if query else "")
        if not self._is_signed(target, Headers(scope=scope)):
            self._refusals.tell(forms.NOT_SIGNED.reason)
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403
            return
        pusher = scope.get("extensions", {}).get(EXTENSION)
        socket = MediaSocket(receive, send, self._settings, self._switchboard, self._links, pusher)
        await socket.serve()

    def _is_signed(self, target: str, headers: Headers) -> bool:
        return (
            len(target) <= forms.MAX_QUERY_BYTES
            and may_be_signed(headers)
            and self._checker.is_upgrade_signed(target, headers)
        )


@asynccontextmanager
async def _lag_reported(
    settings: Settings, switchboard: SwitchboardClient, kind: str
) -> AsyncIterator[None]:
    """Measure this process' loop meanwhile; the switchboard hears of it when it is late."""
    telling = Tasks()

    async def tell(lag_ms: float) -> None:
        try:
            async with asyncio.timeout(SWITCHBOARD_TIMEOUT_S):
                await switchboard.late(f"{kind}-{os.getpid()}", lag_ms)
        except Exception as error:
            log.warning("lag_not_told", lag_ms=round(lag_ms), error=type(error).__name__)

    meter = asyncio.create_task(
        LagMeter(settings.pool.max_lag_ms).run(lambda lag_ms: telling.spawn(tell(lag_ms)))
    )
    try:
        yield
    finally:
        meter.cancel()


async def _healthz(request: Request) -> Response:
    return PlainTextResponse("ok")


def _xml(text: str) -> Response:
    return Response(text, media_type="text/xml")
