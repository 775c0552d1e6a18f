"""The real PostgreSQL and Valkey: kept data, orphans, stale files, and one sentence per fault."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import redis

from sandbox.services import child
from sandbox.services.child import ServiceError, explain, explain_output
from sandbox.services.postgres import Postgres
from sandbox.services.valkey import Valkey

ROOT = Path(__file__).parents[2]


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres", durable=False)
    yield server
    server.discard()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey")
    yield server
    server.discard()


def query(url: str, sql: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def gone(pid: int) -> bool:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_postgres_keeps_its_data_and_wants_its_password(postgres: Postgres) -> None:
    url = postgres.start()
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert query(url, "SHOW listen_addresses") == "127.0.0.1"
    assert query(url, "SHOW server_version").startswith("18")
    with pytest.raises(asyncpg.InvalidPasswordError):
        query(url.replace("otto:", "otto:x", 1), "SELECT 1")
    assert stat.S_IMODE((postgres.folder / "password").stat().st_mode) == 0o600
    pid = postgres.pid
    postgres.stop()
    assert pid and gone(pid)
    assert query(postgres.start(), "SELECT answer FROM kept") == 42


def test_postgres_comes_back_after_being_killed(postgres: Postgres) -> None:
    url = postgres.start()
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    query(url, "CHECKPOINT")
    assert postgres.pid
    os.kill(postgres.pid, signal.SIGKILL)
    postgres.stop()
    pid_file = postgres.folder / "cluster" / "postmaster.pid"
    assert pid_file.exists()
    # The number in it belongs to a living stranger by now.
    pid_file.write_text(str(os.getpid()) + pid_file.read_text()[pid_file.read_text().index("\n") :])
    assert query(postgres.start(), "SELECT answer FROM kept") == 42


def test_a_start_that_was_cut_off_is_begun_again(postgres: Postgres, tmp_path: Path) -> None:
    postgres.start()
    postgres.stop()
    (postgres.folder / "cluster").rename(postgres.folder / "cluster.new")
    assert query(postgres.start(), "SELECT 1") == 1


def test_a_folder_has_one_owner(postgres: Postgres, valkey: Valkey, tmp_path: Path) -> None:
    url = postgres.start()
    valkey.start()
    for second in (
        Postgres(tmp_path / "postgres"),
        Valkey(tmp_path / "valkey"),
    ):
        with pytest.raises(ServiceError, match=f"in use by process {os.getpid()}"):
            second.start()
    assert query(url, "SELECT 1") == 1  # the owner was not disturbed


def test_children_die_with_the_sandbox_and_orphans_are_cleared(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    postgres.start()  # only to have the data made beforehand
    postgres.stop()
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from sandbox.services.postgres import Postgres\n"
        "from sandbox.services.valkey import Valkey\n"
        "p, v = Postgres(Path(sys.argv[1])), Valkey(Path(sys.argv[2]))\n"
        "p.start(), v.start()\n"
        "print(p.pid, v.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    arguments = [str(tmp_path / "postgres"), str(tmp_path / "valkey")]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as sandbox:
        assert sandbox.stdout is not None
        pids = [int(pid) for pid in sandbox.stdout.readline().split()]
        sandbox.kill()
    assert len(pids) == 2 and all(gone(pid) for pid in pids)
    assert query(postgres.start(), "SELECT 1") == 1
    valkey.start()


def test_an_orphan_of_the_folder_is_ended(tmp_path: Path) -> None:
    orphan = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    elsewhere = subprocess.Popen(["sleep", "60"], cwd=tmp_path.parent)
    try:
        time.sleep(0.1)
        assert child.stop_orphans("sleep", tmp_path, signal.SIGTERM, 5) == 1
        assert gone(orphan.pid)
        assert elsewhere.poll() is None
    finally:
        for process in (orphan, elsewhere):
            process.kill()
            process.wait()


def test_valkey_keeps_its_data_and_wants_its_password(valkey: Valkey) -> None:
    url = valkey.start()
    with redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
    with (
        redis.Redis.from_url(url.replace("redis://:", "redis://:x")) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    valkey.stop()
    assert stat.S_IMODE((valkey.folder / "password").stat().st_mode) == 0o600
    with redis.Redis.from_url(valkey.start()) as client:
        assert client.get("kept") == b"yes"


def test_what_another_process_has_left_is_thrown_away_too(postgres: Postgres) -> None:
    """As root the data lies below /var/tmp, and nobody would ever look there for it."""
    postgres.start()
    postgres.stop()
    Postgres(postgres._asked_dir).discard()
    assert not postgres.folder.exists()


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for server in (
            Postgres(tmp_path / "p", port=port, durable=False),
            Valkey(tmp_path / "v", port=port),
        ):
            with pytest.raises(ServiceError, match=f"port {port}: another program"):
                server.start()
            server.discard()


def test_data_of_another_version_is_left_alone(postgres: Postgres) -> None:
    postgres.start()
    postgres.stop()
    version = postgres.folder / "cluster" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(ServiceError, match="made by PostgreSQL 17"):
        postgres.start()
    version.write_text("18\n")
    assert query(postgres.start(), "SELECT 1") == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for server in (Postgres(tmp_path / "file" / "p"), Valkey(tmp_path / "file" / "v")):
        with pytest.raises(ServiceError, match="cannot be started"):
            server.start()


def test_what_went_wrong_is_told_in_one_sentence(tmp_path: Path) -> None:
    full = explain(OSError(28, "No space left on device"), "PostgreSQL", tmp_path)
    assert str(full) == f"PostgreSQL cannot be started: the disk that holds {tmp_path} is full"
    denied = explain(PermissionError(13, "Permission denied", "/x"), "Valkey", tmp_path)
    assert str(denied) == "Valkey cannot be started: no permission to write /x"
    said = 'FATAL:  could not write lock file "postmaster.pid": No space left on device\n'
    assert "is full" in str(explain_output(said, "PostgreSQL", tmp_path))
    assert str(explain_output("a\nb\n", "Valkey", tmp_path)) == "Valkey cannot be started: b"


# Where the data lies when root's PostgreSQL runs as a user of its own


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that everybody may pass, as a project's is."""
    place = Path(f"/var/tmp/otto-test-{os.getpid()}")
    place.mkdir()
    place.chmod(0o711)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(os.getuid() != 0, reason="otherwise PostgreSQL is this user's own")
