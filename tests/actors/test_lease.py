"""A call actor that was stopped and wakes up must not book for a caller who is another's by now."""

from __future__ import annotations

import asyncio

import pytest

from actors.call.lease import LEASE_S, CallLease
from otto.dialogue.session.store import Fenced
from otto.media_link.client import connect_control
from otto.media_link.frames import Role
from otto.media_link.server import LinkServer


class Sink:
    """The holder of Twilio's socket, as far as a control connection needs one."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def on_control_attached(self) -> None: ...
    def on_hangup(self) -> None: ...

    def on_control_lost(self) -> None:
        self.lost.set()


async def test_between_calls_and_during_one_that_stands_nothing_is_in_the_way() -> None:
    lease = CallLease()
    await lease.check()
    links = LinkServer()
    await links.start()
    link = links.open("CA1", Sink())
    lease.control = await connect_control(links.address, link.invite(Role.CONTROL))
    await asyncio.wait_for(lease.check(), 0.01)
    link.close("stop")
    assert await lease.control.read() is None
    await lease.check()  # the caller has hung up: a booking that runs may finish
    await links.close()


async def test_who_wakes_up_too_late_waits_for_word_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("otto.media_link.server.PING_EVERY_S", 0.02)
    links = LinkServer()
    await links.start()
    sink = Sink()
    link = links.open("CA1", sink)
    lease = CallLease()
    lease.control = control = await connect_control(links.address, link.invite(Role.CONTROL))
    control._end._transport.pause_reading()  # as SIGSTOP: nothing is read, nothing answered
    await asyncio.wait_for(sink.lost.wait(), 5)
    control._end.pinged_s -= LEASE_S
    booking = asyncio.create_task(lease.check())
    await asyncio.sleep(0.05)
    assert not booking.done(), "before any I/O it knows that it cannot be sure"
    control._end._transport.resume_reading()
    with pytest.raises(Fenced):
        await booking
    await links.close()


async def test_who_only_dozed_goes_on_with_the_next_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    links = LinkServer()
    await links.start()
    link = links.open("CA1", Sink())
    lease = CallLease()
    lease.control = control = await connect_control(links.address, link.invite(Role.CONTROL))
    control._end.pinged_s -= LEASE_S
    await asyncio.wait_for(lease.check(), 1)
    await links.close()
