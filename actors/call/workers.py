"""A call's three workers, as Ray actors or inline: the one place that knows the difference.

As Ray actors (the default) each has a process of its own: it shows in Ray's dashboard and its
crash is its own. Inline they are objects on the call actor's loop: a quarter of the memory.
Either way the conversation gets the same `Workers`, and the workers emit the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray

from actors.call.llm import LlmActor
from actors.call.stt import SttActor
from actors.call.tts import TtsActor
from actors.runtime.options import COMMON
from config.settings import Settings
from otto.dialogue.context import Workers
from otto.events import Event, Worker

Emit = Callable[[Event], None]


def start(
    worker: Worker, settings: Settings, phrases: Any, call: Any, name: str, **options: Any
) -> Any:
    """Start the actor of a worker; its handle. It still has to be warmed.

    `phrases` refers to the sentences spoken beforehand (text to mu-law). `call` is the handle of
    its call actor, None for a spare. `options` are Ray's, beside the usual ones.
    """
    kinds: dict[Worker, tuple[type[Any], tuple[Any, ...]]] = {
        Worker.STT: (SttActor, (settings.deepgram,)),
        Worker.LLM: (LlmActor, (settings.openai,)),
        Worker.TTS: (TtsActor, (settings.deepgram, settings.call.audio_chunk_ms, phrases)),
    }
    kind, arguments = kinds[worker]
    chosen = ray.remote(kind).options(name=name, max_restarts=0, **COMMON, **options)
    return chosen.remote(call, *arguments)


async def make_inline(settings: Settings, phrases: Any, emit: Emit) -> Workers:
    """The three on this loop. `phrases` as in `start`."""
    # Only here: with Ray workers this process needs none of it.
    from otto.dialogue.model.client import Model
    from otto.speech.listen import Listener
    from otto.speech.speak import Speaker

    model = Model(settings.openai, emit)
    await model.warm()
    recogniser = Listener(settings.deepgram, emit)
    synthesiser = Speaker(settings.deepgram, settings.call.audio_chunk_ms, emit, await phrases)
    return Workers(recogniser, synthesiser, model)


# Their handles, in the shape of `otto.dialogue.ports`


class Remote:
    """Sends numbered commands to an actor without waiting for them, and without a result."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._sent = 0

    def swap(self, actor: Any) -> None:
        """Another actor, one that has been sent nothing yet, is behind this from now on."""
        self._actor, self._sent = actor, 0

    def avoid(self, providers: frozenset[str]) -> None:
        """Which vendors' providers to leave out from now on, like "stt:fallback"."""
        self._send("avoid", providers)

    def _send(self, method: str, *arguments: Any) -> None:
        number, self._sent = self._sent, self._sent + 1
        getattr(self._actor, method).options(num_returns=0).remote(number, *arguments)


class RemoteRecogniser(Remote):
    """The recogniser's actor."""

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None:
        await self._actor.attach.remote(address, token, from_ms)

    async def detach(self) -> None:
        await self._actor.detach.remote()


class RemoteSynthesiser(Remote):
    """The voice's actor."""

    async def attach(self, address: str, token: str) -> None:
        await self._actor.attach.remote(address, token)

    async def detach(self) -> None:
        await self._actor.detach.remote()

    def say(self, generation: int, index: int, text: str) -> None:
        self._send("say", generation, index, text)

    def finish(self, generation: int) -> None:
        self._send("finish", generation)

    def cancel(self, generation: int) -> None:
        self._send("cancel", generation)


class RemoteLanguageModel(Remote):
    """The model's actor. `owes` is told whether it has an answer to give from now on."""

    def __init__(self, actor: Any, owes: Callable[[bool], None]) -> None:
        super().__init__(actor)
        self._owes = owes

    def generate(
        self, generation: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        self._owes(True)
        self._send("generate", generation, messages, tools)

    def cancel(self, generation: int) -> None:
        self._owes(False)
        self._send("cancel", generation)
