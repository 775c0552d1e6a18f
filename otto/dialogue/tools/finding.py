"""What the model asks for openings with, made into a question for the calendar, and its answer.

The day and the time come as the caller's own words, and are read here, never by the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from uuid import UUID

from config.dealership import Dealership, Location, Service
from otto.dialogue.session.state import AppointmentRef, Offer
from otto.dialogue.tools.arguments import FindOpenings
from otto.dialogue.tools.information import service_of
from otto.dialogue.tools.outcome import Pinned
from otto.dialogue.tools.results import Result, ToolFault
from otto.language.spoken_times import join_spoken
from otto.language.times import resolve_wish
from otto.language.wishes import Ask, Choice, DaySet, Hours, Wish
from otto.scheduling.openings import Openings, OpeningsQuery

HELD = (
    "It is free, and held for them: read it back with the service and the car, and ask for a yes."
)
OTHERWISE = "Say why what they asked for is not to be had, and offer these."


def question(
    arguments: FindOpenings,
    pinned: Pinned,
    dealership: Dealership,
    location: Location,
    now: datetime,
) -> OpeningsQuery | Ask:
    """What to look for, or what the caller has to be asked first. Raises `ToolFault`."""
    for code in arguments.services:
        service_of(dealership, code)
    moving = pinned.appointments.get(arguments.appointment_ref or "")
    if arguments.appointment_ref is not None and moving is None:
        raise ToolFault("This appointment was not told in this call. Use my_appointments first.")
    local = now.astimezone(location.zone)
    wish = resolve_wish(
        arguments.when or "",
        now=local,
        hours_on=lambda day: hours_on(location, day),
        horizon_days=location.horizon_days,
        about=_about(pinned.offers, moving, location),
    )
    if isinstance(wish, Ask):
        return wish
    vehicle = pinned.vehicle(None)
    vehicle_id = vehicle.vehicle_id if vehicle else None
    return OpeningsQuery(
        service_codes=tuple(dict.fromkeys(arguments.services)),
        wish=wish,
        vehicle_id=moving.vehicle_id if moving else vehicle_id,
        moving=UUID(moving.appointment_id) if moving else None,
        staff=arguments.staff,
        transport=arguments.transport or "drop_off",
        call_sid=pinned.call_sid,
    )


def hours_on(location: Location, day: date) -> list[tuple[time, time]]:
    """When the location is open on a date."""
    return [(one.opens, one.closes) for one in location.intervals_on(day)]


def _about(
    offers: Mapping[str, Offer], moving: AppointmentRef | None, location: Location
) -> datetime | None:
    """The start that is being talked about: what was offered last, if it was of one day; before
    anything was, that of the appointment that is to be moved."""
    if not offers:
        return None if moving is None else datetime.fromisoformat(moving.starts_at)
    last = max((offer.caller_turn for offer in offers.values()), default=0)
    starts = sorted(
        datetime.fromisoformat(offer.starts_at)
        for offer in offers.values()
        if offer.caller_turn == last
    )
    days = {start.astimezone(location.zone).date() for start in starts}
    return starts[0] if len(days) == 1 else None


def instead_of(offer: Offer, location: Location) -> Wish:
    """What is nearest to an opening that is gone."""
    local = datetime.fromisoformat(offer.starts_at).astimezone(location.zone)
    hours = Hours(wished=local.time())
    return Wish((Choice(DaySet(local.date(), local.date()), hours),))


def described(found: Openings, services: Sequence[Service], offered: list[Result]) -> Result:
    """What the model is told."""
    result: Result = {
        "status": "ok" if offered else "none",
        "service": join_spoken([service.name for service in services]),
        "duration_minutes": sum(service.duration_minutes for service in services),
        "price": price_of(services),
        "openings": offered,
    }
    if found.asked_is_free is not None:
        result["asked_is_free"] = found.asked_is_free
    if found.why is not None:
        result |= {"why": found.why.value, "message": found.sentence, "advice": OTHERWISE}
    elif found.asked_is_free:
        result["advice"] = HELD
    return result


def price_of(services: Sequence[Service]) -> str:
    """What they cost together, as `Service.price_text` says it of one."""
    if len(services) == 1:
        return services[0].price_text
    cents = [service.price_cents for service in services if service.price_cents is not None]
    if len(cents) == len(services):
        return f"${sum(cents) // 100:,}.{sum(cents) % 100:02d}"
    return join_spoken([f"{service.name} {service.price_text}" for service in services])
