"""Handing over to the desk, by the table: whatever comes, twice, late or never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.telephony import handover
from otto.telephony.handover import Event, Handovers, Stage, Way

CALL, LEG, OTHER = "CA1", "CAdesk", "CAother"
SUMMARY = "A caller, not verified, asks for a person."


def run(*events: Event | tuple[Event, Way, str]) -> Handovers:
    found = Handovers()
    found.ask(CALL, SUMMARY)
    for event in events:
        tell(found, event)
    return found


def tell(found: Handovers, event: Event | tuple[Event, Way, str]) -> handover.Handover:
    if isinstance(event, tuple):
        return found.happened(CALL, *event)
    return found.happened(CALL, event)


def at_desk(event: Event, leg: str = LEG, way: Way = Way.ROOM) -> tuple[Event, Way, str]:
    return event, way, leg


RUNG = (Event.RING, (Event.DIALLED, Way.ROOM, LEG))


@pytest.mark.parametrize(
    ("events", "stage"),
    [
        ((), Stage.ASKED),
        (RUNG, Stage.RINGING),
        ((*RUNG, at_desk(Event.ANSWERED)), Stage.RINGING),
        ((*RUNG, at_desk(Event.ACCEPTED)), Stage.TAKEN),
        ((*RUNG, at_desk(Event.REFUSED)), Stage.NOBODY),
        ((*RUNG, at_desk(Event.DESK_GONE)), Stage.NOBODY),
        ((*RUNG, Event.WAITING), Stage.RINGING),
        ((*RUNG, Event.OVERDUE), Stage.NOBODY),
        ((*RUNG, Event.CALLER_BACK), Stage.NOBODY),
        ((*RUNG, Event.CALLER_GONE), Stage.GONE),
        ((*RUNG, at_desk(Event.ACCEPTED), at_desk(Event.DESK_GONE)), Stage.PARTED),
        ((*RUNG, at_desk(Event.ACCEPTED), Event.CALLER_BACK), Stage.PARTED),
        ((*RUNG, at_desk(Event.ACCEPTED), Event.CALLER_GONE), Stage.GONE),
        # Late and double.
        ((*RUNG, at_desk(Event.ACCEPTED), at_desk(Event.REFUSED)), Stage.TAKEN),
        ((*RUNG, at_desk(Event.ACCEPTED), Event.OVERDUE), Stage.TAKEN),
        ((*RUNG, at_desk(Event.REFUSED), at_desk(Event.ACCEPTED)), Stage.NOBODY),
        ((*RUNG, Event.CALLER_GONE, at_desk(Event.ACCEPTED)), Stage.GONE),
        ((*RUNG, Event.CALLER_GONE, Event.CALLER_BACK), Stage.GONE),
        ((*RUNG, Event.RING), Stage.RINGING),
        # The callback overtakes the answer to the request that placed the call.
        ((Event.RING, at_desk(Event.DESK_GONE), (Event.DIALLED, Way.ROOM, LEG)), Stage.NOBODY),
        # Another call's word does not count.
        ((*RUNG, at_desk(Event.DESK_GONE, OTHER)), Stage.RINGING),
        ((*RUNG, at_desk(Event.ACCEPTED, OTHER)), Stage.RINGING),
        ((Event.RING, (Event.DIALLED, Way.LINE, ""), at_desk(Event.DESK_GONE)), Stage.RINGING),
        ((at_desk(Event.DESK_GONE),), Stage.ASKED),
    ],
)
def test_the_table(events: tuple[Event, ...], stage: Stage) -> None:
    assert run(*events).happened(CALL, Event.WAITING).stage is stage


def test_a_second_handover_of_a_call_is_a_new_one() -> None:
    found = run(*RUNG, at_desk(Event.REFUSED))
    found.ask(CALL, "Once more.")
    old = tell(found, at_desk(Event.DESK_GONE))
    assert (old.stage, old.is_own) == (Stage.ASKED, False), "the first one's desk"
    again = tell(found, Event.RING)
    assert (again.stage, again.summary, again.is_new, again.leg) == (
        Stage.RINGING, "Once more.", True, "",
    )  # fmt: skip


def test_a_repeat_is_told_from_the_first() -> None:
    found = run()
    assert [tell(found, Event.RING).is_new for _ in range(3)] == [True, False, False]
    first, second = (tell(found, at_desk(Event.ACCEPTED)) for _ in range(2))
    assert (first.is_new, second.is_new, second.is_own) == (True, False, True)
    assert not tell(found, at_desk(Event.ACCEPTED, OTHER)).is_own


def test_whoever_was_restarted_lets_the_conference_decide() -> None:
    found = Handovers()
    assert found.happened("CAx", Event.DESK_GONE, Way.ROOM, LEG).stage is Stage.UNKNOWN
    assert found.happened("CAx", Event.CALLER_GONE).stage is Stage.UNKNOWN
    assert found.happened("CAx", Event.ACCEPTED, Way.ROOM, LEG).stage is Stage.TAKEN
    assert found.happened("CAy", Event.OVERDUE).stage is Stage.NOBODY


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "KEPT", 2)
    found = Handovers()
    for call in ("CA1", "CA2", "CA3"):
        found.ask(call, SUMMARY)
    stages = [found.happened(call, Event.WAITING).stage for call in ("CA1", "CA2", "CA3")]
    assert stages == [Stage.UNKNOWN, Stage.ASKED, Stage.ASKED]


_events = st.one_of(
    st.sampled_from([*Event]),
    st.tuples(st.sampled_from([*Event]), st.sampled_from([*Way]), st.sampled_from([LEG, OTHER])),
)


@given(st.lists(_events, max_size=30))
def test_in_whatever_order_at_most_one_desk_takes_a_caller_who_is_there(events: list) -> None:
    found = run()
    taken_by: set[tuple[Way | None, str]] = set()
    stages = [Stage.ASKED]
    for event in events:
        now = tell(found, event)
        name = event[0] if isinstance(event, tuple) else event
        if name is Event.ACCEPTED and now.is_own and now.stage is Stage.TAKEN:
            taken_by.add((now.way, now.leg))
        assert tell(found, event).stage is now.stage, "a repeat changes nothing"
        stages.append(now.stage)
    assert len(taken_by) <= 1
    for at, stage in enumerate(stages):
        if stage is Stage.GONE:
            assert set(stages[at:]) == {Stage.GONE}
        if stage in {Stage.NOBODY, Stage.PARTED}:
            assert Stage.TAKEN not in stages[at:] and Stage.RINGING not in stages[at:]
