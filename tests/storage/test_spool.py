"""What was promised to a caller reaches the database exactly once, whatever breaks meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import redis as sync_redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import RedisSettings
from otto.storage.errors import CrmError, StoreUnavailable
from otto.storage.redis import make_redis
from otto.storage.spool import NotKept, Spool, SpoolEntry


class Killed(BaseException):
    """The process that delivers dies here."""


class Database:
    """The table of callbacks: a key is unique, a repeat is ignored (`ON CONFLICT DO NOTHING`)."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.away = False
        self.kill_after: int | None = None

    async def take_in(self, entry: SpoolEntry) -> None:
        if self.away:
            raise StoreUnavailable
        if entry.payload["phone"] == "bad":
            raise CrmError("That is not a number that can be called back.")
        self.rows[entry.key] = 1
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after < 0:
                raise Killed  # committed, and nobody has been told


def entry(key: str, phone: str = "+17735550188") -> SpoolEntry:
    return SpoolEntry("callback", key, {"key": key, "phone": phone, "reason": "Grüße\n„oil“"})


def machine(url: str) -> type[RuleBasedStateMachine]:
    class Callbacks(RuleBasedStateMachine):
        """Callers ask, stores come and go, the actor is killed; at the end everything is back."""

        def __init__(self) -> None:
            super().__init__()
            self.runner = asyncio.Runner()
            self.folder = Path(tempfile.mkdtemp())
            self.database = Database()
            self.redis_away = self.disk_away = False
            self.promised: set[str] = set()
            with sync_redis.Redis.from_url(url) as client:
                client.flushall()

        def teardown(self) -> None:
            self.runner.close()
            shutil.rmtree(self.folder)

        def run(self, work: Callable[[Spool], Any]) -> Any:
            """Do it in a fresh process, as after a restart of the actor."""

            async def do() -> Any:
                address = "redis://127.0.0.1:9/0" if self.redis_away else url
                client: Redis = make_redis(RedisSettings(url=SecretStr(address), timeout_s=1))
                folder = Path("/dev/null/full") if self.disk_away else self.folder
                try:
                    return await work(Spool(client, folder, "main"))
                finally:
                    await client.aclose()

            return self.runner.run(do())

        @rule(key=st.integers(0, 5).map("CA{}:callback".format))
        def request(self, key: str) -> None:
            try:
                self.run(lambda box: box.keep(entry(key)))
            except NotKept:
                assert self.redis_away and self.disk_away
            else:
                self.promised.add(key)

        @rule(part=st.sampled_from(["database", "redis", "disk"]))
        def toggle(self, part: str) -> None:
            if part == "database":
                self.database.away = not self.database.away
            elif part == "redis":
                self.redis_away = not self.redis_away
            else:
                self.disk_away = not self.disk_away

        @rule()
        def deliver(self) -> None:
            try:
                self.run(lambda box: box.deliver_all(self.database.take_in))
            except StoreUnavailable:
                assert self.database.away

        @rule(after=st.integers(0, 3))
        def deliver_and_be_killed(self, after: int) -> None:
            self.database.kill_after = after
            with contextlib.suppress(StoreUnavailable, Killed):
                self.run(lambda box: box.deliver_all(self.database.take_in))
            self.database.kill_after = None

        @rule()
        def be_killed_while_writing(self) -> None:
            place = self.folder / "main"
            if place.is_dir():
                with (place / "journal.jsonl").open("a") as file:
                    file.write('\n{"kind":"callback","key":"CA9:call')

        @invariant()
        def nothing_is_there_that_nobody_asked_for_or_twice(self) -> None:
            assert set(self.database.rows) <= self.promised
            assert all(count == 1 for count in self.database.rows.values())

        @rule()
        def all_is_well_again(self) -> None:
            self.database.away = self.redis_away = self.disk_away = False
            self.run(lambda box: box.deliver_all(self.database.take_in))
            self.run(lambda box: box.deliver_all(self.database.take_in))
            assert set(self.database.rows) == self.promised
            assert self.run(lambda box: box.deliver_all(self.database.take_in)) == 0

    return Callbacks


