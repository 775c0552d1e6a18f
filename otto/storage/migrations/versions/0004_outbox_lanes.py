"""Claiming from a long outbox without reading all of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITS = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_outbox_waiting", "outbox", ["kind", "id"], postgresql_where=WAITS)
    op.create_index(
        "ix_outbox_event",
        "outbox",
        [sa.text("(payload->>'event_id')"), "id"],
        postgresql_where=WAITS,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_event", table_name="outbox", postgresql_where=WAITS)
    op.drop_index("ix_outbox_waiting", table_name="outbox", postgresql_where=WAITS)
