"""Which stream holds which call: whatever webhooks repeat, one call has one actor and one line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from otto.health import calls as calls_module
from otto.health.admission import Admission
from otto.health.calls import (
    DOUBT_S,
    ENDED,
    STANDING,
    SUPERSEDED,
    CallerFacts,
    Calls,
    Given,
    Reservation,
)
from otto.health.pool import Place, WarmPool

MARIA = CallerFacts("+13125550142", "+18155550199")
MALLORY = CallerFacts("+18155550666", "+18155550199")


@dataclass
class Node:
    """A node's pool and calls, and a clock."""

    pool: WarmPool
    calls: Calls
    admission: Admission
    now_s: float = 0.0

    def voice(self, call_sid: str = "CA1", facts: CallerFacts = MARIA) -> Reservation:
        return self.calls.reserve(call_sid, facts, self.now_s)

    def resume(self, call_sid: str = "CA1", facts: CallerFacts = MARIA) -> Reservation:
        return self.calls.reserve(call_sid, facts, self.now_s, resume=True)

    def redeem(self, token: str | None, call_sid: str = "CA1", stream: str = "s1") -> Given | None:
        assert token is not None
        return self.calls.redeem(token, call_sid, stream, self.now_s)

    def take_over(
        self, call_sid: str = "CA1", stream: str = "s1", facts: CallerFacts = MARIA
    ) -> Given | str:
        return self.calls.take_over(call_sid, facts, stream, self.now_s)

    def attached(self, call_sid: str = "CA1", stream: str = "s1") -> str:
        given = self.redeem(self.voice(call_sid).token, call_sid, stream)
        assert given is not None
        return given.actor_id


def node(size: int = 2, reserve: int = 1) -> Node:
    pool = WarmPool(size, calls_per_actor=100, token_ttl_s=60, token_prefix="node.")
    for number in range(size + reserve):
        pool.add(f"call-{number}")
        pool.ready(f"call-{number}")
    admission = Admission(pool, 400.0, lambda now_s: False)
    return Node(pool, Calls(pool, admission), admission)


def test_who_is_on_the_line_is_bound_to_the_token() -> None:
    made = node()
    mine, other = made.voice("CA1", MARIA).token, made.voice("CA2", MALLORY).token
    assert made.redeem(other, "CA1") is None
    assert made.redeem(mine, "CA2") is None
    first, second = made.redeem(mine, "CA1"), made.redeem(other, "CA2", "s2")
    assert first and second
    assert (first.facts, second.facts) == (MARIA, MALLORY)


@pytest.mark.parametrize("call_sid", ["CÄ1", "CA1\ud800", "CA1 ", "ca1", "", "CA1" * 1000])
def test_whatever_is_sent_as_a_callsid_is_refused_and_raises_nothing(call_sid: str) -> None:
    made = node()
    token = made.voice().token
    assert made.redeem(token, call_sid) is None
    assert made.redeem(token) is not None, "the tries did not use it up"


@pytest.mark.parametrize("token", ["", "node.", "node.ü", "\ud800", "node.\x00", "x" * 10_000])
def test_whatever_is_sent_as_a_token_is_refused(token: str) -> None:
    made = node()
    made.voice()
    assert made.redeem(token) is None


def test_a_token_is_redeemed_by_one_stream_which_may_ask_again() -> None:
    made = node()
    token = made.voice().token
    first = made.redeem(token, stream="s1")
    assert first is not None
    assert made.redeem(token, stream="s1") == first, "its answer may have been lost"
    assert made.redeem(token, stream="s2") is None
    assert made.pool.count(Place.BUSY) == 1


def test_a_token_of_before_the_restart_opens_nothing() -> None:
    token = node().voice().token
    assert node().redeem(token) is None


