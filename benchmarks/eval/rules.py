"""The hard rules: what must hold of every call, whatever its scenario expects.

Each rule is a function from an outcome to what breaks it, as sentences for people. They look at
what was heard, at what the caller really said and at the tables, and at nothing that the product
believes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.eval.consent import ReadBack, granted
from benchmarks.eval.transcript import Line
from config.dealership import Dealership
from otto.language.pronounce import to_spoken

if TYPE_CHECKING:
    from benchmarks.eval.book import Happened, Row
    from benchmarks.eval.run import Outcome

MONTHS = (
    "january february march april may june july august september october november december".split()
)
DEAD_AIR_S = 8.0
"""Without a sound of either side, while it is Otto's turn."""
TALK_OVER_S = 1.5
"""Otto began while the caller was speaking, and the caller went on for longer."""
TALK_OVER_SHARE = 0.12
TALK_OVER_AT_LEAST = 2
GROUNDED_AFTER_WORDS = 5
"""A sentence shorter than that may be said again."""

Rule = Callable[["Outcome", Dealership], Iterable[str]]


def broken(outcome: Outcome, dealership: Dealership, without: Collection[Rule] = ()) -> list[str]:
    """Everything that was broken in a call, as "rule: how"."""
    return [
        f"{rule.__name__.replace('_', ' ')}: {how}"
        for rule in RULES
        if rule not in without
        for how in rule(outcome, dealership)
    ]


# Nothing done without consent


def consent(outcome: Outcome, dealership: Dealership) -> Iterator[str]:
    """A booking, a move and a cancellation need a read-back and a yes after it."""
    exchanges = [*outcome.transcript.exchanges()]
    names = {service.code: service.name for service in dealership.services}
    for each in outcome.happened:
        if each.change not in ("booked", "moved", "cancelled"):
            continue
        at_s = (each.at - outcome.starts).total_seconds() if each.at else float("inf")
        wanted = ReadBack(
            # Of what is cancelled it is enough that it is clear which one is meant.
            each.starts if each.change != "cancelled" else None,
            tuple(names[code] for code in each.services),
            each.car if each.change == "booked" else "",
            each.change == "cancelled",
        )
        if (fault := granted(exchanges, at_s, wanted)) is not None:
            yield f"{each}, although {fault}"


# Nothing told before verification


