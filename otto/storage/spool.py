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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.clock import utc_now
from otto.storage.errors import StoreUnavailable
from otto.storage.redis import timeout_s_of
from otto.storage.redis_keys import OLD_SPOOL, OLD_SPOOL_DEAD, SPOOL, SPOOL_DEAD

log = structlog.get_logger()

BATCH = 100
_FILES = ("journal.jsonl", "delivering.jsonl", "dead_letters.jsonl")
POLL_S = 1.0
"""Between looks whether anything waits: how long after the database's return it may still wait."""


class NotKept(Exception):
    """Neither Redis nor the disk would take the entry."""


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """`kind` says who takes it in, `key` what makes it one; `payload` is JSON-ready. `kept_at` is
    set by the spool (ISO 8601, UTC); it is empty in entries of release 0.1."""

    kind: str
    key: str
    payload: dict[str, Any]
    kept_at: str = ""


Wanted = Callable[[SpoolEntry], bool]
Deliver = Callable[[SpoolEntry], Awaitable[None]]
"""Takes an entry in, once or again. Raises `StoreUnavailable` while that cannot be."""


class Spool:
    """The spool of one location. One process delivers; any number may keep entries."""

    def __init__(self, redis: Redis | None, folder: Path, location_id: str) -> None:
        self._redis = redis
        self._folder = folder / location_id
        self._keys = SPOOL.of(location_id), SPOOL_DEAD.of(location_id)
        self._old_keys = OLD_SPOOL.of(location_id), OLD_SPOOL_DEAD.of(location_id)
        self._took_old_lists = redis is None
        self._took_old_files = False
        self._timeout_s = timeout_s_of(redis) if redis else None

    async def keep(self, entry: SpoolEntry) -> None:
        """Keep it safely. Raises `NotKept`."""
        entry = replace(entry, kept_at=utc_now().isoformat())
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

    # Looking into it, and removing from it

    async def waiting(self) -> list[SpoolEntry]:
        """What waits here, and what was refused; each once."""
        texts = await asyncio.to_thread(self._read_files, _FILES)
        for key in self._keys:
            texts += await self._read_list(key)
        return [entry for text in dict.fromkeys(texts) if (entry := _read(text)) is not None]

    async def purge(self, unwanted: Wanted, *, dead_only: bool = False) -> int:
        """Remove what `unwanted` says yes to, and what cannot be read any more; returns how many
        entries that were. `dead_only`: only of those that were refused."""
        files, keys = (_FILES[-1:], self._keys[1:]) if dead_only else (_FILES, self._keys)
        gone = set(await asyncio.to_thread(self._purge_files, files, unwanted))
        for key in keys:
            for text in await self._read_list(key):
                if _is_unwanted(text, unwanted):
                    assert self._redis is not None
                    async with asyncio.timeout(self._timeout_s):
                        await self._redis.lrem(key, 0, text)
                    gone.add(text)
        return len(gone)

    async def _read_list(self, key: str) -> list[str]:
        if self._redis is None:
            return []
        async with asyncio.timeout(self._timeout_s):
            texts = await self._redis.lrange(key, 0, -1)
        return [text.decode() if isinstance(text, bytes) else text for text in texts]

    def _read_files(self, names: Sequence[str]) -> list[str]:
        texts: list[str] = []
        for name in names:
            path = self._folder / name
            if path.exists():
                texts += path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [text for text in texts if text.strip()]

    def _purge_files(self, names: Sequence[str], unwanted: Wanted) -> list[str]:
        gone: list[str] = []
        if not self._folder.is_dir():
            return gone
        with self._locked():
            for name in names:
                texts = self._read_files([name])
                unwanted_here = [text for text in texts if _is_unwanted(text, unwanted)]
                if not unwanted_here:
                    continue
                gone += unwanted_here
                kept = "".join(f"\n{text}\n" for text in texts if text not in set(unwanted_here))
                self._replace_file(self._folder / name, kept)
        return gone

    def _replace_file(self, path: Path, text: str) -> None:
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        self._sync_folder()

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
    entry = _read(text)
    if entry is None:
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


def _read(text: str) -> SpoolEntry | None:
    try:
        return SpoolEntry(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _is_unwanted(text: str, unwanted: Wanted) -> bool:
    entry = _read(text)
    return entry is None or unwanted(entry)
