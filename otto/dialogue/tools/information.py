"""What the dealership's file answers: address, hours, services and prices, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from config.dealership import Dealership, Location, Service
from otto.dialogue.tools.arguments import DealershipInfo
from otto.dialogue.tools.results import ToolFault
from otto.language.dates import resolve_dates
from otto.language.spoken_times import join_spoken
from otto.scheduling.hours import describe_day, describe_week

ASK_THE_DESK = "The service desk can tell you that; I can connect you."
"""For what the dealership's file does not say."""


def answer(
    dealership: Dealership, location: Location, arguments: DealershipInfo, now: datetime
) -> str:
    """The answer to a question about one topic; `now` is local. Raises `ToolFault` or
    `DateError`."""
    match arguments.topic:
        case "address":
            return f"{dealership.name}, {location.address}."
        case "hours":
            day = resolve_dates(arguments.date, None, now=now).first if arguments.date else None
            return (
                describe_day(location, day)
                if day is not None
                else describe_week(location, now.date())
            )
        case "services":
            names = [service.name for service in dealership.services]
            return f"We offer {', '.join(names[:-1])} and {names[-1]}."
        case "towing" | "sales" | "parts":
            return _number(location, arguments.topic)
        case "loaner" | "shuttle" | "waiting_room":
            return getattr(location, arguments.topic) or ASK_THE_DESK
        case "prices":
            chosen = (
                [service_of(dealership, arguments.service)]
                if arguments.service
                else list(dealership.services)
            )
            return " ".join(
                f"{service.name}: {service.price_text}, about {service.duration_minutes} minutes."
                for service in chosen
            )


def _number(location: Location, topic: Literal["towing", "sales", "parts"]) -> str:
    number = getattr(location, f"{topic}_number")
    what = {"towing": "a tow truck", "sales": "the sales department", "parts": "the parts counter"}
    return f"For {what[topic]}, the number is {number}." if number else ASK_THE_DESK


def services_said(dealership: Dealership, codes: Sequence[str]) -> str:
    """Services by their names: "Oil change and Tire rotation". One that is no longer in the file
    is named by its code's words."""
    names = {service.code: service.name for service in dealership.services}
    return join_spoken([names.get(code, code.replace("_", " ").capitalize()) for code in codes])


def service_of(dealership: Dealership, code: str) -> Service:
    """The service with this code. Raises `ToolFault`."""
    try:
        return dealership.service(code)
    except KeyError:
        known = ", ".join(service.code for service in dealership.services)
        raise ToolFault(f"There is no such service. The codes are: {known}.") from None