def test_a_repeated_voice_webhook_gets_the_same_token_before_and_after_the_stream_came() -> None:
    made = node()
    token = made.voice().token
    assert made.voice() == Reservation(token)
    actor = made.redeem(token)
    for _ in range(3):
        assert made.voice() == Reservation(token)
    assert made.redeem(token, stream="s2") is None, "it opens nothing any more"
    assert (made.pool.serving("CA1"), made.pool.fenced()) == (actor and actor.actor_id, [])
    assert made.pool.count(Place.IDLE) == 2


def test_a_repeat_gets_its_token_though_new_calls_are_refused_by_now() -> None:
    made = node()
    token = made.voice().token
    made.admission.draining = True
    assert made.voice() == Reservation(token)
    assert made.voice("CA2").reason == "draining"


def test_a_voice_webhook_long_after_nobody_came_is_a_new_call_with_no_privilege() -> None:
    made = node(size=1)
    made.voice("CA1")
    made.now_s = 61
    made.attached("CA2", "s2")
    assert made.voice("CA1").reason == "full", "the place beyond the size is for calls once served"


def test_a_resume_of_a_call_that_nobody_knows_has_no_privilege() -> None:
    """As a webhook of last week's that is sent again; or after a restart, with nothing to show."""
    made = node(size=1)
    made.attached("CA1", "s1")
    assert made.resume("CA-old").reason == "full", "the place beyond the size is not for it"
    made.admission.draining = True
    assert made.resume("CA-old").reason == "draining"
    made.calls.recall("CA-old", MARIA)  # its session is there
    assert made.resume("CA-old").token is not None


def test_a_resume_while_a_stream_stands_takes_no_actor() -> None:
    made = node()
    actor = made.attached()
    assert made.resume() == Reservation(None, STANDING)
    assert (made.pool.serving("CA1"), made.pool.fenced()) == (actor, [])


@pytest.mark.parametrize("how", ["the actor says so", "the ingress says so", "nobody can"])
def test_a_resume_after_the_stream_is_a_new_actor(how: str) -> None:
    made = node()
    first = made.attached()
    if how == "the actor says so":
        assert made.calls.ended(first, "CA1", "resume")
    elif how == "the ingress says so":
        made.calls.stream_ended("CA1", "s1")
    else:
        made.calls.doubt("CA1", made.now_s)
        assert made.resume().reason == STANDING, "not at once"
        made.now_s += DOUBT_S
    token = made.resume().token
    assert made.resume().token == token
    second = made.redeem(token, stream="s2")
    assert second is not None
    assert second.actor_id != first
    assert made.pool.fenced() == [first]


def test_a_stream_that_was_doubted_wrongly_keeps_its_call() -> None:
    """Doubted for so long that a resume got a token; then its actor was heard of again."""
    made = node()
    actor = made.attached()
    made.calls.doubt("CA1", made.now_s)
    made.now_s += DOUBT_S
    token = made.resume().token
    made.calls.vouch("CA1", "s1")
    assert made.redeem(token, stream="s2") is None
    assert (made.pool.serving("CA1"), made.pool.fenced()) == (actor, [])


def test_another_streams_end_ends_nothing() -> None:
    made = node()
    made.attached()
    made.calls.stream_ended("CA1", "s0")
    made.calls.stream_ended("CA2", "s1")
    assert made.resume().reason == STANDING


@pytest.mark.parametrize("directive", ["hangup", "transfer"])
def test_what_was_decided_for_the_line_stays(directive: str) -> None:
    made = node()
    actor = made.attached()
    made.calls.ended(actor, "CA1", directive)
    made.pool.release(actor)
    for again in (made.voice, made.resume):
        assert again() == Reservation(None, ENDED)
    assert made.calls.directive("CA1") == directive
    assert made.pool.count(Place.IDLE) == 3


BACK = replace(MARIA, returned="nobody")


def sent_to_the_desk() -> Node:
    ours = node()
    actor = ours.attached()
    assert ours.calls.ended(actor, "CA1", "transfer")
    ours.pool.release(actor)
    return ours


