"""Bookings under load while what they rest on is killed, again and again.

A kind is one process (or all of them) that gets SIGKILL every few seconds while clients book, move
and cancel. It is started again a moment later. When all is up and the outbox is empty,
`histories.py` judges.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg  # type: ignore[import-untyped]

from benchmarks.chaos.clients import Client, Clients
from benchmarks.chaos.histories import CalendarEvent, Found, State, Stretch, World, broken_history
from benchmarks.chaos.workshop import Workshop
from otto.language.spoken_times import describe_start
from otto.scheduling.confirmation import confirmation_code

LOAD_S = 15.0
CLIENTS = 12
EVERY_S = (1.5, 3.0)
"""Between a part's coming back and its next death."""
DOWN_S = 0.7
SETTLE_S = 150.0
"""Until the outbox is empty: what has failed for a while waits about as long again."""
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class BookingFault:
    """One kind. `parts`: what is killed, one of them at a time (`Workshop.killers`)."""

    name: str
    about: str
    parts: tuple[str, ...]


BOOKING_FAULTS = (
    BookingFault("bookings-unharmed", "no fault, twelve clients at once", ()),
    BookingFault("bookings-calendar-killed", "kill -9 of the CalendarActor", ("calendar",)),
    BookingFault("bookings-postgres-killed", "kill -9 of the database server", ("postgres",)),
    BookingFault("bookings-valkey-killed", "kill -9 of Valkey", ("valkey",)),
    BookingFault("bookings-google-killed", "kill -9 of Google's stand-in", ("google",)),
    BookingFault(
        *("bookings-all-killed", "kill -9 of any of them, in turn"),
        ("calendar", "postgres", "valkey", "google"),
    ),
)


def named(names: Sequence[str]) -> list[BookingFault]:
    """Those that are meant: by name, or its beginning; all, when nothing is."""
    if not names:
        return list(BOOKING_FAULTS)
    return [kind for kind in BOOKING_FAULTS if any(map(kind.name.startswith, names))]


@dataclass(slots=True)
class BookingRow:
    """What a kind came to."""

    fault: str
    about: str
    kills: int = 0
    done: dict[str, int] = field(default_factory=dict)
    """Operations that were acknowledged, by kind."""
    refused: int = 0
    unknown: int = 0
    """Without an answer at first; asked for again under their keys."""
    standing: int = 0
    p50_ms: float = 0.0
    worst_ms: float = 0.0
    longest_without_s: float = 0.0
    """The longest time in which nobody was told anything."""
    settled_s: float = 0.0
    """From the end of the load until calendar and texts had everything."""
    broken: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """All of it, in JSON's terms."""
        return asdict(self)


def told(row: dict[str, Any]) -> str:
    """A row's figures in a sentence."""
    done = sum(row["done"].values())
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(row["done"].items()))
    verdict = "nothing broken" if not row["broken"] else f"{len(row['broken'])} broken"
    return (
        f"{row['kills']} kills, {done} acknowledged ({kinds}), {row['refused']} refused, "
        f"{row['unknown']} asked again; {verdict}; longest wait {row['worst_ms'] / 1000:.1f} s, "
        f"calendar whole after {row['settled_s']:.1f} s"
    )


async def strike(shop: Workshop, fault: BookingFault, seed: int, load_s: float) -> BookingRow:
    """Load, kill, mend, ask again, wait, judge."""
    rng = random.Random(f"{seed}:{fault.name}:kills")
    row = BookingRow(fault.name, fault.about)
    before = await found_appointments(shop)
    clients = Clients(shop, seed, f"{fault.name}-{seed}", BOOKING_FAULTS.index(fault))
    people = await new_people(shop, CLIENTS)
    began_s = time.monotonic()
    until_s = began_s + load_s
    killing = asyncio.create_task(_kill(shop, fault, rng, until_s))
    await clients.run(people, until_s)
    row.kills = await killing
    ended_s = time.monotonic()
    row.unknown = await clients.resolve()
    await _settled(shop)
    row.settled_s = round(time.monotonic() - ended_s, 1)
    found = clients.operations
    row.done = dict(Counter(one.kind for one in found if one.outcome == "done"))
    row.refused = sum(one.outcome == "refused" for one in found)
    row.p50_ms = round(median(clients.took_ms or [0.0]), 1)
    row.worst_ms = round(max(clients.took_ms, default=0.0), 1)
    ends = sorted(one.completed_s for one in found if began_s < one.completed_s < ended_s)
    pairs = zip([began_s, *ends], [*ends, ended_s], strict=True)
    row.longest_without_s = round(max(b - a for a, b in pairs), 1)
    world = await _world(shop, frozenset(one.id for one in before))
    row.standing = sum(bool(one.state.occupied) for one in world.appointments)
    row.broken = broken_history(found, world)
    return row


