"""`make bench-turns`: how often Otto starts while the caller goes on, and what it costs in time.

Sixty turns (spoken_turns.psv) are spoken by the sandbox's callers, with the pauses that people make
within a turn. The sandbox's recogniser hears them on the real wire; Otto's listener and turn-taker
decide when the turn is over, by the clock of the audio. An answer can be heard `ANSWER_MS` later,
unless the caller has gone on by then.

    caller   "Hi, good morning."  ·900 ms·  "I'd like an appointment"
    turn                      end of turn ▌?
    Otto                                      ▌starts: the caller goes on within 1.5 s: talked over

*Talked over*: the share of turns in which Otto starts while the caller speaks, or goes on within
1.5 s. *Turn over after*: from the caller's last sound to the decision that the turn is over.

    python -m benchmarks.talking_over                   the recogniser in use, five minutes
    python -m benchmarks.talking_over --models nova-2-phonecall,flux-general-en
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks import machine
from config.settings import CallSettings, DeepgramSettings
from otto.dialogue.turns.floor import Action, Input
from otto.dialogue.turns.taker import TurnTaker
from otto.events import Event
from otto.events import Heard as HeardEvent
from otto.media_link.frames import Role
from otto.media_link.server import LinkServer
from otto.speech.listen import Listener
from sandbox.app import serve
from sandbox.audio import mulaw
from sandbox.audio.frames import FRAME_BYTES, FRAME_MS, SILENCE_FRAME
from sandbox.audio.voices import CALLER_VOICES
from sandbox.world import Options, World

TURNS = Path(__file__).with_name("spoken_turns.psv")
RESULTS = Path(__file__).with_name("results")
ANSWER_MS = 660
"""From the end of the turn to the first sound of the answer, with vendors as in `make bench`."""
HEARING_MS = 240
"""What the recogniser takes for one hearing on an idle core. When it takes longer the audio waits:
the clock is the audio's, so that other work on the machine changes nothing."""
PACE = 2.0
"""How much faster than it was said the audio passes."""
GOES_ON_MS = 1500
LEAD_MS = 400
TAIL_MS = 4000
_PAUSE = re.compile(r"\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn as it is said: its parts, and the pause before each but the first."""

    question: str
    parts: tuple[str, ...]
    pauses_ms: tuple[int, ...]


@dataclass(slots=True)
class Heard:
    """What came of a turn. Milliseconds since its audio began."""

    question: str
    said: str
    voice: str
    parts_ms: list[tuple[int, int]]
    """When each part of it could be heard."""
    heard: list[str] = field(default_factory=list)
    ended_ms: list[int] = field(default_factory=list)
    """When it was taken to be over."""
    started_ms: list[int] = field(default_factory=list)
    """When Otto could be heard."""

    @property
    def is_talked_over(self) -> bool:
        """Whether Otto started while the caller spoke, or soon went on."""
        return any(
            begin_ms < at_ms + GOES_ON_MS and end_ms > at_ms
            for at_ms in self.started_ms
            for begin_ms, end_ms in self.parts_ms
        )

    @property
    def over_after_ms(self) -> int | None:
        """From the last sound to the decision that it was the last; None: it never came."""
        last_ms = self.parts_ms[-1][1]
        after = [at_ms - last_ms for at_ms in self.ended_ms if at_ms > last_ms]
        return after[0] if after else None


def turns_of(text: str) -> list[Spoken]:
    """The turns of a set: `question|part (ms) part …` lines."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for line in lines:
        question, said = line.split("|")
        pieces = _PAUSE.split(said)
        parts = tuple(part.strip() for part in pieces[::2])
        found.append(Spoken(question.strip(), parts, tuple(map(int, pieces[1::2]))))
    return found


class _NoLine:
    """The other side of a media link on which nothing is played."""

    def on_audio(self, generation: int, mulaw: bytes) -> None: ...
    def on_mark(self, generation: int, index: int) -> None: ...
    def on_clear(self, generation: int) -> None: ...
    def on_hangup(self) -> None: ...
    def on_control_attached(self) -> None: ...
    def on_control_lost(self) -> None: ...


class _Ear:
    """Otto's side: who has the floor, by what the recogniser tells and the audio's clock."""

    def __init__(self, heard: Heard, question: str) -> None:
        self._heard = heard
        self._turns = TurnTaker(CallSettings())
        self._turns.asked(question)
        self._now_ms = 0
        self._answer_ms: float | None = None
        """When the answer being made can be heard."""

    def passed(self, now_ms: int, events: Sequence[Event]) -> None:
        """The audio is `now_ms` long by now, and the listener has told this meanwhile."""
        self._now_ms = now_ms
        for event in events:
            if isinstance(event, HeardEvent):
                self._act(self._turns.hear(event, now_ms / 1000))
        self._act(self._turns.check(now_ms / 1000))
        if self._answer_ms is not None and now_ms >= self._answer_ms:
            self._answer_ms = None
            self._heard.started_ms.append(now_ms)
            self._act(self._turns.note(Input.AUDIO))

    def _act(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Action.REPLY:
                    self._heard.heard.append(self._turns.take().text)
                    self._heard.ended_ms.append(self._now_ms)
                    self._answer_ms = self._now_ms + ANSWER_MS
                case Action.UNPAUSE:
                    # It was made meanwhile, but for what was left of it.
                    self._answer_ms = max(self._heard.ended_ms[-1] + ANSWER_MS, self._now_ms)
                case Action.CLEAR | Action.CANCEL:
                    self._answer_ms = None


async def audio_of(world: World, spoken: Spoken, voice: str) -> tuple[bytes, list[tuple[int, int]]]:
    """A turn as mu-law, and when each of its parts can be heard."""
    audio = mulaw.SILENCE * (LEAD_MS * mulaw.BYTES_PER_MS)
    parts_ms = []
    for part, pause_ms in zip(spoken.parts, (0, *spoken.pauses_ms), strict=True):
        audio += mulaw.SILENCE * (pause_ms * mulaw.BYTES_PER_MS)
        begin_ms = len(audio) // mulaw.BYTES_PER_MS
        audio += await world.voices.synthesise(part, voice)
        parts_ms.append((begin_ms, len(audio) // mulaw.BYTES_PER_MS))
    return audio, parts_ms


async def hear(
    world: World, server: LinkServer, settings: DeepgramSettings, spoken: Spoken, voice: str
) -> Heard:
    """One turn, spoken and heard."""
    audio, parts_ms = await audio_of(world, spoken, voice)
    heard = Heard(spoken.question, " … ".join(spoken.parts), voice, parts_ms)
    name = f"turn-{id(heard)}"
    link = server.open(name, _NoLine())
    events: list[Event] = []
    listener = Listener(settings, events.append)
    await listener.attach(server.address, link.invite(Role.UPLINK))
    ear = _Ear(heard, spoken.question)
    busy_ms = at_ms = 0
    while at_ms < len(audio) // mulaw.BYTES_PER_MS + TAIL_MS:
        await asyncio.sleep(FRAME_MS / 1000 / PACE)
        busy_ms = busy_ms + FRAME_MS if world.recogniser.busy else 0
        while busy_ms > HEARING_MS and world.recogniser.busy:
            await asyncio.sleep(0.005)
        at = at_ms * mulaw.BYTES_PER_MS
        link.push_audio(at_ms, audio[at : at + FRAME_BYTES].ljust(FRAME_BYTES, SILENCE_FRAME[:1]))
        at_ms += FRAME_MS
        told, events[:] = events[:], []
        ear.passed(at_ms, told)
    await listener.detach()
    return heard


async def measure(model: str, turns: Sequence[Spoken]) -> list[Heard]:
    """All `turns` with the recogniser `model`, in every voice in turn."""
    world = World(Options(speech="real"))
    await world.voices.load()
    await world.recogniser.load()
    server = LinkServer()
    await server.start()
    found: list[Heard] = []
    async with serve(world) as http:
        settings = DeepgramSettings(
            api_key=SecretStr(world.api_key),
            url=f"ws{http.removeprefix('http')}/deepgram",
            listen_model=model,
        )
        for number, spoken in enumerate(turns):
            voice = CALLER_VOICES[number % len(CALLER_VOICES)]
            found.append(await hear(world, server, settings, spoken, voice))
    await server.close()
    world.recogniser.close()
    world.voices.close()
    return found


def summary(model: str, heard: Sequence[Heard]) -> dict[str, Any]:
    """The figures of one recogniser, and the turns that went wrong."""
    over = [turn for turn in heard if turn.is_talked_over]
    waits = sorted(ms for turn in heard if (ms := turn.over_after_ms) is not None)
    return {
        "model": model,
        "turns": len(heard),
        "with_pauses": sum(len(turn.parts_ms) > 1 for turn in heard),
        "talked_over": len(over),
        "share": round(len(over) / len(heard), 4),
        "over_after_p50_ms": round(statistics.median(waits)) if waits else None,
        "over_after_p95_ms": waits[min(len(waits) - 1, int(0.95 * len(waits)))] if waits else None,
        "never_over": len(heard) - len(waits),
        "those": [asdict(turn) for turn in over],
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    lines = [
        "| recogniser | turns (with pauses) | talked over | turn over after, p50 | p95 |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['model']} | {row['turns']} ({row['with_pauses']}) "
        f"| {row['talked_over']} ({row['share']:.1%}) "
        f"| {row['over_after_p50_ms']} ms | {row['over_after_p95_ms']} ms |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=DeepgramSettings().listen_model)
    parser.add_argument("--first", type=int, default=0, help="only so many of the turns")
    given = parser.parse_args()
    turns = turns_of(TURNS.read_text(encoding="utf-8"))[: given.first or None]
    about = machine.facts()
    rows = [summary(model, asyncio.run(measure(model, turns))) for model in given.models.split(",")]
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("turns-%Y-%m-%dT%H%M%SZ.json", time.gmtime())
    path.write_text(json.dumps({"about": about, "turns": rows}, indent=1), encoding="utf-8")
    print(table(rows))
    for row in rows:
        for turn in row["those"]:
            print(f"{row['model']}: {turn['said']}  (heard: {' | '.join(turn['heard'])})")


if __name__ == "__main__":
    main()
