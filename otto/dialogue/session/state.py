"""The state of one call that must outlive the process serving it.

A `Session` is what another call actor needs to take the call over: who the caller is and how far
they have proved it, what was offered, what was booked, what was said. It is plain data; Redis
holds it as JSON, and the database gets what is left of it at the end.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from otto.dialogue.session.errands import Errand
from otto.dialogue.session.history import History
from otto.dialogue.session.identity import Identity
from otto.dialogue.session.offered import AppointmentRef, Offer, OfferLine, VehicleRef
from otto.dialogue.session.slots import Slots, dump_slots, load_slots
from otto.dialogue.session.summary import summarise
from otto.language.languages import Language

__all__ = [
    "AppointmentRef",
    "Directive",
    "Ending",
    "Identity",
    "InProgress",
    "Offer",
    "OfferLine",
    "Piece",
    "Session",
    "TurnRecord",
    "VehicleRef",
]


class Directive(StrEnum):
    """What the telephone line does when the media stream has ended."""

    RESUME = "resume"
    HANG_UP = "hangup"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ends: what the line does then, and what the call is on record with."""

    directive: Directive
    outcome: str


def _ending(data: dict[str, str] | None) -> Ending | None:
    return None if data is None else Ending(Directive(data["directive"]), data["outcome"])


@dataclass(slots=True)
class TurnRecord:
    """One turn, for the console and the call's record. Durations in milliseconds.

    `latency` holds, for Otto's turns, `endpointing_ms`, `model_ms`, `speech_ms`, `tools_ms`,
    `otto_ms` (what is left) and `total_ms`, from the caller's last word to the first audio.
    """

    index: int
    speaker: str
    text: str
    heard: str
    at: str
    latency: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Piece:
    """A sentence of a reply in progress, and how much of it was known to have been heard."""

    text: str
    heard: str
    entry: int | None
    """Which entry of the history it is part of; None while its round is not in there."""


@dataclass(slots=True)
class InProgress:
    """What was being made, said or done when the session was written, for another to go on with."""

    pieces: list[Piece] = field(default_factory=list)
    rounds: int = 0
    streaming: bool = False
    """Whether the model was still at it."""
    finished: bool = False
    """Whether the last sentence had been given to the synthesiser."""
    ending: Ending | None = None
    """What was to follow when it had been heard."""
    calls: list[dict[str, str]] = field(default_factory=list)
    """The tools that were running, one after the other."""
    results: list[str] = field(default_factory=list)
    """What those that were done had answered."""
    is_own_work: bool = True
    """Whether this reply asked for those tools, not one that was thrown away."""
    unanswered: list[str] = field(default_factory=list)
    """Turns of the caller that wait for those tools and are not in the history."""
    recognised_ms: int = 0
    """Media time at which the last of those turns ended; 0 when they were keyed."""

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """The inverse of `asdict`."""
        fields = data | {
            "pieces": [Piece(**piece) for piece in data["pieces"]],
            "ending": _ending(data["ending"]),
        }
        return cls(**fields)


