"""Whether a call is still this call actor's own: asked before anything that cannot be taken back.

A process that was stopped for a while and wakes up does not know that another has its call by now.
The ingress pings the control connection and gives an actor up only after `LEASE_S` without an
answer, and says so on that connection before it asks for another one. So whoever has heard a ping
within `LEASE_S` has the call; whoever has not waits for the next one, or for that word.
"""

from __future__ import annotations

import asyncio
from typing import Final

from otto.dialogue.session.store import Fenced
from otto.media_link.client import Control
from otto.media_link.frames import Role
from otto.media_link.link import MAX_UNANSWERED_PINGS
from otto.media_link.server import PING_EVERY_S

LEASE_S: Final = MAX_UNANSWERED_PINGS[Role.CONTROL] * PING_EVERY_S
WAIT_S: Final = 1.0
"""For the next ping, before the call is taken for lost. They come twice a second."""
POLL_S: Final = 0.02


class CallLease:
    """The lease of whichever call is being served. `control` is None between calls."""

    def __init__(self) -> None:
        self.control: Control | None = None

    async def check(self) -> None:
        """Return when the call is ours, or over without having gone to another.

        Raises `Fenced` when it is another actor's, or when that cannot be ruled out.
        """
        control = self.control
        if control is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S
        while not control.was_replaced:
            if control.is_over or control.lease_age_s < LEASE_S:
                return
            if loop.time() > deadline:
                break
            await asyncio.sleep(POLL_S)
        raise Fenced("another actor has the call")
