"""One worker's choice among its providers, and what it reports."""

from __future__ import annotations

from otto.events import VendorReport, Worker
from otto.health.breaker import ProviderHealth
from otto.health.providers import OWN_RULES, Providers, Round

BOTH = ("primary", "fallback")


def make(names: tuple[str, ...] = BOTH) -> tuple[Providers, list[VendorReport]]:
    reports: list[VendorReport] = []
    return Providers(Worker.STT, names, reports.append), reports


def plan(providers: Providers, now_s: float = 0.0, tries: int = 4) -> list[str]:
    round_ = Round(providers, now_s, tries, None)
    return list(iter(round_.next, None))


def test_each_gets_two_attempts_the_best_first() -> None:
    assert plan(make()[0]) == ["primary", "primary", "fallback", "fallback"]
    assert plan(make()[0], tries=1) == ["primary", "fallback"]


def test_a_single_provider_gets_all_attempts_even_when_it_is_to_be_avoided() -> None:
    providers, _ = make(("primary",))
    providers.avoid(frozenset({"stt:primary"}))
    assert plan(providers) == ["primary"] * 4


def test_the_second_failure_in_a_row_sends_it_elsewhere_for_a_while() -> None:
    providers, _ = make()
    providers.failed("primary", "dropped", 0.0)
    assert plan(providers)[0] == "primary"
    providers.failed("primary", "dropped", 1.0)
    assert plan(providers, 1.0) == ["fallback", "fallback", "primary"]
    assert plan(providers, 1.0 + OWN_RULES.open_s)[0] == "primary"


def test_a_success_between_two_failures_keeps_it_where_it_is() -> None:
    providers, _ = make()
    for at in range(5):
        providers.failed("primary", "dropped", float(at))
        providers.succeeded("primary")
    assert plan(providers, 5.0)[0] == "primary"


def test_one_silence_is_enough_because_it_has_cost_the_caller_seconds() -> None:
    providers, _ = make()
    providers.failed("primary", "timeout", 0.0)
    assert plan(providers, 0.1)[0] == "fallback"


def test_whoever_speaks_in_the_call_is_preferred_while_it_is_well() -> None:
    providers, _ = make()
    assert providers.order(0.0, "fallback") == ("fallback", "primary")
    providers.failed("fallback", "timeout", 0.0)
    assert providers.order(0.0, "fallback") == ("primary", "fallback")


def test_other_workers_keys_mean_nothing_here() -> None:
    providers, _ = make()
    providers.avoid(frozenset({"tts:primary", "llm:primary"}))
    assert plan(providers)[0] == "primary"


def test_success_is_reported_after_doubt_only_and_once() -> None:
    """Fifty calls with a report for each result would be a load of its own."""
    providers, reports = make()
    providers.succeeded("primary")
    assert reports == []
    providers.failed("primary", "refused", 0.0)
    providers.succeeded("primary")
    providers.succeeded("primary")
    assert reports == [
        VendorReport(Worker.STT, "primary", ok=False, kind="refused"),
        VendorReport(Worker.STT, "primary", ok=True),
    ]


def test_a_call_that_probes_for_the_board_reports_its_success() -> None:
    """The way round: an outage, everybody avoids it, one new call probes, everybody is back."""
    provider_health = ProviderHealth({Worker.STT: BOTH})
    workers = [make() for _ in range(3)]
    for providers, reports in workers:
        providers.failed("primary", "refused", 0.0)
        provider_health.report(reports[-1], 0.0)
    for providers, _ in workers:
        providers.avoid(provider_health.avoided(0.0))
        assert plan(providers, 0.0)[0] == "fallback"
    admitted = provider_health.admit(5.0)
    assert admitted == frozenset()
    prober, reports = workers[0]
    prober.avoid(admitted)
    assert plan(prober, 5.0)[0] == "primary"  # whatever it had learnt itself
    assert plan(workers[1][0], 5.0)[0] == "fallback"
    prober.succeeded("primary")
    assert provider_health.report(reports[-1], 6.0)
    assert provider_health.avoided(6.0) == frozenset()
