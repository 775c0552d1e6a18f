"""A speech worker's sockets: the primary's, and when it is out of reach the fallback's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection

from config.settings import DeepgramSettings
from otto.events import Event, Worker
from otto.health.breaker import FALLBACK, PRIMARY, provider_names
from otto.health.providers import Providers, Round
from otto.language.languages import Language
from otto.speech import wire
from otto.speech.wire import VendorError, open_socket

IMPATIENT_S: Final = 2.0
"""The most that one attempt to connect may take while there is somebody else to turn to."""


class SpeechVendors:
    """One worker's vendors, by the language of the call. `make` makes one of its settings."""

    def __init__(
        self, settings: DeepgramSettings, make: Callable[[DeepgramSettings], SpeechVendor]
    ) -> None:
        self.settings_in = {Language.ENGLISH: settings, Language.SPANISH: settings.in_spanish()}
        self._made = {language: make(its) for language, its in self.settings_in.items()}
        self.language = Language.ENGLISH

    @property
    def vendor(self) -> SpeechVendor:
        """That of the language that is used now."""
        return self._made[self.language]

    @property
    def settings(self) -> DeepgramSettings:
        """Those of the language that is used now."""
        return self.settings_in[self.language]

    def avoid(self, providers: frozenset[str]) -> None:
        """Which providers to skip from now on."""
        for vendor in self._made.values():
            vendor.providers.avoid(providers)


class SpeechVendor:
    """Opens the sockets of one worker, at whichever provider is to be used now.

    `path` and `query` are of Deepgram's API, by a provider's settings. `providers` holds what is
    known of them: tell it how the sockets did.
    """

    def __init__(
        self,
        worker: Worker,
        settings: DeepgramSettings,
        path: Callable[[DeepgramSettings], str],
        query: Callable[[DeepgramSettings], list[tuple[str, str]]],
        emit: Callable[[Event], None],
    ) -> None:
        has_fallback = (
            settings.has_listen_fallback if worker is Worker.STT else settings.has_speak_fallback
        )
        self.providers = Providers(worker, provider_names(has_fallback), emit)
        self._settings = {PRIMARY: settings, FALLBACK: settings.as_fallback()}
        self._path = path
        self._query = query

    def settings_of(self, provider: str) -> DeepgramSettings:
        """The settings as they are for `provider`."""
        return self._settings[provider]

    async def open(self, preferred: str | None = None) -> tuple[str, ClientConnection]:
        """A socket, and whose it is; `preferred` is tried before others that are as good.

        Waits `RETRY_DELAYS_S` between attempts at the same provider. Raises the last
        `VendorError` when nobody could be reached.
        """
        loop = asyncio.get_running_loop()
        round_ = Round(self.providers, loop.time(), 1 + len(wire.RETRY_DELAYS_S), preferred)
        last = VendorError("refused", "no provider")
        while (name := round_.next()) is not None:
            if (tried := round_.tried[name]) > 1:
                await asyncio.sleep(wire.RETRY_DELAYS_S[tried - 2])
            settings = self._settings[name]
            timeout_s = settings.connect_timeout_s
            if round_.has_other(name):
                timeout_s = min(timeout_s, IMPATIENT_S)
            try:
                return name, await open_socket(
                    settings, self._path(settings), self._query(settings), timeout_s
                )
            except VendorError as error:
                self.providers.failed(name, error.kind, loop.time())
                if error.permanent or (error.kind == "timeout" and round_.has_other(name)):
                    round_.spent(name)
                last = error
        raise last
