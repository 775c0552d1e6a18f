"""OpenAI's chat completions, played: the wire is OpenAI's, the mind is `receptionist`.

Field names and the order of chunks follow the `openai` SDK's types (ChatCompletion,
ChatCompletionChunk) and the public streaming reference: the first chunk carries the role, each
tool call's id and name come only in its first fragment, `finish_reason` comes in a chunk with an
empty delta, and with `include_usage` a last chunk has `choices: []`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from sandbox.faults import Fault, Faults, Kind
from sandbox.http_faults import HangUp, Silence, until_gone
from sandbox.openai import oddities
from sandbox.openai.validation import BadRequest, validate
from sandbox.receptionist import adversary, continuing
from sandbox.receptionist.calls import Call
from sandbox.receptionist.receptionist import answer
from sandbox.world import World

MODELS = ("gpt-4o", "gpt-4o-mini", "otto-receptionist", adversary.NAME)
ARGUMENT_FRAGMENT_CHARS = 9
CHARS_PER_TOKEN = 4
_AT_ONCE: tuple[Kind, ...] = ("slow", "fail", "refuse", "drop", "stall", "hang")
"""The faults that befall a request before anybody knows its answer."""
_STATUS_TYPES = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("insufficient_permissions", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def routes(world: World) -> list[BaseRoute]:
    """The stand-in's routes, below /openai/v1, and a second provider's below /openai-b/v1."""
    return [
        *_provider(world, "/openai", "openai"),
        *_provider(world, "/openai-b", "openai.fallback"),
    ]


def _provider(world: World, path: str, target: str) -> list[BaseRoute]:
    """One provider below `path`; `target` is what faults name."""

    async def models(request: Request) -> Response:
        refused = _check_key(world, request)
        if refused is not None:
            return refused
        listed = [
            {"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "system"}
            for name in MODELS
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def completions(request: Request) -> Response:
        refused = _check_key(world, request)
        if refused is not None:
            return refused
        fault = await world.faults.meet(target, *_AT_ONCE)
        if fault is not None and fault.kind == "refuse":
            return HangUp()
        if fault is not None and fault.kind == "hang":
            return Silence()
        if fault is not None and fault.kind == "fail":
            return _failure(fault.status)
        try:
            body = await request.json()
            validate(body)
        except BadRequest as refusal:
            return JSONResponse({"error": refusal.as_dict()}, status_code=400)
        except ValueError:
            unreadable = BadRequest("We could not parse the JSON body of your request.")
            return JSONResponse({"error": unreadable.as_dict()}, status_code=400)
        if fault is not None and fault.kind == "stall" and not body.get("stream"):
            return Silence()
        messages, said = continuing.apart(body["messages"])
        mind = adversary.answer if body["model"] == adversary.NAME else answer
        reply = mind(messages, body.get("tools") or (), world.clock().date())
        reply = continuing.rest(reply, said)
        world.answers += 1
        odd = world.faults.take(target, *kinds) if (kinds := oddities.applicable(reply)) else None
        message = oddities.written(reply, odd.kind if odd else None)
        completion = Completion(world, body, message, fault, target)
        return await completion.whole() if not body.get("stream") else completion.streamed()

    return [
        Route(f"{path}/v1/models", models, methods=["GET"]),
        Route(f"{path}/v1/chat/completions", completions, methods=["POST"]),
    ]


class Completion:
    """One answer on its way out, whole or in chunks."""

    def __init__(
        self,
        world: World,
        body: Mapping[str, Any],
        message: oddities.Message,
        fault: Fault | None,
        target: str,
    ) -> None:
        self._faults = world.faults
        self._target = target
        self._options = world.options
        self._fault = fault
        self._include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._text = "".join(message.tokens)
        self._tokens = message.tokens
        self._calls = [_written(call, message.is_glued) for call in message.calls]
        self._finish_reason = "tool_calls" if message.calls else "stop"
        self._head = {
            "id": "chatcmpl-" + secrets.token_hex(14),
            "created": int(world.clock().timestamp()),
            "model": body["model"],
            "service_tier": "default",
            "system_fingerprint": "fp_" + secrets.token_hex(5),
        }
        prompt = sum(len(json.dumps(body[key])) for key in ("messages", "tools") if body.get(key))
        spoken = len(self._text) + sum(len(call["function"]["arguments"]) for call in self._calls)
        self._usage = _usage(prompt // CHARS_PER_TOKEN + 1, spoken // CHARS_PER_TOKEN + 1)

    async def whole(self) -> Response:
        """The answer in one JSON object, after the time its tokens take."""
        tokens = self._usage["completion_tokens"]
        options = self._options
        await asyncio.sleep((options.model_first_token_ms + tokens * options.model_token_ms) / 1000)
        if self._fault is not None and self._fault.kind == "drop":
            return HangUp()
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self._text or None,
            "refusal": None,
            "annotations": [],
        }
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self._finish_reason,
        }
        body = {"object": "chat.completion", **self._head, "choices": [choice]}
        return JSONResponse({**body, "usage": self._usage})

    def streamed(self) -> Response:
        """The answer as server-sent events."""
        return EventStream(self._events(), self._faults, self._target)

    async def _events(self) -> AsyncIterator[bytes | None]:
        """The stream's events; None means: break the connection off here."""
        options, fault = self._options, self._fault
        if fault is not None and fault.kind == "stall":
            await asyncio.Event().wait()
        await asyncio.sleep(options.model_first_token_ms / 1000)
        chunks = list(self._chunks())
        breaks_off_at = len(chunks) // 2 if fault is not None and fault.kind == "drop" else None
        for at, chunk in enumerate(chunks):
            if at == breaks_off_at:
                yield None
                return
            yield b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
            if options.model_token_ms:
                await asyncio.sleep(options.model_token_ms / 1000)
        yield b"data: [DONE]\n\n"

    def _chunks(self) -> Iterator[dict[str, Any]]:
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})
        for token in self._tokens:
            yield self._chunk({"content": token})
        for index, call in enumerate(self._calls):
            arguments = call["function"]["arguments"]
            first = {**call, "function": {**call["function"], "arguments": ""}}
            yield self._chunk({"tool_calls": [{"index": index, **first}]})
            for start in range(0, len(arguments), ARGUMENT_FRAGMENT_CHARS):
                piece = arguments[start : start + ARGUMENT_FRAGMENT_CHARS]
                part = {"index": index, "function": {"arguments": piece}}
                yield self._chunk({"tool_calls": [part]})
        yield self._chunk({}, self._finish_reason)
        if self._include_usage:
            yield {
                "object": "chat.completion.chunk",
                **self._head,
                "choices": [],
                "usage": self._usage,
            }

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {"object": "chat.completion.chunk", **self._head, "choices": [choice]}
        return {**chunk, "usage": None} if self._include_usage else chunk


