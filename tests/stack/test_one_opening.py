"""Twenty callers at once after one opening, through the whole stack: one gets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.test_calls_inline import FALLBACKS, first_opening
from tests.support.stack import Running, running_stack, until

pytestmark = [
    *(pytest.mark.stack, pytest.mark.ray, pytest.mark.slow),
    pytest.mark.timeout(900),
]
CALLS = 20


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    with running_stack(folder, size=CALLS, sub_actors="inline", speech="known") as running:
        yield running


def test_twenty_calls_after_one_opening(stack: Running) -> None:
    # Only one bay can align wheels, so one opening is one appointment.
    slot = first_opening(stack, "wheel_alignment")
    sids = [
        stack.customer_calls(facts, service="wheel_alignment", slot=slot, prefer=FALLBACKS[n % 5])
        for n, facts in enumerate(stack.customers(CALLS))
    ]
    records = {record["call_sid"]: record for record in stack.finished(*sids, within_s=600)}
    rows = stack.rows("select starts_at, call_sid from appointments where call_sid = any($1)", sids)
    by_call = Counter(row["call_sid"] for row in rows)
    assert max(by_call.values()) == 1, "a call has two appointments"
    # What callers were told is what there is.
    assert {sid for sid, record in records.items() if record["booked"]} == set(by_call)
    by_start = Counter(row["starts_at"] for row in rows)
    assert max(by_start.values()) == 1, "one opening was sold twice"
    first = min(by_start)
    assert first_opening(stack, "wheel_alignment") != slot, "nobody got it"
    # The others were offered something else, and took it.
    lost = [sid for sid in sids if sid not in by_call]
    assert lost == [], [event for sid in lost for event in stack.events(sid) if event["text"]]
    assert sorted(by_start)[1] > first
    until(lambda: stack.rows("select id from outbox where done_at is null") == [])
