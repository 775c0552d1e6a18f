"""A reply changes by its methods alone, and refuses what its state does not allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.reply.playback import Playback
from otto.dialogue.reply.reply import TRANSITIONS, IllegalStep, Reply, ReplyState, Step
from otto.dialogue.session.history import History
from otto.dialogue.session.state import Directive, Ending
from otto.events import ModelDone

SENTENCE = "We have Tuesday at nine."
ENDING = Ending(Directive.HANG_UP, "done")
DONE = ModelDone(1, SENTENCE, (), "stop", 200.0, 300.0, 400.0)


def playback() -> Playback:
    return Playback(chunk_ms=400)


def reply_in(state: ReplyState) -> Reply:
    reply = Reply(1, playback())
    reply.add_sentence(SENTENCE)
    match state:
        case ReplyState.AUDIBLE:
            reply.sound(1.0)
        case ReplyState.PAUSED:
            reply.pause(1.0)
        case ReplyState.CLOSED:
            reply.close(1.0)
    return reply


def do(reply: Reply, step: Step) -> None:
    match step:
        case Step.SOUND:
            reply.sound(2.0)
        case Step.PAUSE:
            reply.pause(2.0)
        case Step.UNPAUSE:
            reply.unpause(2, playback())
        case Step.CLOSE:
            reply.close(2.0)


def seen(reply: Reply) -> Any:
    """Everything that can be told of a reply from outside."""
    return (
        reply.state,
        reply.generation,
        [*reply.sentences],
        dict(reply.heard),
        set(reply.remarks),
        reply.rounds,
        reply.round,
        reply.is_finished,
        reply.is_filled,
        reply.ending,
        reply.timing.playing_s,
    )


@pytest.mark.parametrize("state", list(ReplyState))
@pytest.mark.parametrize("step", list(Step))
def test_every_step_is_taken_or_refused_as_the_table_says(state: ReplyState, step: Step) -> None:
    reply = reply_in(state)
    before = seen(reply)
    following = TRANSITIONS.get((state, step))
    if following is None:
        with pytest.raises(IllegalStep, match=state.value):
            do(reply, step)
        assert seen(reply) == before, "what is refused changes nothing"
    else:
        do(reply, step)
        assert reply.state is following


@pytest.mark.parametrize(
    "act",
    [
        lambda reply: reply.add_sentence("More."),
        lambda reply: reply.add_heard("More."),
        lambda reply: reply.finish(),
        lambda reply: reply.end_with(ENDING),
        lambda reply: reply.begin_round(7),
        lambda reply: reply.ask_again(7),
    ],
    ids=["sentence", "heard", "finish", "ending", "round", "again"],
)
def test_nothing_is_added_to_a_reply_that_is_closed(act: Callable[[Reply], object]) -> None:
    reply = Reply(1, playback())
    reply.begin_round(1)
    reply.add_sentence(SENTENCE)
    reply.close(1.0)
    before = seen(reply)
    with pytest.raises(IllegalStep, match="closed"):
        act(reply)
    assert seen(reply) == before


def test_the_result_of_a_tool_reaches_the_history_though_the_reply_is_closed() -> None:
    history, reply = History(), reply_in(ReplyState.CLOSED)
    entry = history.otto(SENTENCE)
    reply.place(entry, 0, 1)
    assert (entry.text, entry.unheard) == ("", ""), "nobody heard a word of it"


def test_what_waits_is_done_when_it_goes_on_and_never_when_it_is_thrown_away() -> None:
    done: list[str] = []
    kept, dropped = reply_in(ReplyState.PAUSED), reply_in(ReplyState.PAUSED)
    kept.when_going(lambda: done.append("kept"))
    dropped.when_going(lambda: done.append("dropped"))
    assert done == []
    kept.unpause(2, playback())
    kept.do_waiting()
    dropped.close(2.0)
    dropped.do_waiting()
    dropped.when_going(lambda: done.append("too late"))
    assert done == ["kept"]


def test_what_pauses_it_again_keeps_the_rest_waiting() -> None:
    done: list[str] = []
    reply = reply_in(ReplyState.PAUSED)
    reply.when_going(lambda: reply.pause(3.0))
    reply.when_going(lambda: done.append("after"))
    reply.unpause(2, playback())
    reply.do_waiting()
    assert (reply.state, done) == (ReplyState.PAUSED, [])
    reply.unpause(3, playback())
    reply.do_waiting()
    assert done == ["after"]


def test_a_filler_is_no_part_of_the_round_that_is_being_made() -> None:
    reply = Reply(1, playback())
    reply.begin_round(4)
    reply.add_sentence("One moment.", is_remark=True)
    reply.add_sentence(SENTENCE)
    assert reply.end_round(DONE) == (1, 2)
    assert reply.has_answer and not reply.is_streaming


def test_a_round_made_anew_says_nothing_twice() -> None:
    reply = Reply(1, playback())
    reply.begin_round(4)
    reply.add_sentence("We have Tuesday")
    assert reply.ask_again(5) == "We have Tuesday"
    assert reply.round is not None and reply.round.round_id == 5
    assert reply.round.unrepeated("We have Tuesday at nine.") == "at nine."
    assert reply.round.unrepeated("Or Wednesday.") == "Or Wednesday."
    assert reply.rounds == 1, "it is the same round"


def test_it_closes_the_call_only_when_its_last_sentence_was_given() -> None:
    reply = Reply(1, playback())
    reply.end_with(ENDING)
    assert not reply.is_closing
    reply.finish()
    assert reply.is_closing


STEPS: dict[str, Callable[[Reply, float], object]] = {
    "sound": lambda reply, now: reply.sound(now),
    "pause": lambda reply, now: reply.pause(now),
    "unpause": lambda reply, now: reply.unpause(int(now) + 10, playback()),
    "close": lambda reply, now: reply.close(now),
    "sentence": lambda reply, now: reply.add_sentence(f"Sentence at {now:.0f}."),
    "remark": lambda reply, now: reply.add_sentence("One moment.", is_remark=True),
    "round": lambda reply, now: reply.begin_round(int(now)),
    "done": lambda reply, now: reply.end_round(DONE) if reply.round else None,
    "finish": lambda reply, now: reply.finish(),
    "end": lambda reply, now: reply.end_with(ENDING),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=25))
def test_in_any_order_a_refused_step_changes_nothing_and_a_closed_reply_stays_closed(
    names: list[str],
) -> None:
    reply = Reply(1, playback())
    for at, name in enumerate(names):
        before, was_closed = seen(reply), reply.is_closed
        try:
            STEPS[name](reply, float(at))
        except IllegalStep:
            assert seen(reply) == before
        if was_closed:
            assert reply.is_closed
        assert set(reply.heard) <= set(range(len(reply.sentences)))
        if reply.is_closed:
            assert set(reply.heard) == set(range(len(reply.sentences))), "all of it is settled"
        if reply.is_closing:
            assert reply.ending is ENDING and reply.is_finished