def _written(call: Call, is_glued: bool) -> dict[str, Any]:
    """A tool call as the API writes it."""
    id = "call_" + secrets.token_urlsafe(18).replace("-", "x").replace("_", "y")
    arguments = json.dumps(call.arguments)
    if is_glued:
        id, arguments = f"functions.{call.name}:0", arguments * 2
    return {
        "id": id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


class EventStream(Response):
    """Server-sent events that can also break off, as a lost connection does."""

    def __init__(self, events: AsyncIterator[bytes | None], faults: Faults, target: str) -> None:
        super().__init__(media_type="text/event-stream")
        self._events = events
        self._faults = faults
        self._target = target
        self._struck: Kind | None = None
        self._sending: asyncio.Future[None] | None = None
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = self._sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(until_gone(receive))
        try:
            with self._faults.exposing(self._target, self):
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if self._struck == "stall":
                    await leaving
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    def strike(self, kind: Kind) -> None:
        """A fault that was not waited for: nothing more is sent; but for a stall, we hang up."""
        self._struck = kind
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self, send: Send) -> None:
        async for event in self._events:
            if event is None:
                # Returning before the last piece makes the server close the connection.
                return
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _check_key(world: World, request: Request) -> Response | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secrets.compare_digest(key.encode(), world.api_key.encode()):
        return None
    message = "Incorrect API key provided." if key else "You didn't provide an API key."
    error = {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key" if key else None,
    }
    return JSONResponse({"error": error}, status_code=401)


def _failure(status: int) -> Response:
    kind, code = _STATUS_TYPES.get(status, ("server_error", None))
    message = {
        429: "Rate limit reached for requests.",
        503: "The server is currently overloaded with other requests. Please retry later.",
    }.get(status, "The server had an error while processing your request.")
    error = {"message": message, "type": kind, "param": None, "code": code}
    return JSONResponse({"error": error}, status_code=status)


def _usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
