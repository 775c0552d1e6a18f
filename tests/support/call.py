"""A call in virtual time: the conversation is real, the vendors and the line are small doubles.

`Telephone` plays Otto's audio on the virtual clock as Twilio would: "playing" when the first
audio comes, a mark after each chunk, everything echoed at once after a clear. `ScriptedModel`
answers each request with the next step of a script.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewCustomer,
    NewVehicle,
    Vehicle,
    Verdict,
    Verification,
)
from otto.crm.records import Callback, CallRecord, OptOut
from otto.crm.repair_orders import RepairOrder
from otto.dialogue.context import CallContext
from otto.dialogue.conversation import Conversation
from otto.dialogue.session.store import Fenced, Opened
from otto.events import (
    Event,
    FirstAudio,
    ModelDone,
    Sentence,
    SentenceSpoken,
    SpeechDone,
    ToolCall,
    Transcript,
    Worker,
    WorkerFailed,
)
from otto.language.languages import Language
from otto.media_link.events import KeyPressed, LineEvent, MarkPlayed, Playing
from otto.scheduling.bookings import (
    Booking,
    BookingRefused,
    BookingRequest,
    CancelRequest,
    HoldRequest,
    MoveRequest,
    SlotTaken,
)
from otto.scheduling.openings import Opening, Openings, OpeningsQuery
from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict
from otto.storage.errors import CustomerExists
from otto.tasks import Tasks

MS_PER_CHARACTER = 60
CHUNK_MS = 400
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""A Monday, nine in the morning in Chicago."""
READ_BACK = (
    "That's an oil change for your 2019 Honda Civic on Tuesday, November 24 at 9:00 AM. "
    "Shall I book it?"
)
"""The first opening of `Book`, as it has to be heard before it is booked."""
MOVE_IT = (
    "I'd move your oil change for your 2019 Honda Civic to Tuesday, November 24 at 9:00 AM. "
    "Shall I move it?"
)
MARIA = Customer(
    7, "Maria", "Alvarez", "+13125550142", (Vehicle(70, 2019, "Honda", "Civic", None),)
)
BORN = date(1984, 3, 12)
CODE = "482913"
"""The one that this calendar texts."""


@dataclass
class Step:
    """One answer of the model: sentences (parted by `|`), then tool calls, after `delay_s`.

    Between two sentences `pace_s` pass. With `fails` it breaks off after the sentences.
    """

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    delay_s: float = 0.2
    pace_s: float = 0.0
    fails: bool = False