def test_a_call_comes_back_from_the_desk_and_from_nowhere_else() -> None:
    ours = sent_to_the_desk()
    assert ours.resume().reason == ENDED, "a captured resume brings nobody back"
    held = ours.resume(facts=BACK)
    given = ours.redeem(held.token, stream="s2")
    assert given is not None and given.facts.returned == "nobody"
    assert ours.resume(facts=BACK).reason == STANDING, "a repeat while they talk again"


def test_a_stream_that_breaks_before_otto_has_spoken_still_knows_that_they_were_at_the_desk() -> (
    None
):
    ours = sent_to_the_desk()
    assert ours.resume(facts=BACK).token is not None
    ours.now_s += 1000  # the token was never used
    assert ours.calls.directive("CA1") == "resume"
    given = ours.redeem(ours.resume().token, stream="s3")
    assert given is not None and given.facts.returned == "nobody"


@pytest.mark.parametrize("end", ["hangup", "over"])
def test_whose_call_is_over_does_not_come_back_from_the_desk(end: str) -> None:
    ours = sent_to_the_desk()
    if end == "over":
        ours.calls.over("CA1")
    else:
        given = ours.redeem(ours.resume(facts=BACK).token, stream="s2")
        assert given is not None
        ours.calls.ended(given.actor_id, "CA1", "hangup")
    assert ours.resume(facts=BACK).reason == ENDED


def test_a_call_that_twilio_says_is_over_takes_no_actor_again() -> None:
    made = node()
    made.attached()
    made.calls.over("CA1")
    assert made.resume().reason == STANDING, "the stream is nearer to the call than a callback"
    made.calls.stream_ended("CA1", "s1")
    made.calls.over("CA1")
    assert made.voice() == made.resume() == Reservation(None, ENDED)
    assert made.calls.directive("CA1") == "hangup"
    assert made.take_over() == ENDED


def test_a_caller_who_hangs_up_before_the_stream_frees_the_place_for_good() -> None:
    made = node()
    token = made.voice().token
    made.calls.over("CA1")
    assert made.pool.count(Place.IDLE) == 3
    assert made.redeem(token) is None
    assert made.voice().reason == ENDED


def test_a_stream_that_lost_its_actor_gets_another_and_keeps_who_is_on_the_line() -> None:
    made = node()
    first = made.attached()
    made.pool.lost(first)
    second = made.take_over(facts=CallerFacts("what the asker", "remembers"))
    assert isinstance(second, Given)
    assert second.facts == MARIA
    assert made.resume().reason == STANDING
    assert made.redeem(made.voice().token, stream="s2") is None


def test_a_resume_while_the_ingress_looks_for_another_actor_takes_none() -> None:
    made = node()
    made.pool.lost(made.attached())
    made.calls.doubt("CA1", made.now_s)
    made.now_s += DOUBT_S / 2
    assert made.resume().reason == STANDING
    assert isinstance(made.take_over(), Given)
    made.now_s += DOUBT_S * 2
    assert made.resume().reason == STANDING, "it is held again"


def test_a_stream_whose_call_came_back_through_another_gets_nobody() -> None:
    made = node()
    made.calls.ended(made.attached(), "CA1", "resume")
    token = made.resume().token
    assert made.take_over(stream="s1") == SUPERSEDED
    assert made.redeem(token, stream="s2") is not None
    assert made.take_over(stream="s1") == SUPERSEDED
    assert made.pool.count(Place.BUSY) == 1


def test_a_switchboard_that_was_restarted_believes_the_ingress_and_the_call_actors() -> None:
    made = node()
    taken = made.take_over(stream="s1")
    assert isinstance(taken, Given)
    assert taken.facts == MARIA
    made.pool.adopt("call-9", "CA9")
    made.calls.adopt("CA9", MALLORY, "s9")
    assert made.resume("CA9").reason == STANDING
    again = made.voice("CA9")
    assert again.token
    assert again == made.voice("CA9")
    assert made.redeem(again.token, "CA9", "s8") is None


