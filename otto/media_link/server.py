"""The ingress' end of the media link: one `LinkServer` a process, one `Link` a call.

A process that is stopped or stuck keeps its connection and does nothing: so every connection is
pinged, and a peer that does not answer is given up like one that died.
"""

from __future__ import annotations

import asyncio

from otto.media_link.connection import secured
from otto.media_link.frames import Role
from otto.media_link.invitations import Invitations
from otto.media_link.link import Link, LinkSink
from otto.media_link.peer import Peer
from otto.media_link.tls import REFRESH_EVERY_S, LinkTls

PING_EVERY_S = 0.5


class LinkServer:
    """Listens for the workers of this process' calls. `start`, then `open` a link per call."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: LinkTls | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._invitations: Invitations[Link] = Invitations()
        self._connections: set[Peer] = set()
        self._pinger: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises `OSError` when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Peer(self._redeem, self._connections),
            self._host,
            self._port,
            **secured(None if self._tls is None else self._tls.server),
        )
        self._pinger = loop.create_task(self._ping())

    @property
    def address(self) -> str:
        """`host:port` that workers connect to."""
        if self._server is None:
            raise RuntimeError("start the link server before asking for its address")
        port = self._server.sockets[0].getsockname()[1]
        return f"{self._host}:{port}"

    @property
    def connections(self) -> int:
        """Open connections, attached or not."""
        return len(self._connections)

    def open(self, call_sid: str, sink: LinkSink) -> Link:
        """A link for one call."""
        return Link(self._links, self._invitations, call_sid, sink)

    async def close(self) -> None:
        """End every link and connection and stop listening."""
        if self._pinger is not None:
            self._pinger.cancel()
            await asyncio.wait([self._pinger])
            self._pinger = None
        for link in list(self._links):
            link.close("server_closed")
        for peer in list(self._connections):
            peer.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        refresh_s = loop.time() + REFRESH_EVERY_S
        while True:
            await asyncio.sleep(PING_EVERY_S)
            for link in list(self._links):
                link.check_peers()
            if self._tls is not None and loop.time() >= refresh_s:
                refresh_s = loop.time() + REFRESH_EVERY_S
                self._tls.refresh()

    def _redeem(self, token: object, role: Role) -> Link | None:
        return self._invitations.redeem(token, role, asyncio.get_running_loop().time())
