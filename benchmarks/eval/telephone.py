"""The one double of a text run: the voice, the ear and the line, without audio.

Sentences are played in virtual time at the pace of a voice, with marks as Twilio echoes them; what
the caller says comes as the recogniser tells it. Everything between is the product.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from otto.events import Event, FirstAudio, SentenceSpoken, SpeechDone
from otto.language.languages import Language
from otto.media_link.events import LineEvent, MarkPlayed, Playing

FIRST_AUDIO_S = 0.15
"""From a sentence to its first sound, as the sandbox's voice takes it."""
MS_PER_CHARACTER = 62
"""Of a voice that reads at some 170 words a minute."""


@dataclass
class Played:
    """A sentence on the line: from when to when it is heard, in seconds of the loop."""

    text: str
    generation: int
    began_s: float
    ends_s: float
    cut_s: float | None = None
    """When it was cut off, before it was over."""

    def heard(self, now_s: float) -> str:
        """What of it has come out of the receiver by `now_s`."""
        until_s = min(now_s, self.ends_s if self.cut_s is None else self.cut_s)
        share = (until_s - self.began_s) / max(self.ends_s - self.began_s, 0.001)
        if share >= 1:
            return self.text
        words = self.text.split()
        return " ".join(words[: max(0, int(share * len(words)))])


class Telephone:
    """Synthesiser, recogniser and line of one call. `emit` and `on_line` are the conversation's."""

    def __init__(self, chunk_ms: int, pace: float = 1.0) -> None:
        self.emit: Callable[[Event], None] = lambda event: None
        self.on_line: Callable[[LineEvent], None] = lambda event: None
        self.played: list[Played] = []
        self.checkpoint = b""
        self.is_dead = False
        """Its owner was killed: nothing of it reaches the line any more."""
        self._chunk_ms = chunk_ms
        self._pace = pace
        self._length_ms: dict[int, int] = {}
        self._began_s: dict[int, float] = {}
        self._marks: dict[int, set[int]] = {}
        self._tasks: dict[int, set[asyncio.Task[None]]] = {}

    def handed_on(self) -> Telephone:
        """The same line for another owner of the call, which has heard nothing yet."""
        heir = Telephone(self._chunk_ms, self._pace)
        heir.checkpoint = self.checkpoint
        for generation in [*self._tasks]:
            self.cancel(generation)
        return heir

    # What the conversation says to its voice

    async def attach(self, address: str, token: str, from_ms: int = 0) -> None: ...
    async def detach(self) -> None: ...
    def use_language(self, language: Language) -> None: ...
    def avoid(self, providers: frozenset[str]) -> None: ...

    def say(self, generation: int, index: int, text: str) -> None:
        start = self._length_ms.get(generation, 0)
        end = self._length_ms[generation] = start + round(len(text) * MS_PER_CHARACTER * self._pace)
        self._later(generation, self._speak(generation, index, text, start, end))

    def finish(self, generation: int) -> None:
        self._later(generation, self._finish(generation))

    def cancel(self, generation: int) -> None:
        for task in self._tasks.pop(generation, set()):
            task.cancel()
        self._cut(generation)

    # What it says to the line

    def clear(self, generation: int) -> None:
        """As Twilio does: what is not played is thrown away, its marks come back at once."""
        self._cut(generation)
        loop = asyncio.get_running_loop()
        for index in sorted(self._marks.get(generation, ())):
            loop.call_soon(partial(self._echo, generation, index, cleared=True))

    def hangup(self) -> None: ...

    def save_checkpoint(self, state: bytes) -> None:
        self.checkpoint = state

    # What the caller hears

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def is_audible(self) -> bool:
        """Whether Otto's voice is on the line at this moment."""
        now_s = self.now_s
        return any(
            each.began_s <= now_s < each.ends_s and each.cut_s is None for each in self.played
        )

    @property
    def last_sound_s(self) -> float:
        """When Otto's voice was last on the line, so far; 0.0: never."""
        now_s = self.now_s
        ends = (each.ends_s if each.cut_s is None else each.cut_s for each in self.played)
        return max((min(end, now_s) for end in ends), default=0.0)

    # Inside

    async def _speak(self, generation: int, index: int, text: str, start: int, end: int) -> None:
        await asyncio.sleep(FIRST_AUDIO_S)
        if self.is_dead:
            return
        if generation not in self._began_s:
            self._began_s[generation] = self.now_s
            self.on_line(Playing(generation))
            self.emit(FirstAudio(generation, FIRST_AUDIO_S * 1000))
        began_s = self._began_s[generation] + start / 1000
        if began_s < self.now_s:  # the sentence came after the last one was over
            late_ms = round((self.now_s - began_s) * 1000)
            self._began_s[generation] += late_ms / 1000
            began_s = self.now_s
        self.played.append(Played(text, generation, began_s, began_s + (end - start) / 1000))
        self.emit(SentenceSpoken(generation, index, text, start, end))
        for mark in range(start // self._chunk_ms, end // self._chunk_ms):
            self._later(generation, self._mark(generation, mark, (mark + 1) * self._chunk_ms))

    async def _mark(self, generation: int, index: int, due_ms: int) -> None:
        self._marks.setdefault(generation, set()).add(index)
        while (left_s := self._began_s[generation] + due_ms / 1000 - self.now_s) > 1e-6:
            await asyncio.sleep(left_s)
        self._echo(generation, index, cleared=False)

    def _echo(self, generation: int, index: int, *, cleared: bool) -> None:
        self._marks[generation].discard(index)
        if not self.is_dead:
            self.on_line(MarkPlayed(generation, index, cleared))

    async def _finish(self, generation: int) -> None:
        await asyncio.sleep(FIRST_AUDIO_S)
        if self.is_dead:
            return
        total = self._length_ms.get(generation, 0)
        self._began_s.setdefault(generation, self.now_s)
        last = total // self._chunk_ms
        self.emit(SpeechDone(generation, total, last))
        await self._mark(generation, last, total)

    def _cut(self, generation: int) -> None:
        now_s = self.now_s
        for each in self.played:
            if each.generation == generation and each.cut_s is None and each.ends_s > now_s:
                each.cut_s = max(now_s, each.began_s)

    def _later(self, generation: int, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.setdefault(generation, set()).add(task)
