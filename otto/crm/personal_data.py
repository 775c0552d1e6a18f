"""What the database holds about the person at a telephone number: shown, and erased.

Where several customers have the number, it is about one of them (`otto.crm.person`). What was said
in a call from it that is on record as nobody's may be any of them: it is not shown to one of them,
and erased with one of them.

Erased is everything by which the person could be known: the customer, their vehicles, what was
said in their calls, callbacks, and messages. What stays is that a bay was used at a time, and, as
a hash, that the number was erased and whether it must not be called or texted.

That the number was erased is remembered because something may still come in: a record that waits
for the database on some node's disk, or that of a call which was on the line meanwhile.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    case,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import InstrumentedAttribute

from otto.crm.person import THE_ONLY_ONE, Person, Which, person_at
from otto.storage.appointment_changes import Change, record_changes
from otto.storage.appointment_terms import STANDING
from otto.storage.clock import CLOCK, NOW
from otto.storage.errors import CrmError
from otto.storage.number_hash import hash_number
from otto.storage.tables import (
    NEVER,
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
    Base,
    BayRow,
    CallbackRow,
    CallRow,
    CustomerPhoneRow,
    CustomerRow,
    ErasureRow,
    OptOutRow,
    OutboxRow,
    RepairOrderRow,
    TextConsentRow,
    TurnRow,
    VehicleRow,
)


class AppointmentsAhead(CrmError):
    """The person is expected at the dealership."""


async def export_person(
    engine: AsyncEngine, number: str, which: Which = THE_ONLY_ONE
) -> dict[str, Any]:
    """Everything of the person with an E.164 number, JSON-ready, by table; tables without a row
    are left out. Raises `WhichPerson`."""
    async with engine.connect() as connection:
        person = await person_at(connection, number, which)
        found = {}
        for table, theirs in (await _whose(connection, person, doubtful=False)).items():
            rows = await connection.execute(
                select(table).where(theirs).order_by(*table.primary_key)
            )
            if held := [_plain(row) for row in rows]:
                found[table.name] = held
        return found


async def erase_person(
    engine: AsyncEngine,
    number: str,
    which: Which = THE_ONLY_ONE,
    *,
    cancel_appointments: bool = False,
) -> dict[str, int]:
    """Erase the person with an E.164 number in one transaction; returns how many rows of which
    table it touched.

    Word for Google goes through the outbox. Raises `WhichPerson`; and `AppointmentsAhead` when the
    person has an appointment that is not over and `cancel_appointments` is false. A repeat is
    harmless.
    """
    async with engine.begin() as connection:
        person = await person_at(connection, number, which)
        whose = await _whose(connection, person, doubtful=True)
        await _end_appointments(connection, whose[_table(AppointmentRow)], cancel_appointments)
        touched = {}
        for table, statement in _erasing(whose).items():
            touched[table] = (await connection.execute(statement)).rowcount
        for each in sorted(person.numbers):
            await connection.execute(
                insert(ErasureRow)
                .values(
                    number_hash=await hash_number(connection, each),
                    erased_at=CLOCK,
                )
                .on_conflict_do_update(index_elements=["number_hash"], set_={"erased_at": CLOCK})
            )
    return {table: count for table, count in touched.items() if count}


async def was_erased(connection: AsyncConnection, number: str, since: datetime) -> bool:
    """Whether the number was erased at or after `since`: what is older must not come back."""
    erased_at = await connection.scalar(
        select(ErasureRow.erased_at).where(
            ErasureRow.number_hash == await hash_number(connection, number)
        )
    )
    return erased_at is not None and erased_at >= since


# Inside


def _table(row: type[Base]) -> Table:
    table = row.__table__
    assert isinstance(table, Table)
    return table


async def _whose(
    connection: AsyncConnection, person: Person, *, doubtful: bool
) -> dict[Table, ColumnElement[bool]]:
    """By table, which rows are about the person. `doubtful`: with those that may be about somebody
    else who shares a number with them."""
    own, shared = sorted(person.own), sorted(person.shared if doubtful else ())

    def is_theirs(column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        return false() if person.customer_id is None else column == person.customer_id

    appointments = select(AppointmentRow.id).where(is_theirs(AppointmentRow.customer_id))
    # Read now: the subquery would find none once the first statement has let go of the customer.
    ids = list(await connection.scalars(appointments))
    calls = select(CallRow.call_sid)
    is_nobodys = CallRow.customer_id.is_(None)
    call_sids = list(
        await connection.scalars(
            calls.where(
                or_(
                    is_theirs(CallRow.customer_id),
                    CallRow.from_number.in_(own),
                    CallRow.to_number.in_(own),
                    CallRow.from_number.in_(shared) & is_nobodys,
                    CallRow.to_number.in_(shared) & is_nobodys,
                )
            )
        )
    )
    of_others = calls.where(~is_nobodys, CallRow.call_sid.not_in(call_sids))
    payload = OutboxRow.payload
    to, appointment_id = payload["to"].astext, payload["appointment_id"].astext
    own_hashes = [await hash_number(connection, number) for number in own]
    return {
        _table(CustomerRow): is_theirs(CustomerRow.id),
        _table(CustomerPhoneRow): is_theirs(CustomerPhoneRow.customer_id),
        _table(VehicleRow): is_theirs(VehicleRow.customer_id),
        _table(AppointmentRow): AppointmentRow.id.in_(ids),
        _table(AppointmentLineRow): AppointmentLineRow.appointment_id.in_(ids),
        _table(AppointmentChangeRow): AppointmentChangeRow.appointment_id.in_(ids),
        _table(RepairOrderRow): is_theirs(RepairOrderRow.customer_id),
        _table(CallRow): CallRow.call_sid.in_(call_sids),
        _table(TurnRow): TurnRow.call_sid.in_(call_sids),
        _table(CallbackRow): or_(
            CallbackRow.phone.in_(own),
            CallbackRow.call_sid.in_(call_sids),
            CallbackRow.phone.in_(shared)
            & func.coalesce(CallbackRow.call_sid.not_in(of_others), True),
        ),
        _table(OutboxRow): or_(
            to.in_(own),
            appointment_id.in_([str(found) for found in ids]),
            to.in_(shared) & appointment_id.is_(None),
        ),
        _table(OptOutRow): OptOutRow.number_hash.in_(own_hashes),
        _table(TextConsentRow): TextConsentRow.number_hash.in_(own_hashes),
    }


async def _end_appointments(
    connection: AsyncConnection, theirs: ColumnElement[bool], cancel: bool
) -> None:
    is_ahead = AppointmentRow.status.in_(STANDING) & (AppointmentRow.ends_at > NOW)
    ahead = theirs & is_ahead
    if not cancel:
        if await connection.scalar(select(func.count()).select_from(AppointmentRow).where(ahead)):
            raise AppointmentsAhead(
                "this customer has an appointment that is not over: cancel it first, or have it "
                "cancelled with --cancel-appointments"
            )
        return
    standing = await connection.execute(
        select(AppointmentRow.id, AppointmentRow.status).where(ahead).with_for_update()
    )
    changes = [
        Change(
            appointment_id,
            "cancelled",
            "staff",
            before={"status": status},
            after={"status": "cancelled"},
            reason="erased",
        )
        for appointment_id, status in standing
    ]
    await record_changes(connection, changes)
    await connection.execute(
        update(AppointmentRow)
        .where(AppointmentRow.id.in_([change.appointment_id for change in changes]))
        .values(status="cancelled", version=AppointmentRow.version + 1)
    )


def _erasing(whose: dict[Table, ColumnElement[bool]]) -> dict[str, Any]:
    """The statements, in the order in which the tables' references allow them."""
    outbox, lines = whose[_table(OutboxRow)], whose[_table(AppointmentLineRow)]
    changes = AppointmentChangeRow
    is_waiting = OutboxRow.done_at.is_(None) & (OutboxRow.next_attempt_at < NEVER)
    is_event = OutboxRow.kind == "calendar.upsert"
    return {
        # Word of an event that waits stays: a worker may have it in hand, and the deletion below
        # waits for it, because rows of one event are told in order. It holds ids and no person.
        "outbox": delete(OutboxRow).where(outbox & ~(is_waiting & is_event)),
        "events": insert(OutboxRow)
        .from_select(
            ["kind", "key", "payload"],
            select(
                literal("calendar.delete"),
                func.concat("calendar.delete:erased:", AppointmentLineRow.id),
                func.jsonb_build_object(
                    "calendar_id",
                    BayRow.calendar_id,
                    "event_id",
                    AppointmentLineRow.google_event_id,
                    "appointment_id",
                    AppointmentLineRow.appointment_id,
                ),
            )
            .join(BayRow, BayRow.id == AppointmentLineRow.bay_id)
            .where(lines, AppointmentLineRow.google_event_id.is_not(None)),
        )
        .on_conflict_do_nothing(index_elements=["key"]),
        "callbacks": delete(CallbackRow).where(whose[_table(CallbackRow)]),
        "turns": delete(TurnRow).where(whose[_table(TurnRow)]),
        "calls": delete(CallRow).where(whose[_table(CallRow)]),
        "appointments": update(AppointmentRow)
        .where(whose[_table(AppointmentRow)])
        .values(
            customer_id=None,
            vehicle_id=None,
            notes=None,
            call_sid=None,
            idempotency_key=func.concat("erased:", AppointmentRow.id),
        ),
        "repair_orders": delete(RepairOrderRow).where(whose[_table(RepairOrderRow)]),
        "appointment_lines": update(AppointmentLineRow).where(lines).values(vehicle_id=None),
        # What was done stays known, and no longer in which call.
        "appointment_changes": update(changes)
        .where(whose[_table(AppointmentChangeRow)])
        .values(
            call_sid=None,
            key=case((changes.key.is_not(None), func.concat("erased:", changes.id))),
        ),
        "text_consents": delete(TextConsentRow).where(whose[_table(TextConsentRow)]),
        "customer_phones": delete(CustomerPhoneRow).where(whose[_table(CustomerPhoneRow)]),
        "vehicles": delete(VehicleRow).where(whose[_table(VehicleRow)]),
        "customers": delete(CustomerRow).where(whose[_table(CustomerRow)]),
    }


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else str(value)
        if isinstance(value, UUID)
        else value
        for name, value in row._mapping.items()
    }
