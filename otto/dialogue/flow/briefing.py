"""What the model is told: its instructions, the dealership's facts, and where this call stands.

Of the customer it is told only what was verified. The last part comes from the state machine and is
made anew for every answer: which errand is under way and how it goes, what is still missing, what
was understood, what waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from config.dealership import Dealership, Location, Service
from otto.dialogue.flow.needs import missing
from otto.dialogue.flow.prompt_files import Prompts
from otto.dialogue.flow.slots import ANOTHER_WAY_AT, ASKED_FOR, MOST_ASKS, SURE, WAYS, Way
from otto.dialogue.session.slots import Slot, SlotName, Source
from otto.dialogue.session.state import Identity, Session
from otto.language.languages import Language
from otto.language.spoken_times import describe_time
from otto.scheduling.hours import open_on

DAYS = 14

_WAY_WORDS = {
    Way.KEY: "ask them to key it in, and to end with the pound key",
    Way.SPELL: "ask them to spell it, letter by letter",
    Way.PERSON: "offer a person",
}
_SLOT_WORDS = {
    SlotName.SERVICE: "service",
    SlotName.CAR: "car",
    SlotName.DAY: "day and time",
    SlotName.NAME: "name",
    SlotName.PHONE: "telephone number",
    SlotName.BIRTH_DATE: "date of birth",
    SlotName.VIN: "VIN",
    SlotName.EMAIL: "e-mail address",
    SlotName.MILEAGE: "mileage",
    SlotName.CODE: "code",
}


def system_prompt(
    prompts: Prompts,
    dealership: Dealership,
    location: Location,
    session: Session,
    now: datetime,
) -> str:
    """The model's instructions. `now` is aware, in the location's time zone."""
    instructions = prompts.system.format(
        dealership=dealership.name,
        location=location.name,
        facts="\n".join(f"- {fact}" for fact in _facts(location)),
        services="\n".join(_priced(service) for service in dealership.services),
        days="\n".join(_day(location, now.date() + timedelta(days=n)) for n in range(DAYS)),
        now=f"{now:%A, %B} {now.day}, {now.year}, {describe_time(now.time())}",
        caller=_caller(prompts, session),
        errand="\n".join(_errand(prompts, session)),
    )
    if session.language is Language.SPANISH:
        return f"{instructions}\n\n{prompts.spanish}"
    return instructions


def _facts(location: Location) -> Iterator[str]:
    yield f"Address: {location.address}"
    numbers = {
        "Service department": location.phone,
        "Towing": location.towing_number,
        "Sales": location.sales_number,
        "Parts": location.parts_number,
    }
    told = {
        "Loaner cars": location.loaner,
        "Shuttle": location.shuttle,
        "Waiting": location.waiting_room,
    }
    for what, says in (numbers | told).items():
        yield f"{what}: {says or 'the service desk knows; offer to connect'}"


def _priced(service: Service) -> str:
    minutes = service.duration_minutes
    return f"{service.name} ({service.code}): {service.price_text}, about {minutes} minutes"


def _day(location: Location, day: date) -> str:
    return f"| {day:%A} | {day:%B} {day.day} | {open_on(location, day)} |"


# This call


def _caller(prompts: Prompts, session: Session) -> str:
    said = prompts.callers[session.identity]
    if not session.identity.trusted:
        return said
    known = [f"Their first name is {session.first_name}."] if session.first_name else []
    vehicles = ", ".join(f"{each.description} ({each.ref})" for each in session.vehicles)
    known.append(
        f"Their vehicles: {vehicles}." if vehicles else "They have no vehicle with us yet."
    )
    return f"{said} {' '.join(known)}"


def _errand(prompts: Prompts, session: Session) -> Iterator[str]:
    yield f"Under way: {prompts.titles[session.errand]}."
    yield prompts.errands[session.errand]
    lacking = missing(session)
    if lacking and session.identity is not Identity.LOCKED:
        yield f"Still missing, in this order: {'; '.join(lacking)}."
    understood = [_understood(name, slot) for name, slot in session.slots.items() if slot.value]
    if understood:
        yield f"Understood so far: {'; '.join(understood)}."
    for name, slot in session.slots.items():
        if slot.asked >= ANOTHER_WAY_AT:
            how = _WAY_WORDS[WAYS[name] if slot.asked < MOST_ASKS else Way.PERSON]
            yield f"The {_SLOT_WORDS[name]} was asked for {slot.asked} times: now {how}."
    if session.waiting:
        titles = "; ".join(prompts.titles[errand] for errand in session.waiting)
        yield f"Waiting after that: {titles}. Come to it when this is done."


def _understood(name: SlotName, slot: Slot) -> str:
    """A slot, without the value of what proves who somebody is: that is the tools' affair."""
    what = _SLOT_WORDS[name]
    if name in {SlotName.BIRTH_DATE, SlotName.CODE, SlotName.VIN, SlotName.PHONE}:
        value = "given"
    else:
        value = slot.value
    if slot.confidence == SURE:
        return f"{what}: {value}"
    where = "keyed" if slot.source is Source.KEYPAD else "said"
    return f"{what}: {value} ({where}, {'likely' if slot.confidence >= ASKED_FOR else 'unsure'})"
