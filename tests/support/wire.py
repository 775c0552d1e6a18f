"""The network between Otto and a server, in a test's hands: a TCP proxy that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Forwards bytes to one server. `url` leads through it.

    `black_hole`: nothing is forwarded either way, connections are accepted all the same.
    `refuse()` closes the listener and every connection; `mend()` undoes both.
    `cut_after(word)`: the next chunk from the client that holds `word` reaches the server, and
    its answer never reaches the client, because the connection breaks.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._target = parts.hostname, parts.port
        self._parts = parts
        self._port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut_word: bytes | None = None
        self.black_hole = False
        self.then_black_hole = False
        """Once cut, become a black hole."""
        self.say_first: bytes | None = None
        """What a new client is told, after its first words, before the connection is closed."""
        self.connections = 0
        self.requests = 0
        """Chunks that came from clients: round trips, for one that waits for each answer."""

    @property
    def url(self) -> str:
        """The server's address as seen through this wire."""
        netloc = self._parts.netloc.rpartition("@")
        address = f"{netloc[0]}{netloc[1]}127.0.0.1:{self._port}"
        return urlunsplit(self._parts._replace(netloc=address))

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def mend(self) -> None:
        """Be a good wire, on the same port as before."""
        self.black_hole = False
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """As a server that was stopped: no connection stands, none is accepted."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_after(self, word: bytes) -> None:
        """Break the connection right behind the next request that holds `word`."""
        self._cut_word = word

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(writer.close)
            if self.say_first is not None:
                await reader.read(65536)
                writer.write(self.say_first)
                await writer.drain()
                return
            there, back = await asyncio.open_connection(*self._target)
            stack.callback(back.close)
            cut = asyncio.Event()
            ways = [
                asyncio.create_task(self._forward(reader, back, cut)),
                asyncio.create_task(self._forward(there, writer, None)),
                asyncio.create_task(cut.wait()),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            if cut.is_set():
                back.write_eof()
                # The server has carried the request out when it has hung up in turn.
                while await there.read(65536):
                    pass

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        cut: asyncio.Event | None,
    ) -> None:
        async for data in _chunks(reader):
            while self.black_hole:
                await asyncio.sleep(0.01)
            writer.write(data)
            self.requests += cut is not None
            if cut is not None and self._cut_word is not None and self._cut_word in data:
                self._cut_word = None
                await writer.drain()
                self.black_hole = self.then_black_hole
                cut.set()
                return
            await writer.drain()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(65536):
        yield data
