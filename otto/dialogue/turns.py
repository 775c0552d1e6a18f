"""Who has the floor: turn-taking as a sans-I/O state machine.

Raw events come in (a voice, interim words, a final segment, the end of an utterance, audio
played, a silence); decisions come out. Nothing here knows sockets, tasks or clocks, so a whole
conversation's timing can be tested in microseconds::

    caller  ──talks──┐            ┌─"no, Wednesday"─┐
    state   LISTENING│ THINKING   │ INTERRUPTED     │ THINKING   SPEAKING   LISTENING
    otto             └─(generates)┴─talks─X clear   └─(generates)┴─talks────┘

`TRANSITIONS` is the whole of it; `TurnTaker` turns words into its inputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from otto.speech.events import SpeechStarted, Transcript, UtteranceEnd


class State(StrEnum):
    """Who has the floor."""

    LISTENING = "listening"
    """The caller has it, or nobody does."""
    THINKING = "thinking"
    """The caller's turn is over; the answer is being made and nothing of it is audible."""
    SPEAKING = "speaking"
    """Otto is audible."""
    INTERRUPTED = "interrupted"
    """The caller talked over Otto and goes on; what Otto was saying is gone."""
    ENDING = "ending"
    """Otto is saying the last sentence; after it the line is given up."""
    ENDED = "ended"


class Input(StrEnum):
    """What can happen."""

    WORDS = "words"
    """The caller says enough to take the floor."""
    TURN_END = "turn_end"
    """The caller has finished a turn that has words."""
    AUDIO = "audio"
    """The first audio of Otto's answer is on the line."""
    PLAYED = "played"
    """All of Otto's answer has been heard."""
    SAY = "say"
    """Otto says something unasked: the greeting, a prompt after silence."""
    SILENCE = "silence"
    """Nobody has said anything for the time set."""
    CLOSE = "close"
    """The answer now being spoken is the last one."""
    HANG_UP = "hang_up"
    """The line is gone, or nothing is left to say."""


class Action(StrEnum):
    """What the conversation has to do."""

    REPLY = "reply"
    """Answer the caller's turn."""
    CANCEL = "cancel"
    """Throw the running generation away: nothing of it may be said or done any more."""
    CLEAR = "clear"
    """Stop what is being played, at once."""
    PROMPT = "prompt"
    """Ask whether the caller is still there."""
    WAIT = "wait"
    """Start counting silence."""
    FINISH = "finish"
    """Give up the line."""


_STOP = (Action.CLEAR, Action.CANCEL)

TRANSITIONS: dict[tuple[State, Input], tuple[State, tuple[Action, ...]]] = {
    # The ordinary turn.
    (State.LISTENING, Input.WORDS): (State.LISTENING, ()),
    (State.LISTENING, Input.TURN_END): (State.THINKING, (Action.REPLY,)),
    (State.THINKING, Input.AUDIO): (State.SPEAKING, ()),
    (State.SPEAKING, Input.AUDIO): (State.SPEAKING, ()),
    (State.SPEAKING, Input.PLAYED): (State.LISTENING, (Action.WAIT,)),
    # The answer was so short that it was over before its first audio was noticed.
    (State.THINKING, Input.PLAYED): (State.LISTENING, (Action.WAIT,)),
    # Endpointing was too early and the caller goes on: an answer nobody has heard is dropped.
    (State.THINKING, Input.WORDS): (State.LISTENING, (Action.CANCEL,)),
    (State.THINKING, Input.TURN_END): (State.THINKING, (Action.CANCEL, Action.REPLY)),
    # Barge-in. A final segment may arrive with no interim before it: then both at once.
    (State.SPEAKING, Input.WORDS): (State.INTERRUPTED, _STOP),
    (State.SPEAKING, Input.TURN_END): (State.THINKING, (*_STOP, Action.REPLY)),
    (State.INTERRUPTED, Input.WORDS): (State.INTERRUPTED, ()),
    (State.INTERRUPTED, Input.TURN_END): (State.THINKING, (Action.REPLY,)),
    # Audio or an echo that was already on its way when the caller interrupted.
    (State.INTERRUPTED, Input.AUDIO): (State.INTERRUPTED, ()),
    (State.INTERRUPTED, Input.PLAYED): (State.INTERRUPTED, ()),
    (State.LISTENING, Input.AUDIO): (State.LISTENING, ()),
    (State.LISTENING, Input.PLAYED): (State.LISTENING, ()),
    # Otto speaks unasked.
    (State.LISTENING, Input.SAY): (State.SPEAKING, ()),
    (State.THINKING, Input.SAY): (State.SPEAKING, ()),
    (State.SPEAKING, Input.SAY): (State.SPEAKING, ()),
    (State.INTERRUPTED, Input.SAY): (State.SPEAKING, ()),
    # Silence counts only while Otto waits for the caller.
    (State.LISTENING, Input.SILENCE): (State.LISTENING, (Action.PROMPT,)),
    # An interruption whose words never became a segment ("uh…"): the caller expects us to speak.
    (State.INTERRUPTED, Input.SILENCE): (State.LISTENING, (Action.PROMPT,)),
    # The end. A caller who speaks during the goodbye gets the floor back: the end is off.
    (State.LISTENING, Input.CLOSE): (State.ENDING, ()),
    (State.THINKING, Input.CLOSE): (State.ENDING, ()),
    (State.SPEAKING, Input.CLOSE): (State.ENDING, ()),
    (State.ENDING, Input.CLOSE): (State.ENDING, ()),
    (State.ENDING, Input.SAY): (State.ENDING, ()),
    (State.ENDING, Input.AUDIO): (State.ENDING, ()),
    (State.ENDING, Input.WORDS): (State.INTERRUPTED, _STOP),
    (State.ENDING, Input.TURN_END): (State.THINKING, (*_STOP, Action.REPLY)),
    (State.ENDING, Input.PLAYED): (State.ENDED, (Action.FINISH,)),
    (State.ENDING, Input.SILENCE): (State.ENDED, (Action.FINISH,)),
}
"""(state, input) → (next state, actions). A pair that is not listed changes nothing, except
`HANG_UP`, which ends every state."""

