"""What the parts of a call see of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sandbox.caller.caller import Caller
from sandbox.caller.record import Record
from sandbox.twilio.conference import Participant, Rooms
from sandbox.twilio.desk import DeskSetting
from sandbox.twilio.plan import CallPlan
from sandbox.twilio.twiml import Verb
from sandbox.world import World


class Requests(Protocol):
    """Twilio's requests about one call."""

    async def fetch(
        self, url: str, method: str, more: Mapping[str, str], *, first: bool = False
    ) -> str: ...
    def absolute(self, url: str) -> str: ...


class Leg(Protocol):
    """A call that another one's `<Dial>` has placed."""

    sid: str
    status: str
    met: list[Participant]

    @property
    def duration_s(self) -> int: ...
    async def over(self) -> None: ...
    def hang_up(self, by: str) -> None: ...


class Switching(Protocol):
    """The telephone exchange."""

    rooms: Rooms
    desk: DeskSetting

    def dial_for(self, parent: Line, plan: CallPlan) -> Leg: ...


class Line(Protocol):
    """One call, as what it is made of sees it."""

    sid: str
    status: str
    plan: CallPlan
    world: World
    record: Record
    caller: Caller
    met: list[Participant]

    @property
    def exchange(self) -> Switching: ...
    @property
    def webhooks(self) -> Requests: ...
    @property
    def duration_s(self) -> int: ...
    async def perform(self, verb: Verb) -> str | None: ...
    def hang_up(self, by: str) -> None: ...
