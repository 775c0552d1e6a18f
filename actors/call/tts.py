"""The TTS actor: a speaker in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping

from actors.call.messages import Avoid, Cancel, Finish, Message, Say, UseLanguage
from actors.call.worker_actor import WorkerActor
from config.settings import DeepgramSettings, LinkSettings, LogLevel
from otto.media_link.tls import link_tls
from otto.speech.speak import Speaker


class TtsActor(WorkerActor):
    """Speaks to the caller: one Deepgram connection."""

    def __init__(
        self,
        log_level: LogLevel,
        settings: DeepgramSettings,
        link: LinkSettings,
        chunk_ms: int,
        phrases: Mapping[str, bytes],
    ) -> None:
        super().__init__(log_level)
        self._speaker = Speaker(settings, chunk_ms, self._emit, phrases, link_tls(link))

    async def attach(self, address: str, token: str) -> None:
        await self._speaker.attach(address, token)

    async def detach(self) -> None:
        await self._speaker.detach()

    def carry_out(self, command: Message) -> None:
        match command:
            case Say():
                self._speaker.say(command.generation, command.index, command.text)
            case Finish():
                self._speaker.finish(command.generation)
            case Cancel():
                self._speaker.cancel(command.generation)
            case UseLanguage():
                self._speaker.use_language(command.language)
            case Avoid():
                self._speaker.avoid(command.providers)
