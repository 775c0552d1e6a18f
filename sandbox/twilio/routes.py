"""The sandbox's Twilio on HTTP: the vendor's REST API, and the controls that place calls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox.caller.personas import PERSONAS, PersonaError, persona
from sandbox.twilio.call import Call
from sandbox.twilio.conference import as_wav
from sandbox.twilio.desk import DeskError
from sandbox.twilio.exchange import Exchange, ExchangeError
from sandbox.twilio.rest import Rest
from sandbox.world import World


def routes(world: World) -> list[BaseRoute]:
    """Everything of Twilio's, over one new exchange."""
    exchange = Exchange(world)
    control = _Control(exchange)
    return [*Rest(exchange).routes(), *control.routes()]


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Control:
    """`/sandbox/...`: for tests, the command line and benchmarks."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[BaseRoute]:
        plain = _plain
        return [
            Route("/sandbox/number", plain(self._set_number), methods=["PUT"]),
            Route("/sandbox/number", plain(self._get_number), methods=["GET"]),
            Route("/sandbox/personas", plain(self._personas), methods=["GET"]),
            Route("/sandbox/messages", plain(self._messages), methods=["GET"]),
            Route("/sandbox/calls", plain(self._place), methods=["POST"]),
            Route("/sandbox/calls", plain(self._list), methods=["GET"]),
            Route("/sandbox/calls/{sid}", plain(self._outcome), methods=["GET"]),
            Route("/sandbox/calls/{sid}", plain(self._act), methods=["POST"]),
            Route("/sandbox/calls/{sid}/events", plain(self._events), methods=["GET"]),
            Route("/sandbox/calls/{sid}/conference.wav", plain(self._audio), methods=["GET"]),
            Route("/sandbox/desk", plain(self._set_desk), methods=["PUT"]),
            Route("/sandbox/desk", plain(self._get_desk), methods=["GET"]),
        ]

    async def _set_number(self, request: Request) -> Response:
        body = await _body(request)
        number = self._exchange.number
        number.voice_url = str(body.get("voice_url", number.voice_url))
        number.status_callback_url = str(
            body.get("status_callback_url") or number.status_callback_url
        )
        return await self._get_number(request)

    async def _get_number(self, _request: Request) -> Response:
        number = self._exchange.number
        return JSONResponse(
            {
                "phone_number": self._exchange.world.phone_number,
                "voice_url": number.voice_url,
                "status_callback_url": number.status_callback_url,
            }
        )

    async def _personas(self, _request: Request) -> Response:
        return JSONResponse(
            [
                {
                    "name": each.name,
                    "about": each.about,
                    "voice": each.voice,
                    "phone": each.facts.phone,
                    "vehicle": each.facts.vehicle,
                    "known": each.facts.known,
                    "goal": {"kind": each.goal.kind, "service": each.goal.service},
                }
                for each in PERSONAS.values()
            ]
        )

    async def _messages(self, _request: Request) -> Response:
        return JSONResponse(self._exchange.messages())

    async def _place(self, request: Request) -> Response:
        body = await _body(request)
        known = {"persona", "goal", "facts", "traits", "from", "speech", "stir_verstat"}
        unknown = set(body) - known
        if unknown:
            raise _Refused(400, f"unknown field {sorted(unknown)[0]!r}")
        speech = body.get("speech")
        if speech not in (None, "real", "known"):
            raise _Refused(400, "speech is 'real' or 'known'")
        stir_verstat = body.get("stir_verstat")
        if not isinstance(stir_verstat, str | None):
            raise _Refused(400, "stir_verstat is a text, like TN-Validation-Failed-A")
        try:
            parts = (body.get(part) for part in ("goal", "facts", "traits"))
            chosen = persona(body.get("persona", "maria"), *parts)
            call = self._exchange.ring(
                chosen, from_number=body.get("from"), speech=speech, stir_verstat=stir_verstat
            )
        except PersonaError as error:
            raise _Refused(400, str(error)) from None
        except ExchangeError as error:
            raise _Refused(409, str(error)) from None
        return JSONResponse({"call_sid": call.sid}, 201)

    async def _list(self, _request: Request) -> Response:
        keys = ("call_sid", "persona", "status", "over", "stages", "booked", "ended_by")
        outcomes = [call.outcome() for call in self._exchange.calls.values()]
        return JSONResponse([{key: outcome[key] for key in keys} for outcome in outcomes])

    async def _outcome(self, request: Request) -> Response:
        return JSONResponse(self._find(request).outcome())

    async def _act(self, request: Request) -> Response:
        """Make the caller do something: `{"press": "1"}`, `{"say": "…"}`, `{"hang_up": true}`;
        and with known audio `{"cough": "wait"}`: a noise that sounds like "wait" at first (with
        `"pitch": true` a moan), `{"murmur": "mhm"}`: what one says who listens, `{"speaker":
        true}`: the microphone hears the loudspeaker from now on."""
        call, body = self._find(request), await _body(request)
        if call.is_over:
            raise _Refused(409, "the call is over")
        if body.get("press"):
            call.press(str(body["press"]))
        elif body.get("say"):
            call.caller.say(str(body["say"]))
        elif body.get("hang_up"):
            call.hang_up("caller")
        elif not any(body.get(sound) for sound in ("cough", "murmur", "speaker")):
            raise _Refused(400, "say what to do: press, say, cough, murmur, speaker or hang_up")
        elif call.caller.speech != "known":
            raise _Refused(400, "only a caller with known audio can cough, murmur or echo")
        elif body.get("cough"):
            call.caller.cough(str(body["cough"]), has_pitch=body.get("pitch") is True)
        elif body.get("murmur"):
            call.caller.murmur(str(body["murmur"]))
        else:
            call.caller.put_on_speaker()
        return JSONResponse({"call_sid": call.sid})

    async def _events(self, request: Request) -> Response:
        call = self._find(request)

        async def lines() -> AsyncIterator[str]:
            async for event in call.record.follow():
                yield json.dumps(event, ensure_ascii=False) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def _audio(self, request: Request) -> Response:
        """All that reached this call's telephone in the conferences it was in."""
        heard = b"".join(bytes(each.heard) for each in self._find(request).met)
        if not heard:
            raise _Refused(404, "the call was in no conference")
        return Response(as_wav(heard), media_type="audio/wav")

    async def _set_desk(self, request: Request) -> Response:
        """How the service desk behaves from its next call on: sandbox.twilio.desk."""
        try:
            self._exchange.desk.update(await _body(request))
        except DeskError as error:
            raise _Refused(400, str(error)) from None
        return await self._get_desk(request)

    async def _get_desk(self, _request: Request) -> Response:
        return JSONResponse(self._exchange.desk.as_dict())

    def _find(self, request: Request) -> Call:
        call = self._exchange.calls.get(request.path_params["sid"])
        if call is None:
            raise _Refused(404, "there is no such call")
        return call


def _plain(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except _Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise _Refused(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise _Refused(400, "the body is not a JSON object")
    return body
