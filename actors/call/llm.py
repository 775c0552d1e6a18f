"""The LLM actor: a model client in a process of its own."""

from __future__ import annotations

from typing import Any

from actors.call.worker_actor import WorkerActor
from config.settings import OpenAISettings
from otto.dialogue.model.client import Model
from otto.events import Worker


class LlmActor(WorkerActor):
    """Thinks for the call: one connection to the model."""

    worker = Worker.LLM

    def __init__(self, call: Any, settings: OpenAISettings) -> None:
        super().__init__(call)
        self._model = Model(settings, self._emit)

    async def warm(self, max_lag_ms: float) -> None:
        await self._model.warm()
        await super().warm(max_lag_ms)

    async def generate(
        self,
        number: int,
        generation: int,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]],
    ) -> None:
        self._commands.take(number, lambda: self._model.generate(generation, messages, tools))

    async def cancel(self, number: int, generation: int) -> None:
        self._commands.take(number, lambda: self._model.cancel(generation))

    async def avoid(self, number: int, providers: frozenset[str]) -> None:
        self._commands.take(number, lambda: self._model.avoid(providers))
