"""The model client over the real SDK, against an HTTP server that does what a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai  # noqa: F401  its import takes longer than the deadlines below
import pytest
from pydantic import SecretStr

from config.settings import OpenAISettings
from otto.dialogue.model import client as client_module
from otto.dialogue.model.client import Model
from otto.events import (
    Event,
    ModelDone,
    Sentence,
    ToolCall,
    VendorReport,
    WorkerFailed,
)

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]
TOOLS = [{"type": "function", "function": {"name": "book", "parameters": {}}}]
ASK = [{"role": "user", "content": "hello"}]


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_DELAY_S", 0.01)


class FakeOpenAI:
    """Answers one request a connection; the last reply serves all further requests."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.settings = OpenAISettings()

    @asynccontextmanager
    async def serving(self, **settings: Any) -> AsyncIterator[FakeOpenAI]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        values = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": SecretStr("k")}
        self.settings = OpenAISettings(**(values | settings))
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split()[0])
            self.requests.append(json.loads(await reader.readexactly(length)))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            waiting = asyncio.create_task(reply(writer))
            leaving = asyncio.create_task(reader.read())
            await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
            for task in (waiting, leaving):
                task.cancel()
            await asyncio.gather(waiting, leaving, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.gone.set()
            writer.close()


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    body = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(body)}\n\n".encode()


def text(*words: str) -> list[bytes]:
    return [chunk({"role": "assistant", "content": ""}), *(chunk({"content": w}) for w in words)]


def call_part(index: int, arguments: str, **first: str) -> bytes:
    function: dict[str, str] = {"arguments": arguments}
    part: dict[str, Any] = {"index": index, "function": function}
    if first:
        part |= {"id": first["id"], "type": "function"}
        function["name"] = first["name"]
    return chunk({"tool_calls": [part]})


