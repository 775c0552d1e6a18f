"""The opening that is said back to the caller, held for them while they make up their mind.

Said back is an opening when Otto asks something and names its time, and that of no other opening
that was offered: "That's Tuesday, November 24 at 9:00 AM. Shall I book it?" Nothing is asked of
the model for it. Another opening that is said back takes the place of the one that was held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

import structlog

from config.dealership import Location
from otto.dialogue.session.state import Directive, Offer, Session
from otto.dialogue.tools.finding import hours_on
from otto.dialogue.tools.offers import opening_of
from otto.dialogue.tools.ports import Calendar
from otto.dialogue.tools.runner import Spawn
from otto.dialogue.turns.courtesy import asks
from otto.language.clock import Span
from otto.language.mentions import mentioned
from otto.scheduling.bookings import HoldRequest

log = structlog.get_logger()

HoursOn = Callable[[date], Sequence[Span]]


def said_back(text: str, offers: Iterable[Offer], now: datetime, hours_on: HoursOn) -> Offer | None:
    """The opening that Otto asks about in `text`; None for none, or several. `now` is aware, in the
    dealership's zone; `hours_on` tells which nine "at nine" is."""
    if not asks(text):
        return None
    said = mentioned(text, now, hours_on)
    if len(said.starts) == len(said.days):
        starts = set(said.starts)  # each day with a time of its own
    else:
        starts = {(day, moment) for day in said.days for moment in said.times}
    times = set(said.times)
    by_start: dict[str, Offer] = {}
    for offer in offers:
        start = datetime.fromisoformat(offer.starts_at).astimezone(now.tzinfo)
        is_meant = (start.date(), start.time()) in starts if said.days else start.time() in times
        if is_meant:
            by_start[offer.starts_at] = offer
    return next(iter(by_start.values())) if said.is_clear and len(by_start) == 1 else None


class Holding:
    """What is held for one call: one opening at a time, which the session names."""

    def __init__(
        self,
        session: Session,
        calendar: Calendar,
        location: Location,
        spawn: Spawn,
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._calendar = calendar
        self._location = location
        self._spawn = spawn
        self._now = now

    def said(self, text: str) -> None:
        """Otto says this: what it says back is held from now on."""
        offer = said_back(
            text,
            self._session.offers.values(),
            self._now().astimezone(self._location.zone),
            lambda day: hours_on(self._location, day),
        )
        if offer is not None:
            self._session.held = offer.slot_id
            self._spawn(self._hold(offer), "")

    async def release(self) -> None:
        """The call is over. One that may come back keeps what is held for it."""
        if not self._session.held or self._session.directive is Directive.RESUME:
            return
        self._session.held = ""
        try:
            await self._calendar.release_hold(self._session.call_sid)
        except Exception as error:  # it ends by itself
            log.warning("hold_not_released", error=type(error).__name__)

    async def _hold(self, offer: Offer) -> None:
        opening = opening_of(offer, self._location.id)
        try:
            await self._calendar.hold(HoldRequest(self._session.call_sid, opening))
        except Exception as error:  # whoever books it finds out what stands
            log.info("opening_not_held", error=type(error).__name__)
