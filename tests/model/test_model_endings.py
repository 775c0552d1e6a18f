"""When a stream is an answer: the ways in which servers end one, and break one off."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai  # noqa: F401  its import takes longer than the deadlines below
import pytest

from otto.dialogue.model import client as client_module
from otto.events import ModelDone, Sentence, ToolCall, WorkerFailed
from tests.model.test_model import HEAD, TOOLS, FakeOpenAI, Reply, call_part, chunk, run, text

DONE = b"data: [DONE]\n\n"
CALL = call_part(0, '{"slot":1}', id="a", name="book")


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_DELAY_S", 0.01)


def sent(*parts: bytes, head: bytes = HEAD, then: str = "close") -> Reply:
    """Exactly these bytes; then the connection is closed, or stays open."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"".join(parts))
        await writer.drain()
        if then == "hang":
            await asyncio.Event().wait()

    return reply


async def ended(*parts: bytes, **given: Any) -> ModelDone | WorkerFailed:
    """How an answer of these bytes ends, when a server sends them every time."""
    (*_, last) = await run(FakeOpenAI(sent(*parts, **given)), TOOLS, between_tokens_timeout_s=0.5)
    assert isinstance(last, ModelDone | WorkerFailed)
    return last


async def test_words_without_a_reason_count_when_the_server_has_ended_the_stream() -> None:
    done = await ended(*text("We open ", "at seven."), DONE)
    assert isinstance(done, ModelDone)
    assert (done.text, done.finish_reason) == ("We open at seven.", "stop")


async def test_words_that_just_stop_are_a_stream_that_was_cut() -> None:
    failed = await ended(*text("We open ", "at"))
    assert isinstance(failed, WorkerFailed)
    assert (failed.kind, failed.detail) == ("dropped", "stream ended without finish_reason")


async def test_a_tool_call_without_a_reason_is_never_one_however_the_stream_ended() -> None:
    for end in (DONE, b""):
        failed = await ended(*text("One moment."), CALL, end)
        assert isinstance(failed, WorkerFailed) and failed.kind == "dropped"


async def test_a_tool_call_without_a_reason_may_come_whole_the_second_time() -> None:
    whole = sent(CALL, chunk({}, "tool_calls"), DONE)
    done = (await run(FakeOpenAI(sent(CALL, DONE), whole), TOOLS))[-1]
    assert isinstance(done, ModelDone)
    assert done.tool_calls == (ToolCall("call_1_0", "book", '{"slot":1}'),)


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource", "ERROR"])
async def test_a_reason_that_stands_for_a_break_is_one(reason: str) -> None:
    failed = await ended(*text("We open at"), chunk({}, reason), DONE)
    assert isinstance(failed, WorkerFailed) and failed.kind == "dropped"


@pytest.mark.parametrize("reason", ["max_tokens", "malformed_function_call", "safety", "length"])
async def test_a_tool_call_that_ended_for_another_reason_is_not_made(reason: str) -> None:
    failed = await ended(CALL, chunk({}, reason), DONE)
    assert isinstance(failed, WorkerFailed) and failed.kind == "protocol"


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "tool_use", "STOP", "eos"])
async def test_the_names_of_a_good_end_differ(reason: str) -> None:
    done = await ended(CALL, chunk({}, reason), DONE)
    assert isinstance(done, ModelDone) and len(done.tool_calls) == 1


@pytest.mark.parametrize("then", ["close", "hang"])
async def test_what_breaks_behind_the_reason_breaks_nothing(then: str) -> None:
    """No usage, no [DONE]: the answer was whole before."""
    server = FakeOpenAI(sent(*text("We open at seven."), chunk({}, "stop"), then=then))
    *_, done = await run(server, TOOLS)
    assert isinstance(done, ModelDone) and len(server.requests) == 1


async def test_a_connection_that_stays_open_behind_the_end_is_not_waited_for() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    server = FakeOpenAI(sent(*text("We open at seven."), DONE, then="hang"))
    *_, done = await run(server, TOOLS)
    assert isinstance(done, ModelDone)
    assert loop.time() - began < server.settings.between_tokens_timeout_s


