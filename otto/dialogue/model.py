"""The language model: chat completions, streamed, over OpenAI's SDK.

    generate ──► stream of deltas ──► SentenceSplitter ──► Sentence, Sentence, …  ──► ModelDone
                        └── tool call fragments, joined by index ────────────────────────┘

The SDK's own retries are off: it would wait up to 600 s and does not retry a broken stream. Here
one deadline covers everything up to the first token, retries included, because that is what the
caller waits for; another bounds the gap between tokens. Its import takes 1.2 CPU-seconds and
50 MB, so it happens in `warm` (in a thread), not when this module is imported.

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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog

from config.settings import OpenAISettings
from otto.dialogue.sentences import SentenceSplitter
from otto.speech.events import Event, ModelDone, Sentence, ToolCall, Worker, WorkerFailed

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

log = structlog.get_logger()

RETRY_DELAY_S: Final = 0.2
KEEP_ALIVE_S: Final = 300.0
"""The SDK's client drops a connection after 5 s idle; a caller thinks and talks longer than
that, and every turn would pay for a new TLS handshake."""
MAX_CONNECTIONS: Final = 4
_LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "::1"))


class _Failure(Exception):
    """An attempt that failed; `kind` and `detail` as in `WorkerFailed`."""

    def __init__(self, kind: str, detail: str, *, retry: bool = False) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.retry = retry


class Model:
    """One call's language model; holds one client with its warm connection.

    `emit` gets `Sentence`s as they become whole, then exactly one `ModelDone` or `WorkerFailed`
    of the generation, unless it is cancelled. Sentences already emitted stay valid when
    `WorkerFailed` follows; their text was then cut off.
    """

    def __init__(self, settings: OpenAISettings, emit: Callable[[Event], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._client: AsyncOpenAI | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """The answers that are wanted, by generation; an answer that is not here is silent."""
        self._ending: set[asyncio.Task[None]] = set()

    def generate(
        self, generation: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        """Begin an answer. `messages` and `tools` are as the chat completions API wants them."""
        request: dict[str, Any] = {
            "model": self._settings.model,
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
        self._end(generation)  # asked twice: only the newer answer counts
        self._tasks[generation] = asyncio.create_task(
            self._answer(generation, request), name="model"
        )

    def cancel(self, generation: int) -> None:
        """End this and older generations: nothing of theirs is emitted after this returns."""
        for number in [number for number in self._tasks if number <= generation]:
            self._end(number)

    def _end(self, generation: int) -> None:
        if (task := self._tasks.pop(generation, None)) is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def warm(self) -> None:
        """Import the SDK, make the client, open a connection. A server that is away is no error
        here: the first `generate` will say so."""
        await asyncio.to_thread(__import__, "openai")
        await _rehearse(self._settings)
        client = self._ready()
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await client._client.head(self._settings.base_url)
        except Exception as error:
            log.warning("model_warm_up_failed", error=type(error).__name__)

    async def close(self) -> None:
        """End everything and close the connections."""
        self.cancel(max(self._tasks, default=-1))
        await asyncio.gather(*self._ending, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _ready(self) -> AsyncOpenAI:
        if self._client is None:
            self._client = _make_client(self._settings)
        return self._client

    async def _answer(self, generation: int, request: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def emit(event: Event) -> None:
            if self._tasks.get(generation) is task:
                self._emit(event)

        asked_at = loop.time()
        deadline = asked_at + self._settings.first_token_timeout_s
        retries_left = self._settings.max_retries
        try:
            while True:
                answer = _Answer(generation, asked_at, emit)
                try:
                    await self._attempt(answer, request, deadline)
                    answer.finish(loop.time())
                    return
                except _Failure as failure:
                    if not failure.retry or not retries_left or answer.has_begun:
                        log.warning("model_failed", kind=failure.kind, detail=failure.detail)
                        emit(WorkerFailed(Worker.LLM, failure.kind, failure.detail, generation))
                        return
                    retries_left -= 1
                    log.info("model_retry", kind=failure.kind, detail=failure.detail)
                await asyncio.sleep(RETRY_DELAY_S)
        finally:
            if self._tasks.get(generation) is task:
                del self._tasks[generation]

    async def _attempt(self, answer: _Answer, request: dict[str, Any], deadline: float) -> None:
        """One request, to the end of its stream. Raises `_Failure`."""
        loop = asyncio.get_running_loop()
        between_s = self._settings.between_tokens_timeout_s
        try:
            async with asyncio.timeout_at(deadline) as timeout:
                stream = await _ask(self._ready(), request)
                async with stream:
                    async for chunk in stream:
                        answer.take(chunk, loop.time())
                        if answer.has_begun:
                            timeout.reschedule(loop.time() + between_s)
        except TimeoutError:
            when = "between tokens" if answer.has_begun else "before the first token"
            raise _Failure("timeout", when) from None
        except _Failure:
            raise
        except Exception as error:
            failure = _classify(error)
            if failure is None:
                raise
            raise failure from None


@dataclass(slots=True)
class _Fragments:
    """One tool call, as far as it has come."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Answer:
    """What has come of one attempt. Only `take` and `finish` change it."""

    generation: int
    asked_at: float
    emit: Callable[[Event], None]
    has_begun: bool = False
    _splitter: SentenceSplitter = field(default_factory=SentenceSplitter)
    _text: str = ""
    _refused: bool = False
    _calls: dict[int, _Fragments] = field(default_factory=dict)
    _sentences: int = 0
    _first_token_ms: float = 0.0
    _first_sentence_ms: float = 0.0
    _finish_reason: str = ""
    _prompt_tokens: int = 0
    _completion_tokens: int = 0

    def take(self, chunk: Any, now: float) -> None:
        """One chunk of the stream. The last one carries the usage and no choice.

        Raises `_Failure` when it is not what the API promises.
        """
        try:
            self._take(chunk, now)
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise _Failure("protocol", f"chunk: {type(error).__name__}", retry=True) from None

    def _take(self, chunk: dict[str, Any], now: float) -> None:
        usage = chunk.get("usage")
        if usage:
            self._prompt_tokens = usage["prompt_tokens"]
            self._completion_tokens = usage["completion_tokens"]
        choices = chunk.get("choices")
        if not choices:
            return
        choice = choices[0]
        delta = choice.get("delta") or {}
        refusal = delta.get("refusal") or ""
        # A refusal is written for the user, so it is spoken like any answer.
        words = (delta.get("content") or "") + refusal
        self._refused = self._refused or bool(refusal)
        parts = delta.get("tool_calls") or ()
        if (words or parts) and not self.has_begun:
            self.has_begun = True
            self._first_token_ms = (now - self.asked_at) * 1000
        if words:
            self._text += words
            self._say(self._splitter.feed(words), now)
        if parts and not self._calls:
            # The text before a tool call is complete: it is said while the arguments stream.
            self._say(self._splitter.end(), now)
        for part in parts:
            # Some compatible servers leave the index out: they send each call whole.
            index = part.get("index")
            call = self._calls.setdefault(
                len(self._calls) if index is None else index, _Fragments()
            )
            call.id = call.id or part.get("id") or ""
            function = part.get("function") or {}
            call.name = call.name or function.get("name") or ""
            call.arguments += function.get("arguments") or ""
        self._finish_reason = choice.get("finish_reason") or self._finish_reason

    def finish(self, now: float) -> None:
        """The stream has ended. Raises `_Failure` when it ended too early.

        A tool call cut off by the token limit is not reported as a call, because its arguments
        may be wrong and still be valid JSON: it is a failure of kind "protocol". Text cut off by
        the limit is an answer.
        """
        if not self._finish_reason:
            raise _Failure("dropped", "stream ended without finish_reason", retry=True)
        calls = [self._calls[index] for index in sorted(self._calls)]
        if calls and self._finish_reason in ("length", "content_filter"):
            raise _Failure("protocol", f"tool call cut off by {self._finish_reason}")
        if any(not call.name for call in calls):
            raise _Failure("protocol", "tool call without a name")
        if not calls and not self._text.strip():
            if self._finish_reason == "content_filter":
                raise _Failure("rejected", "content filter")
            raise _Failure("protocol", "empty answer", retry=True)
        self._say(self._splitter.end(), now)
        self.emit(
            ModelDone(
                self.generation,
                self._text.strip(),
                tuple(
                    ToolCall(call.id or f"call_{self.generation}_{at}", call.name, call.arguments)
                    for at, call in enumerate(calls)
                ),
                "refusal" if self._refused else self._finish_reason,
                self._first_token_ms,
                self._first_sentence_ms,
                (now - self.asked_at) * 1000,
                self._prompt_tokens,
                self._completion_tokens,
            )
        )

    def _say(self, pieces: list[str], now: float) -> None:
        for piece in pieces:
            if not self._sentences:
                self._first_sentence_ms = (now - self.asked_at) * 1000
            self.emit(Sentence(self.generation, self._sentences, piece))
            self._sentences += 1


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


def _classify(error: Exception) -> _Failure | None:
    """How an exception of the SDK, or of the HTTP client below it, is reported.

    The detail names statuses and codes, never the message: it may quote the conversation.
    """
    import httpx2
    import openai

    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return _Failure("timeout", type(error).__name__, retry=True)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return _Failure("dropped", type(error).__name__, retry=True)
    if isinstance(error, openai.APIStatusError):
        status, code = error.status_code, error.code or ""
        detail = f"status {status} {code}".strip()
        if code == "insufficient_quota" or error.type == "insufficient_quota" or status == 402:
            return _Failure("quota", detail)
        if status in (408, 409, 429) or status >= 500:
            return _Failure("refused", detail, retry=True)
        return _Failure("refused" if status in (401, 403) else "rejected", detail)
    if isinstance(error, openai.APIError):  # an error event in the middle of the stream
        return _Failure("dropped", f"{type(error).__name__} {error.code or ''}".strip(), retry=True)
    if isinstance(error, openai.OpenAIError | ValueError):
        return _Failure("protocol", type(error).__name__, retry=True)
    return None


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
        taken = _Answer(0, 0.0, lambda event: None)
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
