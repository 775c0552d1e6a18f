"""The ingress' end of the media link: one `LinkServer` a process, one `Link` a call.

Nothing here waits for a peer. The uplink's ring is its send queue: a worker that reads too slowly,
has died or is not there yet finds the last `RING_S` seconds when it is ready, and what fell out
of the ring by then is counted in `Link.dropped_frames`. The downlink is throttled by not reading
it while Twilio's socket is full (`Link.pause_speech`), so its sender waits in `drain()`.

A process that is stopped or stuck keeps its connection and does nothing: so every connection is
pinged, and a peer that does not answer is given up like one that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections import deque
from typing import Any, Protocol, cast

import structlog

from otto.media_link.frames import (
    AUDIO_BYTES_PER_MS,
    MAX_PAYLOAD_BYTES,
    PING,
    FrameDecoder,
    Kind,
    LinkError,
    Role,
    decode_json,
    decode_mark,
    decode_number,
    decode_number_and_audio,
    encode_json,
)
from otto.media_link.ring import Ring

log = structlog.get_logger()

PING_EVERY_S = 0.5
MAX_UNANSWERED_PINGS = {Role.CONTROL: 3, Role.UPLINK: 6, Role.DOWNLINK: 6}
"""A call actor is given up 1.5 to 2 s after it fell silent, a worker after twice that: to start a
new one takes seconds of CPU, which a machine that is merely slow does not have. Counted in pings,
not in time: when this process itself was held up, the answers that wait in its sockets still
count."""
REPLACED = "replaced"
SILENT = "silent"
"""Reasons of an END that say: somebody else has this role now."""
HELLO_TIMEOUT_S = 5.0
HELLO_MAX_BYTES = 1024
LINGER_S = 2.0
"""How long a connection that was ended may take to deliver its last bytes."""
MAX_PENDING_EVENTS = 512
"""Events kept for a control peer that is not there; the oldest go first."""
MAX_KEYS_KEPT = 32
"""Keys kept for the next call actor, which knows by their numbers which it has to hear of: more
than any number a caller is asked for has."""
MAX_JOIN_MS = 200
"""The most audio an uplink peer may ask to have sent at once."""
WRITE_BUFFER_BYTES = 16 * 1024
SOCKET_BUFFER_BYTES = 32 * 1024
"""Small on purpose: audio a stalled worker will read a minute late is worth less than a drop."""


class LinkSink(Protocol):
    """What a link delivers to: the holder of Twilio's socket. Calls never block and never raise."""

    def on_audio(self, generation: int, mulaw: bytes) -> None:
        """Audio to play, of a generation that has not been cleared."""

    def on_mark(self, generation: int, index: int) -> None:
        """A mark after the audio so far, of a generation that has not been cleared."""

    def on_clear(self, generation: int) -> None:
        """Clear everything of this generation and of those before it."""

    def on_hangup(self) -> None:
        """The call actor wants the stream closed, so that the next TwiML verb runs."""

    def on_control_attached(self) -> None:
        """A call actor holds the control connection now."""

    def on_control_lost(self) -> None:
        """The call actor's control connection broke without a goodbye: it died."""


