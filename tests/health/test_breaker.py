"""The breaker's table of transitions, and the health of providers that all calls share."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config.settings import DeepgramSettings, OpenAISettings, Settings
from otto.events import VendorReport, Worker
from otto.health.breaker import Breaker, ProviderHealth, Rules, State, providers_of

RULES = Rules(failures=3, window_s=20, open_s=5, most_open_s=40, probe_s=10)
BOTH = dict.fromkeys(Worker, ("primary", "fallback"))


def breaker_in(state: State) -> Breaker:
    """A breaker that is in `state` at 100 s."""
    breaker = Breaker(RULES)
    if state is not State.CLOSED:
        for _ in range(RULES.failures):
            breaker.failed(99.0 if state is State.OPEN else 90.0)
    assert breaker.state(100.0) is state
    return breaker


TABLE = [
    # state, what happens at 100 s, state after it
    (State.CLOSED, "failed", State.CLOSED),  # one failure is no outage
    (State.CLOSED, "fatal", State.OPEN),  # an account without credit is one for all
    (State.CLOSED, "succeeded", State.CLOSED),
    (State.OPEN, "failed", State.OPEN),
    (State.OPEN, "fatal", State.OPEN),
    (State.OPEN, "succeeded", State.CLOSED),  # somebody who still uses it finds it well
    (State.HALF_OPEN, "failed", State.OPEN),
    (State.HALF_OPEN, "fatal", State.OPEN),
    (State.HALF_OPEN, "succeeded", State.CLOSED),
]


@pytest.mark.parametrize(("before", "event", "after"), TABLE)
def test_transitions(before: State, event: str, after: State) -> None:
    breaker = breaker_in(before)
    if event == "succeeded":
        breaker.succeeded()
    else:
        breaker.failed(100.0, fatal=event == "fatal")
    assert breaker.state(100.0) is after


def test_reports_of_attempts_that_began_before_do_not_keep_it_open_for_ever() -> None:
    breaker = breaker_in(State.OPEN)  # opened at 99
    for at in range(100, 104):
        breaker.failed(float(at))
    assert breaker.state(104.0) is State.HALF_OPEN


def test_failures_far_apart_are_no_outage() -> None:
    breaker = Breaker(RULES)
    for at in range(0, 1000, 10):
        breaker.failed(float(at))
        assert breaker.state(float(at)) is State.CLOSED


def test_one_probe_at_a_time_and_a_lost_one_is_replaced() -> None:
    breaker = breaker_in(State.HALF_OPEN)
    assert breaker.claim_probe(100.0)
    assert not breaker.claim_probe(109.9)
    assert breaker.claim_probe(110.0)  # whoever probed has died


def test_each_failed_probe_doubles_the_wait_up_to_a_bound_and_success_resets_it() -> None:
    breaker, now, waits = Breaker(RULES), 0.0, []
    breaker.failed(now, fatal=True)
    for _ in range(5):
        waits.append(breaker.opens_again_s(now))
        now += waits[-1]
        assert breaker.claim_probe(now)
        breaker.failed(now)
    assert waits == [5, 10, 20, 40, 40]
    breaker.succeeded()
    breaker.failed(now, fatal=True)
    assert breaker.opens_again_s(now) == 5


class BreakerMachine(RuleBasedStateMachine):
    """Any history: never more than one live probe, and never shut for longer than the rules say."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(RULES)
        self.now = 0.0
        self.claimed_at: float | None = None
        self.failures_since_success: list[float] = []

    @rule(seconds=st.integers(0, 30))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(fatal=st.booleans())
    def fail(self, fatal: bool) -> None:
        before = self.breaker.state(self.now)
        self.failures_since_success.append(self.now)
        self.breaker.failed(self.now, fatal=fatal)
        after = self.breaker.state(self.now)
        if before is not State.CLOSED:
            assert after is State.OPEN
        elif after is State.OPEN and not fatal:
            recent = [at for at in self.failures_since_success if at > self.now - RULES.window_s]
            assert len(recent) >= RULES.failures
        if before is State.HALF_OPEN:
            self.claimed_at = None

    @rule()
    def succeed(self) -> None:
        self.breaker.succeeded()
        self.failures_since_success.clear()
        self.claimed_at = None
        assert self.breaker.state(self.now) is State.CLOSED

    @precondition(lambda self: self.breaker.state(self.now) is State.HALF_OPEN)
    @rule()
    def claim(self) -> None:
        got = self.breaker.claim_probe(self.now)
        is_held = self.claimed_at is not None and self.now < self.claimed_at + RULES.probe_s
        assert got is not is_held
        if got:
            self.claimed_at = self.now

    @invariant()
    def shut_no_longer_than_the_bound(self) -> None:
        assert 0 <= self.breaker.opens_again_s(self.now) <= RULES.most_open_s
        later = self.now + RULES.most_open_s
        assert self.breaker.state(later) is not State.OPEN


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


# The health of all providers


def failures(provider_health: ProviderHealth, worker: Worker, provider: str, now_s: float) -> bool:
    """An outage as the calls report it; whether the last report changed what is avoided."""
    return [
        provider_health.report(VendorReport(worker, provider, False, "refused"), now_s)
        for _ in "123"
    ][-1]


