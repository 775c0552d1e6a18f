"""Those who are in the book, by voice: appointments told, moved and cancelled, a car asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import Running, running_stack, until

# Four whole calls with the real recogniser take minutes; the same errands are held in words by
# `tests/tools/test_calls_in_words.py` in every run.
pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]
GRACE, VICTOR = "+13125550171", "+13125550154"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    with running_stack(folder, size=2, sub_actors="inline", speech="real") as running:
        yield running


def visits(stack: Running, phone: str) -> list[tuple[str, str]]:
    """Status and local weekday of a regular's appointments."""
    rows = stack.rows(
        "select a.status, trim(to_char(a.starts_at at time zone 'America/Chicago', 'Day')) as day "
        "from appointments a join customers c on c.id = a.customer_id where c.phone = $1",
        phone,
    )
    return [(row["status"], row["day"]) for row in rows]


def test_an_appointment_is_told_moved_and_cancelled_and_a_car_is_ready(stack: Running) -> None:
    assert [status for status, _ in visits(stack, GRACE)] == ["booked"]
    told, ready = stack.finished(stack.call("when"), stack.call("car-ready"))
    assert "told" in told["stages"], stack.events(told["call_sid"])
    assert "told" in ready["stages"] and "ready" in ready["done_as"].lower()
    moved, cancelled = stack.finished(stack.call("reschedule"), stack.call("cancel"))
    assert "moved" in moved["stages"], stack.events(moved["call_sid"])
    assert "cancelled" in cancelled["stages"], stack.events(cancelled["call_sid"])
    assert visits(stack, GRACE) == [("booked", "Thursday")]
    assert [status for status, _ in visits(stack, VICTOR)] == ["cancelled"]
    changes = stack.rows(
        "select action, actor, call_sid from appointment_changes where call_sid = any($1)",
        [moved["call_sid"], cancelled["call_sid"]],
    )
    assert {(row["action"], row["call_sid"]) for row in changes} == {
        ("moved", moved["call_sid"]),
        ("cancelled", cancelled["call_sid"]),
    }
    until(lambda: stack.rows("select id from outbox where done_at is null") == [])
    messages = stack.http.get("/sandbox/messages").json()
    assert sorted(message["to"] for message in messages) == sorted([GRACE, VICTOR])
