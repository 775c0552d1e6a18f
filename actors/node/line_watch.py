"""Whether the stream of a call still stands, asked of whoever must know: its call actor.

A call that comes back may be quicker than the word that its stream has ended, and a captured
webhook comes while it stands. So before a call is given another actor, its line is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from otto.health.calls import Calls
from otto.health.pool import WarmPool

WAIT_S: Final = 1.5
"""For a stream to end. A call actor learns of that within milliseconds of Twilio; a webhook is to
be answered within 3 s, and is told to come again."""
LOOK_EVERY_S: Final = 0.5
POLL_S: Final = 0.02

HearsLine = Callable[[str, str], Awaitable[bool]]
"""Whether the call actor of that name hears the line of that call."""


class LineWatch:
    """Looks at the lines of one node's calls."""

    def __init__(self, calls: Calls, pool: WarmPool, hears_line: HearsLine) -> None:
        self._calls = calls
        self._pool = pool
        self._hears_line = hears_line

    async def wait_for_end(self, call_sid: str) -> None:
        """Return when no stream of the call stands, or when that has taken too long."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + WAIT_S
        looking: asyncio.Task[None] | None = None
        while self._calls.stands(call_sid, loop.time()) and loop.time() < until_s:
            if looking is None:  # beside this: the word that it has ended may be quicker
                looking = loop.create_task(self._keep_looking(call_sid))
            await asyncio.sleep(POLL_S)
        if looking is not None:
            looking.cancel()

    async def _keep_looking(self, call_sid: str) -> None:
        while True:
            await self.look(call_sid)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, call_sid: str) -> None:
        """Ask the call actor. A stream that it does not hear, or that has none, is doubted."""
        stream, name = self._calls.holder(call_sid), self._pool.serving(call_sid)
        if name is not None and await self._hears_line(name, call_sid):
            self._calls.vouch(call_sid, stream)
        else:
            self._calls.doubt(call_sid, asyncio.get_running_loop().time())
