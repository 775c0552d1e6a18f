"""Erasing a person: whose appointment it was may be forgotten, that a number was erased may not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("appointments", "customer_id", nullable=True)
    op.create_table(
        "number_hash_key",
        sa.Column("is_only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_number_hash_key_is_only")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_number_hash_key")),
    )
    # 244 random bits: PostgreSQL's core makes them without an extension.
    op.execute(
        "INSERT INTO number_hash_key (key)"
        " SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')"
    )
    op.create_table(
        "erasures",
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number_hash", name=op.f("pk_erasures")),
    )
    op.create_table(
        "opt_outs",
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("scope IN ('texts','calls')", name=op.f("ck_opt_outs_scope")),
        sa.PrimaryKeyConstraint("number_hash", "scope", name=op.f("pk_opt_outs")),
    )


def downgrade() -> None:
    """Raises when somebody was erased whose appointments stand: they cannot have them back."""
    op.drop_table("opt_outs")
    op.drop_table("erasures")
    op.drop_table("number_hash_key")
    op.alter_column("appointments", "customer_id", nullable=False)
