"""With which version of the prompt files a call was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("prompt_version", sa.String(40), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "prompt_version")
