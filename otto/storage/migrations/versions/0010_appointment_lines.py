"""An appointment is a visit of one or more lines, and remembers what was done to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from otto.storage.errors import MigrationStopped

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_VEHICLE_KEY = "coalesce(vehicle_id, 0)"
_OVER_AND_STANDING = "'booked','arrived','completed','no_show','cancelled'"

SEVERAL = "SELECT appointment_id FROM appointment_lines WHERE position > 1"
NO_LINE = (
    "SELECT id FROM appointments a WHERE NOT EXISTS"
    " (SELECT FROM appointment_lines WHERE appointment_id = a.id)"
)
ADVICE = {
    SEVERAL: "lines are beyond the first of their appointment, for which the older tables have no"
    " place: book them as appointments of their own and delete them here",
    NO_LINE: "appointments have no line, so that nobody knows their bay: delete them",
}

_COPY_LINES = """
    INSERT INTO appointment_lines (id, appointment_id, position, location_id, bay_id, vehicle_id,
        service_code, starts_at, ends_at, free_at, status, google_event_id)
    SELECT gen_random_uuid(), id, 1, location_id, bay_id, vehicle_id,
        service_code, starts_at, ends_at, ends_at, status, google_event_id
    FROM appointments
"""
_COPY_WISHES = """
    INSERT INTO appointment_changes
        (appointment_id, at, action, actor, call_sid, key, wish, after)
    SELECT id, created_at, 'booked', CASE WHEN call_sid IS NULL THEN 'staff' ELSE 'caller' END,
        call_sid, idempotency_key,
        jsonb_build_object(
            'location_id', location_id,
            'starts_at', to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
            'services', jsonb_build_array(service_code)),
        jsonb_build_object('status', 'booked')
    FROM appointments ORDER BY created_at, id
"""
_COPY_BACK = """
    UPDATE appointments a SET bay_id = line.bay_id, service_code = line.service_code,
        google_event_id = line.google_event_id
    FROM appointment_lines line WHERE line.appointment_id = a.id
