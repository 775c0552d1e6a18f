"""One call's end of the media link in the ingress: what is kept for whom, and who is attached.

Nothing here waits for a peer. The uplink's ring is its send queue: a worker that reads too slowly,
has died or is not there yet finds the last `RING_S` seconds when it is ready, and what fell out
of the ring by then is counted in `Link.dropped_frames`. The downlink is throttled by not reading
it while Twilio's socket is full (`Link.pause_speech`), so its sender waits in `drain()`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import Any, Protocol

import structlog

from otto.media_link.connection import REPLACED, SILENT
from otto.media_link.events import KeyPressed, LineEvent, MarkPlayed, WorkerSilent, encode_event
from otto.media_link.frames import (
    AUDIO_BYTES_PER_MS,
    PING,
    Kind,
    LinkError,
    Role,
    decode_mark,
    decode_number,
    decode_number_and_audio,
    encode_json,
)
from otto.media_link.invitations import GOOD_FOR_S, Invitations
from otto.media_link.peer import Peer
from otto.media_link.ring import Ring

log = structlog.get_logger()

MAX_UNANSWERED_PINGS = {Role.CONTROL: 3, Role.UPLINK: 6, Role.DOWNLINK: 6}
"""A call actor is given up 1.5 to 2 s after it fell silent, a worker after twice that: to start a
new one takes seconds of CPU, which a machine that is merely slow does not have. Counted in pings,
not in time: when this process itself was held up, the answers that wait in its sockets still
count."""
MAX_PENDING_EVENTS = 512
"""Events kept for a control peer that is not there; the oldest go first."""
MAX_KEYS_KEPT = 32
"""Keys kept for the next call actor, which knows by their numbers which it has to hear of: more
than any number a caller is asked for has."""
MAX_JOIN_MS = 200
"""The most audio an uplink peer may ask to have sent at once."""


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
    """One call's media link. The first to join is the call actor, by `invite`; its control
    connection then has a token minted for each worker."""

    def __init__(
        self, links: set[Link], invitations: Invitations[Link], call_sid: str, sink: LinkSink
    ) -> None:
        """`links` holds those of the server; this one adds and removes itself."""
        self.call_sid = call_sid
        self.dropped_frames = 0
        """Uplink frames that left the ring before any worker could read them."""
        self.cleared_generation = -1
        """Speech and marks of this generation and older ones are discarded."""
        self.latest_generation = -1
        """The newest generation that has spoken or been cleared on this link."""
        self._invitations = invitations
        self._links = links
        self._links.add(self)
        self._sink = sink
        self._ring = Ring()
        self._unsent = 0
        self._unsent_bytes = 0
        self._peers: dict[Role, Peer] = {}
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
                self.flush(peer)
        elif self._unsent < ring.first:
            self.dropped_frames += ring.first - self._unsent
            self._unsent = ring.first

    def push_event(self, event: LineEvent) -> None:
        """An event for the call actor; kept until its control connection is there."""
        if self._closed:
            return
        self._push(encode_event(event))

    def push_key(self, digit: str) -> None:
        """A key the caller has pressed. Every call actor of the call is told of it, by number."""
        if self._closed:
            return
        self._key_number += 1
        frame = encode_event(KeyPressed(digit, self._key_number))
        self._keys.append(frame)
        if Role.CONTROL in self._peers:
            self._push(frame)

    def pause_speech(self) -> None:
        """Stop reading the downlink: Twilio's socket is full. A `clear` resumes it."""
        self._throttle(True)

    def resume_speech(self) -> None:
        """Read the downlink again."""
        self._throttle(False)

    def invite(self, role: Role) -> str:
        """A token for one connection in this role; it voids the one before."""
        now_s = asyncio.get_running_loop().time()
        return self._invitations.mint(self, role, now_s + GOOD_FOR_S)

    def lock_out(self) -> None:
        """Void every token. Before the call is given to another call actor: nobody of the older
        one's may attach again, should it still live."""
        self._invitations.void(self)

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

    def close(self, reason: str) -> None:
        """End every connection with this reason; the token is void. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._links.discard(self)
        self.lock_out()
        uplink = self._peers.get(Role.UPLINK)
        if uplink is not None and not uplink.paused:
            self.flush(uplink)
        for peer in list(self._peers.values()):
            peer.end(reason)
        self._peers.clear()

    # What its connections call (PeerOwner)

    def attach(self, peer: Peer, hello: dict[str, Any]) -> None:
        older = self._peers.get(peer.role)
        self._peers[peer.role] = peer
        if older is not None:
            older.end(REPLACED)
        welcome = {}
        if peer.role is Role.UPLINK:
            # A recogniser whose vendor was lost attaches again, from where the next one begins.
            welcome["again"] = self._invitations.mint(self, Role.UPLINK, inf)
        peer.write(encode_json(Kind.WELCOME, welcome))
        if peer.role is Role.UPLINK:
            self._unsent = self._ring.number_at(_whole(hello.get("from_ms"), 2**32))
            peer.join_bytes = _whole(hello.get("join_ms"), MAX_JOIN_MS) * AUDIO_BYTES_PER_MS
        elif peer.role is Role.DOWNLINK and self._speech_paused:
            peer.pause_reading()
        elif peer.role is Role.CONTROL:
            self._events.extendleft(reversed(self._keys))
        self.flush(peer)
        if peer.role is Role.CONTROL:
            self._sink.on_control_attached()

    def flush(self, peer: Peer) -> None:
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

    def detached(self, peer: Peer, said_goodbye: bool) -> None:
        if self._closed or self._peers.get(peer.role) is not peer:
            return
        del self._peers[peer.role]
        if not said_goodbye:
            log.info("media_link_peer_lost", call_sid=self.call_sid, role=peer.role.value)
        if peer.role is Role.CONTROL and not said_goodbye:
            self._sink.on_control_lost()

    def speak(self, payload: bytes) -> None:
        generation, mulaw = decode_number_and_audio(payload)
        if generation > self.cleared_generation and mulaw:
            if generation > self.latest_generation:
                self.latest_generation = generation
            self._sink.on_audio(generation, mulaw)

    def mark(self, payload: bytes) -> None:
        generation, index = decode_mark(payload)
        if generation > self.cleared_generation:
            self._sink.on_mark(generation, index)
        else:
            # Nobody shall wait for the echo of a mark that never reaches Twilio.
            self.push_event(MarkPlayed(generation, index, True))

    def clear(self, payload: bytes) -> None:
        generation = decode_number(payload)
        if generation > self.cleared_generation:
            self.cleared_generation = generation
            self.latest_generation = max(self.latest_generation, generation)
            self._sink.on_clear(generation)
            self.resume_speech()

    def hang_up(self) -> None:
        self._sink.on_hangup()

    def keep(self, checkpoint: bytes) -> None:
        self.checkpoint = checkpoint

    def mint(self, peer: Peer, role: Role) -> None:
        if role is Role.CONTROL:
            raise LinkError("bad_role")  # the next call actor is the ingress' to choose
        if self._peers.get(Role.CONTROL) is peer:
            peer.write(encode_json(Kind.INVITATION, {"token": self.invite(role)}))

    # Inside

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

    def _push(self, frame: bytes) -> None:
        peer = self._peers.get(Role.CONTROL)
        if peer is None or peer.paused:
            self._events.append(frame)
        else:
            peer.write(frame)

    def _give_up(self, role: Role, peer: Peer) -> None:
        log.warning("media_link_peer_silent", call_sid=self.call_sid, role=role.value)
        del self._peers[role]
        peer.end(SILENT)
        if role is Role.CONTROL:
            self._sink.on_control_lost()
        elif Role.CONTROL in self._peers:  # the next call actor has workers of its own
            self.push_event(WorkerSilent(role))


def _whole(value: object, limit: int) -> int:
    """A number out of a HELLO, within bounds; anything else is 0."""
    return min(max(value, 0), limit) if isinstance(value, int) else 0
