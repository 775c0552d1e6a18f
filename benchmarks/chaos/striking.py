"""Carrying out a strike, and taking it back."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

from actors.call.stream import HOST as STREAM_HOST
from benchmarks.chaos.faults import (
    MEDIA_REPLICA,
    OWN_ACTORS,
    VOICE_REPLICA,
    Freeze,
    Kill,
    Store,
    Strike,
    Vendor,
)
from benchmarks.chaos.stack_probe import Actor, StackProbe, StackProbeError, send_signal


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom a strike hits, found beforehand: asking takes longer than a moment lasts."""

    actors: tuple[Actor, ...] = ()


@dataclass(frozen=True, slots=True)
class Struck:
    """When it struck, and what takes it back (to be awaited; it waits as long as it should, and
    raises StackProbeError when nobody was struck)."""

    at_monotonic_ms: float
    undo: Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Nothing has to be taken back."""


async def aim(probe: StackProbe, strike: Strike | None, sid: str | None) -> Targets:
    """Find whom the strike hits. `sid`: the call whose own actors are meant.

    Raises `StackProbeError`."""
    if not isinstance(strike, Kill | Freeze):
        return Targets()
    living = await probe.actors(strike.actor)
    if strike.actor in (*OWN_ACTORS, MEDIA_REPLICA) and sid is not None:
        call = await probe.serving(sid)
        if call is None:
            raise StackProbeError(f"no call actor says that it serves {sid}")
        living = await _of_call(probe, call, strike.actor, living)
    if not living:
        raise StackProbeError(f"there is no living {strike.actor}")
    if strike.actor == VOICE_REPLICA:
        living = living[:1]  # one of several: that the others answer is what is tried
    return Targets(tuple(living))


async def _of_call(probe: StackProbe, call: Actor, kind: str, living: list[Actor]) -> list[Actor]:
    """Those of the `living` actors of this kind that serve the call."""
    if kind == MEDIA_REPLICA:
        host = probe.settings.link.host
        return [actor for actor in living if is_connected(call.pid, actor.pid, host)]
    if kind == "CallActor":
        return [actor for actor in living if actor.name == call.name]
    # By its stream, not by its name: the call actor may have replaced the one it began with.
    return [actor for actor in living if is_connected(actor.pid, call.pid, STREAM_HOST)]


def is_connected(client_pid: int, server_pid: int, host: str) -> bool:
    """Whether one process is connected to a port on which the other listens, at `host`."""
    try:
        client, server = psutil.Process(client_pid), psutil.Process(server_pid)
        offered = {
            each.laddr
            for each in server.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN and each.laddr.ip == host
        }
        return any(each.raddr in offered for each in client.net_connections("tcp"))
    except psutil.NoSuchProcess:
        return False


async def carry_out(probe: StackProbe, strike: Strike | None, targets: Targets) -> Struck:
    """Strike now. Raises StackProbeError when that is not possible."""
    match strike:
        case None:
            return Struck(_now_ms(), nothing)
        case Kill(_, without):
            undo: Callable[[], Awaitable[None]] = nothing
            if without is not None:
                undo = (await carry_out(probe, without, targets)).undo
            for actor in targets.actors:
                send_signal(actor.pid, signal.SIGKILL)
            return Struck(_now_ms(), undo)
        case Freeze(_, for_s):
            return _freeze(targets, for_s)
        case Vendor():
            return await _vendor(probe, strike)
        case Store(service, action, for_s):
            return await _store(probe, service, action, for_s)


def _freeze(targets: Targets, for_s: float) -> Struck:
    frozen = []
    for actor in targets.actors:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(actor.pid)
            process.suspend()
            frozen.append(process)

    async def thaw() -> None:
        await asyncio.sleep(for_s)
        for process in frozen:
            # It may be dead by now: psutil knows it from another process of the same number.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    return Struck(_now_ms(), thaw)


async def _vendor(probe: StackProbe, strike: Vendor) -> Struck:
    numbers = {"delay_ms": strike.delay_ms}
    if strike.count is not None:
        numbers["count"] = strike.count
    faults = [
        await probe.lay(target, kind, **numbers)
        for target in strike.targets
        for kind in strike.kinds
    ]

    async def lift() -> None:
        await asyncio.sleep(strike.for_s)
        has_bitten = await probe.has_bitten(faults)
        for target in strike.targets:
            await probe.lift(target)
        if not has_bitten:
            raise StackProbeError("nobody met the fault")

    return Struck(_now_ms(), lift)


_UNDO = {"stop": "start", "pause": "resume"}


async def _store(probe: StackProbe, service: str, action: str, for_s: float) -> Struck:
    await probe.service(service, action)

    async def back() -> None:
        await asyncio.sleep(for_s)
        await probe.service(service, _UNDO[action])

    return Struck(_now_ms(), back)


async def anybody(
    probe: StackProbe, strike: Strike | None, calls: list[str], rng: random.Random
) -> Targets:
    """For the storm: an own actor of one of the `calls`, whichever answers."""
    if isinstance(strike, Kill | Freeze) and strike.actor in OWN_ACTORS:
        sids = list(calls)
        rng.shuffle(sids)
        for sid in sids:
            try:
                return await aim(probe, strike, sid)
            except StackProbeError:
                continue
        raise StackProbeError("no call was under way")
    return await aim(probe, strike, None)


def _now_ms() -> float:
    return time.monotonic() * 1000
