"""What is read out of Google's events, and that nothing in them can break the reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otto.scheduling.google.seen_events import Place, SeenEvent, seen_event, write_place
from otto.scheduling.google.seen_events import _read_place as read_place
from otto.scheduling.hours import Period

CHICAGO = ZoneInfo("America/Chicago")
CALENDAR = "bay-1@ottos-auto.example"
NINE = datetime(2026, 11, 24, 15, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
TIMED = {
    "id": "abcde",
    "etag": '"1"',
    "status": "confirmed",
    "start": {"dateTime": "2026-11-24T09:00:00-06:00", "timeZone": "America/Chicago"},
    "end": {"dateTime": "2026-11-24T10:00:00-06:00"},
}


def seen(**changes: Any) -> SeenEvent:
    found = seen_event({**TIMED, **changes}, CALENDAR, CHICAGO)
    assert found is not None
    return found


def test_a_plain_event_takes_its_time() -> None:
    found = seen()
    assert found.period == Period(NINE, TEN)
    assert found.takes_time
    assert (found.appointment_id, found.written, found.is_as_written) == (None, None, False)


@pytest.mark.parametrize(
    ("start", "end", "period"),
    [
        # Whole days are the workshop's, and their last one is not included.
        ("2026-11-24", "2026-11-25", ("2026-11-24T06", "2026-11-25T06")),
        ("2026-11-24", "2026-11-27", ("2026-11-24T06", "2026-11-27T06")),
        # The clocks change: days of 25 and of 23 hours.
        ("2026-11-01", "2026-11-02", ("2026-11-01T05", "2026-11-02T06")),
        ("2027-03-14", "2027-03-15", ("2027-03-14T06", "2027-03-15T05")),
    ],
)
def test_whole_days(start: str, end: str, period: tuple[str, str]) -> None:
    begins, ends = (datetime.fromisoformat(f"{hour}:00Z") for hour in period)
    assert seen(start={"date": start}, end={"date": end}).period == Period(begins, ends)


@pytest.mark.parametrize(
    "changes",
    [
        {"transparency": "transparent"},
        {"status": "cancelled"},
        {"eventType": "workingLocation"},
        {"eventType": "birthday"},
        {"attendees": [{"self": True, "responseStatus": "declined"}]},
        {"end": TIMED["start"]},  # no length
        {"end": {"dateTime": "2026-11-24T08:00:00-06:00"}},  # backwards
        {"start": {"dateTime": "2026-11-24T09:00:00"}},  # when is that?
        {"start": {"date": "2026-02-30"}, "end": {"date": "2026-03-01"}},
        {"start": None},
    ],
)
def test_what_takes_no_time(changes: dict[str, Any]) -> None:
    assert not seen(**changes).takes_time


@pytest.mark.parametrize(
    "changes",
    [
        {"transparency": "opaque"},
        {"status": "tentative"},  # a bay that may be needed is not given away
        {"eventType": "outOfOffice"},
        {"eventType": "focusTime"},
        {"attendees": [{"responseStatus": "declined"}, {"self": True, "responseStatus": "x"}]},
        {"recurringEventId": "abcde", "id": "abcde_20261124T150000Z"},
    ],
)
def test_what_does(changes: dict[str, Any]) -> None:
    assert seen(**changes).takes_time


def test_an_event_without_an_id_or_a_version_is_none_we_can_use() -> None:
    for gone in ("id", "etag"):
        assert seen_event({**TIMED, gone: None}, CALENDAR, CHICAGO) is None


def test_of_a_deleted_event_its_id_is_enough() -> None:
    found = seen_event({"id": "abcde", "status": "cancelled"}, CALENDAR, CHICAGO)
    assert found is not None
    assert found.is_cancelled
    assert found.period is None


def test_an_event_says_what_we_made_of_it() -> None:
    place = Place(CALENDAR, Period(NINE, TEN))
    owner = UUID(int=7)
    private = {"otto_written": write_place(place), "otto_appointment": str(owner)}
    ours = {"extendedProperties": {"private": private}}
    found = seen(**ours)
    assert (found.appointment_id, found.written, found.is_as_written) == (owner, place, True)
    assert not seen(**ours, end={"dateTime": "2026-11-24T10:30:00-06:00"}).is_as_written
    elsewhere = seen_event({**TIMED, **ours}, "bay-2@ottos-auto.example", CHICAGO)
    assert elsewhere is not None
    assert not elsewhere.is_as_written


moments = st.datetimes(timezones=st.just(UTC))


@given(st.text(min_size=1), moments, moments)
@example("a calendar with spaces", NINE, TEN)
def test_a_place_is_read_as_it_was_written(
    calendar_id: str, one: datetime, other: datetime
) -> None:
    if one == other:
        return
    place = Place(calendar_id, Period(*sorted((one, other))))
    assert read_place(write_place(place)) == place


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)
odd_edges = st.dictionaries(st.sampled_from(["date", "dateTime", "timeZone"]), json)
odd_events = st.fixed_dictionaries(
    {},
    optional={
        "id": json,
        "etag": json,
        "status": st.sampled_from(["confirmed", "cancelled"]) | json,
        "start": odd_edges | json,
        "end": odd_edges | json,
        "attendees": st.lists(st.dictionaries(st.sampled_from(["self"]), json)) | json,
        "eventType": json,
        "transparency": json,
        "extendedProperties": st.fixed_dictionaries(
            {
                "private": st.dictionaries(
                    st.sampled_from(["otto_written", "otto_appointment"]), json
                )
            }
        )
        | json,
    },
)


@given(odd_events | json)
@example({**TIMED, "start": {"date": "0001-01-01"}, "end": {"date": "9999-12-31"}})
@example({**TIMED, "start": {"dateTime": "0001-01-01T00:00:00+14:00"}})
@example({**TIMED, "eventType": []})
def test_whatever_google_says_is_read_without_an_error(event: Any) -> None:
    found = seen_event(event, CALENDAR, ZoneInfo("Pacific/Kiritimati"))
    if found is not None and found.takes_time:
        assert found.period is not None
        assert found.period.starts_at < found.period.ends_at
