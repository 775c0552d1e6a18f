"""Who is meant by a telephone number that several people may have.

A number's *own* person is the one customer who has it; or, where none does, whoever called from it.
Where several customers share it, one of them is named, and of what is kept under the number only
that is theirs which is on record as theirs: the rest may be any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.crm.names import is_one_person
from otto.crm.verification import Candidate, candidates_at, having
from otto.storage.errors import CrmError
from otto.storage.tables import CustomerPhoneRow, CustomerRow


class WhichPerson(CrmError):
    """Several customers have the number, or none of those who have it is the one that was named."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which of those who have a number is meant: by name (first and last, in any spelling that
    differs in accents, case and script alone) or by the customer's id; neither: the only one."""

    name: str | None = None
    customer_id: int | None = None

    @property
    def is_given(self) -> bool:
        return self.name is not None or self.customer_id is not None

    def means(self, candidate: Candidate) -> bool:
        if self.customer_id is not None and candidate.id != self.customer_id:
            return False
        return self.name is None or is_one_person((self.name, ""), candidate.name)


THE_ONLY_ONE = Which()


@dataclass(frozen=True, slots=True)
class Person:
    """`customer_id`: None for somebody who is no customer. Numbers are E.164."""

    customer_id: int | None
    own: frozenset[str]
    """Numbers that no other customer has."""
    shared: frozenset[str] = frozenset()
    """Numbers that others have, too."""

    @property
    def numbers(self) -> frozenset[str]:
        return self.own | self.shared

    def is_theirs(
        self, customer_id: int | None, *numbers: str | None, doubtful: bool = False
    ) -> bool:
        """Whether something kept under these numbers, with that customer, is about the person.
        `doubtful`: the answer for what is under a number that they share and nobody's on record.
        """
        if customer_id is not None and customer_id == self.customer_id:
            return True
        if not self.own.isdisjoint(filter(None, numbers)):
            return True
        is_shared = not self.shared.isdisjoint(filter(None, numbers))
        return doubtful and is_shared and customer_id is None


async def person_at(connection: AsyncConnection, number: str, which: Which) -> Person:
    """The person meant. Raises `WhichPerson`, whose sentence names nobody."""
    candidates = await candidates_at(connection, number)
    if not candidates and not which.is_given:
        return Person(None, frozenset({number}))
    meant = [one for one in candidates if which.means(one)]
    if len(meant) != 1:
        ids = ", ".join(str(one.id) for one in candidates) or "none"
        raise WhichPerson(
            f"{len(candidates)} customers have this number, and {len(meant)} of them are meant: "
            f"say which one by --name or --id ({ids})"
        )
    customer_id = meant[0].id
    first = select(CustomerRow.phone).where(CustomerRow.id == customer_id)
    further = select(CustomerPhoneRow.phone).where(CustomerPhoneRow.customer_id == customer_id)
    numbers = {number, *await connection.scalars(first), *await connection.scalars(further)}
    shared = set()
    for each in numbers:
        if {*await connection.scalars(having(each))} - {customer_id}:
            shared.add(each)
    return Person(customer_id, frozenset(numbers - shared), frozenset(shared))
