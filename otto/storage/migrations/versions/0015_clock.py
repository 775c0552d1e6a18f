"""One clock: what the tables say of the time follows the clock that the product goes by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_AHEAD = "coalesce(nullif(current_setting('otto.clock_ahead', true), '')::interval, interval '0')"
# The two of PostgreSQL, each as volatile as the one it stands for: otherwise it is not inlined.
_FUNCTIONS = {"otto_now": ("now()", "STABLE"), "otto_clock": ("clock_timestamp()", "VOLATILE")}
_DEFAULTS = (
    ("cache_invalidations", "at", "otto_now"),
    ("calendar_conflicts", "found_at", "otto_now"),
    ("callbacks", "created_at", "otto_now"),
    ("customers", "created_at", "otto_now"),
    ("limit_events", "at", "otto_clock"),
    ("opt_outs", "created_at", "otto_now"),
    ("outbox", "next_attempt_at", "otto_now"),
    ("outbox", "created_at", "otto_now"),
    ("text_codes", "sent_at", "otto_clock"),
    ("text_consents", "given_at", "otto_now"),
    ("customer_phones", "created_at", "otto_now"),
    ("vehicles", "created_at", "otto_now"),
    ("appointments", "created_at", "otto_now"),
    ("appointment_changes", "at", "otto_now"),
    ("repair_orders", "updated_at", "otto_now"),
)


def upgrade() -> None:
    for name, (shown, volatility) in _FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS timestamptz LANGUAGE sql {volatility} PARALLEL SAFE"
            f" AS $$ SELECT {shown} + {_AHEAD} $$"
        )
    for table, column, name in _DEFAULTS:
        op.alter_column(table, column, server_default=sa.text(f"{name}()"))


def downgrade() -> None:
    for table, column, name in _DEFAULTS:
        op.alter_column(table, column, server_default=sa.text(_FUNCTIONS[name][0]))
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
