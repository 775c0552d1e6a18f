"""The call actor: a thin actor around `CallRuntime`.

It imports nothing heavy, because every process that holds a handle of it imports this module:
its three workers and the ingress would otherwise carry the whole conversation with them (40 MB
and 0.8 CPU-seconds each, measured).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.runtime.process import BaseActor

if TYPE_CHECKING:
    from config.dealership import Dealership
    from config.settings import Settings
    from otto.telephony.switchboard_port import CallStart, Serving


class CallActor(BaseActor):
    """Serves one call at a time; see `CallRuntime` for what each method does and raises."""

    def __init__(
        self, name: str, settings: Settings, dealership: Dealership, switchboard: str
    ) -> None:
        from actors.call.runtime import CallRuntime  # only in the actor's own process

        super().__init__(settings.log_level, settings.clock)
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

    async def serving(self) -> Serving | None:
        return self._runtime.serving()

    async def hears_line(self, call_sid: str) -> bool:
        return self._runtime.hears_line(call_sid)
