"""How PostgreSQL says that it will not take something."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError


def is_refused(error: DBAPIError) -> bool:
    """Whether the database refused the values, and did not merely fail: SQLSTATE classes 22 (data
    exception, as too long a text) and 23 (integrity constraint)."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in {"22", "23"}
