"""Whoever changes a customer, the copies in Redis hear of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# As their owner, so that whoever may change a customer may do so: an import's role knows nothing
# of copies. Of a vehicle or a further number, every number of the customer's is noted.
NOTE = """
CREATE FUNCTION note_customer_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    changed jsonb[] := ARRAY[]::jsonb[];
BEGIN
    IF TG_OP <> 'INSERT' THEN changed := changed || to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN changed := changed || to_jsonb(NEW); END IF;
    INSERT INTO cache_invalidations (phone)
    SELECT one ->> 'phone' FROM unnest(changed) AS one WHERE one ? 'phone'
    UNION
    SELECT phone FROM customers
    WHERE id IN (SELECT (one ->> TG_ARGV[0])::bigint FROM unnest(changed) AS one)
    UNION
    SELECT phone FROM customer_phones
    WHERE customer_id IN (SELECT (one ->> TG_ARGV[0])::bigint FROM unnest(changed) AS one);
    RETURN NULL;
END $$
"""
TABLES = {"customers": "id", "customer_phones": "customer_id", "vehicles": "customer_id"}


def upgrade() -> None:
    op.create_table(
        "cache_invalidations",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("phone", sa.String(16), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cache_invalidations")),
    )
    op.execute(NOTE)
    for table, customer in TABLES.items():
        op.execute(
            f"CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION note_customer_change('{customer}')"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER note_change ON {table}")
    op.execute("DROP FUNCTION note_customer_change()")
    op.drop_table("cache_invalidations")
