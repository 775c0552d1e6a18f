"""The caller's turns, from what the recogniser and the keypad report. Sans-I/O.

Raw events come in (a voice, interim words, a final segment, a key, audio played, a silence) with
the time they came at; decisions come out. Nothing here knows sockets, tasks or clocks, so a whole
conversation's timing can be tested in microseconds. What a decision follows from is the table in
`floor.py`.

When is a turn over? The recogniser's pause says so, unless the words say that more must come::

    "an oil change"  ·300 ms· ►                          plain: at the pause
    "on Tuesday and" ·300 ms···unfinished_hold_s··· ►    it breaks off: held open
    "hi, good morning" ·300 ms···story_hold_s··· ►       nothing yet of what the call is about
    "three one two"  ·300 ms···dictation_hold_s· "five five five" ··· "oh one four two" ►
                                                         the tenth digit ends it, at once
"""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import CallSettings
from otto.dialogue.turns.barge_in import ASSENT, is_noise, means_something, takes_the_floor
from otto.dialogue.turns.completeness import (
    Expected,
    Verdict,
    assess,
    digits_of,
    expectation,
    is_dictation,
    words_of,
)
from otto.dialogue.turns.courtesy import Parting, announced, is_courtesy
from otto.dialogue.turns.floor import TRANSITIONS, Action, Input, State
from otto.dialogue.turns.keypad import Keypad
from otto.dialogue.turns.opening import says_no_wish
from otto.dialogue.turns.patience import (
    ANSWERED_EARLY_S,
    NO_ENDPOINT_S,
    VOICE_S,
    WHOLE_S,
    WORD_END_MS,
    held_open_s,
)
from otto.dialogue.turns.pieces import Pieces
from otto.dialogue.turns.presence import is_presence_check, may_become_presence_check
from otto.dialogue.turns.settled import Settled
from otto.events import EagerEndOfTurn, Heard, SpeechStarted, Transcript, TurnResumed, UtteranceEnd

