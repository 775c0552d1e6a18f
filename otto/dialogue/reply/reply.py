"""One answer of Otto, from the caller's last word to the last mark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from otto.dialogue.reply.playback import Playback
from otto.dialogue.session.history import OttoSaid
from otto.dialogue.session.state import Directive
from otto.dialogue.turns.completeness import Expected
from otto.events import ModelDone


@dataclass(slots=True)
class Timing:
    """When things happened (loop seconds) and what others took (ms). 0 where it did not happen."""

    speech_ended_s: float | None = None
    """When the caller's last word ended; None when Otto speaks unasked."""
    turn_ended_s: float = 0.0
    playing_s: float = 0.0
    model_ms: float = 0.0
    """Up to the first sentence: whole rounds that only called tools, then the last one's start."""
    speech_ms: float = 0.0
    tools_ms: float = 0.0

    def latency(self) -> dict[str, float]:
        """Where the time went, in ms; empty when there was no turn to answer or no audio."""
        if self.speech_ended_s is None or not self.playing_s:
            return {}
        total = (self.playing_s - self.speech_ended_s) * 1000
        endpointing = max(0.0, (self.turn_ended_s - self.speech_ended_s) * 1000)
        spent = endpointing + self.model_ms + self.speech_ms + self.tools_ms
        parts = {
            "endpointing_ms": endpointing,
            "model_ms": self.model_ms,
            "speech_ms": self.speech_ms,
            "tools_ms": self.tools_ms,
            "otto_ms": max(0.0, total - spent),
            "total_ms": total,
        }
        return {name: round(value, 1) for name, value in parts.items()}


@dataclass(slots=True)
class Reply:
    """One answer: its sentences, its place in the history, its playback.

    A reply may be *paused* when the caller seems to interrupt, and resumed under a new generation
    when it turns out that they did not. It is *closed* when it has been played or thrown away;
    from then on its `heard` is final and nothing of it may be said or done any more, save that a
    tool which was already running brings its result into the history.
    """

    generation: int
    """The number its audio carries now."""
    playback: Playback
    asked: int = 0
    """The number under which the model makes the current round."""
    timing: Timing = field(default_factory=Timing)
    expected_before: Expected = Expected.ANYTHING
    """What the caller was expected to answer before this reply."""
    sentences: list[str] = field(default_factory=list)
    rounds: int = 0
    round_start: int = 0
    """Index of the first sentence of the model's current round."""
    streaming: bool = False
    """Whether the model is still at it."""
    repeats: list[str] = field(default_factory=list)
    """Words already said that a round made anew may begin with; they are not said twice."""
    awaits_tools: bool = False
    """Whether tools of an earlier reply must be done before the model is asked."""
    finished: bool = False
    """Whether the last sentence has been given to the voice."""
    audible: bool = False
    filled: bool = False
    """Whether its one filler has been said."""
    ending: Directive | None = None
    outcome: str = ""
    closing: bool = False
    """Whether the line is given up when it has been heard."""
    paused: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)
    """What came while it was paused, to be done when it goes on; else never."""
    closed: bool = False
    recorded: bool = False
    heard: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Sentence index → (heard, not heard), as of the last pause or the end."""
    entries: list[tuple[OttoSaid, int, int]] = field(default_factory=list)
    remarks: set[int] = field(default_factory=set)
    """Sentences that are no part of the answer: a filler, an apology for the line."""
    _before: dict[int, str] = field(default_factory=dict)
    """What was heard of each sentence under earlier generations."""

    def add_sentence(self, text: str) -> int:
        """Queue a sentence; returns its index in the reply."""
        index = len(self.sentences)
        self.sentences.append(text)
        if self.paused:
            self.heard[index] = "", text
        else:
            self.playback.queued(index, text)
        return index

    def add_heard(self, text: str) -> None:
        """A sentence the caller has heard before: part of the answer, not to be said."""
        index = len(self.sentences)
        self.sentences.append(text)
        self._before[index] = text
        self.heard[index] = text, ""

    def round_done(self, done: ModelDone) -> None:
        """Take the times of a finished round of the model."""
        self.streaming = False
        if self.round_start == 0:
            said_something = len(self.sentences) > 0
            self.timing.model_ms += done.first_sentence_ms if said_something else done.total_ms

    def next_round(self, number: int) -> None:
        """The model begins another round, under `number`."""
        self.asked = number
        self.rounds += 1
        self.round_start = len(self.sentences)
        self.streaming = True
        self.repeats = []

    def place(self, entry: OttoSaid, first: int, last: int) -> None:
        """Tie a history entry to its sentences [first, last), so that it can be cut."""
        self.entries.append((entry, first, last))
        if self.closed or self.paused:
            self._cut(entry, first, last)

    def pause(self, now_s: float) -> None:
        """Stop here, and let the history say no more than was heard until it goes on."""
        self._settle(now_s)
        self.paused = True

    def resume(self, generation: int, playback: Playback) -> list[tuple[int, str]]:
        """Go on under a new generation: the (index, text) of what has still to be said."""
        self.generation, self.playback, self.paused = generation, playback, False
        rest = [(index, unheard) for index, (_, unheard) in sorted(self.heard.items()) if unheard]
        for index, text in rest:
            playback.queued(index, text)
        for entry, first, last in self.entries:
            entry.text, entry.unheard = " ".join(self.sentences[first:last]), ""
        return rest

    def close(self, now_s: float) -> None:
        """Settle what was heard, and let the history say no more than that."""
        if self.closed:
            return
        if not self.paused:
            self._settle(now_s)
        self.closed, self.paused = True, False
        self.waiting.clear()
        for entry, first, last in self.entries:
            self._cut(entry, first, last)

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    @property
    def has_answer(self) -> bool:
        """Whether there is a sentence in it that is more than a remark."""
        return len(self.sentences) > len(self.remarks)

    @property
    def heard_text(self) -> str:
        return " ".join(heard for heard, _ in self.heard.values() if heard)

    @property
    def begun_text(self) -> str:
        """The sentences of the answer of which anything was heard, whole."""
        return " ".join(
            self.sentences[index]
            for index, (heard, _) in self.heard.items()
            if heard and index not in self.remarks
        )

    def heard_by(self, now_s: float) -> dict[int, tuple[str, str]]:
        """Sentence index → (heard, not heard) by now, or by the time it was paused or closed."""
        if self.paused or self.closed:
            return dict(self.heard)
        split = self.playback.split(now_s)
        found: dict[int, tuple[str, str]] = {}
        for index in range(len(self.sentences)):
            heard, unheard = split.get(index, ("", ""))
            found[index] = f"{self._before.get(index, '')} {heard}".strip(), unheard
        return found

    def _settle(self, now_s: float) -> None:
        self.heard = self.heard_by(now_s)
        self._before = {index: heard for index, (heard, _) in self.heard.items()}
        for entry, first, last in self.entries:
            self._cut(entry, first, last)

    def _cut(self, entry: OttoSaid, first: int, last: int) -> None:
        parts = [self.heard[index] for index in range(first, last) if index in self.heard]
        entry.text = " ".join(heard for heard, _ in parts if heard)
        # Of an answer that nobody heard a word of, there is nothing to be said again.
        entry.unheard = (
            " ".join(unheard for _, unheard in parts if unheard) if self.heard_text else ""
        )