async def _kill(shop: Workshop, fault: BookingFault, rng: random.Random, until_s: float) -> int:
    """One of the fault's parts, every so often; how often."""
    kills = 0
    while fault.parts:
        await asyncio.sleep(rng.uniform(*EVERY_S))
        if time.monotonic() > until_s:
            break
        part = rng.choice(fault.parts)
        kills += await asyncio.to_thread(shop.killers[part])
        await asyncio.sleep(DOWN_S)
        await asyncio.to_thread(shop.mend)
    return kills


# What there is


async def new_people(shop: Workshop, count: int) -> list[Client]:
    """Customers with a vehicle each, straight into the tables."""
    connection = await _connect(shop)
    people = []
    try:
        taken = await connection.fetchval("SELECT count(*) FROM customers")
        for number in range(taken, taken + count):
            phone = f"+1312556{number:04d}"
            customer = await connection.fetchval(
                "INSERT INTO customers (location_id, first_name, last_name, phone)"
                " VALUES ('main', 'Robin', $1, $2) RETURNING id",
                f"Walker {number}",
                phone,
            )
            vehicle = await connection.fetchval(
                "INSERT INTO vehicles (customer_id, year, make, model)"
                " VALUES ($1, 2020, 'Honda', 'Civic') RETURNING id",
                customer,
            )
            people.append(Client(customer, vehicle, phone))
    finally:
        await connection.close()
    return people


async def _settled(shop: Workshop) -> None:
    """Wait until the outbox has told everybody everything, or it has taken too long."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        connection = await _connect(shop)
        try:
            if not await connection.fetchval("SELECT count(*) FROM outbox WHERE done_at IS NULL"):
                return
        finally:
            await connection.close()
        await asyncio.sleep(POLL_S)


async def _world(shop: Workshop, known_before: frozenset[str]) -> World:
    bays = shop.dealership.location("main").bays
    shown = await asyncio.to_thread(shop.google.get, "/sandbox/calendar", format="json")
    events = [
        CalendarEvent(
            *(event["id"], calendar["id"]),
            *(_instant(event["start"]["dateTime"]), _instant(event["end"]["dateTime"])),
        )
        for calendar in shown["calendars"]
        for event in calendar["events"]
    ]
    texts = await asyncio.to_thread(shop.twilio.get, "/sandbox/messages")
    connection = await _connect(shop)
    try:
        found = await connection.fetch("SELECT * FROM appointment_changes")
        changes = [(str(each["appointment_id"]), each["action"], each["key"]) for each in found]
    finally:
        await connection.close()
    zone = shop.dealership.location("main").zone
    due = Counter(_said(change, zone) for change in found)
    return World(
        await found_appointments(shop),
        events,
        {bay.id: bay.calendar_id for bay in bays},
        changes,
        [_label(text["body"], due) for text in texts],
        due,
        known_before,
    )


def _said(change: Any, zone: ZoneInfo) -> str:
    """What a text about a change must say, to be told from the others."""
    when = describe_start(_instant(json.loads(change["after"])["starts_at"]), zone)
    return f"{confirmation_code(change['appointment_id'])}, {change['action']}, {when}"


def _label(body: str, due: Iterable[str]) -> str:
    """Which of those it is; itself, when it is none of them."""
    return next((each for each in due if all(part in body for part in each.split(", ", 2))), body)


async def found_appointments(shop: Workshop) -> list[Found]:
    """All appointments there are."""
    connection = await _connect(shop)
    try:
        lines: dict[Any, list[Any]] = {}
        for line in await connection.fetch(
            "SELECT * FROM appointment_lines WHERE appointment_id IS NOT NULL ORDER BY position"
        ):
            lines.setdefault(line["appointment_id"], []).append(line)
        return [
            Found(
                *(str(row["id"]), row["idempotency_key"], row["customer_id"], row["vehicle_id"]),
                State(
                    row["status"],
                    tuple(
                        Stretch(each["bay_id"], each["starts_at"], each["ends_at"], each["free_at"])
                        for each in lines[row["id"]]
                    ),
                ),
                tuple(each["google_event_id"] for each in lines[row["id"]]),
            )
            for row in await connection.fetch("SELECT * FROM appointments")
        ]
    finally:
        await connection.close()


async def _connect(shop: Workshop) -> Any:
    url = shop.settings.database.url.get_secret_value().replace("+asyncpg", "")
    return await asyncpg.connect(url, timeout=10, command_timeout=20)


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
