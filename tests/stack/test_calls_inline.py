"""Ten calls at once, workers inline, by TLS: everybody is served, nothing is sold twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.dealership import load_dealership
from otto.language.spoken_times import describe_start
from otto.scheduling.openings import OpeningsQuery
from otto.scheduling.service import CalendarService
from otto.storage.database import make_engine
from tests.support.certificates import Authority
from tests.support.stack import Running, running_stack, until

pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.timeout(600)]
CALLS = 10


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    link = Authority(Path(tmp_path_factory.mktemp("certificates"))).settings()
    more = {
        "OTTO_LINK_TLS_CERT": str(link.tls_cert),
        "OTTO_LINK_TLS_KEY": str(link.tls_key),
        "OTTO_LINK_TLS_CA": str(link.tls_ca),
    }
    with running_stack(
        folder, size=CALLS, sub_actors="inline", speech="known", more=more
    ) as running:
        yield running


OTHERS = ("oil_change", "tire_rotation", "brake_inspection", "battery", "ac_service")
FALLBACKS = ("first", "last", "tuesday", "wednesday", "afternoon")
"""What the five do when the opening is gone; were it the same, they would contest the next one."""


def first_opening(stack: Running, service: str) -> str:
    """The first opening of a service as it is said, asked of the book itself."""
    dealership = load_dealership(stack.settings.dealership_file)
    location = dealership.locations[0]

    async def ask() -> str:
        engine = make_engine(stack.settings.database)
        calendar = CalendarService(engine, dealership, location.id)
        opening, *_ = await calendar.find_openings(OpeningsQuery.of_days(service))
        await engine.dispose()
        return describe_start(opening.starts_at, location.zone)

    return asyncio.run(ask())


def test_ten_calls_at_once_five_of_them_after_one_opening(stack: Running) -> None:
    # Only one bay can align wheels, so one opening is one appointment.
    slot = first_opening(stack, "wheel_alignment")
    customers = iter(stack.customers(CALLS))
    contested = [
        stack.customer_calls(next(customers), service="wheel_alignment", slot=slot, prefer=fallback)
        for fallback in FALLBACKS
    ]
    others = [stack.customer_calls(next(customers), service=service) for service in OTHERS]
    records = stack.finished(*contested, *others, within_s=240)
    lost = [record["call_sid"] for record in records if not record["booked"]]
    assert lost == [], [event for sid in lost for event in stack.events(sid) if event["text"]]

    rows = stack.rows(
        "select starts_at, call_sid from appointments where call_sid = any($1)",
        [*contested, *others],
    )
    assert len(rows) == CALLS
    assert {row["call_sid"] for row in rows} == {*contested, *others}
    aligned = [row["starts_at"] for row in rows if row["call_sid"] in contested]
    assert len(set(aligned)) == 5, "one opening was sold twice"
    overlaps = stack.rows(
        "select a.id from appointment_lines a join appointment_lines b on a.id < b.id "
        "and a.bay_id = b.bay_id and a.status = 'booked' and b.status = 'booked' "
        "and tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)"
    )
    assert overlaps == []
    until(lambda: len(stack.http.get("/sandbox/messages").json()) == CALLS)
    waiting = "select id from outbox where done_at is null"
    until(lambda: stack.rows(waiting) == [])
    calls = stack.rows("select outcome from calls where call_sid = any($1)", [*contested, *others])
    assert [call["outcome"] for call in calls] == ["done"] * CALLS
