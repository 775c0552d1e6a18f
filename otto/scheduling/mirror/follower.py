"""The task that follows the calendars: every so often, and as soon as Google says so."""

from __future__ import annotations

import asyncio

import structlog

from otto.scheduling.mirror.channels import Channels
from otto.scheduling.mirror.follow import Mirror

_log = structlog.get_logger()

AT_MOST_EVERY_S = 1.0
"""However often Google, or who pretends to be Google, says that something has changed."""


class Follower:
    """Reads the calendars every `poll_s` seconds. `channels` None: Google cannot reach us."""

    def __init__(self, mirror: Mirror, channels: Channels | None, poll_s: float) -> None:
        self._mirror = mirror
        self._channels = channels
        self._poll_s = poll_s
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something has changed: read soon."""
        self._nudged.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Survives whatever is away."""
        stopping = asyncio.create_task(stop.wait(), name="follower-stop")
        try:
            while not stop.is_set():
                self._nudged.clear()
                await self._once()
                await asyncio.wait({stopping}, timeout=AT_MOST_EVERY_S)
                nudged = asyncio.create_task(self._nudged.wait())
                try:
                    await asyncio.wait(
                        {stopping, nudged},
                        timeout=self._poll_s,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    nudged.cancel()
        finally:
            stopping.cancel()

    async def _once(self) -> None:
        try:
            await self._mirror.follow()
            if self._channels is not None:
                await self._channels.renew()
        except Exception as error:
            # Also what the driver raises raw. No error may end the following; its text may hold a
            # customer's data.
            _log.warning("calendars_not_followed", error=type(error).__name__)
