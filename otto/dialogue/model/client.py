"""The language model: chat completions, streamed, over OpenAI's SDK.

    generate ──► stream of deltas ──► SayableText ──► SentenceSplitter ──► Sentence … ──► ModelDone
                        └── tool call fragments ──► ToolCalls ──────────────────────────────┘

The SDK's own retries are off: it would wait up to 600 s and does not retry a broken stream. Here
one deadline covers everything up to the first token, retries and the fallback included, because
that is what the caller waits for; another bounds the gap between tokens. A stream that breaks
after something was said is gone on with (see `attempt`). The SDK's import takes 1.2
CPU-seconds and 50 MB, so it happens in `warm` (in a thread), not when this module is imported.

The request goes through the SDK's `post`, and chunks come as plain dicts: `chat.completions.create`
looks through every message and tool against its types first, and makes models of every chunk.
With a call's history that is 26 ms before the request is sent and 260 us a token, against 2 ms
and 25 us (measured), all of it on the way to the caller's answer.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog

from config.settings import OpenAISettings
from otto.dialogue.model.attempt import Answer, Failure, Spoken, continuation
from otto.events import Event, Worker, WorkerFailed
from otto.health.breaker import FALLBACK, PRIMARY, provider_names
from otto.health.providers import Providers, Round

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, AsyncStream

log = structlog.get_logger()

RETRY_DELAY_S: Final = 0.2
SHARE: Final = 0.5
"""Of the time left for the first token: what one provider gets while another could be asked."""
KEEP_ALIVE_S: Final = 300.0
"""The SDK's client drops a connection after 5 s idle; a caller thinks and talks longer than
that, and every turn would pay for a new TLS handshake."""
MAX_CONNECTIONS: Final = 4
OPTIONAL: Final = (
    "parallel_tool_calls",
    "stream_options",
    "temperature",
    "reasoning_effort",
    "max_completion_tokens",
    "strict",
)
"""Parameters that an answer can do without. Some models refuse a request for each of them."""
_LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "::1"))


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
        """Parameters that a model does not take, by model."""

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
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    def _ready(self, provider: str) -> AsyncOpenAI:
        if provider not in self._clients:
            self._clients[provider] = _make_client(self._of_provider[provider])
        return self._clients[provider]

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
            if name == last:
                await asyncio.sleep(RETRY_DELAY_S)
            last = name
            answer = Answer(round_id, asked_at, emit, spoken, offered)
            try:
                messages = continuation(request["messages"], spoken.pieces)
                until = self._share_of(deadline) if attempts.has_other(name) else deadline
                await self._ask_accepted(answer, name, request | {"messages": messages}, until)
                answer.finish(loop.time())
            except Failure as error:
                failure = error
                log.info("model_attempt_failed", at=name, kind=error.kind, detail=error.detail)
                if error.is_vendors:
                    self._providers.failed(name, error.kind, loop.time())
                if not error.other:
                    break
                if not error.retry or (error.kind == "timeout" and attempts.has_other(name)):
                    attempts.spent(name)
                if answer.has_begun:
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
    ) -> None:
        """One attempt, without the parameters that this model has refused. One that it refuses now
        is left out from now on, and the request sent again. Raises `Failure`."""
        model = self._of_provider[name].model
        refused = self._refused.setdefault(model, set())
        while True:
            try:
                accepted = without(request, refused) | {"model": model}
                return await self._attempt(answer, self._ready(name), accepted, deadline)
            except Failure as failure:
                if not failure.parameter or failure.parameter in refused:
                    raise
                log.warning("model_parameter_refused", at=name, parameter=failure.parameter)
                refused.add(failure.parameter)

    def _share_of(self, deadline: float) -> float:
        now = asyncio.get_running_loop().time()
        return now + (deadline - now) * SHARE

    async def _attempt(
        self, answer: Answer, client: AsyncOpenAI, request: dict[str, Any], deadline: float
    ) -> None:
        """One request, to the end of its stream. Raises `Failure`."""
        loop = asyncio.get_running_loop()
        between_s = self._settings.between_tokens_timeout_s
        try:
            async with asyncio.timeout_at(deadline) as timeout:
                stream = await _ask(client, request)
                async with stream:
                    async for chunk in stream:
                        answer.take(chunk, loop.time())
                        if answer.has_begun:
                            timeout.reschedule(loop.time() + between_s)
        except TimeoutError:
            when = "between tokens" if answer.has_begun else "before the first token"
            raise Failure("timeout", when, retry=True) from None
        except Failure:
            raise
        except Exception as error:
            failure = _classify(error)
            if failure is None:
                raise
            raise failure from None


async def _ask(client: AsyncOpenAI, request: dict[str, Any]) -> AsyncStream[object]:
    """Send a request for a streamed chat completion. Raises whatever the SDK raises."""
    import openai

    return await client.post(
        "/chat/completions",
        body=request,
        options={"security": {"bearer_auth": True}},
        cast_to=object,
        stream=True,
        stream_cls=openai.AsyncStream[object],
    )


def _classify(error: Exception) -> Failure | None:
    """How an exception of the SDK, or of the HTTP client below it, is reported.

    The detail names statuses and codes, never the message: it may quote the conversation.
    """
    import httpx2
    import openai

    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return Failure("timeout", type(error).__name__, retry=True)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return Failure("dropped", type(error).__name__, retry=True)
    if isinstance(error, openai.APIStatusError):
        status, code = error.status_code, error.code or ""
        detail = f"status {status} {code}".strip()
        if code == "insufficient_quota" or error.type == "insufficient_quota" or status == 402:
            return Failure("quota", detail)
        if status in (408, 409, 429) or status >= 500:
            return Failure("refused", detail, retry=True)
        if status in (400, 422) and (parameter := _refused_parameter(error)):
            return Failure("rejected", detail, is_vendors=False, parameter=parameter)
        # A request that is bad, or too long, says nothing about who refuses it.
        is_vendors = status not in (400, 413, 422)
        kind = "refused" if status in (401, 403) else "rejected"
        return Failure(kind, detail, is_vendors=is_vendors)
    if isinstance(error, openai.APIError):  # an error event in the middle of the stream
        return Failure("dropped", f"{type(error).__name__} {error.code or ''}".strip(), retry=True)
    if isinstance(error, openai.OpenAIError | ValueError):
        return Failure("protocol", type(error).__name__, retry=True)
    return None


def _refused_parameter(error: APIStatusError) -> str:
    """Which of the parameters that can be left out a server does not take; "" when none."""
    name = (error.param or "").rpartition(".")[2]
    if name in OPTIONAL:
        return name
    told = str(error.body) if error.param is None else ""
    return next((each for each in OPTIONAL if each in told), "")


def without(request: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """The request without these parameters; "strict" stands in each tool's function."""
    found = {name: value for name, value in request.items() if name not in refused}
    if "strict" in refused and "tools" in found:
        found["tools"] = [
            tool | {"function": {k: v for k, v in tool["function"].items() if k != "strict"}}
            for tool in found["tools"]
        ]
    return found


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all clients of the process: each would otherwise read the certificates again."""
    return ssl.create_default_context()


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
        stream = await _ask(client, {"model": settings.model, "messages": messages, "stream": True})
        taken = Answer(0, 0.0, lambda event: None)
        async for chunk in stream:
            taken.take(chunk, 0.0)
        taken.finish(0.0)


def _make_client(settings: OpenAISettings) -> AsyncOpenAI:
    import httpx2
    import openai

    address = urlsplit(settings.base_url)
    return openai.AsyncOpenAI(
        api_key=settings.api_key.get_secret_value() or "none",
        base_url=settings.base_url,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=httpx2.Timeout(
                settings.first_token_timeout_s + settings.between_tokens_timeout_s,
                connect=settings.connect_timeout_s,
            ),
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S),
            verify=_tls() if address.scheme == "https" else False,
            trust_env=address.hostname not in _LOOPBACK,
        ),
    )
