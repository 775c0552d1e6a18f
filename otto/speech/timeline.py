"""One generation's audio on its way to the line: cut into chunks, a mark after each. Sans-I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from otto.events import Event


class Outlet(Protocol):
    """Where it goes. No method blocks, waits or raises."""

    def to_voice(self, message: str) -> None:
        """A text message on the voice's socket."""

    def audio(self, generation: int, mulaw: bytes) -> None:
        """Audio to the line."""

    def mark(self, generation: int, index: int) -> None:
        """A mark behind the audio so far."""

    def emit(self, event: Event) -> None:
        """News for the call."""

    def now(self) -> float:
        """A monotonic clock, in seconds."""


@dataclass(slots=True)
class Timeline:
    """What has been sent, what waits for its chunk to fill, and the marks so far."""

    generation: int
    chunk_bytes: int
    sent: int = 0
    total: int = 0
    marks: int = 0
    pending: bytearray = field(default_factory=bytearray)
    began_at: float | None = None
    finished: bool = False

    def push(self, mulaw: bytes, outlet: Outlet) -> None:
        self.total += len(mulaw)
        self.pending += mulaw
        while self.sent + len(self.pending) >= (self.marks + 1) * self.chunk_bytes:
            size = (self.marks + 1) * self.chunk_bytes - self.sent
            self._send(size, outlet)
            self.mark(outlet)
        if self.sent < self.chunk_bytes:
            self.release(outlet)  # the first chunk does not wait until it is whole

    def release(self, outlet: Outlet) -> None:
        """Hand over what waits for its chunk to fill."""
        if self.pending:
            self._send(len(self.pending), outlet)

    def mark(self, outlet: Outlet) -> None:
        outlet.mark(self.generation, self.marks)
        self.marks += 1

    def _send(self, size: int, outlet: Outlet) -> None:
        outlet.audio(self.generation, bytes(self.pending[:size]))
        del self.pending[:size]
        self.sent += size
