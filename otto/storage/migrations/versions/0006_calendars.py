"""What staff do in the bays' calendars comes back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bay_blocks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("location_id", sa.String(40), nullable=False),
        sa.Column("bay_id", sa.String(40), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("calendar_id", sa.String(250), nullable=False),
        sa.Column("google_event_id", sa.String(1024), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bay_blocks")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_bay_blocks_order")),
        sa.UniqueConstraint(
            "calendar_id", "google_event_id", name=op.f("uq_bay_blocks_calendar_id")
        ),
        sa.ForeignKeyConstraint(
            ["bay_id", "location_id"],
            ["bays.id", "bays.location_id"],
            name=op.f("fk_bay_blocks_bay_id"),
            onupdate="CASCADE",
        ),
    )
    op.create_index(
        "ix_bay_blocks_bay_time",
        "bay_blocks",
        ["bay_id", sa.text("tstzrange(starts_at, ends_at)")],
        postgresql_using="gist",
    )
    op.create_table(
        "calendar_sync",
        sa.Column("calendar_id", sa.String(250), nullable=False),
        sa.Column("sync_token", sa.Text()),
        sa.Column("since", INSTANT),
        sa.Column("synced_at", INSTANT),
        sa.Column("last_error", sa.String(100)),
        sa.Column("channel_id", sa.String(64)),
        sa.Column("channel_resource", sa.String(200)),
        sa.Column("channel_ends_at", INSTANT),
        sa.PrimaryKeyConstraint("calendar_id", name=op.f("pk_calendar_sync")),
        sa.UniqueConstraint("channel_id", name=op.f("uq_calendar_sync_channel_id")),
    )
    op.create_table(
        "calendar_conflicts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("location_id", sa.String(40), nullable=False),
        sa.Column("bay_id", sa.String(40), nullable=False),
        sa.Column("calendar_id", sa.String(250), nullable=False),
        sa.Column("google_event_id", sa.String(1024), nullable=False),
        sa.Column("appointment_id", postgresql.UUID(as_uuid=True)),
        sa.Column("starts_at", INSTANT),
        sa.Column("ends_at", INSTANT),
        sa.Column("found_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_conflicts")),
        sa.CheckConstraint(
            "kind IN ('move_refused','block_over_appointment','deleted','restored')",
            name=op.f("ck_calendar_conflicts_kind"),
        ),
    )
    op.create_index(
        "ix_calendar_conflicts_open",
        "calendar_conflicts",
        ["calendar_id", "google_event_id", "kind"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("calendar_conflicts")
    op.drop_table("calendar_sync")
    op.drop_table("bay_blocks")
