"""The chaos run's judges must be able to fail: each is shown what it is there to find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.chaos.faults import FAULTS, Fault
from benchmarks.chaos.judging import (
    REACHED,
    Appointment,
    Census,
    Judged,
    Outcome,
    broken_bookings,
    broken_calls,
    left_behind,
    outcome_of,
)
from benchmarks.chaos.report import HEAD, cells, judge, markdown
from benchmarks.chaos.timeline import Gap, gaps, stretches, worst
from benchmarks.chaos.trial import Seen, Trial

NINE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def event(at_ms: float, who: str, kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"at_ms": at_ms, "who": who, "kind": kind, "text": text, **more}


def said(began_ms: float, ended_ms: float, text: str = "words", **more: Any) -> dict[str, Any]:
    at_ms = ended_ms + 300
    return event(at_ms, "otto", "said", text, began_ms=began_ms, ended_ms=ended_ms, **more)


CALL = [
    event(0, "line", "ringing"),
    event(100, "line", "answered"),
    said(300, 4_000),
    event(4_800, "caller", "says"),
    event(6_000, "caller", "finished"),
    said(7_400, 9_000),
    event(9_800, "caller", "says", "Thank you, goodbye."),
    event(11_000, "caller", "finished"),
    event(11_600, "line", "ended", "caller"),
]


def found(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(gap.began_ms, gap.ended_ms) for gap in gaps(events)]


def test_ottos_silence_is_that_after_the_caller_and_before_the_greeting() -> None:
    assert found(CALL) == [(100, 300), (6_000, 7_400)]


def test_a_caller_who_has_to_ask_whether_anybody_is_there_was_left_in_silence() -> None:
    """The silence before "Hello? Are you still there?" follows Otto's holding words; it is not
    the caller's pause to think."""
    events = [*CALL[:6], event(21_000, "caller", "says"), event(22_000, "caller", "finished")]
    assert (9_000, 21_000) in found(events)


def test_silence_between_two_sentences_of_otto_counts() -> None:
    events = [*CALL[:6], said(14_000, 15_000), event(16_000, "line", "ended")]
    assert (9_000, 14_000) in found(events)


def test_a_dead_line_after_the_callers_last_words_counts_to_the_end() -> None:
    events = [*CALL[:5], event(40_000, "line", "ended", "caller")]
    assert worst(gaps(events)) == 34_000


def test_waiting_for_the_desk_is_not_ottos_silence_but_the_way_there_is() -> None:
    events = [
        *CALL[:5],
        event(9_000, "line", "dialling"),
        event(11_300, "line", "desk_spoke"),
        event(11_400, "line", "ended"),
    ]
    assert found(events) == [(100, 300), (6_000, 9_000)]


def test_words_that_broke_off_were_heard_until_then() -> None:
    events = [
        *CALL[:2],
        event(2_000, "otto", "said", "Thank", began_ms=300, ended_ms=300, cut=True),
    ]
    assert stretches(events)[0].ended_ms == 2_000


def test_twilios_own_voice_is_heard_too() -> None:
    events = [*CALL[:2], event(3_600, "otto", "said", " ".join(["word"] * 10), by="twiml")]
    assert stretches(events)[0].began_ms == 100


def test_what_a_caller_was_saying_when_the_stream_broke_ends_there() -> None:
    events = [*CALL[:4], event(5_000, "line", "stream_ended"), said(9_000, 10_000)]
    assert (5_000, 9_000) in found(events)


def test_only_silences_that_lasted_into_the_fault_are_its_doing() -> None:
    silences = [Gap(0, 5_000), Gap(8_000, 9_000)]
    assert worst(silences, 6_000) == 1_000
    assert worst(silences, 4_000) == 5_000
    assert worst(silences, 10_000) == 0


def record(**changes: Any) -> dict[str, Any]:
    base = {"call_sid": "CA1", "ended_by": "caller", "stages": ["greeted"], "booked": False}
    return {**base, **changes}


@pytest.mark.parametrize(
    ("changes", "listed", "hung_up", "outcome"),
    [
        ({"booked": True, "stages": ["booked", "goodbye"]}, False, False, Outcome.BOOKED),
        ({"booked": True, "ended_by": "error"}, False, False, Outcome.LOST),
        ({"ended_by": "transferred"}, False, False, Outcome.TRANSFERRED),
        ({"stages": ["greeted", "goodbye"]}, False, False, Outcome.ANSWERED),
        ({}, False, False, Outcome.GAVE_UP),
        ({}, False, True, Outcome.HUNG_UP),
        ({"ended_by": "twiml_hangup"}, True, False, Outcome.CALLBACK),
        ({"ended_by": "twiml_hangup"}, False, False, Outcome.SENTENCE),
        ({"ended_by": "harness"}, False, False, Outcome.LOST),
        ({"ended_by": "time_limit"}, False, False, Outcome.LOST),
        ({"ended_by": ""}, False, False, Outcome.LOST),
    ],
)
def test_what_a_call_came_to(
    changes: dict[str, Any], listed: bool, hung_up: bool, outcome: Outcome
) -> None:
    assert outcome_of(record(**changes), CALL[:6], listed, hung_up) is outcome


def test_a_line_closed_without_a_word_is_a_lost_call() -> None:
    mute = [*CALL[:2], event(5_000, "line", "ended")]
    assert outcome_of(record(ended_by="twiml_hangup"), mute, False, False) is Outcome.LOST
    late = [*CALL[:3], event(90_000, "line", "ended")]
    assert outcome_of(record(ended_by="twiml_hangup"), late, False, False) is Outcome.LOST


