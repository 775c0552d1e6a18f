"""Writes that the database has to refuse, whoever sends them: one for each rule of its tables.

Each spoils one thing about the first visit that stands, or about its first line, and nothing else:
only its own rule can refuse it. The stateful test lets strangers try them in between everything
else; with a rule removed, its write goes through, and the test has to notice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BadWrite:
    """A statement, and the constraint or unique index that refuses it."""

    rule: str
    statement: str


_STANDS = "status IN ('booked', 'arrived')"
_VISIT = f"(SELECT id FROM appointments WHERE {_STANDS} ORDER BY starts_at, id LIMIT 1)"
_LINE = f"(SELECT id FROM appointment_lines WHERE {_STANDS} ORDER BY starts_at, id LIMIT 1)"
_VISITS = (
    *("id", "location_id", "customer_id", "vehicle_id", "starts_at", "ends_at", "status"),
    *("transport", "transport_date", "transport_place", "idempotency_key", "notes", "version"),
)
_LINES = (
    *("id", "appointment_id", "position", "location_id", "bay_id", "vehicle_id", "service_code"),
    *("starts_at", "ends_at", "free_at", "status", "google_event_id", "held_by", "held_until"),
)
_LATER = {name: f"{name} + interval '400 days'" for name in ("starts_at", "ends_at", "free_at")}
"""When nobody has anything."""


def _copy(table: str, columns: tuple[str, ...], of: str, changes: dict[str, str]) -> str:
    values = ", ".join(changes.get(name, name) for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE id = {of}"
    )


def _visit(**changes: str) -> str:
    """Another visit that is over, like the first but for these columns."""
    plain = {"id": "gen_random_uuid()", "status": "'cancelled'", "transport_place": "NULL"}
    plain["idempotency_key"] = "gen_random_uuid()::text"
    return _copy("appointments", _VISITS, _VISIT, plain | changes)


def _line(**changes: str) -> str:
    """Another line of the first one's visit, much later, like it but for these columns."""
    plain = {"id": "gen_random_uuid()", "position": "position + 50", "google_event_id": "NULL"}
    return _copy("appointment_lines", _LINES, _LINE, plain | _LATER | changes)


def _held(**changes: str) -> dict[str, str]:
    plain = {"status": "'held'", "appointment_id": "NULL", "vehicle_id": "NULL"}
    return plain | {"held_by": "'a stranger'", "held_until": "'2030-01-01'"} | changes


def _change(**changes: str) -> str:
    plain = {"appointment_id": _VISIT, "action": "'moved'", "actor": "'staff'", "after": "'{}'"}
    columns = plain | changes
    return (
        f"INSERT INTO appointment_changes ({', '.join(columns)})"
        f" VALUES ({', '.join(columns.values())})"
    )


def _block(**changes: str) -> str:
    plain = {
        "location_id": "'main'",
        "bay_id": "'bay-1'",
        "starts_at": "'2030-01-02'",
        "ends_at": "'2030-01-03'",
        "google_event_id": "'x'",
        "calendar_id": "'y'",
    }
    columns = plain | changes
    return f"INSERT INTO bay_blocks ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


_ANOTHERS = f"""(SELECT id FROM vehicles WHERE customer_id <>
    (SELECT customer_id FROM appointments WHERE id = {_VISIT}) LIMIT 1)"""
_NOBODY = "gen_random_uuid()"
_THE_SAME_TIME = {"starts_at": "starts_at", "ends_at": "ends_at", "free_at": "free_at"}
_PLACE = _visit(
    status="'booked'", transport="'loaner'", transport_date="'2030-01-02'", transport_place="1"
)

BAD_WRITES = (
    BadWrite("pk_appointments", _visit(id="id", vehicle_id="NULL")),
    BadWrite("uq_appointments_idempotency_key", _visit(idempotency_key="idempotency_key")),
    BadWrite("ck_appointments_order", _visit(ends_at="starts_at - interval '1 hour'")),
    BadWrite("ck_appointments_status", _visit(status="'lost'")),
    BadWrite("ck_appointments_transport", _visit(transport="'rocket'")),
    BadWrite(
        "ck_appointments_transport_place",
        _visit(transport_place="0", transport_date="'2030-01-02'"),
    ),
    BadWrite("uq_appointments_transport_place", f"{_PLACE}; {_PLACE}"),
    BadWrite("ck_appointments_version", _visit(version="0")),
    BadWrite("ck_appointments_owner", _visit(customer_id="NULL")),
    BadWrite("fk_appointments_vehicle_id", _visit(vehicle_id=_ANOTHERS)),
    BadWrite("fk_appointments_customer_id", _visit(customer_id="999999", vehicle_id="NULL")),
    BadWrite("pk_appointment_lines", _line(id="id")),
    BadWrite(
        "ex_appointment_lines_bay_time", _line(**_held(), **_THE_SAME_TIME),
    ),
    BadWrite(
        "ex_appointment_lines_vehicle_time", _line(bay_id="'bay-4'", **_THE_SAME_TIME),
    ),
    BadWrite("ck_appointment_lines_order", _line(
        free_at="starts_at + interval '400 days 1 minute'")),
    BadWrite("ck_appointment_lines_length", _line(
        free_at="starts_at + interval '402 days'")),
    BadWrite("ck_appointment_lines_position", _line(position="0")),
    BadWrite("ck_appointment_lines_held", _line(**_held(held_by="NULL"))),
    BadWrite("uq_appointment_lines_appointment_id", _line(position="position")),
    BadWrite("uq_appointment_lines_google_event_id", _line(google_event_id="google_event_id")),
    BadWrite("fk_appointment_lines_service_code", _line(service_code="'sorcery'")),
    BadWrite("fk_appointment_lines_bay_id", _line(bay_id="'bay-99'")),
    BadWrite(
        "fk_appointment_lines_status",
        f"UPDATE appointment_lines SET status = 'completed' WHERE id = {_LINE}",
    ),
    BadWrite(
        "fk_appointment_lines_appointment",
        f"UPDATE appointment_lines SET vehicle_id = NULL WHERE id = {_LINE}",
    ),
    BadWrite("pk_appointment_changes", _change(
        id=f"(SELECT id FROM appointment_changes WHERE appointment_id = {_VISIT} LIMIT 1)")),
    BadWrite("uq_appointment_changes_key", "; ".join([_change(key="'a stranger'")] * 2)),
    BadWrite("ck_appointment_changes_action", _change(action="'lost'")),
    BadWrite("ck_appointment_changes_actor", _change(actor="'nobody'")),
    BadWrite("ck_appointment_changes_reason", _change(reason="'Her name is Maria'")),
    BadWrite("fk_appointment_changes_appointment_id", _change(appointment_id=_NOBODY)),
    BadWrite("ck_bay_blocks_order", _block(ends_at="'2030-01-02'")),
    BadWrite("fk_bay_blocks_bay_id", _block(bay_id="'bay-99'")),
    BadWrite("uq_bay_blocks_calendar_id", "; ".join([_block()] * 2)),
)  # fmt: skip

IMPLIED = {
    "uq_appointments_id_status": "id alone is unique; fk_appointment_lines_status refers to it",
    "uq_appointments_id_vehicle_key": "the same for fk_appointment_lines_appointment",
    "ck_appointment_lines_status": "a line's is its appointment's, or it is held",
    "ck_appointments_notes": "the column is no longer than that",
    "pk_bay_blocks": "an identity",
}
"""Rules that another one keeps as well: removing them lets nothing in."""
TABLES = ("appointments", "appointment_lines", "appointment_changes", "bay_blocks")
