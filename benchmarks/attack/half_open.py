"""Connections that begin a request and never finish it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections import Counter
from dataclasses import dataclass

from benchmarks.attack.attack import Attack, Bound, Seen
from benchmarks.attack.floods import HONEST
from benchmarks.attack.target import FORGED, FORM, SIGNATURE, Target, TargetError

PATIENCE_S = 20.0
"""After that our side gives up: they were not closed."""
CLOSED = Bound("closed_after_s", 10.0, "s until all of them are closed")
DESCRIPTORS_BESIDE = 500


@dataclass(frozen=True, kw_only=True)
class HalfOpen(Attack):
    """Many connections that send `begin` at once and then `drip` again and again."""

    count: int = 5000
    begin: bytes = b""
    drip: bytes = b""
    drip_every_s: float = 1.0
    bounds: tuple[Bound, ...] = (*HONEST, CLOSED)

    async def measure(self, target: Target) -> Seen:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < self.count + DESCRIPTORS_BESIDE:
            raise TargetError(f"{self.count} connections need more descriptors (ulimit -n {hard})")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        began_s = time.monotonic()
        gate = asyncio.Semaphore(200)
        async with target.metered() as meter, target.honest() as honest:
            ends = await asyncio.gather(
                *(self._hold(target, gate, began_s + PATIENCE_S) for _ in range(self.count))
            )
        closed_s = [at - began_s for status, at in ends if status >= 0]
        figures = {**honest.figures(), "cpu_ms": meter.cpu_ms / self.count}
        if len(closed_s) == self.count:
            figures["closed_after_s"] = max(closed_s)
        counts = Counter(status for status, _ in ends)
        words = {-1: "left open", 0: "closed"}
        told = ", ".join(f"{n} × {words.get(s, s)}" for s, n in sorted(counts.items()))
        return Seen(told, figures)

    async def _hold(
        self, target: Target, gate: asyncio.Semaphore, until_s: float
    ) -> tuple[int, float]:
        """The status that came (0: only closed; -1: neither) and when."""
        status = -1
        try:
            async with gate:
                reader, writer = await asyncio.open_connection(target.host, target.port)
                writer.write(self.begin)
        except OSError:
            return 0, time.monotonic()
        dripping = asyncio.create_task(self._drip(writer))
        try:
            async with asyncio.timeout(until_s - time.monotonic()):
                head = await reader.read(64)
                status = int(head[9:12]) if head.startswith(b"HTTP/") else 0
                while await reader.read(4096):
                    pass
        except TimeoutError:
            status = -1
        except (OSError, ValueError):
            status = max(status, 0)
        finally:
            dripping.cancel()
            writer.close()
        return status, time.monotonic()

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while self.drip:
                await asyncio.sleep(self.drip_every_s)
                writer.write(self.drip)
                await writer.drain()


def _head(*lines: str) -> bytes:
    return "\r\n".join(["POST /twilio/voice HTTP/1.1", "Host: otto", *lines]).encode()


_FORM = (f"Content-Type: {FORM}", f"{SIGNATURE}: {FORGED}")

ATTACKS: tuple[Attack, ...] = (
    HalfOpen("half-headers", "5,000 requests whose headers never end", begin=_head("X-A: b")),
    HalfOpen(
        "dripping-headers", "1,000 that send another header every second",
        count=1000, begin=_head(""), drip=b"X-A: b\r\n",
    ),
    HalfOpen("silent", "5,000 connections that say nothing"),
    HalfOpen(
        "slow-bodies", "450 bodies that come byte by byte", count=450,
        begin=_head(*_FORM, "Content-Length: 20000", "", "a"), drip=b"a",
    ),
    HalfOpen(
        "slow-bodies-unsigned", "the same without a signature", count=450,
        begin=_head(_FORM[0], "Content-Length: 20000", "", "a"), drip=b"a",
    ),
    HalfOpen(
        "slow-chunks", "450 bodies in chunks, byte by byte", count=450,
        begin=_head(*_FORM, "Transfer-Encoding: chunked", "", "1\r\na\r\n"), drip=b"1\r\na\r\n",
    ),
    HalfOpen(
        "slow-long-bodies", "450 bodies that are half there", count=450,
        begin=_head(*_FORM, "Content-Length: 30000", "", "a" * 20_000), drip=b"a",
    ),
)  # fmt: skip
