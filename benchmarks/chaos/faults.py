"""What is broken, when, and what the caller may notice of it: the plan's entries, as data.

A fault's bound is the longest silence of Otto's that its calls may hear after it struck: the
pause before an ordinary answer (some 1.5 s here, with the vendors' stand-ins at their usual pace)
plus what recovery may take.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from benchmarks.chaos.judging import REACHED, Outcome


class Moment(StrEnum):
    """When in a call it strikes."""

    BEFORE = "before the call"
    GREETING = "during the greeting"
    LISTENING = "while the caller speaks"
    THINKING = "while the answer is made"
    SPEAKING = "while Otto speaks"
    BOOKING = "while the booking is made"


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL. A call's own actor is found by its call, and so is the process that holds its line;
    of the others, all of that kind die."""

    actor: str
    without: Store | None = None
    """A store that goes away at the same moment."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """SIGSTOP, and SIGCONT `for_s` later: what wakes up believes that no time has passed."""

    actor: str
    for_s: float


@dataclass(frozen=True, slots=True)
class Vendor:
    """Faults of a vendor's stand-in (sandbox/faults.py), lifted after `for_s`."""

    target: str
    kinds: tuple[str, ...]
    for_s: float
    delay_ms: int = 0
    count: int | None = None
    """How often it bites; None: until it is lifted."""
    fallback_too: bool = False
    """Whether the second provider suffers the same."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The sandbox's names of what is struck."""
        return (self.target, f"{self.target}.fallback") if self.fallback_too else (self.target,)


@dataclass(frozen=True, slots=True)
class Store:
    """PostgreSQL or Redis. stop: refuses connections. pause: takes them and does not answer."""

    service: Literal["postgres", "valkey"]
    action: Literal["stop", "pause"]
    for_s: float


Strike = Kill | Freeze | Vendor | Store

