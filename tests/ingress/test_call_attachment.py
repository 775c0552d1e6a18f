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
from otto.telephony.switchboard_port import CallerFacts, CallStart, Redeemed

STARTED = Started("MZ1", "CA1", "AC1", {"token": "first", "caller": "+1", "called": "+2"})
FACTS = CallerFacts("+18155550123", "+18155550199")


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
        self.attached: set[Role] = set()
        self.locked_out = 0
        self.invited = 0

    def invite(self, role: Role) -> str:
        assert role is Role.CONTROL
        self.invited += 1
        return f"token-{self.invited}"

    def lock_out(self) -> None:
        self.locked_out += 1


class Switchboard:
    """Its call actors attach at once, or never while `is_stuck`."""

    def __init__(self) -> None:
        self.attachment: CallAttachment
        self.link: Link
        self.started: list[CallStart] = []
        self.tokens: list[str] = []
        self.is_stuck = False
        self.answers: list[Any] = []
        """To what is redeemed: "given", None, "hangs" or what it raises; then "given"."""
        self.reasons: list[str] = []
        """Why there is no other call actor, the first times."""
        self.redeemed: list[tuple[str, ...]] = []
        self.taken_over: list[tuple[Any, ...]] = []
        self.ended: list[tuple[str, ...]] = []

    async def redeem(self, token: str, call_sid: str, stream: str) -> Any:
        self.redeemed.append((token, call_sid, stream))
        answer = self.answers.pop(0) if self.answers else "given"
        if isinstance(answer, Exception):
            raise answer
        if answer == "hangs":
            await asyncio.Event().wait()
        return Redeemed(self, FACTS) if answer == "given" else None

    async def take_over(self, call_sid: str, facts: CallerFacts, stream: str) -> Any:
        self.taken_over.append((call_sid, facts, stream))
        return self.reasons.pop(0) if self.reasons else Redeemed(self, facts)

    async def stream_ended(self, call_sid: str, stream: str) -> None:
        self.ended.append((call_sid, stream))

    async def attach(self, link_address: str, link_token: str, started: CallStart) -> None:
        self.started.append(started)
        self.tokens.append(link_token)
        if not self.is_stuck:
            self.link.attached.add(Role.CONTROL)
            self.attachment.on_control_attached()

    def die(self) -> None:
        self.link.attached.discard(Role.CONTROL)
        self.attachment.on_control_lost()


def attachment(switchboard: Switchboard) -> tuple[Line, CallAttachment]:
    line, link = Line(), Link()
    made = CallAttachment(line, STARTED, link, "127.0.0.1:1", switchboard)  # type: ignore[arg-type]
    switchboard.attachment, switchboard.link = made, link
    return line, made


@pytest.fixture
async def served() -> tuple[Line, Switchboard]:
    switchboard = Switchboard()
    line, made = attachment(switchboard)
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
    assert switchboard.link.locked_out == 1, "the old one's workers are locked out"
    assert switchboard.tokens == ["token-1", "token-2"], "each has a token of its own"
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


async def test_who_is_on_the_line_comes_from_the_reservation_alone(
    served: tuple[Line, Switchboard],
) -> None:
    _, switchboard = served
    switchboard.die()
    await settle()
    assert [started.facts for started in switchboard.started] == [FACTS, FACTS]
    (_, _, stream) = switchboard.redeemed[0]
    assert switchboard.taken_over == [("CA1", FACTS, stream)]
    assert {started.stream for started in switchboard.started} == {stream}
    assert stream != STARTED.stream_sid, "a name that nobody outside can choose"


@pytest.mark.looptime
@pytest.mark.parametrize("fault", [RuntimeError("restarting"), TypeError("odd"), "hangs"])
async def test_a_stream_whose_redeeming_failed_asks_again_and_gets_nobody_meanwhile(
    fault: Any,
) -> None:
    switchboard = Switchboard()
    switchboard.answers = [fault, fault, "given"]
    line, made = attachment(switchboard)
    await made.attach()
    assert len(set(switchboard.redeemed)) == 1, "the same question, so that the answer is the same"
    assert len(switchboard.redeemed) == 3
    assert (switchboard.taken_over, len(switchboard.started)) == ([], 1)
    assert not line.has_ended


@pytest.mark.looptime
@pytest.mark.parametrize("fault", [RuntimeError("gone"), "hangs"])
async def test_a_stream_that_cannot_redeem_is_ended_without_a_call_actor(fault: Any) -> None:
    switchboard = Switchboard()
    switchboard.answers = [fault] * 100
    line, made = attachment(switchboard)
    await made.attach()
    made.on_control_lost()  # whatever the link says
    await asyncio.sleep(30)
    assert [ending.reason for ending in line.endings] == ["not_redeemed"]
    assert (switchboard.taken_over, switchboard.started) == ([], [])
    await made.let_go()
    assert switchboard.ended, "the answer may have been lost, and the call must be able to return"


@pytest.mark.looptime
async def test_a_stream_whose_token_is_refused_after_a_fault_gets_nobody() -> None:
    switchboard = Switchboard()
    switchboard.answers = [RuntimeError("restarting"), None]
    line, made = attachment(switchboard)
    await made.attach()
    assert [ending.reason for ending in line.endings] == ["bad_token"]
    await made.let_go()
    assert (switchboard.taken_over, switchboard.started, switchboard.ended) == ([], [], [])


@pytest.mark.parametrize("reason", ["superseded", "ended"])
async def test_a_line_whose_call_goes_on_elsewhere_is_given_up(
    served: tuple[Line, Switchboard], reason: str
) -> None:
    line, switchboard = served
    switchboard.reasons = [reason]
    switchboard.die()
    await settle()
    assert [(ending.reason, ending.close_code) for ending in line.endings] == [(reason, 1000)]
    assert len(switchboard.started) == 1


@pytest.mark.looptime
async def test_a_node_that_is_full_is_asked_until_it_has_a_place(
    served: tuple[Line, Switchboard],
) -> None:
    line, switchboard = served
    switchboard.reasons = ["full"] * 5
    switchboard.die()
    await asyncio.sleep(2)
    assert len(switchboard.started) == 2
    assert not line.has_ended


@pytest.mark.looptime
async def test_a_link_that_loses_somebody_before_the_token_is_redeemed_gets_nobody() -> None:
    switchboard = Switchboard()
    switchboard.answers = ["hangs", "given"]
    line, made = attachment(switchboard)
    attaching = asyncio.create_task(made.attach())
    await asyncio.sleep(0.5)
    made.on_control_lost()
    await asyncio.sleep(0.5)
    assert (switchboard.taken_over, switchboard.started) == ([], [])
    await attaching
    assert (len(switchboard.started), line.has_ended) == (1, False)
