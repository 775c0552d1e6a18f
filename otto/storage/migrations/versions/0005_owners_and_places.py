"""A vehicle is in one place at a time and its customer's; a bay is its location's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from otto.storage.errors import MigrationStopped

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TWICE = (
    "SELECT a.id AS one, b.id AS other FROM appointments a JOIN appointments b"
    " ON a.id < b.id AND a.vehicle_id = b.vehicle_id"
    " AND a.status = 'booked' AND b.status = 'booked'"
    " AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)"
)
STRANGERS = (
    "SELECT a.id FROM appointments a LEFT JOIN vehicles v"
    " ON v.id = a.vehicle_id AND v.customer_id = a.customer_id"
    " WHERE a.vehicle_id IS NOT NULL AND v.id IS NULL"
)
ADVICE = {
    TWICE: "pairs of booked appointments have one vehicle at overlapping times: set the status of"
    " one of each pair to 'cancelled'",
    STRANGERS: "appointments are for a vehicle that is not their customer's: set their vehicle_id"
    " to that of one of the customer's vehicles, or to NULL",
}


def upgrade() -> None:
    """Raises `MigrationStopped`, and changes nothing, where a person has to decide."""
    connection = op.get_bind()
    for rows, advice in ADVICE.items():
        found = connection.scalar(sa.text(f"SELECT count(*) FROM ({rows}) AS found"))  # noqa: S608
        if found:
            raise MigrationStopped(
                f"Migration {revision} stopped and changed nothing: {found} {advice}, then run"
                f" `otto db init` again. This lists them: {rows};"
            )
    # An appointment is where its bay is. They part when the dealership's file moved the bay.
    op.execute(
        "UPDATE appointments a SET location_id = b.location_id FROM bays b"
        " WHERE b.id = a.bay_id AND b.location_id <> a.location_id"
    )
    op.create_unique_constraint(op.f("uq_bays_id"), "bays", ["id", "location_id"])
    op.create_unique_constraint(op.f("uq_vehicles_id"), "vehicles", ["id", "customer_id"])
    op.drop_constraint(op.f("fk_appointments_bay_id"), "appointments", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_appointments_bay_id"),
        "appointments",
        "bays",
        ["bay_id", "location_id"],
        ["id", "location_id"],
        onupdate="CASCADE",
    )
    op.drop_constraint(op.f("fk_appointments_vehicle_id"), "appointments", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_appointments_vehicle_id"),
        "appointments",
        "vehicles",
        ["vehicle_id", "customer_id"],
        ["id", "customer_id"],
    )
    op.create_check_constraint(
        op.f("ck_appointments_owner"),
        "appointments",
        "customer_id IS NOT NULL OR vehicle_id IS NULL",
    )
    op.create_exclude_constraint(
        "ex_appointments_vehicle_time",
        "appointments",
        (sa.literal_column("vehicle_id"), "="),
        (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
        where=sa.text("status = 'booked' AND vehicle_id IS NOT NULL"),
        using="gist",
    )


def downgrade() -> None:
    op.drop_constraint("ex_appointments_vehicle_time", "appointments")
    op.drop_constraint(op.f("ck_appointments_owner"), "appointments", type_="check")
    op.drop_constraint(op.f("fk_appointments_vehicle_id"), "appointments", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_appointments_vehicle_id"),
        "appointments",
        "vehicles",
        ["vehicle_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.drop_constraint(op.f("fk_appointments_bay_id"), "appointments", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_appointments_bay_id"), "appointments", "bays", ["bay_id"], ["id"]
    )
    op.drop_constraint(op.f("uq_vehicles_id"), "vehicles", type_="unique")
    op.drop_constraint(op.f("uq_bays_id"), "bays", type_="unique")
