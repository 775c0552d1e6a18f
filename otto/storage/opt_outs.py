"""Numbers that do not want to be texted or called, kept as hashes so that they outlive erasure."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Exists, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.storage.number_hash import hash_number
from otto.storage.tables import OptOutRow

Scope = Literal["texts", "calls"]
SCOPES: tuple[Scope, ...] = ("texts", "calls")


async def opt_out(connection: AsyncConnection, number: str, scope: Scope, source: str) -> None:
    """Note that an E.164 number opts out; a repeat changes nothing. `source` is no personal data,
    40 characters at most."""
    await connection.execute(
        insert(OptOutRow)
        .values(number_hash=await hash_number(connection, number), scope=scope, source=source)
        .on_conflict_do_nothing()
    )


async def has_opted_out(connection: AsyncConnection, number: str, scope: Scope) -> bool:
    """Whether the number must not be reached in this way."""
    hashed = await hash_number(connection, number)
    return bool(await connection.scalar(select(opted_out(hashed, scope))))


def opted_out(number_hash: str, scope: Scope) -> Exists:
    """The same, for a query."""
    return exists().where(OptOutRow.number_hash == number_hash, OptOutRow.scope == scope)
