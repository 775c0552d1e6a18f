"""The TTS actor: a speaker in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.call.worker_actor import WorkerActor
from config.settings import DeepgramSettings
from otto.events import Worker
from otto.speech.speak import Speaker


class TtsActor(WorkerActor):
    """Speaks to the caller: one Deepgram connection."""

    worker = Worker.TTS

    def __init__(
        self, call: Any, settings: DeepgramSettings, chunk_ms: int, phrases: Mapping[str, bytes]
    ) -> None:
        super().__init__(call)
        self._speaker = Speaker(settings, chunk_ms, self._emit, phrases)

    async def attach(self, address: str, token: str) -> None:
        await self._speaker.attach(address, token)

    async def detach(self) -> None:
        await self._speaker.detach()

    async def say(self, number: int, generation: int, index: int, text: str) -> None:
        self._commands.take(number, lambda: self._speaker.say(generation, index, text))

    async def finish(self, number: int, generation: int) -> None:
        self._commands.take(number, lambda: self._speaker.finish(generation))

    async def cancel(self, number: int, generation: int) -> None:
        self._commands.take(number, lambda: self._speaker.cancel(generation))

    async def avoid(self, number: int, providers: frozenset[str]) -> None:
        self._commands.take(number, lambda: self._speaker.avoid(providers))
