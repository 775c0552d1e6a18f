"""A model that takes a request and never answers it, and connections that died unnoticed.

The time for the first token is split, so that a second request, on a new connection, can still be
answered in it; as long as all that lasts, the caller hears the conversation's filler.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai  # noqa: F401  its import takes longer than the deadlines below
import pytest
from pydantic import SecretStr

from config.settings import OpenAISettings
from otto.dialogue.model import client as client_module
from otto.dialogue.model import connection as connection_module
from otto.dialogue.model.client import Model
from otto.dialogue.model.connection import make_client
from otto.events import Event, ModelDone, Sentence, VendorReport, WorkerFailed

DEADLINE_S = 1.6
ASK = [{"role": "user", "content": "hello"}]
BODY = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello."},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)

Silent = Callable[[int, int], bool]
"""Whether the request of that number on the connection of that number is never answered, both
counted from 0."""


class KeepingServer:
    """Keeps connections open, as OpenAI does, and is silent on some: no answer and no FIN."""

    def __init__(self, silent: Silent) -> None:
        self._silent = silent
        self.connections = 0
        self.requests: list[tuple[int, int]] = []
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[KeepingServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        count = 0
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().lower():
                length = int(head.split("content-length:")[1].split()[0])
                json.loads(await reader.readexactly(length))
                self.requests.append((number, count))
                if self._silent(number, count):
                    await reader.read()  # until the client gives up
                    return
                count += 1
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Talk:
    """One model; `ask` gives the events of one answer and how long it took."""

    def __init__(self, settings: OpenAISettings) -> None:
        self.events: list[Event] = []
        self.model = Model(settings, self.events.append)
        self.round_id = 0

    def begin(self) -> int:
        self.round_id += 1
        self.model.generate(self.round_id, ASK, [])
        return self.round_id

    async def end(self, round_id: int) -> list[Event]:
        async with asyncio.timeout(10):
            while not any(
                isinstance(event, ModelDone | WorkerFailed) and event.round_id == round_id
                for event in self.events
            ):
                await asyncio.sleep(0.005)
        return [event for event in self.events if getattr(event, "round_id", None) == round_id]

    async def ask(self) -> tuple[list[Event], float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        return await self.end(self.begin()), loop.time() - began


@asynccontextmanager
async def talking(server: KeepingServer, **settings: Any) -> AsyncIterator[Talk]:
    values = {"base_url": server.url, "api_key": SecretStr("k")}
    talk = Talk(OpenAISettings(**(values | {"first_token_timeout_s": DEADLINE_S} | settings)))
    yield talk
    await talk.model.close()


def is_answered(events: list[Event]) -> bool:
    return isinstance(events[0], Sentence) and isinstance(events[-1], ModelDone)


async def test_a_request_that_hangs_leaves_half_of_the_time_to_a_second_one() -> None:
    async with (
        KeepingServer(lambda number, count: number == 0).serving() as server,
        talking(server) as talk,
    ):
        events, took_s = await talk.ask()
        assert is_answered(events)
        assert DEADLINE_S / 2 <= took_s < DEADLINE_S
        assert server.requests == [(0, 0), (1, 0)]


async def test_a_kept_connection_that_is_dead_costs_half_of_the_time_and_no_answer() -> None:
    async with (
        KeepingServer(lambda number, count: (number, count) == (0, 1)).serving() as server,
        talking(server) as talk,
    ):
        assert is_answered((await talk.ask())[0])
        events, took_s = await talk.ask()
        assert is_answered(events)
        assert took_s < DEADLINE_S
        assert server.requests == [(0, 0), (0, 1), (1, 0)]


async def test_all_kept_connections_may_be_dead_and_none_of_them_is_tried_again() -> None:
    """A guess and an answer had one each; what forgot the one has forgotten the other."""
    async with (
        KeepingServer(lambda number, count: number < 3 and count == 1).serving() as server,
        talking(server) as talk,
    ):
        rounds = [talk.begin() for _ in range(3)]
        assert all([is_answered(await talk.end(each)) for each in rounds])
        assert server.connections == 3
        events, _ = await talk.ask()
        assert is_answered(events)
        assert server.requests[-1] == (3, 0)


async def test_an_answer_on_another_connection_is_not_cut_by_giving_one_up() -> None:
    """The old connections are closed only when nothing is read from them any more."""
    release = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        hung.append(1)
        number = len(hung)
        if number == 1:
            await reader.read()  # never answered
        elif number == 2:
            first = b'data: {"choices":[{"index":0,"delta":{"content":"Oh. "}}]}\n\n'
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + first)
            await writer.drain()
            await release.wait()
            writer.write(BODY)
        else:
            writer.write(ANSWER)
        writer.close()

    hung: list[int] = []
    port_server = await asyncio.start_server(slow, "127.0.0.1", 0)
    port = port_server.sockets[0].getsockname()[1]
    settings = OpenAISettings(
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key=SecretStr("k"),
        first_token_timeout_s=DEADLINE_S,
    )
    talk = Talk(settings)
    hanging = talk.begin()
    while not hung:
        await asyncio.sleep(0.005)
    streaming = talk.begin()
    assert is_answered(await talk.end(hanging))  # on a third connection
    release.set()
    assert is_answered(await talk.end(streaming))
    assert len(hung) == 3
    await talk.model.close()
    port_server.close()


@pytest.mark.parametrize("retries", [1, 2])
async def test_when_every_request_hangs_the_time_is_what_it_was(retries: int) -> None:
    async with (
        KeepingServer(lambda number, count: True).serving() as server,
        talking(server, max_retries=retries) as talk,
    ):
        (failed,), took_s = await talk.ask()
        assert isinstance(failed, WorkerFailed) and failed.kind == "timeout"
        assert len(server.requests) == 1 + retries
        assert took_s + 0.01 >= DEADLINE_S
        assert took_s < DEADLINE_S * 1.5


async def test_without_a_retry_the_one_request_has_all_of_the_time() -> None:
    async with (
        KeepingServer(lambda number, count: True).serving() as server,
        talking(server, max_retries=0, first_token_timeout_s=0.4) as talk,
    ):
        _, took_s = await talk.ask()
        assert took_s + 0.01 >= 0.4
        assert len(server.requests) == 1


async def test_the_fallback_is_asked_on_a_new_connection_too() -> None:
    """Both were kept over the same router: what it forgot is forgotten for both."""
    async with (
        KeepingServer(lambda number, count: number == 0).serving() as primary,
        KeepingServer(lambda number, count: (number, count) == (0, 1)).serving() as fallback,
        talking(primary, fallback_base_url=fallback.url) as talk,
    ):
        talk.model.avoid(frozenset({"llm:primary"}))
        assert is_answered((await talk.ask())[0])  # the fallback has a connection now
        talk.model.avoid(frozenset())
        events, took_s = await talk.ask()
        assert is_answered(events) and took_s < DEADLINE_S
        assert fallback.requests == [(0, 0), (1, 0)]


async def test_a_provider_that_hung_is_asked_again_when_the_other_refuses() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}/v1"
    async with (
        KeepingServer(lambda number, count: number == 0).serving() as primary,
        talking(primary, fallback_base_url=url) as talk,
    ):
        events, took_s = await talk.ask()
        assert is_answered(events) and took_s < DEADLINE_S
        assert primary.requests == [(0, 0), (1, 0)]
        reports = [e for e in talk.events if isinstance(e, VendorReport)]
        assert [(e.provider, e.ok) for e in reports] == [
            ("primary", False), ("fallback", False), ("fallback", False), ("primary", True)
        ]  # fmt: skip
    other.close()


async def test_dead_connections_are_found_out_by_the_kernel() -> None:
    async with KeepingServer(lambda number, count: False).serving() as server:
        client = make_client(OpenAISettings(base_url=server.url, api_key=SecretStr("k")))
        response = await client._client.post(server.url, content=b"{}")
        open_socket = response.extensions["network_stream"].get_extra_info("socket")
        assert open_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for option, value in (
            (socket.TCP_KEEPIDLE, connection_module.KEEPALIVE_IDLE_S),
            (socket.TCP_USER_TIMEOUT, connection_module.UNACKNOWLEDGED_MS),
        ):
            assert open_socket.getsockopt(socket.IPPROTO_TCP, option) == value
        await client.close()


def test_the_environments_proxy_is_still_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    far = make_client(OpenAISettings(base_url="https://api.example/v1", api_key=SecretStr("k")))
    near = make_client(OpenAISettings(base_url="http://127.0.0.1:1/v1", api_key=SecretStr("k")))
    assert far._client._mounts and not near._client._mounts


def test_the_share_leaves_a_second_attempt_the_caller_would_wait_for() -> None:
    assert client_module.SHARE * OpenAISettings().first_token_timeout_s == 3.0
