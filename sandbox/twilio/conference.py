"""Conferences: rooms in which calls hear each other, twenty milliseconds at a time.

A room begins with its first participant, plays hold music until it is *started* (there are two, and
one of them came with `startConferenceOnEnter`), and ends with the first who leaves with
`endConferenceOnExit`. https://www.twilio.com/docs/voice/twiml/conference
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import deque
from dataclasses import dataclass, field

from sandbox.audio.carrier import CarrierDetector, Started
from sandbox.audio.frames import FRAME_BYTES, FRAME_MS, SILENCE_FRAME

MULAW, RATE_HZ = 7, 8000
HEARD_LIMIT_BYTES = 10 * 60 * RATE_HZ


@dataclass(eq=False)
class Participant:
    """One call in a room. `heard` is all that reached its telephone, mu-law."""

    call_sid: str
    label: str = ""
    starts: bool = True
    ends: bool = False
    heard: bytearray = field(default_factory=bytearray)
    words: list[str] = field(default_factory=list)
    """What was said to it, where the audio carries its words."""
    _voice: deque[bytes] = field(default_factory=deque)
    _ear: CarrierDetector = field(default_factory=CarrierDetector)

    def say(self, mulaw: bytes) -> None:
        """Speak into the room."""
        for at in range(0, len(mulaw), FRAME_BYTES):
            self._voice.append(mulaw[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff"))

    @property
    def is_speaking(self) -> bool:
        """Whether there is more to say."""
        return bool(self._voice)

    def frame(self) -> bytes | None:
        """The next 20 ms of this voice; None: silent."""
        return self._voice.popleft() if self._voice else None

    def hear(self, frame: bytes) -> None:
        """20 ms of the others."""
        if len(self.heard) < HEARD_LIMIT_BYTES:
            self.heard += frame
        for event in self._ear.feed(frame):
            if isinstance(event, Started):
                self.words.append(event.text)

    def as_dict(self) -> dict[str, object]:
        """What reached it, in JSON's terms."""
        voiced = sum(byte not in b"\xff\x7f" for byte in self.heard)
        return {"label": self.label, "heard_bytes": voiced, "heard": self.words}


class Room:
    """One conference, from its first participant to its end."""

    def __init__(self, name: str) -> None:
        self.sid = "CF" + secrets.token_hex(16)
        self.name = name
        self.participants: list[Participant] = []
        self.started = asyncio.Event()
        self.ended = asyncio.Event()

    def enter(self, participant: Participant) -> None:
        """Come in."""
        self.participants.append(participant)
        if len(self.participants) > 1 and any(each.starts for each in self.participants):
            self.started.set()

    def leave(self, participant: Participant) -> None:
        """Go out; the last one, or one with whom the room ends, ends it."""
        if participant in self.participants:
            self.participants.remove(participant)
        if participant.ends or not self.participants:
            self.ended.set()

    async def carry(self) -> None:
        """Carry everybody's voice to everybody else until the room has ended."""
        await self.started.wait()
        loop = asyncio.get_running_loop()
        at_s = loop.time()
        while not self.ended.is_set():
            spoken = [(each, each.frame()) for each in self.participants]
            for listener in self.participants:
                # Two voices at once are no concern here: the first one is heard.
                voices = [frame for speaker, frame in spoken if speaker is not listener and frame]
                listener.hear(voices[0] if voices else SILENCE_FRAME)
            at_s += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, at_s - loop.time()))


class Rooms:
    """The conferences under way, by name."""

    def __init__(self) -> None:
        self._open: dict[str, Room] = {}

    def find(self, name: str) -> tuple[Room, bool]:
        """The room of that name, and whether it is a new one: one that has ended is none."""
        room = self._open.get(name)
        if room is not None and not room.ended.is_set():
            return room, False
        self._open[name] = room = Room(name)
        return room, True

    def close(self, room: Room) -> None:
        """It has ended."""
        if self._open.get(room.name) is room:
            del self._open[room.name]


def as_wav(mulaw: bytes) -> bytes:
    """A WAV file of mu-law at 8 kHz."""
    fmt = struct.pack("<HHIIHHH", MULAW, 1, RATE_HZ, RATE_HZ, 1, 8, 0)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    body += b"data" + struct.pack("<I", len(mulaw)) + mulaw + b"\0" * (len(mulaw) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body