class Link:
    """One call's media link. `token` opens it to the call's workers for as long as it lives."""

    def __init__(self, server: LinkServer, call_sid: str, sink: LinkSink) -> None:
        self.token = secrets.token_urlsafe(24)
        self.call_sid = call_sid
        self.dropped_frames = 0
        """Uplink frames that left the ring before any worker could read them."""
        self.cleared_generation = -1
        """Speech and marks of this generation and older ones are discarded."""
        self.latest_generation = -1
        """The newest generation that has spoken or been cleared on this link."""
        self._server = server
        self._sink = sink
        self._ring = Ring()
        self._unsent = 0
        self._unsent_bytes = 0
        self._peers: dict[Role, _Peer] = {}
        self._events: deque[bytes] = deque(maxlen=MAX_PENDING_EVENTS)
        self._keys: deque[bytes] = deque(maxlen=MAX_KEYS_KEPT)
        self._key_number = 0
        self.checkpoint = b""
        """What the call's owner wants its next one to have. Nobody here looks into it."""
        self._speech_paused = False
        self._closed = False

    # What the ingress calls

    @property
    def attached(self) -> frozenset[Role]:
        """The roles whose peers are connected."""
        return frozenset(self._peers)

    def push_audio(self, at_ms: int, mulaw: bytes) -> None:
        """Audio from the caller; `at_ms` is its media time, 0 <= at_ms < 2**32."""
        if self._closed:
            return
        ring = self._ring
        frame = ring.append(at_ms, mulaw)
        peer = self._peers.get(Role.UPLINK)
        if peer is not None and not peer.paused:
            if peer.join_bytes == 0:
                self._unsent = ring.next
                peer.write(frame)
                return
            self._unsent_bytes += len(mulaw)
            if self._unsent_bytes >= peer.join_bytes:
                self._flush(peer)
        elif self._unsent < ring.first:
            self.dropped_frames += ring.first - self._unsent
            self._unsent = ring.first

    def push_event(self, event: dict[str, Any]) -> None:
        """An event for the call actor; kept until its control connection is there."""
        if self._closed:
            return
        self._push(encode_json(Kind.EVENT, event))

    def push_key(self, digit: str) -> None:
        """A key the caller has pressed. Every call actor of the call is told of it, by number."""
        if self._closed:
            return
        self._key_number += 1
        frame = encode_json(
            Kind.EVENT, {"event": "dtmf", "digit": digit, "number": self._key_number}
        )
        self._keys.append(frame)
        if Role.CONTROL in self._peers:
            self._push(frame)

    def _push(self, frame: bytes) -> None:
        peer = self._peers.get(Role.CONTROL)
        if peer is None or peer.paused:
            self._events.append(frame)
        else:
            peer.write(frame)

    def pause_speech(self) -> None:
        """Stop reading the downlink: Twilio's socket is full. A `clear` resumes it."""
        self._throttle(True)

    def resume_speech(self) -> None:
        """Read the downlink again."""
        self._throttle(False)

    def renew_token(self) -> None:
        """Void the token. Before the call is given to another call actor: nobody of the older
        one's may attach again, should it still live."""
        self._server._forget(self)
        self.token = secrets.token_urlsafe(24)
        self._server._links[self.token] = self

    def check_peers(self) -> None:
        """Ask everybody attached for a sign of life; who owes too many is given up as lost."""
        for role, peer in list(self._peers.items()):
            if role is Role.DOWNLINK and self._speech_paused:
                continue  # its answers are not read
            if peer.unanswered_pings < MAX_UNANSWERED_PINGS[role]:
                peer.unanswered_pings += 1
                peer.write(PING)
            else:
                self._give_up(role, peer)

    def _give_up(self, role: Role, peer: _Peer) -> None:
        log.warning("media_link_peer_silent", call_sid=self.call_sid, role=role.value)
        del self._peers[role]
        peer.end(SILENT)
        if role is Role.CONTROL:
            self._sink.on_control_lost()
        elif Role.CONTROL in self._peers:  # the next call actor has workers of its own
            self.push_event({"event": "silent", "role": role.value})

    def close(self, reason: str) -> None:
        """End every connection with this reason; the token is void. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._server._forget(self)
        uplink = self._peers.get(Role.UPLINK)
        if uplink is not None and not uplink.paused:
            self._flush(uplink)
        for peer in list(self._peers.values()):
            peer.end(reason)
        self._peers.clear()

    # What its connections call

    def _attach(self, peer: _Peer, hello: dict[str, Any]) -> None:
        older = self._peers.get(peer.role)
        self._peers[peer.role] = peer
        if older is not None:
            older.end(REPLACED)
        peer.write(encode_json(Kind.WELCOME, {}))
        if peer.role is Role.UPLINK:
            self._unsent = self._ring.number_at(_whole(hello.get("from_ms"), 2**32))
            peer.join_bytes = _whole(hello.get("join_ms"), MAX_JOIN_MS) * AUDIO_BYTES_PER_MS
        elif peer.role is Role.DOWNLINK and self._speech_paused:
            peer.pause_reading()
        elif peer.role is Role.CONTROL:
            self._events.extendleft(reversed(self._keys))
        self._flush(peer)
        if peer.role is Role.CONTROL:
            self._sink.on_control_attached()

    def _flush(self, peer: _Peer) -> None:
        """Send what waited for this peer, unless it is full again meanwhile."""
        if peer.role is Role.UPLINK:
            waiting = self._ring.since(self._unsent)
            self._unsent = self._ring.next
            self._unsent_bytes = 0
            if waiting:
                peer.write(b"".join(waiting))
        elif peer.role is Role.CONTROL:
            while self._events and not peer.paused:
                peer.write(self._events.popleft())

    def _detached(self, peer: _Peer, said_goodbye: bool) -> None:
        if self._closed or self._peers.get(peer.role) is not peer:
            return
        del self._peers[peer.role]
        if not said_goodbye:
            log.info("media_link_peer_lost", call_sid=self.call_sid, role=peer.role.value)
        if peer.role is Role.CONTROL and not said_goodbye:
            self._sink.on_control_lost()

    def _speech(self, payload: bytes) -> None:
        generation, mulaw = decode_number_and_audio(payload)
        if generation > self.cleared_generation and mulaw:
            if generation > self.latest_generation:
                self.latest_generation = generation
            self._sink.on_audio(generation, mulaw)

    def _mark(self, payload: bytes) -> None:
        generation, index = decode_mark(payload)
        if generation > self.cleared_generation:
            self._sink.on_mark(generation, index)
        else:
            # Nobody shall wait for the echo of a mark that never reaches Twilio.
            self.push_event(
                {"event": "mark", "generation": generation, "index": index, "cleared": True}
            )

    def _clear(self, payload: bytes) -> None:
        generation = decode_number(payload)
        if generation > self.cleared_generation:
            self.cleared_generation = generation
            self.latest_generation = max(self.latest_generation, generation)
            self._sink.on_clear(generation)
            self.resume_speech()

    def _throttle(self, paused: bool) -> None:
        if paused is self._speech_paused:
            return
        self._speech_paused = paused
        peer = self._peers.get(Role.DOWNLINK)
        if peer is not None:
            if paused:
                peer.pause_reading()
            else:
                peer.resume_reading()


class LinkServer:
    """Listens for the workers of this process' calls. `start`, then `open` a link per call."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._links: dict[str, Link] = {}
        self._connections: set[_Peer] = set()
        self._pinger: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises `OSError` when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Peer(self), self._host, self._port)
        self._pinger = loop.create_task(self._ping())

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            for link in list(self._links.values()):
                link.check_peers()

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
        """A link for one call, with a fresh token."""
        link = Link(self, call_sid, sink)
        self._links[link.token] = link
        return link

    async def close(self) -> None:
        """End every link and connection and stop listening."""
        if self._pinger is not None:
            self._pinger.cancel()
            await asyncio.wait([self._pinger])
            self._pinger = None
        for link in list(self._links.values()):
            link.close("server_closed")
        for peer in list(self._connections):
            peer.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _find(self, token: object) -> Link | None:
        return self._links.get(token) if isinstance(token, str) else None

    def _forget(self, link: Link) -> None:
        self._links.pop(link.token, None)


