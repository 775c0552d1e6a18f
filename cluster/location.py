"""The location that the commands work for."""

from __future__ import annotations

from cluster.errors import StackError
from config.dealership import Dealership, Location, load_dealership
from config.settings import Settings


def location_of(settings: Settings) -> tuple[Dealership, Location]:
    """The dealership and the location that `OTTO_LOCATION` names. Raises `StackError`."""
    dealership = load_dealership(settings.dealership_file)
    try:
        return dealership, dealership.location(settings.location)
    except KeyError:
        raise StackError(f"OTTO_LOCATION: there is no location '{settings.location}'") from None
