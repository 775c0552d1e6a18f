"""The STT actor: a listener in a process of its own."""

from __future__ import annotations

from typing import Any

from actors.call.worker_actor import WorkerActor
from config.settings import DeepgramSettings
from otto.events import Worker
from otto.speech.listen import Listener


class SttActor(WorkerActor):
    """Hears the caller: one Deepgram connection."""

    worker = Worker.STT

    def __init__(self, call: Any, settings: DeepgramSettings) -> None:
        super().__init__(call)
        self._listener = Listener(settings, self._emit)

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None:
        await self._listener.attach(address, token, from_ms)

    async def detach(self) -> None:
        await self._listener.detach()

    async def avoid(self, number: int, providers: frozenset[str]) -> None:
        self._commands.take(number, lambda: self._listener.avoid(providers))
