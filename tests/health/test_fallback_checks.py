"""`otto check` finds a fallback that does not work before an outage does."""

from __future__ import annotations

from pydantic import SecretStr

from cluster.vendor_checks import _fallbacks, _run
from config.settings import DeepgramSettings, OpenAISettings, Settings
from sandbox.app import serve
from sandbox.world import Options, World


async def test_fallbacks_are_tried_when_they_are_set() -> None:
    world = World(Options(speech="known", model_first_token_ms=0, model_token_ms=0))
    async with serve(world) as http:
        key = SecretStr(world.api_key)
        socket = http.replace("http", "ws")
        settings = Settings(
            deepgram=DeepgramSettings(
                url=f"{socket}/deepgram", fallback_url=f"{socket}/deepgram-b", fallback_api_key=key
            ),
            openai=OpenAISettings(
                base_url=f"{http}/openai/v1", api_key=key, fallback_base_url=f"{http}/openai-b/v1"
            ),
        )
        world.faults.add("deepgram.speak.fallback", "fail", status=402)
        results = [await _run(what, check, of, 10.0) for what, check, of in _fallbacks(settings)]
    assert [(result.what, result.is_ok) for result in results] == [
        ("Deepgram listen, fallback", True),
        ("Deepgram speak, fallback", False),
        ("Model, fallback", True),
    ]


def test_without_fallbacks_there_is_nothing_to_check() -> None:
    assert _fallbacks(Settings(deepgram=DeepgramSettings(), openai=OpenAISettings())) == []
