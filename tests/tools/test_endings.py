"""What a batch of tool calls means for the end of the call: the table, and what holds for all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.session.history import History
from otto.dialogue.session.state import Directive, Ending
from otto.dialogue.tools.endings import (
    END_CALL,
    ENDINGS,
    PROMISES,
    TRANSFER,
    Conclusion,
    Next,
    conclude,
    is_news,
    is_owed,
    retract,
)
from otto.events import ToolCall

HANG_UP, PERSON = ENDINGS[END_CALL], ENDINGS[TRANSFER]
ENDS = (END_CALL, "ending")
CONNECTS = (TRANSFER, "transferring")
BOOKED = ("book_appointment", "booked")
TAKEN = ("book_appointment", "taken")
TOO_LONG = ("book_appointment", "error")
FOUND = ("identify_caller", "found")
LOCKED = ("verify_caller", "locked")
MISMATCH = ("verify_caller", "mismatch")
NOTED = ("request_callback", "noted")
OPENINGS = ("find_openings", "ok")
NONE = ("find_openings", "none")
HOURS = ("dealership_info", "ok")
NO_SUCH = ("no_such_tool", "error")
BROKEN_TRANSFER = (TRANSFER, "error")
BROKEN_END = (END_CALL, "error")
Batch = list[tuple[str, str]]


def of(batch: Batch, said: str = "All right.", **more: Any) -> Conclusion:
    return conclude(
        [name for name, _ in batch], [{"status": status} for _, status in batch], said, **more
    )


@pytest.mark.parametrize("is_reversed", [False, True], ids=["in order", "reversed"])
@pytest.mark.parametrize(
    ("batch", "said", "follows", "ending", "wants_person"),
    [
        ([ENDS], "Goodbye!", Next.END, HANG_UP, False),
        ([ENDS], "", Next.END, HANG_UP, False),
        ([ENDS, ENDS], "Goodbye!", Next.END, HANG_UP, False),
        ([CONNECTS], "", Next.END, PERSON, False),
        ([CONNECTS, CONNECTS], "", Next.END, PERSON, False),
        ([CONNECTS, ENDS], "Goodbye!", Next.END, PERSON, False),
        ([ENDS, CONNECTS, ENDS], "Goodbye!", Next.END, PERSON, False),
        ([TAKEN, ENDS], "You are all set. Goodbye!", Next.ASK, None, False),
        ([BOOKED, ENDS], "You are all set. Goodbye!", Next.ASK, None, False),
        ([TOO_LONG, ENDS], "You are all set. Goodbye!", Next.ASK, None, False),
        ([LOCKED, ENDS], "Goodbye!", Next.ASK, None, False),
        ([MISMATCH, ENDS], "Goodbye!", Next.ASK, None, False),
        ([OPENINGS, ENDS], "Goodbye!", Next.ASK, None, False),
        ([NONE, ENDS], "Goodbye!", Next.ASK, None, False),
        ([HOURS, ENDS], "Goodbye!", Next.ASK, None, False),
        ([NO_SUCH, ENDS], "Goodbye!", Next.ASK, None, False),
        ([TAKEN, CONNECTS], "I'll connect you.", Next.ASK, None, True),
        ([TAKEN, ENDS, CONNECTS], "Goodbye!", Next.ASK, None, True),
        ([FOUND, CONNECTS], "I'll connect you.", Next.END, PERSON, False),
        ([NOTED, ENDS], "Somebody will call you back. Goodbye!", Next.END, HANG_UP, False),
        ([NOTED, ENDS], "", Next.ASK, None, False),
        ([BROKEN_TRANSFER, ENDS], "Goodbye!", Next.END, PERSON, False),
        ([BROKEN_END, CONNECTS], "", Next.END, PERSON, False),
        ([BROKEN_TRANSFER], "", Next.ASK, None, True),
        ([BROKEN_END], "Goodbye!", Next.ASK, None, False),
        ([HOURS], "", Next.ASK, None, False),
        ([ENDS], "Is there anything else?", Next.WAIT, None, False),
        ([CONNECTS], "Shall I connect you?", Next.END, PERSON, False),
    ],
)
def test_a_batch_ends_the_call_only_when_all_has_been_told(
    batch: Batch,
    said: str,
    follows: Next,
    ending: Ending | None,
    wants_person: bool,
    is_reversed: bool,
) -> None:
    found = of(batch[::-1] if is_reversed else batch, said)
    assert (found.follows, found.ending) == (follows, ending)
    assert found.wants_person is wants_person


def test_what_earlier_tools_came_to_is_told_before_a_wordless_end() -> None:
    assert of([ENDS], "", is_owed=True).follows is Next.ASK
    assert of([ENDS], "It was taken, I'm afraid. Goodbye.", is_owed=True).ending == HANG_UP
    assert of([CONNECTS], "", is_owed=True).wants_person


def test_a_person_who_was_promised_comes_instead_of_a_goodbye() -> None:
    promised = Ending(Directive.TRANSFER, "model_failed")
    found = of([ENDS], "Goodbye!", promised=promised)
    assert found.ending == promised
    assert not found.is_announced, "a goodbye does not say that they are connected"
    assert found.results[0]["status"] == "not_ended"
    assert of([CONNECTS], "", promised=promised).ending == PERSON


statuses = st.sampled_from(
    "ok error booked taken locked mismatch verified found not_found noted none created".split()
)
others = st.tuples(
    st.sampled_from(["book_appointment", "find_openings", "identify_caller", "new_tool"]), statuses
)
endings = st.one_of(
    st.sampled_from([ENDS, CONNECTS]),
    st.tuples(st.sampled_from([END_CALL, TRANSFER]), st.just("error")),
)
batches = st.lists(st.one_of(others, endings), min_size=1, max_size=8)


@given(batches, st.sampled_from(["", "Goodbye!", "Anything else?"]), st.booleans(), st.booleans())
def test_nothing_is_lost_in_any_batch(
    batch: Batch, said: str, owed: bool, is_promised: bool
) -> None:
    found = of(batch, said, is_owed=owed, promised=PERSON if is_promised else None)
    assert len(found.results) == len(batch)
    assert (found.ending is not None) == (found.follows is Next.END)
    for (name, status), result in zip(batch, found.results, strict=True):
        if name not in ENDINGS or status == "error":
            assert result == {"status": status}, "what tools came to is never changed"
        elif result["status"] == PROMISES[name]:
            assert found.follows is Next.END, "no ending is promised that does not come"
    asked_for_person = any(name == TRANSFER for name, _ in batch)
    if found.follows is Next.END:
        assert not any(is_news(name, {"status": status}, said) for name, status in batch)
        assert (found.ending == PERSON) is (asked_for_person or is_promised)
    elif asked_for_person:
        assert found.wants_person
    again = of(batch[::-1], said, is_owed=owed, promised=PERSON if is_promised else None)
    assert (again.follows, again.ending) == (found.follows, found.ending), "in whatever order"


def said_and_done(history: History, said: str, name: str, status: str) -> None:
    history.otto(said, [ToolCall("c", name, "{}")], [json.dumps({"status": status})])


def test_results_are_owed_until_something_is_said_behind_them() -> None:
    history = History()
    assert not is_owed(history)
    said_and_done(history, "Let me book that.", *TAKEN)
    assert is_owed(history)
    history.caller("And the wipers?")
    assert is_owed(history), "the caller spoke; nobody told them anything"
    said_and_done(history, "", *FOUND)
    assert is_owed(history)
    history.otto("That slot was taken.")
    assert not is_owed(history)
    said_and_done(history, "One moment.", *FOUND)
    assert not is_owed(history), "a look-up is nothing to the caller"


def test_only_endings_are_retracted() -> None:
    history = History()
    for name, status in (BOOKED, CONNECTS, ENDS, BROKEN_END, (TRANSFER, "not_yet")):
        said_and_done(history, "", name, status)
    retract(history)
    results = [json.loads(entry.results[0])["status"] for entry in history.entries]
    assert results == ["booked", "interrupted", "interrupted", "error", "not_yet"]
