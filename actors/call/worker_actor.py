"""What the three worker actors have in common.

A worker's own class knows nothing of Ray. Its actor carries out the commands that the call actor
sends over the worker stream, and sends the worker's events back.

A *spare* is a worker that has no call actor yet. It lives by itself (detached) until one takes it,
and ends with that one: Ray's ownership cannot be handed over, but the stream ends with either.
"""

from __future__ import annotations

from actors.call.messages import Late, Message
from actors.call.stream import Invitation, Stream, connect
from actors.runtime.handle import Handle, own
from actors.runtime.process import BaseActor, freeze_gc
from config.settings import LogLevel
from otto.events import Event
from otto.health.lag import LagMeter
from otto.tasks import Tasks


class WorkerActor(BaseActor):
    """`warm` first; a spare is given its call actor by `serve` later."""

    def __init__(self, log_level: LogLevel) -> None:
        super().__init__(log_level)
        self._stream: Stream | None = None
        self._tasks = Tasks()

    async def warm(self, max_lag_ms: float, invitation: Invitation | None) -> None:
        """Everything an answer would otherwise wait for is paid here, the stream included.

        `invitation` is the call actor's; None for a spare.
        """
        if invitation is not None:
            await self.serve(invitation)
        freeze_gc()
        self._tasks.spawn(LagMeter(max_lag_ms).run(self._tell_lag))

    async def serve(self, invitation: Invitation) -> None:
        """Be this call actor's worker from now on. Raises OSError when it is not there."""
        self._stream = await connect(invitation, self.carry_out, self._end)

    async def is_taken(self) -> bool:
        """Whether it has a call actor."""
        return self._stream is not None

    def carry_out(self, command: Message) -> None:
        """Do what the call actor says; each kind of worker knows its own commands."""
        raise NotImplementedError

    def _end(self) -> None:
        """The call actor is gone, or has another worker in this one's place."""
        myself: Handle[WorkerActor] = own()
        myself.kill()

    def _tell_lag(self, lag_ms: float) -> None:
        self._emit(Late(lag_ms))

    def _emit(self, message: Event | Late) -> None:
        if self._stream is not None:
            self._stream.send(message)
