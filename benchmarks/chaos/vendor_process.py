"""A vendor's stand-in as a process of its own, to be killed: Google, whose calendar is on the disk
before an answer leaves, or Twilio.

    python -m benchmarks.chaos.vendor_process google 20123 /var/tmp/somewhere

Its keys come as JSON from stdin, so that it is the same one again when it is started again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.access import guarded
from sandbox.app import listen
from sandbox.google.routes import Google
from sandbox.google.store import CalendarStore
from sandbox.twilio.routes import routes as twilio_routes
from sandbox.world import World


class SavedFirst:
    """What was changed is on the disk before its answer is on the wire, as Google's is."""

    def __init__(self, app: ASGIApp, store: CalendarStore) -> None:
        self._app = app
        self._store = store
        self._is_dirty = False
        store.changed = self._note

    def _note(self) -> None:
        self._is_dirty = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_saved(message: Message) -> None:
            if message["type"] == "http.response.start" and self._is_dirty:
                self._store.save()
                self._is_dirty = False
            await send(message)

        await self._app(scope, receive, send_saved)


def build(vendor: str, folder: Path, keys: dict[str, str]) -> ASGIApp:
    """The vendor's application, with these keys and its data in the folder."""
    world = World()
    for name, value in keys.items():
        setattr(world, name, value)
    world.options.rest_ms = 5
    if vendor == "twilio":
        return Starlette(routes=guarded(twilio_routes(world), world.control_token))
    world.state_dir = folder
    google = Google(world)
    app = Starlette(routes=guarded(google.routes(), world.control_token))
    return SavedFirst(app, google.store)


def main() -> None:
    """The command line: vendor, port, folder."""
    vendor, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    app = build(vendor, folder, json.loads(sys.stdin.readline()))
    config = uvicorn.Config(app, lifespan="off", access_log=False, log_level="error")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listen(port)]))


if __name__ == "__main__":
    main()
