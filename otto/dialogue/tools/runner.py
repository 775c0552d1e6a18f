"""Running the tools of one round, one after the other: none is cancelled once it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from functools import partial
from typing import Any

import structlog

from otto.dialogue.session.state import Session
from otto.dialogue.tools.outcome import Finished, Late
from otto.dialogue.tools.results import TAKES_TOO_LONG, Result
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall

log = structlog.get_logger()

TOOL_TASK = "tool"
"""The name of tasks that may have side effects: they are waited for, never just cancelled."""

LATEST_S = 30.0
"""A tool that goes on after the call is waited for so long: what it comes to is in the record."""

Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


class ToolRunner:
    """Runs what a toolbox holds, each for `timeout_s` at most as far as the answer waits for it.

    A tool that takes longer goes on by itself, for it may have side effects; `on_late` is called
    with what is left of it when it is done.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        session: Session,
        spawn: Spawn,
        timeout_s: float,
        on_late: Callable[[ToolCall, Late], None],
    ) -> None:
        self._toolbox = toolbox
        self._session = session
        self._spawn = spawn
        self._timeout_s = timeout_s
        self._on_late = on_late

    async def run(self, call: ToolCall) -> Result:
        """The result, applied to the session; or that it takes too long."""
        task = self._spawn(self._toolbox.work(call), TOOL_TASK)
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if done:
            finished: Finished = task.result()
            return finished.settle(self._session)
        log.error("tool_timeout", tool=call.name)
        if self._toolbox.may_have_effect(call):
            self._session.outstanding.append(asdict(call))
        task.add_done_callback(partial(self._late, call))
        return dict(TAKES_TOO_LONG)

    def take_over(self) -> None:
        """Find out what came of the tools that took too long for another owner of the call: each
        is asked for again, under the same key, and waited for by nobody."""
        for each in self._session.outstanding:
            call = ToolCall(**each)
            task = self._spawn(self._toolbox.work(call), TOOL_TASK)
            task.add_done_callback(partial(self._late, call))

    def _late(self, call: ToolCall, task: asyncio.Task[Finished]) -> None:
        if not task.cancelled():
            session = self._session
            session.outstanding = [each for each in session.outstanding if each["id"] != call.id]
            self._on_late(call, task.result().outcome.late(session))
