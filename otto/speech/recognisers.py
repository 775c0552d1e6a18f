"""Deepgram's two live recognisers: which of them a model is, and what differs on the wire.

Nova's `/v1/listen` transcribes, and says when it heard somebody pause. Flux's `/v2/listen` decides
turns itself (see `flux`). `Listener` holds either socket, and gets the same events of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from config.settings import DeepgramSettings
from otto.events import Event, Transcript, Worker
from otto.speech.flux import FluxReader
from otto.speech.telling import UNFINISHED_S
from otto.speech.transcripts import TranscriptReader
from otto.speech.vendors import SpeechVendor
from otto.speech.wire import flux_query, listen_query


class Reader(Protocol):
    """One socket's messages to events; see `TranscriptReader` and `FluxReader`."""

    acknowledged_ms: int | None
    messages: int

    def sent(self, at_ms: int, size: int) -> None: ...
    def receive(self, message: str | bytes) -> list[Event]: ...
    @property
    def owed(self) -> Transcript | None: ...
    def settle(self) -> Transcript | None: ...
    def settled(self, owed: Transcript) -> Transcript: ...


@dataclass(frozen=True, slots=True)
class Recogniser:
    """What a socket to it is like."""

    path: str
    query: Callable[[DeepgramSettings], list[tuple[str, str]]]
    reader: Callable[[int], Reader]
    """Of the media time up to which words are known already."""
    join_ms: int
    """Audio sent in one frame."""
    has_keep_alive: bool
    unfinished_s: Callable[[DeepgramSettings], float]
    """For so long words may stay interim while it talks of nothing new."""


NOVA: Final = Recogniser(
    path="/v1/listen",
    query=listen_query,
    reader=TranscriptReader,
    # A frame costs 65 to 170 us of CPU, nearly all of it the system call: this worker takes 0.88,
    # 0.70 and 0.66 CPU-seconds a call-minute with 20, 40 and 60 ms (0.45 of them are the wake-ups
    # of the media link, 50 a second). 40 saves most of what can be saved and delays the end of
    # speech by 20 ms at worst.
    join_ms=40,
    has_keep_alive=True,
    unfinished_s=lambda _: UNFINISHED_S,
)
FLUX: Final = Recogniser(
    path="/v2/listen",
    query=flux_query,
    reader=FluxReader,
    join_ms=80,  # "strongly recommended" (developers.deepgram.com, docs/flux/quickstart)
    has_keep_alive=False,
    # A turn is over at its timeout at the latest.
    unfinished_s=lambda settings: settings.eot_timeout_ms / 1000 + UNFINISHED_S,
)


def recogniser_of(settings: DeepgramSettings) -> Recogniser:
    """The one that the settings' model belongs to."""
    return FLUX if settings.is_flux else NOVA


def vendor_of(emit: Callable[[Event], None], settings: DeepgramSettings) -> SpeechVendor:
    """Whoever recognises speech by these settings; each provider by its own model's protocol."""
    return SpeechVendor(
        Worker.STT,
        settings,
        lambda chosen: recogniser_of(chosen).path,
        lambda chosen: recogniser_of(chosen).query(chosen),
        emit,
    )