@dataclass(slots=True)
class Session:
    """Everything of one call that is kept."""

    call_sid: str
    caller: str
    called: str
    started_at: str
    epoch: int = 0
    revision: int = 0
    """Of two states of one epoch, the greater one is the later."""
    identity: Identity = Identity.UNKNOWN
    errand: Errand = Errand.OPEN
    """What is under way; likewise."""
    waiting: list[Errand] = field(default_factory=list)
    """What the caller wanted besides, to be come back to."""
    slots: Slots = field(default_factory=dict)
    """What the caller said of what Otto needs to know, and how often it was asked for."""
    customer_id: int | None = None
    first_name: str = ""
    phone: str = ""
    """The customer's number, E.164: the caller's own unless another was given."""
    is_forged: bool = False
    """The network says that the caller's number is not theirs."""
    said: str = ""
    """The number, other than the caller's, whose facts were compared with: one a call."""
    code_sent_to: str = ""
    """The number to which this call's code was texted."""
    proved: str = ""
    """The same, once the code was given back: as good as the number that calls."""
    attempts: int = 0
    attempted: list[str] = field(default_factory=list)
    """What was counted of the caller's present turn. The same answer in the same turn is one
    attempt, however often the model, or a next owner of the call, has it checked."""
    misheard: list[str] = field(default_factory=list)
    """Wrong answers that were read back before they counted."""
    lacks_proof: bool = False
    """A customer was entered in this call, and nothing yet by which they are known the next time
    but the number they called from."""
    caller_turns: int = 0
    vehicles: list[VehicleRef] = field(default_factory=list)
    offers: dict[str, Offer] = field(default_factory=dict)
    appointments: list[AppointmentRef] = field(default_factory=list)
    language: Language = Language.ENGLISH
    """That the call is held in."""
    held: str = ""
    """The slot id of the opening that is held for the caller, while they make up their mind."""
    changes: int = 0
    """How many appointments this call has moved or cancelled."""
    bookings: list[str] = field(default_factory=list)
    agreed: list[str] = field(default_factory=list)
    """The wishes that the caller has agreed to, by their idempotency keys, before they are done."""
    done: list[str] = field(default_factory=list)
    """The wishes that were met: asked for once more, they come to what they came to."""
    callback_requested: bool = False
    transcript_refused: bool = False
    """The caller wants no transcript: what was said does not outlive the call."""
    promised: Ending | None = None
    """The person whom the caller was promised and has not been connected with: kept until they
    are, or do without."""
    outstanding: list[dict[str, str]] = field(default_factory=list)
    """Calls of tools that take too long and may have gone through all the same."""
    news: list[str] = field(default_factory=list)
    """What such tools have come to, in sentences that the caller has not heard."""
    directive: Directive = Directive.RESUME
    outcome: str = ""
    summary: str = ""
    """What the service desk is told of the call, in a sentence; "" until they are needed."""
    stream: str = ""
    """The media stream that `recognised_ms` and `keys` count on, by the ingress' own name."""
    recognised_ms: int = 0
    """Media time up to which the caller's words are in the history."""
    keys: int = 0
    """How many of the keys pressed belong to turns that are over."""
    history: History = field(default_factory=History)
    in_progress: InProgress | None = None
    taken_over_at: str = ""
    """When another owner took the call over last, ISO 8601; empty: nobody did."""
    turns: list[TurnRecord] = field(default_factory=list)

    @classmethod
    def begin(cls, call_sid: str, caller: str, called: str, at: datetime) -> Self:
        return cls(call_sid, caller, called, at.isoformat())

    def dump(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "call_sid": self.call_sid,
            "caller": self.caller,
            "called": self.called,
            "started_at": self.started_at,
            "epoch": self.epoch,
            "revision": self.revision,
            "identity": self.identity.value,
            "errand": self.errand.value,
            "waiting": [errand.value for errand in self.waiting],
            "slots": dump_slots(self.slots),
            "customer_id": self.customer_id,
            "first_name": self.first_name,
            "phone": self.phone,
            "is_forged": self.is_forged,
            "said": self.said,
            "code_sent_to": self.code_sent_to,
            "proved": self.proved,
            "attempts": self.attempts,
            "attempted": self.attempted,
            "misheard": self.misheard,
            "lacks_proof": self.lacks_proof,
            "caller_turns": self.caller_turns,
            "vehicles": [asdict(vehicle) for vehicle in self.vehicles],
            "offers": {key: asdict(offer) for key, offer in self.offers.items()},
            "appointments": [asdict(appointment) for appointment in self.appointments],
            "held": self.held,
            "language": self.language.value,
            "changes": self.changes,
            "bookings": self.bookings,
            "agreed": self.agreed,
            "done": self.done,
            "callback_requested": self.callback_requested,
            "transcript_refused": self.transcript_refused,
            "promised": None if self.promised is None else asdict(self.promised),
            "outstanding": [dict(call) for call in self.outstanding],
            "news": [*self.news],
            "directive": self.directive.value,
            "outcome": self.outcome,
            "summary": self.summary,
            "stream": self.stream,
            "recognised_ms": self.recognised_ms,
            "keys": self.keys,
            "history": self.history.dump(),
            "in_progress": None if self.in_progress is None else asdict(self.in_progress),
            "taken_over_at": self.taken_over_at,
            "turns": [asdict(turn) for turn in self.turns],
        }

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """The inverse of `dump`."""
        fields = {key: value for key, value in data.items() if key in cls.__slots__}
        fields["identity"] = Identity(fields["identity"])
        fields["errand"] = Errand(fields.get("errand", Errand.OPEN))
        fields["waiting"] = [Errand(errand) for errand in fields.get("waiting", ())]
        fields["slots"] = load_slots(fields.get("slots", {}))
        fields["directive"] = Directive(fields["directive"])
        fields["language"] = Language(fields.get("language", Language.ENGLISH))
        fields["vehicles"] = [VehicleRef(**item) for item in fields["vehicles"]]
        fields["offers"] = {key: Offer.load(item) for key, item in fields["offers"].items()}
        told = fields.get("appointments", ())
        fields["appointments"] = [AppointmentRef.load(item) for item in told]
        fields["promised"] = _ending(fields.get("promised"))
        fields["history"] = History.load(fields["history"])
        in_progress = fields.get("in_progress")
        fields["in_progress"] = None if in_progress is None else InProgress.load(in_progress)
        fields["turns"] = [TurnRecord(**item) for item in fields["turns"]]
        return cls(**fields)

    def renewed(self, caller: str, called: str) -> Self:
        """The session of the same call when nobody knows that the same person is on the line.

        Nothing of what was found out or said is left. What counts against a caller stays, and so
        does what the call is on record with, or is not to be.
        """
        fresh = type(self)(self.call_sid, caller, called, self.started_at)
        fresh.epoch, fresh.revision, fresh.stream = self.epoch, self.revision, self.stream
        fresh.attempts, fresh.attempted = self.attempts, self.attempted
        fresh.misheard = self.misheard
        fresh.is_forged, fresh.said = self.is_forged, self.said
        fresh.code_sent_to = self.code_sent_to
        fresh.language = self.language
        fresh.caller_turns, fresh.changes = self.caller_turns, self.changes
        if self.identity is Identity.LOCKED:
            fresh.identity = Identity.LOCKED
        fresh.bookings, fresh.callback_requested = self.bookings, self.callback_requested
        fresh.transcript_refused = self.transcript_refused
        fresh.turns = self.turns
        return fresh

    def on_stream(self, stream: str) -> None:
        """The call is on this media stream. On a new one nothing has been heard or keyed yet."""
        if stream != self.stream:
            self.stream, self.recognised_ms, self.keys = stream, 0, 0

    def attempt(self, *given: object) -> str:
        """Count an attempt to be verified by what was `given`; returns what takes it back."""
        key = f"{self.caller_turns}:{given}"
        if key not in self.attempted:
            turn = f"{self.caller_turns}:"
            self.attempted = [each for each in self.attempted if each.startswith(turn)] + [key]
            self.attempts += 1
        return key

    def may_look_up(self, said: str) -> bool:
        """Whether facts may be compared with those of a number that the caller has said: one such
        number a call, so that nobody tries out who is a customer."""
        self.said = self.said or said
        return self.said == said

    def take_back(self, attempt: str) -> None:
        """It was no attempt after all."""
        if attempt in self.attempted:
            self.attempted.remove(attempt)
            self.attempts -= 1

    def forget_words(self) -> None:
        """The call is over, and nothing that was said in it may be kept."""
        self.history, self.in_progress = History(), None
        self.attempted, self.misheard = [], []
        self.news, self.slots, self.summary = [], {}, ""
        for turn in self.turns:
            turn.text = turn.heard = ""

    @property
    def ended_with(self) -> Ending:
        """How the call has ended; with no outcome while it goes on."""
        return Ending(self.directive, self.outcome)

    def end(self, ending: Ending) -> None:
        """The call is over, or the line is about to be."""
        self.directive, self.outcome = ending.directive, ending.outcome
        if ending.directive is Directive.TRANSFER:
            self.summary = summarise(self, ending.outcome)

    def come_back(self) -> None:
        """The caller is back from the service desk, to whom the call was given: it goes on."""
        self.directive, self.outcome = Directive.RESUME, ""
        self.promised = self.in_progress = None
