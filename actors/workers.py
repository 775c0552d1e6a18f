"""A call's three workers, as Ray actors or inline: the one place that knows the difference.

As Ray actors (the default) each has a process of its own: it shows in Ray's dashboard and its
crash is its own. Inline they are objects on the call actor's loop: a quarter of the memory.
Either way the conversation gets the same `Workers`, and the workers emit the same events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ray

from actors import names
from actors.llm import LlmActor
from actors.stt import SttActor
from actors.tts import TtsActor
from config.settings import Settings
from otto.dialogue.conversation import Workers
from otto.dialogue.model import Model
from otto.speech.events import Event, Worker
from otto.speech.listen import Listener
from otto.speech.speak import Speaker

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Crew:
    """The three workers of one call actor. They end with its process, whichever way they run."""

    workers: Workers
    actors: Mapping[Worker, Any]
    """The Ray actors by worker; empty when they run inline."""


async def spawn(settings: Settings, phrases: Any, call: Any, name: str, emit: Emit) -> Crew:
    """Start the workers of the call actor `name` and wait until each is warm.

    `phrases` refers to the sentences spoken beforehand (text to mu-law). `call` is that actor's
    own handle: Ray workers send it their events. Inline ones call `emit`.
    """
    if settings.pool.sub_actors == "inline":
        model = Model(settings.openai, emit)
        await model.warm()
        ear = Listener(settings.deepgram, emit)
        mouth = Speaker(settings.deepgram, settings.call.audio_chunk_ms, emit, await phrases)
        return Crew(Workers(ear, mouth, model), {})

    kinds: dict[Worker, tuple[type[Any], tuple[Any, ...]]] = {
        Worker.STT: (SttActor, (settings.deepgram,)),
        Worker.LLM: (LlmActor, (settings.openai,)),
        Worker.TTS: (TtsActor, (settings.deepgram, settings.call.audio_chunk_ms, phrases)),
    }
    actors = {
        worker: ray.remote(kind)
        .options(
            name=f"{name}.{worker.value}",
            namespace=names.NAMESPACE,
            num_cpus=0,
            max_restarts=0,
        )
        .remote(call, *arguments)
        for worker, (kind, arguments) in kinds.items()
    }
    await asyncio.gather(*(actor.warm.remote() for actor in actors.values()))
    workers = Workers(
        RemoteEar(actors[Worker.STT]),
        RemoteMouth(actors[Worker.TTS]),
        RemoteMind(actors[Worker.LLM]),
    )
    return Crew(workers, actors)


async def watch(actor: Any, worker: Worker, died: Callable[[Worker], None]) -> None:
    """Wait for a worker's actor to die, and say so."""
    try:
        await actor.stay.remote()
    except ray.exceptions.RayActorError:
        died(worker)


# Their handles, in the shape of `otto.dialogue.ports`


class _Remote:
    """Sends numbered commands to an actor without waiting for them, and without a result."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._sent = 0

    def _send(self, method: str, *arguments: Any) -> None:
        number, self._sent = self._sent, self._sent + 1
        getattr(self._actor, method).options(num_returns=0).remote(number, *arguments)


class RemoteEar(_Remote):
    async def attach(self, address: str, token: str) -> None:
        await self._actor.attach.remote(address, token)

    async def detach(self) -> None:
        await self._actor.detach.remote()


class RemoteMouth(RemoteEar):
    def say(self, generation: int, index: int, text: str) -> None:
        self._send("say", generation, index, text)

    def finish(self, generation: int) -> None:
        self._send("finish", generation)

    def cancel(self, generation: int) -> None:
        self._send("cancel", generation)


class RemoteMind(_Remote):
    def generate(
        self, generation: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        self._send("generate", generation, messages, tools)

    def cancel(self, generation: int) -> None:
        self._send("cancel", generation)