class ScriptedModel:
    """Answers by script; remembers what it was asked."""

    def __init__(self) -> None:
        self.script: list[Step | Callable[[], Step]] = []
        self.requests: list[tuple[list[dict[str, Any]], list[str]]] = []
        self.numbers: list[int] = []
        self.emit: Callable[[Event], None] = lambda event: None
        self.cancelled: list[int] = []
        self._tasks = Tasks()

    def generate(
        self, round_id: int, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> None:
        self.requests.append((messages, [tool["function"]["name"] for tool in tools]))
        self.numbers.append(round_id)
        following = self.script.pop(0)
        step = following if isinstance(following, Step) else following()
        self._tasks.spawn(self._answer(round_id, step))

    async def _answer(self, round_id: int, step: Step) -> None:
        await asyncio.sleep(step.delay_s)
        for index, text in enumerate(filter(None, step.text.split("|"))):
            if index and step.pace_s:
                await asyncio.sleep(step.pace_s)
            self.emit(Sentence(round_id, index, text.strip()))
        if step.fails:
            self.emit(WorkerFailed(Worker.LLM, "dropped", "test", round_id=round_id))
            return
        calls = tuple(
            ToolCall(f"call_{len(self.requests)}_{n}", name, json.dumps(arguments))
            for n, (name, arguments) in enumerate(step.calls)
        )
        ms = step.delay_s * 1000
        total_ms = ms + step.pace_s * 1000 * step.text.count("|")
        self.emit(ModelDone(round_id, step.text, calls, "stop", ms, ms, total_ms))

    def cancel(self, round_id: int) -> None:
        """Remembered, and not obeyed: what comes of it is the late event of a real worker."""
        self.cancelled.append(round_id)


class Telephone:
    """The voice and the line in one: what Otto says is heard in virtual time.

    `lag_s` passes between writing and playing, `mark_delay_s` until an echoed mark is back.
    """

    def __init__(
        self,
        emit: Callable[[Event], None] = lambda event: None,
        *,
        lag_s: float = 0.0,
        mark_delay_s: float = 0.0,
    ) -> None:
        self.emit = emit
        self.on_line: Callable[[LineEvent], None] = lambda event: None
        self.said: list[str] = []
        self.generations: list[int] = []
        """Of each sentence said, the generation it was said under."""
        self.cleared: list[int] = []
        self.hung_up = False
        self.checkpoint = b""
        self.language = Language.ENGLISH
        self.is_dead = False
        """Takes everything and plays nothing."""
        self._lag_s = lag_s
        self._mark_delay_s = mark_delay_s
        self._length_ms: dict[int, int] = {}
        self._playing_s: dict[int, float] = {}
        self._marks: dict[int, set[int]] = {}
        """Marks that are not echoed yet."""
        self._tasks: dict[int, set[asyncio.Task[None]]] = {}

    # Mouth
    async def attach(self, address: str, token: str) -> None: ...
    async def detach(self) -> None: ...
    def use_language(self, language: Language) -> None:
        self.language = language

    def length_ms(self, text: str) -> int:
        """How long `text` takes to say."""
        return len(text) * MS_PER_CHARACTER

    def played_ms(self, generation: int) -> float:
        """How much of a generation has come out of the receiver by now."""
        began_s = self._playing_s.get(generation)
        if began_s is None:
            return 0.0
        return (asyncio.get_running_loop().time() - began_s - self._lag_s) * 1000

    def say(self, generation: int, index: int, text: str) -> None:
        self.said.append(text)
        self.generations.append(generation)
        start = self._length_ms.get(generation, 0)
        end = self._length_ms[generation] = start + self.length_ms(text)
        self._later(generation, self._speak(generation, index, text, start, end))

    async def _speak(self, generation: int, index: int, text: str, start: int, end: int) -> None:
        await asyncio.sleep(0.1)
        if self.is_dead:
            return
        if start == 0:
            # The line is quicker than a voice in a process of its own.
            self._playing_s[generation] = asyncio.get_running_loop().time()
            self.on_line(Playing(generation))
            self.emit(FirstAudio(generation, 100.0))
        self.emit(SentenceSpoken(generation, index, text, start, end))
        for mark in range(start // CHUNK_MS, end // CHUNK_MS):
            self._later(generation, self._mark(generation, mark, (mark + 1) * CHUNK_MS))

    async def _mark(self, generation: int, index: int, due_ms: int) -> None:
        """Echo a mark when the audio before it, `due_ms` of the answer, has been played."""
        self._marks.setdefault(generation, set()).add(index)
        left_ms = due_ms - self.played_ms(generation)
        await asyncio.sleep(max(0.0, left_ms / 1000) + self._mark_delay_s)
        self._echo(generation, index, cleared=False)

    def _echo(self, generation: int, index: int, *, cleared: bool) -> None:
        self._marks[generation].discard(index)
        self.on_line(MarkPlayed(generation, index, cleared))

    def finish(self, generation: int) -> None:
        self._later(generation, self._finish(generation))

    async def _finish(self, generation: int) -> None:
        await asyncio.sleep(0.1)
        if self.is_dead:
            return
        total = self._length_ms.get(generation, 0)
        last = total // CHUNK_MS
        self.emit(SpeechDone(generation, total, last))
        await self._mark(generation, last, total)

    def cancel(self, generation: int) -> None:
        for task in self._tasks.pop(generation, set()):
            task.cancel()

    # Line
    def clear(self, generation: int) -> None:
        """As Twilio does: every mark not yet reached comes back at once."""
        self.cleared.append(generation)
        loop = asyncio.get_running_loop()
        for index in sorted(self._marks.get(generation, ())):
            loop.call_soon(lambda at=index: self._echo(generation, at, cleared=True))

    def hangup(self) -> None:
        self.hung_up = True

    def save_checkpoint(self, state: bytes) -> None:
        self.checkpoint = state

    def _later(self, generation: int, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.setdefault(generation, set()).add(task)


class Book:
    """A calendar with three openings tomorrow; `gate` holds a booking back."""

    def __init__(self, bay_id: str) -> None:
        self.bay_id = bay_id
        self.taken: set[datetime] = set()
        self.requests: list[BookingRequest] = []
        self.queries: list[OpeningsQuery] = []
        self.holds: list[HoldRequest] = []
        self.released: list[str] = []
        self.bookings: dict[str, Booking] = {}
        self.moves: list[MoveRequest] = []
        self.cancellations: list[CancelRequest] = []
        self.changed: set[str] = set()
        """The keys under which something was moved or cancelled."""
        self.codes: list[CodeRequest] = []
        self.may_text = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def find_openings(self, query: OpeningsQuery) -> Openings:
        start = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
        starts = [start + timedelta(hours=hours) for hours in range(5)]
        self.queries.append(query)
        service = query.service_codes[0]
        found = [
            Opening.of_one("main", self.bay_id, service, at, at + timedelta(minutes=30))
            for at in starts
            if at not in self.taken
        ]
        return Openings(tuple(found[: query.limit]))

    async def hold(self, request: HoldRequest) -> datetime:
        self.holds.append(request)
        return datetime(2026, 11, 24, 15, 0, tzinfo=UTC)

    async def release_hold(self, call_sid: str) -> None:
        self.released.append(call_sid)

    async def book(self, request: BookingRequest) -> Booking:
        self.requests.append(request)
        await self.gate.wait()
        if request.opening.starts_at in self.taken:
            raise SlotTaken
        opening = request.opening
        return self.bookings.setdefault(
            request.idempotency_key,
            Booking(
                uuid5(UUID(int=0), request.idempotency_key),
                opening.location_id,
                request.customer_id,
                request.vehicle_id,
                opening.starts_at,
                opening.ends_at,
                opening.lines,
            ),
        )

    async def appointments_of(self, customer_id: int) -> tuple[Booking, ...]:
        theirs = [one for one in self.bookings.values() if one.customer_id == customer_id]
        standing = [one for one in theirs if one.status == "booked"]
        return tuple(sorted(standing, key=lambda one: one.starts_at))

    async def reschedule(self, request: MoveRequest) -> Booking:
        self.moves.append(request)
        await self.gate.wait()
        is_repeat = request.idempotency_key in self.changed
        if request.opening.starts_at in self.taken and not is_repeat:
            raise SlotTaken
        opening = request.opening
        return self._change(
            request, starts_at=opening.starts_at, ends_at=opening.ends_at, lines=opening.lines
        )

    async def cancel(self, request: CancelRequest) -> Booking:
        self.cancellations.append(request)
        await self.gate.wait()
        return self._change(request, status="cancelled")

    def _change(self, request: MoveRequest | CancelRequest, **changes: Any) -> Booking:
        for key, one in self.bookings.items():
            if (one.appointment_id, one.customer_id) == (
                request.appointment_id,
                request.customer_id,
            ):
                if request.idempotency_key not in self.changed:
                    self.changed.add(request.idempotency_key)
                    self.bookings[key] = replace(one, version=one.version + 1, **changes)
                return self.bookings[key]
        raise BookingRefused("unknown_appointment", "I could not find that appointment.")

    def has(self, starts_at: datetime, service: str = "oil_change") -> Booking:
        """Maria has an appointment then."""
        opening = Opening.of_one(
            "main", self.bay_id, service, starts_at, starts_at + timedelta(minutes=45)
        )
        made = Booking(
            uuid5(UUID(int=1), starts_at.isoformat()),
            "main",
            MARIA.id,
            MARIA.vehicles[0].id,
            opening.starts_at,
            opening.ends_at,
            opening.lines,
        )
        self.bookings[f"before:{starts_at.isoformat()}"] = made
        return made

    async def text_code(self, request: CodeRequest) -> bool:
        self.codes.append(request)
        return self.may_text

    async def check_code(self, call_sid: str, code: str) -> CodeVerdict:
        if not any(sent.call_sid == call_sid for sent in self.codes):
            return CodeVerdict.OVER
        return CodeVerdict.PROVED if code == CODE else CodeVerdict.WRONG


class People:
    """A CRM with Maria in it."""

    def __init__(self) -> None:
        self.customers = {MARIA.phone: [MARIA]}
        self.records: list[CallRecord] = []
        self.claims: list[IdentityClaim] = []
        self.callbacks: dict[str, tuple[str, str]] = {}
        self.wishes: dict[str, Callback] = {}
        """The same, whole."""
        self.opt_outs: list[OptOut] = []
        self.repairs: tuple[RepairOrder, ...] = ()

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]:
        return tuple(self.customers.get(phone, ()))

    async def verify(self, claim: IdentityClaim) -> Verification:
        self.claims.append(claim)
        if claim.phone == MARIA.phone and claim.date_of_birth == BORN:
            return Verification(Verdict.VERIFIED, MARIA.id)
        return Verification(Verdict.MISMATCH)

    async def create_customer(self, new: NewCustomer) -> Customer:
        having = self.customers.setdefault(new.phone, [])
        if any(one.first_name == new.first_name for one in having):
            raise CustomerExists
        made = Customer(8 + len(having), new.first_name, new.last_name, new.phone, ())
        having.append(made)
        return made

    async def add_phone(self, customer_id: int, phone: str) -> Customer:
        everybody = [one for having in self.customers.values() for one in having]
        customer = next(one for one in everybody if one.id == customer_id)
        having = self.customers.setdefault(phone, [])
        if customer not in having:
            having.append(customer)
        return customer

    async def add_vehicle(self, new: NewVehicle) -> Vehicle:
        return Vehicle(80, new.year, new.make, new.model, new.vin)

    async def repair_orders(self, customer_id: int) -> tuple[RepairOrder, ...]:
        return self.repairs if customer_id == MARIA.id else ()

    async def request_callback(self, request: Callback) -> None:
        self.callbacks.setdefault(request.key, (request.phone, request.reason))
        self.wishes.setdefault(request.key, request)

    async def opt_out(self, wish: OptOut) -> None:
        self.opt_outs.append(wish)

    async def record_call(self, record: CallRecord) -> None:
        self.records.append(record)


class Memory:
    """Sessions in a dict, fenced by epoch."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.away = False
        self.age_s: float | None = 0.0

    async def open(self, call_sid: str, epoch: int) -> Opened:
        if self.away:
            raise ConnectionError
        self.epochs[call_sid] = max(epoch, self.epochs.get(call_sid, 0) + 1)
        return Opened(self.epochs[call_sid], self.states.get(call_sid), self.age_s)

    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None:
        if self.away:
            raise ConnectionError
        if epoch < self.epochs.get(call_sid, 0):
            raise Fenced(call_sid)
        self.epochs[call_sid] = epoch
        self.states[call_sid] = json.loads(json.dumps(state))


@dataclass
class Call:
    """One call under test."""

    context: CallContext
    language_model: ScriptedModel
    telephone: Telephone
    book: Book
    people: People
    memory: Memory
    conversation: Conversation
    anchor_s: float
    keys: list[str]
    """Every key of the stream, as the line keeps them."""
    spoken_ms: int = field(default=0)

    def press(self, key: str) -> None:
        """The caller presses a key."""
        self.keys.append(key)
        self.conversation.on_line(KeyPressed(key, len(self.keys)))

    async def say(self, text: str, *, final: bool = True, end: bool = True) -> None:
        """The caller says something, and the recogniser tells 300 ms after the last word."""
        await asyncio.sleep(0.3)
        now_ms = int((asyncio.get_running_loop().time() - self.anchor_s) * 1000)
        self.conversation.on_event(
            Transcript(text, final, final and end, max(0, now_ms - 1000), now_ms - 300)
        )

    async def until_quiet(self) -> None:
        """Until Otto has nothing more to say and waits for the caller."""
        for _ in range(600):
            await asyncio.sleep(0.1)
            conversation = self.conversation
            if conversation.ended.is_set() or conversation.is_quiet:
                return
        raise AssertionError("Otto never stopped talking")

    async def turn(self, text: str, *steps: Step) -> None:
        """The caller says `text`; the model answers by `steps`; everything is heard."""
        self.language_model.script += steps
        await self.say(text)
        await self.until_quiet()

    def kill(self) -> None:
        """The process is gone, in this very moment: nothing is finished, nothing is written."""
        conversation = self.conversation
        self.language_model.emit = self.telephone.emit = self.telephone.on_line = lambda event: None
        conversation._timers.stop_all()
        for task in (
            *conversation._tasks,
            *self.language_model._tasks,
            conversation._recorder._writer._task,
        ):
            if task is not None:
                task.cancel()
        for generation in [*self.telephone._tasks]:
            self.telephone.cancel(generation)

    def results(self) -> list[dict[str, Any]]:
        """Every tool result in the history, in order."""
        messages = self.conversation.session.history.messages("")
        return [json.loads(m["content"]) for m in messages if m["role"] == "tool"]
