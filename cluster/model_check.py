"""`otto check`'s try of the language model: one answer, asked for as calls ask for theirs.

The request is the product's own, with a tool and every parameter that is set, over the product's
own client: what a model refuses there is left out there, and said here.
"""

from __future__ import annotations

import asyncio
from typing import Final

import openai

from cluster.errors import Failed
from config.settings import OpenAISettings, Settings
from otto.dialogue.model.client import Model
from otto.dialogue.model.connection import make_client
from otto.events import Event, ModelDone, WorkerFailed

MAX_LISTED: Final = 8
_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "end_call",
        "description": "End the call.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        },
    },
}
_NOT_FOR_CALLS: Final = (
    "embed", "whisper", "tts", "audio", "image", "dall-e", "moderation", "realtime", "transcribe",
    "sora", "search", "rerank", "guard", "instruct", "codex",
)  # fmt: skip
"""What models are named that do not hold conversations over this API."""


async def check_model(settings: Settings) -> str:
    """Try the model. Raises `Failed`."""
    return await _check(settings.openai, "OPENAI_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY")


async def check_fallback_model(settings: Settings) -> str:
    """Try the model that is there when the first one is not. Raises `Failed`."""
    return await _check(
        settings.openai,
        "OPENAI_FALLBACK_MODEL",
        "OPENAI_FALLBACK_BASE_URL",
        "OPENAI_FALLBACK_API_KEY",
    )


async def _check(wanted: OpenAISettings, model: str, base_url: str, api_key: str) -> str:
    alone = wanted.model_copy(update={"fallback_model": "", "fallback_base_url": ""})
    ended, left_out = await _answer(alone)
    if isinstance(ended, WorkerFailed):
        remedies = {
            "quota": "add credit",
            "dropped": f"check {base_url} and the network",
            "timeout": f"it is too slow for a call: choose another {model}, or check the network",
            "protocol": f"choose another {model}: one that answers, and can call tools",
        }
        found = f"{ended.kind}: {ended.detail}"
        if ended.kind == "gone":
            found = f"{wanted.model} is gone from this server, or not for this key"
            raise Failed(found, f"set {model} {await _instead(wanted, base_url)}")
        if "401" in ended.detail or "403" in ended.detail:
            raise Failed(f"the key was refused ({ended.detail})", f"check {api_key}")
        if "429" in ended.detail and ended.kind == "refused":
            raise Failed(found, "ask for a higher limit")
        remedy = remedies.get(ended.kind, f"check {model} and its parameters: can it call tools?")
        raise Failed(found, remedy)
    without = f", without {', '.join(sorted(left_out))}" if left_out else ""
    return f"{wanted.model} answers{without}"


async def _answer(settings: OpenAISettings) -> tuple[ModelDone | WorkerFailed, frozenset[str]]:
    """How one answer ended, and the parameters that it had to do without."""
    ended: asyncio.Future[ModelDone | WorkerFailed] = asyncio.get_running_loop().create_future()

    def emit(event: Event) -> None:
        if isinstance(event, ModelDone | WorkerFailed) and not ended.done():
            ended.set_result(event)

    client = Model(settings, emit)
    try:
        client.generate(1, [{"role": "user", "content": "Say yes."}], [_TOOL])
        return await ended, client.left_out()
    finally:
        await client.close()


async def _instead(settings: OpenAISettings, base_url: str) -> str:
    """What to set: models that the server lists."""
    client = make_client(settings)
    try:
        listed = [model async for model in client.models.list()]
    except openai.OpenAIError:
        return f"to a model of this server, and check {base_url}"
    finally:
        await client.close()
    fit = [model for model in listed if not any(word in model.id for word in _NOT_FOR_CALLS)]
    fit.sort(key=lambda model: getattr(model, "created", None) or 0, reverse=True)
    names = [model.id for model in fit if model.id != settings.model][:MAX_LISTED]
    return f"to one of its models: {', '.join(names)}" if names else f"and check {base_url}"
