"""Keeps one call's session in the store, whether the store is there or not.

A call never waits for its session to be written. It is written in the background: one write
at a time, always the latest state, again and again with growing pauses while the store is away.
Until it is back the call goes on from memory.

The *epoch* says whose session it is. It is chosen here, from the wall clock, so the owner knows
it even when the store could not be asked:

    opened while the store is there    a later epoch than any before: older owners are fenced
    opened while it is away            the epoch is kept and used for the first write that works;
                                       somebody who has opened the session since has a later one,
                                       and this owner is fenced then
    the store comes back empty         the first to write sets its epoch; older ones stay fenced

The *line* is given each state first. Whoever holds the telephone line hands the last one to the
call's next owner, who may find the store away.
"""

from __future__ import annotations

import asyncio
import json
import random
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

from otto.dialogue.session.store import Fenced, Sessions, wall_clock_us
from otto.language.characters import to_json

log = structlog.get_logger()

RETRY_FIRST_S = 0.25
RETRY_MAX_S = 2.0
"""So that a store that is back is noticed within seconds, and not hammered while it is not."""
CANCEL_AGAIN_S = 0.1
RETRY_JITTER = 0.25
"""Share of a pause that is random: a hundred calls must not all come back at the same moment."""

StateOf = Callable[[], dict[str, Any]]


class Found(NamedTuple):
    """What there was of a session: how many owners the call has had, the new one included, its
    later state, if any, and for how many seconds that had not been written (None: nobody knows)."""

    owners: int
    state: dict[str, Any] | None
    age_s: float | None


class SessionWriter:
    """`open` once, `changed` as often as anything changes, `close` at the end.

    `on_line` gets each state, in the form that `open` takes.
    """

    def __init__(
        self,
        sessions: Sessions,
        call_sid: str,
        on_line: Callable[[bytes], None],
        clock_us: Callable[[], int] = wall_clock_us,
    ) -> None:
        self._sessions = sessions
        self._call_sid = call_sid
        self._on_line = on_line
        self._epoch = clock_us()
        self._state_of: StateOf | None = None
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_fenced: Callable[[], None] = lambda: None
        """Called once, when a write shows that somebody else has the call by now."""
        self.fenced = False
        """Another owner has the call: nothing of this one counts any more."""
        self.away = False
        """The last attempt to reach the store failed."""

    async def open(self, checkpoint: bytes = b"") -> Found:
        """Take the session over; never raises, and waits no longer than the store's timeout.

        `checkpoint` is the line's copy; the later state of the two counts.
        """
        stored: dict[str, Any] | None = None
        age_s: float | None = None
        try:
            self._epoch, stored, age_s = await self._sessions.open(self._call_sid, self._epoch)
        except Exception as error:
            self.away = True
            log.warning("session_store_away", error=type(error).__name__)
        saved = max(stored, _unpacked(checkpoint), key=_age)
        self._task = asyncio.create_task(self._keep_writing())
        owners = _age(saved)[0] + 1
        return Found(owners, saved, age_s if saved is stored else None)

    def changed(self, state_of: StateOf) -> None:
        """The state is another one now. `state_of` is asked for it when it can be written."""
        self._state_of = state_of
        self._wanted.set()
        if self.away:
            self._on_line(_packed(state_of()))  # no write is near

    async def close(self) -> None:
        """Write the last state, with one attempt, and stop. Does nothing when fenced."""
        while self._task is not None and not self._task.done():
            # More than once: `asyncio.wait_for`, inside the store's client, loses a cancellation
            # that comes at the very moment of its result.
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_AGAIN_S)
        if not self.fenced:
            await self._write()

    async def _keep_writing(self) -> None:
        while not self.fenced:
            await self._wanted.wait()
            pause_s = RETRY_FIRST_S
            while True:
                self._wanted.clear()
                if await self._write():
                    break
                await asyncio.sleep(pause_s * (1 - RETRY_JITTER * random.random()))
                pause_s = min(pause_s * 2, RETRY_MAX_S)

    async def _write(self) -> bool:
        """Whether nothing is left to be written."""
        if self._state_of is None:
            return True
        state = self._state_of()
        self._on_line(_packed(state))
        try:
            await self._sessions.commit(self._call_sid, self._epoch, state)
        except Fenced:
            log.warning("session_fenced", epoch=self._epoch)
            self.fenced = True
            self.on_fenced()
        except Exception as error:
            if not self.away:
                log.warning("session_not_written", error=type(error).__name__)
            self.away = True
            return False
        if self.away:
            self.away = False
            log.info("session_store_back")
        return True


def _age(state: dict[str, Any] | None) -> tuple[int, int]:
    """By what the later one of two states of a call is told."""
    epoch, revision = (state or {}).get("epoch"), (state or {}).get("revision")
    return (
        epoch if isinstance(epoch, int) else 0,
        revision if isinstance(revision, int) else 0,
    )


def _packed(state: dict[str, Any]) -> bytes:
    return zlib.compress(to_json(state).encode(), level=1)


def _unpacked(checkpoint: bytes) -> dict[str, Any] | None:
    if not checkpoint:
        return None
    try:
        state = json.loads(zlib.decompress(checkpoint))
    except (ValueError, zlib.error):
        state = None
    if not isinstance(state, dict):
        log.error("checkpoint_unreadable")
        return None
    return state
