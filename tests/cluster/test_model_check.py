"""`otto check` says what to set when the configured model cannot serve."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cluster.errors import Failed
from cluster.model_check import check_fallback_model, check_model
from config.settings import OpenAISettings, Settings
from sandbox.app import serve
from sandbox.world import Options, World
from tests.model.test_model import FakeOpenAI, call_part, chunk, status, stream, text
from tests.model.test_refusals import error, saying

STOP = chunk({}, "stop")


def settings(**openai: Any) -> Settings:
    values = {"api_key": SecretStr("k"), "first_token_timeout_s": 2.0, "max_retries": 0}
    return Settings(openai=OpenAISettings(**(values | openai)))


async def told(server: FakeOpenAI, **openai: Any) -> str:
    async with server.serving():
        return await check_model(settings(base_url=server.settings.base_url, **openai))


async def test_a_model_that_answers_is_tried_as_calls_use_it() -> None:
    server = FakeOpenAI(stream(*text("Yes."), STOP))
    assert await told(server, model="good", temperature=0.3) == "good answers"
    (request,) = server.requests
    assert request["temperature"] == 0.3
    assert request["tools"] and request["stream"] is True


async def test_what_a_model_refuses_is_named() -> None:
    refusing = [saying(400, error("no", each)) for each in ("parallel_tool_calls", "temperature")]
    server = FakeOpenAI(*refusing, stream(*text("Yes."), STOP))
    said = await told(server, model="o4-mini", temperature=0.3)
    assert said == "o4-mini answers, without parallel_tool_calls, temperature"


async def test_a_tool_call_is_an_answer_too() -> None:
    call = call_part(0, "{}", id="a", name="end_call")
    assert await told(FakeOpenAI(stream(call, chunk({}, "tool_calls")))) == "gpt-4o answers"


@pytest.mark.parametrize(
    ("reply", "found", "remedy"),
    [
        (status(401, "invalid_api_key"), "the key was refused", "check OPENAI_API_KEY"),
        (status(429, "insufficient_quota"), "quota", "add credit"),
        (status(429, "rate_limit_exceeded"), "refused", "ask for a higher limit"),
        (saying(400, error("x does not support tools")), "rejected", "can it call tools"),
        (stream(*text(), STOP), "empty answer", "choose another OPENAI_MODEL"),
        (stream(then="hang"), "timeout", "choose another OPENAI_MODEL"),
    ],
)
async def test_what_is_wrong_comes_with_what_to_do(reply: Any, found: str, remedy: str) -> None:
    with pytest.raises(Failed, match=found) as caught:
        await told(FakeOpenAI(reply), first_token_timeout_s=0.5)
    assert remedy in caught.value.remedy


async def _serving(models: Any, run: Any) -> Any:
    """A server that has these models, and not the one that is wanted."""
    import asyncio

    import uvicorn

    async def gone(request: Any) -> Response:
        return JSONResponse(error("The model `gpt-4o` does not exist", None, "model_not_found"),
                            status_code=404)  # fmt: skip

    async def listed(request: Any) -> Response:
        return models if isinstance(models, Response) else JSONResponse(
            {"object": "list", "data": models})  # fmt: skip

    app = Starlette(routes=[Route("/v1/chat/completions", gone, methods=["POST"]),
                            Route("/v1/models", listed)])  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        return await run(f"http://127.0.0.1:{port}/v1")
    finally:
        server.should_exit = True
        await task


def listed(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "object": "model", "created": n} for n, name in enumerate(names)]


@pytest.mark.parametrize(
    ("models", "remedy"),
    [
        (listed("gpt-4o", "older", "tts-1", "text-embedding-3", "newer"),
         "set OPENAI_MODEL to one of its models: newer, older"),
        ([], "set OPENAI_MODEL and check OPENAI_BASE_URL"),
        (Response(status_code=404),
         "set OPENAI_MODEL to a model of this server, and check OPENAI_BASE_URL"),
    ],
)  # fmt: skip
async def test_a_model_that_is_gone_comes_with_those_that_are_there(
    models: Any, remedy: str
) -> None:
    with pytest.raises(Failed, match="gpt-4o is gone") as caught:
        await _serving(models, lambda url: check_model(settings(base_url=url)))
    assert caught.value.remedy == remedy


async def test_a_fallback_that_is_gone_names_its_own_setting() -> None:
    async def check(url: str) -> str:
        return await check_fallback_model(settings(base_url=url, fallback_model="gpt-4o"))

    with pytest.raises(Failed) as caught:
        await _serving(listed("newer"), check)
    assert caught.value.remedy.startswith("set OPENAI_FALLBACK_MODEL to one of its models: newer")


async def test_the_sandboxs_model_passes() -> None:
    world = World(Options(speech="known", model_first_token_ms=0, model_token_ms=0))
    async with serve(world) as http:
        given = settings(base_url=f"{http}/openai/v1", api_key=SecretStr(world.api_key))
        assert await check_model(given) == "gpt-4o answers"
