"""What the three worker actors have in common.

A worker's own class knows nothing of Ray. Its shell runs the call's commands in the order they
were sent, and sends the worker's events to the call actor, in order and in batches of one tick.
"""

from __future__ import annotations

import asyncio
from typing import Any

from actors.ordering import InOrder
from otto.speech.events import Event, Worker


class WorkerShell:
    """`call` is the handle of the call actor, which has a method `on_events`."""

    worker: Worker

    def __init__(self, call: Any) -> None:
        self._call = call
        self._commands = InOrder()
        self._events: list[Event] = []
        self._sent = 0

    async def warm(self) -> None:
        """Everything an answer would otherwise wait for is paid here."""

    async def stay(self) -> None:
        """Never returns: whoever awaits it learns at once when this process dies."""
        await asyncio.Event().wait()

    def _emit(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        events, self._events = self._events, []
        number, self._sent = self._sent, self._sent + 1
        self._call.on_events.options(num_returns=0).remote(self.worker, number, events)
