"""People share a telephone and have several; one name is a name; e-mail and mileage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from otto.storage.errors import MigrationStopped

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SHARED = "SELECT phone FROM customers GROUP BY phone HAVING count(*) > 1"


def upgrade() -> None:
    op.drop_constraint(op.f("uq_customers_phone"), "customers", type_="unique")
    op.create_index("ix_customers_phone", "customers", ["phone"])
    op.drop_constraint(op.f("ck_customers_last_name"), "customers", type_="check")
    op.create_check_constraint(
        op.f("ck_customers_last_name"), "customers", "length(last_name) <= 60"
    )
    op.add_column("customers", sa.Column("email", sa.String(254)))
    op.add_column("vehicles", sa.Column("mileage", sa.Integer()))
    op.create_check_constraint(
        op.f("ck_vehicles_mileage"), "vehicles", "mileage BETWEEN 0 AND 2000000"
    )
    op.create_table(
        "customer_phones",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.String(16), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("customer_id", "phone", name=op.f("pk_customer_phones")),
        sa.CheckConstraint(
            r"phone ~ '^\+[1-9][0-9]{6,14}$'", name=op.f("ck_customer_phones_phone")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_phones_customer_id"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_customer_phones_phone", "customer_phones", ["phone"])


def downgrade() -> None:
    """Raises `MigrationStopped`, and changes nothing, while people share a number."""
    found = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM ({SHARED}) AS found"))  # noqa: S608
    if found:
        raise MigrationStopped(
            f"Going back before {revision} stopped and changed nothing: {found} numbers are shared"
            " by several customers, and the tables before know one a number. This lists them:"
            f" {SHARED};"
        )
    op.drop_table("customer_phones")
    op.drop_constraint(op.f("ck_vehicles_mileage"), "vehicles", type_="check")
    op.drop_column("vehicles", "mileage")
    op.drop_column("customers", "email")
    op.execute("UPDATE customers SET last_name = first_name WHERE last_name = ''")
    op.drop_constraint(op.f("ck_customers_last_name"), "customers", type_="check")
    op.create_check_constraint(
        op.f("ck_customers_last_name"), "customers", "length(last_name) BETWEEN 1 AND 60"
    )
    op.drop_index("ix_customers_phone", "customers")
    op.create_unique_constraint(op.f("uq_customers_phone"), "customers", ["phone"])
