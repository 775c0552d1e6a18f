"""What may happen only so often, codes sent by text, and numbers that want texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CLOCK = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "limit_events",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", "key", name=op.f("pk_limit_events")),
    )
    op.create_index("ix_limit_events_at", "limit_events", ["at"], unique=False)
    op.create_table(
        "text_codes",
        sa.Column("call_sid", sa.String(length=64), nullable=False),
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_try", sa.String(length=64), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_text_codes_tries")),
        sa.PrimaryKeyConstraint("call_sid", name=op.f("pk_text_codes")),
    )
    op.create_table(
        "text_consents",
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column(
            "given_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("number_hash", name=op.f("pk_text_consents")),
    )


def downgrade() -> None:
    op.drop_table("text_consents")
    op.drop_table("text_codes")
    op.drop_index("ix_limit_events_at", table_name="limit_events")
    op.drop_table("limit_events")
