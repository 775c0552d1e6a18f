"""The spool: what a database that is away will get, kept where it survives until it is back.

An entry is put into Redis and into a journal on this machine's disk, whichever of the two can be
had, both if possible: it is lost only when both are. So it may be delivered twice, and whoever
takes it in must know it again by its key.

    journal.jsonl        one entry a line; appended and synced to the disk before `keep` returns
    delivering.jsonl     the journal, moved aside while its entries are delivered
    dead_letters.jsonl   entries that the database does not want: a person has to look
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from otto.storage.errors import StoreUnavailable
from otto.storage.redis import timeout_s_of
from otto.storage.redis_keys import OLD_SPOOL, OLD_SPOOL_DEAD, SPOOL, SPOOL_DEAD

log = structlog.get_logger()

BATCH = 100
POLL_S = 1.0
"""Between looks whether anything waits: how long after the database's return it may still wait."""


class NotKept(Exception):
    """Neither Redis nor the disk would take the entry."""


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """`kind` says who takes it in, `key` what makes it one; `payload` is JSON-ready."""

    kind: str
    key: str
    payload: dict[str, Any]


Deliver = Callable[[SpoolEntry], Awaitable[None]]
"""Takes an entry in, once or again. Raises `StoreUnavailable` while that cannot be."""


class Spool:
    """The spool of one location. One process delivers; any number may keep entries."""

    def __init__(self, redis: Redis | None, folder: Path, location_id: str) -> None:
        self._redis = redis
        self._folder = folder / location_id
        self._keys = SPOOL % location_id, SPOOL_DEAD % location_id
        self._old_keys = OLD_SPOOL % location_id, OLD_SPOOL_DEAD % location_id
        self._took_old_lists = redis is None
        self._took_old_files = False
        self._timeout_s = timeout_s_of(redis) if redis else None

    async def keep(self, entry: SpoolEntry) -> None:
        """Keep it safely. Raises `NotKept`."""
        text = json.dumps(asdict(entry), ensure_ascii=True, separators=(",", ":"))
        written = await asyncio.gather(
            self._push(text), asyncio.to_thread(self._append, text), return_exceptions=True
        )
        faults = [fault for fault in written if isinstance(fault, BaseException)]
        for fault in faults:
            log.warning("spool_entry_half_kept", kind=entry.kind, error=type(fault).__name__)
        if len(faults) == len(written):
            log.error("spool_entry_not_kept", kind=entry.kind)
            raise NotKept
        log.info("spool_entry_kept", kind=entry.kind)

    async def run(self, deliver: Deliver) -> None:
        """Deliver what waits, until cancelled."""
        while True:
            try:
                await self.deliver_all(deliver)
            except StoreUnavailable:
                log.debug("spool_waits")
            except Exception as error:
                log.error("spool_not_delivered", error=type(error).__name__)
            await asyncio.sleep(POLL_S)

    async def deliver_all(self, deliver: Deliver) -> int:
        """Deliver everything that waits; returns how many entries were taken in.

        Raises `StoreUnavailable` when the database is still away: what was not delivered waits on.
        """
        if not self._took_old_files:
            await asyncio.to_thread(self._take_old_files)
            self._took_old_files = True
        count = await self._deliver_journal(deliver)
        try:
            await self._take_old_lists()
            count += await self._deliver_list(deliver)
        except (RedisError, OSError) as error:
            log.debug("spool_in_redis_unread", error=type(error).__name__)
        return count

    # Redis

    async def _push(self, text: str) -> None:
        if self._redis is None:
            raise NotKept
        async with asyncio.timeout(self._timeout_s):
            await self._redis.rpush(self._keys[0], text)

    async def _deliver_list(self, deliver: Deliver) -> int:
        if self._redis is None:
            return 0
        waiting, dead = self._keys
        count = 0
        while True:
            async with asyncio.timeout(self._timeout_s):
                batch = await self._redis.lrange(waiting, 0, BATCH - 1)
            if not batch:
                return count
            for text in (line.decode() if isinstance(line, bytes) else line for line in batch):
                taken = await _taken(deliver, text)
                count += taken
                async with asyncio.timeout(self._timeout_s):
                    if not taken:
                        await self._redis.rpush(dead, text)
                    await self._redis.lrem(waiting, 1, text)

    async def _take_old_lists(self) -> None:
        """What release 0.1 left under its own keys. Each entry is moved in one step, so none is
        lost wherever this stops, and the older ones stay in front."""
        if self._redis is None or self._took_old_lists:
            return
        for old, new in zip(self._old_keys, self._keys, strict=True):
            moved: object = b""
            while moved is not None:
                async with asyncio.timeout(self._timeout_s):
                    moved = await self._redis.rpoplpush(old, new)
        self._took_old_lists = True

    # Journal

    async def _deliver_journal(self, deliver: Deliver) -> int:
        moved = await asyncio.to_thread(self._set_aside)
        if moved is None:
            return 0
        count = 0
        for text in moved:
            taken = await _taken(deliver, text)
            count += taken
            if not taken:
                await asyncio.to_thread(self._append, text, "dead_letters.jsonl")
        # Only now: should this process die before, all of them are delivered again.
        await asyncio.to_thread((self._folder / "delivering.jsonl").unlink, missing_ok=True)
        return count

    def _append(self, text: str, name: str = "journal.jsonl") -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            path = self._folder / name
            is_new = not path.exists()
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                # A line that a crash cut off in the middle must not swallow this one.
                data = f"\n{text}\n".encode()
                if os.write(descriptor, data) != len(data):
                    raise OSError("the journal took only a part of the entry")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                self._sync_folder()

    def _set_aside(self) -> list[str] | None:
        """The journal's entries, under a name that nobody appends to; None when there are none."""
        journal, moved = self._folder / "journal.jsonl", self._folder / "delivering.jsonl"
        if not self._folder.is_dir():
            return None
        with self._locked():
            if not moved.exists():
                if not journal.exists():
                    return None
                journal.rename(moved)
                self._sync_folder()
        lines = moved.read_text(encoding="utf-8", errors="replace").splitlines()
        return list(dict.fromkeys(line for line in lines if line.strip()))

    def _take_old_files(self) -> None:
        """What release 0.1 left in its file of refused entries."""
        old = self._folder / "refused.jsonl"
        if not old.exists():
            return
        for line in old.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip():
                self._append(line, "dead_letters.jsonl")
        old.unlink()  # only now: should this process die before, a line stands twice

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time, also when a predecessor of this process still writes."""
        with (self._folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def _taken(deliver: Deliver, text: str) -> bool:
    """Deliver one entry; False when it is not wanted, for whatever reason but the database's
    being away. An entry that was cut off while it was written was never promised to anybody."""
    try:
        entry = SpoolEntry(**json.loads(text))
    except (ValueError, TypeError):
        log.error("spool_entry_unreadable")
        return False
    try:
        await deliver(entry)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error("dead_letter", kind=entry.kind, error=type(error).__name__)
        return False
    log.info("spool_entry_delivered", kind=entry.kind)
    return True