OWN_ACTORS = ("CallActor", "SttActor", "LlmActor", "TtsActor")
"""What each call has for itself: killing one of them is no other call's business."""
VOICE_REPLICA = "ServeReplica:voice:VoiceIngress"
MEDIA_REPLICA = "ServeReplica:media:MediaIngress"


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the plan. `strike` None: nothing happens (the yardstick)."""

    name: str
    about: str
    strike: Strike | None
    moment: Moment
    bound_ms: int
    caller: Literal["asks", "books"] = "asks"
    allowed: Collection[Outcome] = REACHED

    @property
    def is_of_one_call(self) -> bool:
        """Whether other calls have nothing to do with it, so that several may run at once."""
        match self.strike:
            case Kill(actor, None) | Freeze(actor):
                return actor in OWN_ACTORS
            case Vendor(target, ("fail",)):
                # Bookings are told to them by the outbox, when the call may be over already.
                return target in ("google", "twilio")
            case strike:
                return strike is None


SERVED = frozenset({Outcome.ANSWERED, Outcome.BOOKED})
"""The call must be served as if nothing had happened."""
BOOKED = frozenset({Outcome.BOOKED})
ANYTHING = REACHED

_M = Moment
FAULTS: tuple[Fault, ...] = (
    Fault("nothing", "no fault, the yardstick", None, _M.SPEAKING, 3_000, allowed=SERVED),
    Fault("nothing-booking", "no fault, a booking", None, _M.BOOKING, 3_500, "books", BOOKED),
    # Processes that die
    Fault("call-killed-greeting", "kill -9 of the call actor", Kill("CallActor"),
          _M.GREETING, 4_000, allowed=SERVED),
    Fault("call-killed-speaking", "kill -9 of the call actor", Kill("CallActor"),
          _M.SPEAKING, 4_000, allowed=SERVED),
    Fault("call-killed-thinking", "kill -9 of the call actor", Kill("CallActor"),
          _M.THINKING, 4_000, allowed=SERVED),
    Fault("call-killed-booking", "kill -9 of the call actor", Kill("CallActor"),
          _M.BOOKING, 5_000, "books", BOOKED),
    Fault("call-killed-without-redis", "kill -9 of the call actor as Redis goes away for 8 s",
          Kill("CallActor", Store("valkey", "stop", 8)), _M.THINKING, 6_000, allowed=SERVED),
    Fault("stt-killed", "kill -9 of the call's SttActor", Kill("SttActor"),
          _M.LISTENING, 4_000, allowed=SERVED),
    Fault("llm-killed", "kill -9 of the call's LlmActor", Kill("LlmActor"),
          _M.THINKING, 4_000, allowed=SERVED),
    Fault("tts-killed", "kill -9 of the call's TtsActor", Kill("TtsActor"),
          _M.SPEAKING, 4_000, allowed=SERVED),
    Fault("switchboard-killed", "kill -9 of the SwitchboardActor", Kill("SwitchboardActor"),
          _M.SPEAKING, 3_500, allowed=SERVED),
    Fault("switchboard-killed-ringing", "kill -9 of the SwitchboardActor, then a call",
          Kill("SwitchboardActor"), _M.BEFORE, 12_000),
    Fault("calendar-killed", "kill -9 of the CalendarActor", Kill("CalendarActor"),
          _M.BOOKING, 8_000, "books", BOOKED),
    Fault("crm-killed", "kill -9 of the CrmActor", Kill("CrmActor"),
          _M.LISTENING, 8_000, "books", BOOKED),
    Fault("voice-killed", "kill -9 of one webhooks' replica, then a call", Kill(VOICE_REPLICA),
          _M.BEFORE, 12_000),
    Fault("media-killed", "kill -9 of the process that holds the line", Kill(MEDIA_REPLICA),
          _M.SPEAKING, 6_000, allowed=SERVED),
    # Processes that stall, and wake up again
    Fault("call-frozen", "SIGSTOP of the call actor for 8 s; it wakes up as a zombie",
          Freeze("CallActor", 8), _M.SPEAKING, 6_000, allowed=SERVED),
    Fault("call-frozen-booking", "SIGSTOP of the call actor for 8 s in mid-booking",
          Freeze("CallActor", 8), _M.BOOKING, 6_000, "books", BOOKED),
    Fault("stt-frozen", "SIGSTOP of the call's SttActor for 8 s", Freeze("SttActor", 8),
          _M.LISTENING, 6_000, allowed=SERVED),
    Fault("llm-frozen", "SIGSTOP of the call's LlmActor for 8 s", Freeze("LlmActor", 8),
          _M.THINKING, 6_000, allowed=SERVED),
    Fault("tts-frozen", "SIGSTOP of the call's TtsActor for 8 s", Freeze("TtsActor", 8),
          _M.THINKING, 6_000, allowed=SERVED),
    Fault("calendar-frozen", "SIGSTOP of the CalendarActor for 5 s", Freeze("CalendarActor", 5),
          _M.BOOKING, 6_000, "books", BOOKED),
    Fault("sockets-stalled", "SIGSTOP of the streams' replica for 2 s", Freeze(MEDIA_REPLICA, 2),
          _M.SPEAKING, 5_000, allowed=SERVED),
    # Vendors
    Fault("listen-dropped", "Deepgram's listening socket breaks",
          Vendor("deepgram.listen", ("drop",), 2, count=1), _M.LISTENING, 4_000, allowed=SERVED),
    Fault("listen-out", "Deepgram's listening breaks and is refused for 8 s; a second one is there",
          Vendor("deepgram.listen", ("drop", "refuse"), 8), _M.LISTENING, 6_000, allowed=SERVED),
    Fault("listen-stalled", "Deepgram's listening is silent for 6 s",
          Vendor("deepgram.listen", ("stall",), 6), _M.LISTENING, 12_000),
    Fault("listen-gone", "nobody listens for 12 s, the second one neither",
          Vendor("deepgram.listen", ("drop", "refuse"), 12, fallback_too=True),
          _M.LISTENING, 12_000),
    Fault("listen-interims", "Deepgram makes no word final for 8 s; a second one is there",
          Vendor("deepgram.listen", ("interims",), 8), _M.LISTENING, 6_000, allowed=SERVED),
    Fault("speak-dropped", "Deepgram's speaking socket breaks",
          Vendor("deepgram.speak", ("drop",), 4, count=1), _M.THINKING, 4_000, allowed=SERVED),
    Fault("speak-out", "Deepgram's speaking breaks and is refused for 8 s; a second one is there",
          Vendor("deepgram.speak", ("drop", "refuse"), 8), _M.THINKING, 6_000, allowed=SERVED),
    Fault("speak-stalled", "Deepgram's speaking is silent for 6 s",
          Vendor("deepgram.speak", ("stall",), 6), _M.THINKING, 12_000),
    Fault("speak-empty", "Deepgram speaks without a sound for 6 s; a second one is there",
          Vendor("deepgram.speak", ("empty",), 6), _M.THINKING, 6_000, allowed=SERVED),
    Fault("speak-gone", "nobody speaks for 12 s, the second one neither",
          Vendor("deepgram.speak", ("drop", "refuse"), 12, fallback_too=True),
          _M.THINKING, 12_000),
    Fault("model-failed", "the model answers 500, once",
          Vendor("openai", ("fail",), 6, count=1), _M.LISTENING, 4_000, allowed=SERVED),
    Fault("model-dropped", "the model's stream breaks in the middle, once",
          Vendor("openai", ("drop",), 6, delay_ms=30, count=1), _M.LISTENING, 4_000,
          allowed=SERVED),
    Fault("model-out", "the model answers 500 for 15 s; a second one is there",
          Vendor("openai", ("fail",), 15), _M.LISTENING, 6_000, allowed=SERVED),
    Fault("model-stalled", "the model's answer stalls for 10 s",
          Vendor("openai", ("stall",), 10), _M.LISTENING, 12_000),
    Fault("model-hangs", "the model takes a request and never answers it, once",
          Vendor("openai", ("hang",), 8, count=1), _M.LISTENING, 5_000, allowed=SERVED),
    Fault("model-glues", "the model writes two sets of arguments into each tool call",
          Vendor("openai", ("glue",), 100), _M.BEFORE, 3_500, "books", BOOKED),
    Fault("model-halves-characters", "the model sends halves of characters in every answer",
          Vendor("openai", ("surrogate",), 100), _M.BEFORE, 3_500, "books", BOOKED),
    Fault("model-ends-twice", "the model hangs up in the message that books",
          Vendor("openai", ("endings",), 100), _M.BEFORE, 4_500, "books", BOOKED),
    Fault("model-gone", "no model answers for 15 s, the second one neither",
          Vendor("openai", ("fail",), 15, fallback_too=True), _M.LISTENING, 8_000),
    Fault("model-slow", "the model takes 3 s longer",
          Vendor("openai", ("slow",), 8, delay_ms=3_000), _M.LISTENING, 5_000, allowed=SERVED),
    # Laid before the call: Google is told in the second of the booking, which comes after a minute.
    Fault("calendar-out", "Google answers 500 for 100 s",
          Vendor("google", ("fail",), 100), _M.BEFORE, 3_500, "books", BOOKED),
    Fault("stream-dropped", "Twilio's media stream breaks",
          Vendor("twilio", ("drop",), 2, count=1), _M.SPEAKING, 5_000, allowed=SERVED),
    # Laid before the call: the message leaves as soon as the booking is made, after a minute.
    Fault("messages-out", "Twilio's REST API answers 500 for 100 s",
          Vendor("twilio", ("fail",), 100), _M.BEFORE, 3_500, "books", BOOKED),
    # Stores
    Fault("redis-stopped", "Redis refuses connections for 8 s", Store("valkey", "stop", 8),
          _M.LISTENING, 4_500, allowed=SERVED),
    Fault("redis-paused", "Redis does not answer for 8 s", Store("valkey", "pause", 8),
          _M.LISTENING, 4_500, allowed=SERVED),
    Fault("redis-away-ringing", "Redis is stopped for 8 s, then a call", Store("valkey", "stop", 8),
          _M.BEFORE, 4_500, allowed=SERVED),
    Fault("postgres-stopped", "PostgreSQL refuses connections for 10 s",
          Store("postgres", "stop", 10), _M.BOOKING, 6_000, "books"),
    Fault("postgres-paused", "PostgreSQL does not answer for 10 s",
          Store("postgres", "pause", 10), _M.BOOKING, 8_000, "books"),
)  # fmt: skip
"""In the order in which they are tried."""

SHORT = frozenset(
    {
        *("nothing", "call-killed-speaking", "call-killed-booking", "call-frozen"),
        *("stt-killed", "llm-killed", "tts-killed", "switchboard-killed", "calendar-killed"),
        *("media-killed", "sockets-stalled", "listen-out", "listen-gone", "speak-out"),
        *("model-out", "model-gone", "calendar-out", "messages-out", "stream-dropped"),
        *("redis-stopped", "postgres-stopped"),
    }
)
"""The ones that a run takes unless it is told which, or told to take all."""

STORM = Fault("storm", "everything at once", None, Moment.BEFORE, 25_000)
"""What is allowed to the calls of the storm, whatever hits them."""