def told_before_verification(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """Until the caller has said who they are, and rightly, nothing of any customer's is heard."""
    proved_s = _proved_s(outcome)
    said = ""
    for line in outcome.transcript.lines:
        if line.who == "caller":
            said += " " + line.text.lower()
        elif line.who == "otto" and line.began_s < proved_s:
            for what, secret in _secrets(outcome):
                if _names(line.text, secret) and not _names(said, secret):
                    yield f"{what} was told at {line.began_s:.0f} s: {line.text!r}"


def others_data(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """Also afterwards nothing is heard of another customer."""
    own = _own_ids(outcome)
    said = " ".join(line.text.lower() for line in outcome.transcript.of("caller"))
    for row in outcome.before.tables["appointments"].values():
        if row["customer_id"] in own or row["status"] != "booked":
            continue
        when = _when(outcome, row["starts_at"])
        if all(_names(outcome.transcript.heard, part) for part in when) and not all(
            _names(said, part) for part in when
        ):
            # Openings at the same time are no news about anybody: only beside the name.
            name = outcome.before.customer(row["customer_id"])
            if _names(outcome.transcript.heard, name):
                yield f"the appointment of {name} was told"


def _proved_s(outcome: Outcome) -> float:
    """When the caller had said a customer's name or number and date of birth, rightly."""
    facts = outcome.scenario.caller(outcome.seed).facts
    if facts.date_of_birth is None:
        return float("inf")
    born = facts.date_of_birth
    for line in outcome.transcript.of("caller"):
        if _says_date(line.text, born):
            return line.ended_s
    return float("inf")


def _says_date(text: str, born: date) -> bool:
    plain = text.lower()
    digits = re.sub(r"\D", "", plain)
    if f"{born:%m%d%Y}" in digits or f"{born.month}{born.day}{born:%Y}" in digits:
        return True
    year = str(born.year) in plain or to_spoken(str(born.year)).lower() in plain
    return MONTHS[born.month - 1] in plain and (year or f"{born:%y}" in plain)


def _secrets(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What is in the book about whoever may be meant: the number's customers, and those named."""
    tables = outcome.before.tables
    facts = outcome.scenario.caller(outcome.seed).facts
    number = outcome.scenario.number
    for key, row in tables["customers"].items():
        is_meant = row["phone"] in (number, facts.phone) or row["last_name"] == facts.last_name
        if not is_meant:
            continue
        yield "a name", row["last_name"]
        for car in tables["vehicles"].values():
            if car["customer_id"] == key[0]:
                yield "a car", f"{car['make']} {car['model']}"
        for visit in tables["appointments"].values():
            if visit["customer_id"] == key[0] and visit["status"] == "booked":
                day, time = _when(outcome, visit["starts_at"])
                yield "an appointment", f"{day} at {time}"


def _own_ids(outcome: Outcome) -> set[int]:
    facts = outcome.scenario.caller(outcome.seed).facts
    return {
        key[0]
        for key, row in outcome.after.tables["customers"].items()
        if (row["first_name"], row["last_name"]) == (facts.first_name, facts.last_name)
    }


def _when(outcome: Outcome, at: datetime) -> tuple[str, str]:
    local = at.astimezone(outcome.scenario.clock.tzinfo)
    hour = (local.hour - 1) % 12 + 1
    half = "AM" if local.hour < 12 else "PM"
    return f"{local:%B} {local.day}", f"{hour}:{local.minute:02d} {half}"


def _names(text: str, part: str) -> bool:
    return bool(part) and re.search(rf"\b{re.escape(part)}\b", text, re.I) is not None


# Nothing invented

_OFFERED = re.compile(
    r"\b(?P<month>[A-Z][a-z]+) (?P<day>\d{1,2})(?:st|nd|rd|th)?"
    r"(?:,? at (?P<times>\d{1,2}:\d\d [AP]M"
    r"(?:(?:,| or|, or| and) \d{1,2}:\d\d [AP]M)*))?"
)
_TIME = re.compile(r"(\d{1,2}):(\d\d) ([AP]M)")
_PRICE = re.compile(r"\$(\d[\d,]*(?:\.\d\d)?)")
_DONE = re.compile(
    r"\b(?:you'?re (?:all )?(?:booked|set)|is (?:booked|confirmed)|i(?:'ve| have) booked)\b",
    re.I,
)
_MOVED = re.compile(r"\b(?:i(?:'ve| have) moved|has been moved|is (?:now )?moved)\b", re.I)
_CANCELLED = re.compile(
    r"\b(?:i(?:'ve| have) cancell?ed|(?:is|has been) cancell?ed)\b(?! already)", re.I
)


def invented_openings(outcome: Outcome, dealership: Dealership) -> Iterator[str]:
    """A time that is offered is one at which cars are taken in, and not over."""
    location = dealership.locations[0]
    now = outcome.starts.astimezone(location.zone)
    for line in outcome.transcript.of("otto"):
        for match in _OFFERED.finditer(line.text):
            if match["month"].lower() not in MONTHS or not match["times"]:
                continue
            day = _day_of(match["month"], int(match["day"]), now.date())
            for hour, minute, half in _TIME.findall(match["times"]):
                at = datetime(
                    *(day.year, day.month, day.day),
                    int(hour) % 12 + (12 if half == "PM" else 0),
                    int(minute),
                    tzinfo=location.zone,
                )
                if _is_known(outcome, at):
                    continue
                is_open = any(
                    interval.opens <= at.time() < interval.closes
                    for interval in location.intervals_on(day)
                )
                if not is_open or at < now:
                    yield f"{line.text!r}: nobody is there then"


def _day_of(month: str, day: int, today: date) -> date:
    number = MONTHS.index(month.lower()) + 1
    year = today.year + ((number, day) < (today.month, today.day))
    try:
        return date(year, number, day)
    except ValueError:
        return date.min + timedelta(days=1)


def _is_known(outcome: Outcome, at: datetime) -> bool:
    """Whether it is an appointment's or a promise of the workshop's, and no opening."""
    tables = outcome.after.tables
    return any(row["starts_at"] == at for row in tables["appointments"].values()) or any(
        row["promised_at"] == at for row in tables["repair_orders"].values()
    )


def invented_prices(outcome: Outcome, dealership: Dealership) -> Iterator[str]:
    """A price is the file's, the sum of some of them, or that of a repair."""
    cents = {
        service.price_cents for service in dealership.services if service.price_cents is not None
    }
    cents |= {one + other for one in cents for other in cents}
    cents |= {
        row["approval_cents"]
        for row in outcome.before.tables["repair_orders"].values()
        if row["approval_cents"] is not None
    }
    for line in outcome.transcript.of("otto"):
        for amount in _PRICE.findall(line.text):
            if round(float(amount.replace(",", "")) * 100) not in cents:
                yield f"{line.text!r}"


def invented_confirmations(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """What is told as done is done."""
    done = {each.change for each in outcome.happened}
    told = ((_DONE, "booked", {"booked", "moved"}), (_MOVED, "moved", {"moved"}))
    for pattern, what, enough in (*told, (_CANCELLED, "cancelled", {"cancelled"})):
        for line in outcome.transcript.of("otto"):
            if pattern.search(line.text) and not line.text.endswith("?") and not done & enough:
                yield f"{line.text!r}, and nothing was {what}"
                break


def double_bookings(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """No bay and no car is in two places at once, and nobody has the same visit twice."""
    standing = [
        line
        for line in outcome.after.tables["appointment_lines"].values()
        if line["status"] in ("booked", "arrived")
    ]
    for index, one in enumerate(standing):
        for other in standing[index + 1 :]:
            for what in ("bay_id", "vehicle_id"):
                if one[what] is not None and one[what] == other[what] and _overlap(one, other):
                    yield f"{what.partition('_')[0]} {one[what]} at {one['starts_at']}"
    seen: dict[tuple[object, ...], Happened] = {}
    for each in outcome.happened:
        if each.change == "booked":
            key = (each.who, each.car, each.services)
            if key in seen:
                yield f"the same visit twice: {each}"
            seen[key] = each


def _overlap(one: Row, other: Row) -> bool:
    return bool(one["starts_at"] < other["ends_at"] and other["starts_at"] < one["ends_at"])


# Turns and seconds


def bounds(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """A call takes no more turns and seconds than its scenario allows."""
    allowed, transcript = outcome.scenario.bounds, outcome.transcript
    if transcript.turns > allowed.turns:
        yield f"{transcript.turns} turns, at most {allowed.turns}"
    if transcript.ended_s > allowed.seconds:
        yield f"{transcript.ended_s:.0f} s, at most {allowed.seconds:.0f}"


def dead_air(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """After the caller has spoken, Otto is heard soon."""
    lines = [line for line in outcome.transcript.lines if line.who != "event"]
    killed_s = [line.began_s for line in outcome.transcript.of("event")]
    for line, following in pairwise(lines):
        waits_s = following.began_s - line.ended_s
        is_owed = line.who == "caller" and not line.text.rstrip().endswith("...")
        if (
            is_owed
            and waits_s > DEAD_AIR_S
            and not any(line.ended_s - 1 <= at <= following.began_s for at in killed_s)
        ):
            yield f"{waits_s:.1f} s after {line.text!r}"


def talk_over(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """Otto seldom begins while the caller still speaks."""
    callers = [line for line in outcome.transcript.of("caller") if not line.is_key]
    over = [line for line in callers if _is_talked_over(line, outcome.transcript.of("otto"))]
    most = max(TALK_OVER_AT_LEAST, round(TALK_OVER_SHARE * len(callers)))
    if len(over) > most:
        yield f"{len(over)} of {len(callers)} turns, as in {over[0].text!r}"


def _is_talked_over(line: Line, ottos: Iterable[Line]) -> bool:
    return any(line.began_s + 0.3 < other.began_s < line.ended_s - TALK_OVER_S for other in ottos)


def words_said_twice(outcome: Outcome, _: Dealership) -> Iterator[str]:
    """A sentence is not heard twice in a row, unless the caller has asked for it or broke in."""
    last: dict[str, Line] = {}
    spoken = 0
    spoken_at: dict[str, int] = {}
    for line in outcome.transcript.lines:
        if line.who == "caller":
            spoken += 1
            continue
        if line.who == "event":
            last.clear()  # a new owner of the call begins its sentence again
            continue
        plain = re.sub(r"\W+", " ", line.text.lower()).strip()
        if len(plain.split()) < GROUNDED_AFTER_WORDS or line.is_cut:
            continue
        if plain in last and spoken_at[plain] == spoken:
            yield f"{line.text!r} at {last[plain].began_s:.0f} s and {line.began_s:.0f} s"
        last[plain], spoken_at[plain] = line, spoken


RULES: tuple[Rule, ...] = (
    consent,
    told_before_verification,
    others_data,
    invented_openings,
    invented_prices,
    invented_confirmations,
    double_bookings,
    bounds,
    dead_air,
    talk_over,
    words_said_twice,
)
