"""Deepgram's place in the sandbox: three WebSockets under `/deepgram`, and a log to measure by.

A second provider of the same is under `/deepgram-b`: its faults are its own, its voice another.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.deepgram.flux import flux
from sandbox.deepgram.listen import listen
from sandbox.deepgram.session import LOG
from sandbox.deepgram.speak import speak
from sandbox.world import World


def routes(world: World) -> list[BaseRoute]:
    """Each provider's `/v1/listen`, `/v2/listen` and `/v1/speak`, and `/sandbox/deepgram/log`."""

    async def show_log(request: Request) -> Response:
        """Entries after `?after=` (seconds of CLOCK_MONOTONIC), oldest first."""
        try:
            after = float(request.query_params.get("after", "0"))
        except ValueError:
            return JSONResponse({"error": "after must be a number"}, status_code=400)
        entries = [entry for entry in world.log(LOG) if entry["at"] > after]
        return JSONResponse({"entries": entries})

    return [
        *_provider(world, "/deepgram", "", "otto"),
        *_provider(world, "/deepgram-b", ".fallback", "alto"),
        Route("/sandbox/deepgram/log", show_log, methods=["GET"]),
    ]


def _provider(world: World, path: str, suffix: str, voice: str) -> list[BaseRoute]:
    """One provider below `path`; its faults' targets end in `suffix`."""

    async def on_listen(websocket: WebSocket) -> None:
        try:
            await listen(world, websocket, f"deepgram.listen{suffix}")
        except WebSocketDisconnect:
            return

    async def on_flux(websocket: WebSocket) -> None:
        try:
            await flux(world, websocket, f"deepgram.listen{suffix}")
        except WebSocketDisconnect:
            return

    async def on_speak(websocket: WebSocket) -> None:
        try:
            await speak(world, websocket, f"deepgram.speak{suffix}", voice)
        except WebSocketDisconnect:
            return

    return [
        WebSocketRoute(f"{path}/v1/listen", on_listen),
        WebSocketRoute(f"{path}/v2/listen", on_flux),
        WebSocketRoute(f"{path}/v1/speak", on_speak),
    ]
