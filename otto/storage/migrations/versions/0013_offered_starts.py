"""Starts that callers are considering."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offered_starts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("location_id", sa.String(40), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("call_sid", sa.String(64), nullable=False),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offered_starts")),
        prefixes=["UNLOGGED"],
    )
    for columns in (["location_id", "starts_at"], ["call_sid"], ["offered_until"]):
        name = op.f(f"ix_offered_starts_{'_'.join(columns)}")
        op.create_index(name, "offered_starts", columns)


def downgrade() -> None:
    op.drop_table("offered_starts")
