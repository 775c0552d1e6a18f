"""What one Flush covers: sentences, and the audio that came of them. Sans-I/O."""

from __future__ import annotations

from dataclasses import dataclass

from otto.speech.audible import audible_bytes, is_enough


@dataclass(slots=True)
class Piece:
    """One sentence, as it is written and as it is said."""

    index: int
    text: str
    spoken: str


@dataclass(slots=True)
class Group:
    """Sentences that share a flush, or a phrase that needs no voice."""

    generation: int
    pieces: list[Piece]
    local: bytes | None = None
    """Audio that is already here; None for the voice's."""
    flushed_at: float | None = None
    received: int = 0
    skip: int = 0
    """Bytes still to come that the line already has, after a new socket."""
    voice: str = ""
    """Whose audio has come of it."""
    earlier: int = 0
    """How much of `received` is nothing of `asked`: other voices' part of the text, or no words."""
    asked: str = ""
    """What the voice was asked to say."""
    audible: int = 0
    """Samples that can be heard, of what has come since it was asked."""
    held: bytes = b""
    """Silence that came last: it is a pause of speech only when speech follows, or is complete."""

    def ask(self) -> None:
        """The voice is asked (again): what came before proves nothing."""
        self.flushed_at, self.audible, self.held = None, 0, b""

    def take(self, mulaw: bytes) -> bytes:
        """Audio came; what of it (and of the silence before it) is for the line."""
        audible = audible_bytes(mulaw)
        self.audible += audible
        self.held += mulaw
        return self.release() if audible else b""

    def release(self) -> bytes:
        """What was held back, less what the line has."""
        held, self.held = self.held, b""
        new = held[self.skip :]
        self.skip -= len(held) - len(new)
        return new

    def disown(self) -> None:
        """What has come was no part of what was asked: all of that is still to be said."""
        self.earlier = self.received

    @property
    def is_said(self) -> bool:
        """Whether the audio that has come may be all of what was asked."""
        return is_enough(self.asked, self.audible)
