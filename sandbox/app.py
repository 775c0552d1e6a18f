"""One application with every vendor's stand-in, and a server for it in the running loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from sandbox import control
from sandbox.access import guarded
from sandbox.deepgram import routes as deepgram
from sandbox.google import routes as google
from sandbox.http_faults import TRANSPORT
from sandbox.openai import routes as openai
from sandbox.services import routes as services
from sandbox.twilio import routes as twilio
from sandbox.world import World

_SHUTDOWN_S = 1


def build(world: World) -> Starlette:
    """The application: each vendor's routes under its own path, and `/sandbox` to steer
    them, for whoever has the world's token."""
    routes: list[BaseRoute] = [*control.routes(world), *services.routes(world)]
    for vendor in (deepgram, openai, google, twilio):
        routes += vendor.routes(world)
    return Starlette(routes=guarded(routes, world.control_token))


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A bound socket on the loopback; 0 lets the system choose. Raises OSError when taken."""
    # asyncio switches Nagle off only for a socket that says it is TCP. With it, an answer in two
    # writes, as uvicorn's are, waits 40 ms for the client's kernel to acknowledge the first.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.asynccontextmanager
async def serve(world: World, port: int = 0) -> AsyncIterator[str]:
    """Serve `world` in the running loop; yields the origin, e.g. `http://127.0.0.1:41234`.

    On leaving, sockets are closed and the world's tasks are cancelled and awaited. Raises
    OSError when the port is taken.
    """
    listener = listen(port)
    world.http_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        build(world),
        http=_Connection,
        ws=_Socket,
        # A stand-in must not notice a slow client by itself, nor compress what is audio already.
        ws_ping_interval=None,
        ws_ping_timeout=None,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="error",
        timeout_graceful_shutdown=_SHUTDOWN_S,
        backlog=1024,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="sandbox-http")
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise OSError("the sandbox's server ended before it began")
            await asyncio.sleep(0.005)
        yield world.http_url
    finally:
        await world.aclose()
        server.should_exit = True
        await serving
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to whoever owns the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Connection(HttpToolsProtocol):
    """uvicorn's HTTP, for answers that are none: see `sandbox.http_faults`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"connection": self.transport}}


class _Socket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, for fifty calls of fifty frames a second, and for breaking off.

    The original stops and resumes the transport's reading around every single message: two
    system calls a frame. Here reading stops only when the application lags.
    """

    LAG_MESSAGES = 64

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"]["sandbox.abort"] = {"abort": self.transport.abort}

    def send_receive_event_to_app(self) -> None:
        lagging = self.queue.qsize() >= self.LAG_MESSAGES
        if self.read_paused or lagging:
            super().send_receive_event_to_app()
            return
        # Pretending that reading is paused already keeps the original from pausing it.
        self.read_paused = True
        super().send_receive_event_to_app()
        self.read_paused = False
