"""Pools of connections, as several processes have them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy.ext.asyncio import AsyncEngine

CONNECTIONS = 5


async def warm(*engines: AsyncEngine) -> None:
    """Connect beforehand: otherwise what shall happen at once happens as connections are made."""
    async with AsyncExitStack() as stack:
        await asyncio.gather(
            *(
                stack.enter_async_context(engine.connect())
                for engine in engines
                for _ in range(CONNECTIONS)
            )
        )