def test_data_that_can_no_longer_be_reached_is_no_empty_database(passable: Path) -> None:
    server = Postgres(passable / ".otto" / "postgres", durable=False)
    (passable / ".otto").mkdir()
    try:
        query(server.start(), "CREATE TABLE kept AS SELECT 42")
        server.stop()
        assert server.folder == passable / ".otto" / "postgres"
        passable.chmod(0o700)
        again = Postgres(passable / ".otto" / "postgres", durable=False)
        with pytest.raises(ServiceError, match="its system user"):
            again.start()
        passable.chmod(0o711)
        assert query(again.start(), "SELECT * FROM kept") == 42
        again.stop()
    finally:
        server.discard()


@pytest.mark.skipif(os.getuid() != 0, reason="otherwise PostgreSQL is this user's own")
def test_data_that_was_made_elsewhere_stays_there_when_the_way_opens(passable: Path) -> None:
    (passable / ".otto").mkdir(mode=0o700)
    server = Postgres(passable / ".otto" / "postgres", durable=False)
    try:
        query(server.start(), "CREATE TABLE kept AS SELECT 42")
        server.stop()
        assert passable not in server.folder.parents
        (passable / ".otto").chmod(0o711)
        again = Postgres(passable / ".otto" / "postgres", durable=False)
        assert query(again.start(), "SELECT * FROM kept") == 42
        again.stop()
    finally:
        server.discard()
