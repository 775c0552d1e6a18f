"""Holding an opening for a call: the one transaction that does it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from otto.language.characters import storable_key
from otto.scheduling.availability.holds import drop_holds, insert_held, share_bays
from otto.scheduling.availability.taken import in_the_way
from otto.scheduling.availability.validation import checked
from otto.scheduling.bookings import HoldRequest, SlotTaken
from otto.scheduling.changes.places import places
from otto.scheduling.changes.writing import storable_opening
from otto.scheduling.desk import Desk
from otto.storage.tables import SID_LENGTH

MOST_S = 600
"""Nothing is held for longer without an appointment."""


async def hold_once(connection: AsyncConnection, desk: Desk, request: HoldRequest) -> datetime:
    """Until when the opening is held. Raises `SlotTaken` and `BookingRefused`; the transaction has
    then to be undone, and what was held before stays."""
    call_sid = storable_key(request.call_sid, SID_LENGTH)
    opening, now = storable_opening(request.opening), desk.clock()
    until = now + timedelta(seconds=min(max(request.seconds, 1), MOST_S))
    lines = checked(opening, desk.dealership, desk.location, now)
    bays = [bay.id for bay in desk.location.bays]
    await share_bays(connection, desk.location.id)
    obstacles = await in_the_way(connection, opening, bays, now=now, call_sid=call_sid)
    chosen = places(lines, obstacles, desk.location.zone)
    await drop_holds(connection, call_sid, opening, now)
    if not await insert_held(connection, desk.location.id, chosen, call_sid, until):
        raise SlotTaken
    return until
