"""The caller of a text run: the sandbox's mind, and a mouth that says its words as transcripts.

Listening works as over a telephone: the caller speaks when Otto's voice has been silent for as long
as this caller waits, whatever the product believes; and talks on when Otto begins in between.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.eval.telephone import Played, Telephone
from benchmarks.eval.transcript import Line
from otto.events import Event, SpeechStarted, Transcript, UtteranceEnd
from otto.media_link.events import KeyPressed, LineEvent, LineStopped
from sandbox.caller.mind import Mind
from sandbox.caller.profile import GoalKind, Persona
from sandbox.caller.standing import Reply

TICK_S = 0.1
WORD_S = 0.32
PAUSE_S = 0.9
"""An ellipsis of what is spoken."""
ENDPOINTING_S = 0.3
TOLD_S = 0.08
"""From the end of endpointing to the transcript."""
INTERIM_S = 0.6
KEY_S = 0.25
GOODBYE_WAIT_S = 0.6
INTERRUPTIONS_LIMIT = 3
NOISES = ("", "the", "uh", "")
"""What a recogniser makes of sounds that are nobody's words."""


@dataclass
class Speaker:
    """One caller on one line."""

    persona: Persona
    mind: Mind
    telephone: Telephone
    emit: Callable[[Event], None]
    on_line: Callable[[LineEvent], None]
    is_over: Callable[[], bool]
    texts: Callable[[], Sequence[tuple[str, str]]]
    """All text messages so far: to whom, and what."""
    chance: random.Random
    anchor_s: float
    lines: list[Line] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    taken: int = 0
    """Of the sentences played, those that the mind has been told."""
    own_end_s: float = 0.0
    interruptions: int = 0
    has_hung_up: bool = False
    after_turn: Callable[[int], Awaitable[None]] | None = None
    """Called when the caller has finished a turn, with how many there were."""
    turns: int = 0
    read: int = 0
    """How many of the texts were read."""
    is_speaking: bool = False

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def hold(self, at_most_s: float) -> None:
        """Talk until the line is given up, the caller hangs up, or it has taken too long."""
        began_s = self.own_end_s = self.now_s
        gap_s = self.persona.gap_ms / 1000 * self.chance.uniform(0.85, 1.3)
        while not self.is_over() and self.now_s - began_s < at_most_s:
            await asyncio.sleep(TICK_S)
            if self.is_over():
                break
            if self.telephone.is_audible:
                await self._maybe_interrupt()
                continue
            self._read_texts()
            quiet_s = self.now_s - max(self.telephone.last_sound_s, self.own_end_s, began_s)
            if quiet_s < gap_s:
                continue
            if self.persona.goal.kind is GoalKind.NOISE:
                await self._make_noise()
            heard = self._take()
            reply = self.mind.hear(heard) if heard else self.mind.waited(round(quiet_s * 1000))
            if reply is not None:
                await self._act(reply)
                if self.after_turn is not None:
                    await self.after_turn(self.turns)
                gap_s = self.persona.gap_ms / 1000 * self.chance.uniform(0.85, 1.3)
            if self.has_hung_up:
                return

    def take_over(self, telephone: Telephone) -> None:
        """Another owner of the call speaks from now on."""
        self.telephone, self.taken = telephone, 0
        for number, key in enumerate(self.keys, start=1):
            self.on_line(KeyPressed(key, number))

    def _read_texts(self) -> None:
        """What has come to the caller's own telephone."""
        for to, body in self.texts()[self.read :]:
            self.read += 1
            if to == self.persona.facts.phone:
                self.mind.receive_text(body)

    # What it hears

    def _take(self) -> str:
        """What has been heard since it last listened."""
        played, self.taken = self.telephone.played[self.taken :], len(self.telephone.played)
        return " ".join(filter(None, (each.heard(self.now_s) for each in played)))

    def _so_far(self) -> tuple[str, float]:
        """What is being heard now, and for how long."""
        playing: list[Played] = self.telephone.played[self.taken :]
        if not playing:
            return "", 0.0
        text = " ".join(filter(None, (each.heard(self.now_s) for each in playing)))
        return text, self.now_s - playing[0].began_s

    async def _maybe_interrupt(self) -> None:
        after_ms = self.mind.interrupt_after_ms
        if after_ms is None or self.interruptions >= INTERRUPTIONS_LIMIT:
            return
        text, lasted_s = self._so_far()
        if lasted_s * 1000 < after_ms or not text or not self.mind.would_answer(text):
            return
        self.interruptions += 1
        self.taken = len(self.telephone.played)
        reply = self.mind.hear(text)
        if reply is not None:
            await self._act(reply)

    # What it does

    async def _act(self, reply: Reply) -> None:
        began_s = self.now_s
        if reply.keys:
            for key in reply.keys:
                await asyncio.sleep(KEY_S)
                self.keys.append(key)
                self.on_line(KeyPressed(key, len(self.keys)))
            self._note(reply.keys, began_s, is_key=True)
        elif reply.text:
            await self._say(reply)
        if reply.hang_up or not (reply.text or reply.keys):
            await asyncio.sleep(GOODBYE_WAIT_S)
            self.has_hung_up = True
            self.on_line(LineStopped())

    async def _say(self, reply: Reply) -> None:
        """The words, as the recogniser hears them: interims, and a final after each pause."""
        self.is_speaking = True
        began_s = self.now_s
        pieces = [
            part for part in re.split(r"\s*(?:…|\.\.\.)\s*", reply.spoken or reply.text) if part
        ]
        for index, piece in enumerate(pieces):
            if index:
                await asyncio.sleep(max(0.0, PAUSE_S - ENDPOINTING_S - TOLD_S))
            await self._say_piece(piece)
        self.is_speaking = False
        self._note(reply.text, began_s)

    async def _say_piece(self, text: str) -> None:
        words = text.split()
        pace = WORD_S / self.persona.pace * self.chance.uniform(0.9, 1.15)
        began_ms, told_s = self._media_ms(), self.now_s
        self.emit(SpeechStarted(began_ms))
        for count, _ in enumerate(words, start=1):
            await asyncio.sleep(pace)
            if self.now_s - told_s >= INTERIM_S and count < len(words):
                told_s = self.now_s
                said = " ".join(words[:count])
                self.emit(Transcript(said, False, False, began_ms, self._media_ms()))
        end_ms = self._media_ms()
        self.own_end_s = self.now_s
        await asyncio.sleep(ENDPOINTING_S + TOLD_S)
        self.emit(Transcript(text, True, True, began_ms, end_ms))

    async def _make_noise(self) -> None:
        """A sound that is nobody's words."""
        await asyncio.sleep(self.chance.uniform(2.0, 14.0))
        guess, at_ms = self.chance.choice(NOISES), self._media_ms()
        self.emit(SpeechStarted(at_ms))
        if guess:
            self.emit(Transcript(guess, False, False, at_ms, at_ms + 200))
        await asyncio.sleep(0.5)
        self.emit(Transcript("", True, True, at_ms, at_ms + 200))
        self.emit(UtteranceEnd(at_ms + 200))

    def _media_ms(self) -> int:
        return max(0, round((self.now_s - self.anchor_s) * 1000))

    def _note(self, text: str, began_s: float, *, is_key: bool = False) -> None:
        ended_s = self.now_s if is_key else self.own_end_s
        self.own_end_s = self.now_s
        self.lines.append(
            Line("caller", text, began_s - self.anchor_s, ended_s - self.anchor_s, is_key=is_key)
        )
        self.turns += 1


def ottos_lines(telephone: Telephone, anchor_s: float) -> list[Line]:
    """What was heard of Otto, sentence by sentence."""
    now_s = asyncio.get_running_loop().time()
    lines = []
    for each in telephone.played:
        text = each.heard(now_s)
        ends_s = min(each.ends_s, now_s) if each.cut_s is None else each.cut_s
        if text:
            is_cut = text != each.text
            lines.append(Line("otto", text, each.began_s - anchor_s, ends_s - anchor_s, is_cut))
    return lines