class _Peer(asyncio.Protocol):
    """One accepted connection: a stranger until its HELLO names a live token and a role."""

    def __init__(self, server: LinkServer) -> None:
        self.role = Role.CONTROL
        self.paused = False
        self.join_bytes = 0
        self.unanswered_pings = 0
        self._server = server
        self._link: Link | None = None
        self._decoder = FrameDecoder(HELLO_MAX_BYTES)
        self._said_goodbye = False
        self._transport: asyncio.Transport
        self._hello_timer: asyncio.TimerHandle
        self._abort_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        limit_socket_buffers(self._transport)
        self._server._connections.add(self)
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
            link._speech(payload)
        elif self.role is Role.DOWNLINK and kind == Kind.MARK:
            link._mark(payload)
        elif self.role is Role.CONTROL and kind == Kind.CLEAR:
            link._clear(payload)
        elif self.role is Role.CONTROL and kind == Kind.HANGUP:
            link._sink.on_hangup()
        elif self.role is Role.CONTROL and kind == Kind.CHECKPOINT:
            link.checkpoint = payload
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
        link = self._server._find(hello.get("token"))
        if link is None:
            raise LinkError("bad_token")
        try:
            self.role = Role(str(hello.get("role")))
        except ValueError:
            raise LinkError("bad_role") from None
        self._hello_timer.cancel()
        self._decoder.max_payload = MAX_PAYLOAD_BYTES
        self._link = link
        link._attach(self, hello)

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
            self._link._flush(self)

    def eof_received(self) -> bool:
        return False  # half-closed is closed: every role needs both directions

    def connection_lost(self, exc: Exception | None) -> None:
        self._hello_timer.cancel()
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        self._server._connections.discard(self)
        if self._link is not None:
            self._link._detached(self, self._said_goodbye)


def _whole(value: object, limit: int) -> int:
    """A number out of a HELLO, within bounds; anything else is 0."""
    return min(max(value, 0), limit) if isinstance(value, int) else 0


def limit_socket_buffers(transport: asyncio.BaseTransport) -> None:
    """Bound what the kernel queues for a peer that does not read (both ends call this)."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
