"""The tool that answers "is my car ready?": what the workshop does, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from config.dealership import Location
from otto.crm.repair_orders import RepairOrder, RepairStatus
from otto.dialogue.tools.arguments import RepairStatusOf
from otto.dialogue.tools.garage import one_of
from otto.dialogue.tools.outcome import Outcome, Pinned, told
from otto.dialogue.tools.ports import Crm
from otto.dialogue.tools.results import Result
from otto.dialogue.tools.said import Said
from otto.language.spoken_times import describe_date, describe_start, describe_time
from otto.scheduling.hours import open_periods

NOTHING_HERE: Result = {
    "status": "none",
    "message": "I don't see that vehicle in our workshop.",
    "advice": "If they have brought it, offer to connect a person.",
}
TO_APPROVE = "Approvals are given to a person only: offer to connect them."
OVERDUE = "Offer to connect a person, who can say more."

_STATE: dict[RepairStatus, str] = {
    RepairStatus.OPEN: "Your {vehicle} is here, and its turn is still to come.",
    RepairStatus.IN_PROGRESS: "We are working on your {vehicle}.",
    RepairStatus.WAITING_FOR_PARTS: "Your {vehicle} is waiting for parts.",
    RepairStatus.WAITING_FOR_APPROVAL: "Your {vehicle} is waiting for your approval",
    RepairStatus.READY: "Your {vehicle} is ready.",
    RepairStatus.CLOSED: "The work on your {vehicle} is done, and it has been picked up.",
}
_PROMISES = frozenset(RepairStatus) - {RepairStatus.READY, RepairStatus.CLOSED}
"""States in which it is still to come that the vehicle is ready."""
LOOKS_AHEAD_DAYS = 14
"""As far as a closed workshop is looked at for the day on which it opens again."""


class RepairTools:
    """The workshop, as far as a caller may see it: their own vehicles."""

    def __init__(self, location: Location, crm: Crm, now: Callable[[], datetime]) -> None:
        self._location = location
        self._crm = crm
        self._now = now

    async def status(self, pinned: Pinned, arguments: RepairStatusOf) -> Outcome:
        """How far the work is on the vehicle that is asked about, or on all of theirs."""
        assert pinned.customer_id is not None
        asked, now = arguments.vehicle_ref, self._now()
        if asked is not None and pinned.vehicles:
            asked = one_of(pinned.vehicles, asked, Said(pinned.exchange), now.year).ref
        orders = await self._crm.repair_orders(pinned.customer_id)
        refs = {vehicle.vehicle_id: vehicle for vehicle in pinned.vehicles}
        theirs = [
            (order, ref)
            for order in orders
            if (ref := refs.get(order.vehicle_id)) and asked in {None, ref.ref}
        ]
        if not theirs:
            return told({**NOTHING_HERE})
        repairs = [
            {
                "vehicle_ref": ref.ref,
                "state": order.status.value,
                "message": spoken(order, ref.description, self._location, now),
            }
            for order, ref in theirs
        ]
        advice = _advice([order for order, _ in theirs], now)
        return told({"status": "ok", "repairs": repairs} | ({"advice": advice} if advice else {}))


def spoken(order: RepairOrder, vehicle: str, location: Location, now: datetime) -> str:
    """What the caller hears of one order; `vehicle` is as they call it."""
    said = _STATE[order.status].format(vehicle=vehicle)
    if order.approval is not None:
        cents = order.approval.cents
        cost = "" if cents is None else f", for ${cents // 100:,}.{cents % 100:02d}"
        said = f"{said}: {order.approval.item}{cost}."
    if order.status is RepairStatus.READY:
        return f"{said} {_pick_up(location, now)}".strip()
    if order.promised_at is None or order.status not in _PROMISES:
        return said
    when = _when(order.promised_at, location, now)
    if order.promised_at <= now:
        return f"{said} It was promised for {when}, and I'm sorry that it is late."
    return f"{said} It is promised for {when}."


def _advice(orders: Sequence[RepairOrder], now: datetime) -> str:
    if any(order.approval for order in orders):
        return TO_APPROVE
    is_late = any(
        order.status in _PROMISES and order.promised_at is not None and order.promised_at <= now
        for order in orders
    )
    return OVERDUE if is_late else ""


def _when(at: datetime, location: Location, now: datetime) -> str:
    local = at.astimezone(location.zone)
    if local.date() == now.astimezone(location.zone).date():
        return f"{describe_time(local.time())} today"
    return describe_start(at, location.zone)


def _pick_up(location: Location, now: datetime) -> str:
    """Until when, or from when on, it can be picked up."""
    today = now.astimezone(location.zone).date()
    for ahead in range(-1, LOOKS_AHEAD_DAYS):
        for period in open_periods(location, today + timedelta(days=ahead)):
            if period.starts_at <= now < period.ends_at:
                closes = period.ends_at.astimezone(location.zone)
                day = "today" if closes.date() == today else f"on {describe_date(closes.date())}"
                return f"You can pick it up until {describe_time(closes.time())} {day}."
            if period.starts_at > now:
                opens = period.starts_at.astimezone(location.zone)
                day = "today" if opens.date() == today else f"on {describe_date(opens.date())}"
                return (
                    f"We are closed now; you can pick it up {day} from "
                    f"{describe_time(opens.time())} on."
                )
    return ""
