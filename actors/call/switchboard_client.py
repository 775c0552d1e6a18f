"""The switchboard as a call actor knows it. That it cannot be asked ends no call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import ray
import structlog

from actors.call.stream import Invitation
from actors.call.worker_actor import WorkerActor
from actors.runtime.handle import Handle, find
from otto.dialogue.session.state import Directive
from otto.events import VendorReport, Worker
from otto.tasks import Tasks

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")


class Switchboard(Protocol):
    """What of `SwitchboardActor` call actors use; see there."""

    async def late(self, source: str, lag_ms: float) -> None: ...
    async def vendor(self, report: VendorReport) -> None: ...
    async def take_spare(
        self, worker: Worker, invitation: Invitation
    ) -> Handle[WorkerActor] | None: ...
    async def ended(
        self, actor_id: str, call_sid: str, directive: Directive, summary: str = ""
    ) -> None: ...
    async def idle(self, actor_id: str) -> None: ...


class SwitchboardClient:
    """Tells and asks the switchboard, in a call actor's name."""

    def __init__(self, switchboard: str, call_actor: str) -> None:
        self._switchboard = switchboard
        self._call_actor = call_actor
        self._tasks = Tasks()

    def late(self, lag_ms: float, worker: Worker | None = None) -> None:
        """This process, or a worker's, is late. Nobody waits for it."""
        source = self._call_actor if worker is None else f"{self._call_actor}.{worker.value}"
        self._tasks.spawn(self._ask(Switchboard.late, source, lag_ms))

    def report(self, report: VendorReport) -> None:
        """How a vendor did. Nobody waits for it."""
        self._tasks.spawn(self._ask(Switchboard.vendor, report))

    async def take_spare(
        self, worker: Worker, invitation: Invitation
    ) -> Handle[WorkerActor] | None:
        """A warm worker that has accepted the invitation; None: there is none."""
        return await self._ask(Switchboard.take_spare, worker, invitation)

    async def ended(self, call_sid: str, directive: Directive, summary: str) -> None:
        """The stream is about to be given up, and this is what comes next; `summary` is for the
        desk."""
        await self._ask(Switchboard.ended, self._call_actor, call_sid, directive, summary)

    async def idle(self) -> None:
        """The call actor is free again."""
        await self._ask(Switchboard.idle, self._call_actor)

    async def _ask(
        self,
        method: Callable[Concatenate[Switchboard, P], Awaitable[R]],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> R | None:
        """The answer; None when it cannot be asked."""
        try:
            switchboard: Handle[Switchboard] = find(self._switchboard)
            return await switchboard.ask(method, *arguments, **named)
        except (ValueError, ray.exceptions.RayError) as error:
            log.error("switchboard_not_told", method=method.__name__, error=type(error).__name__)
            return None
