"""What a benchmark reads in Otto's database: who is known, and what Otto says of its turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]

CUSTOMERS = """
SELECT c.first_name, c.last_name, c.phone, c.date_of_birth::text AS date_of_birth,
       min(v.year) AS year, min(v.make) AS make, min(v.model) AS model
FROM customers c JOIN vehicles v ON v.customer_id = c.id
WHERE c.date_of_birth IS NOT NULL
GROUP BY c.id HAVING count(*) = 1 ORDER BY c.id
"""
TURNS = """
SELECT call_sid, "index", latency FROM turns
WHERE call_sid = ANY($1::text[]) AND speaker = 'otto' ORDER BY call_sid, "index"
"""

Json = dict[str, Any]


async def customers(url: str) -> list[Json]:
    """Everybody with exactly one car, as a caller's facts."""
    return [dict(row) for row in await _fetch(url, CUSTOMERS)]


async def stages(url: str, call_sids: Sequence[str]) -> list[Json]:
    """Milliseconds by stage of each of Otto's turns that answered a caller, with the call's sid."""
    rows = await _fetch(url, TURNS, list(call_sids))
    found = [
        {"call_sid": row["call_sid"], "index": row["index"], **json.loads(row["latency"])}
        for row in rows
    ]
    return [each for each in found if "otto_ms" in each]


async def _fetch(url: str, query: str, *arguments: Any) -> list[Any]:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg:", "postgresql:", 1))
    try:
        rows: list[Any] = await connection.fetch(query, *arguments)
        return rows
    finally:
        await connection.close()
