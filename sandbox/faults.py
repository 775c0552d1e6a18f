"""Faults on demand: each vendor stand-in can be told to be slow, to fail, to drop, to refuse.

`POST /sandbox/faults` adds one; the stand-ins ask `Faults.meet` (or `take`) at the moment where
it would bite, and carry out what they get. A fault bites `count` times, or until it is removed:

| target          | slow                 | fail            | refuse            | drop, stall      |
|-----------------|----------------------|-----------------|-------------------|------------------|
| deepgram.listen | the upgrade, a final | the upgrade     | the upgrade (429) | the next audio   |
| deepgram.speak  | the upgrade, a flush | the upgrade     | the upgrade (429) | the next flush   |
| openai          | the answer           | answer `status` | no answer at all  | in mid-answer    |
| google, twilio  | the answer           | answer `status` | no answer at all  | no answer at all |

Twilio's failure has a `code`, too, by which its clients tell what is wrong. A text can be `lost`:
it is sent, and the answer is `status` all the same.

A model has odd ways of its own, which only its targets know: `hang` takes the request and never
answers, not even with a status (a `stall` has begun to answer); `glue` writes two sets of arguments
into one tool call, under an id that repeats; `surrogate` puts characters into the text that come in
two halves, or are half; `endings` asks for the end of the call beside a booking or a transfer. The
last three wait for an answer that they apply to.

Google can be answered for by somebody in between: `answer` gives `status` and the text `says` in
place of the vendor's own answer (a proxy's page, half a JSON, nothing at all); `drip` gives it byte
by byte, `delay_ms` apart; `cut` ends it in the middle, its length promised; `garble` is no HTTP at
all. Without `says`, a `drip` or a `cut` is of Google's own answer, and what was asked is done. A
`fail` of Google's carries the reason in `says`, if there is one: quotaExceeded, dailyLimitExceeded,
rateLimitExceeded, accessNotConfigured, insufficientPermissions, … (`sandbox.google.errors`). `only`
narrows a fault to a method of Google's (`events.list`) or to a calendar (its id).

`google.push` are the notifications that Google sends: `drop` loses one, `repeat` sends it twice,
`slow` sends it later.

Deepgram's voice can be `empty`: a flush is reported as done, and no audio comes. Its recogniser can
have `interims` only: nothing becomes final, and empty results follow, one a second.

With `open` it does not lie in wait: it strikes, at once, what is connected now (up to `count`
connections, else all). drop: the connection breaks. stall: it stays and says nothing more. fail:
Deepgram's sockets close with 1011 (NET-0001), a model's stream breaks off. A listening socket
hears audio all the time, so there a plain drop bites within a frame too; an idle voice or an
answer under way is reached with `open` only.

Deepgram and OpenAI are played twice, by a second provider under `/deepgram-b` and `/openai-b`,
whose targets end in `.fallback`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import count as counter
from typing import Any, Literal, Protocol, get_args

Kind = Literal[
    "slow",
    "fail",
    "refuse",
    "drop",
    "stall",
    "hang",
    "glue",
    "surrogate",
    "endings",
    "empty",
    "interims",
    "answer",
    "drip",
    "lost",
    "cut",
    "garble",
    "repeat",
]
"""slow: everything works, `delay_ms` later. fail: answer `status`. refuse: refuse the connection
or the handshake. drop: break off in the middle, `delay_ms` after it began. stall: stay silent."""

KINDS: tuple[Kind, ...] = get_args(Kind)
TARGETS = (
    "deepgram.listen",
    "deepgram.listen.fallback",
    "deepgram.speak",
    "deepgram.speak.fallback",
    "openai",
    "openai.fallback",
    "google",
    "google.token",
    "google.push",
    "twilio",
)
GOOGLE = ("google", "google.token")
MODELS = ("openai", "openai.fallback")
LISTENERS = ("deepgram.listen", "deepgram.listen.fallback")
SPEAKERS = ("deepgram.speak", "deepgram.speak.fallback")
ONLY_OF: dict[str, tuple[str, ...]] = {
    "hang": MODELS,
    "glue": MODELS,
    "surrogate": MODELS,
    "endings": MODELS,
    "empty": SPEAKERS,
    "interims": LISTENERS,
    "answer": GOOGLE,
    "drip": GOOGLE,
    "lost": ("twilio",),
    "cut": GOOGLE,
    "garble": GOOGLE,
    "repeat": ("google.push",),
}
"""The kinds that not every target knows, and whose they are."""
KINDS_OF: dict[str, tuple[Kind, ...]] = {"google.push": ("drop", "repeat", "slow")}
"""The targets that know no other kinds."""
OPEN_TARGETS = (*LISTENERS, *SPEAKERS, *MODELS)
"""Whose connections live long enough to be struck."""
OPEN_KINDS: tuple[Kind, ...] = ("drop", "stall", "fail")


class FaultError(ValueError):
    """The fault asked for does not exist. The message is a sentence for whoever asked."""


@dataclass(slots=True)
class Fault:
    """One fault that lies in wait. `count` is how often it still bites; None: until removed."""

    id: int
    target: str
    kind: Kind
    delay_ms: int = 0
    status: int = 500
    count: int | None = None
    says: str = ""
    bitten: int = 0
    code: int = 20500
    """The vendor's own number of the error, where it has one: Twilio's."""
    only: str = ""
    """One method or calendar of Google's; "" for all."""


