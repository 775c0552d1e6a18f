"""A pooler before PostgreSQL, as far as it is picky: it refuses what it does not know at the start.

PgBouncer, and Neon's pooled host with it, ends a connection whose startup message holds a parameter
that it does not track (https://www.pgbouncer.org/config.html#ignore_startup_parameters).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

TRACKED = frozenset(
    {
        "user",
        "database",
        "application_name",
        "client_encoding",
        "datestyle",
        "timezone",
        "standard_conforming_strings",
        "intervalstyle",
    }
)

SSL_REQUEST = struct.pack("!i", 80_877_103)


@asynccontextmanager
async def picky_pooler(url: str) -> AsyncIterator[str]:
    """The address of a server that forwards to `url`, or refuses."""
    parts = urlsplit(url)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            startup = await _message(reader)
            if startup[:4] == SSL_REQUEST:
                writer.write(b"N")
                startup = await _message(reader)
            words = startup[4:].rstrip(b"\0").split(b"\0")
            unknown = [name.decode() for name in words[::2] if name.decode().lower() not in TRACKED]
            if unknown:
                writer.write(_refusal(f"unsupported startup parameter: {unknown[0]}"))
                return
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
            back.write(struct.pack("!i", len(startup) + 4) + startup)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        address = (
            f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        )
        yield urlunsplit(parts._replace(netloc=address.removeprefix("@")))
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _message(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return await reader.readexactly(struct.unpack("!i", length)[0] - 4)


def _refusal(message: str) -> bytes:
    fields = b"SFATAL\0" + b"C08P01\0" + b"M" + message.encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
