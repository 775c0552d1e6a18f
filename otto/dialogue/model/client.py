"""The language model: chat completions, streamed, over OpenAI's SDK.

    generate ──► stream of deltas ──► SayableText ──► SentenceSplitter ──► Sentence … ──► ModelDone
                        └── tool call fragments ──► ToolCalls ──────────────────────────────┘

The SDK's own retries are off: it would wait up to 600 s and does not retry a broken stream. Here
one deadline covers everything up to the first token, retries and the fallback included, because
that is what the caller waits for; another bounds the gap between tokens. A stream that breaks
after something was said is gone on with (see `attempt`). The SDK's import takes 1.2
CPU-seconds and 50 MB, so it happens in `warm` (in a thread), not when this module is imported.

That deadline is split: a first request that hangs has half of it, so that a second one is possible
in the other half, at the fallback or at the same provider, and on a new connection. One that was
kept open while the caller talked may be dead without anybody having said so (a router that forgot
it); then nothing comes back, and nothing would on the others kept with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from config.settings import OpenAISettings
from otto.dialogue.model import parameters, refusals
from otto.dialogue.model.attempt import Answer, Spoken, continuation
from otto.dialogue.model.connection import make_client
from otto.dialogue.model.failure import Failure
from otto.dialogue.model.stream import ask
from otto.events import Event, Worker, WorkerFailed
from otto.health.breaker import FALLBACK, PRIMARY, provider_names
from otto.health.providers import Providers, Round

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = structlog.get_logger()

RETRY_DELAY_S: Final = 0.2
SHARE: Final = 0.5
"""Of the time left for the first token: what an attempt gets while another one is to be had."""
TAIL_S: Final = 0.3
"""How long what may follow the end of an answer (its usage) is waited for."""
_SET: Final = {PRIMARY: "OPENAI_MODEL", FALLBACK: "OPENAI_FALLBACK_MODEL"}
"""What to set when a provider's model is gone."""


