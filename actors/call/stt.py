"""The STT actor: a listener in a process of its own."""

from __future__ import annotations

from actors.call.messages import Avoid, Message, UseLanguage
from actors.call.worker_actor import WorkerActor
from config.settings import DeepgramSettings, LinkSettings, LogLevel
from otto.media_link.tls import link_tls
from otto.speech.listen import Listener


class SttActor(WorkerActor):
    """Hears the caller: one Deepgram connection."""

    def __init__(self, log_level: LogLevel, settings: DeepgramSettings, link: LinkSettings) -> None:
        super().__init__(log_level)
        self._listener = Listener(settings, self._emit, link_tls(link))

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None:
        await self._listener.attach(address, token, from_ms)

    async def detach(self) -> None:
        await self._listener.detach()

    def carry_out(self, command: Message) -> None:
        match command:
            case Avoid():
                self._listener.avoid(command.providers)
            case UseLanguage():
                self._listener.use_language(command.language)