"""


def upgrade() -> None:
    op.add_column(
        "appointments",
        sa.Column(
            "vehicle_key",
            sa.BigInteger(),
            sa.Computed(_VEHICLE_KEY, persisted=True),
            nullable=False,
        ),
    )
    op.add_column(
        "appointments",
        sa.Column("transport", sa.String(20), server_default="drop_off", nullable=False),
    )
    op.add_column("appointments", sa.Column("transport_date", sa.Date(), nullable=True))
    op.add_column("appointments", sa.Column("transport_place", sa.SmallInteger(), nullable=True))
    op.add_column(
        "appointments", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    _statuses(_OVER_AND_STANDING)
    for name, rule in (
        ("transport", "transport IN ('drop_off','wait','loaner','shuttle')"),
        (
            "transport_place",
            "transport_place IS NULL OR (transport_place >= 1 AND transport_date IS NOT NULL)",
        ),
        ("version", "version >= 1"),
    ):
        op.create_check_constraint(op.f(f"ck_appointments_{name}"), "appointments", rule)
    op.create_unique_constraint("uq_appointments_id_status", "appointments", ["id", "status"])
    op.create_unique_constraint(
        "uq_appointments_id_vehicle_key", "appointments", ["id", "location_id", "vehicle_key"]
    )
    op.create_index(
        "uq_appointments_transport_place",
        "appointments",
        ["location_id", "transport", "transport_date", "transport_place"],
        unique=True,
        postgresql_where=sa.text("status IN ('booked','arrived') AND transport_place IS NOT NULL"),
    )
    _create_lines()
    _create_changes()
    op.execute(_COPY_LINES)
    op.execute(_COPY_WISHES)
    # What is deferred is checked now: a table with checks to come cannot be altered.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("SET CONSTRAINTS ALL DEFERRED")
    op.drop_constraint("ex_appointments_bay_time", "appointments")
    op.drop_constraint("ex_appointments_vehicle_time", "appointments")
    op.drop_constraint(op.f("ck_appointments_length"), "appointments", type_="check")
    for column in ("bay_id", "service_code", "google_event_id"):
        op.drop_column("appointments", column)


def downgrade() -> None:
    """Raises `MigrationStopped`, and changes nothing, where a person has to decide. Who has arrived
    is booked again; what was held, and the history, are gone."""
    connection = op.get_bind()
    for rows, advice in ADVICE.items():
        found = connection.scalar(sa.text(f"SELECT count(*) FROM ({rows}) AS found"))  # noqa: S608
        if found:
            raise MigrationStopped(
                f"Going back from migration {revision} stopped and changed nothing: {found}"
                f" {advice}. This lists them: {rows};"
            )
    op.add_column("appointments", sa.Column("bay_id", sa.String(40), nullable=True))
    op.add_column("appointments", sa.Column("service_code", sa.String(40), nullable=True))
    op.add_column("appointments", sa.Column("google_event_id", sa.String(1024), nullable=True))
    op.execute(_COPY_BACK)
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("SET CONSTRAINTS ALL DEFERRED")
    op.drop_table("appointment_changes")
    op.drop_table("appointment_lines")
    op.execute("UPDATE appointments SET status = 'booked' WHERE status = 'arrived'")
    op.alter_column("appointments", "bay_id", nullable=False)
    op.alter_column("appointments", "service_code", nullable=False)
    op.create_unique_constraint(
        op.f("uq_appointments_google_event_id"), "appointments", ["google_event_id"]
    )
    op.create_foreign_key(
        op.f("fk_appointments_bay_id"),
        "appointments",
        "bays",
        ["bay_id", "location_id"],
        ["id", "location_id"],
        onupdate="CASCADE",
    )
    op.create_foreign_key(
        op.f("fk_appointments_service_code"),
        "appointments",
        "services",
        ["service_code"],
        ["code"],
    )
    op.create_check_constraint(
        op.f("ck_appointments_length"), "appointments", "ends_at - starts_at <= interval '24 hours'"
    )
    for name, column, rule in (
        ("bay_time", "bay_id", "status = 'booked'"),
        ("vehicle_time", "vehicle_id", "status = 'booked' AND vehicle_id IS NOT NULL"),
    ):
        op.create_exclude_constraint(
            f"ex_appointments_{name}",
            "appointments",
            (sa.literal_column(column), "="),
            (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text(rule),
            using="gist",
        )
    op.drop_index("uq_appointments_transport_place", "appointments")
    op.drop_constraint("uq_appointments_id_vehicle_key", "appointments", type_="unique")
    op.drop_constraint("uq_appointments_id_status", "appointments", type_="unique")
    _statuses("'booked','cancelled','completed','no_show'")
    for column in ("version", "transport_place", "transport_date", "transport", "vehicle_key"):
        op.drop_column("appointments", column)


def _statuses(allowed: str) -> None:
    op.drop_constraint(op.f("ck_appointments_status"), "appointments", type_="check")
    op.create_check_constraint(
        op.f("ck_appointments_status"), "appointments", f"status IN ({allowed})"
    )


def _create_lines() -> None:
    op.create_table(
        "appointment_lines",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("appointment_id", sa.UUID(), nullable=True),
        sa.Column("position", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("location_id", sa.String(40), nullable=False),
        sa.Column("bay_id", sa.String(40), nullable=False),
        sa.Column("vehicle_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "vehicle_key",
            sa.BigInteger(),
            sa.Computed(_VEHICLE_KEY, persisted=True),
            nullable=False,
        ),
        sa.Column("service_code", sa.String(40), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(20), server_default="booked", nullable=False),
        sa.Column("google_event_id", sa.String(1024), nullable=True),
        sa.Column("google_etag", sa.String(200), nullable=True),
        sa.Column("held_by", sa.String(64), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.literal_column("bay_id"), "="),
            (sa.literal_column("tstzrange(starts_at, free_at)"), "&&"),
            where=sa.text("status IN ('booked','arrived','held')"),
            using="gist",
            name="ex_appointment_lines_bay_time",
        ),
        postgresql.ExcludeConstraint(
            (sa.literal_column("vehicle_id"), "="),
            (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("status IN ('booked','arrived') AND vehicle_id IS NOT NULL"),
            using="gist",
            name="ex_appointment_lines_vehicle_time",
        ),
        sa.CheckConstraint(
            "ends_at > starts_at AND free_at >= ends_at", name=op.f("ck_appointment_lines_order")
        ),
        sa.CheckConstraint(
            "free_at - starts_at <= interval '24 hours'", name=op.f("ck_appointment_lines_length")
        ),
        sa.CheckConstraint("position >= 1", name=op.f("ck_appointment_lines_position")),
        sa.CheckConstraint(
            f"status IN ({_OVER_AND_STANDING},'held')", name=op.f("ck_appointment_lines_status")
        ),
        sa.CheckConstraint(
            "(status = 'held') = (appointment_id IS NULL)"
            " AND (status = 'held') = (held_by IS NOT NULL)"
            " AND (status = 'held') = (held_until IS NOT NULL)",
            name=op.f("ck_appointment_lines_held"),
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id", "status"],
            ["appointments.id", "appointments.status"],
            name="fk_appointment_lines_status",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id", "location_id", "vehicle_key"],
            ["appointments.id", "appointments.location_id", "appointments.vehicle_key"],
            name="fk_appointment_lines_appointment",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["bay_id", "location_id"],
            ["bays.id", "bays.location_id"],
            name=op.f("fk_appointment_lines_bay_id"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["service_code"], ["services.code"], name=op.f("fk_appointment_lines_service_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment_lines")),
        sa.UniqueConstraint(
            "appointment_id", "position", name=op.f("uq_appointment_lines_appointment_id")
        ),
        sa.UniqueConstraint("google_event_id", name=op.f("uq_appointment_lines_google_event_id")),
    )
    op.create_index(
        "ix_appointment_lines_held_by",
        "appointment_lines",
        ["held_by"],
        postgresql_where=sa.text("status = 'held'"),
    )


def _create_changes() -> None:
    op.create_table(
        "appointment_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("appointment_id", sa.UUID(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(10), nullable=False),
        sa.Column("call_sid", sa.String(64), nullable=True),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("wish", postgresql.JSONB(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.CheckConstraint(
            "action IN ('booked','moved','cancelled','arrived','completed','no_show','restored')",
            name=op.f("ck_appointment_changes_action"),
        ),
        sa.CheckConstraint(
            "actor IN ('caller','staff','otto')", name=op.f("ck_appointment_changes_actor")
        ),
        sa.CheckConstraint("reason ~ '^[a-z_]{1,40}$'", name=op.f("ck_appointment_changes_reason")),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_appointment_changes_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment_changes")),
        sa.UniqueConstraint("key", name=op.f("uq_appointment_changes_key")),
    )
    op.create_index(
        "ix_appointment_changes_appointment_id", "appointment_changes", ["appointment_id", "id"]
    )
    op.create_index("ix_appointment_changes_at", "appointment_changes", ["at"])
