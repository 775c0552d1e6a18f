"""The text of an answer as it can be said, whatever a model writes beside it. Sans-I/O.

Deltas go in, text that can be said comes out, as early as it is certain; what comes out in all
does not depend on how the text was cut. Left out are: thinking (`<think>…</think>`), other
markup, tool calls that a model wrote as text, code fences, addresses of the web, marks of
Markdown (a link leaves its words), emoji, and the note by which Otto's own history tells the
model what a caller did not hear, which some models imitate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MAX_HELD_CHARS: Final = 2_000
"""A construct that has not ended by then is none: its first character is said, and so on."""

MAX_TAG_CHARS: Final = 40
"""The end of a thinking is a tag no longer than this."""
_THINKING: Final = ("think", "thinking", "reasoning", "thought")
_OPEN_THINK: Final = re.compile(rf"<({'|'.join(_THINKING)})\b[^<>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_NOTE: Final = re.compile(r"\[[^\][]*\bnot heard:[^\]]*\]", re.IGNORECASE)
_LINK: Final = re.compile(r"\[([^\][]*)\]\([^()\s]*\)")
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S*(?=\s)")
_ADDRESS_END: Final = re.compile(r"(?:https?://|www\.)\S*")
_FENCE: Final = re.compile(r"```.*?```", re.DOTALL)
_OBJECT: Final = re.compile(r'\{\s*"')
_EMOJI: Final = re.compile(
    "[\U0001f000-\U0001faff\U0001fb00-\U0001fbff\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf"
    "\u2900-\u297f\u2b00-\u2bff\ufe00-\ufe0f\u200d\u20e3\ue000-\uf8ff\ufffd]"
)
_WORD_CHAR: Final = re.compile(r"\w")
_MARKS: Final = frozenset("*`~")
_BEGINNINGS: Final = ("https://", "http://", "www.")


class SayableText:
    """Feed it deltas; it returns what can be said. `end` returns the rest."""

    def __init__(self, tools: Iterable[str] = ()) -> None:
        """`tools`: the names of those that were offered; a call of one is no sentence."""
        self._tools = tuple(tools)
        self._held = ""
        self._last = "\n"
        """The last character before `_held`: words and headings begin behind some only."""
        self._thinking = ""
        """The name of the thinking that has begun and not ended."""

    def feed(self, delta: str) -> str:
        """Take more text; return what of it is certain, often nothing."""
        self._held += delta
        return self._take(at_end=False)

    def end(self) -> str:
        """No more text: what is left. It is then ready for another text."""
        said = self._take(at_end=True)
        self._held, self._last, self._thinking = "", "\n", ""
        return said

    def _take(self, *, at_end: bool) -> str:
        said: list[str] = []
        while self._held:
            step = self._step(at_end or len(self._held) > MAX_HELD_CHARS)
            if step is None:
                break
            size, text = step
            self._last = self._held[size - 1]
            self._held = self._held[size:]
            said.append(text)
        return "".join(said)

    def _step(self, at_end: bool) -> tuple[int, str] | None:
        """How much of the held text is decided, and what of it is said; None: more is needed."""
        text, first = self._held, self._held[0]
        if self._thinking:
            return self._think(text, at_end)
        if "\ud800" <= first <= "\udfff":
            return _surrogate(text, at_end)
        if first == "<":
            if thinking := _OPEN_THINK.match(text):
                self._thinking = thinking[1]
                return thinking.end(), ""
            return _markup(text, at_end)
        if first == "[":
            return _bracket(text, at_end)
        if first == "{":
            return _object(text, at_end)
        if first in _MARKS:
            return _mark(text, at_end)
        if first == "#" and self._last == "\n":
            return _heading(text, at_end)
        if _EMOJI.match(first):
            return 1, ""
        if not _WORD_CHAR.match(self._last) and _WORD_CHAR.match(first):
            return self._word(text, at_end)
        return 1, first

    def _think(self, text: str, at_end: bool) -> tuple[int, str] | None:
        """Thinking is dropped as it comes, but for what may be the beginning of its end."""
        close = re.search(rf"</{self._thinking}\s*>", text, re.IGNORECASE)
        if close:
            self._thinking = ""
            return close.end(), ""
        if at_end:
            return len(text), ""
        opening = text.rfind("<")
        size = opening if opening >= 0 and len(text) - opening < MAX_TAG_CHARS else len(text)
        return (size, "") if size else None

    def _word(self, text: str, at_end: bool) -> tuple[int, str] | None:
        for name in self._tools:
            call = text.startswith(name) and text[len(name) :].lstrip()
            if call and call[0] == "(":
                size = _balanced(text, text.index("("), "()")
                return (size, "") if size else ((len(text), "") if at_end else None)
            if not at_end and (name.startswith(text) or text.rstrip() == name):
                return None
        # In small letters only: a sentence that begins with a W is not kept waiting.
        if text.startswith(_BEGINNINGS):
            found = (_ADDRESS_END if at_end else _ADDRESS).match(text)
            return None if found is None else (found.end(), "")
        if not at_end and any(start.startswith(text) for start in _BEGINNINGS):
            return None
        return 1, text[0]


def _surrogate(text: str, at_end: bool) -> tuple[int, str] | None:
    """A character beyond the basic plane that came in two halves is an emoji here, or nothing that
    can be said; half of one never can."""
    if text[0] < "\udc00" and len(text) == 1 and not at_end:
        return None
    is_pair = len(text) > 1 and text[0] < "\udc00" and "\udc00" <= text[1] <= "\udfff"
    if not is_pair:
        return 1, ""
    pair = text[:2].encode("utf-16", "surrogatepass").decode("utf-16")
    return 2, "" if _EMOJI.match(pair) else pair


def _markup(text: str, at_end: bool) -> tuple[int, str] | None:
    found = _TAG.match(text)
    if found:
        return found.end(), ""
    may_grow = len(text) == 1 or re.match(r"</?[A-Za-z!]|</$", text) is not None
    if may_grow and "<" not in text[1:] and not at_end:
        return None
    return 1, "" if may_grow and at_end and len(text) > 1 else text[0]


def _bracket(text: str, at_end: bool) -> tuple[int, str] | None:
    close = text.find("]")
    if close < 0:
        if not at_end:
            return None
        is_note = re.search(r"\bnot heard:", text, re.IGNORECASE)
        return (len(text), "") if is_note else (1, text[0])
    if found := _NOTE.match(text):
        return found.end(), ""
    if len(text) == close + 1 and not at_end:
        return None
    if text[close + 1 : close + 2] == "(":
        if ")" not in text[close:] and not at_end:
            return None
        if found := _LINK.match(text):
            return found.end(), found[1]
    return 1, text[0]


def _object(text: str, at_end: bool) -> tuple[int, str] | None:
    """A JSON object: the arguments of a tool, or a whole call."""
    if not _OBJECT.match(text):
        return None if not text[1:].strip() and not at_end else (1, text[0])
    size = _balanced(text, 0, "{}")
    return (size, "") if size else ((len(text), "") if at_end else None)


def _mark(text: str, at_end: bool) -> tuple[int, str] | None:
    if text.startswith("```"):
        found = _FENCE.match(text)
        return (found.end(), "") if found else ((len(text), "") if at_end else None)
    if text[0] == "`" and len(text) < 3 and not text.strip("`") and not at_end:
        return None
    return 1, ""


def _heading(text: str, at_end: bool) -> tuple[int, str] | None:
    marks = len(text) - len(text.lstrip("#"))
    if marks == len(text) and not at_end:
        return None
    return (marks, "") if text[marks : marks + 1] in ("", " ") else (1, text[0])


def _balanced(text: str, at: int, pair: str) -> int:
    """Where what opens at `at` is closed, quotations skipped; 0 while it is not."""
    depth, quoted, escaped = 0, False, False
    for place in range(at, len(text)):
        char = text[place]
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char == pair[0]:
            depth += 1
        elif char == pair[1]:
            depth -= 1
            if depth == 0:
                return place + 1
    return 0