USAGE = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def stream(*parts: bytes, then: str = "end", gap_s: float = 0.0) -> Reply:
    """`then`: "end" finishes properly, "drop" breaks off, "hang" goes silent."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(gap_s)
        if then == "end":
            writer.write(USAGE + b"data: [DONE]\n\n")
            await writer.drain()
        elif then == "hang":
            await asyncio.Event().wait()

    return reply


def status(code: int, error: str = "", retry_after: str = "") -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"error": {"message": "secret words", "code": error, "type": error}})
        writer.write(
            f"HTTP/1.1 {code} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"{retry_after}content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        await writer.drain()

    return reply


async def run(
    server: FakeOpenAI, tools: list[dict[str, Any]] | None = None, **settings: Any
) -> list[Event]:
    """One round_id, to its end."""
    events: list[Event] = []
    async with server.serving(**settings):
        model = Model(server.settings, events.append)
        model.generate(1, ASK, tools or [])
        async with asyncio.timeout(10):
            while not any(isinstance(e, ModelDone | WorkerFailed) for e in events):
                await asyncio.sleep(0.005)
        await model.close()
    return [event for event in events if not isinstance(event, VendorReport)]


async def test_sentences_come_while_the_answer_is_still_being_written() -> None:
    events: list[Event] = []
    server = FakeOpenAI(stream(*text("Sure. ", "One mo"), then="hang"))
    async with server.serving():
        model = Model(server.settings, events.append)
        model.generate(4, ASK, [])
        async with asyncio.timeout(10):
            while not events:
                await asyncio.sleep(0.005)
        assert events == [Sentence(4, 0, "Sure.")]
        await model.close()


async def test_an_answer_of_two_sentences() -> None:
    server = FakeOpenAI(stream(*text("Hello ", "there. ", "How are you?"), chunk({}, "stop")))
    first, second, done = await run(server)
    assert (first, second) == (Sentence(1, 0, "Hello there."), Sentence(1, 1, "How are you?"))
    assert isinstance(done, ModelDone)
    assert done.text == "Hello there. How are you?"
    assert (done.finish_reason, done.prompt_tokens, done.completion_tokens) == ("stop", 11, 7)
    assert 0 < done.first_token_ms <= done.first_sentence_ms <= done.total_ms


async def test_what_is_unset_is_not_sent_because_some_models_refuse_it() -> None:
    server = FakeOpenAI(stream(*text("Hi."), chunk({}, "stop")))
    await run(server, max_completion_tokens=None)
    assert set(server.requests[0]) == {"model", "messages", "stream", "stream_options"}
    server = FakeOpenAI(stream(*text("Hi."), chunk({}, "stop")))
    await run(server, TOOLS, temperature=0.2, reasoning_effort="low")
    sent = server.requests[0]
    assert sent["parallel_tool_calls"] is False
    assert (sent["temperature"], sent["reasoning_effort"]) == (0.2, "low")


async def test_tool_calls_are_put_together_by_index() -> None:
    server = FakeOpenAI(
        stream(
            *text("One moment."),
            call_part(1, "", id="b", name="second"),
            call_part(0, '{"a"', id="a", name="first"),
            call_part(1, "{}"),
            call_part(0, ":1}"),
            chunk({}, "tool_calls"),
        )
    )
    done = (await run(server, TOOLS))[-1]
    assert isinstance(done, ModelDone)
    assert done.tool_calls == (
        ToolCall("call_1_0", "first", '{"a":1}'),
        ToolCall("call_1_1", "second", "{}"),
    )


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_a_tool_call_cut_off_by_the_limit_is_never_executed(reason: str) -> None:
    server = FakeOpenAI(stream(call_part(0, "{}", id="a", name="book"), chunk({}, reason)))
    (failed,) = await run(server, TOOLS)
    assert isinstance(failed, WorkerFailed)
    assert failed.kind == "protocol"
    assert len(server.requests) == 1


async def test_text_cut_off_by_the_limit_is_an_answer() -> None:
    server = FakeOpenAI(stream(*text("Hello there and"), chunk({}, "length")))
    sentence, done = await run(server)
    assert sentence == Sentence(1, 0, "Hello there and")
    assert isinstance(done, ModelDone) and done.finish_reason == "length"


async def test_a_refusal_is_spoken() -> None:
    server = FakeOpenAI(stream(chunk({"refusal": "I cannot do that."}), chunk({}, "stop")))
    sentence, done = await run(server)
    assert sentence == Sentence(1, 0, "I cannot do that.")
    assert isinstance(done, ModelDone) and done.finish_reason == "refusal"


@pytest.mark.parametrize(
    ("code", "error", "kind", "requests"),
    [
        (401, "invalid_api_key", "refused", 1),
        (429, "insufficient_quota", "quota", 1),
        (429, "rate_limit_exceeded", "refused", 2),
        (400, "unsupported_parameter", "rejected", 1),
        (404, "model_not_found", "gone", 1),
        (410, "", "gone", 1),
        (500, "server_error", "refused", 2),
    ],
)
async def test_errors_are_told_apart_and_only_the_passing_ones_retried(
    code: int, error: str, kind: str, requests: int
) -> None:
    server = FakeOpenAI(status(code, error))
    (failed,) = await run(server)
    assert isinstance(failed, WorkerFailed)
    assert (failed.kind, failed.round_id) == (kind, 1)
    assert failed.detail == f"status {code} {error}".strip()
    assert len(server.requests) == requests


async def test_a_failure_before_the_first_token_is_retried_unnoticed() -> None:
    server = FakeOpenAI(status(503), stream(*text("Hello."), chunk({}, "stop")))
    sentence, done = await run(server)
    assert sentence == Sentence(1, 0, "Hello.")
    assert isinstance(done, ModelDone)


async def test_a_stream_dropped_before_the_first_token_is_retried() -> None:
    server = FakeOpenAI(stream(*text(), then="drop"), stream(*text("Hello."), chunk({}, "stop")))
    assert (await run(server))[0] == Sentence(1, 0, "Hello.")


async def test_a_stream_dropped_after_words_were_spoken_is_not_said_twice() -> None:
    server = FakeOpenAI(stream(*text("Hello there. ", "How"), then="drop"))
    sentence, failed = await run(server)
    assert sentence == Sentence(1, 0, "Hello there.")
    assert isinstance(failed, WorkerFailed) and failed.kind == "dropped"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "odd", [b"data: []\n\n", b'data: {"choices":[{"delta":{"tool_calls":[3]}}]}\n\n']
)
async def test_a_chunk_of_another_shape_is_a_failure_and_not_a_crash(odd: bytes) -> None:
    """Compatible servers differ; a task that dies silently would leave the caller in silence."""
    failed = (await run(FakeOpenAI(stream(*text("Hello there. ", "How"), odd))))[-1]
    assert isinstance(failed, WorkerFailed) and failed.kind == "protocol"


async def test_an_error_event_in_the_stream_is_a_drop() -> None:
    broken = b'data: {"error": {"message": "secret words", "code": "server_error"}}\n\n'
    server = FakeOpenAI(stream(*text("Hello there. ", "How"), broken))
    failed = (await run(server))[-1]
    assert isinstance(failed, WorkerFailed)
    assert failed.kind == "dropped"
    assert "secret" not in failed.detail


async def test_a_server_that_is_not_there() -> None:
    server = FakeOpenAI(status(500))
    (failed,) = await run(server, base_url="http://127.0.0.1:9/v1")
    assert isinstance(failed, WorkerFailed) and failed.kind == "dropped"


async def test_a_model_that_keeps_silent_is_not_waited_for_600_seconds() -> None:
    server = FakeOpenAI(stream(*text(), then="hang"))
    (failed,) = await run(server, first_token_timeout_s=0.5)
    assert isinstance(failed, WorkerFailed)
    assert (failed.kind, failed.detail) == ("timeout", "before the first token")
    assert len(server.requests) == 2  # half of the time for each; the caller waits no longer
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_model_that_stops_in_the_middle() -> None:
    server = FakeOpenAI(stream(*text("Hello"), then="hang"))
    (failed,) = await run(server, between_tokens_timeout_s=0.1)
    assert isinstance(failed, WorkerFailed)
    assert (failed.kind, failed.detail) == ("timeout", "between tokens")


async def test_a_slow_stream_is_not_a_timeout_while_tokens_come() -> None:
    words = [f"word{at} " for at in range(12)]
    server = FakeOpenAI(stream(*text(*words), chunk({}, "stop"), gap_s=0.05))
    events = await run(server, first_token_timeout_s=0.4, between_tokens_timeout_s=0.4)
    assert isinstance(events[-1], ModelDone)


async def test_an_empty_answer_is_asked_for_again() -> None:
    server = FakeOpenAI(
        stream(*text(), chunk({}, "stop")), stream(*text("Hello."), chunk({}, "stop"))
    )
    assert (await run(server))[0] == Sentence(1, 0, "Hello.")


async def test_a_cancelled_generation_is_silent_and_its_request_is_ended() -> None:
    events: list[Event] = []
    server = FakeOpenAI(stream(*text("Hello there. ", "How are"), then="hang"))
    async with server.serving():
        model = Model(server.settings, events.append)
        model.generate(1, ASK, [])
        async with asyncio.timeout(10):
            while not events:
                await asyncio.sleep(0.005)
            model.cancel(1)
            await server.gone.wait()
        assert events == [Sentence(1, 0, "Hello there.")]
        await model.close()


async def test_a_generation_that_goes_on_while_an_older_one_is_cancelled() -> None:
    events: list[Event] = []
    server = FakeOpenAI(stream(*text("Hello."), chunk({}, "stop")))
    async with server.serving():
        model = Model(server.settings, events.append)
        model.generate(1, ASK, [])
        model.cancel(1)
        model.generate(2, ASK, [])
        async with asyncio.timeout(10):
            while not any(isinstance(e, ModelDone) for e in events):
                await asyncio.sleep(0.005)
        assert all(getattr(e, "round_id", None) == 2 for e in events)
        model.generate(0, ASK, [])  # the next call counts from the beginning again
        async with asyncio.timeout(10):
            while sum(isinstance(e, ModelDone) for e in events) < 2:
                await asyncio.sleep(0.005)
        await model.close()


async def test_warming_up_does_not_need_the_server() -> None:
    model = Model(OpenAISettings(base_url="http://127.0.0.1:9/v1", api_key=SecretStr("k")), print)
    await model.warm()
    await model.close()


async def test_a_usage_without_its_counts_fails_nothing() -> None:
    usage = b'data: {"choices": [], "usage": {"total_tokens": 12}}\n\n'
    server = FakeOpenAI(stream(*text("Sure."), usage, chunk({}, "stop")))
    assert isinstance((await run(server))[-1], ModelDone)


async def test_what_is_no_speech_is_not_spoken_and_not_in_the_history() -> None:
    server = FakeOpenAI(
        stream(
            *text("<think>They want", " oil.</think>", "**Sure**, ", "\ud83d", "\ude00 fine."),
            chunk({}, "stop"),
        )
    )
    *sentences, done = await run(server, TOOLS)
    assert isinstance(done, ModelDone)
    assert done.text.split() == ["Sure,", "fine."]
    assert " ".join(each.text for each in sentences if isinstance(each, Sentence)) == "Sure, fine."