BOOKING = Appointment("a1", "CA1", "bay-1", NINE, NINE + timedelta(minutes=45), "ev1")
TOLD = [record(booked=True)]


def test_a_booking_as_it_should_be() -> None:
    assert broken_bookings(TOLD, [BOOKING], ["ev1"]) == []


TWICE = replace(BOOKING, id="a2", bay_id="bay-2", event_id="ev2")
LATER = replace(BOOKING, id="a3", call_sid="CA3", starts_at=NINE + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("records", "rows", "events", "says"),
    [
        (TOLD, [], [], "told of a booking, and the database holds 0"),
        (TOLD, [BOOKING, TWICE], ["ev1", "ev2"], "the database holds 2"),
        ([record()], [BOOKING], ["ev1"], "was not told of"),
        (TOLD, [BOOKING], [], "stands 0 times"),
        (TOLD, [BOOKING], ["ev1", "ev1"], "stands 2 times"),
        (TOLD, [replace(BOOKING, event_id=None)], [], "stands 0 times"),
        (TOLD, [BOOKING], ["ev1", "ev9"], "ev9 belongs to no booking"),
        (TOLD, [BOOKING, LATER], ["ev1", "ev1"], "overlap in bay bay-1"),
    ],
)
def test_a_booking_that_is_not_exactly_once(
    records: list[dict[str, Any]], rows: list[Appointment], events: list[str], says: str
) -> None:
    assert any(says in line for line in broken_bookings(records, rows, events))


def test_what_was_in_the_book_before_need_not_be_in_the_calendar_but_may_not_overlap() -> None:
    old = replace(BOOKING, id="a0", call_sid=None, event_id=None, bay_id="bay-2")
    assert broken_bookings(TOLD, [old, BOOKING], ["ev1"]) == []
    clash = replace(old, bay_id="bay-1")
    assert any("overlap" in line for line in broken_bookings(TOLD, [clash, BOOKING], ["ev1"]))


def test_back_to_back_bookings_do_not_overlap() -> None:
    after = replace(BOOKING, id="a2", call_sid="CA2", starts_at=BOOKING.ends_at, event_id="ev2")
    records = [*TOLD, record(call_sid="CA2", booked=True)]
    after = replace(after, ends_at=BOOKING.ends_at + timedelta(minutes=45))
    assert broken_bookings(records, [after, BOOKING], ["ev1", "ev2"]) == []


def test_a_call_too_silent_or_lost_is_named_with_its_fault() -> None:
    calls = [
        Judged("CA1", "stt-killed", Outcome.ANSWERED, 3_999),
        Judged("CA2", "stt-killed", Outcome.ANSWERED, 4_001),
        Judged("CA3", "stt-killed", Outcome.LOST, 0),
    ]
    silent, lost = broken_calls(calls, {"stt-killed": REACHED}, {"stt-killed": 4_000})
    assert "CA2 was silent for 4001 ms" in silent
    assert "CA3 ended as “lost”" in lost


BEFORE = Census({"idle": 4, "busy": 0}, {"CallActor": 4, "CrmActor": 1}, 0, 2, 5)


def test_a_house_as_it_was_is_clean() -> None:
    assert left_behind(BEFORE, replace(BEFORE, database_connections=7)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pool": {"idle": 3, "busy": 1}}, "the pool has {'idle': 3, 'busy': 1}, it had"),
        ({"pool": {"idle": 4, "busy": 0, "fenced": 1}}, "'fenced': 1"),
        ({"pool": {}}, "the pool has {}, it had {'idle': 4, 'busy': 0}"),
        ({"actors": {"CallActor": 5, "CrmActor": 1}}, "5 actors CallActor, there were 4"),
        ({"actors": {"CallActor": 4}}, "0 actors CrmActor, there were 1"),
        ({"outbox_waiting": 2}, "2 rows of the outbox"),
        ({"sandbox_tasks": 3}, "still runs 3 tasks"),
        ({"database_connections": 20}, "20 database connections"),
        ({"processes": ["123 raylet"]}, "process 123 raylet outlived"),
    ],
)
def test_everything_left_behind_is_named(changes: dict[str, Any], says: str) -> None:
    after = replace(BEFORE, **changes)
    assert any(says in line for line in left_behind(BEFORE, after))


def trial(fault: Fault, **changes: Any) -> Trial:
    served = {
        "stages": ["greeted", "goodbye"],
        "t0_monotonic_ms": 50_000.0,
        "measured": {"marks": []},
    }
    return Trial(fault, "CA1", 55_000.0, record=record(**served, **changes), events=CALL)


def test_a_row_tells_the_silence_after_the_strike_from_the_one_before() -> None:
    (fault,) = [fault for fault in FAULTS if fault.name == "stt-killed"]
    verdict = judge(Seen([trial(fault)]), callbacks=())
    (row,) = verdict.rows
    assert (row.worst_gap_ms, row.usual_gap_ms) == (1_400, 200)
    assert row.outcomes == {"answered": 1}
    assert verdict.broken == []
    assert dict(zip(HEAD, cells(row), strict=True))["worst silence"] == "1.4 s"


def test_a_fault_that_could_not_be_struck_breaks_the_run() -> None:
    """A plan that strikes nothing would otherwise pass."""
    missed = trial(FAULTS[0])
    missed.problem, missed.struck_monotonic_ms = "the moment never came", None
    verdict = judge(Seen([missed]), callbacks=())
    assert verdict.broken == ["nothing: the moment never came"]
    assert "Broken: 1" in markdown(verdict, {"at": "now"})
