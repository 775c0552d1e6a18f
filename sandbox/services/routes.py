"""Stopping and starting the databases from outside: `/sandbox/services`.

`POST {"service": "postgres" | "valkey", "action": ...}` with `stop` (in order, data kept),
`start` (same port, same data), `pause` (every process stands still: connections are accepted and
nobody answers) or `resume`. The answer comes when it is done, and tells the state and the pid.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.services.child import ServiceError
from sandbox.world import Service, World

ACTIONS = ("stop", "start", "pause", "resume")


def routes(world: World) -> list[BaseRoute]:
    """The control routes of the databases that this sandbox runs."""
    one_at_a_time = asyncio.Lock()

    async def show(request: Request) -> Response:
        return JSONResponse({name: _state(server) for name, server in world.services.items()})

    async def act(request: Request) -> Response:
        try:
            wanted: Any = json.loads(await request.body())
            name, action = wanted["service"], wanted["action"]
        except (ValueError, TypeError, KeyError):
            return _refuse("give a service and an action")
        server = world.services.get(name) if isinstance(name, str) else None
        if server is None:
            return _refuse(f"no such service here: there are {', '.join(world.services) or 'none'}")
        if action not in ACTIONS:
            return _refuse(f"the actions are {', '.join(ACTIONS)}")
        async with one_at_a_time:
            try:
                await asyncio.to_thread(_act, server, action)
            except ServiceError as error:
                return JSONResponse({"error": str(error)}, status_code=409)
        return JSONResponse({"service": name, **_state(server)})

    return [
        Route("/sandbox/services", show, methods=["GET"]),
        Route("/sandbox/services", act, methods=["POST"]),
    ]


def _act(server: Service, action: str) -> None:
    match action:
        case "start":
            if server.pid is None:
                server.stop()  # it may have been killed from outside: then its folder is still ours
                server.start()
        case "stop":
            server.stop()
        case "pause":
            server.pause()
        case "resume":
            server.resume()


def _state(server: Service) -> dict[str, Any]:
    return {"state": server.state, "pid": server.pid}


def _refuse(why: str) -> Response:
    return JSONResponse({"error": why}, status_code=400)
