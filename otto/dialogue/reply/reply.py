"""One answer of Otto, from the caller's last word to the last mark.

    MAKING ──sound──▶ AUDIBLE          nothing of it is on the line yet; then some of it is
      ▲  │ pause         │ pause
      │  └───▶ PAUSED ◀──┘             the caller seems to interrupt
      └─unpause──┘                     they did not: it goes on, under a new generation
    any ──close──▶ CLOSED              it was heard to its end, or thrown away

`TRANSITIONS` is all of it. A reply changes by its methods alone, which refuse what its state does
not allow and change nothing then. From CLOSED on, its `heard` is final and nothing of it may be
said or done any more, save that a tool which was already running brings its result into the
history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from otto.dialogue.reply.playback import Playback
from otto.dialogue.reply.timing import Timing
from otto.dialogue.session.history import OttoSaid
from otto.dialogue.session.state import Ending
from otto.dialogue.turns.completeness import Expected
from otto.events import ModelDone


class ReplyState(StrEnum):
    """How far a reply is."""

    MAKING = "making"
    AUDIBLE = "audible"
    PAUSED = "paused"
    CLOSED = "closed"


class Step(StrEnum):
    """What happens to a reply."""

    SOUND = "sound"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    CLOSE = "close"


MOST_SET_RIGHT = 1
"""How often in one reply the model is told what was wrong with its words."""
TRANSITIONS: dict[tuple[ReplyState, Step], ReplyState] = {
    (ReplyState.MAKING, Step.SOUND): ReplyState.AUDIBLE,
    (ReplyState.AUDIBLE, Step.SOUND): ReplyState.AUDIBLE,
    (ReplyState.MAKING, Step.PAUSE): ReplyState.PAUSED,
    (ReplyState.AUDIBLE, Step.PAUSE): ReplyState.PAUSED,
    # Nothing is audible until the rest is.
    (ReplyState.PAUSED, Step.UNPAUSE): ReplyState.MAKING,
    (ReplyState.MAKING, Step.CLOSE): ReplyState.CLOSED,
    (ReplyState.AUDIBLE, Step.CLOSE): ReplyState.CLOSED,
    (ReplyState.PAUSED, Step.CLOSE): ReplyState.CLOSED,
}
"""(state, step) → next state. A pair that is not listed is refused."""


class IllegalStep(Exception):
    """The reply's state does not allow it; nothing has changed."""


@dataclass(slots=True)
class ModelRound:
    """One request to the model: an answer has several when tools are called in between."""

    round_id: int
    """Under which its events come back."""
    first: int
    """Index of its first sentence in the reply."""
    streaming: bool = True
    """Whether the model is still at it."""
    repeats: list[str] = field(default_factory=list)
    """Words already said that a round made anew may begin with; they are not said twice."""

    def unrepeated(self, text: str) -> str:
        """`text` without the words it repeats; what differs from them is said as it is."""
        words, repeats = text.split(), self.repeats
        if not repeats:
            return text
        common = 0
        while common < min(len(words), len(repeats)) and words[common] == repeats[common]:
            common += 1
        if common < min(len(words), len(repeats)):
            repeats.clear()
            return text
        del repeats[:common]
        return " ".join(words[common:])


