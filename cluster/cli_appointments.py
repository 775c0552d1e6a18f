"""`otto appointment`: what staff do with the appointments of the day, from a terminal."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cluster.errors import StackError
from cluster.location import location_of
from config.clock import utc_now
from config.dealership import Location
from config.sandbox_endpoints import load_settings
from otto.language.spoken_times import describe_start
from otto.logs import configure
from otto.scheduling.bookings import Booking, CancelReason, CancelRequest, Mark, SchedulingError

if TYPE_CHECKING:
    from otto.scheduling.service import CalendarService

app = typer.Typer(no_args_is_help=True, help="The appointments: who comes, came, or does not.")
out = Console(highlight=False)

R = TypeVar("R")
LOOKED_BACK_DAYS, LOOKED_AHEAD_DAYS = 14, 365
"""Around today, where an appointment is looked for by its code."""

Code = Annotated[
    str, typer.Argument(help="The confirmation, like K7F2, or the id, as `list` shows them.")
]
Day = Annotated[str, typer.Option(help="The day, like 2026-11-24; today when left out.")]


@app.command("list")
def appointment_list(
    day: Day = "", days: Annotated[int, typer.Option(min=1, max=366, help="How many.")] = 1
) -> None:
    """The appointments of a day, or of some, those that are cancelled included."""
    place, found = _on_calendar(lambda calendar, place: _listed(calendar, place, day, days))
    table = Table("Code", "When", "Bays", "Services", "Status", "Id")
    for booking in found:
        bays = dict.fromkeys(line.bay_id for line in booking.lines)
        table.add_row(
            booking.confirmation,
            describe_start(booking.starts_at, place.zone),
            ", ".join(bays),
            ", ".join(booking.service_codes),
            booking.status.replace("_", " "),
            str(booking.appointment_id),
        )
    out.print(table)


@app.command("arrived")
def appointment_arrived(code: Code) -> None:
    """The car is here; its bay stays taken until the work is done."""
    _mark(code, "arrived")


@app.command("completed")
def appointment_completed(code: Code) -> None:
    """The work is done; what is left of its time in the bay is free again."""
    _mark(code, "completed")


@app.command("no-show")
def appointment_no_show(code: Code) -> None:
    """The car did not come; the bay is free again."""
    _mark(code, "no_show")


@app.command("cancel")
def appointment_cancel(code: Code) -> None:
    """Cancel it: the bay is free, the calendar's event goes, the customer is texted."""

    async def cancel(calendar: CalendarService, place: Location) -> Booking:
        booking = await _found(calendar, place, code)
        # One cancellation an appointment, however often it is typed.
        key = f"desk:{booking.appointment_id}:{booking.version}"
        return await calendar.cancel(
            CancelRequest(key, booking.appointment_id, None, CancelReason.BY_STAFF, actor="staff")
        )

    _say(*_on_calendar(cancel))


def _mark(code: str, mark: Mark) -> None:
    async def marked(calendar: CalendarService, place: Location) -> Booking:
        booking = await _found(calendar, place, code)
        return await calendar.mark(booking.appointment_id, mark)

    _say(*_on_calendar(marked))


async def _listed(
    calendar: CalendarService, place: Location, day: str, days: int
) -> tuple[Booking, ...]:
    first = _date(day) if day else utc_now().astimezone(place.zone).date()
    return await calendar.appointments_on(first, first + timedelta(days=days - 1))


async def _found(calendar: CalendarService, place: Location, code: str) -> Booking:
    """The appointment with this code or id. Raises `StackError` for none, or more than one."""
    today = utc_now().astimezone(place.zone).date()
    near = await calendar.appointments_on(
        today - timedelta(days=LOOKED_BACK_DAYS), today + timedelta(days=LOOKED_AHEAD_DAYS)
    )
    wanted = code.strip()
    found = [one for one in near if one.confirmation == wanted.upper() or _is_id(one, wanted)]
    standing = [one for one in found if one.status in {"booked", "arrived"}]
    found = standing if len(found) > 1 and standing else found
    if not found:
        raise StackError(f"no appointment around today has the code '{wanted}'")
    if len(found) > 1:
        raise StackError(
            f"{len(found)} appointments have the code '{wanted}': name the one you mean by its id,"
            " as `otto appointment list` shows it"
        )
    return found[0]


def _is_id(booking: Booking, wanted: str) -> bool:
    try:
        return booking.appointment_id == uuid.UUID(wanted)
    except ValueError:
        return False


def _on_calendar(
    work: Callable[[CalendarService, Location], Awaitable[R]],
) -> tuple[Location, R]:
    """Do it on the location's book. Raises `StackError`."""
    from cluster.database import database_errors
    from otto.scheduling.service import CalendarService
    from otto.storage.database import make_engine
    from otto.storage.errors import StoreUnavailable

    settings = load_settings()
    configure(settings.log_level)
    dealership, place = location_of(settings)

    async def on_engine() -> R:
        engine = make_engine(settings.database)
        try:
            calendar = CalendarService(
                engine,
                dealership,
                place.id,
                limits=settings.limits,
                lines=(settings.twilio.phone_number,),
            )
            return await work(calendar, place)
        finally:
            await engine.dispose()

    with database_errors():
        try:
            return place, asyncio.run(on_engine())
        except SchedulingError as refused:
            raise StackError(refused.sentence) from None
        except StoreUnavailable as away:
            raise StackError(f"PostgreSQL cannot be used: {away.reason}") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise StackError("--day is a date, like 2026-11-24") from None


def _say(place: Location, booking: Booking) -> None:
    when = describe_start(booking.starts_at, place.zone)
    status = booking.status.replace("_", " ")
    out.print(f"{booking.confirmation}, {when}: {status}", markup=False, soft_wrap=True)