def test_a_call_actor_that_lost_its_call_has_no_say() -> None:
    made = node()
    first = made.attached()
    assert isinstance(made.take_over(), Given)
    assert not made.calls.ended(first, "CA1", "hangup")
    assert made.resume().reason == STANDING


def test_what_is_remembered_is_bounded_and_nothing_that_stands_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls_module, "KEPT", 5)
    made = node(size=8)
    made.attached("CA-standing", "s0")
    held = made.voice("CA-ringing").token
    for number in range(50):
        sid = f"CA{number}"
        made.calls.ended(made.attached(sid, sid), sid, "hangup")
        made.pool.release(made.pool.serving(sid) or "")
    assert len(made.calls._calls) <= 5
    assert made.resume("CA-standing").reason == STANDING
    assert made.redeem(held, "CA-ringing", "s1") is not None


# Any order of it


@dataclass
class Truth:
    """What has really happened to one call, as Twilio and the ingress know it."""

    stream: str | None = None
    """The genuine stream that stands."""
    actor: str | None = None
    """Its call actor, unless that has died."""
    tokens: list[str] = field(default_factory=list)
    """Given to Twilio: any of them can be captured."""
    has_streamed: bool = False
    is_over: bool = False
    waits_for: str | None = None
    """The token that Twilio is about to open a stream with."""
    gone: list[str] = field(default_factory=list)
    """Streams that are no more."""


SIDS = ("CA1", "CA2")


