"""What the three worker actors have in common.

A worker's own class knows nothing of Ray. Its shell runs the call's commands in the order they
were sent, and sends the worker's events to the call actor, in order and in batches of one tick.

A *spare* is a worker that has no call actor yet. It lives by itself (detached) until one takes it,
and ends with that one: Ray's ownership cannot be handed over, so the shell watches for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import ray

from actors.call.sequencer import InOrder
from actors.runtime.process import freeze_gc, process_stats
from otto.events import Event, Worker
from otto.health.lag import LagMeter
from otto.tasks import Tasks


class WorkerActor:
    """`call` is the handle of the call actor, which has `on_events` and `on_lag`; None: a spare."""

    worker: Worker

    def __init__(self, call: Any) -> None:
        self._call = call
        self._serial = 0
        self._commands = InOrder()
        self._events: list[Event] = []
        self._sent = 0
        self._tasks = Tasks()

    async def warm(self, max_lag_ms: float) -> None:
        """Everything an answer would otherwise wait for is paid here."""
        freeze_gc()
        self._tasks.spawn(LagMeter(max_lag_ms).run(self._tell_lag))

    async def serve(self, call: Any, serial: int) -> None:
        """A spare becomes this call actor's worker. `serial` goes with every event from now on:
        it tells them from those of the worker that was there before."""
        self._call, self._serial = call, serial
        self._tasks.spawn(self._end_with(call))

    async def is_taken(self) -> bool:
        """Whether it has a call actor."""
        return self._call is not None

    async def process_stats(self) -> dict[str, int]:
        return process_stats()

    async def stay(self) -> None:
        """Never returns: whoever awaits it learns at once when this process dies."""
        await asyncio.Event().wait()

    async def _end_with(self, call: Any) -> None:
        try:
            await call.stay.remote()
        except ray.exceptions.RayActorError:
            ray.kill(ray.get_runtime_context().current_actor)

    def _tell_lag(self, lag_ms: float) -> None:
        if self._call is not None:
            self._call.on_lag.options(num_returns=0).remote(self.worker, lag_ms)

    def _emit(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        events, self._events = self._events, []
        if self._call is None:
            return
        number, self._sent = self._sent, self._sent + 1
        self._call.on_events.options(num_returns=0).remote(
            self.worker, self._serial, number, events
        )
