"""The connections to a model's server: kept warm while the caller talks, given up when dead."""

from __future__ import annotations

import functools
import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from config.hosts import is_loopback
from config.settings import OpenAISettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

KEEP_ALIVE_S: Final = 300.0
"""The SDK's client drops a connection after 5 s idle; a caller thinks and talks longer than
that, and every turn would pay for a new TLS handshake."""
MAX_CONNECTIONS: Final = 4
KEEPALIVE_IDLE_S: Final = 15
KEEPALIVE_EVERY_S: Final = 5
UNACKNOWLEDGED_MS: Final = 2_000
"""Within it a packet is sent again four times; longer is no loss but a dead connection."""


def make_client(settings: OpenAISettings) -> AsyncOpenAI:
    """A client for this server, with a pool of connections of its own."""
    import httpx2
    import openai

    address = urlsplit(settings.base_url)
    is_near = is_loopback(address.hostname or "")
    verify = _tls() if address.scheme == "https" else False
    limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S)
    # A proxy is reached in the client's own way, which knows no options for its sockets.
    is_direct = is_near or not getproxies()
    return openai.AsyncOpenAI(
        api_key=settings.api_key.get_secret_value() or "none",
        base_url=settings.base_url,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=httpx2.Timeout(
                settings.first_token_timeout_s + settings.between_tokens_timeout_s,
                connect=settings.connect_timeout_s,
            ),
            transport=httpx2.AsyncHTTPTransport(
                verify=verify, limits=limits, socket_options=_socket_options()
            )
            if is_direct
            else None,
            limits=limits,
            verify=verify,
            trust_env=not is_near,
        ),
    )


def _socket_options() -> list[tuple[int, int, int]]:
    """What makes the kernel find out that a connection is dead.

    A router that forgot it drops what we send, and nobody tells us. An idle one is asked, which
    also keeps routers from forgetting it (those of clouds do after some minutes). One whose data
    nobody acknowledges is given up: a slow model's machine acknowledges at once.
    """
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *(
            (socket.IPPROTO_TCP, getattr(socket, name), value)
            for name, value in (
                ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
                ("TCP_KEEPINTVL", KEEPALIVE_EVERY_S),
                ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_MS),
            )
            if hasattr(socket, name)  # not everywhere
        ),
    ]


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all clients of the process: each would otherwise read the certificates again."""
    return ssl.create_default_context()
