"""What a turn is made of: segments of speech, and digits of the keypad. Sans-I/O."""

from __future__ import annotations

from dataclasses import dataclass

from otto.dialogue.turns.completeness import Expected, digits_of, is_dictation
from otto.dialogue.turns.keypad import in_words


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    keyed: bool


class Pieces:
    """The pieces of one turn, in the order in which they came."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, text: str, *, keyed: bool = False) -> None:
        """One more; `keyed` says that `text` is digits of the keypad."""
        self._pieces.append(_Piece(text, keyed))

    @property
    def spoken(self) -> str:
        """What was said of it."""
        return " ".join(piece.text for piece in self._pieces if not piece.keyed)

    def written(self, expected: Expected) -> str:
        """The turn in words. A number begun by voice and finished by keys is one number."""
        spoken = self.spoken
        if not any(piece.keyed for piece in self._pieces):
            return spoken
        if not spoken or is_dictation(spoken):
            joined = "".join(
                piece.text if piece.keyed else digits_of(piece.text) for piece in self._pieces
            )
            return in_words(joined, expected)
        return " ".join(
            in_words(piece.text, expected) if piece.keyed else piece.text for piece in self._pieces
        )
