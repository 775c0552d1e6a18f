"""The text of an answer as it can be said, whatever a model writes beside it. Sans-I/O.

Deltas go in, text that can be said comes out, as early as it is certain; what comes out in all
does not depend on how the text was cut. Left out are: thinking (`<think>…</think>`), other
markup, tool calls that a model wrote as text, code fences, addresses of the web, marks of
Markdown (a link leaves its words), emoji and whatever else cannot be said, directions for an
actor, and the note by which Otto's own history tells the model what a caller did not hear, which
some models imitate. How each kind is known is in `markup`; what is dropped as it comes, in
`unsaid`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from otto.dialogue.model import markup
from otto.dialogue.model.markup import MORE, NO, Step
from otto.dialogue.model.unsaid import NEVER, Balanced, Unsaid, Until
from otto.language.characters import whole

MAX_HELD_CHARS: Final = 2_000
"""What may be the beginning of something is looked at so far; if it is none by then, it is said."""
MAX_CHARS: Final = 40_000
"""Of what is no thinking; nobody listens for so long, and what comes then is a model that repeats
itself, or worse."""
_PREFIXES: Final = (
    "", "functions.", "function.", "default_api.", "tools.", "tool.", "api.", "functions:",
    "tool:", "to=functions.", "print(", "print(default_api.", "[", "[functions.",
)  # fmt: skip
"""What models write before a tool's name."""
_ARGUMENTS: Final = re.compile(r"(?::\d{1,3})?\s{0,3}[:=]?\s{0,3}(?P<opening>[({])")
_ARGUMENTS_BEGUN: Final = re.compile(r"(?::\d{0,3})?\s{0,3}[:=]?\s{0,3}")
_BY_FIRST: Final[dict[str, Callable[[str, bool], Step | None]]] = {
    "<": markup.angle,
    "(": markup.aside,
    "`": markup.ticks,
    "~": markup.ticks,
    "|": markup.bar,
    "\\": markup.backslash,
    "&": markup.entity,
    "\x1b": markup.escape,
    "◁": markup.kimi,
    "【": markup.citation,
}


class SayableText:
    """Feed it deltas; it returns what can be said. `end` returns the rest."""

    def __init__(self, tools: Iterable[str] = ()) -> None:
        """`tools`: the names of those that were offered; a call of one is no sentence."""
        self._calls = {prefix + name: name for name in tools for prefix in _PREFIXES}
        self._begun = {call[:size] for call in self._calls for size in range(1, len(call) + 1)}
        self._clear()

    def _clear(self) -> None:
        self._held = ""
        self._half = ""
        """The first half of a character, whose second one may come."""
        self._last = ""
        """The last character before `_held`: words begin behind some only."""
        self._said = ""
        """The last character that is said."""
        self._begins_line = True
        """Whether nothing of this line has been said yet."""
        self._looked_at = 0
        self._unsaid: Unsaid | None = None
        """The stretch that is being dropped."""

    def feed(self, delta: str) -> str:
        """Take more text; return what of it is certain, often nothing."""
        delta = self._half + delta
        self._half = delta[-1:] if "\ud800" <= delta[-1:] <= "\udbff" else ""
        self._held += whole(delta[: len(delta) - len(self._half)])
        return self._take(at_end=False)

    def end(self) -> str:
        """No more text: what is left. It is then ready for another text."""
        said = self._take(at_end=True)
        self._clear()
        return said

    def _take(self, *, at_end: bool) -> str:
        said: list[str] = []
        held, at = self._held, 0
        while at < len(held):
            # Always the same stretch is looked at, however much has come.
            text = held[at : at + MAX_HELD_CHARS]
            is_last = at_end and at + len(text) == len(held)
            step = self._step(text, is_last)
            if step is MORE:
                break
            size, words, unsaid = step
            if size:
                # Behind a mark that is left out a word may begin.
                self._last = " " if size == 1 and not words else text[size - 1]
                at += size
            if unsaid is not None:
                self._unsaid = unsaid
            if words:
                said.append(words)
                self._said = words[-1]
                has_begun = not self._begins_line or bool(words.strip())
                self._begins_line = self._said == "\n" or not has_begun
        self._held = held[at:]
        return "".join(said)

    def _step(self, text: str, at_end: bool) -> Step | None:
        """How much of the text is decided, and what of it is said; MORE: more is needed."""
        if self._unsaid is not None:
            size, words, is_over = self._unsaid.take(text, at_end)
            self._unsaid = None if is_over else self._unsaid
            if words == " " and (not self._said or self._said.isspace()):
                words = ""  # it is there to keep words apart
            return (size, words, None) if size or is_over else MORE
        if self._looked_at > MAX_CHARS:
            return 0, "", Until(NEVER)
        first = text[0]
        for found in self._kinds(text, first, at_end or len(text) == MAX_HELD_CHARS):
            if found is MORE:
                return MORE
            if found != NO:
                self._looked_at += found[0]
                return found
        self._looked_at += 1
        return 1, "" if first in "*`~_{}|\\" else markup.plain(first), None

    def _kinds(self, text: str, first: str, at_end: bool) -> Iterable[Step | None]:
        """What each kind that may begin here says, one after the other."""
        if self._begins_line:
            yield markup.line(text, at_end)
        if first == "{":
            yield 1, "", Balanced("{}")
        if first == "[" or (markup.is_word(first) and not markup.is_word(self._last)):
            yield self._call(text, at_end)
        if first == "[":
            yield markup.bracket(text, at_end, self._last)
        if first == "*":
            yield markup.aside(text, at_end)
        if first == "_":
            yield markup.underscore(text, at_end, self._last)
        if first in _BY_FIRST:
            yield _BY_FIRST[first](text, at_end)
        if markup.is_word(first) and not markup.is_word(self._last):
            yield markup.address(text, at_end)

    def _call(self, text: str, at_end: bool) -> Step | None:
        """A tool's name: with arguments it is a call, alone it is its words."""
        if text[:2] not in self._begun and text[:1] not in self._begun:
            return NO
        if text in self._begun and not at_end:
            return MORE
        found = max((call for call in self._calls if text.startswith(call)), key=len, default="")
        rest = text[len(found) :]
        if not found or markup.is_word(rest[:1]):
            return NO
        if arguments := _ARGUMENTS.match(rest):
            opening, depth = arguments["opening"], found.count("(") + 1
            size = len(found) + arguments.end()
            if found.startswith("["):
                return 1, "", Balanced("[]")
            return size, "", Balanced("()" if opening == "(" else "{}", depth)
        if _ARGUMENTS_BEGUN.fullmatch(rest) and not at_end:
            return MORE
        if found != self._calls[found] or "_" not in found:
            return NO
        return len(found), found.replace("_", " "), None
