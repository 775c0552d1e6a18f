"""`otto db` as an operator types it: what it says, and that no trace is ever shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from cluster.cli import main
from otto.storage.database import head_revision
from tests.support.operator import LIVE, set_all


@pytest.fixture
def otto(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command on a database; (exit code, output, errors)."""

    def run(url: str, *arguments: str) -> tuple[int, str, str]:
        set_all(monkeypatch, LIVE | {"DATABASE_URL": url})
        monkeypatch.setattr("sys.argv", ["otto", *arguments])
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert make_url(url).password not in said.out + said.err
        return int(str(code)), said.out, said.err

    return run


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(statement)
    await connection.close()


def damaged(url: str, statement: str) -> None:
    asyncio.run(execute(url, statement))


AT = "UPDATE alembic_version SET version_num = "
EVERY = (("init",), ("migrate", "--to", "0001", "--yes"))


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (f"{AT}'9999'", "a newer release has been here"),
        (f"{AT}'deadbeef'", "none of Otto's"),
        ("DROP TABLE alembic_version", "another program's, or its table alembic_version was lost"),
    ],
)
def test_a_strange_database_is_one_sentence(
    command: tuple[str, ...],
    damage: str,
    says: str,
    otto: Callable[..., tuple[int, str, str]],
    make_database: Callable[[str | None], str],
    _template: str,
) -> None:
    url = make_database(_template)
    damaged(url, damage)
    code, out, err = otto(url, "db", *command)
    assert (code, out) == (2, "")
    assert err.startswith("otto: ") and err.count("\n") == 1 and says in err


def test_the_state_is_shown_as_far_as_it_can_be_known(
    otto: Callable[..., tuple[int, str, str]],
    make_database: Callable[[str | None], str],
    _template: str,
) -> None:
    url = make_database(_template)
    damaged(url, "INSERT INTO outbox (kind, key, payload) VALUES ('sms.send', 'k', '{}')")
    code, out, _ = otto(url, "db", "status")
    assert code == 0 and head_revision() in out and "outbox, sms" in out and "1 due" in out
    damaged(url, f"{AT}'9999'")
    code, out, _ = otto(url, "db", "status")
    assert code == 0 and "9999: not of this release" in out


def test_from_nothing_to_a_backup_and_back(
    otto: Callable[..., tuple[int, str, str]],
    make_database: Callable[[str | None], str],
    tmp_path: Path,
) -> None:
    first, second = make_database(None), make_database(None)
    code, out, _ = otto(first, "db", "status")
    assert code == 0 and "none: run `otto db init`" in out
    assert otto(first, "db", "init")[0] == 0
    file = str(tmp_path / "otto.dump")
    code, out, err = otto(first, "db", "backup", file)
    assert code == 0, err
    assert "personal data" in out
    code, out, err = otto(second, "db", "restore", file)
    assert code == 0, err
    assert "otto calendar reconcile" in out
    code, out, err = otto(second, "db", "restore", file)
    assert code == 2 and "the database is not empty" in err
    assert otto(second, "db", "migrate", "--to", "base", "--yes") == (
        0,
        "the tables are at base\n",
        "",
    )
    code, _, err = otto(second, "db", "migrate", "--to", "17", "--yes")
    assert code == 2 and "There is no revision '17'" in err


def test_the_roles_are_printed_for_psql(
    otto: Callable[..., tuple[int, str, str]], postgres_url: str
) -> None:
    code, out, _ = otto(postgres_url, "db", "roles")
    assert code == 0 and "CREATE ROLE" in out and out.endswith("$$;\n")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"database": "not_there"}, 'database "not_there" does not exist (make the database'),
        ({"password": "wrong-word"}, "(check the password)"),
        ({"port": 9}, "(check DATABASE_URL)"),
    ],
)
def test_a_database_that_cannot_be_reached_says_what_to_look_at(
    change: dict[str, object],
    says: str,
    otto: Callable[..., tuple[int, str, str]],
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT_S", "0.3")
    url = make_url(postgres_url).set(**change).render_as_string(False)
    code, out, err = otto(url, "db", "status")
    assert (code, out) == (2, "") and says in err and err.count("\n") == 1


DEAD = """
    INSERT INTO outbox (id, kind, key, payload, attempts, next_attempt_at, done_at, last_error)
    OVERRIDING SYSTEM VALUE VALUES
    (1, 'sms.send', 'a', '{"to": "+13125550142", "not_after": "2999-01-01T00:00:00+00:00"}',
        24, 'infinity', NULL, 'twilio_503'),
    (2, 'sms.send', 'b', '{"not_after": "2020-01-01T00:00:00+00:00"}', 1, 'infinity', NULL, 'late'),
    (3, 'sms.send', 'c', '{}', 1, 'infinity', NULL, 'twilio_21614'),
    (4, 'sms.send', 'd', '{}', 1, now(), NULL, NULL),
    (5, 'calendar.upsert', 'e', '{}', 1, 'infinity', NULL, 'badRequest'),
    (6, 'sms.send', 'f', '{}', 1, now(), now(), NULL)
"""


async def due(url: str) -> str:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    found = await connection.fetchval(
        "SELECT string_agg(id || ':' || attempts, ' ' ORDER BY id) FROM outbox"
        " WHERE done_at IS NULL AND next_attempt_at < 'infinity'"
    )
    await connection.close()
    return str(found)


def test_dead_texts_are_shown_and_sent_again_while_they_are_of_use(
    otto: Callable[..., tuple[int, str, str]],
    make_database: Callable[[str | None], str],
    _template: str,
) -> None:
    url = make_database(_template)
    assert otto(url, "texts", "dead")[:2] == (0, "nothing is dead\n")
    damaged(url, DEAD)
    code, out, _ = otto(url, "texts", "dead")
    assert code == 1 and "twilio_503" in out and "twilio_21614" in out and "late" in out
    assert "badRequest" not in out and "5550142" not in out
    for wrong in ((), ("1", "--all")):
        assert otto(url, "texts", "replay", *wrong)[0] == 2
    code, out, _ = otto(url, "texts", "replay", "3", "2", "5")
    assert code == 1 and "1 is sent again" in out and "no use any more: 2, 5" in out
    assert asyncio.run(due(url)) == "3:0 4:1"
    code, out, _ = otto(url, "texts", "replay", "--all")
    assert code == 0 and "1 is sent again" in out
    assert asyncio.run(due(url)) == "1:0 3:0 4:1"
