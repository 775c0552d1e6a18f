"""The dealership as a file that a manager can edit, checked as a whole when it is loaded.

`load_dealership` returns frozen, hashable, picklable models, or raises `DealershipError` with one
sentence per fault, in the words of the file rather than of the program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from config.dealership_file import Frozen, did_you_mean, explain, read_yaml
from config.opening_hours import WEEKDAYS, Interval, Intervals, WeekHours, overlap
from config.phone_numbers import checked_number
from config.public_holidays import Holidays

__all__ = ["WEEKDAYS", "Dealership", "DealershipError", "Interval", "load_dealership"]

PRICE_AFTER_INSPECTION = "after inspection"


class DealershipError(Exception):
    """The dealership's file cannot be used. One sentence per line, for the manager."""


# The words of the file


def _telephone(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError('a telephone number stands in quotes, like "+13125550100"')
    return checked_number(value)


Telephone = Annotated[str, BeforeValidator(_telephone)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]


# The models


class SpecialHours(Frozen):
    """A date whose hours differ from its weekday's."""

    date: date
    hours: Intervals
    reason: str = ""


class Bay(Frozen):
    """A place for one car; `skills` says which services can be done there."""

    id: Id
    name: Name
    skills: tuple[str, ...] = Field(min_length=1)
    calendar_id: str = Field(min_length=1, max_length=250)


class StaffMember(Frozen):
    """Somebody whom customers ask for, and the bays in which they work."""

    name: Name
    bays: tuple[str, ...] = Field(min_length=1)

    def is_called(self, name: str) -> bool:
        """Whether callers mean them by `name`: all of it, or one of its words."""
        said, own = name.casefold().split(), self.name.casefold().split()
        return bool(said) and (said == own or (len(said) == 1 and said[0] in own))


class Location(Frozen):
    """One workshop with its own hours, bays and telephone."""

    id: Id
    name: Name
    address: str = Field(min_length=1, max_length=200)
    timezone: str
    phone: Telephone
    desk_number: Telephone
    towing_number: Telephone | None = None
    sales_number: Telephone | None = None
    parts_number: Telephone | None = None
    loaner: str | None = Field(None, min_length=1, max_length=300)
    """What callers are told about loaner cars; likewise the next two. None: the desk knows."""
    shuttle: str | None = Field(None, min_length=1, max_length=300)
    waiting_room: str | None = Field(None, min_length=1, max_length=300)
    hours: WeekHours
    holidays: Holidays | None = None
    closed_dates: tuple[date, ...] = ()
    special_hours: tuple[SpecialHours, ...] = ()
    slot_minutes: int = Field(30, ge=5, le=240)
    min_notice_minutes: int = Field(60, ge=0, le=60 * 24 * 14)
    horizon_days: int = Field(60, ge=1, le=365)
    arrivals_are_marked: bool = False
    """Whether staff mark who has arrived. If not, whoever was booked is taken to have been there;
    if so, whoever has not arrived when the day closes did not come."""
    bays: tuple[Bay, ...] = Field(min_length=1)
    staff: tuple[StaffMember, ...] = ()
    waiting_customers_a_day: int | None = Field(None, ge=0, le=1000)
    """How many may wait while their car is worked on; None: as many as come."""
    loaner_cars: int = Field(0, ge=0, le=1000)
    shuttle_seats_a_day: int = Field(0, ge=0, le=1000)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            hint = did_you_mean(value, available_timezones())
            raise ValueError(f"there is no time zone '{value}'{hint or ' (like America/Chicago)'}")
        return value

    @model_validator(mode="after")
    def _one_rule_a_date(self) -> Self:
        dates = [*self.closed_dates, *(special.date for special in self.special_hours)]
        faults = [f"{day} is listed more than once" for day in repeated(dates)]
        one_day = timedelta(days=1)
        faults += [
            f"{day}: {fault}"
            for special in self.special_hours
            for day in (special.date, special.date + one_day)
            if (fault := overlap(self.intervals_on(day - one_day), self.intervals_on(day)))
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @model_validator(mode="after")
    def _staff_work_here(self) -> Self:
        names = [one.name.casefold() for one in self.staff]
        faults = [f"staff '{name}' is listed more than once" for name in repeated(names)]
        known = {bay.id for bay in self.bays}
        faults += [
            f"staff '{one.name}' works in bay '{bay}', which does not exist"
            f"{did_you_mean(bay, known)}"
            for one in self.staff
            for bay in one.bays
            if bay not in known
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def staff_called(self, name: str) -> StaffMember | None:
        """Who is meant by a name; None when nobody is, or several are."""
        meant = [one for one in self.staff if one.is_called(name)]
        return meant[0] if len(meant) == 1 else None

    def places_a_day(self, transport: str) -> int | None:
        """How many customers a day may have this kind of transport; None: as many as come."""
        return {
            "wait": self.waiting_customers_a_day,
            "loaner": self.loaner_cars,
            "shuttle": self.shuttle_seats_a_day,
        }.get(transport)

    @property
    def zone(self) -> ZoneInfo:
        """The location's time zone."""
        return ZoneInfo(self.timezone)

    def intervals_on(self, day: date) -> tuple[Interval, ...]:
        """Opening hours on a date, empty when closed. Closed dates win over special hours, those
        over holidays, those over the weekday."""
        if day in self.closed_dates:
            return ()
        for special in self.special_hours:
            if special.date == day:
                return special.hours
        if self.holidays is not None and self.holidays.name_on(day) is not None:
            return ()
        return self.hours[WEEKDAYS[day.weekday()]]


class Service(Frozen):
    """One line of the service menu. `price_cents` None: quoted after an inspection."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    name: Name
    spanish_name: Name | None = None
    """In the middle of a Spanish sentence: "un cambio de aceite". None: `name`."""
    duration_minutes: int = Field(ge=5, le=600)
    buffer_minutes: int = Field(0, ge=0, le=240)
    """How long the bay is needed after the work, to clean up and to park the car."""
    lead_time_hours: int = Field(0, ge=0, le=24 * 60)
    """How long before it has to be booked at the latest, to have the parts."""
    price_cents: int | None = Field(ge=0, le=10_000_000)
    skill: str = Field(min_length=1, max_length=40)
    aliases: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _price_in_dollars(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "price" not in value:
            return value
        given = dict(value)
        given["price_cents"] = _cents(given.pop("price"))
        return given

    @property
    def price_text(self) -> str:
        """What to show for the price: "$79.95" or "quoted after inspection"."""
        if self.price_cents is None:
            return f"quoted {PRICE_AFTER_INSPECTION}"
        return f"${self.price_cents // 100:,}.{self.price_cents % 100:02d}"


class Dealership(Frozen):
    """The whole file."""

    name: Name
    locations: tuple[Location, ...] = Field(min_length=1)
    services: tuple[Service, ...] = Field(min_length=1)
    not_offered: tuple[Name, ...] = ()
    """What callers ask for and nobody here does, in their words."""

    def location(self, location_id: str) -> Location:
        """The location with that id; the first one for an empty id. KeyError when unknown."""
        if not location_id:
            return self.locations[0]
        for location in self.locations:
            if location.id == location_id:
                return location
        raise KeyError(location_id)

    def service(self, code: str) -> Service:
        """The service with that code. KeyError when unknown."""
        for service in self.services:
            if service.code == code:
                return service
        raise KeyError(code)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        bays = [bay for location in self.locations for bay in location.bays]
        faults = [
            f"{what} '{key}' is used more than once"
            for what, keys in (
                ("location id", [location.id for location in self.locations]),
                ("bay id", [bay.id for bay in bays]),
                ("calendar_id", [bay.calendar_id for bay in bays]),
                ("service code", [service.code for service in self.services]),
            )
            for key in repeated(keys)
        ]
        skills = {skill for bay in bays for skill in bay.skills}
        longest = max(_longest_minutes(location) for location in self.locations)
        for service in self.services:
            if service.skill not in skills:
                faults.append(
                    f"service '{service.code}' needs skill '{service.skill}' but no bay has it"
                    f"{did_you_mean(service.skill, skills)}"
                )
            horizon = max(location.horizon_days for location in self.locations)
            if service.lead_time_hours > 24 * horizon:
                faults.append(
                    f"service '{service.code}' needs {service.lead_time_hours} hours of lead time, "
                    f"but no location is booked further ahead than {horizon} days"
                )
            if service.duration_minutes > longest:
                faults.append(
                    f"service '{service.code}' takes {service.duration_minutes} minutes, but no "
                    f"location is open for longer than {longest} minutes at a stretch"
                )
        if faults:
            raise ValueError("\n".join(faults))
        return self


def load_dealership(path: Path) -> Dealership:
    """Read and check the file. Raises `DealershipError`, one sentence per fault."""
    try:
        content = read_yaml(path)
    except ValueError as error:
        raise DealershipError(f"{path.name}: {error}") from None
    try:
        return Dealership.model_validate(content)
    except ValidationError as error:
        raise DealershipError("\n".join(explain(error, content, _KEYS))) from None


# Small helpers


def repeated(values: Iterable[Any]) -> list[Any]:
    """The values that occur more than once, in order of appearance."""
    return [value for value, count in Counter(values).items() if count > 1]


def _cents(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().lower() == PRICE_AFTER_INSPECTION:
        return None
    wrong = ValueError(
        f"the price '{value}' must be dollars like 79.95, or: {PRICE_AFTER_INSPECTION}"
    )
    if isinstance(value, bool):
        raise wrong
    try:
        cents = Decimal(str(value).strip().removeprefix("$")) * 100
        if cents != int(cents):
            raise wrong
        return int(cents)
    except (InvalidOperation, OverflowError):
        raise wrong from None


def _longest_minutes(location: Location) -> int:
    return max(
        (one.minutes for _, intervals in location.hours.items() for one in intervals),
        default=0,
    )


_KEYS: dict[str, set[str]] = {
    "": set(Dealership.model_fields),
    "locations": set(Location.model_fields),
    "hours": set(WeekHours.model_fields),
    "holidays": set(Holidays.model_fields),
    "special_hours": set(SpecialHours.model_fields),
    "bays": set(Bay.model_fields),
    "staff": set(StaffMember.model_fields),
    "services": set(Service.model_fields) - {"price_cents"} | {"price"},
}
"""What may be written where, for suggestions about unknown keys."""
