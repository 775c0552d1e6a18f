"""What counts as talked over."""

from __future__ import annotations

import pytest

from benchmarks.talking_over import TURNS, Heard, summary, table, turns_of


def test_the_set_is_read_with_its_pauses() -> None:
    turns = turns_of(TURNS.read_text(encoding="utf-8"))
    assert len(turns) >= 60
    assert all(len(turn.parts) == len(turn.pauses_ms) + 1 and all(turn.parts) for turn in turns)
    assert turns_of("# heads\nHow?|One. (800) Two\n")[0].pauses_ms == (800,)


def heard(*started_ms: int, ended_ms: tuple[int, ...] = (5400,)) -> Heard:
    """A turn in two parts, 0.4 to 2 s and 3 to 5 s."""
    made = Heard("How?", "One … Two", "alto", [(400, 2000), (3000, 5000)])
    made.started_ms, made.ended_ms = list(started_ms), list(ended_ms)
    return made


@pytest.mark.parametrize(
    ("started_ms", "is_over"),
    [((6000,), False), ((2500,), True), ((3500, 6000), True), ((1600,), True), ((), False)],
)
def test_who_starts_while_the_caller_speaks_or_soon_goes_on_talks_over(
    started_ms: tuple[int, ...], is_over: bool
) -> None:
    assert heard(*started_ms).is_talked_over is is_over


def test_a_pause_longer_than_anybody_waits_is_no_talking_over() -> None:
    long = Heard("How?", "One … Two", "alto", [(400, 2000), (5000, 6000)], started_ms=[3000])
    assert not long.is_talked_over


def test_the_time_it_costs_counts_from_the_last_sound() -> None:
    rows = [summary("nova", [heard(6000), heard(2500, 6100, ended_ms=(2300, 5800))])]
    assert (rows[0]["talked_over"], rows[0]["share"]) == (1, 0.5)
    assert (rows[0]["over_after_p50_ms"], rows[0]["over_after_p95_ms"]) == (600, 800)
    assert "| nova | 2 (2) | 1 (50.0%) | 600 ms | 800 ms |" in table(rows)
