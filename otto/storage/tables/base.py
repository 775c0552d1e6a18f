"""What every table is made of: names of constraints, types, lengths in characters."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from otto.storage.clock import NOW

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


E164 = r"'^\+[1-9][0-9]{6,14}$'"
"""What a telephone number must look like, as a literal of PostgreSQL."""
PHONE_LENGTH = 16
KEY_LENGTH = 200
SID_LENGTH = 64
NAME_LENGTH = 60
NOTES_LENGTH = 500


class Base(DeclarativeBase):
    """All tables of Otto."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


def filled_now() -> Mapped[datetime]:
    """A column that is given the time of its transaction."""
    return mapped_column(server_default=NOW)
