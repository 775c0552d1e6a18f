"""Whatever befalls a location's book, in whatever order, what callers were told stays true.

`make test` runs a few sequences, the same in each run; `make stateful` hundreds of longer ones, and
takes one rule of the database after the other away, to see that the test notices.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from config.dealership import Dealership
from otto.storage.tables import Base
from tests.proof.booking_machine import BookingMachine
from tests.proof.booking_stage import Stage, staged
from tests.proof.strangers import BAD_WRITES, IMPLIED, TABLES, BadWrite

SEQUENCES = int(os.environ.get("OTTO_TEST_SEQUENCES", "500"))
QUICK = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A failure tells its steps; finding fewer takes minutes with a real database.
    phases=[Phase.generate],
)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def play(
    runner: asyncio.Runner,
    url: str,
    dealership: Dealership,
    how: settings,
    strangers: tuple[BadWrite, ...] = BAD_WRITES,
) -> None:
    """Sequences on one stage. Raises what the first one that fails has raised."""
    stages = staged(url, dealership)
    stage: Stage = runner.run(stages.__aenter__())
    mine = {"stage": stage, "runner": runner, "strangers": strangers}
    try:
        run_state_machine_as_test(type("Machine", (BookingMachine,), mine), settings=how)
    finally:
        runner.run(stages.__aexit__(None, None, None))


def test_any_sequence_keeps_what_was_promised(
    runner: asyncio.Runner, postgres_url: str, dealership: Dealership
) -> None:
    play(runner, postgres_url, dealership, QUICK)


@pytest.mark.slow
@pytest.mark.stateful
@pytest.mark.timeout(3600)
def test_hundreds_of_sequences_keep_what_was_promised(
    runner: asyncio.Runner, postgres_url: str, dealership: Dealership
) -> None:
    many = settings(QUICK, max_examples=SEQUENCES, stateful_step_count=30, derandomize=False)
    play(runner, postgres_url, dealership, many)


def test_every_rule_of_the_book_has_a_stranger_who_breaks_it() -> None:
    tables = [Base.metadata.tables[name] for name in TABLES]
    rules = {str(each.name) for table in tables for each in table.constraints}
    rules |= {str(index.name) for table in tables for index in table.indexes if index.unique}
    assert {bad.rule for bad in BAD_WRITES} | IMPLIED.keys() == rules


@pytest.mark.slow
@pytest.mark.stateful
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bad", BAD_WRITES, ids=lambda bad: bad.rule)
def test_without_one_rule_it_fails(
    bad: BadWrite,
    runner: asyncio.Runner,
    make_database: Callable[[str | None], str],
    _template: str,
    dealership: Dealership,
) -> None:
    url = make_database(_template)
    runner.run(_remove(url, bad.rule))
    found = settings(QUICK, max_examples=30)
    # Mostly by an invariant; where a statement rests on the rule, by the statement.
    with pytest.raises(Exception, match=r"."):
        play(runner, url, dealership, found, (bad,))


async def _remove(url: str, rule: str) -> None:
    """Take a rule away, whichever table it is of, and what refers to it."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        owner = await connection.fetchval(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = $1", rule
        )
        if owner is None:
            await connection.execute(f'DROP INDEX "{rule}"')
        else:
            await connection.execute(f'ALTER TABLE {owner} DROP CONSTRAINT "{rule}" CASCADE')
    finally:
        await connection.close()
