"""Repair orders, for a dealership whose own system Otto is not connected with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repair_orders",
        sa.Column("location_id", sa.String(40), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("vehicle_id", sa.BigInteger(), nullable=False),
        sa.Column("appointment_id", sa.UUID(), nullable=True),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_item", sa.String(120), nullable=True),
        sa.Column("approval_cents", sa.Integer(), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.CheckConstraint(r"number ~ '^[A-Z0-9][A-Z0-9-]*$'", op.f("ck_repair_orders_number")),
        sa.CheckConstraint(
            "status IN ('open','in_progress','waiting_for_parts','waiting_for_approval','ready',"
            "'closed')",
            op.f("ck_repair_orders_status"),
        ),
        sa.CheckConstraint(
            "(status = 'waiting_for_approval') = (approval_item IS NOT NULL)",
            op.f("ck_repair_orders_approval"),
        ),
        sa.CheckConstraint("length(approval_item) > 0", op.f("ck_repair_orders_approval_item")),
        sa.CheckConstraint(
            "approval_cents >= 0 AND approval_item IS NOT NULL OR approval_cents IS NULL",
            op.f("ck_repair_orders_approval_cents"),
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_id", "customer_id"],
            ["vehicles.id", "vehicles.customer_id"],
            name=op.f("fk_repair_orders_vehicle_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_repair_orders_appointment_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("location_id", "number", name=op.f("pk_repair_orders")),
    )
    op.create_index("ix_repair_orders_customer_id", "repair_orders", ["customer_id"])
    op.create_index("ix_repair_orders_appointment_id", "repair_orders", ["appointment_id"])


def downgrade() -> None:
    op.drop_table("repair_orders")
