"""Numbers that do not want to be texted or called, kept as hashes so that they outlive erasure."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.crm.number_hash import hash_number
from otto.storage.tables import OptOutRow

Scope = Literal["texts", "calls"]


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
    wanted = (OptOutRow.number_hash == hashed) & (OptOutRow.scope == scope)
    return await connection.scalar(select(OptOutRow.scope).where(wanted)) is not None
