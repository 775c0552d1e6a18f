"""`otto repair`: the repair orders in Otto's own table, for staff of a dealership without a system
that Otto is connected with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cluster.errors import StackError
from cluster.location import location_of
from config.dealership import Location
from config.sandbox_endpoints import load_settings
from config.settings import OWN_TABLE
from otto.crm.repair_orders import (
    Approval,
    RepairChange,
    RepairLine,
    RepairOrder,
    RepairStatus,
)
from otto.language.phone import PhoneError, parse_phone
from otto.language.spoken_times import describe_start
from otto.logs import configure
from otto.storage.errors import CrmError

if TYPE_CHECKING:
    from otto.crm.repair_table import RepairTable

app = typer.Typer(no_args_is_help=True, help="The repair orders that callers are told of.")
out = Console(highlight=False)

R = TypeVar("R")


@app.command("list")
def repair_list(
    with_closed: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
) -> None:
    """Every repair order, those promised first on top."""
    place, lines = _in_table(lambda table: table.lines(with_closed=with_closed))
    shown = Table("Number", "Vehicle", "Customer", "Status", "Promised", "Waits for approval")
    for line in lines:
        order = line.order
        shown.add_row(
            order.number,
            line.vehicle,
            line.phone,
            order.status.value,
            describe_start(order.promised_at, place.zone) if order.promised_at else "",
            _approval_text(order),
        )
    out.print(shown)


@app.command("open")
def repair_open(
    number: Annotated[str, typer.Argument(help="As it stands on the customer's paper.")],
    phone: Annotated[str, typer.Option(help="The customer's, like +13125550142.")],
    vehicle: Annotated[str, typer.Option(help="Which one, like Civic, when they have more.")] = "",
) -> None:
    """Begin a repair order for a customer's vehicle."""
    try:
        parsed = parse_phone(phone)
    except PhoneError as error:
        raise StackError(str(error)) from None
    place, line = _in_table(lambda table: table.open(number, parsed, vehicle))
    _say(line, place)


@app.command("set")
def repair_set(
    number: Annotated[str, typer.Argument(help="As `otto repair list` shows it.")],
    status: Annotated[RepairStatus, typer.Option(help="How far the work is.")],
    promised: Annotated[
        str, typer.Option(help="When it will be ready, in the dealership's time: 2026-11-24 16:00.")
    ] = "",
    approval: Annotated[
        str, typer.Option(help="What waits for the customer's yes, like: front brake pads.")
    ] = "",
    amount: Annotated[str, typer.Option(help="What that costs in dollars, like 289.00.")] = "",
) -> None:
    """Write down how far a repair order is. The next caller who asks hears it."""
    if amount and not approval:
        raise StackError("say with --approval what the amount is for")
    cents = _cents(amount) if amount else None
    waits = Approval(approval, cents) if approval else None
    given = _wall_clock(promised) if promised else None
    _, place = location_of(load_settings())
    at = given.replace(tzinfo=place.zone) if given else None
    place, line = _in_table(lambda table: table.change(number, RepairChange(status, at, waits)))
    _say(line, place)


def _in_table(work: Callable[[RepairTable], Awaitable[R]]) -> tuple[Location, R]:
    """Do it on the location's table. Raises `StackError`."""
    from cluster.database import database_errors
    from otto.crm.repair_table import RepairTable
    from otto.storage.database import make_engine

    settings = load_settings()
    configure(settings.log_level)
    if settings.dealer_system != OWN_TABLE:
        raise StackError(
            f"repair orders come from {settings.dealer_system} (OTTO_DEALER_SYSTEM): "
            "see and change them there"
        )
    _, place = location_of(settings)

    async def on_engine() -> R:
        engine = make_engine(settings.database)
        try:
            return await work(RepairTable(engine, place.id))
        finally:
            await engine.dispose()

    with database_errors():
        try:
            return place, asyncio.run(on_engine())
        except CrmError as refused:
            raise StackError(str(refused)) from None


def _wall_clock(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise StackError("--promised is a date and a time, like 2026-11-24 16:00")
    return found


def _cents(text: str) -> int:
    try:
        cents = Decimal(text.strip().removeprefix("$").replace(",", "")) * 100
        if cents == int(cents):
            return int(cents)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise StackError("--amount is dollars, like 289.00")


def _approval_text(order: RepairOrder) -> str:
    if order.approval is None:
        return ""
    cents = order.approval.cents
    return order.approval.item + ("" if cents is None else f", ${cents // 100:,}.{cents % 100:02d}")


def _say(line: RepairLine, place: Location) -> None:
    order = line.order
    parts = [f"{order.number}: {line.vehicle}, {order.status.value.replace('_', ' ')}"]
    if order.promised_at:
        parts.append(f"promised for {describe_start(order.promised_at, place.zone)}")
    if order.approval:
        parts.append(f"waits for approval of {_approval_text(order)}")
    out.print("; ".join(parts), markup=False, soft_wrap=True)
