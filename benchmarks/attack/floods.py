"""Requests that nobody signed, in every shape that makes a server work."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.attack.attack import Attack, Bound, Seen
from benchmarks.attack.target import FORGED, FORM, SIGNATURE, Answer, Target

MAX_CPU_MS = 5.0
MAX_HONEST_MS = 100.0
KIB = 1024

HONEST = (
    Bound("honest_p95_ms", MAX_HONEST_MS, "ms for signed webhooks (p95)"),
    Bound("honest_failed", 0, "of them unanswered"),
)


@dataclass(frozen=True, kw_only=True)
class Flood(Attack):
    """The same request again and again, which must cost little and never be answered 2xx."""

    method: str = "POST"
    path: str = "/twilio/voice"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    count: int = 300
    bounds: tuple[Bound, ...] = (
        Bound("cpu_ms", MAX_CPU_MS, "ms of CPU for each"),
        Bound("let_in", 0, "let in"),
        *HONEST,
    )

    async def measure(self, target: Target) -> Seen:
        request = target.raw(self.method, self.path, self.headers, self.body)
        async with target.honest() as honest:
            idle = await self._idle(target)
            async with target.metered() as meter:
                answers = await target.flood([request] * self.count)
                took_s = sum(answer.took_ms for answer in answers) / 1000 / 8
        # What the door spends anyway meanwhile, on the honest webhooks and on itself.
        cpu_ms = max(0.0, meter.cpu_ms - idle * took_s) / self.count
        return Seen(
            answered(answers),
            {
                "cpu_ms": cpu_ms,
                "let_in": sum(200 <= answer.status < 300 for answer in answers),
                **honest.figures(),
            },
        )

    async def _idle(self, target: Target) -> float:
        """Milliseconds of CPU a second with the honest webhooks alone."""
        async with target.metered() as meter:
            await asyncio.sleep(1.0)
        return meter.cpu_ms


def answered(answers: Iterable[Answer]) -> str:
    """Which answers there were, as a few words."""
    found = Counter(answer.status for answer in answers)
    return ", ".join(f"{count} × {status or 'closed'}" for status, count in sorted(found.items()))


FIELDS = {"Content-Type": FORM}
SIGNED = {**FIELDS, SIGNATURE: FORGED}
MANY_FIELDS = b"&".join(b"%x" % number for number in range(17_000))
SHORT = b"CallSid=CA1&From=%2B18155550123"
CHUNKS = b"1\r\nx\r\n" * 8 * KIB + b"0\r\n\r\n"
DIGEST = "/twilio/voice?bodySHA256=" + "0" * 64
LONG_QUERY = "/twilio/voice?" + "q=1&" * 2000
COOKIES = "; ".join(f"c{number}=1" for number in range(1000))
STREAM = "/media/stream"
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip

ATTACKS: tuple[Attack, ...] = (
    Flood("many-fields", "a form of 17,000 fields, not signed", headers=FIELDS, body=MANY_FIELDS),
    Flood("many-fields-forged", "the same, signature made up", headers=SIGNED, body=MANY_FIELDS),
    Flood("unsigned", "a webhook without a signature", headers=FIELDS, body=SHORT),
    Flood("forged", "a webhook, signature made up", headers=SIGNED, body=SHORT),
    Flood("long", "30 KB in one field", headers=SIGNED, body=b"a=" + b"x" * 30 * KIB),
    Flood("escapes", "30 KB of escapes", headers=SIGNED, body=b"a=" + b"%41" * 10 * KIB),
    Flood("not-utf8", "30 KB of what is no text", headers=SIGNED, body=b"a=" + b"%ff" * 10 * KIB),
    Flood("huge-body", "a form of 2 MB", headers=SIGNED, body=b"x" * 2 * KIB * KIB, count=50),
    Flood(
        "chunked", "a body in chunks of one byte",
        headers={**SIGNED, "Transfer-Encoding": "chunked"}, body=CHUNKS,
    ),
    Flood(
        "json", "JSON, its digest in the query", path=DIGEST,
        headers={**SIGNED, "Content-Type": "application/json"}, body=b"[" * 30 * KIB,
    ),
    Flood("query", "2,000 fields in the query", path=LONG_QUERY, headers=SIGNED),
    Flood("huge-header", "a signature of 12 KB", headers={**FIELDS, SIGNATURE: "A" * 12 * KIB}),
    Flood("cookies", "a thousand cookies", headers={**SIGNED, "Cookie": COOKIES}, body=SHORT),
    Flood("wrong-method", "GET of a webhook", method="GET", headers=SIGNED),
    Flood("wrong-path", "a path that is not there", method="GET", path="/.env"),
    Flood("upgrade", "a stream's upgrade, not signed", method="GET", path=STREAM, headers=UPGRADE),
    Flood(
        "upgrade-forged", "the same, signature made up", method="GET", path=STREAM,
        headers={**UPGRADE, SIGNATURE: FORGED},
    ),
)  # fmt: skip
