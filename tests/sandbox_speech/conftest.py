"""The stand-ins, served in the test's own loop on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from websockets.asyncio.client import connect

from sandbox.app import serve
from sandbox.world import Options, World


@dataclass
class Served:
    """A running sandbox and ways to reach it."""

    world: World
    http: str

    @property
    def steering(self) -> dict[str, str]:
        """What the control API asks for."""
        return {"Authorization": f"Bearer {self.world.control_token}"}

    @property
    def deepgram(self) -> str:
        return "ws" + self.http.removeprefix("http") + "/deepgram"

    def sdk(self) -> AsyncDeepgramClient:
        """The vendor's own client, pointed here."""
        url = self.deepgram
        return AsyncDeepgramClient(
            api_key=self.world.api_key,
            environment=DeepgramClientEnvironment(
                base=self.http, production=url, agent=url, agent_rest=self.http
            ),
        )

    def socket(self, path: str, key: str | None = None) -> connect:
        """A bare WebSocket, for what the client would never send."""
        header = {"Authorization": f"Token {self.world.api_key if key is None else key}"}
        return connect(self.deepgram + path, additional_headers=header, ping_interval=None)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A sandbox with known audio and short delays."""
    world = World(
        Options(speech="known", listen_final_delay_ms=20, speak_first_byte_ms=30, speak_pace=0)
    )
    async with serve(world) as http:
        yield Served(world, http)
    assert world.tasks == 0