def test_a_promised_callback_is_delivered_exactly_once(valkey_url: str) -> None:
    run_state_machine_as_test(
        machine(valkey_url),
        settings=settings(
            max_examples=12,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def box(redis: Redis, tmp_path: Path) -> Spool:
    return Spool(redis, tmp_path, "main")


async def test_an_entry_survives_the_loss_of_either_store(
    box: Spool, redis: Redis, tmp_path: Path
) -> None:
    database = Database()
    await box.keep(entry("one"))
    await redis.flushall()
    await box.deliver_all(database.take_in)
    await box.keep(entry("two"))
    shutil.rmtree(tmp_path / "main")
    await box.deliver_all(database.take_in)
    assert set(database.rows) == {"one", "two"}


async def test_an_entry_the_database_refuses_holds_up_nobody_and_is_set_aside(
    box: Spool, redis: Redis, tmp_path: Path
) -> None:
    database = Database()
    await box.keep(entry("bad", phone="bad"))
    await box.keep(entry("good"))
    await box.deliver_all(database.take_in)
    assert set(database.rows) == {"good"}
    assert '"bad"' in (tmp_path / "main" / "dead_letters.jsonl").read_text()
    assert await redis.llen("otto:spool:{main}:dead") == 1
    assert await redis.llen("otto:spool:{main}") == 0


async def test_entries_kept_while_others_are_delivered_wait_for_the_next_round(
    box: Spool,
) -> None:
    """The journal is moved aside before it is read: nothing is appended to what is deleted."""
    database = Database()

    async def slow(each: SpoolEntry) -> None:
        await database.take_in(each)
        if each.key == "first":
            await box.keep(entry("second"))

    await box.keep(entry("first"))
    await box.deliver_all(slow)
    await box.deliver_all(slow)
    assert set(database.rows) == {"first", "second"}


async def test_the_files_are_for_the_owner_only(box: Spool, tmp_path: Path) -> None:
    await box.keep(entry("one"))
    assert (tmp_path / "main" / "journal.jsonl").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "main").stat().st_mode & 0o777 == 0o700


def line(key: str, phone: str = "+17735550188") -> str:
    return json.dumps(asdict(entry(key, phone)))


async def test_what_waits_under_the_old_names_is_taken_over_once_and_in_order(
    box: Spool, redis: Redis, tmp_path: Path
) -> None:
    await redis.rpush("otto:letters:{main}", line("one"), line("two"))
    await redis.rpush("otto:letters:{main}:refused", line("dead"))
    await redis.rpush("otto:spool:{main}", line("three"))
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "refused.jsonl").write_text(f"{line('dead file')}\n")
    order: list[str] = []

    async def note(each: SpoolEntry) -> None:
        order.append(each.key)

    assert await box.deliver_all(note) == 3
    assert await box.deliver_all(note) == 0
    assert order == ["one", "two", "three"]
    assert await redis.keys("otto:letters:*") == []
    (dead,) = await redis.lrange("otto:spool:{main}:dead", 0, -1)
    assert json.loads(dead)["key"] == "dead"
    assert not (tmp_path / "main" / "refused.jsonl").exists()
    assert "dead file" in (tmp_path / "main" / "dead_letters.jsonl").read_text()


async def test_old_names_are_taken_over_when_redis_is_back(
    box: Spool, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first round finds Redis away; what waits there must not be forgotten for that."""
    await redis.rpush("otto:letters:{main}", line("one"))
    database = Database()
    with monkeypatch.context() as broken:
        broken.setattr(redis, "rpoplpush", AsyncMock(side_effect=RedisConnectionError))
        assert await box.deliver_all(database.take_in) == 0
    assert await box.deliver_all(database.take_in) == 1
    assert set(database.rows) == {"one"}


async def test_a_move_that_was_cut_off_in_the_middle_loses_nothing(
    box: Spool, redis: Redis, tmp_path: Path
) -> None:
    await redis.rpush("otto:letters:{main}", line("one"), line("two"))
    await redis.rpoplpush("otto:letters:{main}", "otto:spool:{main}")  # and then it died
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "refused.jsonl").write_text(f"{line('dead')}\n")
    (tmp_path / "main" / "dead_letters.jsonl").write_text(f"{line('dead')}\n")
    database = Database()
    await Spool(redis, tmp_path, "main").deliver_all(database.take_in)
    assert set(database.rows) == {"one", "two"}
    assert (tmp_path / "main" / "dead_letters.jsonl").read_text().count('"dead"') >= 1


async def test_what_is_purged_is_nowhere_and_the_rest_is_where_it_was(
    redis: Redis, tmp_path: Path
) -> None:
    spool, database = Spool(redis, tmp_path, "main"), Database()
    for key, phone in (("bad", "bad"), ("a", "+17735550142"), ("b", "+17735550143")):
        await spool.keep(entry(key, phone))
        if phone == "bad":
            await spool.deliver_all(database.take_in)  # into the dead letters
    assert {each.key for each in await spool.waiting()} == {"bad", "a", "b"}
    assert await spool.purge(lambda each: each.payload["phone"] in {"bad", "+17735550142"}) == 2
    assert [each.key for each in await spool.waiting()] == ["b"]
    everything = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    everything += [str(await redis.lrange(key, 0, -1)) for key in await redis.keys("*")]
    assert not any("5550142" in text or '"bad"' in text for text in everything)
    assert await spool.deliver_all(database.take_in) >= 1
    assert dict(database.rows) == {"b": 1}


async def test_a_purge_keeps_what_is_being_delivered_readable(redis: Redis, tmp_path: Path) -> None:
    spool, database = Spool(None, tmp_path, "main"), Database()
    for key in ("a", "b", "c"):
        await spool.keep(entry(key))
    database.kill_after = 0
    with contextlib.suppress(Killed):
        await spool.deliver_all(database.take_in)  # leaves the file that was set aside
    assert await spool.purge(lambda each: each.key == "b") == 1
    database.kill_after = None
    await Spool(None, tmp_path, "main").deliver_all(database.take_in)
    assert dict(database.rows) == {"a": 1, "c": 1}
