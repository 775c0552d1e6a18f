"""What servers say when they refuse a parameter, or no longer have a model.

The bodies are those of OpenAI, Azure, vLLM, Ollama, llama.cpp, Groq, Mistral, Gemini, Bedrock,
LiteLLM and others that play its API.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai  # noqa: F401  its import takes longer than the deadlines below
import pytest
import structlog

from otto.dialogue.model import client as client_module
from otto.dialogue.model.parameters import OPTIONAL, refused, without
from otto.events import ModelDone, WorkerFailed
from tests.model.test_model import TOOLS, FakeOpenAI, Reply, chunk, run, status, stream, text
from tests.model.test_model_fallback import answer, talk

CALLER = {"role": "user", "content": "My 'temperature' light is on. parameter: strict, stream!"}


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_DELAY_S", 0.01)


def saying(code: int, body: Any) -> Reply:
    """A status and a body, as they are."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        kind = "text/plain" if isinstance(body, str) else "application/json"
        head = f"HTTP/1.1 {code} X\r\ncontent-type: {kind}\r\nconnection: close\r\n"
        writer.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()

    return reply


def error(message: str, param: str | None = None, code: Any = None) -> dict[str, Any]:
    body = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return {"error": body}


def forbidden(*loc: Any) -> dict[str, Any]:
    """Pydantic's word for a field that it does not know; it quotes what was sent."""
    said = "Extra inputs are not permitted"
    return {"type": "extra_forbidden", "loc": list(loc), "msg": said, "input": [CALLER]}


REFUSALS: list[tuple[str, int, Any]] = [
    # OpenAI, Azure
    ("parallel_tool_calls", 400, error(
        "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
        "parallel_tool_calls", "unsupported_parameter")),
    ("temperature", 400, error(
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default "
        "(1) value is supported.", "temperature", "unsupported_value")),
    ("reasoning_effort", 400, error("Unrecognized request argument supplied: reasoning_effort")),
    ("reasoning_effort", 400, error("Unsupported parameter.", "reasoning.effort")),
    ("reasoning_effort", 400, error(
        "Function tools with reasoning_effort are not supported for gpt-x in "
        "/v1/chat/completions. Please use /v1/responses instead.", "reasoning_effort")),
    ("stream_options", 400, error("Unknown parameter: 'stream_options.include_usage'.",
                                  "stream_options.include_usage", "unknown_parameter")),
    ("strict", 400, error("Unknown parameter: 'tools[0].function.strict'.",
                          "tools[0].function.strict", "unknown_parameter")),
    ("stream", 400, error("Your organization must be verified to stream this model.", "stream",
                          "unsupported_value")),
    ("max_completion_tokens", 400, error(
        "Unrecognized request argument supplied: max_completion_tokens")),
    # vLLM, FastAPI, Mistral
    ("stream_options", 422, {"detail": [forbidden("body", "stream_options")]}),
    ("strict", 422, {"detail": [forbidden("body", "tools", 0, "function", "strict")]}),
    ("max_completion_tokens", 400, {
        "object": "error", "type": "BadRequestError", "param": None, "code": 400,
        "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': "
        "'Extra inputs are not permitted', 'input': 600}]"}),
    ("parallel_tool_calls", 422, {
        "object": "error", "type": "invalid_request_message_error", "code": None,
        "message": {"detail": [forbidden("body", "parallel_tool_calls")]}}),
    ("strict", 400, {"error": {"message": f"1 validation error: {forbidden('tools', 0, 'strict')}",
                               "type": "Bad Request", "param": None, "code": 400}}),
    # Ollama, llama.cpp
    ("reasoning_effort", 400, {"error": {"message": '"qwen2.5" does not support thinking',
                                         "type": "api_error", "param": None, "code": None}}),
    ("parallel_tool_calls", 500, {"error": {
        "code": 500, "message": "Unsupported param: parallel_tool_calls", "type": "server_error"}}),
    ("parallel_tool_calls", 501, {"error": {
        "code": 501, "message": "parallel_tool_calls is not supported", "type": "not_supported"}}),
    # Groq, Gemini, Bedrock, LiteLLM, text-generation-inference, Anthropic, Azure's models
    ("stream_options", 400, error("property 'stream_options' is unsupported")),
    ("reasoning_effort", 400, error("`reasoning_effort` is not supported with this model")),
    ("stream_options", 400, [{"error": {
        "code": 400, "status": "INVALID_ARGUMENT",
        "message": 'Invalid JSON payload received. Unknown name "stream_options": '
        "Cannot find field."}}]),
    ("temperature", 400, {"message": "Malformed input request: #: extraneous key [temperature] is "
                                     "not permitted, please reformat your input and try again."}),
    ("parallel_tool_calls", 400, error(
        "litellm.UnsupportedParamsError: azure does not support parameters: "
        "['parallel_tool_calls'], for model=o4-mini")),
    ("strict", 422, "Failed to deserialize the JSON body into the target type: tools[0].function: "
                    "unknown field `strict`, expected one of `name`, `temperature`"),
    ("temperature", 400, error("temperature: Extra inputs are not permitted")),
    ("temperature", 400, error("`temperature` and `top_p` cannot both be specified")),
    ("stream_options", 422, {"error": "Extra parameters ['stream_options'] are not allowed when "
                                      "extra-parameters is not set or set to be 'error'."}),
    ("temperature", 400, {"error": {"message": "Invalid request", "details": [
        forbidden("body", "temperature")]}}),
    ("temperature", 400, {"detail": "parameter: temperature is not allowed"}),
]  # fmt: skip