IMMEDIATE_WORDS = frozenset(
    "stop wait no nope hold agent operator human representative person yes yeah sorry".split()
)
"""One of these interrupts alone: whoever says it wants to be heard now."""

BACKCHANNEL = frozenset(
    "mhm mm mmhmm hmm hm uh um huh uhhuh ah oh okay ok right sure alright great yep gotcha".split()
)
"""Said to show that one is listening. They never interrupt."""

_WORD = re.compile(r"[a-z0-9']+")


def words_of(text: str) -> list[str]:
    """The words of `text`, lower case, hyphens dropped ("Mm-hmm" is one word)."""
    return _WORD.findall(text.lower().replace("-", ""))


def takes_the_floor(text: str, at_least: int, *, final: bool) -> bool:
    """Whether words said while Otto speaks interrupt it.

    Interims need `at_least` words or an immediate one, because a single early guess is often
    wrong. A final segment interrupts with any word that is not mere backchannel.
    """
    words = words_of(text)
    meant = [word for word in words if word not in BACKCHANNEL]
    if not meant:
        return False
    if final or any(word in IMMEDIATE_WORDS for word in meant):
        return True
    return len(words) >= at_least


@dataclass(slots=True)
class Turn:
    """What the caller has said since Otto last took the floor."""

    segments: list[str] = field(default_factory=list)
    end_ms: int = 0
    """Media time at which the last word ended."""

    @property
    def text(self) -> str:
        return " ".join(segment for segment in self.segments if segment)


class TurnTaker:
    """Feed it what happens; it answers with the actions to take, in order.

    `hear` takes the recogniser's events, `note` everything else. After an action `REPLY`,
    `take` hands over the caller's turn and starts a new one.
    """

    def __init__(self, barge_in_words: int) -> None:
        self.state = State.LISTENING
        self._barge_in_words = barge_in_words
        self._turn = Turn()

    # What happens

    def hear(self, event: SpeechStarted | Transcript | UtteranceEnd) -> tuple[Action, ...]:
        """Take one event of the recogniser."""
        if isinstance(event, SpeechStarted):
            return ()  # a voice without words is no reason to stop talking
        if isinstance(event, UtteranceEnd):
            return self.note(Input.TURN_END) if self._turn.segments else ()
        return self._transcript(event)

    def note(self, happened: Input) -> tuple[Action, ...]:
        """Take one input of the table."""
        if self.state is State.ENDED:
            return ()
        if happened is Input.HANG_UP:
            self.state = State.ENDED
            return (Action.CANCEL, Action.FINISH)
        following = TRANSITIONS.get((self.state, happened))
        if following is None:
            return ()
        self.state, actions = following
        return actions

    def take(self) -> Turn:
        """The caller's turn so far; what comes next belongs to the next one."""
        turn, self._turn = self._turn, Turn()
        return turn

    # Inside

    def _transcript(self, event: Transcript) -> tuple[Action, ...]:
        text = event.text.strip()
        otto_has_the_floor = self.state in {State.SPEAKING, State.ENDING}
        if otto_has_the_floor and not takes_the_floor(
            text, self._barge_in_words, final=event.is_final
        ):
            return ()
        actions: tuple[Action, ...] = ()
        if text:
            if event.is_final:
                self._turn.segments.append(text)
                self._turn.end_ms = event.end_ms
            actions = self.note(Input.WORDS)
        if event.speech_final and self._turn.segments:
            actions += self.note(Input.TURN_END)
        return actions
