"""A database that is not as this release made it stops a start with one sentence, unchanged."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from otto.storage.database import BASE, current_revision, head_revision, migrate, revisions
from otto.storage.errors import MigrationStopped

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


async def ask(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


AT = "UPDATE alembic_version SET version_num = "


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        # A release that is newer, and somebody else's Alembic.
        (f"{AT}'9999'", "at revision 9999, and this release knows none after"),
        (f"{AT}'ae1027a6acf'", "'ae1027a6acf', which is none of Otto's"),
        (f"{AT}'0000'", "'0000', which is none of Otto's"),
        (f"{AT}''", "'', which is none of Otto's"),
        # Stamped, and not what the stamp says.
        ("DROP TABLE turns", "lacks the table turns"),
        ("ALTER TABLE outbox DROP COLUMN last_error", "lacks the column outbox.last_error"),
        ("DROP INDEX ix_outbox_due", "lacks the rule ix_outbox_due"),
        (
            "ALTER TABLE customers DROP CONSTRAINT ck_customers_phone",
            "lacks the rule ck_customers_phone",
        ),
        ("DROP TABLE callbacks, turns, text_codes, opt_outs, erasures", "and 2 more"),
        # Half migrated: the stamp is older than the tables, or newer than some of them.
        (f"{AT}'0001'", "it is at 0001, but relation"),
        (f"DROP TABLE outbox; {AT}'0003'", 'at 0003, but relation "outbox" does not exist'),
        ("INSERT INTO alembic_version VALUES ('0002')", "at once: its table alembic_version"),
        # The stamp is gone.
        ("DROP TABLE alembic_version", "does not say which revision"),
        ("DELETE FROM alembic_version", "does not say which revision"),
    ],
)
async def test_it_is_told_in_a_sentence_and_left_as_it_was(
    damage: str, says: str, make_database: Callable[[str | None], str], _template: str
) -> None:
    url = make_database(_template)
    await ask(url, damage, "SELECT 1")
    tables, at = await ask(url, TABLES), await current_revision(url)
    with pytest.raises(MigrationStopped) as stopped:
        await migrate(url)
    assert says in str(stopped.value)
    assert "\n" not in str(stopped.value) and str(stopped.value).endswith(".")
    assert (await ask(url, TABLES), await current_revision(url)) == (tables, at)


async def test_another_programs_tables_are_left_alone(empty_postgres_url: str) -> None:
    await ask(empty_postgres_url, "CREATE TABLE customers (id int)", "SELECT 1")
    with pytest.raises(MigrationStopped, match=r"names already \(customers\)"):
        await migrate(empty_postgres_url)
    assert await ask(empty_postgres_url, TABLES) == 1


async def test_tables_of_other_names_are_in_nobodys_way(empty_postgres_url: str) -> None:
    await ask(empty_postgres_url, "CREATE TABLE spatial_ref_sys (id int)", "SELECT 1")
    await migrate(empty_postgres_url)
    assert await current_revision(empty_postgres_url) == head_revision()


async def test_names_need_an_encoding_that_holds_them(postgres_server: str) -> None:
    made = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    await ask(postgres_server, "DROP DATABASE IF EXISTS ascii_only", made.format("ascii_only"))
    url = f"{postgres_server.rpartition('/')[0]}/ascii_only"
    with pytest.raises(MigrationStopped, match="SQL_ASCII, which cannot hold every name"):
        await migrate(url)
    await ask(postgres_server, "DROP DATABASE ascii_only WITH (FORCE)")


async def test_back_and_forth_to_any_revision(empty_postgres_url: str) -> None:
    known = revisions()
    await migrate(empty_postgres_url, known[2])
    assert await current_revision(empty_postgres_url) == known[2]
    await migrate(empty_postgres_url, known[0])
    await migrate(empty_postgres_url, known[0])  # there already
    await migrate(empty_postgres_url)
    await migrate(empty_postgres_url, BASE)
    assert await current_revision(empty_postgres_url) is None
    await migrate(empty_postgres_url, BASE)
    await migrate(empty_postgres_url)
    assert await current_revision(empty_postgres_url) == head_revision()


@pytest.mark.parametrize("to", ["", "head", "5", "0000", "9999", "-1", "0001:0002", "base;"])
async def test_a_revision_that_is_none_is_named(to: str, postgres_url: str) -> None:
    with pytest.raises(MigrationStopped, match="There is no revision"):
        await migrate(postgres_url, to)
    assert await current_revision(postgres_url) == head_revision()


async def test_what_was_delivered_before_is_emptied_and_what_waits_is_not(
    empty_postgres_url: str,
) -> None:
    await migrate(empty_postgres_url, "0006")
    await ask(
        empty_postgres_url,
        """INSERT INTO outbox (kind, key, payload, done_at) VALUES
        ('sms.send', 'a', '{"to": "+13125550142", "body": "Maria", "appointment_id": "x"}', now()),
        ('sms.send', 'b', '{"to": "+13125550142"}', NULL), ('sms.send', 'c', '{}', now())""",
        "SELECT 1",
    )
    await migrate(empty_postgres_url)
    payloads = "SELECT string_agg(payload::text, ' ' ORDER BY key) FROM outbox"
    assert await ask(empty_postgres_url, payloads) == (
        '{"appointment_id": "x"} {"to": "+13125550142"} {}'
    )
