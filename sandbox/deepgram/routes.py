"""Deepgram's place in the sandbox: two WebSockets under `/deepgram`, and a log to measure by."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.deepgram.listen import LOG, listen
from sandbox.deepgram.speak import speak
from sandbox.world import World


def routes(world: World) -> list[BaseRoute]:
    """`/deepgram/v1/listen`, `/deepgram/v1/speak`, `/sandbox/deepgram/log`."""

    async def on_listen(websocket: WebSocket) -> None:
        try:
            await listen(world, websocket)
        except WebSocketDisconnect:
            return

    async def on_speak(websocket: WebSocket) -> None:
        try:
            await speak(world, websocket)
        except WebSocketDisconnect:
            return

    async def show_log(request: Request) -> Response:
        """Entries after `?after=` (seconds of CLOCK_MONOTONIC), oldest first."""
        try:
            after = float(request.query_params.get("after", "0"))
        except ValueError:
            return JSONResponse({"error": "after must be a number"}, status_code=400)
        entries = [entry for entry in world.log(LOG) if entry["at"] > after]
        return JSONResponse({"entries": entries})

    return [
        WebSocketRoute("/deepgram/v1/listen", on_listen),
        WebSocketRoute("/deepgram/v1/speak", on_speak),
        Route("/sandbox/deepgram/log", show_log, methods=["GET"]),
    ]
