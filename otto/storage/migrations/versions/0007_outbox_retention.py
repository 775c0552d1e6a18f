"""Of what was delivered only ids stay; what waits for a person is told from what is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IDS = "'appointment_id', 'line_id', 'event_id', 'calendar_id'"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("postponed_since", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE outbox SET payload = (SELECT coalesce(jsonb_object_agg(each.key, each.value), '{}')"  # noqa: S608
        f" FROM jsonb_each(payload) AS each WHERE each.key IN ({IDS})) WHERE done_at IS NOT NULL"
    )


def downgrade() -> None:
    """What was emptied stays empty: nothing reads it."""
    op.drop_column("outbox", "postponed_since")
