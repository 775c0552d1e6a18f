"""Circuit breakers for the vendors, and what a switchboard knows of all providers. Sans-I/O.

    closed ──(enough failures within a window)──► open ──(time)──► half-open ──► closed
       ▲                                           ▲                 │  a probe succeeded
       │ a success of whoever still uses it        └─────────────────┘  it failed: twice the time
       └───────────────────────────────────────────┘

pybreaker, aiobreaker and purgatory were looked at. Each wraps the guarded call and reads the clock
itself; here the call happens in one process and the breaker lives in another, so what is needed is
a state that is told what happened, and when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from config.settings import Settings
from otto.events import VendorReport, Worker

PRIMARY: Final = "primary"
FALLBACK: Final = "fallback"
FATAL_KINDS: Final = frozenset(("quota", "gone"))
"""Kinds of failure that one report proves for everybody: the account has run dry, or the vendor
does not have the model any more."""


class State(StrEnum):
    """What a breaker lets through: everything, nothing, or one probe at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a breaker opens and for how long, in seconds."""

    failures: int = 3
    """So many within `window_s`, with no success between them, open it."""
    window_s: float = 20.0
    open_s: float = 5.0
    """How long it stays open at first; each failed probe doubles it, up to `most_open_s`."""
    most_open_s: float = 60.0
    probe_s: float = 20.0
    """A probe that reports nothing for so long is taken for lost, and another may try."""


class Breaker:
    """One provider's breaker. `now_s` is any monotonic clock in seconds, always the same one."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._failures: deque[float] = deque()
        self._opened_at: float | None = None
        self._open_s = self._rules.open_s
        self._probe_until: float | None = None

    def state(self, now_s: float) -> State:
        """The state at `now_s`: an open breaker becomes half-open by time alone."""
        if self._opened_at is None:
            return State.CLOSED
        return State.HALF_OPEN if now_s >= self._opened_at + self._open_s else State.OPEN

    def can_probe(self, now_s: float) -> bool:
        """Whether it is half-open and nobody is trying."""
        is_free = self._probe_until is None or now_s >= self._probe_until
        return is_free and self.state(now_s) is State.HALF_OPEN

    def claim_probe(self, now_s: float) -> bool:
        """Take the probe, if there is one to take: whoever gets it reports how it went."""
        if not self.can_probe(now_s):
            return False
        self._probe_until = now_s + self._rules.probe_s
        return True

    def failed(self, now_s: float, *, fatal: bool = False) -> None:
        """An attempt failed. While it is open that is no news: the attempt began before."""
        state = self.state(now_s)
        if state is State.HALF_OPEN:
            self._open(now_s, min(self._open_s * 2, self._rules.most_open_s))
        elif state is State.CLOSED:
            self._failures.append(now_s)
            while self._failures[0] <= now_s - self._rules.window_s:
                self._failures.popleft()
            if fatal or len(self._failures) >= self._rules.failures:
                self._open(now_s, self._rules.open_s)

    def succeeded(self) -> None:
        """An attempt succeeded, whoever made it: closed, and what was is forgotten."""
        self._failures.clear()
        self._opened_at = self._probe_until = None
        self._open_s = self._rules.open_s

    def opens_again_s(self, now_s: float) -> float:
        """How long until a probe may be made; 0 when it is not open."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._open_s - now_s)

    def _open(self, now_s: float, open_s: float) -> None:
        self._failures.clear()
        self._opened_at, self._open_s, self._probe_until = now_s, open_s, None


class ProviderHealth:
    """What all calls of a node know together of their vendors, so that none relearns an outage.

    Keys are `worker:provider`, like "stt:primary". Only reports change what is avoided, so
    whoever passes it on has no timer to keep: push `avoided` when `report` says that
    it changed, and give each new call what `admit` says.
    """

    def __init__(
        self, providers: Mapping[Worker, tuple[str, ...]], rules: Rules | None = None
    ) -> None:
        self._breakers = {
            worker: {name: Breaker(rules) for name in names} for worker, names in providers.items()
        }

    def report(self, report: VendorReport, now_s: float) -> bool:
        """Take a worker's report. Whether `avoided` has changed."""
        breaker = self._breakers.get(report.worker, {}).get(report.provider)
        if breaker is None:
            return False
        before = breaker.state(now_s) is State.CLOSED
        if report.ok:
            breaker.succeeded()
        else:
            breaker.failed(now_s, fatal=report.kind in FATAL_KINDS)
        return (breaker.state(now_s) is State.CLOSED) is not before

    def avoided(self, now_s: float) -> frozenset[str]:
        """The keys that calls skip: open, and half-open too, for a probe is one call's business."""
        return frozenset(
            key(worker, name)
            for worker, breakers in self._breakers.items()
            for name, breaker in breakers.items()
            if breaker.state(now_s) is not State.CLOSED
        )

    def is_out(self, worker: Worker, now_s: float) -> bool:
        """Whether no provider of this kind is left, not even for a probe."""
        breakers = self._breakers.get(worker, {})
        return bool(breakers) and all(
            breaker.state(now_s) is not State.CLOSED and not breaker.can_probe(now_s)
            for breaker in breakers.values()
        )

    def is_any_out(self, now_s: float) -> bool:
        """Whether some kind is out: then a call cannot be held."""
        return any(self.is_out(worker, now_s) for worker in self._breakers)

    def admit(self, now_s: float) -> frozenset[str] | None:
        """What a new call shall avoid, or None: a kind is out, and the call cannot be held.

        A call that is admitted takes the probes that are free: what it is to probe is missing
        from its set, though the others avoid it. So ask this last, when the call is certain.
        """
        if self.is_any_out(now_s):
            return None
        probed = {
            key(worker, name)
            for worker, breakers in self._breakers.items()
            for name, breaker in breakers.items()
            if breaker.claim_probe(now_s)
        }
        return self.avoided(now_s) - probed

    def snapshot(self, now_s: float) -> dict[str, dict[str, Any]]:
        """Each key's state, for health pages: {"stt:primary": {"state", "probe_in_s"}}."""
        return {
            key(worker, name): {
                "state": breaker.state(now_s).value,
                "probe_in_s": round(breaker.opens_again_s(now_s), 1),
            }
            for worker, breakers in self._breakers.items()
            for name, breaker in breakers.items()
        }


def key(worker: Worker, provider: str) -> str:
    """How `ProviderHealth` names a provider."""
    return f"{worker.value}:{provider}"


def providers_of(settings: Settings) -> dict[Worker, tuple[str, ...]]:
    """Which providers each worker has by its settings, best first: `ProviderHealth`'s argument."""
    return {
        Worker.STT: provider_names(settings.deepgram.has_listen_fallback),
        Worker.LLM: provider_names(settings.openai.has_fallback),
        Worker.TTS: provider_names(settings.deepgram.has_speak_fallback),
    }


def provider_names(has_fallback: bool) -> tuple[str, ...]:
    """The providers of one worker, best first."""
    return (PRIMARY, FALLBACK) if has_fallback else (PRIMARY,)
