"""`make migrations`: every revision goes down and up again, and one that loses rows is found."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from alembic import op
from alembic.script import Script

from benchmarks.migrations import WalkFailed, walk
from config.dealership import Dealership
from otto.storage.database import BASE, current_revision, head_revision, revisions


@pytest.mark.parametrize("is_seeded", [False, True])
async def test_every_revision_goes_down_and_up_again(
    is_seeded: bool, empty_postgres_url: str, dealership: Dealership
) -> None:
    steps = await walk(empty_postgres_url, dealership if is_seeded else None)
    assert [step.revision for step in steps] == [*reversed(revisions()[:-1]), BASE]
    assert await current_revision(empty_postgres_url) == head_revision()
    if is_seeded:
        assert all(step.kept > 500 for step in steps[:-1])
        assert steps[-1].kept == 0 and steps[-1].lost > 500


def lose_rows() -> None:
    op.drop_column("outbox", "postponed_since")
    op.execute("DELETE FROM outbox WHERE key = 'walk:dead'")


def keep_a_column() -> None:
    pass


def forget_an_index() -> None:
    op.drop_column("outbox", "postponed_since")
    op.drop_index("ix_outbox_due")


@pytest.mark.parametrize(
    ("downgrade", "says"),
    [
        (lose_rows, "0006, down: outbox had "),
        (keep_a_column, 'column "postponed_since" of relation "outbox" already exists'),
        (forget_an_index, "lacks the rule ix_outbox_due"),
    ],
)
async def test_one_that_does_not_is_named(
    downgrade: Callable[[], None],
    says: str,
    empty_postgres_url: str,
    dealership: Dealership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hold(self: Script, module: ModuleType) -> None:
        if module.revision == "0007":
            module.downgrade = downgrade  # type: ignore[attr-defined]
        self.__dict__["held"] = module

    held = property(lambda self: self.__dict__["held"], hold)
    monkeypatch.setattr(Script, "module", held, raising=False)
    with pytest.raises(WalkFailed) as failed:
        await walk(empty_postgres_url, dealership)
    assert says in str(failed.value)
