"""Flux's turns: one begins, is probably over, goes on, is over. No I/O, no clock but the audio.

    voice     ____/~~~~~~~~~~~\\______/~~~~~~~\\_______________________
    events        start  update..  eager resumed   eager     end
    confidence                  .3 .4            .3 .4 .5 .6 .7

The states and their order are those of developers.deepgram.com (docs/flux/state): `TurnResumed`
follows only an eager end, an end repeats the words of the eager one before it, an eager end has
words, the number of the turn rises with its end, and every quarter of a second without any of
these brings an `Update`. How sure Flux is that a turn is over is its secret. Here confidence grows
with the silence, faster behind a whole sentence than behind "and".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sandbox.deepgram.recognisers import Heard, VoiceStarted, Words

UPDATE_MS: Final = 250
_WHOLE_MS, _OPEN_MS, _BROKEN_MS = 100, 220, 900
"""Silence after which an end is as likely as not: behind a sentence, words, half a sentence."""
_BREAKS_OFF = frozenset(
    "and but or so because the a an my your to on at for in with of i um uh is are was".split()
)

Event = Literal["Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]
Trigger = Literal["model", "timeout", "manual"]


@dataclass(slots=True)
class Thresholds:
    """When a turn is taken to be over. `eager` None: no eager ends."""

    eot: float = 0.7
    eager: float | None = None
    timeout_ms: int = 5000


@dataclass(frozen=True, slots=True)
class TurnInfo:
    """One message about a turn. Times in milliseconds of the stream's audio."""

    event: Event
    index: int
    window_ms: tuple[int, int]
    words: tuple[Words, ...]
    confidence: float
    trigger: Trigger | None = None

    @property
    def transcript(self) -> str:
        """All that was said in the turn."""
        return " ".join(words.text for words in self.words)


class Turns:
    """Feed it what is heard and how much audio has passed; it answers with what to tell."""

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self._index = 0
        self._began_ms = 0
        self._now_ms = 0
        self._told_ms = 0
        self._final: list[Words] = []
        self._interim: Words | None = None
        self._is_started = False
        self._is_eager = False
        self._quiet_from_ms: int | None = None
        """Where the voice was last heard, once everything up to there is final."""

    def hear(self, heard: Heard) -> list[TurnInfo]:
        """Something is heard."""
        match heard:
            case VoiceStarted():
                self._quiet_from_ms = None
                return self._goes_on()
            case Words(is_final=False):
                self._interim = heard
                self._quiet_from_ms = None
                return [*self._starts(), *self._goes_on()]
            case Words():
                self._interim = None
                infos = self._goes_on() if heard.text else []
                if heard.text:
                    self._final.append(heard)
                if self._is_started or self._final:
                    self._quiet_from_ms = heard.end_ms
                return [*infos, *self._starts()]
            case _:
                return []

    def passed(self, now_ms: int) -> list[TurnInfo]:
        """The stream's audio is `now_ms` long by now."""
        self._now_ms = now_ms
        infos = self._ends()
        if not infos and now_ms - self._told_ms >= UPDATE_MS:
            infos = [self._info("Update")]
        return infos

    def force(self) -> list[TurnInfo]:
        """The client says that the turn is over. Without one there is nothing to end."""
        return [self._end("manual")] if self._is_started else []

    def _starts(self) -> list[TurnInfo]:
        if self._is_started or not (self._final or self._interim):
            return []
        self._is_started = True
        return [self._info("StartOfTurn")]

    def _goes_on(self) -> list[TurnInfo]:
        if not self._is_eager:
            return []
        self._is_eager = False
        return [self._info("TurnResumed")]

    def _ends(self) -> list[TurnInfo]:
        if not self._is_started or self._quiet_from_ms is None:
            return []
        infos: list[TurnInfo] = []
        wanted, confidence = self.thresholds, self._confidence
        is_likely = wanted.eager is not None and confidence >= wanted.eager
        is_late = self._now_ms - self._quiet_from_ms >= wanted.timeout_ms
        if is_likely and self._final and not self._is_eager:
            self._is_eager = True
            infos.append(self._info("EagerEndOfTurn"))
        if confidence >= wanted.eot:
            infos.append(self._end("model"))
        elif is_late:
            infos.append(self._end("timeout"))
        return infos

    def _end(self, trigger: Trigger) -> TurnInfo:
        info = self._info("EndOfTurn", trigger)
        self._index += 1
        self._began_ms = self._now_ms
        self._final, self._interim, self._quiet_from_ms = [], None, None
        self._is_started = self._is_eager = False
        return info

    @property
    def _confidence(self) -> float:
        """Between 0 and 1; it never quite gets there."""
        if self._quiet_from_ms is None:
            return 0.01
        quiet_ms = max(0, self._now_ms - self._quiet_from_ms)
        last = self._final[-1].text.rstrip() if self._final else ""
        half_ms = _OPEN_MS
        if last.endswith((".", "?", "!")):
            half_ms = _WHOLE_MS
        elif last.endswith((",", "-")) or last.lower().split()[-1:] in [[w] for w in _BREAKS_OFF]:
            half_ms = _BROKEN_MS
        return quiet_ms / (quiet_ms + half_ms)

    def _info(self, event: Event, trigger: Trigger | None = None) -> TurnInfo:
        self._told_ms = self._now_ms
        words = (*self._final, self._interim) if self._interim is not None else tuple(self._final)
        window_ms = self._began_ms, self._now_ms
        confidence = round(self._confidence, 4)
        return TurnInfo(event, self._index, window_ms, words, confidence, trigger)
