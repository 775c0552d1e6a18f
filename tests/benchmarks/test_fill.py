"""The comparison in the docs says what the runs' files say, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.fill import PAGES, fill, interruptions, table, turns


def run(at: str, inline_ms: float, ray_ms: float) -> dict[str, Any]:
    def row(mode: str, ms: float) -> dict[str, Any]:
        return {
            "mode": mode,
            "calls": 10,
            "added_p50_ms": ms,
            "added_p95_ms": ms * 2,
            "otto_p50_ms": 1.0,
            "otto_p95_ms": 4.0,
            "marginal_cpu_s": 0.8,
            "gross_cpu_s": 1.3,
        }

    about = {"at": at, "commit": "abc1234", "load": [0.1, 0, 0], "cores": 2}
    return {"about": about, "results": [row("inline", inline_ms), row("ray", ray_ms)]}


def test_a_distance_is_taken_within_each_run() -> None:
    before = [run("2026-11-28T05:00", 40, 60), run("2026-11-28T05:10", 80, 90)]
    text = table(before, [run("2026-11-28T05:20", 40, 42)])
    assert "| distance between the two, median of the runs' own | 15 / 30 ms | 2 / 4 ms |" in text
    assert "| the same, inline | 60 / 120 ms | 40 / 80 ms |" in text
    assert "2 runs on 2 cores: 2026-11-28T05:00 at abc1234 (load 0.1)" in text


def test_a_run_that_lacks_a_row_is_refused() -> None:
    lacking = run("2026-11-28T05:00", 40, 60)
    lacking["results"].pop()
    with pytest.raises(KeyError, match="no row of 10 ray calls"):
        table([lacking], [lacking])


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    page = "a\n<!-- stream -->\nold\n<!-- /stream -->\nb\n"
    assert fill(page, "new\n") == "a\n<!-- stream -->\nnew\n<!-- /stream -->\nb\n"
    with pytest.raises(ValueError, match="markers"):
        fill("no markers", "new")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_have_their_markers(page: Any) -> None:
    text = page.read_text(encoding="utf-8")
    assert fill(text, "new\n") != text


def test_interruptions_are_told_by_mode_and_kind() -> None:
    one = run("2026-11-28T05:00", 40, 60)
    figures = {"interruptions": 40, "stop_p50_ms": 320.4, "stop_p95_ms": 930.0}
    stops = {"coughs": {"sounds": 50, "stops": 1}, "echoes": {"sounds": 30, "stops": 0}}
    one["results"][0] |= figures | {"false_stops": stops}
    one["results"][1]["interruptions"] = 0
    text = interruptions(one)
    assert "| | interruptions | stops after, p50 / p95 | false stops: coughs | echoes |" in text
    assert "| inline | 40 | 320 / 930 ms | 1 of 50 | 0 of 30 |" in text
    assert "| ray |" not in text and "at abc1234 on 2 cores" in text


def test_turns_are_told_by_recogniser() -> None:
    row = {"model": "nova", "turns": 60, "with_pauses": 34, "talked_over": 1, "share": 1 / 60}
    about = run("2026-11-28T05:00", 1, 1)["about"]
    text = turns(
        {"about": about, "turns": [row | {"over_after_p50_ms": 450, "over_after_p95_ms": 1500}]}
    )
    assert "| nova | 60 (34) | 1 (1.7%) | 450 ms | 1500 ms |" in text


@pytest.mark.parametrize("name", ["interruptions", "turns"])
def test_the_page_has_a_place_for_them(name: str) -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    assert fill(text, "new\n", name) != text
