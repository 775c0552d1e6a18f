"""Product and sandbox ask one clock for the date: nobody reads the machine's by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READS = re.compile(
    r"datetime\.(now|utcnow|today)\(|\bdate\.today\(|\btime\.(time|gmtime|localtime|strftime)\("
)
IN_SQL = re.compile(
    r"func\.(now|clock_timestamp|current_timestamp|current_date)\b"
    r"|(?<![\w.])(now|clock_timestamp|statement_timestamp|transaction_timestamp)\(\)"
    r"|CURRENT_(TIMESTAMP|DATE|TIME)"
)
THE_MACHINES = {
    "config/clock.py",  # it is the clock
    "sandbox/__main__.py",  # the sandbox's is made here
    "sandbox/world.py",  # its default
    "cluster/vendor_checks.py",  # whether a certificate of the machine's is still good
}
IN_SQL_ALLOWED = {"otto/storage/clock.py"}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (
            path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
        )


def found(pattern: re.Pattern[str], allowed: set[str], *folders: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources(*folders)
        if str(path.relative_to(ROOT)) not in allowed
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]


def test_nobody_reads_the_machines_clock() -> None:
    assert found(READS, THE_MACHINES, "otto", "actors", "config", "cluster", "sandbox") == []


def test_no_statement_reads_the_databases() -> None:
    assert found(IN_SQL, IN_SQL_ALLOWED, "otto/storage", "otto/scheduling", "otto/crm") == []


@pytest.mark.parametrize(
    "line",
    [
        "at = datetime.now(UTC)",
        "if born <= date.today():",
        "issued = int(time.time())",
        "return datetime.utcnow()",
    ],
)
def test_a_look_at_the_machines_clock_would_be_found(line: str) -> None:
    assert READS.search(line)


@pytest.mark.parametrize(
    "line", ["change.at > func.now()", "SET done_at = now()", "> clock_timestamp()", "CURRENT_DATE"]
)
def test_a_look_at_the_databases_would_be_found(line: str) -> None:
    assert IN_SQL.search(line)
    assert not IN_SQL.search("self._outlet.now() context.now() otto_now() otto_clock()")
