"""The LLM actor: a model client in a process of its own."""

from __future__ import annotations

from actors.call.messages import Avoid, CancelRound, Generate, Message
from actors.call.stream import Invitation
from actors.call.worker_actor import WorkerActor
from config.settings import LogLevel, OpenAISettings
from otto.dialogue.model.client import Model


class LlmActor(WorkerActor):
    """Makes the answers of a call: one connection to the model."""

    def __init__(self, log_level: LogLevel, settings: OpenAISettings) -> None:
        super().__init__(log_level)
        self._model = Model(settings, self._emit)

    async def warm(self, max_lag_ms: float, invitation: Invitation | None) -> None:
        await self._model.warm()
        await super().warm(max_lag_ms, invitation)

    def carry_out(self, command: Message) -> None:
        match command:
            case Generate():
                self._model.generate(command.round_id, command.messages, command.tools)
            case CancelRound():
                self._model.cancel(command.round_id)
            case Avoid():
                self._model.avoid(command.providers)
