"""Leasing warm call actors: exact, once, and nothing is left behind."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from otto.health.pool import Place, WarmPool


def pool(size: int = 2, calls_per_actor: int = 10, reserve: int = 0) -> WarmPool:
    found = WarmPool(size, calls_per_actor, token_ttl_s=60, token_prefix="node.")
    for number in range(size + reserve):
        found.add(f"call-{number}")
        found.ready(f"call-{number}")
    return found


def test_a_hundred_calls_for_ten_places_get_exactly_ten() -> None:
    warm = pool(10)
    leases = [warm.lease(f"CA{number}", 0.0) for number in range(100)]
    given = [lease for lease in leases if lease]
    assert len(given) == 10
    assert len({lease.actor_id for lease in given}) == 10


def test_a_token_is_used_once() -> None:
    warm = pool()
    lease = warm.lease("CA1", 0.0)
    assert lease is not None
    assert warm.redeem(lease.token, "CA1", 1.0) == lease.actor_id
    assert warm.redeem(lease.token, "CA1", 1.0) is None


def test_a_token_serves_no_other_call() -> None:
    warm = pool()
    lease = warm.lease("CA1", 0.0)
    assert lease is not None
    assert warm.redeem(lease.token, "CA2", 1.0) is None
    assert warm.redeem(lease.token, "CA1", 1.0) == lease.actor_id, "the try did not use it up"


def test_a_token_that_is_too_old_frees_its_place() -> None:
    warm = pool(1)
    lease = warm.lease("CA1", 0.0)
    assert lease is not None
    assert warm.lease("CA2", 59.9) is None
    assert warm.redeem(lease.token, "CA1", 60.0) is None
    assert warm.lease("CA2", 60.0) is not None


def test_a_webhook_that_twilio_repeats_gets_the_same_place() -> None:
    warm = pool(2)
    assert warm.lease("CA1", 0.0) == warm.lease("CA1", 1.0)
    assert warm.count(Place.IDLE) == 1


def test_a_caller_who_hangs_up_before_the_stream_frees_the_place() -> None:
    warm = pool(1)
    warm.lease("CA1", 0.0)
    warm.abandon("CA1")
    assert warm.lease("CA2", 1.0) is not None


def test_an_actor_retires_after_its_calls() -> None:
    warm = pool(1, calls_per_actor=2)
    for number, expected in ((1, False), (2, True)):
        lease = warm.lease(f"CA{number}", 0.0)
        assert lease is not None
        warm.redeem(lease.token, f"CA{number}", 0.0)
        assert warm.release(lease.actor_id) is expected
    assert warm.members == {}


def test_an_actor_that_dies_in_a_call_names_the_call() -> None:
    warm = pool(1)
    lease = warm.lease("CA1", 0.0)
    assert lease is not None
    warm.redeem(lease.token, "CA1", 0.0)
    assert warm.serving("CA1") == lease.actor_id
    assert warm.lost(lease.actor_id) == "CA1"
    assert warm.serving("CA1") is None
    warm.ready(lease.actor_id)
    assert warm.lease("CA2", 0.0) is None, "a dead actor never comes back"


def take(warm: WarmPool, call_sid: str, takeover: bool = False) -> str:
    lease = warm.lease(call_sid, 0.0, takeover)
    assert lease is not None
    assert warm.redeem(lease.token, call_sid, 0.0) == lease.actor_id
    return lease.actor_id


def test_a_full_pool_still_has_a_place_for_a_call_that_lost_its_actor() -> None:
    warm = pool(2, reserve=1)
    first = take(warm, "CA1")
    take(warm, "CA2")
    assert warm.lease("CA3", 0.0) is None, "the spare place is not for new calls"
    assert take(warm, "CA1", takeover=True) != first
    assert warm.lease("CA3", 0.0) is None


def test_an_actor_whose_call_went_on_elsewhere_lets_go_before_it_is_used_again() -> None:
    warm = pool(1, reserve=1)
    zombie = take(warm, "CA1")
    heir = take(warm, "CA1", takeover=True)
    assert (warm.fenced(), warm.serving("CA1")) == ([zombie], heir)
    assert warm.lease("CA2", 0.0) is None
    assert warm.release(zombie) is False
    assert (warm.fenced(), warm.count(Place.IDLE)) == ([], 1)
    assert warm.serving("CA1") == heir


def test_an_actor_that_says_twice_that_it_is_free_is_not_taken_from_its_next_call() -> None:
    warm = pool(1)
    actor = take(warm, "CA1")
    warm.release(actor)
    warm.lease("CA2", 0.0)
    warm.release(actor)
    assert warm.count(Place.RESERVED) == 1


class PoolMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order: no actor serves two calls, none is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.warm = pool(2, calls_per_actor=3, reserve=1)
        self.tokens: list[tuple[str, str]] = []
        self.now_s = 0.0

    @rule(call=st.integers(0, 8), takeover=st.booleans())
    def call(self, call: int, takeover: bool) -> None:
        taken = self.warm.taken
        lease = self.warm.lease(f"CA{call}", self.now_s, takeover)
        assert takeover or self.warm.taken <= max(taken, 2)
        if lease:
            self.tokens.append((lease.token, lease.call_sid))

    @rule(index=st.integers(0, 20))
    def stream(self, index: int) -> None:
        if self.tokens:
            self.warm.redeem(*self.tokens[index % len(self.tokens)], self.now_s)

    @rule(actor=st.integers(0, 2))
    def hang_up(self, actor: int) -> None:
        member = self.warm.members.get(f"call-{actor}")
        if member and member.place in {Place.BUSY, Place.FENCED}:
            self.warm.release(member.actor_id)

    @rule(actor=st.integers(0, 2))
    def die_and_come_back(self, actor: int) -> None:
        self.warm.lost(f"call-{actor}")
        self.warm.add(f"call-{actor}")
        self.warm.ready(f"call-{actor}")

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @invariant()
    def idle_is_what_is_idle(self) -> None:
        idle = [m.actor_id for m in self.warm.members.values() if m.place is Place.IDLE]
        assert sorted(self.warm._idle) == sorted(idle)

    @invariant()
    def reserved_is_what_has_a_lease(self) -> None:
        reserved = [m.actor_id for m in self.warm.members.values() if m.place is Place.RESERVED]
        assert sorted(lease.actor_id for lease in self.warm._leases.values()) == sorted(reserved)

    @invariant()
    def a_call_is_served_by_one(self) -> None:
        busy = [m.call_sid for m in self.warm.members.values() if m.place is Place.BUSY]
        assert len(set(busy)) == len(busy)


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
