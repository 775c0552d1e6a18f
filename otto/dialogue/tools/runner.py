"""Running the tools of one round, one after the other: none is cancelled once it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from otto.dialogue.session.state import Directive, Ending
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall

log = structlog.get_logger()

TOOL_TASK = "tool"
"""The name of tasks that may have side effects: they are waited for, never just cancelled."""
_ENDINGS = {
    "end_call": Ending(Directive.HANG_UP, "done"),
    "transfer_to_person": Ending(Directive.TRANSFER, "transferred"),
}

Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


def ending_of(call: ToolCall, result: dict[str, Any]) -> Ending | None:
    """How the call ends after this tool; None: it goes on."""
    return None if result["status"] == "error" else _ENDINGS.get(call.name)


class ToolRunner:
    """Runs what a toolbox holds, each for `timeout_s` at most as far as the answer waits for it."""

    def __init__(self, toolbox: Toolbox, spawn: Spawn, timeout_s: float) -> None:
        self._toolbox = toolbox
        self._spawn = spawn
        self._timeout_s = timeout_s

    async def run(self, call: ToolCall) -> dict[str, Any]:
        """The result. A tool that takes too long goes on by itself: it may have side effects."""
        task = self._spawn(self._toolbox.run(call), TOOL_TASK)
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if done:
            found: dict[str, Any] = task.result()
            return found
        log.error("tool_timeout", tool=call.name)
        return {
            "status": "error",
            "message": "I'm sorry, this is taking too long.",
            "advice": "It may still go through. Offer to connect a person.",
        }
