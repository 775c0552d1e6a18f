"""What comes of one attempt at an answer: deltas in, sentences and tool calls out. Sans-I/O.

A model that breaks off in the middle has said things that cannot be taken back. The next attempt
is told what was said and asked to go on from there (`continuation`); and because a model may not
do as it is asked, `Echo` leaves out what it says again. The alternative, to fail once anything was
said, would end most calls that meet such an error; to begin anew would say things twice.

What was not whole when the stream broke is dropped: half a sentence, and above all half a tool
call, whose arguments may be valid and wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from otto.dialogue.model.failure import Failure
from otto.dialogue.model.refusals import of_event
from otto.dialogue.model.sentences import SentenceSplitter
from otto.dialogue.model.text import SayableText
from otto.dialogue.model.tool_calls import ToolCalls
from otto.events import Event, ModelDone, Sentence

CONTINUE: Final = (
    "The connection broke after the words above, and the caller has heard them. Go on from there "
    "in the same breath: do not repeat or rephrase them, do not apologize. If a tool is needed, "
    "call it now. If nothing is left to say, answer with nothing."
)
WHOLE: Final = frozenset((
    "stop", "tool_calls", "function_call", "tool_use", "end_turn", "stop_sequence", "eos",
    "eos_token",
))  # fmt: skip
"""The reasons for which a whole answer ends, in OpenAI's words and those of servers like it."""
BROKEN: Final = frozenset(("error", "abort", "aborted", "insufficient_system_resource"))
"""Reasons that stand for a stream that broke."""


def continuation(messages: list[dict[str, Any]], said: list[str]) -> list[dict[str, Any]]:
    """`messages` for an attempt that goes on after `said`."""
    if not said:
        return messages
    return [
        *messages,
        {"role": "assistant", "content": " ".join(said)},
        {"role": "system", "content": CONTINUE},
    ]


class Echo:
    """Leaves out of a continuation what it repeats of the pieces `said`.

    It knows a repetition by its words, from the beginning of any piece on. Words that differ end
    it: from there on everything is new.
    """

    def __init__(self, said: list[str]) -> None:
        self._said: list[str] = []
        self._starts: list[int] = []
        for piece in said:
            self._starts.append(len(self._said))
            self._said += [_plain(word) for word in piece.split()]
        self._at: int | None = None
        self._is_over = not said

    def fresh(self, piece: str) -> str:
        """What of `piece` is new; empty when all of it was said before."""
        if self._is_over:
            return piece
        words = piece.split()
        starts = self._starts if self._at is None else (self._at,)
        for start in starts:
            ahead = self._said[start:]
            same = _common([_plain(word) for word in words], ahead)
            if same == len(ahead):  # up to the end of what was said
                self._is_over = True
                return " ".join(words[same:])
            if same == len(words):
                self._at = start + same
                return ""
        self._is_over = True
        return piece


def _common(one: list[str], two: list[str]) -> int:
    """How many words the two begin with in common."""
    same = 0
    for mine, other in zip(one, two, strict=False):
        if mine != other:
            break
        same += 1
    return same


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


@dataclass(slots=True)
class Spoken:
    """What of a round has been emitted, over all its attempts, and how soon (ms)."""

    pieces: list[str] = field(default_factory=list)
    first_token_ms: float = 0.0
    first_sentence_ms: float = 0.0


