"""docs/FAILURES.md tells of every fault that is struck, and a run's figures reach their rows."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.chaos.booking_kinds import BOOKING_FAULTS, BookingRow
from benchmarks.chaos.faults import FAULTS, STORM
from benchmarks.chaos.fill import PAGE, fill


def result(**outcomes: int) -> dict[str, Any]:
    row = {"fault": "stt-killed", "calls": 1, "outcomes": outcomes, "worst_gap_ms": 1_940.0}
    row["problems"] = []
    row["about"] = next(fault.about for fault in FAULTS if fault.name == "stt-killed")
    about = {"at": "2026-11-23T03:00:00+00:00", "commit": "abc", "seed": 1, "mode": "ray"}
    return {"rows": [row], "about": {**about, "cores": 2, "load": [0.5, 0, 0]}}


def test_every_fault_has_its_row_and_no_row_lacks_its_fault() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert sorted(named) == sorted(fault.name for fault in (*FAULTS, STORM, *BOOKING_FAULTS))


def test_figures_go_to_their_row_and_nowhere_else() -> None:
    page = (
        "<!-- measured -->\n| `stt-killed` | nothing | words | |\n| `tts-killed` | it | all | |\n"
    )
    filled = fill(page, [result(answered=1), result(answered=1, transferred=1)])
    about, stt, tts = filled.splitlines()
    assert stt == "| `stt-killed` | nothing | words | 1.9 s (2 answered, 1 transferred) |"
    assert tts == "| `tts-killed` | it | all | |"
    assert "at abc, seed 1" in about


def test_the_figure_of_a_fault_that_met_nobody_is_none() -> None:
    unmet = result(answered=1)
    unmet["rows"][0]["problems"] = ["nobody met the fault"]
    page = "<!-- measured -->\n| `stt-killed` | nothing | words | |\n"
    assert fill(page, [unmet]).splitlines()[1] == "| `stt-killed` | nothing | words | |"


def test_the_figure_of_a_fault_that_was_another_one_then_is_left_out() -> None:
    older = result(lost=1)
    older["rows"][0]["about"] = "kill -9 of all there were"
    page = "<!-- measured -->\n| `stt-killed` | nothing | words | |\n"
    assert fill(page, [older]).splitlines()[1] == "| `stt-killed` | nothing | words | |"


def test_what_a_kind_of_bookings_came_to_goes_to_its_row() -> None:
    kind = BOOKING_FAULTS[1]
    row = BookingRow(kind.name, kind.about, kills=3, done={"move": 2, "book": 9}, unknown=1)
    page = f"<!-- measured -->\n| `{kind.name}` | it | all | |\n"
    result_of_it = {"bookings": [row.as_dict()], "about": result()["about"]}
    assert "| it | all | 3 kills, 11 acknowledged (9 book, 2 move), " in fill(page, [result_of_it])
    row.about = "another one then"
    assert "| it | all | |" in fill(page, [{**result_of_it, "bookings": [row.as_dict()]}])


def test_filling_twice_changes_nothing_more() -> None:
    page = PAGE.read_text(encoding="utf-8")
    once = fill(page, [result(answered=1)])
    assert fill(once, [result(answered=1)]) == once
