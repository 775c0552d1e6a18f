"""Every table and calendar before and after a call, and what has changed, in a desk's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.eval.scenario import Change
from otto.storage.tables import Base

Row = Mapping[str, Any]
Rows = Mapping[tuple[Any, ...], Row]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BOOKKEEPING = frozenset(
    {
        "alembic_version",
        "appointment_changes",
        "appointment_lines",
        "bay_blocks",
        "cache_invalidations",
        "calendar_conflicts",
        "calendar_sync",
        "calls",
        "limit_events",
        "number_hash_key",
        "offered_starts",
        "outbox",
        "text_codes",
        "turns",
    }
)
"""Tables that follow from others: what they say is compared with those (`inconsistencies`)."""
STANDING = frozenset({"booked", "arrived"})


@dataclass(frozen=True)
class Snapshot:
    """All rows of all tables by primary key, and the events of the calendars by id."""

    tables: Mapping[str, Rows]
    events: Mapping[str, Mapping[str, Any]]

    def customer(self, customer_id: Any) -> str:
        row = self.tables["customers"].get((customer_id,))
        return f"{row['first_name']} {row['last_name']}".strip() if row else ""

    def car(self, vehicle_id: Any) -> str:
        row = self.tables["vehicles"].get((vehicle_id,))
        return f"{row['year']} {row['make']} {row['model']}" if row else ""

    def lines_of(self, appointment_id: Any) -> list[Row]:
        rows = self.tables["appointment_lines"].values()
        mine = (row for row in rows if row["appointment_id"] == appointment_id)
        return sorted(mine, key=lambda row: row["position"])


async def snapshot(engine: AsyncEngine, events: Mapping[str, Mapping[str, Any]]) -> Snapshot:
    """Everything as it is now."""
    tables: dict[str, Rows] = {}
    async with engine.connect() as connection:
        for name, table in Base.metadata.tables.items():
            keys = [column.name for column in table.primary_key]
            rows = (await connection.execute(select(table))).mappings()
            tables[name] = {tuple(row[key] for key in keys): dict(row) for row in rows}
    return Snapshot(tables, events)


@dataclass(frozen=True)
class Happened:
    """One change of the book. `at` is when, by the product's clock; None: nobody wrote it down."""

    change: str
    who: str = ""
    car: str = ""
    services: tuple[str, ...] = ()
    starts: datetime | None = None
    """By the location's clock."""
    phone: str = ""
    reason: str = ""
    transport: str = ""
    at: datetime | None = None
    was: datetime | None = None
    """When it would have been, for what was moved."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        when = f"{self.starts:%A %Y-%m-%d %H:%M}" if self.starts else ""
        parts = (self.who, self.car, "+".join(self.services), when, self.phone, self.reason)
        return f"{self.change}: {', '.join(filter(None, parts))}"


def changes(before: Snapshot, after: Snapshot, zone: ZoneInfo) -> list[Happened]:
    """What has changed beyond bookkeeping, in the order of the tables."""
    found: list[Happened] = []
    for name in after.tables:
        if name not in BOOKKEEPING:
            found += _of_table(name, before, after, zone)
    return found


def _of_table(name: str, before: Snapshot, after: Snapshot, zone: ZoneInfo) -> Iterator[Happened]:
    old, new = before.tables[name], after.tables[name]
    for key in old.keys() | new.keys():
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if name == "appointments" and now is not None:
            yield _appointment(was, now, after, zone)
        elif was is None and now is not None and name in _ADDED:
            yield _ADDED[name](now, after)
        elif was is not None and now is not None:
            changed = {field: now[field] for field in now if now[field] != was[field]}
            kind = {"vehicles": "vehicle_changed", "customers": "customer_changed"}.get(
                name, f"{name} changed"
            )
            yield Happened(
                kind,
                who=after.customer(now.get("customer_id", now.get("id"))),
                car=after.car(now["id"]) if name == "vehicles" else "",
                details=changed,
                reason=", ".join(sorted(changed)),
            )
        else:
            yield Happened(f"{name} {'added' if was is None else 'removed'}")


def _appointment(was: Row | None, now: Row, after: Snapshot, zone: ZoneInfo) -> Happened:
    action = "appointment changed"
    if was is None:
        action = "booked"
    elif now["status"] == "cancelled" and was["status"] != "cancelled":
        action = "cancelled"
    elif was["starts_at"] != now["starts_at"]:
        action = "moved"
    history = [
        row
        for row in after.tables["appointment_changes"].values()
        if row["appointment_id"] == now["id"]
    ]
    written = max((row["at"] for row in history), default=None)
    return Happened(
        action,
        who=after.customer(now["customer_id"]),
        car=after.car(now["vehicle_id"]),
        services=tuple(row["service_code"] for row in after.lines_of(now["id"])),
        starts=now["starts_at"].astimezone(zone),
        was=was["starts_at"].astimezone(zone) if was else None,
        transport=now["transport"],
        reason=now["notes"] or "",
        at=written,
    )


_ADDED = {
    "customers": lambda row, after: Happened(
        "customer",
        who=after.customer(row["id"]),
        phone=row["phone"],
        at=row["created_at"],
        details={"date_of_birth": row["date_of_birth"]},
    ),
    "vehicles": lambda row, after: Happened(
        "vehicle", who=after.customer(row["customer_id"]), car=after.car(row["id"])
    ),
    "customer_phones": lambda row, after: Happened(
        "number", who=after.customer(row["customer_id"]), phone=row["phone"]
    ),
    "callbacks": lambda row, after: Happened(
        "callback", phone=row["phone"], reason=row["reason"], at=row["created_at"]
    ),
    "opt_outs": lambda row, after: Happened("opt_out", reason=str(row.get("scope", ""))),
    "text_consents": lambda row, after: Happened("text_consent"),
}


# Is it what was expected?


def mismatches(happened: Sequence[Happened], wanted: Sequence[Change]) -> list[str]:
    """What is missing of `wanted`, and what happened beyond it; [] when all is as it should be."""
    left = [*happened]
    faults = []
    # What is told most exactly chooses first.
    for change in sorted(wanted, key=lambda each: -len(each.model_fields_set)):
        match = next((each for each in left if fits(each, change)), None)
        if match is not None:
            left.remove(match)
        elif not change.optional:
            faults.append(f"missing: {_told(change)}")
    return faults + [f"not expected: {each}" for each in left]


def fits(happened: Happened, wanted: Change) -> bool:
    """Whether what happened is what was wanted."""
    starts = happened.starts
    return (
        happened.change == wanted.change
        and _same(wanted.who, happened.who)
        and _same(wanted.car, happened.car)
        and (not wanted.services or {*wanted.services} == {*happened.services})
        and (not wanted.days or (starts is not None and _is_on(starts, wanted.days)))
        and (wanted.earliest is None or (starts is not None and starts.time() >= wanted.earliest))
        and (wanted.latest is None or (starts is not None and starts.time() <= wanted.latest))
        and _same(wanted.phone, happened.phone)
        and _same(wanted.transport, happened.transport)
        and (wanted.reason is None or bool(re.search(wanted.reason, happened.reason, re.I)))
    )


def _same(wanted: str | None, found: str) -> bool:
    return wanted is None or wanted.casefold() == found.casefold()


def _is_on(starts: datetime, days: Iterable[date | str]) -> bool:
    return any(
        WEEKDAYS[starts.weekday()] == day if isinstance(day, str) else starts.date() == day
        for day in days
    )


def _told(change: Change) -> str:
    said = change.model_dump(exclude_defaults=True, exclude={"optional"}, mode="json")
    return ", ".join(f"{name} {value}" for name, value in said.items())


# Do the tables agree with each other?


def inconsistencies(after: Snapshot, call_sid: str) -> Iterator[str]:
    """Where what follows from the book does not."""
    tables = after.tables
    for row in tables["appointments"].values():
        lines = after.lines_of(row["id"])
        if not lines:
            yield f"an appointment of {after.customer(row['customer_id'])} without a line"
        for line in lines:
            yield from _event_faults(after, row, line)
    waiting = [row for row in tables["outbox"].values() if row["done_at"] is None]
    if waiting:
        yield f"{len(waiting)} deliveries are still waiting ({waiting[0]['kind']})"
    if (call_sid,) not in tables["calls"]:
        yield "there is no record of the call"
    held = [row for row in tables["appointment_lines"].values() if row["status"] == "held"]
    if held:
        yield "an opening is still held for the call"


def _event_faults(after: Snapshot, row: Row, line: Row) -> Iterator[str]:
    whose = f"the appointment of {after.customer(row['customer_id'])}"
    event = after.events.get(line["google_event_id"] or "")
    is_there = event is not None and event.get("status") != "cancelled"
    if row["status"] not in STANDING:
        if row["status"] == "cancelled" and is_there:
            yield f"{whose} is cancelled, and still in the calendar"
        return
    if not is_there or event is None:
        yield f"{whose} is not in the calendar"
        return
    starts = datetime.fromisoformat(event["start"]["dateTime"]).astimezone(UTC)
    if starts != line["starts_at"].astimezone(UTC):
        yield f"{whose} is at another time in the calendar"