@dataclass(slots=True)
class Answer:
    """What has come of one attempt. Only `take` and `finish` change it, and `spoken`."""

    round_id: int
    asked_at: float
    emit: Callable[[Event], None]
    spoken: Spoken = field(default_factory=Spoken)
    offered: frozenset[str] = frozenset()
    """The names of the tools that the request had."""
    has_begun: bool = False
    _echo: Echo = field(init=False)
    _continues: bool = field(init=False)
    _splitter: SentenceSplitter = field(default_factory=SentenceSplitter)
    _text: str = ""
    _refused: bool = False
    _calls: ToolCalls = field(init=False)
    _sayable: SayableText = field(init=False)
    _finish_reason: str = ""
    _prompt_tokens: int = 0
    _completion_tokens: int = 0

    def __post_init__(self) -> None:
        self._echo = Echo(self.spoken.pieces)
        self._continues = bool(self.spoken.pieces)
        self._calls = ToolCalls(self.offered)
        self._sayable = SayableText(self.offered)

    @property
    def has_ended(self) -> bool:
        """Whether the model has said why it ended: nothing of the answer is missing."""
        return bool(self._finish_reason)

    def take(self, chunk: Any, now: float) -> None:
        """One chunk of the stream. The last one carries the usage and no choice.

        Raises `Failure` when it is not what the API promises, or an error.
        """
        try:
            self._take(chunk, now)
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise Failure("protocol", f"chunk: {type(error).__name__}", retry=True) from None

    def _take(self, chunk: dict[str, Any], now: float) -> None:
        if chunk.get("error") or chunk.get("object") == "error":
            raise of_event(chunk.get("error") or chunk)
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._prompt_tokens = _count(usage.get("prompt_tokens"))
            self._completion_tokens = _count(usage.get("completion_tokens"))
        choices = chunk.get("choices")
        if not choices:
            return
        choice = choices[0]
        delta = choice.get("delta") or choice.get("message") or {}
        refusal = _words(delta.get("refusal"))
        # A refusal is written for the user, so it is spoken like any answer.
        words = _words(delta.get("content")) + refusal
        self._refused = self._refused or bool(refusal)
        parts = delta.get("tool_calls") or ()
        if legacy := delta.get("function_call"):
            parts = [{"function": legacy}]
        if (words or parts) and not self.has_begun:
            self.has_begun = True
            self.spoken.first_token_ms = self.spoken.first_token_ms or (now - self.asked_at) * 1000
        if words:
            self._hear(self._sayable.feed(words), now)
        if parts and not self._calls:
            # The text before a tool call is complete: it is said while the arguments stream.
            self._hear(self._sayable.end(), now)
            self._say(self._splitter.end(), now)
        for part in parts:
            self._calls.take(part)
        reason = choice.get("finish_reason")
        self._finish_reason = _words(reason).strip().lower() or self._finish_reason

    def finish(self, now: float, *, is_whole: bool = True) -> None:
        """The stream has ended; `is_whole`: by the server's own word. Raises `Failure` when it
        ended too early.

        Without a reason for its end an answer is what it says, if the server ended the stream, and
        nothing that it would do. A tool call cut off by the token limit is not reported as a call,
        because its arguments may be wrong and still be valid JSON: it is a failure of kind
        "protocol". Text cut off by the limit is an answer.
        """
        reason = self._finish_reason
        if reason in BROKEN or not (reason or is_whole):
            detail = f"finish_reason {reason}" if reason else "stream ended without finish_reason"
            raise Failure("dropped", detail, retry=True)
        self._hear(self._sayable.end(), now)
        if self._calls and not reason:
            raise Failure("dropped", "tool call without finish_reason", retry=True)
        calls = self._calls.canonical(self.round_id)
        if calls and reason not in WHOLE:
            limited = reason in ("length", "content_filter")
            raise Failure(
                "protocol",
                f"tool call cut off by {reason if limited else 'an unknown finish_reason'}",
                retry=not limited,
                other=not limited,
                is_vendors=False,
            )
        if not calls and not self._text.strip() and not self._continues:
            if reason == "content_filter":
                raise Failure("rejected", "content filter", is_vendors=False)
            raise Failure("protocol", "empty answer", retry=True, is_vendors=False)
        self._say(self._splitter.end(), now)
        self.emit(
            ModelDone(
                self.round_id,
                " ".join(self.spoken.pieces) if self._continues else self._text.strip(),
                calls,
                "refusal" if self._refused else reason or "stop",
                self.spoken.first_token_ms,
                self.spoken.first_sentence_ms,
                (now - self.asked_at) * 1000,
                self._prompt_tokens,
                self._completion_tokens,
            )
        )

    def _hear(self, text: str, now: float) -> None:
        """Text that can be said has come."""
        self._text += text
        self._say(self._splitter.feed(text), now)

    def _say(self, pieces: list[str], now: float) -> None:
        for piece in pieces:
            fresh = self._echo.fresh(piece)
            if not fresh:
                continue
            if not self.spoken.pieces:
                self.spoken.first_sentence_ms = (now - self.asked_at) * 1000
            self.emit(Sentence(self.round_id, len(self.spoken.pieces), fresh))
            self.spoken.pieces.append(fresh)


def _words(sent: object) -> str:
    """Text, which some servers send in parts of several kinds: thinking, and what is said."""
    if isinstance(sent, list):
        parts = [part for part in sent if isinstance(part, dict)]
        return "".join(_words(part.get("text")) for part in parts if part.get("type") == "text")
    return sent if isinstance(sent, str) else ""


def _count(sent: object) -> int:
    return sent if isinstance(sent, int) else 0
