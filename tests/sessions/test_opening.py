"""Whose session it is: the same person's, or nobody's that is known."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.session.opening import (
    GENERATIONS_PER_EPOCH,
    KEPT_S,
    OpenedSession,
    is_same_caller,
    open_session,
)
from otto.dialogue.session.state import Directive, Identity, Offer, Session, VehicleRef
from otto.dialogue.session.store import Opened
from otto.language.characters import to_json
from otto.telephony.switchboard_port import CallerFacts, CallStart

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
MARIA = CallerFacts("+13125550142", "+18155550199")
STARTED = CallStart("CA1", "stream-2", MARIA)


class Store:
    """Has what it was given, written so long ago; None: it is away."""

    def __init__(self, state: dict[str, Any] | None, age_s: float | None) -> None:
        self.state = state
        self.age_s = age_s

    async def open(self, call_sid: str, epoch: int) -> Opened:
        if self.state is None:
            raise ConnectionError
        return Opened(epoch, self.state, self.age_s)

    async def commit(self, call_sid: str, epoch: int, state: dict[str, Any]) -> None:
        self.state = state


def verified(stream: str = "stream-1", **more: Any) -> Session:
    """A session in which Maria has proved who she is."""
    session = Session("CA1", MARIA.caller, MARIA.called, NOW.isoformat(), epoch=3, revision=9)
    session.stream, session.identity, session.customer_id = stream, Identity.VERIFIED, 7
    session.first_name, session.phone, session.caller_turns = "Maria", MARIA.caller, 5
    session.vehicles = [VehicleRef("car-1", 70, "2019 Honda Civic")]
    when = NOW + timedelta(days=1)
    session.offers = {"s1": Offer("s1", (), when.isoformat(), when.isoformat(), "", 4)}
    session.history.caller("My date of birth is March twelfth.")
    session.recognised_ms, session.keys, session.directive = 9000, 2, Directive.RESUME
    for name, value in more.items():
        setattr(session, name, value)
    return session


async def opened(
    saved: Session | None, age_s: float | None, started: CallStart = STARTED
) -> OpenedSession:
    store = Store(None if saved is None else saved.dump(), age_s)
    made = await open_session(store, started, lambda checkpoint: None, NOW)
    await made.writer.close()
    return made


def knows_nobody(session: Session) -> bool:
    return (
        session.identity in {Identity.UNKNOWN, Identity.LOCKED}
        and (session.customer_id, session.first_name, session.phone) == (None, "", "")
        and not (session.vehicles or session.offers or session.history.entries)
        and session.in_progress is None
    )


async def test_a_stream_that_broke_is_followed_by_the_same_persons() -> None:
    made = await opened(verified(), 3.0)
    assert made.is_taken_over
    assert (made.session.identity, made.session.customer_id) == (Identity.VERIFIED, 7)
    assert (made.session.stream, made.session.recognised_ms) == ("stream-2", 0)


async def test_fifty_minutes_later_nobody_is_known() -> None:
    made = await opened(verified(), 50 * 60.0)
    assert not made.is_taken_over, "the caller hears the greeting"
    assert knows_nobody(made.session)


@pytest.mark.parametrize(
    "facts",
    [
        CallerFacts("+18155550666", MARIA.called),
        CallerFacts(MARIA.caller, "+18155550198"),
        CallerFacts("", MARIA.called),
        CallerFacts(f"{MARIA.caller} ", MARIA.called),
        CallerFacts(MARIA.called, MARIA.caller),
        CallerFacts("anonymous", MARIA.called),
    ],
)
@pytest.mark.parametrize("stream", ["stream-1", "stream-2"])
async def test_another_caller_knows_nothing_however_soon(facts: CallerFacts, stream: str) -> None:
    made = await opened(verified(), 0.1, replace(STARTED, facts=facts, stream=stream))
    assert not made.is_taken_over
    assert knows_nobody(made.session)
    assert (made.session.caller, made.session.called) == (facts.caller, facts.called)


@pytest.mark.parametrize(
    ("age_s", "is_kept"),
    [(0.0, True), (119.9, True), (120.0, False), (None, False), (-0.5, True), (-5.0, False)],
)
async def test_the_next_stream_has_two_minutes(age_s: float | None, is_kept: bool) -> None:
    assert (await opened(verified(), age_s)).is_taken_over is is_kept


async def test_a_call_actor_that_is_lost_late_in_a_silence_costs_nobody_their_identity() -> None:
    """The stream stands: however long nothing was written, it is the same person."""
    made = await opened(verified("stream-2"), 600.0)
    assert made.is_taken_over
    assert (made.session.identity, made.session.recognised_ms) == (Identity.VERIFIED, 9000)


async def test_the_lines_copy_counts_for_its_own_stream_alone() -> None:
    for stream, is_kept in (("stream-2", True), ("stream-1", False)):
        copy = zlib.compress(to_json(verified(stream).dump()).encode())
        made = await opened(None, None, replace(STARTED, checkpoint=copy))
        assert made.is_taken_over is is_kept


@pytest.mark.parametrize("checkpoint", [b"nothing", zlib.compress(b"{"), zlib.compress(b"\xff")])
async def test_a_copy_that_cannot_be_read_is_none(checkpoint: bytes) -> None:
    made = await opened(None, None, replace(STARTED, checkpoint=checkpoint))
    assert not made.is_taken_over
    assert made.session.identity is Identity.UNKNOWN


async def test_what_counts_against_a_caller_stays_and_so_does_the_record() -> None:
    saved = verified(attempts=2, attempted=["5:given"], bookings=["a1"], callback_requested=True)
    fresh = (await opened(saved, 600.0)).session
    assert (fresh.attempts, fresh.attempted, fresh.caller_turns) == (2, ["5:given"], 5)
    assert (fresh.bookings, fresh.callback_requested) == (["a1"], True)
    refused = (await opened(verified(transcript_refused=True), 600.0)).session
    assert refused.transcript_refused
    locked = (await opened(verified(identity=Identity.LOCKED), 600.0)).session
    assert locked.identity is Identity.LOCKED
    assert knows_nobody(locked)


async def test_a_new_beginning_is_still_later_than_what_the_line_has_heard() -> None:
    made = await opened(verified(), 600.0)
    assert made.session.epoch == 4
    assert made.first_generation == 4 * GENERATIONS_PER_EPOCH


async def test_a_session_of_an_earlier_release_is_read_and_nobody_in_it_known() -> None:
    state = verified().dump()
    state["stream_sid"] = state.pop("stream")
    made = await open_session(Store(state, None), STARTED, lambda checkpoint: None, NOW)
    await made.writer.close()
    assert knows_nobody(made.session)


NUMBERS = st.sampled_from(["+13125550142", "+18155550199", "+18155550666", "", "anonymous"])
STREAMS = st.sampled_from(["stream-1", "stream-2", ""])
AGES = st.none() | st.floats(-1e6, 1e6)


@given(
    saved_from=NUMBERS,
    saved_to=NUMBERS,
    now_from=NUMBERS,
    now_to=NUMBERS,
    call_sid=st.sampled_from(["CA1", "CA2"]),
    was_on=STREAMS,
    age_s=AGES,
    identity=st.sampled_from(list(Identity)),
    attempts=st.integers(0, 9),
)
def test_nobody_is_trusted_but_the_same_person_soon_enough(
    saved_from: str,
    saved_to: str,
    now_from: str,
    now_to: str,
    call_sid: str,
    was_on: str,
    age_s: float | None,
    identity: Identity,
    attempts: int,
) -> None:
    saved = verified(
        was_on, caller=saved_from, called=saved_to, identity=identity, attempts=attempts
    )
    started = CallStart(call_sid, "stream-2", CallerFacts(now_from, now_to))
    agree = (saved_from, saved_to, "CA1") == (now_from, now_to, call_sid)
    soon = was_on == "stream-2" or (age_s is not None and age_s < KEPT_S)
    made = asyncio.run(opened(saved, age_s, started))
    if made.session.identity.trusted or made.is_taken_over or made.session.history.entries:
        assert agree
        assert soon
    assert made.session.attempts >= attempts, "no wrong answer is forgotten"
    assert (made.session.identity is Identity.LOCKED) or identity is not Identity.LOCKED
    assert made.is_taken_over is is_same_caller(saved, started, age_s)


@pytest.mark.parametrize(
    ("attestation", "is_forged"),
    [
        ("TN-Validation-Passed-A", False),
        ("TN-Validation-Failed-A", True),
        ("No-TN-Validation", False),
        ("", False),
    ],
)
async def test_a_number_that_the_network_calls_forged_stays_so_for_the_call(
    attestation: str, is_forged: bool
) -> None:
    facts = CallerFacts(MARIA.caller, MARIA.called, attestation)
    first = await opened(None, None, CallStart("CA1", "stream-1", facts))
    assert first.session.is_forged is is_forged
    next_owner = await opened(first.session, 1.0, STARTED)  # whose webhook says nothing of it
    assert next_owner.is_taken_over and next_owner.session.is_forged is is_forged
    anew = await opened(first.session, 50 * 60.0, STARTED)
    assert anew.session.is_forged is is_forged


async def test_what_counts_against_a_caller_outlives_their_identity() -> None:
    made = await opened(verified(said="+17735550111", code_sent_to="+17735550111"), 50 * 60.0)
    assert knows_nobody(made.session)
    assert not made.session.may_look_up("+17735550122"), "one said number a call"
    assert (made.session.code_sent_to, made.session.proved) == ("+17735550111", "")


@pytest.mark.parametrize(
    "state",
    [
        {"a": 1},
        {"epoch": "x", "revision": None, "call_sid": "CA1"},
        {"epoch": [], "turns": 7},
        verified().dump() | {"identity": "king"},
        verified().dump() | {"vehicles": [{"x": 1}]},
        verified().dump() | {"offers": None},
        verified().dump() | {"history": "none"},
    ],
)
async def test_a_state_of_another_making_is_greeted_anew(state: dict[str, Any]) -> None:
    made = await open_session(Store(state, 1.0), STARTED, lambda checkpoint: None, NOW)
    await made.writer.close()
    assert not made.is_taken_over and knows_nobody(made.session)
    assert made.session.epoch >= 1
