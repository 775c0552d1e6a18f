"""The warm call actors of one node: who is idle, who is leased, for which call.

Sans-I/O: ids in, decisions out; the clock is an argument. A lease is atomic because everything
here is plain synchronous code in one process: two calls can never be given the same place.

    adding ──ready──> idle ──lease──> reserved ──redeem──> busy ──release──> idle
                        ^                 │ expires          │        └─(too many calls)─> retired
                        └─────────────────┘                  └─ the call goes on in another actor:
                                                                fenced ──release──> idle

Some places are kept for calls that have lost their actor: `size` calls are taken, whatever the
pool holds beyond that serves only those.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Place(StrEnum):
    """What a call actor is doing."""

    ADDING = "adding"
    IDLE = "idle"
    RESERVED = "reserved"
    BUSY = "busy"
    FENCED = "fenced"
    """It has, or had, a call that another actor has by now, and has not let go of it yet."""


@dataclass(slots=True)
class Member:
    """One call actor of the pool."""

    actor_id: str
    place: Place = Place.ADDING
    calls: int = 0
    call_sid: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A call actor reserved for a call until `expires_s`, to be redeemed with the token."""

    token: str
    actor_id: str
    call_sid: str
    expires_s: float


@dataclass(slots=True)
class WarmPool:
    """Knows every call actor of the node. Clocks are seconds of the caller's choosing."""

    size: int
    """How many calls are taken at once."""
    calls_per_actor: int
    token_ttl_s: float
    token_prefix: str = ""
    """Names the switchboard that gave the token out."""
    members: dict[str, Member] = field(default_factory=dict)
    _idle: deque[str] = field(default_factory=deque)
    _leases: dict[str, Lease] = field(default_factory=dict)

    # Actors come and go

    def add(self, actor_id: str) -> None:
        """An actor is being started."""
        self.members[actor_id] = Member(actor_id)

    def ready(self, actor_id: str) -> None:
        """An actor is warm and free. Unknown ids are ignored: it may have died meanwhile."""
        member = self.members.get(actor_id)
        if member is not None and member.place is not Place.IDLE:
            member.place, member.call_sid = Place.IDLE, None
            self._idle.append(actor_id)

    def adopt(self, actor_id: str, call_sid: str | None) -> None:
        """An actor that was there before this switchboard: busy with a call, or free."""
        self.members[actor_id] = Member(actor_id, call_sid=call_sid)
        if call_sid is None:
            self.ready(actor_id)
        else:
            self.members[actor_id].place = Place.BUSY

    def lost(self, actor_id: str) -> str | None:
        """An actor has died. Returns the call it was serving, if any."""
        member = self.members.pop(actor_id, None)
        if member is None:
            return None
        if actor_id in self._idle:
            self._idle.remove(actor_id)
        for token in [t for t, lease in self._leases.items() if lease.actor_id == actor_id]:
            del self._leases[token]
        return member.call_sid

    # Calls come and go

    def lease(self, call_sid: str, now_s: float, takeover: bool = False) -> Lease | None:
        """Reserve an idle actor for a call; None when there is none, or `size` calls are taken.

        `takeover`: for a call that was being served; it may have a place beyond `size`. A repeated
        webhook for the same call gets the lease it has.
        """
        held = self.leased(call_sid, now_s)
        if held is not None:
            return held
        if not self._idle or (not takeover and self.taken >= self.size):
            return None
        member = self.members[self._idle.popleft()]
        member.place, member.call_sid = Place.RESERVED, call_sid
        token = f"{self.token_prefix}{secrets.token_urlsafe(24)}"
        lease = Lease(token, member.actor_id, call_sid, now_s + self.token_ttl_s)
        self._leases[token] = lease
        return lease

    def redeem(self, token: str, call_sid: str, now_s: float) -> str | None:
        """Use a token up. Returns the actor, or None: unknown, used, late, or another call's.

        An actor that was busy with the same call is fenced: the call has gone on without it.
        """
        self.expire(now_s)
        lease = self._leases.get(token)
        if lease is None or lease.call_sid != call_sid:
            return None
        del self._leases[token]
        for other in self.members.values():
            if other.call_sid == call_sid and other.place is Place.BUSY:
                other.place = Place.FENCED
        member = self.members[lease.actor_id]
        member.place = Place.BUSY
        member.calls += 1
        return lease.actor_id

    def release(self, actor_id: str) -> bool:
        """A call has ended. True when the actor has served enough and is to be retired."""
        member = self.members.get(actor_id)
        if member is None or member.place not in {Place.BUSY, Place.FENCED}:
            return False
        if member.calls >= self.calls_per_actor:
            del self.members[actor_id]
            return True
        self.ready(actor_id)
        return False

    def abandon(self, call_sid: str) -> None:
        """The caller is gone before the stream came: free what was reserved for them."""
        for token, lease in list(self._leases.items()):
            if lease.call_sid == call_sid:
                del self._leases[token]
                self.ready(lease.actor_id)

    def expire(self, now_s: float) -> None:
        """Free the reservations whose stream never came."""
        for token, lease in list(self._leases.items()):
            if lease.expires_s <= now_s:
                del self._leases[token]
                self.ready(lease.actor_id)

    # Questions

    def leased(self, call_sid: str, now_s: float) -> Lease | None:
        """The lease of a call whose stream has not come yet."""
        self.expire(now_s)
        return next((each for each in self._leases.values() if each.call_sid == call_sid), None)

    def is_leased(self, call_sid: str) -> bool:
        """The same as it was when last looked at."""
        return any(each.call_sid == call_sid for each in self._leases.values())

    def serving(self, call_sid: str) -> str | None:
        """The actor that is busy with a call."""
        for member in self.members.values():
            if member.call_sid == call_sid and member.place is Place.BUSY:
                return member.actor_id
        return None

    def fenced(self) -> list[str]:
        """The actors whose call has gone on without them."""
        return [m.actor_id for m in self.members.values() if m.place is Place.FENCED]

    @property
    def taken(self) -> int:
        """How many calls have a place."""
        return self.count(Place.RESERVED) + self.count(Place.BUSY)

    def count(self, place: Place) -> int:
        return sum(member.place is place for member in self.members.values())
