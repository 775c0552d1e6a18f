"""What else of a stack can be reached, and from where."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from dataclasses import dataclass

import httpx
import psutil

from benchmarks.attack.attack import Attack, Bound, Seen
from benchmarks.attack.target import Target

STEERING = (
    ("GET", "/sandbox/calls"),
    ("POST", "/sandbox/calls"),
    ("GET", "/sandbox/calendar"),
    ("GET", "/sandbox/messages"),
    ("POST", "/sandbox/faults"),
    ("POST", "/sandbox/services"),
    ("PUT", "/sandbox/number"),
)
DASHBOARD = ("/api/version", "/api/jobs/", "/api/serve/applications/", "/nodes?view=summary")


@dataclass(frozen=True, kw_only=True)
class Listening(Attack):
    """Nothing of a stack on one machine listens beyond it."""

    bounds: tuple[Bound, ...] = (Bound("beyond", 0, "ports beyond the loopback"),)

    async def measure(self, target: Target) -> Seen:
        beyond, total = await asyncio.to_thread(self._look, target)
        told = f"{total} ports, {len(beyond)} beyond the loopback"
        return Seen(f"{told}: {', '.join(beyond[:5])}" if beyond else told, {"beyond": len(beyond)})

    def _look(self, target: Target) -> tuple[list[str], int]:
        beyond, total = set(), 0
        for process in [*target.processes(lambda _: True), psutil.Process()]:
            with contextlib.suppress(psutil.Error):
                for connection in process.net_connections("inet"):
                    if connection.status != psutil.CONN_LISTEN:
                        continue
                    total += 1
                    address = ipaddress.ip_address(connection.laddr.ip)
                    mapped = getattr(address, "ipv4_mapped", None)
                    if not (mapped or address).is_loopback:
                        beyond.add(f"{process.name()} {address}:{connection.laddr.port}")
        return sorted(beyond), total


@dataclass(frozen=True, kw_only=True)
class SandboxUnasked(Attack):
    """Another user of the machine steers the sandbox."""

    bounds: tuple[Bound, ...] = (Bound("let_in", 0, "let in"),)

    async def measure(self, target: Target) -> Seen:
        async with target.sandbox(with_token=False) as http:
            statuses = [(await http.request(*way, json={})).status_code for way in STEERING]
        return Seen(
            f"{len(statuses)} requests: HTTP {', '.join(map(str, sorted(set(statuses))))}",
            {"let_in": sum(status not in (401, 403) for status in statuses)},
        )


@dataclass(frozen=True, kw_only=True)
class DashboardUnasked(Attack):
    """Another user of the machine asks Ray's dashboard, which can start programs."""

    bounds: tuple[Bound, ...] = (Bound("let_in", 0, "let in"),)

    async def measure(self, target: Target) -> Seen:
        base = f"http://127.0.0.1:{target.settings.dashboard_port}"
        async with httpx.AsyncClient(base_url=base) as http:
            answers = [await http.get(path) for path in DASHBOARD]
            answers.append(await http.post("/api/jobs/", json={"entrypoint": "id"}))
        return Seen(
            f"{len(answers)} requests: HTTP "
            f"{', '.join(map(str, sorted({each.status_code for each in answers})))}",
            {"let_in": sum(answer.status_code not in (401, 403) for answer in answers)},
        )


ATTACKS: tuple[Attack, ...] = (
    Listening("listening", "ports that other machines can reach"),
    SandboxUnasked("sandbox", "the sandbox's control API without its token"),
    DashboardUnasked("dashboard", "Ray's dashboard without Ray's token"),
)