class Reply:
    """One answer: its sentences, its rounds of the model, its place in the history, its playback.

    `generation` is the number its audio carries; `expected_before` is what the caller was expected
    to answer before this reply.
    """

    def __init__(
        self,
        generation: int,
        playback: Playback,
        expected_before: Expected = Expected.ANYTHING,
        timing: Timing | None = None,
    ) -> None:
        self.state = ReplyState.MAKING
        self.generation = generation
        self.playback = playback
        self.expected_before = expected_before
        self.timing = timing or Timing()
        self.sentences: list[str] = []
        self.heard: dict[int, tuple[str, str]] = {}
        """Sentence index → (heard, not heard), as of the last pause or the end."""
        self.entries: list[tuple[OttoSaid, int, int]] = []
        """Entries of the history, with the sentences [first, last) of each."""
        self.remarks: set[int] = set()
        """Sentences that are no part of the answer: a filler, an apology for the line."""
        self.rounds = 0
        """How many rounds of the model there have been."""
        self.round: ModelRound | None = None
        """The latest one."""
        self.is_finished = False
        """Whether the last sentence has been given to the synthesiser."""
        self.fillers = 0
        """How many fillers have been said."""
        self.ending: Ending | None = None
        """What follows when it has been heard; None: it is the caller's turn."""
        self.owes_person = False
        """Whether a person was asked for with it, whom it does not bring yet."""
        self._times_set_right = 0
        self._before: dict[int, str] = {}
        """What was heard of each sentence under earlier generations."""
        self._waiting: list[Callable[[], None]] = []

    # State

    @property
    def is_paused(self) -> bool:
        return self.state is ReplyState.PAUSED

    @property
    def is_closed(self) -> bool:
        return self.state is ReplyState.CLOSED

    @property
    def is_closing(self) -> bool:
        """Whether the line is given up when it has been heard."""
        return self.is_finished and self.ending is not None

    @property
    def is_streaming(self) -> bool:
        """Whether the model is still at it."""
        return self.round is not None and self.round.streaming

    @property
    def is_filled(self) -> bool:
        """Whether a filler has been said."""
        return self.fillers > 0

    @property
    def is_bridged(self) -> bool:
        """Whether what is said last is a filler, whose sound is no sign of the answer."""
        return not self.is_finished and len(self.sentences) - 1 in self.remarks

    @property
    def is_in_mid_round(self) -> bool:
        """Whether the model has said something of the round it is still at."""
        return (
            self.round is not None
            and self.round.streaming
            and bool(self.part(self.round.first, len(self.sentences)))
        )

    def sound(self, now_s: float) -> None:
        """Its first audio under this generation is on the line."""
        self._step(Step.SOUND)
        self.timing.sounded(now_s)

    def pause(self, now_s: float) -> None:
        """Stop here, and let the history say no more than was heard until it goes on."""
        heard = self.heard_by(now_s)
        self._step(Step.PAUSE)
        self._settle(heard)

    def unpause(self, generation: int, playback: Playback) -> list[tuple[int, str]]:
        """Go on under a new generation: the (index, text) of what has still to be said."""
        self._step(Step.UNPAUSE)
        self.generation, self.playback = generation, playback
        rest = [(index, unheard) for index, (_, unheard) in sorted(self.heard.items()) if unheard]
        for index, text in rest:
            playback.queued(index, text)
        for entry, first, last in self.entries:
            entry.text, entry.unheard = self.part(first, last), ""
        return rest

    def close(self, now_s: float) -> None:
        """Settle what was heard, and let the history say no more than that."""
        heard = self.heard_by(now_s)
        self._step(Step.CLOSE)
        self._waiting.clear()
        self._settle(heard)

    def when_going(self, step: Callable[[], None]) -> None:
        """Do something now, or as soon as the reply is no longer paused; never if it is closed."""
        if self.is_paused:
            self._waiting.append(step)
        elif not self.is_closed:
            step()

    def do_waiting(self) -> None:
        """Do what has waited for the reply to go on."""
        steps, self._waiting = self._waiting, []
        for step in steps:
            self.when_going(step)

    # Sentences

    def add_sentence(self, text: str, *, is_remark: bool = False) -> int:
        """Queue a sentence; returns its index in the reply."""
        self._must_be_open("take another sentence")
        index = len(self.sentences)
        self.sentences.append(text)
        if self.is_paused:
            self.heard[index] = "", text
        else:
            self.playback.queued(index, text)
        if is_remark:
            self.remarks.add(index)
            if self.round is not None and self.round.streaming and self.round.first == index:
                self.round.first = index + 1  # the model's answer begins behind it
        return index

    def add_heard(self, text: str) -> None:
        """A sentence the caller has heard before: part of the answer, not to be said."""
        self._must_be_open("take another sentence")
        index = len(self.sentences)
        self.sentences.append(text)
        self._before[index] = text
        self.heard[index] = text, ""

    def fill(self) -> None:
        """It has one more filler."""
        self.fillers += 1

    def finish(self) -> None:
        """No sentence follows."""
        self._must_be_open("be finished")
        self.is_finished = True

    def end_with(self, ending: Ending) -> None:
        """It is the last reply, unless the caller has more to say."""
        self._must_be_open("end the call")
        self.ending = ending

    # Rounds of the model

    def begin_round(self, round_id: int) -> None:
        """The model begins another round."""
        self._must_be_open("ask the model")
        self.rounds += 1
        self.round = ModelRound(round_id, len(self.sentences))

    def may_ask_again(self) -> bool:
        """Whether the model may be told once more what was wrong with its words; it is counted."""
        self._times_set_right += 1
        return self._times_set_right <= MOST_SET_RIGHT

    def take_rounds(self, count: int, first: int, *, streaming: bool) -> None:
        """The reply was another call actor's, which had asked `count` times; the sentences of the
        last round begin at `first`."""
        self.rounds = count
        self.round = ModelRound(0, first, streaming)

    def ask_again(self, round_id: int) -> str:
        """The round under way is made anew; what was said of it, which is not said twice."""
        self._must_be_open("ask the model")
        assert self.round is not None
        said = self.part(self.round.first, len(self.sentences))
        self.round = ModelRound(round_id, self.round.first, repeats=said.split())
        return said

    def end_round(self, done: ModelDone | None = None) -> tuple[int, int]:
        """The round is over, or was cut short (None); its sentences, [first, last)."""
        assert self.round is not None
        self.round.streaming = False
        if done is not None and self.round.first == 0:
            said_something = len(self.sentences) > 0
            self.timing.model_took(done.first_sentence_ms if said_something else done.total_ms)
        return self.round.first, len(self.sentences)

    # History

    def place(self, entry: OttoSaid, first: int, last: int) -> None:
        """Tie a history entry to its sentences [first, last), so that it can be cut."""
        self.entries.append((entry, first, last))
        if self.is_closed or self.is_paused:
            self._cut(entry, first, last)

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    def part(self, first: int, last: int) -> str:
        """The sentences [first, last) without the remarks among them."""
        return " ".join(
            sentence
            for index, sentence in enumerate(self.sentences[first:last], start=first)
            if index not in self.remarks
        )

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
        if self.is_paused or self.is_closed:
            return dict(self.heard)
        split = self.playback.split(now_s)
        found: dict[int, tuple[str, str]] = {}
        for index in range(len(self.sentences)):
            heard, unheard = split.get(index, ("", ""))
            found[index] = f"{self._before.get(index, '')} {heard}".strip(), unheard
        return found

    # Inside

    def _step(self, step: Step) -> None:
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            raise IllegalStep(f"a reply that is {self.state} cannot {step}")
        self.state = following

    def _must_be_open(self, what: str) -> None:
        if self.is_closed:
            raise IllegalStep(f"a reply that is {self.state} cannot {what}")

    def _settle(self, heard: dict[int, tuple[str, str]]) -> None:
        self.heard = heard
        self._before = {index: said for index, (said, _) in heard.items()}
        for entry, first, last in self.entries:
            self._cut(entry, first, last)

    def _cut(self, entry: OttoSaid, first: int, last: int) -> None:
        placed = [index for index in range(first, last) if index not in self.remarks]
        parts = [self.heard[index] for index in placed if index in self.heard]
        entry.text = " ".join(heard for heard, _ in parts if heard)
        # Of an answer that nobody heard a word of, there is nothing to be said again.
        entry.unheard = (
            " ".join(unheard for _, unheard in parts if unheard) if self.heard_text else ""
        )
