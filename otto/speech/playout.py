"""What Otto says, in order: texts to the voice, its audio to the line. Sans-I/O.

Pieces wait in *groups*; a group is what one Flush covers, and audio on the voice's socket belongs
to the first group until its `Flushed`:

    say ──► group (open) ──Flush──► group (in flight) ──audio…──► chunks and marks ──Flushed──► next

Normally a group is one sentence. Deepgram allows 20 Flush a minute, so when few are left a group
stays open and gathers sentences while the caller still has speech to listen to. A phrase that was
synthesised beforehand is a group that needs no voice. What a lost socket did not deliver is asked
for again, less what the line already has (see `remainder`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Final

from otto.events import (
    FirstAudio,
    SentenceSpoken,
    SpeechDone,
    Worker,
    WorkerFailed,
)
from otto.language.languages import Language
from otto.language.pronounce import to_spoken
from otto.speech.audible import audible_bytes
from otto.speech.flush_budget import FlushBudget
from otto.speech.groups import Group, Piece
from otto.speech.remainder import Pace, rest_of
from otto.speech.speak_wire import CLEAR, FLUSH, speak_messages
from otto.speech.timeline import Outlet, Timeline
from otto.speech.wire import BYTES_PER_MS

LOW_AHEAD_MS: Final = 1500
"""When joining, flush as soon as the caller has less than this still to hear."""
CLEARED_TIMEOUT_S: Final = 1.0
"""Clear is answered at once; a socket that does not is replaced."""
BETWEEN_AUDIO_S: Final = 1.5
"""Within a sentence audio comes faster than it is spoken: so long without any is a stall."""


class Playout:
    """The order of speech of one call. Its owner reports what happens on the voice's socket."""

    def __init__(
        self,
        outlet: Outlet,
        chunk_ms: int,
        flushes_per_minute: int,
        first_audio_timeout_s: float,
        phrases: Mapping[str, bytes],
        phrases_voice: str = "",
    ) -> None:
        self._outlet = outlet
        self._chunk_bytes = chunk_ms * BYTES_PER_MS
        self._flushes = FlushBudget(flushes_per_minute)
        self._timeout_s = first_audio_timeout_s
        self._phrases = phrases
        self.language = Language.ENGLISH
        """In which what is said from now on is read out."""
        self._voice = self._phrases_voice = phrases_voice
        self._pace = Pace()
        self._groups: deque[Group] = deque()
        self._timelines: dict[int, Timeline] = {}
        self._floor = -1
        self._ended: set[int] = set()
        self._is_open = False
        self._clears = 0
        self._has_begun = False
        """Audio of the first group has come on this socket."""
        self._numbers: set[int] = set()
        """Of the `Flushed` on this socket."""
        self.is_fruitful = False
        """Whether this socket has brought the line any further."""
        self.is_proven = False
        """Whether it has given all the audio that some sentence may need."""
        self._progress_at = 0.0
        self._recheck_at: float | None = None

    # From the call

    def say(self, generation: int, index: int, text: str) -> None:
        """One sentence, behind those before it. Too late after `cancel` or `finish`."""
        if self._is_over(generation):
            return
        self._timeline(generation)
        audio = self._phrases.get(text)
        if self._is_open and self._voice != self._phrases_voice:
            audio = None  # one voice in a call, as long as it can be had
        spoken = to_spoken(text, self.language) if audio is None else ""
        if audio is None and not re.search(r"\w", spoken):
            audio = b""  # nothing to pronounce: the voice would answer with a warning
        piece = Piece(index, text, spoken)
        if audio is not None:
            if self._groups and self._is_gathering(self._groups[-1]):
                self._flush(self._groups[-1])
            self._groups.append(Group(generation, [piece], local=audio))
            self._advance()
            return
        last = self._groups[-1] if self._groups else None
        if last is not None and self._is_gathering(last):
            if last.generation == generation:
                last.pieces.append(piece)
                last.asked += " " + piece.spoken
                self._speak(piece.spoken)
                self._flush_if_due()
                return
            self._flush(last)
        self._groups.append(Group(generation, [piece], asked=piece.spoken))
        self._speak(piece.spoken)
        self._flush_if_due()

    def finish(self, generation: int) -> None:
        """No more sentences of this generation."""
        if self._is_over(generation):
            return
        self._timeline(generation).finished = True
        self._flush_if_due()
        self._complete()

    def cancel(self, generation: int) -> None:
        """Nothing of this or an older generation goes to the line any more."""
        self._floor = max(self._floor, generation)
        self._ended = {ended for ended in self._ended if ended > self._floor}
        asked = any(g.generation <= generation and g.local is None for g in self._groups)
        self._groups = deque(g for g in self._groups if g.generation > generation)
        for dead in [g for g in self._timelines if g <= generation]:
            del self._timelines[dead]
        if asked and self._is_open:
            self._outlet.to_voice(CLEAR)
            self._clears += 1
            self._has_begun = False
            self._progress_at = self._outlet.now()
            self._ask_again()  # Clear also wiped what a newer generation had asked for
        self._advance()

    def fail(self, kind: str, detail: str) -> None:
        """The voice is out of reach: give up what needs it, and say so, once a generation."""
        waiting = sorted({group.generation for group in self._groups})
        for generation in waiting:
            self.cancel(generation)
            self._outlet.emit(WorkerFailed(Worker.TTS, kind, detail, generation))

    # From the voice's socket

    def opened(self, voice: str = "") -> None:
        """A new socket of `voice` is there: ask for what was not delivered."""
        self._is_open = True
        self._has_begun = self.is_fruitful = self.is_proven = False
        self._numbers = set()
        self._voice = voice
        self._clears = 0
        self._progress_at = self._outlet.now()
        self._ask_again()

    def lost(self) -> None:
        """The socket is gone."""
        self._is_open = False
        self._clears = 0

    def received(self, mulaw: bytes) -> None:
        """Audio. Between Clear and Cleared it is of what nobody wants to hear; silence is no sign
        of life, and waits for what follows it."""
        is_audible = bool(audible_bytes(mulaw))
        if is_audible:
            self._progress_at = self._outlet.now()
        if self._clears or not self._groups or not mulaw:
            return
        group = self._groups[0]
        self._voiced(group, group.take(mulaw))
        self._has_begun = self._has_begun or is_audible
        self.is_proven = self.is_proven or (is_audible and group.is_said)

    def flushed(self, number: object = None) -> bool:
        """All audio of the first group has come. False when that cannot be: the text was not
        said, and the socket must be replaced. `number` is what the voice calls this flush."""
        if self._is_repeated(number) or self._clears:
            return True
        if not self._groups or self._groups[0].flushed_at is None:
            return True
        if not self._groups[0].is_said:
            self._groups[0].disown()
            self.is_fruitful = self.is_proven
            return False
        self._progress_at = self._outlet.now()
        group = self._groups.popleft()
        self._voiced(group, group.release())
        self._has_begun = False
        self._pace.learn(self._voice, group.asked, group.received - group.earlier)
        self._spoken(group)
        self._advance()
        return True

    def cleared(self) -> None:
        """What comes now was asked for after the Clear."""
        if self._clears:
            self._clears -= 1
            self._progress_at = self._outlet.now()

    def _is_repeated(self, number: object) -> bool:
        """Whether a flush was reported before, by a voice that counts them."""
        if not isinstance(number, int):
            return False
        is_known = number in self._numbers
        self._numbers.add(number)
        return is_known and len(self._numbers) > 1

    # Time

    def was_kept(self, for_s: float) -> None:
        """The line kept us from listening to the voice for so long: that was not its silence."""
        self._progress_at += for_s

    @property
    def is_waiting(self) -> bool:
        """Whether something needs the voice."""
        return bool(self._groups)

    def next_check(self) -> float | None:
        """When `check` should be called at the latest, on the outlet's clock; None: no need."""
        times = [] if self._recheck_at is None else [self._recheck_at]
        if (stalls_at := self._stalls_at()) is not None:
            times.append(stalls_at)
        return min(times, default=None)

    def check(self) -> bool:
        """Do what time asks for. False when the socket has stalled and must be replaced."""
        self._flush_if_due()
        stalls_at = self._stalls_at()
        return stalls_at is None or self._outlet.now() < stalls_at

    def _stalls_at(self) -> float | None:
        if not self._is_open:
            return None
        if self._clears:
            return self._progress_at + CLEARED_TIMEOUT_S
        if not self._groups or self._groups[0].flushed_at is None:
            return None
        if self._has_begun:
            return self._progress_at + min(BETWEEN_AUDIO_S, self._timeout_s)
        return self._progress_at + self._timeout_s

    # Groups

    def _is_gathering(self, group: Group) -> bool:
        """Whether the group waits for its flush only to save flushes."""
        return self._is_open and group.local is None and group.flushed_at is None

    def _speak(self, spoken: str) -> None:
        if self._is_open:
            for message in speak_messages(spoken):
                self._outlet.to_voice(message)

    def _flush(self, group: Group) -> None:
        if not self._is_gathering(group):
            return
        now = self._outlet.now()
        self._outlet.to_voice(FLUSH)
        self._flushes.spend(now)
        group.flushed_at = now
        if group is self._groups[0]:
            self._progress_at = now

    def _ask_again(self) -> None:
        for group in self._groups:
            if group.local is None:
                was_flushed = group.flushed_at is not None
                group.ask()
                self._leave_out_what_is_said(group)
                if not group.asked:
                    group.local = b""  # the other voice had said all of it
                    continue
                self._speak(group.asked)
                if was_flushed or group is not self._groups[-1]:
                    self._flush(group)
        self._advance()

    def _leave_out_what_is_said(self, group: Group) -> None:
        said = group.received - group.earlier
        if said and group.voice != self._voice:
            if group.voice == self._phrases_voice and not self._pace.is_known(group.voice):
                for text, audio in self._phrases.items():
                    self._pace.learn(group.voice, to_spoken(text), len(audio))
            ms_per_char = self._pace.ms_per_char(group.voice)
            group.asked = rest_of(group.asked, said / BYTES_PER_MS, ms_per_char)
            group.earlier, said = group.received, 0
        group.skip = said

    def _flush_if_due(self) -> None:
        """Flush the open group, or note when to look again."""
        self._recheck_at = None
        group = self._groups[-1] if self._groups else None
        if group is None or not self._is_gathering(group):
            return
        now = self._outlet.now()
        left = self._flushes.left(now)
        timeline = self._timelines[group.generation]
        if left <= 0:
            self._recheck_at = self._flushes.next_at
        elif self._flushes.is_ample(left) or timeline.finished:
            self._flush(group)
        elif len(self._groups) == 1:  # nothing in flight: how long has the caller to listen?
            heard_ms = (now - timeline.began_at) * 1000 if timeline.began_at is not None else 0.0
            ahead_ms = timeline.total / BYTES_PER_MS - heard_ms
            if ahead_ms <= LOW_AHEAD_MS:
                self._flush(group)
            else:
                self._recheck_at = now + (ahead_ms - LOW_AHEAD_MS) / 1000

    def _advance(self) -> None:
        """Play the phrases that have reached the front; then see what is complete or due."""
        while self._groups and (audio := self._groups[0].local) is not None:
            group = self._groups.popleft()
            group.received += len(audio)
            if audio:
                self._play(group, audio, 0.0)
            self._spoken(group)
        self._flush_if_due()
        self._complete()

    # Audio

    def _is_over(self, generation: int) -> bool:
        timeline = self._timelines.get(generation)
        if timeline is not None:
            return timeline.finished
        return generation <= self._floor or generation in self._ended

    def _timeline(self, generation: int) -> Timeline:
        timeline = self._timelines.get(generation)
        if timeline is None:
            timeline = self._timelines[generation] = Timeline(generation, self._chunk_bytes)
        return timeline

    def _voiced(self, group: Group, mulaw: bytes) -> None:
        if mulaw:
            self.is_fruitful = True
            group.received += len(mulaw)
            group.voice = self._voice
            asked_at = group.flushed_at
            vendor_s = self._progress_at - asked_at if asked_at is not None else 0.0
            self._play(group, mulaw, vendor_s * 1000)

    def _play(self, group: Group, mulaw: bytes, vendor_ms: float) -> None:
        timeline = self._timeline(group.generation)
        timeline.push(mulaw, self._outlet)
        if timeline.began_at is None:
            timeline.began_at = self._outlet.now()
            self._outlet.emit(FirstAudio(group.generation, vendor_ms))

    def _spoken(self, group: Group) -> None:
        """Report the group's sentences.

        Sentences that shared a flush have no boundary on the wire: their audio is divided in
        proportion to what was said, which is within some 10 % of the truth.
        """
        timeline = self._timeline(group.generation)
        timeline.release(self._outlet)
        weights = [max(1, len(piece.spoken)) for piece in group.pieces]
        at, done, start = timeline.total - group.received, 0, 0
        start = at
        for piece, weight in zip(group.pieces, weights, strict=True):
            done += weight
            end = at + group.received * done // sum(weights)
            self._outlet.emit(
                SentenceSpoken(
                    group.generation,
                    piece.index,
                    piece.text,
                    start // BYTES_PER_MS,
                    end // BYTES_PER_MS,
                )
            )
            start = end

    def _complete(self) -> None:
        busy = {group.generation for group in self._groups}
        for generation, timeline in sorted(self._timelines.items()):
            if timeline.finished and generation not in busy:
                del self._timelines[generation]
                self._ended.add(generation)
                last_mark = timeline.marks
                timeline.mark(self._outlet)
                total_ms = timeline.total // BYTES_PER_MS
                self._outlet.emit(SpeechDone(generation, total_ms, last_mark))