def test_an_outage_is_learnt_once_for_all_calls() -> None:
    provider_health = ProviderHealth(BOTH, RULES)
    assert not provider_health.report(VendorReport(Worker.STT, "primary", False, "dropped"), 0.0)
    assert (
        failures(provider_health, Worker.STT, "primary", 0.0) is False
    )  # it changed at the third report
    assert provider_health.avoided(0.0) == {"stt:primary"}
    assert not provider_health.is_out(Worker.STT, 0.0)
    assert provider_health.admit(0.0) == {"stt:primary"}


def test_the_report_that_changes_what_is_avoided_says_so() -> None:
    provider_health = ProviderHealth(BOTH, RULES)
    assert failures(provider_health, Worker.TTS, "primary", 0.0) is True
    assert provider_health.report(VendorReport(Worker.TTS, "primary", True), 1.0) is True
    assert provider_health.report(VendorReport(Worker.TTS, "primary", True), 2.0) is False
    assert provider_health.avoided(2.0) == frozenset()


def test_time_alone_changes_nothing_that_would_have_to_be_pushed() -> None:
    provider_health = ProviderHealth(BOTH, RULES)
    failures(provider_health, Worker.LLM, "primary", 0.0)
    assert all(provider_health.avoided(float(at)) == {"llm:primary"} for at in range(100))


def test_half_open_lets_one_call_probe_and_keeps_the_others_away() -> None:
    provider_health = ProviderHealth(BOTH, RULES)
    failures(provider_health, Worker.LLM, "primary", 0.0)
    assert provider_health.admit(4.9) == {"llm:primary"}
    assert provider_health.admit(5.0) == frozenset()  # this call probes
    assert provider_health.admit(5.1) == {"llm:primary"}
    provider_health.report(VendorReport(Worker.LLM, "primary", True), 6.0)
    assert provider_health.admit(6.1) == frozenset()


def test_a_kind_with_no_provider_left_refuses_calls_until_a_probe_is_due() -> None:
    provider_health = ProviderHealth(BOTH, RULES)
    failures(provider_health, Worker.TTS, "primary", 0.0)
    failures(provider_health, Worker.TTS, "fallback", 0.0)
    assert provider_health.is_out(Worker.TTS, 1.0)
    assert not provider_health.is_out(Worker.STT, 1.0)
    assert provider_health.admit(1.0) is None
    assert not provider_health.is_out(Worker.TTS, 5.0)
    assert provider_health.admit(5.0) == frozenset()  # the call that tries both
    assert provider_health.admit(5.0) is None  # no second one meanwhile


def test_a_refused_call_takes_no_probe_with_it() -> None:
    provider_health = ProviderHealth({Worker.STT: ("primary",), Worker.TTS: ("primary",)}, RULES)
    failures(provider_health, Worker.STT, "primary", 0.0)
    failures(provider_health, Worker.TTS, "primary", 3.0)
    assert provider_health.admit(5.0) is None  # STT could be probed, but there is no voice
    assert provider_health.admit(8.0) == frozenset()


@pytest.mark.parametrize("kind", ["quota", "gone"])
def test_an_empty_account_or_a_model_that_is_gone_is_known_after_one_report(kind: str) -> None:
    provider_health = ProviderHealth({Worker.LLM: ("primary",)}, RULES)
    assert provider_health.report(VendorReport(Worker.LLM, "primary", False, kind), 0.0)
    assert provider_health.is_out(Worker.LLM, 0.0)
    assert provider_health.snapshot(1.0) == {"llm:primary": {"state": "open", "probe_in_s": 4.0}}


def test_reports_of_providers_nobody_configured_are_ignored() -> None:
    provider_health = ProviderHealth({Worker.LLM: ("primary",)}, RULES)
    assert not failures(provider_health, Worker.LLM, "fallback", 0.0)
    assert not provider_health.is_out(Worker.STT, 0.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Worker)),
            st.sampled_from(("primary", "fallback")),
            st.booleans(),
            st.floats(0, 5),
        ),
        max_size=40,
    )
)
def test_changed_is_told_exactly_when_the_avoided_set_changes(
    history: list[tuple[Worker, str, bool, float]],
) -> None:
    provider_health, now = ProviderHealth(BOTH, RULES), 0.0
    for worker, provider, ok, wait_s in history:
        now += wait_s
        before = provider_health.avoided(now)
        changed = provider_health.report(
            VendorReport(worker, provider, ok, "" if ok else "dropped"), now
        )
        assert changed is (provider_health.avoided(now) != before)


def test_the_settings_say_which_providers_there_are() -> None:
    plain = Settings(deepgram=DeepgramSettings(), openai=OpenAISettings())
    assert set(providers_of(plain).values()) == {("primary",)}
    full = Settings(
        deepgram=DeepgramSettings(fallback_speak_model="aura-2-luna-en"),
        openai=OpenAISettings(fallback_model="gpt-4o-mini"),
    )
    assert providers_of(full) == {
        Worker.STT: ("primary",),
        Worker.LLM: ("primary", "fallback"),
        Worker.TTS: ("primary", "fallback"),
    }
