"""What both ends of the media link do alike with a connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

REPLACED = "replaced"
SILENT = "silent"
"""Reasons of an END that say: somebody else has this role now."""
LINGER_S = 2.0
"""How long a connection that was ended may take to deliver its last bytes."""
HANDSHAKE_TIMEOUT_S = 5.0
"""For TLS. It comes before a connection has said anything, so a stranger may stall in it."""
WRITE_BUFFER_BYTES = 16 * 1024
SOCKET_BUFFER_BYTES = 32 * 1024
"""Small on purpose: audio a stalled worker will read a minute late is worth less than a drop."""


def limit_socket_buffers(transport: asyncio.BaseTransport) -> None:
    """Bound what the kernel queues for a peer that does not read."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)


def secured(context: ssl.SSLContext | None) -> dict[str, Any]:
    """The arguments with which asyncio puts TLS around a connection, or a server's; none without a
    context. Closing takes no longer than what `LINGER_S` allows to deliver."""
    if context is None:
        return {}
    return {
        "ssl": context,
        "ssl_handshake_timeout": HANDSHAKE_TIMEOUT_S,
        "ssl_shutdown_timeout": LINGER_S,
    }
