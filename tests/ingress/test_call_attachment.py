"""One call actor after another for a line: however losses and recoveries meet, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from otto.media_link.frames import Role
from otto.telephony.call_attachment import CallAttachment
from otto.telephony.stream import Started
from otto.telephony.stream_end import StreamEnd
from otto.telephony.switchboard_port import CallStart, Reservation

STARTED = Started("MZ1", "CA1", "AC1", {"token": "first", "caller": "+1815", "called": "+1816"})


class Line:
    at_ms = 700

    def __init__(self) -> None:
        self.endings: list[StreamEnd] = []

    @property
    def has_ended(self) -> bool:
        return bool(self.endings)

    def end(self, ending: StreamEnd) -> None:
        self.endings.append(ending)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)


class Link:
    """The media link: `attached` as the last call actor left it."""

    latest_generation = 4
    checkpoint = b"kept"

    def __init__(self) -> None:
        self.token = "token"
        self.attached: set[Role] = set()
        self.tokens_renewed = 0

    def renew_token(self) -> None:
        self.tokens_renewed += 1


class Switchboard:
    """Its call actors attach at once, or never while `is_stuck`."""

    def __init__(self) -> None:
        self.attachment: CallAttachment
        self.link: Link
        self.started: list[CallStart] = []
        self.is_stuck = False

    async def reserve(
        self, call_sid: str, caller: str, called: str, takeover: bool = False
    ) -> Reservation:
        return Reservation("another", None)

    async def redeem(self, token: str, call_sid: str) -> Any:
        return self

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        self.started.append(started)
        if not self.is_stuck:
            self.link.attached.add(Role.CONTROL)
            self.attachment.on_control_attached()

    def die(self) -> None:
        self.link.attached.discard(Role.CONTROL)
        self.attachment.on_control_lost()


@pytest.fixture
async def served() -> tuple[Line, Switchboard]:
    line, link, switchboard = Line(), Link(), Switchboard()
    made: Any = CallAttachment(line, STARTED, "MZ1", link, "127.0.0.1:1", switchboard)  # type: ignore[arg-type]
    switchboard.attachment, switchboard.link = made, link
    await made.attach()
    return line, switchboard


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_next_call_actor_is_told_where_the_line_is(
    served: tuple[Line, Switchboard],
) -> None:
    line, switchboard = served
    switchboard.die()
    await settle()
    first, second = switchboard.started
    assert (first.taken_over, second.taken_over) == (False, True)
    assert (second.at_ms, second.first_generation, second.checkpoint) == (700, 5, b"kept")
    assert switchboard.link.tokens_renewed == 1, "the old one's workers are locked out"
    assert not line.has_ended


async def test_losses_during_a_recovery_do_not_start_another(
    served: tuple[Line, Switchboard],
) -> None:
    _, switchboard = served
    switchboard.is_stuck = True
    switchboard.die()
    await settle()
    switchboard.die()
    switchboard.die()
    await settle()
    assert len(switchboard.started) == 2


@pytest.mark.parametrize("passes", range(12))
async def test_a_loss_at_the_moment_of_recovery_leads_to_exactly_one_more(
    served: tuple[Line, Switchboard], passes: int
) -> None:
    """Between the end of the recovery's task and the loop's word of it, too."""
    _, switchboard = served
    switchboard.die()
    for _ in range(passes):
        await asyncio.sleep(0)
    was_there = Role.CONTROL in switchboard.link.attached
    switchboard.die()
    await settle()
    assert len(switchboard.started) == (3 if was_there else 2)
    assert Role.CONTROL in switchboard.link.attached


async def test_a_line_that_has_ended_wants_nobody(served: tuple[Line, Switchboard]) -> None:
    line, switchboard = served
    line.end(StreamEnd("stop"))
    switchboard.die()
    await settle()
    assert len(switchboard.started) == 1
