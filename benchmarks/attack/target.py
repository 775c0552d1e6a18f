"""The stack under attack: its addresses, what an honest Twilio would send it, what its processes
have spent. Everything here goes to the loopback.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

import httpx
import psutil
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from benchmarks.chaos.stack_probe import StackProbe
from cluster import processes

SIGNATURE = "X-Twilio-Signature"
FORM = "application/x-www-form-urlencoded"
FORGED = "A" * 27 + "="
"""What looks like a signature."""
HONEST_PROGRAM = Path(__file__).with_name("honest.py")
HONEST_BEFORE_S = 0.5
ANSWER_S = 30.0


class TargetError(Exception):
    """The stack is not as an attack needs it. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request; status 0 when the connection was closed without."""

    status: int
    body: bytes = b""
    took_ms: float = 0.0


@dataclass(slots=True)
class Honest:
    """How signed webhooks fared while an attack went on."""

    took_ms: list[float] = field(default_factory=list)
    failed: int = 0

    def figures(self) -> dict[str, float]:
        """`honest_p95_ms` and `honest_failed`, for bounds."""
        if len(self.took_ms) < 2:
            return {"honest_failed": self.failed + 1}
        p95_ms = quantiles(self.took_ms, n=20, method="inclusive")[-1]
        return {"honest_p95_ms": p95_ms, "honest_failed": self.failed}


class Target:
    """Use `probe` for what a benchmark may do with a stack: calls, rows, actors."""

    def __init__(self, probe: StackProbe) -> None:
        self.probe = probe
        self.settings = probe.settings
        self.host, self.port = probe.settings.host, probe.settings.port
        self._validator = RequestValidator(probe.settings.twilio.auth_token.get_secret_value())

    # What Twilio would say

    def sign(self, path: str, form: Mapping[str, str]) -> str:
        """The signature of a webhook, as Twilio makes it."""
        signature: str = self._validator.compute_signature(
            self.settings.public_origin + path, dict(form)
        )
        return signature

    def sign_upgrade(self) -> str:
        """The signature of a stream's upgrade."""
        signature: str = self._validator.compute_signature(self.settings.stream_url, {})
        return signature

    def webhook(self, path: str, form: Mapping[str, str]) -> bytes:
        """A signed request, as bytes on the wire: what somebody could have captured."""
        return self.request(path, form, self.sign(path, form))

    def request(self, path: str, form: Mapping[str, str], signature: str | None = None) -> bytes:
        """The same with any signature, or none."""
        headers = {"Content-Type": FORM}
        if signature is not None:
            headers[SIGNATURE] = signature
        return self.raw("POST", path, headers, urlencode(form).encode())

    def raw(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
        """Any request at all. Its length is added unless the headers say something."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if body and not {"content-length", "transfer-encoding"} & {h.lower() for h in headers}:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def new_call_sid(self) -> str:
        """One that no call has."""
        return f"CA{secrets.token_hex(16)}"

    # Sending

    async def send(self, request: bytes) -> Answer:
        """One request on a connection of its own."""
        began_s = time.perf_counter()
        data = b""
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(request)
                    await writer.drain()
                    head = await reader.readuntil(b"\r\n\r\n")
                    data = head
                    for line in head.lower().split(b"\r\n"):
                        if line.startswith(b"content-length:"):
                            data += await reader.readexactly(int(line.partition(b":")[2]))
                finally:
                    writer.close()
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            pass
        took_ms = (time.perf_counter() - began_s) * 1000
        status = int(data[9:12]) if data.startswith(b"HTTP/") else 0
        return Answer(status, data.partition(b"\r\n\r\n")[2], took_ms)

    async def flood(self, requests: Collection[bytes], at_once: int = 8) -> list[Answer]:
        """All of them, some at a time."""
        gate = asyncio.Semaphore(at_once)

        async def one(request: bytes) -> Answer:
            async with gate:
                return await self.send(request)

        return await asyncio.gather(*(one(request) for request in requests))

    @asynccontextmanager
    async def honest(self) -> AsyncIterator[Honest]:
        """Signed webhooks, each on a connection of its own, twenty a second, while in here."""
        seen = Honest()
        form = {"CallSid": self.new_call_sid(), "CallStatus": "in-progress"}
        request = base64.b64encode(self.webhook("/twilio/status", form)) + b"\n"
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", str(HONEST_PROGRAM), self.host, str(self.port),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(request)
        try:
            await asyncio.sleep(HONEST_BEFORE_S)
            yield seen
        finally:
            said, _ = await child.communicate(b"")  # whose end is the end
        told = json.loads(said)
        seen.took_ms, seen.failed = told["took_ms"], told["failed"]

    @asynccontextmanager
    async def sandbox(self, with_token: bool) -> AsyncIterator[httpx.AsyncClient]:
        """The sandbox's control API, as its owner or as somebody else on this machine."""
        async with httpx.AsyncClient(
            base_url=self.probe.http.base_url,
            headers={
                k: v
                for k, v in self.probe.http.headers.items()
                if with_token or k != "authorization"
            },
        ) as client:
            yield client

    # What it costs

    def processes(self, is_wanted: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
        """The stack's living processes of a kind."""
        found = []
        for known in processes.tagged(self.probe.stack_id):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(known.pid)
                if is_wanted(process):
                    found.append(process)
        return found

    @asynccontextmanager
    async def metered(
        self, is_wanted: Callable[[psutil.Process], bool] | None = None
    ) -> AsyncIterator[Meter]:
        """What the front door (or other processes) spend while in here."""
        found = await asyncio.to_thread(self.processes, is_wanted or is_front_door)
        if not found:
            raise TargetError("none of the processes to be measured is there")
        meter = Meter(found)
        yield meter
        meter.stop()


class Meter:
    """CPU and memory of some processes, from now on."""

    def __init__(self, found: Collection[psutil.Process]) -> None:
        self._processes = found
        self._cpu_s, self._rss = self._read()
        self.cpu_ms = 0.0
        """Milliseconds, user and system, of all together; after `stop`."""
        self.grown_mb = 0.0

    def stop(self) -> None:
        cpu_s, rss = self._read()
        self.cpu_ms = (cpu_s - self._cpu_s) * 1000
        self.grown_mb = (rss - self._rss) / 2**20

    def _read(self) -> tuple[float, int]:
        cpu_s, rss = 0.0, 0
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s += times.user + times.system
                rss += process.memory_info().rss
        return cpu_s, rss


def is_front_door(process: psutil.Process) -> bool:
    """What a stranger's request passes through: HAProxy and Serve's replicas."""
    return process.name() == "haproxy" or is_replica(process)


def is_replica(process: psutil.Process) -> bool:
    """A process of the ingress."""
    return any("ray::ServeReplica" in part for part in process.cmdline())
