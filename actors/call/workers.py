"""A call's three workers, as Ray actors or inline: the one place that knows the difference.

As Ray actors (the default) each has a process of its own: it shows in Ray's dashboard and its
crash is its own. Inline they are objects on the call actor's loop: a quarter of the memory.
Either way the conversation gets the same `Workers`, and the workers emit the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import ray

from actors.call.llm import LlmActor
from actors.call.messages import Avoid, Cancel, CancelRound, Finish, Generate, Say, UseLanguage
from actors.call.stream import StreamServer
from actors.call.stt import SttActor
from actors.call.tts import TtsActor
from actors.call.worker_actor import WorkerActor
from actors.runtime.handle import Handle, value_of
from actors.runtime.handle import start as start_actor
from config.settings import Settings
from otto.dialogue.context import Workers
from otto.events import Event, Worker
from otto.language.languages import Language

Emit = Callable[[Event], None]
Spoken = dict[str, bytes]
"""Sentences spoken beforehand, to mu-law."""


def start(
    worker: Worker, settings: Settings, phrases: ray.ObjectRef[Spoken], name: str, **options: Any
) -> Handle[WorkerActor]:
    """Start the actor of a worker; its handle. It still has to be warmed.

    `phrases` refers to the sentences spoken beforehand (text to mu-law). `options` are Ray's,
    beside the usual ones.
    """
    options |= {"name": name, "max_restarts": 0}
    level = settings.log_level
    match worker:
        case Worker.STT:
            return start_actor(SttActor, options, level, settings.deepgram, settings.link)
        case Worker.LLM:
            return start_actor(LlmActor, options, level, settings.openai)
        case Worker.TTS:
            spoken, chunk_ms = value_of(phrases), settings.call.audio_chunk_ms
            return start_actor(
                TtsActor, options, level, settings.deepgram, settings.link, chunk_ms, spoken
            )


async def make_inline(settings: Settings, phrases: Any, emit: Emit) -> Workers:
    """The three on this loop. `phrases` as in `start`."""
    # Only here: with Ray workers this process needs none of it.
    from otto.dialogue.model.client import Model
    from otto.media_link.tls import link_tls
    from otto.speech.listen import Listener
    from otto.speech.speak import Speaker

    model = Model(settings.openai, emit)
    await model.warm()
    tls, chunk_ms = link_tls(settings.link), settings.call.audio_chunk_ms
    recogniser = Listener(settings.deepgram, emit, tls)
    synthesiser = Speaker(settings.deepgram, chunk_ms, emit, await phrases, tls)
    return Workers(recogniser, synthesiser, model)


# Those that are actors, in the shape of `otto.dialogue.ports`


class Remote:
    """A worker behind its actor and its stream. Commands are not waited for."""

    def __init__(self, worker: Worker, actor: Handle[WorkerActor], streams: StreamServer) -> None:
        self.actor = actor
        """Another one when it was replaced."""
        self._send = partial(streams.send, worker)

    def avoid(self, providers: frozenset[str]) -> None:
        """Which vendors' providers to leave out from now on, like "stt:fallback"."""
        self._send(Avoid(providers))


class RemoteSpeech(Remote):
    """A worker that hears or speaks."""

    language = Language.ENGLISH
    """That of the call."""

    def use_language(self, language: Language) -> None:
        """Hear or speak this language from now on, until the call ends."""
        self.language = language
        self._send(UseLanguage(language))


class RemoteRecogniser(RemoteSpeech):
    """The recogniser's actor."""

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None:
        actor = cast("Handle[SttActor]", self.actor)
        await actor.ask(SttActor.attach, address, token, from_ms)

    async def detach(self) -> None:
        self.language = Language.ENGLISH
        await cast("Handle[SttActor]", self.actor).ask(SttActor.detach)


class RemoteSynthesiser(RemoteSpeech):
    """The synthesiser's actor."""

    async def attach(self, address: str, token: str) -> None:
        await cast("Handle[TtsActor]", self.actor).ask(TtsActor.attach, address, token)

    async def detach(self) -> None:
        self.language = Language.ENGLISH
        await cast("Handle[TtsActor]", self.actor).ask(TtsActor.detach)

    def say(self, generation: int, index: int, text: str) -> None:
        self._send(Say(generation, index, text))

    def finish(self, generation: int) -> None:
        self._send(Finish(generation))

    def cancel(self, generation: int) -> None:
        self._send(Cancel(generation))


class RemoteLanguageModel(Remote):
    """The language model's actor."""

    def generate(
        self, round_id: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        self._send(Generate(round_id, messages, tools))

    def cancel(self, round_id: int) -> None:
        self._send(CancelRound(round_id))
