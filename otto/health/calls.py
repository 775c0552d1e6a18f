"""The calls of one node: who is on the line, which stream holds it, and what may happen to it next.

Sans-I/O, as the pool beneath it; clocks are the pool's. A webhook may come again: Twilio repeats
one it got no answer to, another replica answers the repeat, and whoever has captured a signed
request can send it for ever (its form has no time in it). So a call is known by its CallSid, and
what a webhook says is held against what is known already:

    voice again, stream not there yet     the same token, until it expires
    voice again, a stream stands          the same token, which opens nothing any more
    resume, a stream stands               no actor: come again in a moment
    either, the line has been sent on     no actor: what was decided stays, unless it comes
                                          back from the desk
    either, otherwise                     an actor, and a token

A stream *stands* from the redeeming of its token until its call actor, or the ingress that holds
it, says that it has ended. Should neither be able to say so (their node lost its power, say), it
is doubted as soon as somebody asks for it and nobody vouches, and after `DOUBT_S` it is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from secrets import token_urlsafe
from typing import Final

from otto.health.admission import Admission
from otto.health.pool import WarmPool

DOUBT_S: Final = 3.0
"""An ingress that holds a stream without a call actor asks for another one every 2.6 s at most."""
KEPT: Final = 2000
"""Calls without a stream that are remembered; the oldest go first. Their sessions know more."""
RESUME: Final = "resume"
"""The one directive after which a call comes back."""
HANG_UP: Final = "hangup"
"""The directive for a call that is over."""

STANDING: Final = "standing"
"""Why a call gets no actor: a stream of it stands."""
ENDED: Final = "ended"
"""Why a call gets no actor: it is over, or the line was sent elsewhere."""
SUPERSEDED: Final = "superseded"
"""Why a stream gets no other actor: the call has come back through another one."""


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What Twilio's signed webhook says of a call: the numbers, as Twilio writes them (E.164, a
    SIP address, "+266696687" for a withheld one). Nothing else is believed of a stream."""

    caller: str = ""
    called: str = ""
    attestation: str = ""
    """What the network says of the caller's number (`StirVerstat`); empty: nothing."""
    returned: str = ""
    """Why they are back from the service desk: "nobody" took them, or they have "parted". Empty:
    they were not there."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call actor held for this call for a short time; `token` None: there is none.

    `reason` is then "full", "draining", "overloaded" or "vendor_out", and the call is not taken;
    or "standing" or "ended", and there is nothing to take.
    """

    token: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """The call actor that a stream gets, and who is on the line."""

    actor_id: str
    facts: CallerFacts


@dataclass(slots=True)
class _Call:
    facts: CallerFacts
    token: str = ""
    """The last that was given out."""
    stream: str | None = None
    """The ingress' own name for the stream that redeemed it."""
    doubted_s: float | None = None
    """Since when nobody vouches for the stream."""
    directive: str | None = None
    """What the line does now that the stream has ended."""
    was_served: bool = False
    """A call actor has had it."""
    is_over: bool = False
    """Twilio says so."""

    @property
    def was_sent_on(self) -> bool:
        return self.is_over or self.directive not in {None, RESUME}


def _is_return(call: _Call, facts: CallerFacts) -> bool:
    """Whether a call that was sent on comes back from the desk."""
    return bool(facts.returned) and not call.is_over and call.directive != HANG_UP


