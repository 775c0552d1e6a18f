"""A restored backup is the database it was made of; what is none is refused in a sentence."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from cluster import backup
from cluster.errors import StackError
from config.dealership import Dealership
from config.settings import DatabaseSettings, Settings
from otto.crm.seed import seed
from otto.storage.database import current_revision, head_revision, make_engine, migrate
from otto.storage.tables import Base

WAITING = """INSERT INTO outbox (kind, key, payload, next_attempt_at)
    VALUES ('sms.send', 'a', '{"to": "+13125550142"}', 'infinity'),
           ('sms.send', 'b', '{}', now())"""


def settings_of(url: str) -> Settings:
    return Settings(database=DatabaseSettings(url=SecretStr(url)))


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(statement)
    await connection.close()


async def contents(url: str) -> dict[str, tuple[int, str | None]]:
    """By table: how many rows, and a digest of all of them."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return {
            table: tuple(
                await connection.fetchrow(
                    f"SELECT count(*), md5(string_agg(each::text, '|' ORDER BY each::text))"
                    f" FROM {table} AS each"
                )
            )
            for table in (*Base.metadata.tables, "alembic_version")
        }
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def full(make_database: Callable[[str | None], str], _template: str, dealership: Dealership) -> str:
    """A seeded database with something in the outbox."""
    url = make_database(_template)

    async def fill() -> None:
        engine = make_engine(DatabaseSettings(url=SecretStr(url)))
        await seed(engine, dealership, date(2026, 11, 28))
        await engine.dispose()
        await execute(url, WAITING)

    asyncio.run(fill())
    return url


@pytest.fixture(scope="module")
def dump(full: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "otto.dump"
    said = backup.backup(settings_of(full), file)
    assert head_revision() in said and "personal data" in said
    return file


def test_what_is_restored_is_what_there_was(full: str, dump: Path, empty_postgres_url: str) -> None:
    said = backup.restore(settings_of(empty_postgres_url), dump)
    assert "otto calendar reconcile" in said
    before, after = asyncio.run(contents(full)), asyncio.run(contents(empty_postgres_url))
    assert after == before
    assert before["customers"][0] == 200 and before["outbox"][0] >= 2
    # Counters of ids go on where they were.
    asyncio.run(execute(empty_postgres_url, WAITING.replace("'a'", "'c'").replace("'b'", "'d'")))


def test_only_its_owner_can_read_it_and_no_half_is_left(dump: Path) -> None:
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert [each.name for each in dump.parent.iterdir()] == [dump.name]


def test_a_backup_of_an_older_release_is_brought_up_to_date(
    make_database: Callable[[str | None], str], empty_postgres_url: str, tmp_path: Path
) -> None:
    old = make_database(None)
    asyncio.run(migrate(old, "0005"))
    asyncio.run(execute(old, "INSERT INTO outbox (kind, key, payload) VALUES ('a.b', 'k', '{}')"))
    backup.backup(settings_of(old), tmp_path / "old.dump")
    assert head_revision() in backup.restore(settings_of(empty_postgres_url), tmp_path / "old.dump")
    assert asyncio.run(contents(empty_postgres_url))["outbox"][0] == 1


def test_a_newer_releases_backup_restores_nothing(
    make_database: Callable[[str | None], str],
    _template: str,
    empty_postgres_url: str,
    tmp_path: Path,
) -> None:
    newer = make_database(_template)
    asyncio.run(execute(newer, "UPDATE alembic_version SET version_num = '9999'"))
    backup.backup(settings_of(newer), tmp_path / "newer.dump")
    with pytest.raises(StackError, match="revision 9999, which this release does not know"):
        backup.restore(settings_of(empty_postgres_url), tmp_path / "newer.dump")
    assert asyncio.run(current_revision(empty_postgres_url)) is None


def test_a_database_with_anything_in_it_is_left_alone(full: str, dump: Path) -> None:
    before = asyncio.run(contents(full))
    with pytest.raises(StackError, match="the database is not empty"):
        backup.restore(settings_of(full), dump)
    assert asyncio.run(contents(full)) == before


def test_a_file_that_is_there_is_not_written_over(full: str, dump: Path) -> None:
    before = dump.read_bytes()
    with pytest.raises(StackError, match="is there already"):
        backup.backup(settings_of(full), dump)
    assert dump.read_bytes() == before


@pytest.mark.parametrize("damage", ["garbage", "half", "empty", "missing", "other"])
def test_what_is_no_backup_is_named_and_restores_nothing(
    damage: str,
    dump: Path,
    tmp_path: Path,
    empty_postgres_url: str,
    make_database: Callable[[str | None], str],
) -> None:
    file = tmp_path / "given.dump"
    whole = dump.read_bytes()
    match damage:
        case "garbage":
            file.write_bytes(b"customers,phone\n" * 100)
        case "half":
            file.write_bytes(whole[: len(whole) // 2])
        case "empty":
            file.write_bytes(b"")
        case "other":
            backup_of = make_database(None)
            asyncio.run(execute(backup_of, "CREATE TABLE theirs (id int)"))
            with pytest.raises(StackError, match="is no backup of Otto's database"):
                backup.backup(settings_of(backup_of), file)
    with pytest.raises(StackError) as refused:
        backup.restore(settings_of(empty_postgres_url), file)
    assert "\n" not in str(refused.value)
    assert asyncio.run(current_revision(empty_postgres_url)) is None


def test_a_server_that_is_not_there_leaves_no_file_and_tells_no_password(tmp_path: Path) -> None:
    settings = settings_of("postgresql://otto:hunter2@127.0.0.1:9/otto")
    with pytest.raises(StackError, match="pg_dump: connection to server") as refused:
        backup.backup(settings, tmp_path / "x.dump")
    assert "hunter2" not in str(refused.value) and not list(tmp_path.iterdir())


def test_without_the_programs_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backup.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StackError, match="install PostgreSQL's client programs"):
        backup.backup(settings_of("postgresql://a@127.0.0.1:9/b"), tmp_path / "x.dump")


def test_the_password_is_on_no_command_line(
    full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    really = backup.subprocess.run

    def watched(command: list[str], **given: object) -> object:
        seen.append(command)
        return really(command, **given)

    monkeypatch.setattr(backup.subprocess, "run", watched)
    monkeypatch.setenv("PGHOST", "elsewhere.example")
    backup.backup(settings_of(full), tmp_path / "x.dump")
    password = full.partition("otto:")[2].partition("@")[0]
    assert password and password not in str(seen)
