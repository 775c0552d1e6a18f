"""What counts as said is what was heard: marks, clock and words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.reply.playback import Playback
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.history import History
from otto.events import ToolCall

SENTENCES = ("We have Tuesday at nine.", "Or Wednesday at two in the afternoon.")


def playback() -> Playback:
    """Two sentences of 2 s each, in chunks of 400 ms."""
    found = Playback(chunk_ms=400)
    for index, text in enumerate(SENTENCES):
        found.queued(index, text)
        found.spoken(index, index * 2000, index * 2000 + 2000)
    return found


def test_nothing_is_heard_before_it_plays() -> None:
    assert playback().split(100.0) == {0: ("", SENTENCES[0]), 1: ("", SENTENCES[1])}


def test_marks_tell_what_was_heard() -> None:
    found = playback()
    found.playing(10.0)
    for index in range(5):
        found.mark(index, 10.4 + 0.4 * index)
    split = found.split(12.0)
    assert split[0] == (SENTENCES[0], "")
    assert split[1] == ("", SENTENCES[1])


def test_between_marks_the_clock_tells_but_never_beyond_the_next_mark() -> None:
    found = playback()
    found.playing(10.0)
    assert found.heard_ms(10.2) == 200
    assert found.heard_ms(60.0) == 400, "an underrun plays nothing, however long it lasts"


def test_the_last_mark_finishes_it_whichever_comes_first() -> None:
    first = playback()
    first.done(4000, last_mark=9)
    first.mark(9, 14.0)
    assert first.finished
    second = playback()
    second.mark(9, 14.0)
    assert not second.finished
    second.done(4000, last_mark=9)
    assert second.finished
    assert second.split(99.0)[1] == (SENTENCES[1], "")


def test_an_answer_without_audio_is_over_at_once() -> None:
    found = Playback(chunk_ms=400)
    found.done(0, last_mark=-1)
    assert found.finished


@given(st.integers(0, 5000))
def test_a_cut_loses_no_word(heard_ms: int) -> None:
    found = playback()
    found.playing(0.0)
    for index in range(heard_ms // 400):
        found.mark(index, (index + 1) * 0.4)
    for index, (heard, unheard) in found.split(heard_ms / 1000).items():
        assert f"{heard} {unheard}".split() == SENTENCES[index].split()


def test_the_history_holds_only_what_was_heard() -> None:
    history = History()
    reply = Reply(1, playback())
    reply.sentences = list(SENTENCES)
    reply.place(history.otto(" ".join(SENTENCES)), 0, 2)
    reply.playback.playing(0.0)
    for index in range(5):
        reply.playback.mark(index, 0.4 * (index + 1))
    reply.close(2.0)
    (message,) = history.messages("s")[1:]
    assert message["content"] == (
        f"{SENTENCES[0]} [The caller interrupted. Not heard: {SENTENCES[1]}]"
    )
    assert reply.heard_text == SENTENCES[0]


def test_a_tool_result_that_comes_after_the_interruption_is_still_in_the_history() -> None:
    history = History()
    reply = Reply(1, playback())
    reply.sentences = list(SENTENCES)
    reply.close(0.0)
    call = ToolCall("c1", "book_appointment", "{}")
    reply.place(history.otto("", (call,), ('{"status": "booked"}',)), 0, 0)
    _, asked, answered = history.messages("s")
    assert asked["tool_calls"][0]["id"] == answered["tool_call_id"] == "c1"


def test_a_tool_call_without_its_result_is_refused() -> None:
    call = ToolCall("c1", "end_call", "{}")
    try:
        History().otto("", (call,), ())
    except ValueError as error:
        assert "1 tool calls, 0 results" in str(error)
    else:
        raise AssertionError("every later turn would fail with 400")


def test_a_history_survives_the_session() -> None:
    history = History()
    history.caller("Hello")
    history.otto("Hi!", (ToolCall("c1", "identify_caller", "{}"),), ("{}",)).unheard = "more"
    again = History.load(history.dump())
    assert again.messages("s") == history.messages("s")
