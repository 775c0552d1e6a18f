"""A telephone number as a hash: enough to know it again, for what outlives the number itself.

There are too few numbers for a plain hash to hide one, so it is keyed, with a key that the
database made for itself. Whoever has the whole database can still try every number: this keeps
numbers out of lists, exports and logs, not from somebody who has taken the tables.
"""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.storage.tables import NumberHashKeyRow

_KEY = "otto number hash key"


async def hash_number(connection: AsyncConnection, number: str) -> str:
    """HMAC-SHA256 of an E.164 number with this database's key, in hexadecimal."""
    return await keyed_hash(connection, number)


async def keyed_hash(connection: AsyncConnection, secret: str) -> str:
    """The same of anything else that shall be known again and not be read."""
    kept = connection.info  # of the connection to this database, so it outlives the transaction
    if _KEY not in kept:
        kept[_KEY] = await connection.scalar(select(NumberHashKeyRow.key))
    key = kept[_KEY]
    assert key is not None, "the migration makes it"
    return hmac.new(key.encode(), secret.encode(), hashlib.sha256).hexdigest()
