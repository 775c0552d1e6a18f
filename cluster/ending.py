"""Ending a stack whose owner is gone, or from another process than its owner's."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from cluster import processes, record
from cluster.errors import StackError
from cluster.record import StackRecord
from config.sandbox_endpoints import FILE as SANDBOX_FILE
from config.settings import STATE_DIR

STOP_GRACE_S = 8.0
OWNER_GRACE_S = 45.0
"""How long `otto down` waits for `otto up` to end its stack in order."""
WIND_UP_S = 15.0
"""For calls that were asked to end: the apology is spoken, and Twilio asks what comes next."""
ASK_AGAIN_S = 0.5


def sweep(stack: StackRecord, state_dir: Path) -> int:
    """End whatever is left of a stack whose owner is gone or is this process; returns how many
    processes there were. Raises StackError when some cannot be ended."""
    found = {p for p in stack.processes if processes.is_alive(p)}
    found |= processes.tagged(stack.stack_id)
    # Ray's agents notice the death of the raylet by themselves, so first the chance to.
    left = processes.end(found, STOP_GRACE_S)
    left |= processes.end(processes.tagged(stack.stack_id), STOP_GRACE_S)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise StackError(f"these processes could not be ended (not yours?): {pids}")
    for name in (record.FILE, SANDBOX_FILE):
        (state_dir / name).unlink(missing_ok=True)
    return len(found)


def end_from_outside(state_dir: Path = STATE_DIR, *, now: bool = False) -> str:
    """What `otto down` does; returns a sentence saying what was ended. Calls in progress may go
    on for as long as the stack's owner lets them, unless `now`."""
    found = record.load(state_dir)
    if found is None:
        return "nothing is running here"
    was_running = found.is_running
    if was_running and found.owner.pid != os.getpid():
        os.kill(found.owner.pid, signal.SIGTERM)
        left = {found.owner}
        if now:  # the second time it does not wait for calls
            left = processes.wait_gone(left, ASK_AGAIN_S)
            if left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.owner.pid, signal.SIGTERM)
        patience_s = OWNER_GRACE_S + (0 if now else found.drain_s + WIND_UP_S)
        if processes.wait_gone(left, patience_s):
            processes.end([found.owner], 0.0)
    # Written again meanwhile, perhaps with processes we have not seen.
    left_over = sweep(record.load(state_dir) or found, state_dir)
    if was_running:
        return "the stack has ended"
    return (
        f"a crashed stack was cleared away ({left_over} processes)"
        if left_over
        else "nothing was left"
    )
