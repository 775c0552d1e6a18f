"""The frame of `make attack`: bounds that are not kept are seen, also when nothing was measured."""

import asyncio
import base64
import json
import sys
from dataclasses import dataclass

import pytest

from benchmarks.attack import fill, report
from benchmarks.attack.attack import Attack, Bound, Seen, judge
from benchmarks.attack.half_open import HalfOpen
from benchmarks.attack.registry import ATTACKS, chosen
from benchmarks.attack.target import HONEST_PROGRAM, Honest

ABOUT = {"at": "2026-11-28T00:00:00", "commit": "abc", "cores": 2, "load": [0.1], "took_s": 9}


@dataclass(frozen=True)
class Knock(Attack):
    name: str = "knock"
    about: str = "a knock"
    bounds: tuple[Bound, ...] = (Bound("cpu_ms", 5.0, "ms for each"), Bound("let_in", 0, "let in"))

    async def measure(self, target):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("figures", "broken"),
    [
        ({"cpu_ms": 5.0, "let_in": 0}, []),
        ({"cpu_ms": 5.1, "let_in": 0}, ["5.1 instead of at most 5 ms for each"]),
        ({"cpu_ms": 1.0, "let_in": True}, ["1 instead of at most 0 let in"]),
        ({"cpu_ms": 1.0}, ["let_in was not measured"]),
        ({}, ["cpu_ms was not measured", "let_in was not measured"]),
        ({"cpu_ms": float("nan"), "let_in": 0}, ["nan instead of at most 5 ms for each"]),
        ({"cpu_ms": 1.0, "let_in": 0, "other": 9}, []),
    ],
)
def test_a_bound_is_broken_by_more_and_by_nothing(figures, broken):
    judged = judge(Knock(), Seen("something", figures))
    assert judged.broken == broken
    assert judged.is_kept is not bool(broken)


def test_every_attack_has_a_name_of_its_own_and_a_bound():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert all(attack.bounds for attack in ATTACKS)


def test_attacks_are_chosen_by_the_beginning_of_their_names():
    assert [attack.name for attack in chosen("half")] == ["half-headers"]
    assert chosen("") == list(ATTACKS)
    with pytest.raises(ValueError, match="there is no attack called x"):
        chosen("half,x")


def test_nobody_answered_is_not_a_good_answer():
    assert Honest().figures() == {"honest_failed": 1}
    assert Honest([1.0] * 99 + [500.0], 0).figures()["honest_p95_ms"] == 1.0


def test_connections_that_stay_open_have_no_time_of_closing():
    half = HalfOpen("x", "x")
    assert "closed_after_s was not measured" in judge(half, Seen("2 × left open", {})).broken


def test_the_page_gets_the_last_row_of_each_attack():
    rows = [
        {"attack": "knock", "about": "a knock", "happened": "closed", "figures": {"cpu_ms": cpu},
         "bounds": ["5 ms for each"], "broken": broken}
        for cpu, broken in ((9.0, ["9 instead of 5"]), (0.25, []))
    ]  # fmt: skip
    results = [
        {"about": {**ABOUT, "at": f"2026-11-2{n}T"}, "rows": [row]} for n, row in enumerate(rows)
    ]
    page = "before\n<!-- attacks -->\nold\n<!-- /attacks -->\nafter\n"
    filled = fill.fill(page, results)
    assert "| `knock` | a knock | closed | 0.25 ms | 5 ms for each | yes |" in filled
    assert "9.00" not in filled and "old" not in filled
    assert filled.startswith("before\n") and filled.endswith("after\n")
    assert fill.fill(filled, results) == filled
    with pytest.raises(ValueError, match="no <!-- attacks -->"):
        fill.fill("page", results)


def test_a_broken_bound_is_seen_in_the_table():
    row = {
        "attack": "a",
        "about": "b",
        "happened": "c",
        "figures": {},
        "bounds": ["1"],
        "broken": ["2"],
    }
    assert report.cells(row)[-1] == "**no**: 2"


async def test_an_honest_caller_tells_of_answers_that_took_long_or_did_not_come():
    asked = []

    async def serve(reader, writer):
        asked.append(await reader.readexactly(5))
        if len(asked) % 2:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(HONEST_PROGRAM), "127.0.0.1", str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    child.stdin.write(base64.b64encode(b"hello") + b"\n")
    async with asyncio.timeout(30):
        while len(asked) < 4:
            await asyncio.sleep(0.01)
        said, _ = await child.communicate(b"")
    server.close()
    told = json.loads(said)
    assert set(asked) == {b"hello"}
    assert len(told["took_ms"]) == len(asked)
    assert told["failed"] == len(asked) // 2
