"""The call actor: a thin actor around `CallRuntime`.

It imports nothing heavy, because every process that holds a handle of it imports this module:
its three workers and the ingress would otherwise carry the whole conversation with them (40 MB
and 0.8 CPU-seconds each, measured).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.runtime.process import begin, process_stats

if TYPE_CHECKING:
    from config.dealership import Dealership
    from config.settings import Settings
    from otto.telephony.switchboard_port import CallStart


class CallActor:
    """Serves one call at a time; see `CallRuntime` for what each method does and raises."""

    def __init__(
        self, name: str, settings: Settings, dealership: Dealership, switchboard: str
    ) -> None:
        from actors.call.runtime import CallRuntime  # only in the actor's own process

        begin(settings.log_level)
        self._runtime = CallRuntime(name, settings, dealership, switchboard)

    async def warm(self, phrases: tuple[Any], avoided: frozenset[str], gently: bool) -> None:
        await self._runtime.warm(phrases, avoided, gently)

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        await self._runtime.attach(link_address, link_token, started)

    async def avoid(self, providers: frozenset[str]) -> None:
        self._runtime.avoid(providers)

    async def finish_call(self) -> None:
        self._runtime.finish_call()

    async def status(self) -> str | None:
        return self._runtime.status()

    async def process_stats(self) -> dict[str, int]:
        return process_stats()

    async def stay(self) -> None:
        """Never returns: whoever awaits it learns at once when this process dies."""
        await asyncio.Event().wait()
