"""The opening that is said back to the caller, held for them while they make up their mind.

Said back is an opening when Otto asks something and names its time, and that of no other opening
that was offered: "That's Tuesday, November 24 at 9:00 AM. Shall I book it?" Nothing is asked of
the model for it. Another opening that is said back takes the place of the one that was held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import structlog

from otto.dialogue.session.state import Directive, Offer, Session
from otto.dialogue.tools.offers import opening_of
from otto.dialogue.tools.ports import Calendar
from otto.dialogue.tools.runner import Spawn
from otto.dialogue.turns.courtesy import asks
from otto.scheduling.bookings import HoldRequest

log = structlog.get_logger()

_WHEN = re.compile(
    r"(?P<weekday>\w+), (?P<month>\w+) (?P<day>\d+) at "
    r"(?P<hour>\d+):(?P<minute>\d\d) (?P<half>[AP])M"
)
"""As `describe_start` says it."""
_CLOCK = re.compile(
    r"\b(?P<hour>1[0-2]|0?[1-9])(?::(?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?\s?m\b|\bnoon\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b")
_DATE = re.compile(
    rf"(?:{_WEEKDAY.pattern},? )?\b(january|february|march|april|may|june|july|august|september"
    r"|october|november|december) (\d{1,2})(?:st|nd|rd|th)?\b"
)

Clock = tuple[int, int, str]
"""Hour of twelve, minute, and "a" or "p"."""


def said_back(text: str, offers: Iterable[Offer]) -> Offer | None:
    """The opening that Otto asks about in `text`; None for none, or several."""
    if not asks(text):
        return None
    heard = text.casefold()
    clocks = {_clock(match) for match in _CLOCK.finditer(heard)}
    dates = {(month, int(day)) for month, day in _DATE.findall(heard)}
    # A weekday that stands before its date says nothing of other weeks.
    weekdays = set(_WEEKDAY.findall(_DATE.sub("", heard)))
    by_start: dict[str, Offer] = {}
    for offer in offers:
        match = _WHEN.match(offer.when)
        if match is None or _clock(match) not in clocks:
            continue
        day = match["weekday"].casefold(), (match["month"].casefold(), int(match["day"]))
        if not (weekdays or dates) or day[0] in weekdays or day[1] in dates:
            by_start[offer.starts_at] = offer
    return next(iter(by_start.values())) if len(by_start) == 1 else None


class Holding:
    """What is held for one call: one opening at a time, which the session names."""

    def __init__(
        self, session: Session, calendar: Calendar, location_id: str, spawn: Spawn
    ) -> None:
        self._session = session
        self._calendar = calendar
        self._location_id = location_id
        self._spawn = spawn

    def said(self, text: str) -> None:
        """Otto says this: what it says back is held from now on."""
        offer = said_back(text, self._session.offers.values())
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
        opening = opening_of(offer, self._location_id)
        try:
            await self._calendar.hold(HoldRequest(self._session.call_sid, opening))
        except Exception as error:  # whoever books it finds out what stands
            log.info("opening_not_held", error=type(error).__name__)


def _clock(match: re.Match[str]) -> Clock:
    if match[0] == "noon":
        return 12, 0, "p"
    return int(match["hour"]), int(match["minute"] or 0), match["half"].casefold()