class Calls:
    """Gives the pool's call actors to calls."""

    def __init__(self, pool: WarmPool, admission: Admission) -> None:
        self._pool = pool
        self._admission = admission
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    # From webhooks

    def reserve(
        self, call_sid: str, facts: CallerFacts, now_s: float, resume: bool = False
    ) -> Reservation:
        """A call rings, or with `resume` comes back after its stream. A repeat changes nothing.

        A call that comes back has a place before others, if it is known to have been served.
        """
        lease = self._pool.leased(call_sid, now_s)
        if lease is not None:
            return Reservation(lease.token)
        call = self._calls.get(call_sid)
        if call is not None and self.stands(call_sid, now_s):
            return Reservation(None, STANDING) if resume else Reservation(call.token)
        if call is not None and call.was_sent_on and not _is_return(call, facts):
            return Reservation(None, ENDED)
        was_served = call is not None and call.was_served
        answer = self._admission.admit(call_sid, now_s, takeover=was_served)
        if isinstance(answer, str):
            return Reservation(None, answer)
        call = self._known(call_sid, facts)
        if call.was_sent_on:
            call.directive = RESUME
        if not facts.returned:  # a stream that breaks before anybody has spoken changes nothing
            facts = replace(facts, returned=call.facts.returned)
        call.facts, call.token = facts, answer.token
        return Reservation(answer.token)

    def over(self, call_sid: str) -> None:
        """Twilio says that the call is over: what was only reserved is free again.

        Not while a stream stands: that is nearer to the call than a callback is.
        """
        self._pool.abandon(call_sid)
        call = self._calls.get(call_sid)
        if call is not None and call.stream is None:
            call.is_over = True

    def directive(self, call_sid: str) -> str | None:
        """What the line does now that the stream has ended; None: nobody has said."""
        call = self._calls.get(call_sid)
        if call is None:
            return None
        return HANG_UP if call.is_over else call.directive

    # From the ingress

    def redeem(self, token: str, call_sid: str, stream: str, now_s: float) -> Given | None:
        """Use a token up for a stream. None: unknown, used by another stream, late, another call's,
        or another stream of the call stands. The same stream may ask again."""
        call = self._calls.get(call_sid)
        if call is None:
            return None
        serving = self._pool.serving(call_sid)
        if call.stream == stream and call.token == token and serving is not None:
            return Given(serving, call.facts)
        if call.stream is not None and self.stands(call_sid, now_s):
            return None
        actor_id = self._pool.redeem(token, call_sid, now_s)
        if actor_id is None:
            return None
        call.stream, call.doubted_s, call.directive = stream, None, None
        call.was_served = True
        return Given(actor_id, call.facts)

    def take_over(
        self, call_sid: str, facts: CallerFacts, stream: str, now_s: float
    ) -> Given | str:
        """Another call actor for a stream that redeemed its token and has lost the one it had; or
        the reason why not. `facts` are those it redeemed: who asks may know more than we do,
        who may have been restarted or be another node's."""
        call = self._known(call_sid, facts)
        is_anothers = call.stream not in {None, stream} and self.stands(call_sid, now_s)
        if is_anothers or self._pool.leased(call_sid, now_s) is not None:
            return SUPERSEDED
        if call.is_over:
            return ENDED
        call.stream, call.doubted_s = stream, None
        answer = self._admission.admit(call_sid, now_s, takeover=True)
        if isinstance(answer, str):
            return answer
        actor_id = self._pool.redeem(answer.token, call_sid, now_s)
        assert actor_id is not None, "leased a moment ago"
        call.directive, call.was_served = None, True
        call.token = call.token or self._void()
        return Given(actor_id, call.facts)

    def stream_ended(self, call_sid: str, stream: str) -> None:
        """The ingress has let go of this stream."""
        call = self._calls.get(call_sid)
        if call is not None and call.stream == stream:
            call.stream = None

    # From call actors

    def ended(self, actor_id: str, call_sid: str, directive: str) -> bool:
        """A call actor is about to give up its stream, and says what the line does next. False:
        it has lost the call to another actor, and has no say in it."""
        if self._pool.serving(call_sid) != actor_id:
            return False
        call = self._known(call_sid, CallerFacts())
        call.stream, call.directive = None, directive
        return True

    def adopt(self, call_sid: str, facts: CallerFacts, stream: str) -> None:
        """A call that was there before this switchboard, with its stream."""
        call = self._known(call_sid, facts)
        call.stream, call.was_served = stream, True
        call.token = self._void()

    # Whether a stream stands

    def stands(self, call_sid: str, now_s: float) -> bool:
        """Whether a stream holds the call, for all we know."""
        call = self._calls.get(call_sid)
        if call is None or call.stream is None:
            return False
        return call.doubted_s is None or now_s - call.doubted_s < DOUBT_S

    def holder(self, call_sid: str) -> str | None:
        """The stream that holds the call, doubted or not."""
        call = self._calls.get(call_sid)
        return None if call is None else call.stream

    def doubt(self, call_sid: str, now_s: float) -> None:
        """Somebody has looked, and nobody vouches for the stream."""
        call = self._calls.get(call_sid)
        if call is not None and call.stream is not None and call.doubted_s is None:
            call.doubted_s = now_s

    def vouch(self, call_sid: str, stream: str | None) -> None:
        """The stream's call actor hears its line."""
        call = self._calls.get(call_sid)
        if call is not None and call.stream == stream:
            call.doubted_s = None

    def recall(self, call_sid: str, facts: CallerFacts) -> None:
        """The call was served, says somebody who remembers more: this switchboard was restarted."""
        self._known(call_sid, facts).was_served = True

    def knows(self, call_sid: str) -> bool:
        """Whether this switchboard has had anything to do with the call."""
        return call_sid in self._calls

    # Inside

    def _known(self, call_sid: str, facts: CallerFacts) -> _Call:
        call = self._calls.setdefault(call_sid, _Call(facts))
        self._calls.move_to_end(call_sid)
        if len(self._calls) > KEPT:
            for forgettable in self._idle():
                del self._calls[forgettable]
                break
        return call

    def _void(self) -> str:
        """What a repeated webhook is given where the token is not known any more: it opens nothing,
        as that one would."""
        return f"{self._pool.token_prefix}{token_urlsafe(24)}"

    def _idle(self) -> Iterator[str]:
        """Calls that nothing holds, the oldest first; not the newest, which is being looked at."""
        newest = next(reversed(self._calls))
        for call_sid, call in self._calls.items():
            if call.stream is None and call_sid != newest and not self._pool.is_leased(call_sid):
                yield call_sid
