"""Steering the stand-ins while they run: `/sandbox/health`, `/sandbox/faults`, `/sandbox/options`.

The vendors' packages add the control routes that are theirs (calls, messages, the calendar).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import FaultError
from sandbox.world import OptionsError, World

_NUMBERS = ("delay_ms", "status", "count", "code")
_FAULT_FIELDS = {"target", "kind", "says", "only", "open", *_NUMBERS}


def routes(world: World) -> list[BaseRoute]:
    """The control routes that concern every vendor."""

    async def health(request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "speech": world.options.speech,
                "tasks": world.tasks,
                "answers": world.answers,
                "faults": len(world.faults.list()),
            }
        )

    async def list_faults(request: Request) -> Response:
        return _escaped({"faults": world.faults.list()})

    async def add_fault(request: Request) -> Response:
        try:
            wanted = await _json_object(request)
            if unknown := set(wanted) - _FAULT_FIELDS:
                raise FaultError(f"unknown field {sorted(unknown)[0]!r}")
            numbers = {k: wanted[k] for k in _NUMBERS if k in wanted}
            for name, value in numbers.items():
                if name == "count" and value is None:
                    continue
                if isinstance(value, bool) or not isinstance(value, int):
                    raise FaultError(f"{name} must be a whole number")
            is_open = wanted.get("open", False)
            if not isinstance(is_open, bool):
                raise FaultError("open must be true or false")
            fault = world.faults.add(
                str(wanted.get("target", "")),
                str(wanted.get("kind", "")),
                says=str(wanted.get("says", "")),
                only=str(wanted.get("only", "")),
                open=is_open,
                **numbers,
            )
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return _escaped(asdict(fault), 201)

    async def clear_faults(request: Request) -> Response:
        removed = world.faults.clear(request.query_params.get("target"))
        return JSONResponse({"removed": removed})

    async def show_options(request: Request) -> Response:
        return JSONResponse(world.options.as_dict())

    async def change_options(request: Request) -> Response:
        try:
            world.options.update(await _json_object(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(world.options.as_dict())

    return [
        Route("/sandbox/health", health, methods=["GET"]),
        Route("/sandbox/faults", list_faults, methods=["GET"]),
        Route("/sandbox/faults", add_fault, methods=["POST"]),
        Route("/sandbox/faults", clear_faults, methods=["DELETE"]),
        Route("/sandbox/options", show_options, methods=["GET"]),
        Route("/sandbox/options", change_options, methods=["POST"]),
    ]


def _escaped(content: Any, status: int = 200) -> Response:
    """JSON in ASCII: what a fault says may be bytes that are no text."""
    return Response(json.dumps(content), status, media_type="application/json")


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise OptionsError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise OptionsError("the body must be a JSON object")
    return body