class Model:
    """One call's language model; holds a client with its warm connection for each provider.

    `emit` gets `Sentence`s as they become whole, then exactly one `ModelDone` or `WorkerFailed`
    of the round, unless it is cancelled; and `VendorReport`s at any time. No sentence is
    emitted twice, however many attempts it took. Sentences already emitted stay valid when
    `WorkerFailed` follows; their text was then cut off.
    """

    def __init__(self, settings: OpenAISettings, emit: Callable[[Event], None]) -> None:
        self._settings = settings
        self._of_provider = {PRIMARY: settings, FALLBACK: settings.as_fallback()}
        self._emit = emit
        self._providers = Providers(Worker.LLM, provider_names(settings.has_fallback), emit)
        self._clients: dict[str, AsyncOpenAI] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """The answers that are wanted, by round; an answer that is not here is silent."""
        self._ending: set[asyncio.Task[None]] = set()
        self._refused: dict[str, set[str]] = {}
        """Parameters that a provider's model does not take."""
        self._retired: list[AsyncOpenAI] = []
        """Clients whose connections are no longer trusted, until no answer is read from them."""

    def generate(
        self, round_id: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        """Begin an answer. `messages` and `tools` are as the chat completions API wants them."""
        request: dict[str, Any] = {
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        optional = {
            "temperature": self._settings.temperature,
            "reasoning_effort": self._settings.reasoning_effort,
            "max_completion_tokens": self._settings.max_completion_tokens,
        }
        # What is unset is not sent: models refuse parameters they do not know.
        request |= {name: value for name, value in optional.items() if value is not None}
        if tools:
            request |= {"tools": tools, "parallel_tool_calls": False}
        self._end(round_id)  # asked twice: only the newer answer counts
        self._tasks[round_id] = asyncio.create_task(self._answer(round_id, request), name="model")

    def cancel(self, round_id: int) -> None:
        """End this and older rounds: nothing of theirs is emitted after this returns."""
        for number in [number for number in self._tasks if number <= round_id]:
            self._end(number)

    def avoid(self, providers: frozenset[str]) -> None:
        """The switchboard's word on which providers to skip, from the next answer on."""
        self._providers.avoid(providers)

    def left_out(self) -> frozenset[str]:
        """The parameters that some provider's model has refused so far."""
        return frozenset().union(*self._refused.values())

    def _end(self, round_id: int) -> None:
        if (task := self._tasks.pop(round_id, None)) is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def warm(self) -> None:
        """Import the SDK, make the client, open a connection. A server that is away is no error
        here: the first `generate` will say so."""
        await asyncio.to_thread(__import__, "openai")
        await _rehearse(self._settings)
        client = self._ready(PRIMARY)
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await client._client.head(self._settings.base_url)
        except Exception as error:
            log.warning("model_warm_up_failed", error=type(error).__name__)

    async def close(self) -> None:
        """End everything and close the connections."""
        self.cancel(max(self._tasks, default=-1))
        await asyncio.gather(*self._ending, return_exceptions=True)
        self._renew()
        await self._close_retired()

    def _ready(self, provider: str) -> AsyncOpenAI:
        if provider not in self._clients:
            self._clients[provider] = make_client(self._of_provider[provider])
        return self._clients[provider]

    def _renew(self) -> None:
        """Use no connection again that is open now."""
        self._retired += self._clients.values()
        self._clients = {}

    async def _close_retired(self) -> None:
        retired, self._retired = self._retired, []
        for client in retired:
            await client.close()

    async def _answer(self, round_id: int, request: dict[str, Any]) -> None:
        task = asyncio.current_task()

        def emit(event: Event) -> None:
            if self._tasks.get(round_id) is task:
                self._emit(event)

        try:
            failure = await self._try_all(round_id, request, emit)
            if failure is not None:
                log.warning("model_failed", kind=failure.kind, detail=failure.detail)
                emit(WorkerFailed(Worker.LLM, failure.kind, failure.detail, round_id=round_id))
        finally:
            if self._tasks.get(round_id) is task:
                del self._tasks[round_id]
            if not self._tasks:
                await self._close_retired()

    async def _try_all(
        self, round_id: int, request: dict[str, Any], emit: Callable[[Event], None]
    ) -> Failure | None:
        """Attempt after attempt, until one comes to its end; the last failure if none does."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        deadline = asked_at + self._settings.first_token_timeout_s
        attempts = Round(self._providers, asked_at, 1 + self._settings.max_retries, None)
        spoken = Spoken()
        offered = frozenset(tool["function"]["name"] for tool in request.get("tools", ()))
        failure = Failure("refused", "no provider")
        last = ""
        while (name := attempts.next()) is not None:
            if name == last and failure.kind != "timeout":
                await asyncio.sleep(RETRY_DELAY_S)
            last = name
            answer = Answer(round_id, asked_at, emit, spoken, offered)
            said = len(spoken.pieces)
            try:
                messages = continuation(request["messages"], spoken.pieces)
                until = self._share_of(deadline) if attempts.is_shared(name) else deadline
                whole = await self._ask_accepted(
                    answer, name, request | {"messages": messages}, until
                )
                answer.finish(loop.time(), is_whole=whole)
            except Failure as error:
                failure = error
                log.info("model_attempt_failed", at=name, kind=error.kind, detail=error.detail)
                if error.kind == "gone":
                    log.error("model_gone", model=self._of_provider[name].model, set=_SET[name])
                if error.is_vendors:
                    self._providers.failed(name, error.kind, loop.time())
                if not error.other:
                    break
                if error.kind in ("timeout", "dropped"):
                    self._renew()
                if not error.retry:
                    attempts.spent(name)
                elif error.kind == "timeout":
                    attempts.postpone(name)
                if len(spoken.pieces) > said:
                    # What comes now is waited for anew: the caller has had something to hear.
                    deadline = loop.time() + self._settings.first_token_timeout_s
                elif loop.time() >= deadline:
                    break
            else:
                self._providers.succeeded(name)
                return None
        return failure

    async def _ask_accepted(
        self, answer: Answer, name: str, request: dict[str, Any], deadline: float
    ) -> bool:
        """One attempt, without the parameters that this model has refused. One that it refuses now
        is left out from now on, and the request sent again. Whether the stream was ended by the
        server; raises `Failure`."""
        model = self._of_provider[name].model
        refused = self._refused.setdefault(name, set())
        while True:
            accepted = parameters.without(request, refused) | {"model": model}
            try:
                return await self._attempt(answer, self._ready(name), accepted, deadline)
            except Failure as failure:
                left_out = parameters.to_leave_out(accepted, failure.parameter)
                if not left_out:
                    raise
                log.warning("model_parameter_refused", at=name, parameter=failure.parameter)
                refused |= left_out

    def _share_of(self, deadline: float) -> float:
        now = asyncio.get_running_loop().time()
        return now + (deadline - now) * SHARE

    async def _attempt(
        self, answer: Answer, client: AsyncOpenAI, request: dict[str, Any], deadline: float
    ) -> bool:
        """One request, to the end of its stream: whether the server ended it. Raises `Failure`."""
        loop = asyncio.get_running_loop()
        between_s = self._settings.between_tokens_timeout_s
        stream = None
        try:
            async with asyncio.timeout_at(deadline) as timeout:
                stream = await ask(client, request)
                async with stream:
                    async for chunk in stream:
                        answer.take(chunk, loop.time())
                        if answer.has_begun:
                            left_s = TAIL_S if answer.has_ended else between_s
                            timeout.reschedule(loop.time() + left_s)
        except Exception as error:
            if answer.has_ended:
                return True  # all of it is here: what broke off came behind its end
            if isinstance(error, TimeoutError):
                when = "between tokens" if answer.has_begun else "before the first token"
                raise Failure("timeout", when, retry=True) from None
            raise refusals.classify(error) from None
        return stream.is_whole


_REHEARSAL: Final = (
    b'data: {"id":"r","object":"chat.completion.chunk","created":0,"model":"r",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":"Yes.","tool_calls":[{"index":0,"id":"c","type":'
    b'"function","function":{"name":"n","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}\n\n'
    b"data: [DONE]\n\n"
)


async def _rehearse(settings: OpenAISettings) -> None:
    """Take one canned answer through the SDK, without a network.

    The SDK imports its resources and builds its models at the first request: 0.2 s of CPU that
    the first caller would wait for.
    """
    import httpx2
    import openai

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=_REHEARSAL)

    async with openai.AsyncOpenAI(
        api_key="none",
        base_url="http://rehearsal.invalid",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    ) as client:
        messages = [{"role": "user", "content": "?"}]
        stream = await ask(client, {"model": settings.model, "messages": messages, "stream": True})
        taken = Answer(0, 0.0, lambda event: None)
        async for chunk in stream:
            taken.take(chunk, 0.0)
        taken.finish(0.0)