_OTTO_HAS_THE_FLOOR = {State.THINKING, State.SPEAKING, State.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller has said, and keyed, since Otto last took the floor."""

    text: str
    end_ms: int = 0
    """Media time at which the last word ended; 0 when there was none."""


class TurnTaker:
    """Feed it what happens; it answers with the actions to take, in order.

    `hear` takes the recogniser's events, `press` keys, `played` the end of Otto's audio, `note`
    everything else. `due_s` says when `check` wants to be called, on the clock that `now_s` is
    read from, in seconds. After an action `REPLY`, `take` hands over the caller's turn and starts
    a new one. `asked` tells it what Otto says, for the answer is judged by the question.
    """

    def __init__(self, settings: CallSettings) -> None:
        self.state = State.LISTENING
        self.expected = Expected.ANYTHING
        self.due_s: float | None = None
        """When a turn that is held open, or an interruption without words, is to be settled."""
        self.parting: Parting | None = None
        """How Otto takes leave, or is about to: courtesy is no reason to stay then."""
        self._settings = settings
        self._keypad = Keypad()
        self._pieces = Pieces()
        self._begin_ms = 0
        self._end_ms = 0
        self._interim = ""
        self._newest_ms = 0
        """Where the newest words ended, final or not."""
        self._settled = Settled()
        self._words_at_s = 0.0
        self._span_s = 0.0
        self._is_held = False
        self._murmur: tuple[str, float] | None = None
        self._has_waited = False
        """Whether the answer being made has waited for a voice."""
        self._opening = ""
        """A presence check that the caller has not stopped after."""

    # What happens

    def hear(self, event: Heard, now_s: float, *, is_asked: bool = False) -> tuple[Action, ...]:
        """Take one event of the recogniser. `is_asked`: Otto is asking whether the caller is
        there, so that "hello?" is an answer."""
        if self.state is State.ENDED:
            return ()
        match event:
            case SpeechStarted() | TurnResumed():
                return self._voice(now_s)
            case EagerEndOfTurn():
                return ()  # no reason to answer, only to prepare for it
            case UtteranceEnd():
                self._opening = ""
                return self._utterance_end(event, now_s)
            case Transcript() if not is_asked and self._is_check(event):
                return self._presence(event)
            case Transcript():
                return self._transcript(event, now_s)

    def press(self, key: str, now_s: float) -> tuple[Action, ...]:
        """Take one key of the telephone: 0-9, * or #; no telephone people have sends another."""
        is_sign = key in {"#", "*"}
        if self.state is State.ENDED or (self.is_idle if is_sign else not key.isdecimal()):
            is_waiting = self.state is State.LISTENING and self.is_idle
            return (Action.WAIT,) if is_waiting else ()  # it means nothing: silence goes on
        spoken = self._pieces.spoken
        before = digits_of(spoken) if is_dictation(spoken) else ""
        is_complete = self._keypad.press(key, self.expected, before)
        actions = self.note(Input.KEY)
        self._words_at_s = now_s
        self._set_due(now_s, self._settings.keypad_timeout_s)
        return actions + self._end_turn() if is_complete else actions

    def played(self, now_s: float) -> tuple[Action, ...]:
        """All of Otto's answer has been heard."""
        actions = self.note(Input.PLAYED)
        murmur, self._murmur = self._murmur, None
        if (
            self.state is State.LISTENING
            and murmur is not None
            and now_s - murmur[1] <= ANSWERED_EARLY_S
            and self.expected is Expected.YES_NO
            and self.is_idle
        ):
            self._pieces.add(murmur[0])
            return actions + self._end_turn()
        return actions

    def check(self, now_s: float) -> tuple[Action, ...]:
        """Settle what has waited long enough."""
        if self.due_s is None or now_s < self.due_s or self.state is State.ENDED:
            return ()
        self.due_s = None
        self._settle()
        if not self.is_idle:
            return self._end_turn()
        if self.state is State.INTERRUPTED:
            return self.note(Input.NOTHING)
        return (Action.WAIT,) if self.state is State.LISTENING else ()

    def note(self, happened: Input) -> tuple[Action, ...]:
        """Take one input of the table."""
        if self.state is State.ENDED:
            return ()
        if happened is Input.HANG_UP:
            self.state, self.due_s = State.ENDED, None
            return (Action.CANCEL, Action.FINISH)
        following = TRANSITIONS.get((self.state, happened))
        if following is None:
            return ()
        self.state, actions = following
        is_settled = happened is Input.PRESENCE and self.is_idle
        self._has_waited |= happened is Input.NOTHING
        if is_settled or happened in {Input.TURN_END, Input.NOTHING} or self.state is State.ENDED:
            self.due_s, self._is_held = None, False
        if happened is Input.TURN_END or self.state is State.LISTENING:
            self.parting = None
        return actions

    def asked(self, said: str) -> None:
        """Otto says `said`: what comes next is judged as an answer to it."""
        self.expected = expectation(said)
        self.parting = announced(said)

    def cut_off(self, begun: str, before: Expected) -> None:
        """What Otto said was thrown away: the caller answers the sentences that were begun, or,
        when there are none, what they were expected to answer `before`."""
        self.expected = expectation(begun) if begun else before

    # What follows from it

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a turn of the caller has been heard yet."""
        return not self._pieces and not self._keypad.digits

    @property
    def is_quiet(self) -> bool:
        """Whether no word of the caller is on its way, either."""
        return self.is_idle and not self._interim

    @property
    def likely(self) -> str:
        """The turn as it will be if the caller has now finished, as they probably have; else ""."""
        text = self.whole
        is_sentence = text.endswith((".", "?", "!"))
        return text if is_sentence or assess(text, self.expected) is Verdict.COMPLETE else ""

    @property
    def whole(self) -> str:
        """The turn as it will be if the caller has now finished; "" when more has to come."""
        if self.state is not State.LISTENING or self._keypad.digits:
            return ""
        text = " ".join(
            part for part in (self._pieces.written(self.expected), self._interim) if part
        )
        is_whole = assess(text, self.expected) in {Verdict.COMPLETE, Verdict.PLAIN}
        return text if is_whole and not says_no_wish(text, self.expected) else ""

    def take(self) -> Turn:
        """The caller's turn so far; what comes next belongs to the next one."""
        turn = Turn(self._pieces.written(self.expected), self._end_ms)
        self._pieces, self._end_ms, self._interim = Pieces(), 0, ""
        self._has_waited = False
        return turn

    # A voice, and words

    def _voice(self, now_s: float) -> tuple[Action, ...]:
        """A voice without words is no reason to stop talking, but one to wait a little; and not to
        begin, once in a turn, for whoever coughs or has a noisy room waits for an answer."""
        self._hold_on(now_s)
        if self.state is not State.THINKING or self._has_waited or not self.is_idle:
            return ()
        self._has_waited = True
        self._set_due(now_s, VOICE_S)
        return self.note(Input.VOICE)

    def _is_check(self, event: Transcript) -> bool:
        """Whether the caller asks only if anybody is there, or may be about to, while an answer
        is made or said."""
        if self.state not in _OTTO_HAS_THE_FLOOR or not self.is_idle:
            return False
        if event.is_final:
            return is_presence_check(event.text)
        if self.state is State.THINKING:
            return may_become_presence_check(event.text)
        # Who hears Otto hardly asks: "can" begins a question then.
        is_open = len(words_of(event.text)) > 1 or is_presence_check(event.text)
        is_possible = self.state is not State.INTERRUPTED and is_open
        return is_possible and may_become_presence_check(event.text)

    def _presence(self, event: Transcript) -> tuple[Action, ...]:
        if not event.is_final:
            return ()
        self._opening = "" if event.speech_final else event.text.strip()
        return self.note(Input.PRESENCE)

    def _transcript(self, event: Transcript, now_s: float) -> tuple[Action, ...]:
        text = self._settled.new_in(event)
        if event.speech_final and not text:
            self._opening = ""
        if self._is_courtesy(text, is_final=event.is_final):
            return self._polite(event, now_s)
        if self.state in {State.SPEAKING, State.ENDING}:
            if not self._takes_the_floor(event, text):
                if event.is_final and ASSENT & set(words_of(text)):
                    self._murmur = text, now_s
                return ()
        elif self.state is State.THINKING and not self._is_reason_to_wait(event, text):
            return ()
        elif self.state is State.INTERRUPTED and self.is_idle and not means_something(text):
            if event.is_final and (event.speech_final or not text):
                return self.note(Input.NOTHING)
            self._hold_on(now_s)
            return ()
        actions: tuple[Action, ...] = ()
        self._interim = "" if event.is_final else text
        if text:
            self._words_at_s, self._begin_ms = now_s, event.start_ms
            self._newest_ms = max(self._newest_ms, event.end_ms)
            if event.is_final:
                self._say(text, event.end_ms)
            actions = self.note(Input.WORDS)
        elif event.is_final:
            self._newest_ms = self._end_ms  # what was an interim was nothing
        return actions + self._after_words(event, bool(text), now_s)

    def _takes_the_floor(self, event: Transcript, text: str) -> bool:
        settings = self._settings
        return takes_the_floor(
            text,
            settings.barge_in_words,
            final=event.is_final,
            voice_ms=event.voice_ms,
            enough_ms=settings.barge_in_voice_ms,
        )

    def _is_reason_to_wait(self, event: Transcript, text: str) -> bool:
        """Whether the answer that is being made waits for the caller, who goes on."""
        enough_ms = self._settings.barge_in_voice_ms
        return means_something(text) and (event.is_final or not is_noise(event.voice_ms, enough_ms))

    def _is_courtesy(self, text: str, *, is_final: bool) -> bool:
        """Whether Otto takes leave, and the caller only does so, too."""
        if self.parting is None or self.state is State.LISTENING or not self.is_idle:
            return False
        return is_courtesy(text, self.parting, is_final=is_final)

    def _polite(self, event: Transcript, now_s: float) -> tuple[Action, ...]:
        if self.state is not State.INTERRUPTED:
            return ()
        if event.speech_final:
            return self.note(Input.NOTHING)
        self._hold_on(now_s)
        return ()

    def _say(self, text: str, end_ms: int) -> None:
        if self._opening:
            self._pieces.add(self._opening)
            self._opening = ""
        self._pieces.add(text)
        self._end_ms = end_ms

    def _settle(self) -> None:
        """Words that never became final were said all the same. What leaves a turn unfinished, or
        has interrupted Otto, may have been a guess."""
        if not self._interim or self._keypad.digits or self.state is not State.LISTENING:
            return
        text = f"{self._pieces.written(self.expected)} {self._interim}"
        if self.is_idle or assess(text, self.expected) is not Verdict.UNFINISHED:
            self._say(self._interim, self._newest_ms)
            self._settled = Settled(self._interim, self._newest_ms)
        self._interim = ""

    def _after_words(self, event: Transcript, has_words: bool, now_s: float) -> tuple[Action, ...]:
        """Whether the turn is over with this, or how long it is held open."""
        if self._keypad.digits:
            self._set_due(now_s, self._settings.keypad_timeout_s)
            return ()
        if not self._pieces:
            if self.state is State.INTERRUPTED:
                self._set_due(now_s, self._settings.false_interruption_s)
            elif has_words:
                self._set_due(now_s, NO_ENDPOINT_S)
            return ()
        if not event.is_final:
            self._is_held = False
            self._set_due(now_s, NO_ENDPOINT_S)
            return ()
        if event.speech_final:
            if has_words or not self._is_held:
                return self._pause(now_s)
            return ()
        # In the middle of speech only what was dictated can be known to be whole: a "yes" may
        # go on with "but".
        is_whole = self._verdict() is Verdict.COMPLETE
        if is_whole and self.expected.dictated:
            return self._end_turn()
        self._is_held = False
        self._set_due(now_s, WHOLE_S if is_whole else NO_ENDPOINT_S)
        return ()

    def _utterance_end(self, event: UtteranceEnd, now_s: float) -> tuple[Action, ...]:
        if self._keypad.digits:
            return ()
        # The end of what was said before the newest words is late, and says nothing about them.
        is_late = event.last_word_end_ms < self._newest_ms - WORD_END_MS
        if not is_late:
            self._settle()
        if self._pieces:
            return () if self._is_held or is_late else self._pause(now_s)
        return () if event.last_word_end_ms < self._begin_ms else self.note(Input.NOTHING)

    def _pause(self, now_s: float) -> tuple[Action, ...]:
        """The caller has stopped: the turn is over, or held open for the rest of it."""
        hold_s = held_open_s(self._pieces.written(self.expected), self.expected, self._settings)
        if not hold_s:
            return self._end_turn()
        self._is_held = True
        self._set_due(now_s, hold_s)
        return ()

    def _end_turn(self) -> tuple[Action, ...]:
        digits = self._keypad.take()
        if digits:
            self._pieces.add(digits, keyed=True)
        return self.note(Input.TURN_END) if self._pieces else ()

    def _verdict(self) -> Verdict:
        return assess(self._pieces.written(self.expected), self.expected)

    # Time

    def _set_due(self, now_s: float, span_s: float) -> None:
        self.due_s, self._span_s = now_s + span_s, span_s

    def _hold_on(self, now_s: float) -> None:
        """Somebody may be about to go on: wait a little longer, but not for ever."""
        if self.due_s is not None:
            longest_s = self._words_at_s + self._settings.longest_hold_s
            self.due_s = max(self.due_s, min(now_s + self._span_s, longest_s))
