"""The reply being said: given to the synthesiser, paused, taken up again, thrown away.

Everything audible carries the reply's *generation*. The line and the synthesiser are told to drop a
generation before anything newer is said, and whatever comes back under another number than the
current one is late and ignored::

    begin(1) ── say ── say ──X pause         unpause(2) ── "…the rest" ── finish ── played
                             │ clear(1)         ▲ from the word where 1 was heard to stop
"""

from __future__ import annotations

from collections.abc import Callable

from otto.dialogue.ports import Line, Synthesiser
from otto.dialogue.reply.playback import Playback
from otto.dialogue.reply.reply import Reply
from otto.dialogue.reply.timing import Timing
from otto.dialogue.turns.completeness import Expected
from otto.dialogue.turns.echo import LATELY_S, AudibleWord
from otto.events import FirstAudio, SentenceSpoken, SpeechDone

SOON_S = 0.5
"""Playback may be that much ahead of what is known of it."""


class ReplyPlayer:
    """At most one reply at a time. `on_audible` and `on_played` are called with it.

    `next_id` gives out generations, each greater than those before; `clock` is in seconds.
    """

    def __init__(
        self,
        synthesiser: Synthesiser,
        line: Line,
        *,
        chunk_ms: int,
        next_id: Callable[[], int],
        clock: Callable[[], float],
        on_audible: Callable[[Reply], None],
        on_played: Callable[[Reply], None],
    ) -> None:
        self.reply: Reply | None = None
        self._synthesiser = synthesiser
        self._line = line
        self._chunk_ms = chunk_ms
        self._next_id = next_id
        self._clock = clock
        self._on_audible = on_audible
        self._on_played = on_played
        self._lag_ms = 0
        self._audible: list[AudibleWord] = []
        """Words of replies, or parts of them, that are over."""

    # What to say

    def begin(self, expected_before: Expected, timing: Timing | None = None) -> Reply:
        """A new reply. The one before must have been played or dropped."""
        assert self.reply is None, "two replies at once"
        self.reply = Reply(self._next_id(), self._playback(), expected_before, timing)
        return self.reply

    def say(self, reply: Reply, text: str, *, is_remark: bool = False) -> int:
        """One more sentence; its index. A paused reply says it when it goes on."""
        index = reply.add_sentence(text, is_remark=is_remark)
        if not reply.is_paused:
            self._synthesiser.say(reply.generation, index, text)
        return index

    def finish(self, reply: Reply) -> None:
        """No sentence follows."""
        reply.finish()
        if not reply.is_paused:
            self._finish(reply)

    def pause(self) -> None:
        """Stop, at once; what was not heard is kept."""
        reply = self.reply
        if reply is not None and not reply.is_paused:
            self._silence(reply)
            reply.pause(self._clock())

    def unpause(self) -> None:
        """Go on from the word where it was heard to stop."""
        reply = self.reply
        if reply is None or not reply.is_paused:
            return
        for index, text in reply.unpause(self._next_id(), self._playback()):
            self._synthesiser.say(reply.generation, index, text)
        if reply.is_finished:
            self._finish(reply)

    def replaced(self) -> None:
        """The synthesiser is a new one: have it go on from the word that was heard."""
        if self.reply is not None and not self.reply.is_paused:
            self.pause()
            self.unpause()

    def drop(self) -> Reply | None:
        """Throw the reply away and return it, closed; None when there is none."""
        reply, self.reply = self.reply, None
        if reply is not None:
            if not reply.is_paused:
                self._silence(reply)
            reply.close(self._clock())
        return reply

    # What comes back

    def current(self, generation: int) -> Reply | None:
        """The reply being said, if this is its number; anything else is late."""
        reply = self.reply
        is_it = reply is not None and reply.generation == generation and not reply.is_paused
        return reply if is_it else None

    def on_speech_event(self, event: FirstAudio | SentenceSpoken | SpeechDone) -> None:
        """Take an event of the synthesiser."""
        reply = self.current(event.generation)
        if reply is None:
            return
        match event:
            case FirstAudio():
                # The line often says first that it plays: a synthesiser in a process of its own
                # is later.
                reply.timing.synthesiser_took(event.vendor_ms)
            case SentenceSpoken():
                reply.playback.spoken(event.index, event.start_ms, event.end_ms)
            case SpeechDone():
                reply.playback.done(event.total_ms, event.last_mark)
                self._check_played(reply)

    def playing(self, generation: int) -> None:
        """The first audio of a generation was written to the line."""
        reply = self.current(generation)
        if reply is not None:
            now_s = self._clock()
            reply.playback.playing(now_s)
            reply.sound(now_s)
            self._on_audible(reply)

    def mark(self, generation: int, index: int) -> None:
        """The line has played what stood before a mark (one that no `clear` sent back)."""
        reply = self.current(generation)
        if reply is not None:
            reply.playback.mark(index, self._clock())
            self._lag_ms = reply.playback.lag_ms
            self._check_played(reply)

    def audible(self) -> list[AudibleWord]:
        """Otto's words of late, as they could be heard, with those just about to be."""
        now_s = self._clock()
        reply = self.reply
        current = [] if reply is None or reply.is_paused else reply.playback.words(now_s + SOON_S)
        return self._audible + current

    # Inside

    def _playback(self) -> Playback:
        return Playback(self._chunk_ms, self._lag_ms)

    def _silence(self, reply: Reply) -> None:
        """The line first, for that is what the caller hears."""
        self._over(reply)
        self._line.clear(reply.generation)
        self._synthesiser.cancel(reply.generation)

    def _finish(self, reply: Reply) -> None:
        if reply.playback.is_empty:
            self._played(reply)  # everything was heard under an earlier generation
        else:
            self._synthesiser.finish(reply.generation)

    def _check_played(self, reply: Reply) -> None:
        if reply.playback.finished:
            self._played(reply)

    def _played(self, reply: Reply) -> None:
        self._over(reply)
        reply.close(self._clock())
        self.reply = None
        self._on_played(reply)

    def _over(self, reply: Reply) -> None:
        """Nothing more of this generation will be heard."""
        now_s = self._clock()
        lately = [word for word in self._audible if word.end_s > now_s - LATELY_S]
        self._audible = lately + reply.playback.words(now_s)
