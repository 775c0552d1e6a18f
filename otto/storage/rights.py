"""What PostgreSQL's roles may do with Otto's tables: given with every migration, and looked at.

`sql/roles.sql` makes the roles and is run by hand, for that takes an administrator;
`sql/grants.sql` gives them their rights and is run by the tables' owner, after the migrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from otto.storage.tables import Base

_SQL = Path(__file__).with_name("sql")
_HAS_ROLES = text("SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('otto_app', 'otto_read')")
_OWNS = text(
    "SELECT coalesce(bool_and(pg_has_role(current_user, relowner, 'USAGE')), false) FROM pg_class"
    " WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)"
)
_FACTS = text(
    """
    SELECT current_user AS name, rolsuper AS is_superuser,
        coalesce((SELECT bool_or(pg_has_role(current_user, relowner, 'USAGE')) FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)), false)
            AS owns_tables,
        ARRAY(SELECT relname::text FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)
              AND NOT has_table_privilege(oid, 'SELECT') ORDER BY relname) AS closed
    FROM pg_roles WHERE rolname = current_user
    """
)


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What a role is, seen by itself."""

    name: str
    is_superuser: bool
    owns_tables: bool
    """It may change and drop them."""
    closed: tuple[str, ...]
    """Tables of ours that it may not even read."""

    @property
    def is_too_mighty(self) -> bool:
        """Whether whoever gets hold of it can do more than read and write rows."""
        return self.is_superuser or self.owns_tables


def roles_sql() -> str:
    """What an administrator runs once, as a script for psql."""
    return (_SQL / "roles.sql").read_text(encoding="utf-8")


def give_rights(connection: Connection) -> bool:
    """Give `otto_app` and `otto_read` what they need, in the connection's transaction; False where
    they do not exist, or the tables are not this role's."""
    owned = {"tables": list(Base.metadata.tables)}
    if not connection.scalar(_HAS_ROLES) or not connection.scalar(_OWNS, owned):
        return False
    for statement in _statements((_SQL / "grants.sql").read_text(encoding="utf-8")):
        connection.exec_driver_sql(statement)
    return True


async def role_facts(connection: AsyncConnection) -> RoleFacts:
    """About the role that the connection signed in with."""
    row = (await connection.execute(_FACTS, {"tables": list(Base.metadata.tables)})).one()
    return RoleFacts(row.name, row.is_superuser, row.owns_tables, tuple(row.closed))


def _statements(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("--")]
    return [each.strip() for each in "\n".join(lines).split(";") if each.strip()]
