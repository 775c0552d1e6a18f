"""The calendar actor: the bookings of one location, and the worker that tells the world about it.

It imports nothing heavy, because a call actor that looks it up imports this module: in the middle
of the call, at its first question for openings (1 CPU-second with Google's client and the rest).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.runtime.deposit import Deposit, collected
from actors.runtime.process import BaseActor
from config.clock import utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from config.dealership import Dealership
    from config.settings import Settings
    from otto.scheduling.bookings import (
        Booking,
        BookingRequest,
        CancelRequest,
        HoldRequest,
        Mark,
        MoveRequest,
    )
    from otto.scheduling.openings import Openings, OpeningsQuery
    from otto.scheduling.texts.code_requests import CodeRequest, CodeVerdict
    from otto.storage.appointment_terms import Actor


class CalendarActor(BaseActor):
    """One writer a location, which keeps bookings in order and quick. That nothing is booked
    twice rests on the database, so a second one of these would do no harm.
    """

    def __init__(self, given: Settings | Deposit, dealership: Dealership, location_id: str) -> None:
        from otto.scheduling.google.calendar import GoogleCalendar
        from otto.scheduling.mirror.channels import channels_of
        from otto.scheduling.mirror.delivery import calendar_handlers
        from otto.scheduling.mirror.follow import Mirror
        from otto.scheduling.mirror.follower import Follower
        from otto.scheduling.mirror.staff import StaffDesk
        from otto.scheduling.outbox import OutboxWorker
        from otto.scheduling.service import CalendarService
        from otto.scheduling.texts.codes import TextCodes
        from otto.scheduling.texts.rules import TextRules
        from otto.scheduling.texts.texts import KIND, text_handler
        from otto.storage.database import make_engine
        from otto.storage.guard import DatabaseGuard
        from otto.telephony.rest import TwilioRest
        from otto.telephony.texts import text_finder, text_sender

        settings = collected(given)
        super().__init__(settings.log_level, settings.clock)
        engine = make_engine(settings.database)
        lines = (settings.twilio.phone_number,)
        location = dealership.location(location_id)
        rules = TextRules.of(dealership, location, settings.limits, lines)
        twilio = TwilioRest(settings.twilio)
        texting = text_handler(engine, rules, text_sender(twilio), utc_now, text_finder(twilio))
        self._service = CalendarService(
            engine,
            dealership,
            location_id,
            after_commit=self._tell_soon,
            guard=DatabaseGuard(settings.database.command_timeout_s),
            limits=settings.limits,
            lines=lines,
        )
        self._codes = TextCodes(
            engine,
            dealership.name,
            rules,
            settings.limits,
            guard=DatabaseGuard(settings.database.command_timeout_s),
            after_commit=self._tell_soon,
        )
        google = GoogleCalendar(settings.google)
        mirror = Mirror(
            engine,
            dealership,
            location_id,
            google,
            StaffDesk(engine, location, self._service),
            after_commit=self._tell_soon,
        )
        self._outbox = OutboxWorker(engine, calendar_handlers(google, mirror) | {KIND: texting})
        channels = channels_of(engine, google, location, settings)
        self._follower = Follower(mirror, channels, settings.google.poll_s)
        self._stop = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._ender: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Returns when the actor answers, delivers what is waiting in the outbox, follows the
        calendars, and ends the appointments that are over."""
        from otto.scheduling.ending import keep_ending

        loop = asyncio.get_running_loop()
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._outbox.run(self._stop))
        if self._ender is None or self._ender.done():
            self._ender = loop.create_task(keep_ending(self._service))
        if self._following is None or self._following.done():
            self._following = loop.create_task(self._follower.run(self._stop))

    def _tell_soon(self) -> None:
        self._outbox.nudge()

    async def calendar_changed(self) -> None:
        """Google says that there is something new in a calendar: it is read soon."""
        self._follower.nudge()
        await self.ready()

    async def find_openings(self, query: OpeningsQuery) -> Openings:
        return await self._service.find_openings(query)

    async def book(self, request: BookingRequest) -> Booking:
        await self.ready()  # after a restart by Ray nobody else starts the worker
        return await self._service.book(request)

    async def appointments_of(self, customer_id: int) -> tuple[Booking, ...]:
        return await self._service.appointments_of(customer_id)

    async def reschedule(self, request: MoveRequest) -> Booking:
        await self.ready()
        return await self._service.reschedule(request)

    async def cancel(self, request: CancelRequest) -> Booking:
        await self.ready()
        return await self._service.cancel(request)

    async def mark(self, appointment_id: UUID, mark: Mark, actor: Actor = "staff") -> Booking:
        return await self._service.mark(appointment_id, mark, actor)

    async def hold(self, request: HoldRequest) -> datetime:
        return await self._service.hold(request)

    async def release_hold(self, call_sid: str) -> None:
        await self._service.release_hold(call_sid)

    async def text_code(self, request: CodeRequest) -> bool:
        await self.ready()
        return await self._codes.send(request)

    async def check_code(self, call_sid: str, code: str) -> CodeVerdict:
        return await self._codes.check(call_sid, code)