@pytest.mark.parametrize(("parameter", "code", "body"), REFUSALS)
async def test_a_refused_parameter_is_left_out_whoever_refuses_it(
    parameter: str, code: int, body: Any
) -> None:
    tools = [{"type": "function", "function": {"name": "book", "strict": True, "parameters": {}}}]
    server = FakeOpenAI(saying(code, body), stream(*text("Sure."), chunk({}, "stop")))
    settings = {"temperature": 0.2, "reasoning_effort": "low", "max_retries": 0}
    assert isinstance((await run(server, tools, **settings))[-1], ModelDone)
    first, second = server.requests
    told = {"stream_options"} if parameter == "stream" else set()
    if parameter == "strict":
        assert second["tools"][0]["function"] == {"name": "book", "parameters": {}}
        assert set(first) == set(second)
    else:
        gained = {"max_tokens"} if parameter == "max_completion_tokens" else set()
        assert set(first) - set(second) == {parameter} | told
        assert set(second) - set(first) == gained
        assert second["tools"] == tools


async def test_what_a_model_refuses_is_remembered_for_its_provider() -> None:
    refusing = saying(400, error("no", "parallel_tool_calls")), saying(400, error("no", "strict"))
    server = FakeOpenAI(*refusing, answer("Sure."))
    strict = [{"type": "function", "function": {"name": "book", "strict": True}}]
    async with talk(server, max_retries=0) as it:
        for _ in range(3):
            assert isinstance((await it.ask(strict))[-1], ModelDone)
    assert len(server.requests) == 5
    for request in server.requests[2:]:
        assert "parallel_tool_calls" not in request
        assert "strict" not in request["tools"][0]["function"]


async def test_the_limit_goes_by_its_older_name_and_then_without() -> None:
    none = saying(400, error("Unsupported parameter", "max_completion_tokens"))
    older = saying(400, error("'max_tokens' is too large", "max_tokens"))
    server = FakeOpenAI(none, older, answer("Sure."))
    assert isinstance((await run(server, max_retries=0))[-1], ModelDone)
    limits = [{k: v for k, v in each.items() if k.startswith("max_")} for each in server.requests]
    assert limits == [{"max_completion_tokens": 600}, {"max_tokens": 600}, {}]


async def test_a_limit_refused_by_its_older_name_is_left_out() -> None:
    """vLLM calls it max_tokens whatever it was sent."""
    server = FakeOpenAI(saying(400, error("too large", "max_tokens")), answer("Sure."))
    assert isinstance((await run(server, max_retries=0))[-1], ModelDone)
    assert not {"max_tokens", "max_completion_tokens"} & set(server.requests[1])


async def test_a_refusal_that_comes_again_without_the_parameter_is_a_failure() -> None:
    server = FakeOpenAI(saying(400, error("no", "temperature")))
    (failed,) = await run(server, TOOLS, temperature=0.3, max_retries=0)
    assert isinstance(failed, WorkerFailed)
    assert (failed.kind, len(server.requests)) == ("rejected", 2)


