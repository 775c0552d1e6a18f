"""The same clock in SQL: two functions of the database that show what `config.clock` does.

`otto_now()` is the time of the transaction, as `now()` is, and `otto_clock()` that of the moment,
as `clock_timestamp()` is. Both add what the transaction was told of a pinned clock; where the clock
is the machine's, nobody tells anything, and they are PostgreSQL's own: the planner inlines them.
"""

from __future__ import annotations

from sqlalchemy import Connection, DateTime, event, func
from sqlalchemy.ext.asyncio import AsyncEngine

from config import clock

SETTING = "otto.clock_ahead"
"""Of a transaction: an interval."""
NOW = func.otto_now(type_=DateTime(timezone=True))
"""The time of the transaction."""
CLOCK = func.otto_clock(type_=DateTime(timezone=True))
"""The time of the moment."""


def keep_time(engine: AsyncEngine) -> None:
    """Have every transaction of `engine` go by this process' clock, if that is not the machine's.

    It is told at the beginning of each, which a pooler can do with, and which follows a clock that
    does not run evenly.
    """
    if not clock.is_pinned():
        return

    def begun(connection: Connection) -> None:
        ahead_s = clock.ahead().total_seconds()
        connection.exec_driver_sql(f"SELECT set_config('{SETTING}', '{ahead_s:.6f} s', true)")

    event.listen(engine.sync_engine, "begin", begun)
