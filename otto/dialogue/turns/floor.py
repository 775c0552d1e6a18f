"""Who has the floor: the states of a conversation, what can happen, and what follows from it.

`TRANSITIONS` is the whole of turn-taking; `TurnTaker` (taker.py) makes its inputs from words, keys
and time::

    caller  ──talks──┐            ┌─"no, Wednesday"─┐
    state   LISTENING│ THINKING   │ INTERRUPTED     │ THINKING   SPEAKING   LISTENING
    otto             └─(generates)┴─talks─X clear   └─(generates)┴─talks────┘

    caller                        ┌─"uh…"  (nothing follows)
    state   SPEAKING              │ INTERRUPTED       │ THINKING  SPEAKING
    otto    ──talks───────────────X clear             └ goes on from the word where it stopped
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Who has the floor."""

    LISTENING = "listening"
    """The caller has it, or nobody does."""
    THINKING = "thinking"
    """The caller's turn is over; the answer is being made and nothing of it is audible."""
    SPEAKING = "speaking"
    """Otto is audible."""
    INTERRUPTED = "interrupted"
    """The caller's words stopped Otto. What it was saying is kept until they mean something."""
    ENDING = "ending"
    """Otto is saying the last sentence; after it the line is given up."""
    ENDED = "ended"


class Input(StrEnum):
    """What can happen."""

    VOICE = "voice"
    """Somebody makes a sound that may become words."""
    WORDS = "words"
    """The caller says enough to take the floor."""
    KEY = "key"
    """The caller presses a key: nobody does that by accident."""
    TURN_END = "turn_end"
    """The caller has finished a turn that has words."""
    PRESENCE = "presence"
    """The caller asks whether anybody is there, and no more than that."""
    NOTHING = "nothing"
    """What stopped Otto was no word after all, or none that means anything."""
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
    """Stop what is being played, at once, and keep the rest for `UNPAUSE`, unless `CANCEL`
    follows."""
    UNPAUSE = "unpause"
    """Go on with what was stopped, from the word where it was heard to stop."""
    FILL = "fill"
    """Let the caller hear that somebody is there, unless they hear it anyway."""
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
    # Endpointing was too early and the caller goes on: the answer waits, and is dropped when
    # what they say has words. A breath taken for a word does not cost the caller the answer.
    (State.THINKING, Input.WORDS): (State.INTERRUPTED, (Action.CLEAR,)),
    # So it does for a moment when a voice is heard: nothing of it is audible yet, and words come
    # later than the voice that says them.
    (State.THINKING, Input.VOICE): (State.INTERRUPTED, (Action.CLEAR,)),
    (State.THINKING, Input.TURN_END): (State.THINKING, (Action.CANCEL, Action.REPLY)),
    # Barge-in. A final segment may arrive with no interim before it: then both at once.
    (State.SPEAKING, Input.WORDS): (State.INTERRUPTED, (Action.CLEAR,)),
    (State.SPEAKING, Input.TURN_END): (State.THINKING, (*_STOP, Action.REPLY)),
    (State.INTERRUPTED, Input.WORDS): (State.INTERRUPTED, ()),
    (State.INTERRUPTED, Input.TURN_END): (State.THINKING, (Action.CANCEL, Action.REPLY)),
    # A false interruption: nothing is audible until the rest is, so it is THINKING again.
    (State.INTERRUPTED, Input.NOTHING): (State.THINKING, (Action.UNPAUSE,)),
    # "Hello?" while an answer is made or said asks for a sound, not for another answer. In
    # LISTENING it is a turn like any other.
    (State.THINKING, Input.PRESENCE): (State.THINKING, (Action.FILL,)),
    (State.SPEAKING, Input.PRESENCE): (State.SPEAKING, (Action.FILL,)),
    (State.INTERRUPTED, Input.PRESENCE): (State.THINKING, (Action.UNPAUSE, Action.FILL)),
    # Keys stop Otto for good.
    (State.LISTENING, Input.KEY): (State.LISTENING, ()),
    (State.THINKING, Input.KEY): (State.LISTENING, (Action.CANCEL,)),
    (State.SPEAKING, Input.KEY): (State.LISTENING, _STOP),
    (State.INTERRUPTED, Input.KEY): (State.LISTENING, (Action.CANCEL,)),
    (State.ENDING, Input.KEY): (State.LISTENING, _STOP),
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
    # The end. A caller who speaks during the goodbye gets the floor back: the end is off.
    (State.LISTENING, Input.CLOSE): (State.ENDING, ()),
    (State.THINKING, Input.CLOSE): (State.ENDING, ()),
    (State.SPEAKING, Input.CLOSE): (State.ENDING, ()),
    (State.ENDING, Input.CLOSE): (State.ENDING, ()),
    (State.ENDING, Input.SAY): (State.ENDING, ()),
    (State.ENDING, Input.AUDIO): (State.ENDING, ()),
    (State.ENDING, Input.WORDS): (State.INTERRUPTED, (Action.CLEAR,)),
    (State.ENDING, Input.TURN_END): (State.THINKING, (*_STOP, Action.REPLY)),
    (State.ENDING, Input.PLAYED): (State.ENDED, (Action.FINISH,)),
    (State.ENDING, Input.SILENCE): (State.ENDED, (Action.FINISH,)),
}
"""(state, input) → (next state, actions). A pair that is not listed changes nothing, except
`HANG_UP`, which ends every state."""