NOT_A_PARAMETERS_FAULT: list[Any] = [
    error("Invalid 'messages[3].content'.", "messages.[3].content", "invalid_value"),
    error("Invalid schema for function 'book': 'temperature' is wrong.", "tools[0].function"),
    {"detail": [forbidden("body", "messages", 1, "content")]},
    {"error": {"message": "bad", "input": CALLER, "request": "x"}},
    {"error": {"message": "bad", "input": {"message": "'temperature'", "loc": ["temperature"]}}},
    error("This model's maximum context length is 8192 tokens.", "messages"),
    error("The engine temperature of the caller's car streams strict reasoning."),
    error('"gemma" does not support tools'),
    [],
    None,
    "",
    {"error": {"message": {"detail": {"loc": "body.temperature"}}}},
]


@pytest.mark.parametrize("body", NOT_A_PARAMETERS_FAULT)
def test_what_is_quoted_of_the_conversation_refuses_nothing(body: Any) -> None:
    inner = body.get("error", body) if isinstance(body, dict) else body
    param = inner.get("param") if isinstance(inner, dict) else None
    assert refused(param, inner) == ""


def test_nothing_that_is_needed_can_be_refused() -> None:
    request: dict[str, Any] = {name: 1 for name in OPTIONAL if name != "strict"}
    request |= {"messages": [], "model": "m", "tools": []}
    assert set(without(request, OPTIONAL)) == {"messages", "model", "tools"}


GONE: list[tuple[int, Any]] = [
    (404, error("The model `gpt-4o` does not exist or you do not have access to it.", None,
                "model_not_found")),
    (404, error("The model `gpt-4o` has been deprecated, learn more here: https://x", None,
                "model_not_found")),
    (403, error("Project `p` does not have access to model `gpt-4o`", None, "model_not_found")),
    (403, error("You are not allowed: no access to the model.")),
    (400, error("The model `x` has been decommissioned and is no longer supported.", None,
                "model_decommissioned")),
    (404, {"error": {"code": "DeploymentNotFound",
                     "message": "The API deployment for this resource does not exist."}}),
    (404, {"object": "error", "message": "The model `x` does not exist.",
           "type": "NotFoundError", "param": None, "code": 404}),
    (404, {"error": {"message": 'model "llama9" not found, try pulling it first',
                     "type": "api_error", "param": None, "code": None}}),
    (400, {"error": {"message": "acme/x is not a valid model ID", "code": 400}}),
    (404, {"error": {"message": "No endpoints found for acme/x.", "code": 404}}),
    (400, {"error": 'Model "x" not found'}),
    (400, {"error": {"message": "Invalid model name passed in model=gpt-4o", "code": "400"}}),
    (422, {"detail": "Unknown model x"}),
    (410, "Gone"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "body"), GONE)
async def test_a_model_that_is_gone_is_asked_once_and_the_fallback_at_once(
    code: int, body: Any
) -> None:
    primary, fallback = FakeOpenAI(saying(code, body)), FakeOpenAI(answer("Hello."))
    async with talk(primary, fallback) as it:
        with structlog.testing.capture_logs() as logs:
            assert isinstance((await it.ask(TOOLS))[-1], ModelDone)
            assert isinstance((await it.ask(TOOLS))[-1], ModelDone)
        assert [len(primary.requests), len(fallback.requests)] == [1, 2]
        assert it.reports == [("primary", False, "gone")]
    (told,) = [entry for entry in logs if entry["event"] == "model_gone"]
    assert (told["set"], told["model"]) == ("OPENAI_MODEL", primary.settings.model)


async def test_a_model_that_is_gone_without_a_fallback_fails_at_once() -> None:
    server = FakeOpenAI(status(404, "model_not_found"))
    (failed,) = await run(server, max_retries=2)
    assert isinstance(failed, WorkerFailed) and failed.kind == "gone"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (400, error("Invalid 'messages'.", "messages")),
        (403, error("Country, region, or territory not supported", None, "unsupported_country")),
        (401, error("Incorrect API key provided.", None, "invalid_api_key")),
        (503, error("The model is currently overloaded.")),
        (429, error("Rate limit reached for model `gpt-4o`.", None, "rate_limit_exceeded")),
    ],
)
async def test_other_refusals_do_not_say_that_the_model_is_gone(code: int, body: Any) -> None:
    (failed,) = await run(FakeOpenAI(saying(code, body)))
    assert isinstance(failed, WorkerFailed) and failed.kind in ("rejected", "refused")


async def test_a_servers_code_reaches_the_log_only_if_it_is_one() -> None:
    body = error("no", None, "caller said: my number is 815 555 0123")
    (failed,) = await run(FakeOpenAI(saying(400, body)))
    assert isinstance(failed, WorkerFailed) and failed.detail == "status 400"
