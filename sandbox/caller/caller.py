"""The person on the telephone: ear, mind and mouth, and when to speak.

The stream gives it the line in slices (`listen`) and asks it for frames (`next_frame`); it lives
as long as the call, so it survives a broken stream and knows what was said before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Literal

from sandbox.audio import carrier
from sandbox.audio.frames import FRAME_MS, QUIET_BYTES, SILENCE_PAYLOAD, frames_of
from sandbox.audio.impairment import Impairment
from sandbox.audio.mulaw import BYTES_PER_MS, SILENCE
from sandbox.caller.ear import Words, make_ear
from sandbox.caller.mind import Mind
from sandbox.caller.personas import PersonaError
from sandbox.caller.phrases import aloud
from sandbox.caller.profile import GoalKind, Persona
from sandbox.caller.record import Record, Turn
from sandbox.caller.standing import Reply
from sandbox.caller.twists import PAUSE
from sandbox.world import World

INTERRUPTIONS_LIMIT = 3
"""A hurried caller gives up interrupting after so many times, so that a call comes to an end."""
SETTLE_S = 3.0
KEY_MS = 250
"""From one key to the next."""
ECHO_MS = 140
"""How late one's own loudspeaker is in one's microphone, beside the tenth of a second in which
the line is heard."""
HESITATION_MS = (400, 1200)
"""How long a caller who hesitates says nothing."""
GAP_VARIES = (0.75, 1.5)
"""By how much the pause before an answer varies, with a seed."""
NOISES_MS = (2000, 6000)
"""From one noise to the next where nobody speaks and there are sounds."""
COUGH_PATIENCE_MS = 2500
"""Who has coughed lets Otto go on, and does not take its pause for the end of the sentence."""
GOODBYE_WAIT_MS = 600
"""Between the caller's last word and putting down the receiver."""