class Connection(Protocol):
    """What is connected to a stand-in for some time, and can be struck meanwhile."""

    def strike(self, kind: Kind) -> None:
        """Suffer `kind` (one of `OPEN_KINDS`) at once. Must not raise nor wait."""


class Faults:
    """The faults of the whole sandbox, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = counter(1)
        self._open: dict[str, list[Connection]] = {}

    @contextlib.contextmanager
    def exposing(self, target: str, connection: Connection) -> Iterator[None]:
        """Within it, `connection` is open and can be struck."""
        connections = self._open.setdefault(target, [])
        connections.append(connection)
        try:
            yield
        finally:
            connections.remove(connection)

    def add(
        self,
        target: str,
        kind: str,
        *,
        delay_ms: int = 0,
        status: int = 500,
        count: int | None = None,
        says: str = "",
        open: bool = False,
        code: int = 20500,
        only: str = "",
    ) -> Fault:
        """Lay a fault, or with `open` strike what is connected; `bitten` says how many that were.

        Raises `FaultError` for an unknown target or kind, or a senseless number.
        """
        if target not in TARGETS:
            raise FaultError(f"unknown target {target!r}: use one of {', '.join(TARGETS)}")
        if kind not in KINDS:
            raise FaultError(f"unknown kind {kind!r}: use one of {', '.join(KINDS)}")
        if target not in ONLY_OF.get(kind, TARGETS):
            raise FaultError(f"{kind}: use it on one of {', '.join(ONLY_OF[kind])}")
        if kind not in KINDS_OF.get(target, KINDS):
            raise FaultError(f"{target}: use one of {', '.join(KINDS_OF[target])}")
        if only and not target.startswith("google"):
            raise FaultError("only: use it on Google, for one of its methods or calendars")
        lowest = 200 if kind in {"answer", "drip", "cut"} else 400
        if delay_ms < 0 or (count is not None and count < 1) or not lowest <= status <= 599:
            raise FaultError(f"delay_ms must be >= 0, count >= 1, status from {lowest} to 599")
        if open and (target not in OPEN_TARGETS or kind not in OPEN_KINDS):
            raise FaultError(
                f"open connections: use one of {', '.join(OPEN_KINDS)}"
                f" on one of {', '.join(OPEN_TARGETS)}"
            )
        fault = Fault(
            next(self._ids), target, kind, delay_ms, status, count, says, code=code, only=only
        )
        if open:
            for connection in self._open.get(target, [])[:count]:
                connection.strike(kind)
                fault.bitten += 1
        else:
            self._faults.append(fault)
        return fault

    def clear(self, target: str | None = None) -> int:
        """Remove the faults of `target`, or all of them; returns how many."""
        before = len(self._faults)
        self._faults = [f for f in self._faults if target is not None and f.target != target]
        return before - len(self._faults)

    def list(self) -> list[dict[str, Any]]:
        """All faults in JSON's terms."""
        return [asdict(fault) for fault in self._faults]

    def take(self, target: str, *kinds: Kind, only: Collection[str] = ()) -> Fault | None:
        """The oldest fault of `target` (of one of `kinds`, if given), counted as having bitten.
        `only` are the names by which a fault may have been narrowed to this request.

        Costs nothing when no fault is laid: sockets may ask for every frame.
        """
        if not self._faults:
            return None
        for fault in self._faults:
            is_meant = fault.target == target and (not fault.only or fault.only in only)
            if is_meant and (not kinds or fault.kind in kinds):
                fault.bitten += 1
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
                return fault
        return None

    async def meet(self, target: str, *kinds: Kind, only: Collection[str] = ()) -> Fault | None:
        """What befalls this request: a fault to carry out, or None.

        A "slow" fault is served here, by waiting; it may be followed by another kind. `kinds`
        narrows what may be met (a handshake leaves "drop" to the open socket).
        """
        if not self._faults:
            return None
        slow = self.take(target, "slow", only=only) if not kinds or "slow" in kinds else None
        if slow is not None:
            await asyncio.sleep(slow.delay_ms / 1000)
        others = tuple(kind for kind in (kinds or KINDS) if kind != "slow")
        return self.take(target, *others, only=only) if others else None
