"""The one listening socket that every stand-in answers on."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sandbox.app import listen


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_what_is_accepted_sends_at_once(loop: str) -> None:
    """With Nagle's algorithm on, an answer in two writes waits 40 ms for the client's kernel."""
    factory = None
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(_without_delay()) != 0


async def _without_delay() -> int:
    listener = listen()
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = writer.get_extra_info("socket")
        accepted.set_result(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    server = await asyncio.start_server(note, sock=listener)
    async with server:
        _, writer = await asyncio.open_connection(*listener.getsockname())
        found = await accepted
        writer.close()
        await writer.wait_closed()
    return found
