"""Whom of those who have a number the caller's proof fits.

A family shares a telephone, so a number may have several *candidates*. What is claimed has to fit
one of them entirely: facts of two people never add up. Where it fits two, as a date of birth fits
twins, the name decides.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select, union
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.crm.customers import IdentityClaim
from otto.crm.names import can_be, folded, is_one_person
from otto.crm.proof import is_enough
from otto.language.vin import VinError, normalise_vin_tail
from otto.storage.tables import CustomerPhoneRow, CustomerRow, VehicleRow


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who has the number, with what verifies them."""

    id: int
    first_name: str
    last_name: str
    born: date | None
    vin_tails: tuple[str, ...]

    @property
    def name(self) -> tuple[str, str]:
        return self.first_name, self.last_name


_NOBODY = Candidate(0, "", "", None, ())
"""Compared with where nobody has the number, so that it takes the same path."""


def having(phone: str) -> Select[tuple[int]]:
    """The ids of the customers who have an E.164 number, as their first or as a further one."""
    theirs = union(
        select(CustomerRow.id).where(CustomerRow.phone == phone),
        select(CustomerPhoneRow.customer_id).where(CustomerPhoneRow.phone == phone),
    ).subquery()
    return select(theirs.c.id)


async def candidates_at(connection: AsyncConnection, phone: str) -> tuple[Candidate, ...]:
    """Everybody who has the number, in the order in which they were recorded."""
    tails = (
        select(func.array_agg(aggregate_order_by(func.right(VehicleRow.vin, 6), VehicleRow.id)))
        .where(VehicleRow.customer_id == CustomerRow.id, VehicleRow.vin.is_not(None))
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(
            CustomerRow.id,
            CustomerRow.first_name,
            CustomerRow.last_name,
            CustomerRow.date_of_birth,
            tails,
        )
        .where(CustomerRow.id.in_(having(phone)))
        .order_by(CustomerRow.id)
    )
    return tuple(
        Candidate(who, first, last, born, tuple(vins or ()))
        for who, first, last, born, vins in rows
    )


def who_fits(claim: IdentityClaim, candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """The ids of those whom everything claimed fits; none when it is not enough to prove anything.

    Of several, those whose name is the one said; and one who is on record twice, with the same name
    and date of birth, is the one who was there first.
    """
    # Everything is compared: how long it takes does not tell what fits.
    fitting = [one for one in candidates or (_NOBODY,) if _fits(claim, one)]
    if not is_enough(claim.facts, has_number=claim.has_number):
        return ()
    said = claim.first_name or "", claim.last_name or ""
    named = [one for one in fitting if is_one_person(said, one.name)] or fitting
    first = named[:1]
    if all((folded("".join(one.name)), one.born) == _whole(first[0]) for one in named):
        named = first
    return tuple(one.id for one in named)


def _whole(candidate: Candidate) -> tuple[str, date | None]:
    return folded("".join(candidate.name)), candidate.born


def _fits(claim: IdentityClaim, candidate: Candidate) -> bool:
    answers = [candidate is not _NOBODY]
    if claim.date_of_birth is not None:
        born = candidate.born.isoformat() if candidate.born else ""
        answers.append(_same(claim.date_of_birth.isoformat(), born))
    if claim.vin_last_six is not None:
        try:
            given = normalise_vin_tail(claim.vin_last_six)
        except VinError:
            given = "?"
        answers.append(sum(_same(given, tail) for tail in candidate.vin_tails) > 0)
    if claim.first_name is not None or claim.last_name is not None:
        answers.append(can_be((claim.first_name, claim.last_name), candidate.name))
    return all(answers)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