@pytest.mark.parametrize(
    "broken",
    [
        b'data: {"error":{"message":"secret words","code":"server_error"}}\n\n',
        b'data: {"error":"secret words"}\n\n',
        b'data: {"object":"error","message":"secret words","code":500}\n\n',
        b'event: error\ndata: {"error":{"message":"secret words"}}\n\n',
        b'data: {"id":"x","error":{"code":502,"message":"secret words"},"choices":[{"index":0,'
        b'"delta":{"content":""},"finish_reason":"error"}]}\n\n',
    ],
    ids=["openai", "a text", "vllm", "named", "router"],
)
async def test_an_error_in_the_stream_is_no_end_although_the_server_ends_it(broken: bytes) -> None:
    failed = await ended(*text("We open at"), broken, DONE)
    assert isinstance(failed, WorkerFailed) and failed.kind == "dropped"
    assert "secret" not in failed.detail


@pytest.mark.parametrize(
    ("content", "spoken"),
    [
        ([{"type": "text", "text": "Sure."}], "Sure."),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Sure."},
            ],
            "Sure.",
        ),
        (["Sure."], ""),
        (7, ""),
    ],
)
async def test_content_in_parts_is_what_is_text_of_it(content: Any, spoken: str) -> None:
    parts = [chunk({"content": content}), chunk({"content": " Yes."}), chunk({}, "stop"), DONE]
    done = await ended(*parts)
    assert isinstance(done, ModelDone)
    assert done.text == f"{spoken} Yes.".strip()


@pytest.mark.parametrize(
    "usage", [[], "many", {"completion_tokens": "7"}, {"prompt_tokens": None}, 3, {}]
)
async def test_a_usage_of_any_shape_fails_nothing(usage: Any) -> None:
    counted = f'data: {{"choices":[],"usage":{json.dumps(usage)}}}\n\n'.encode()
    done = await ended(*text("Sure."), chunk({}, "stop"), counted, DONE)
    assert isinstance(done, ModelDone)
    assert (done.prompt_tokens, done.completion_tokens) == (0, 0)


async def test_bytes_that_are_no_utf8_are_one_wrong_character() -> None:
    odd = b'data: {"choices":[{"index":0,"delta":{"content":"caf\xe9 \xf0\x9f au lait."}}]}\n\n'
    done = await ended(odd, chunk({}, "stop"), DONE)
    assert isinstance(done, ModelDone)
    assert done.text.startswith("caf") and done.text.endswith(" au lait.")


async def test_a_server_that_does_not_stream_is_understood() -> None:
    message = {"role": "assistant", "content": "We open at seven. Come by."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()
    head = HEAD.replace(b"text/event-stream", b"application/json; charset=utf-8")
    first, second, done = await run(FakeOpenAI(sent(body, head=head)))
    assert (first, second) == (
        Sentence(1, 0, "We open at seven."),
        Sentence(1, 1, "Come by."),
    )
    assert isinstance(done, ModelDone)


async def test_a_call_in_the_form_of_functions_is_a_tool_call() -> None:
    parts = (
        chunk({"function_call": {"name": "book", "arguments": '{"slot"'}}),
        chunk({"function_call": {"arguments": ":1}"}}),
        chunk({}, "function_call"),
    )
    done = await ended(*parts, DONE)
    assert isinstance(done, ModelDone)
    assert done.tool_calls == (ToolCall("call_1_0", "book", '{"slot":1}'),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"text/html", b"<html>please log in</html>"),
        (b"application/json", b"{not json"),
        (b"application/json", b"[]"),
        (b"application/json", b"{}"),
        (b"text/event-stream", b'data: {"choices": [' + b"[" * 50_000 + b"\n\n"),
        (b"text/event-stream", b"data: not json\n\n"),
    ],
    ids=["login page", "half json", "a list", "nothing", "nested", "no json"],
)
async def test_what_is_no_answer_at_all_is_a_failure_and_not_silence(
    kind: bytes, body: bytes
) -> None:
    failed = await ended(body, head=HEAD.replace(b"text/event-stream", kind))
    assert isinstance(failed, WorkerFailed)
