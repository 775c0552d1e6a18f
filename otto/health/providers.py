"""A worker's own choice among its providers, and what it reports of them. Sans-I/O.

The switchboard's `ProviderHealth` knows what happened to all calls, but news of it takes a while to
come, and one call's trouble need not be everybody's. So each worker keeps a breaker for each of
its providers too, and takes that news as advice: what is to be avoided comes last, not never,
because a call in progress has nothing to lose by trying.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from otto.events import VendorReport, Worker
from otto.health.breaker import Breaker, Rules, State, key

OWN_RULES: Final = Rules(failures=2, window_s=60.0, open_s=15.0, most_open_s=120.0)
"""Within one worker: the second failure in a row sends it elsewhere for a while."""
OWN_FATAL_KINDS: Final = frozenset(("quota", "gone", "rejected", "timeout"))
"""Kinds that send it elsewhere at once: trying again is in vain, or has cost too much time."""
TRIES: Final = 2
"""Attempts at each provider in one round, while there is more than one."""


class Providers:
    """The providers of one worker, best first. `emit` gets `VendorReport`s."""

    def __init__(
        self, worker: Worker, names: tuple[str, ...], emit: Callable[[VendorReport], None]
    ) -> None:
        self._worker = worker
        self._names = names
        self._emit = emit
        self._own = {name: Breaker(OWN_RULES) for name in names}
        self._avoided: frozenset[str] = frozenset()
        self._doubted: set[str] = set()
        """Whose next success is news."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, best first."""
        return self._names

    def order(self, now_s: float, preferred: str | None = None) -> tuple[str, ...]:
        """All of them, in the order to try: those to avoid last; `preferred` before its equals."""

        def rank(name: str) -> tuple[bool, bool, int]:
            return (
                not self.is_welcome(name, now_s),
                name != preferred,
                self._names.index(name),
            )

        return tuple(sorted(self._names, key=rank))

    def is_welcome(self, name: str, now_s: float) -> bool:
        """Whether neither the node's experience nor this worker's own speaks against it."""
        return name not in self._avoided and self._own[name].state(now_s) is not State.OPEN

    def avoid(self, keys: frozenset[str]) -> None:
        """What the node avoids: keys like "stt:primary", other workers' among them.

        A provider that leaves the set is believed to be well, or is ours to probe: it is tried
        again at once, whatever this worker's own experience was.
        """
        avoided = frozenset(name for name in self._names if key(self._worker, name) in keys)
        for name in self._avoided - avoided:
            self._own[name].succeeded()
        self._doubted |= self._avoided | avoided
        self._avoided = avoided

    def failed(self, name: str, kind: str, now_s: float) -> None:
        """An attempt at `name` failed; `kind` is one of `WorkerFailed`'s codes."""
        self._own[name].failed(now_s, fatal=kind in OWN_FATAL_KINDS)
        self._doubted.add(name)
        self._emit(VendorReport(self._worker, name, ok=False, kind=kind))

    def succeeded(self, name: str) -> None:
        """`name` did its work. Reported when there was doubt of it."""
        self._own[name].succeeded()
        if name in self._doubted:
            self._doubted.discard(name)
            self._emit(VendorReport(self._worker, name, ok=True))


class Round:
    """One round of attempts: whom to try next, until everybody had a fair chance.

    With a single provider, `tries` attempts; with several, no more than `TRIES` at each that is
    welcome and one at each that is not. A provider that is known to be out (`spent`) gets no
    second attempt.
    """

    def __init__(
        self, providers: Providers, now_s: float, tries: int, preferred: str | None
    ) -> None:
        order = providers.order(now_s, preferred)
        if len(order) > 1:
            tries = min(tries, TRIES)
        self._left = {
            name: tries if len(order) == 1 or providers.is_welcome(name, now_s) else 1
            for name in order
        }
        self.tried: Counter[str] = Counter()

    def next(self) -> str | None:
        """Whom to try, or None: all are out."""
        for name, left in self._left.items():
            if left > 0:
                self._left[name] -= 1
                self.tried[name] += 1
                return name
        return None

    def spent(self, name: str) -> None:
        """A further attempt at `name` would be in vain."""
        self._left[name] = 0

    def postpone(self, name: str) -> None:
        """What is left of its attempts comes after the others'."""
        self._left[name] = self._left.pop(name)

    def is_shared(self, name: str) -> bool:
        """Whether this attempt at `name` should leave time for another: at somebody who has not
        been tried yet, or, when there is nobody else, a further one at itself."""
        if len(self._left) == 1:
            return self._left[name] > 0
        return any(left > 0 and not self.tried[other] for other, left in self._left.items())

    def has_other(self, name: str) -> bool:
        """Whether somebody other than `name` is left."""
        return any(left > 0 for other, left in self._left.items() if other != name)
