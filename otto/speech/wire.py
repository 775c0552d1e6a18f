"""Deepgram's two WebSockets, opened in one place.

Deepgram's SDK (7.17) has a client for them, and its models are what our tests hold the messages
to. It is not used to open the sockets, for measured reasons. Its `connect` goes through
websockets' legacy client, which offers deflate (mu-law does not compress: +25 us of CPU a frame
when the server accepts) and leaves no timeout to set; on a refused upgrade it raises an error
with the *request's* headers, so Deepgram's own reason (`dg-error`) is lost; importing it and
making a client costs 0.65 CPU-seconds and 37 MB in every worker; and it takes 300 us to parse a
result of eight words where `json.loads` takes 30.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from config.hosts import is_loopback
from config.settings import DeepgramSettings
from otto.speech.complaints import kind_of

SAMPLE_RATE_HZ = 8000
BYTES_PER_MS = 8
"""Mu-law at 8 kHz: one byte a sample."""
RETRY_DELAYS_S = (0.1, 0.4, 1.0)
"""Waits before the second, third and last attempt: together shorter than a caller's patience."""
CLOSE_TIMEOUT_S = 1.0
PING_S = 5.0
"""A vendor that the network hides is noticed after twice this, on an idle socket too."""
_MAX_MESSAGE_BYTES = 2**20
_PERMANENT = {400: "rejected", 401: "refused", 402: "quota", 403: "refused", 404: "rejected"}
"""Statuses that a second attempt cannot change, and the failure's kind."""


class VendorError(Exception):
    """A socket could not be opened or was lost. `kind` is one of `WorkerFailed`'s codes."""

    def __init__(self, kind: str, detail: str, *, permanent: bool = False) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.permanent = permanent


def listen_query(settings: DeepgramSettings) -> list[tuple[str, str]]:
    """The options of `/v1/listen`. Deepgram's own default for endpointing is 10 ms."""
    return [
        ("model", settings.listen_model),
        ("language", settings.language),
        ("encoding", "mulaw"),
        ("sample_rate", str(SAMPLE_RATE_HZ)),
        ("channels", "1"),
        ("interim_results", "true"),
        ("endpointing", str(settings.endpointing_ms)),
        ("utterance_end_ms", str(settings.utterance_end_ms)),
        ("vad_events", "true"),
        ("smart_format", "true"),
        *(("keywords", word) for word in settings.keywords),
    ]


def flux_query(settings: DeepgramSettings) -> list[tuple[str, str]]:
    """The options of `/v2/listen`. It has no others that matter here: no language beside the
    model's (only hints to the one of many languages), no interims to ask for."""
    hints = [settings.language.split("-")[0]] if settings.listen_model.endswith("-multi") else []
    eager = settings.eager_eot_threshold
    return [
        ("model", settings.listen_model),
        ("encoding", "mulaw"),
        ("sample_rate", str(SAMPLE_RATE_HZ)),
        ("eot_threshold", str(settings.eot_threshold)),
        *([("eager_eot_threshold", str(eager))] if eager else []),
        ("eot_timeout_ms", str(settings.eot_timeout_ms)),
        *(("keyterm", term) for term in settings.keyterms),
        *(("language_hint", hint) for hint in hints),
    ]


def speak_query(settings: DeepgramSettings) -> list[tuple[str, str]]:
    """The options of `/v1/speak`."""
    return [
        ("model", settings.speak_model),
        ("encoding", "mulaw"),
        ("sample_rate", str(SAMPLE_RATE_HZ)),
    ]


async def open_socket(
    settings: DeepgramSettings,
    path: str,
    query: list[tuple[str, str]],
    timeout_s: float | None = None,
) -> ClientConnection:
    """One attempt to open `path`, within `timeout_s` if given. Raises `VendorError`."""
    url = f"{settings.url.rstrip('/')}{path}?{urlencode(query)}"
    try:
        return await connect(
            url,
            additional_headers={"Authorization": f"Token {settings.api_key.get_secret_value()}"},
            compression=None,
            open_timeout=settings.connect_timeout_s if timeout_s is None else timeout_s,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=_MAX_MESSAGE_BYTES,
            proxy=None if is_loopback(urlsplit(url).hostname or "") else True,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        reason = error.response.headers.get("dg-error", "")
        request_id = error.response.headers.get("dg-request-id", "")
        detail = f"status {status} {reason} {request_id}".strip()
        raise VendorError(
            _PERMANENT.get(status, "refused"), detail, permanent=status in _PERMANENT
        ) from None
    except TimeoutError:
        raise VendorError("timeout", "no answer to the upgrade") from None
    except (OSError, InvalidHandshake, EOFError) as error:
        raise VendorError("dropped", type(error).__name__) from None


async def open_with_retries(
    settings: DeepgramSettings, path: str, query: list[tuple[str, str]]
) -> ClientConnection:
    """Open `path`, trying again after `RETRY_DELAYS_S`. Raises the last `VendorError`."""
    for delay_s in RETRY_DELAYS_S:
        try:
            return await open_socket(settings, path, query)
        except VendorError as error:
            if error.permanent:
                raise
        await asyncio.sleep(delay_s)
    return await open_socket(settings, path, query)


def closed_as(error: ConnectionClosed) -> VendorError:
    """How a lost socket is reported: with its close code and reason, which have a meaning."""
    code = error.rcvd.code if error.rcvd else 1006
    reason = error.rcvd.reason if error.rcvd else ""
    kind = kind_of(reason, "rejected" if code == 1008 else "dropped")
    return VendorError(kind, f"closed {code} {reason}".strip())


@asynccontextmanager
async def opened(
    settings: DeepgramSettings, path: str, query: list[tuple[str, str]]
) -> AsyncIterator[ClientConnection]:
    """A socket for the length of a `with` block, opened with retries."""
    socket = await open_with_retries(settings, path, query)
    try:
        yield socket
    finally:
        await socket.close()
