"""What the service desk is told of a call, and when a callback was promised for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("summary", sa.String(500), nullable=True))
    op.add_column("callbacks", sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("callbacks", "promised_at")
    op.drop_column("calls", "summary")
