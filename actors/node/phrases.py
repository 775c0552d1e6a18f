"""The fixed sentences, spoken beforehand: a call says them without waiting for a vendor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import ray
import structlog

if TYPE_CHECKING:
    from actors.call.workers import Spoken
    from config.dealership import Dealership
    from config.settings import Settings

log = structlog.get_logger()

SYNTHESES_AT_ONCE = 4
"""Vendors limit the connections of an account; the calls of other nodes need theirs."""


class SpokenPhrases:
    """`begin` synthesising; `get` waits for it. They lie in Ray's object store, for all workers."""

    def __init__(self, settings: Settings, dealership: Dealership) -> None:
        self._settings = settings
        self._dealership = dealership
        self._reference: asyncio.Future[ray.ObjectRef[Spoken]] | None = None

    def begin(self) -> None:
        """Start, in the background. A repeat changes nothing."""
        if self._reference is None:
            self._reference = asyncio.ensure_future(self._synthesise())

    async def get(self) -> ray.ObjectRef[Spoken]:
        """The reference to all of them."""
        assert self._reference is not None, "begin() comes first"
        return await self._reference

    async def _synthesise(self) -> ray.ObjectRef[Spoken]:
        # Here, not above: whoever looks the switchboard up imports this module.
        from otto.dialogue.prompts import Phrases
        from otto.language.languages import Language
        from otto.speech.phrases import synthesise

        spoken: Spoken = {}
        free = asyncio.Semaphore(SYNTHESES_AT_ONCE)

        deepgram = self._settings.deepgram
        voices = {Language.ENGLISH: deepgram, Language.SPANISH: deepgram.in_spanish()}

        async def speak(text: str, language: Language) -> None:
            async with free:
                try:
                    spoken[text] = await synthesise(voices[language], text, language)
                except Exception as error:
                    # Said through the live connection instead: slower, not silent.
                    log.error("phrase_not_synthesised", error=type(error).__name__)

        settings = self._settings
        phrases = Phrases(
            self._dealership,
            settings.call.transcript_notice,
            settings.location,
            spanish=settings.call.spanish,
        )
        await asyncio.gather(*(speak(text, language) for text, language in phrases.all()))
        return ray.put(spoken)
