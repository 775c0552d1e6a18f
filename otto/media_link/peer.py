"""One connection that the ingress has accepted: its greeting, its frames, its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol, cast

import structlog

from otto.media_link.connection import LINGER_S, WRITE_BUFFER_BYTES, limit_socket_buffers
from otto.media_link.frames import (
    MAX_PAYLOAD_BYTES,
    FrameDecoder,
    Kind,
    LinkError,
    Role,
    decode_json,
    encode_json,
)

log = structlog.get_logger()

HELLO_TIMEOUT_S = 5.0
HELLO_MAX_BYTES = 1024
MAX_STRANGERS = 128
"""Connections that have not said who they are. A worker does so at once; who does not would take
the descriptors that callers' streams need."""


class PeerOwner(Protocol):
    """Whose connection it is once it has said hello: a call's link."""

    def attach(self, peer: Peer, hello: dict[str, Any]) -> None:
        """It has a role on this link, instead of whoever had it before."""

    def flush(self, peer: Peer) -> None:
        """It takes bytes again: send what has waited."""

    def detached(self, peer: Peer, said_goodbye: bool) -> None:
        """It is gone; without a goodbye, it has died."""

    def speak(self, payload: bytes) -> None:
        """A frame of speech."""

    def mark(self, payload: bytes) -> None:
        """A mark after the speech so far."""

    def clear(self, payload: bytes) -> None:
        """What was said so far is not to be played any more."""

    def hang_up(self) -> None:
        """The call actor wants the stream closed."""

    def keep(self, checkpoint: bytes) -> None:
        """What the next call actor of this call is to have."""

    def mint(self, peer: Peer, role: Role) -> None:
        """The call actor wants a token for a worker in this role."""


class Peer(asyncio.Protocol):
    """One accepted connection: a stranger until its HELLO names a role and a token for it."""

    def __init__(
        self, redeem: Callable[[object, Role], PeerOwner | None], connections: set[Peer]
    ) -> None:
        """`redeem` uses a token up and gives the owner it stands for in this role; `connections`
        holds those that are open."""
        self.role = Role.CONTROL
        self.paused = False
        self.join_bytes = 0
        self.unanswered_pings = 0
        self._redeem = redeem
        self._connections = connections
        self._link: PeerOwner | None = None
        self._decoder = FrameDecoder(HELLO_MAX_BYTES)
        self._said_goodbye = False
        self._transport: asyncio.Transport
        self._hello_timer: asyncio.TimerHandle
        self._abort_timer: asyncio.TimerHandle | None = None

    @property
    def is_stranger(self) -> bool:
        """Whether it has not said who it is."""
        return self._link is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        limit_socket_buffers(self._transport)
        if sum(peer.is_stranger for peer in self._connections) >= MAX_STRANGERS:
            log.warning("media_link_too_many_strangers")
            self._transport.abort()
        self._connections.add(self)
        loop = asyncio.get_running_loop()
        self._hello_timer = loop.call_later(HELLO_TIMEOUT_S, self._refuse, "no_hello")

    def data_received(self, data: bytes) -> None:
        try:
            for kind, payload in self._decoder.feed(data):
                if self._transport.is_closing():
                    return
                self._receive(kind, payload)
        except LinkError as error:
            log.warning("media_link_protocol_error", code=error.code)
            self._refuse(error.code)

    def _receive(self, kind: int, payload: bytes) -> None:
        link = self._link
        if link is None:
            self._greet(kind, payload)
        elif self.role is Role.DOWNLINK and kind == Kind.SPEECH:
            link.speak(payload)
        elif self.role is Role.DOWNLINK and kind == Kind.MARK:
            link.mark(payload)
        elif self.role is Role.CONTROL and kind == Kind.CLEAR:
            link.clear(payload)
        elif self.role is Role.CONTROL and kind == Kind.HANGUP:
            link.hang_up()
        elif self.role is Role.CONTROL and kind == Kind.CHECKPOINT:
            link.keep(payload)
        elif self.role is Role.CONTROL and kind == Kind.INVITE:
            link.mint(self, _role(decode_json(payload)))
        elif kind == Kind.PONG:
            self.unanswered_pings = 0
        elif kind == Kind.END:
            self._said_goodbye = True
            self._transport.close()
        else:
            raise LinkError("unexpected_kind", f"{kind} as {self.role}")

    def _greet(self, kind: int, payload: bytes) -> None:
        if kind != Kind.HELLO:
            raise LinkError("no_hello")
        hello = decode_json(payload)
        role = _role(hello)
        link = self._redeem(hello.get("token"), role)
        if link is None:
            raise LinkError("bad_token")
        self.role = role
        self._hello_timer.cancel()
        self._decoder.max_payload = MAX_PAYLOAD_BYTES
        self._link = link
        link.attach(self, hello)

    def _refuse(self, code: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(encode_json(Kind.REFUSED, {"code": code}))
            self._transport.close()

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def end(self, reason: str) -> None:
        self._said_goodbye = True
        self._transport.write(encode_json(Kind.END, {"reason": reason}))
        self._transport.close()
        # A peer that does not read would hold the connection open for ever.
        loop = asyncio.get_running_loop()
        self._abort_timer = loop.call_later(LINGER_S, self._transport.abort)

    def abort(self) -> None:
        self._transport.abort()

    def pause_reading(self) -> None:
        with contextlib.suppress(RuntimeError):  # asyncio's on a transport that is closing
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._link is not None and not self._transport.is_closing():
            self._link.flush(self)

    def eof_received(self) -> bool:
        return False  # half-closed is closed: every role needs both directions

    def connection_lost(self, exc: Exception | None) -> None:
        self._hello_timer.cancel()
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        self._connections.discard(self)
        if self._link is not None:
            self._link.detached(self, self._said_goodbye)


def _role(said: dict[str, Any]) -> Role:
    try:
        return Role(str(said.get("role")))
    except ValueError:
        raise LinkError("bad_role") from None