class Caller:
    """One caller in one call. `wants_to_hang_up` turns true when the receiver goes down."""

    def __init__(
        self, world: World, persona: Persona, record: Record, speech: Literal["real", "known"]
    ) -> None:
        if speech == "known" and persona.has_bad_line:
            raise PersonaError(
                "a noisy line needs real speech: known audio is not heard through it"
            )
        self.persona = persona
        self._chance = Random(persona.seed)
        self._gap_ms = float(persona.gap_ms)
        self._line = (
            Impairment(persona.noise, persona.snr_db, persona.loss_percent, persona.seed)
            if persona.has_bad_line
            else None
        )
        self.mind = Mind(persona, mishears=speech == "real")
        self.speech = speech
        self.wants_to_hang_up = False
        self._world = world
        self._record = record
        wants_partials = self.mind.interrupt_after_ms is not None
        self._ear = make_ear(world, speech, self._on_words, wants_partials=wants_partials)
        self._pending: list[str] = []
        self._frames: deque[str] = deque()
        self._echo: deque[str] = deque()
        self._is_on_speaker = False
        self._keys: deque[tuple[float, str]] = deque()
        """Keys still to be pressed, each with its time."""
        self._turn: Turn | None = None
        self._quiet_tail_ms = 0.0
        self._composing = False
        self._connected = False
        self._hang_up_at_ms: float | None = None
        self._hang_up_after = False
        self._sound_ms = 0.0
        self._sound_since_ms: float | None = None
        self._own_end_ms = 0.0
        self._interruptions = 0
        self._noise_at_ms = float(NOISES_MS[0])
        self._deaf = False
        """Having interrupted, the caller does not hear how the sentence would have ended."""

    # Towards the line

    def next_frame(self) -> str | None:
        """The base64 of the next 20 ms of this caller's voice, as it arrives; None: silent."""
        frame = self._sent_frame()
        return frame if self._line is None else self._line.carry(frame)

    def _sent_frame(self) -> str | None:
        echo = self._echo.popleft() if self._echo else None
        if not self._frames:
            return echo
        frame = self._frames.popleft()
        if not self._frames and self._turn is not None:
            self._record.caller_ended(self._turn, self._quiet_tail_ms)
            self._turn = None
            self._own_end_ms = self._record.now_ms
            if self._hang_up_after:
                self._hang_up_at_ms = self._own_end_ms + GOODBYE_WAIT_MS
        return frame

    def next_key(self) -> str | None:
        """The key this caller presses now, if any."""
        if not self._keys or self._record.now_ms < self._keys[0][0]:
            return None
        _, key = self._keys.popleft()
        self._own_end_ms = self._record.now_ms
        return key

    @property
    def speaking(self) -> bool:
        """Whether this caller's voice is on the line."""
        return bool(self._frames)

    def connected(self) -> None:
        """A stream begins; silence counts from now."""
        self._connected = True
        self._sound_ms = self._own_end_ms = self._record.now_ms
        self._sound_since_ms = None

    def disconnected(self, audio: bytes) -> None:
        """The stream is gone; `audio` was played since the last `listen`.

        What this caller was saying is not heard any more.
        """
        if audio:
            self._ear.feed(audio, len(audio) // 8, round(self._record.now_ms))
        self._frames.clear()
        self._keys.clear()
        self._turn = None
        self._connected = False
        self._ear.stop()
        if self._pending:
            # Otto's last words: understood, though there is no line left to answer on.
            self.mind.hear(" ".join(self._pending))
            self._pending.clear()

    async def settle(self) -> None:
        """Wait, not for long, until everything that was heard is understood."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self._ear.settle()

    def listen(self, audio: bytes, span_ms: int, buffer_empty: bool) -> None:
        """The last `span_ms` of playback. Decides whether to speak, and what."""
        now_ms = self._record.now_ms
        self._ear.feed(audio, span_ms, round(now_ms))
        audible = bool(audio.strip(QUIET_BYTES))
        if self._is_on_speaker and not self.speaking:
            self._hear_oneself(audio, audible)
        self._record.playback(audible, self.speaking, now_ms)
        if audible:
            self._sound_ms = now_ms
            if self._sound_since_ms is None:
                self._sound_since_ms = now_ms
        if self._hang_up_at_ms is not None:
            self.wants_to_hang_up = now_ms >= self._hang_up_at_ms
            return
        self._make_noise(now_ms)
        if self.speaking or self._composing or self._keys:
            return
        quiet_ms = now_ms - self._sound_ms
        if not buffer_empty or quiet_ms < self._pause_ms(now_ms):
            self._maybe_interrupt(now_ms)
            return
        self._sound_since_ms = None
        self._deaf = False
        if self._ear.busy:
            return
        if self._pending:
            heard = " ".join(self._pending)
            self._pending.clear()
            self._act_on(self.mind.hear(heard))
        else:
            self._act_on(self.mind.waited(round(now_ms - max(self._sound_ms, self._own_end_ms))))

    # Towards itself

    def pick_up(self) -> None:
        """This caller was called, and answers."""
        self._act_on(self.mind.pick_up())

    def say(self, text: str) -> None:
        """Say `text` now, whatever the mind thinks, and whoever speaks."""
        self._act_on(Reply(text), interrupting=self._sound_since_ms is not None)

    def cough(self, guess: str, *, has_pitch: bool = False) -> None:
        """Make a noise that a recogniser at first takes for `guess`. Known audio only; unnoticed
        while this caller speaks."""
        if self.speaking:
            return
        self._frames.extend(frames_of(carrier.noise(guess, has_pitch=has_pitch)))
        self._record.noise()

    def murmur(self, text: str) -> None:
        """Say `text` as one does who listens: no turn, and Otto may go on."""
        if self.speaking:
            return
        self._frames.extend(frames_of(carrier.encode(text)))
        self._record.noise()

    def put_on_speaker(self) -> None:
        """From now on this caller's microphone hears what is played, a moment later. Known audio
        only."""
        self._is_on_speaker = True

    def _make_noise(self, now_ms: float) -> None:
        """Sounds without words, now and then, where that is all there is."""
        if self.persona.goal.kind is not GoalKind.NOISE or self.speaking:
            return
        if now_ms >= self._noise_at_ms:
            self._noise_at_ms = now_ms + self._chance.uniform(*NOISES_MS)
            self.cough("")

    def overhear(self, text: str) -> None:
        """Twilio's own voice said `text` (there is no stream to answer on)."""
        self._record.event("otto", "said", text, by="twiml")
        self.mind.hear(text)

    def close(self) -> None:
        """The call is over."""
        self._ear.close()
        self._frames.clear()

    def _hear_oneself(self, audio: bytes, audible: bool) -> None:
        """What was played comes back through the microphone. One carrier at a time counts as one
        sound: what the line was told is that it began."""
        if audible and not self._echo:
            self._echo.extend([SILENCE_PAYLOAD] * (ECHO_MS // FRAME_MS))
            self._record.noise()
        if self._echo:
            self._echo.extend(frames_of(audio))

    def _pause_ms(self, now_ms: float) -> float:
        """How long Otto is silent when it has finished."""
        noises = self._record.measured.noises
        if noises and now_ms - noises[-1].began_ms < COUGH_PATIENCE_MS:
            return COUGH_PATIENCE_MS
        return self._gap_ms

    def _maybe_interrupt(self, now_ms: float) -> None:
        after_ms = self.mind.interrupt_after_ms
        if after_ms is None or self._sound_since_ms is None or self._deaf:
            return
        if self._interruptions >= INTERRUPTIONS_LIMIT or now_ms - self._sound_since_ms < after_ms:
            return
        so_far = " ".join([*self._pending, self._ear.partial()]).strip()
        if not self.mind.would_answer(so_far):
            return
        self._interruptions += 1
        self._pending.clear()
        self._deaf = True
        self._record.event("otto", "said", so_far, interrupted=True)
        self._act_on(self.mind.hear(so_far), interrupting=True)

    def _on_words(self, words: Words) -> None:
        if self._deaf:
            return
        self._record.event(
            *("otto", "said", words.text),
            began_ms=words.began_ms,
            ended_ms=words.ended_ms,
            cut=words.cut,
        )
        if self._connected:
            self._pending.append(words.text)
        else:
            self.mind.hear(words.text)

    def _act_on(self, reply: Reply | None, *, interrupting: bool = False) -> None:
        if reply is None:
            return
        if reply.keys:
            self._record.event("caller", "keyed", reply.keys)
            now_ms = self._record.now_ms
            self._keys.extend((now_ms + at * KEY_MS, key) for at, key in enumerate(reply.keys))
            return
        if not reply.text:
            self._hang_up_at_ms = self._record.now_ms + GOODBYE_WAIT_MS
            return
        self._hang_up_after = reply.hang_up
        if self.persona.seed:
            self._gap_ms = self.persona.gap_ms * self._chance.uniform(*GAP_VARIES)
        pieces = [piece.strip() for piece in (reply.spoken or reply.text).split(PAUSE)]
        if self.speech == "known":
            self._speak(reply.text, self._with_pauses(map(carrier.encode, pieces)), interrupting)
        else:
            self._composing = True
            self._world.spawn(self._compose(reply.text, pieces, interrupting))

    async def _compose(self, text: str, pieces: Sequence[str], interrupting: bool) -> None:
        persona, voices = self.persona, self._world.voices
        try:
            audio = [await voices.synthesise(aloud(p), persona.voice, persona.pace) for p in pieces]
        finally:
            self._composing = False
        self._speak(text, self._with_pauses(audio), interrupting)

    def _with_pauses(self, pieces: Iterable[bytes]) -> bytes:
        """The pieces of one utterance, with a pause from one to the next."""
        spoken = b""
        for piece in pieces:
            if spoken:
                spoken += SILENCE * (BYTES_PER_MS * self._chance.randint(*HESITATION_MS))
            spoken += piece
        return spoken

    def _speak(self, text: str, audio: bytes, interrupting: bool) -> None:
        frames = frames_of(audio)
        if not frames:
            return
        voiced_bytes = len(audio.rstrip(QUIET_BYTES)) or len(audio)
        self._quiet_tail_ms = len(frames) * FRAME_MS - voiced_bytes / 8
        self._frames.extend(frames)
        self._turn = self._record.caller_began(text, interrupting=interrupting)