class CallsMachine(RuleBasedStateMachine):
    """Twilio, the ingress, call actors and somebody who sends again whatever was ever signed."""

    def __init__(self) -> None:
        super().__init__()
        self.node = node(size=4, reserve=2)
        self.truths = {sid: Truth() for sid in SIDS}
        self.streams = 0

    def name_of_stream(self) -> str:
        self.streams += 1
        return f"stream-{self.streams}"

    def look(self, sid: str) -> None:
        """What the switchboard asks of the call actor before it answers a resume."""
        truth = self.truths[sid]
        holder, serving = self.node.calls.holder(sid), self.node.pool.serving(sid)
        if truth.actor is not None and serving == truth.actor and truth.stream == holder:
            self.node.calls.vouch(sid, holder)
        elif holder is not None:
            self.node.calls.doubt(sid, self.node.now_s)

    # Twilio

    @rule(sid=st.sampled_from(SIDS))
    def ring_or_repeat(self, sid: str) -> None:
        truth = self.truths[sid]
        held = self.node.voice(sid)
        if truth.stream is not None:
            assert held.token is None or held.token in truth.tokens, "the same, or none"
            return
        if held.token is not None:
            truth.tokens.append(held.token)
            if not truth.is_over:
                truth.waits_for = held.token

    @rule(sid=st.sampled_from(SIDS))
    def resume_genuinely(self, sid: str) -> None:
        """The stream is gone and the call is not: it comes back, if it takes some pauses."""
        truth = self.truths[sid]
        if truth.stream is not None or truth.is_over or not truth.has_streamed:
            return
        for _ in range(10):
            self.look(sid)
            held = self.node.resume(sid)
            if held.token is not None:
                truth.tokens.append(held.token)
                truth.waits_for = held.token
                return
            assert held.reason in {STANDING, "full"}, held
            if held.reason == "full":
                return
            self.node.now_s += 1.0
        raise AssertionError("a genuine resume was lost")

    @rule(sid=st.sampled_from(SIDS))
    def open_the_stream(self, sid: str) -> None:
        truth = self.truths[sid]
        if truth.waits_for is None or truth.stream is not None:
            return
        token, truth.waits_for = truth.waits_for, None
        stream = self.name_of_stream()
        self.look(sid)
        given = self.node.redeem(token, sid, stream)
        if given is not None:
            assert given.facts == MARIA
            truth.stream, truth.actor, truth.has_streamed = stream, given.actor_id, True

    # What breaks

    @rule(sid=st.sampled_from(SIDS), told=st.booleans())
    def stream_breaks(self, sid: str, told: bool) -> None:
        truth = self.truths[sid]
        if truth.stream is None:
            return
        if truth.actor is not None and told:
            assert self.node.calls.ended(truth.actor, sid, "resume")
            self.node.pool.release(truth.actor)
        if told:
            self.node.calls.stream_ended(sid, truth.stream)
        truth.gone.append(truth.stream)
        truth.stream = truth.actor = None

    @rule(sid=st.sampled_from(SIDS))
    def actor_dies(self, sid: str) -> None:
        truth = self.truths[sid]
        if truth.actor is None:
            return
        self.node.pool.lost(truth.actor)
        self.node.pool.add(f"new-{self.streams}-{truth.actor}")
        self.node.pool.ready(f"new-{self.streams}-{truth.actor}")
        truth.actor = None

    @rule(sid=st.sampled_from(SIDS))
    def ingress_takes_over(self, sid: str) -> None:
        truth = self.truths[sid]
        if truth.stream is None or truth.actor is not None:
            return
        given = self.node.take_over(sid, truth.stream)
        if isinstance(given, Given):
            truth.actor = given.actor_id
        elif given == SUPERSEDED:
            self.node.calls.stream_ended(sid, truth.stream)
            truth.gone.append(truth.stream)
            truth.stream = None

    @rule(sid=st.sampled_from(SIDS))
    def caller_hangs_up(self, sid: str) -> None:
        truth = self.truths[sid]
        if truth.stream is not None and truth.actor is not None:
            self.node.calls.ended(truth.actor, sid, "hangup")
            self.node.pool.release(truth.actor)
            self.node.calls.stream_ended(sid, truth.stream)
            truth.gone.append(truth.stream)
            truth.stream = truth.actor = None
            truth.is_over = True
            truth.waits_for = None

    @rule(sid=st.sampled_from(SIDS))
    def completed(self, sid: str) -> None:
        if self.truths[sid].is_over:
            self.node.calls.over(sid)

    @rule(seconds=st.sampled_from([0.5, 2.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        if all(truth.actor is not None or truth.stream is None for truth in self.truths.values()):
            self.node.now_s += seconds  # else the ingress asks within 2.6 s

    # Somebody who has captured everything

    @rule(sid=st.sampled_from(SIDS))
    def resume_again(self, sid: str) -> None:
        self.look(sid)
        held = self.node.resume(sid)
        if held.token is not None:
            self.truths[sid].tokens.append(held.token)

    @rule(sid=st.sampled_from(SIDS), index=st.integers(0, 20))
    def redeem_again(self, sid: str, index: int) -> None:
        truth = self.truths[sid]
        if not truth.tokens or truth.stream is None:
            return
        before = self.node.pool.serving(sid)
        self.look(sid)
        given = self.node.redeem(truth.tokens[index % len(truth.tokens)], sid, "mallory")
        if truth.actor is not None:
            assert given is None
            assert self.node.pool.serving(sid) == before

    @precondition(lambda self: any(truth.gone for truth in self.truths.values()))
    @rule(sid=st.sampled_from(SIDS), index=st.integers(0, 5))
    def a_stream_that_is_gone_asks_for_an_actor(self, sid: str, index: int) -> None:
        truth = self.truths[sid]
        if truth.gone and truth.actor is not None:
            given = self.node.take_over(sid, truth.gone[index % len(truth.gone)])
            assert isinstance(given, str)

    @invariant()
    def a_call_has_one_actor_and_a_standing_stream_keeps_it(self) -> None:
        for sid, truth in self.truths.items():
            busy = [
                member.actor_id
                for member in self.node.pool.members.values()
                if member.call_sid == sid and member.place is Place.BUSY
            ]
            assert len(busy) <= 1
            if truth.actor is not None:
                assert busy == [truth.actor]
                assert truth.actor not in self.node.pool.fenced()


CallsMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestAnyOrder = CallsMachine.TestCase
