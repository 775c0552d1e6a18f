"""Where in a sentence a voice broke off, and from where another one goes on. Sans-I/O.

There are no word timings in the voice's answer, so:

* The same voice says the sentence again, and as much audio as the line already has is left out.
  That is exact as far as the voice says the same text the same way: to the sample with a
  deterministic one, to some 100 ms with one that is not.
* Another voice has another pace, so the same length of audio is another place in the text. The
  place is estimated from the first voice's pace, as measured in this call or on the phrases it
  spoke beforehand, and the second begins with the word that place lies in: a word is rather begun
  twice than lost. Measured with a real voice and a recogniser, four sentences cut at five places
  each: one word said again at the median, four at most; a word lost in two cuts of the twenty.
  (By the typical pace instead of its own: three words again at the median.)
"""

from __future__ import annotations

import re
from typing import Final

from otto.speech.wire import BYTES_PER_MS

TYPICAL_MS_PER_CHAR: Final = 72.0
"""About 14 characters a second, before a voice has shown its own pace: on the slow side, so that a
wrong guess says a word again and loses none."""
ENOUGH_CHARS: Final = 40
"""A pace measured on fewer characters is mostly the pauses around them."""


class Pace:
    """How fast each voice of a call speaks, in milliseconds a character of its spoken text."""

    def __init__(self) -> None:
        self._chars: dict[str, int] = {}
        self._bytes: dict[str, int] = {}

    def learn(self, voice: str, text: str, size: int) -> None:
        """`voice` took `size` bytes of mu-law for the whole of `text`."""
        self._chars[voice] = self._chars.get(voice, 0) + len(text)
        self._bytes[voice] = self._bytes.get(voice, 0) + size

    def is_known(self, voice: str) -> bool:
        """Whether it has said enough to tell."""
        return self._chars.get(voice, 0) >= ENOUGH_CHARS

    def ms_per_char(self, voice: str) -> float:
        """Its pace, or the typical one while it is not known."""
        if not self.is_known(voice):
            return TYPICAL_MS_PER_CHAR
        return self._bytes[voice] / BYTES_PER_MS / self._chars[voice]


def rest_of(text: str, said_ms: float, ms_per_char: float) -> str:
    """What is left of `text` after `said_ms` of it: from the start of the word that was cut.

    Empty when all of it has been said.
    """
    place = said_ms / ms_per_char
    for word in re.finditer(r"\S+", text):
        if place < word.end():
            return text[word.start() :]
    return ""
