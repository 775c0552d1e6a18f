"""Those appointments that stand are found by when they end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_appointments_standing",
        "appointments",
        ["location_id", "ends_at"],
        postgresql_where=sa.text("status IN ('booked','arrived')"),
    )


def downgrade() -> None:
    op.drop_index("ix_appointments_standing", "appointments")
