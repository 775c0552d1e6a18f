"""Whole calls in words of the sandbox's callers, on a real PostgreSQL: what a caller thinks of the
call is what is in the tables."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.caller.mind import Mind
from sandbox.caller.personas import persona
from tests.tools.test_calls_in_words import ring

__all__ = ["ring"]

_VISITS = text(
    "SELECT a.id, c.first_name || ' ' || c.last_name AS who,"
    " concat_ws(' ', v.year, v.make, v.model) AS vehicle, array_agg(line.service_code) AS codes"
    " FROM appointments a JOIN appointment_lines line ON line.appointment_id = a.id"
    " JOIN customers c ON c.id = a.customer_id LEFT JOIN vehicles v ON v.id = a.vehicle_id"
    " WHERE a.status = 'booked' GROUP BY a.id, c.id, v.id"
)


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("maria", 1),
        ("several-services", 2),
        ("new-customer", 3),
        ("symptom", 4),
        ("undecided", 5),
        ("rambler", 6),
    ],
)
async def test_who_is_satisfied_has_what_they_wanted_in_the_book(
    ring: Any, engine: AsyncEngine, name: str, seed: int
) -> None:
    who = persona(name, traits={"seed": seed})
    mind, call = Mind(who), ring(who.facts.phone)
    said = call.messages[-1]["content"]
    for _ in range(25):
        reply = mind.hear(said) or mind.waited(3_000)
        if reply is None or not reply.text:
            break
        said = await call.say(reply.text)
        if reply.hang_up:
            break
    assert mind.outcome.is_satisfied, (mind.outcome, said)
    async with engine.connect() as connection:
        (visit,) = (await connection.execute(_VISITS)).mappings().all()
    assert (visit["who"], visit["vehicle"]) == (who.facts.name, who.facts.vehicle)
    wanted = {*who.goal.codes, *who.goal.accepts}
    assert {*visit["codes"]} <= wanted and len(visit["codes"]) == len(who.goal.codes)
