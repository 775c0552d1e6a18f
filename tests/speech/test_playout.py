"""The order of speech, without sockets: the test plays the voice and holds the clock."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from otto.events import Event, FirstAudio, SentenceSpoken, SpeechDone, WorkerFailed
from otto.speech.flush_budget import FLUSH_WINDOW_S
from otto.speech.playout import BETWEEN_AUDIO_S, CLEARED_TIMEOUT_S, Playout
from otto.speech.speak_wire import MAX_MESSAGE_CHARS, speak_messages

CHUNK_MS = 100
MS = 8


class Desk:
    """The outlet: keeps everything that comes out, in order."""

    def __init__(self) -> None:
        self.clock = 1000.0
        self.wire: list[str] = []
        self.line: list[tuple[int, bytes | int]] = []
        self.events: list[Event] = []

    def to_voice(self, message: str) -> None:
        data = json.loads(message)
        self.wire.append(data.get("text", data["type"]).strip())

    def audio(self, generation: int, mulaw: bytes) -> None:
        self.line.append((generation, mulaw))

    def mark(self, generation: int, index: int) -> None:
        self.line.append((generation, index))

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def now(self) -> float:
        return self.clock

    def heard(self, generation: int) -> bytes:
        return b"".join(a for g, a in self.line if g == generation and isinstance(a, bytes))

    def marks(self, generation: int) -> list[int]:
        return [m for g, m in self.line if g == generation and isinstance(m, int)]

    def flushes(self) -> int:
        return self.wire.count("Flush")


def make(
    phrases: Mapping[str, bytes] | None = None, flushes: int = 18, is_open: bool = True
) -> tuple[Playout, Desk]:
    desk = Desk()
    playout = Playout(desk, CHUNK_MS, flushes, 4.0, phrases or {})
    if is_open:
        playout.opened()
    return playout, desk


def test_a_sentence_is_asked_for_flushed_and_reported() -> None:
    playout, desk = make()
    playout.say(1, 0, "It is $80.")
    assert desk.wire == ["It is eighty dollars.", "Flush"]
    desk.clock += 0.2
    playout.received(b"a" * 30 * MS)
    playout.received(b"b" * 220 * MS)
    playout.flushed()
    playout.finish(1)
    assert desk.heard(1) == b"a" * 30 * MS + b"b" * 220 * MS
    assert desk.marks(1) == [0, 1, 2]
    first, spoken, done = desk.events
    assert isinstance(first, FirstAudio) and round(first.vendor_ms) == 200
    assert spoken == SentenceSpoken(1, 0, "It is $80.", 0, 250)
    assert done == SpeechDone(1, 250, 2)


def test_the_first_audio_does_not_wait_for_a_whole_chunk() -> None:
    playout, desk = make()
    playout.say(1, 0, "Hello.")
    playout.received(b"a" * 20 * MS)
    assert desk.line == [(1, b"a" * 20 * MS)]


def test_a_mark_stands_exactly_behind_each_chunk() -> None:
    playout, desk = make()
    playout.say(1, 0, "Hello.")
    for _ in range(17):
        playout.received(b"a" * 33 * MS)
    playout.flushed()
    playout.finish(1)
    position = 0
    for _, item in desk.line[:-1]:
        if isinstance(item, bytes):
            position += len(item)
        else:
            assert position == (item + 1) * CHUNK_MS * MS
    assert desk.line[-1] == (1, 5)
    assert desk.events[-1] == SpeechDone(1, 17 * 33, 5)


def test_a_sentence_that_ends_inside_a_chunk_is_not_held_back_for_the_next() -> None:
    playout, desk = make()
    playout.say(1, 0, "Hello.")
    playout.received(b"a" * 150 * MS)
    playout.flushed()
    assert len(desk.heard(1)) == 150 * MS


def test_a_phrase_known_beforehand_needs_no_voice_and_keeps_its_place() -> None:
    playout, desk = make({"One moment.": b"p" * 50 * MS})
    playout.say(1, 0, "I can do that.")
    playout.say(1, 1, "One moment.")
    playout.finish(1)
    assert desk.line == []
    playout.received(b"a" * 90 * MS)
    playout.flushed()
    assert desk.heard(1) == b"a" * 90 * MS + b"p" * 50 * MS
    assert desk.events[-2:] == [SentenceSpoken(1, 1, "One moment.", 90, 140), SpeechDone(1, 140, 1)]


def test_the_greeting_plays_before_the_voice_is_reachable() -> None:
    playout, desk = make({"Hello.": b"g" * 250 * MS}, is_open=False)
    playout.say(0, 0, "Hello.")
    playout.finish(0)
    assert desk.marks(0) == [0, 1, 2]
    assert desk.events == [
        FirstAudio(0, 0.0),
        SentenceSpoken(0, 0, "Hello.", 0, 250),
        SpeechDone(0, 250, 2),
    ]


def test_nothing_to_say_still_ends_with_a_mark() -> None:
    playout, desk = make()
    playout.say(3, 0, "…")
    playout.finish(3)
    assert desk.wire == []
    assert desk.line == [(3, 0)]
    assert desk.events[-1] == SpeechDone(3, 0, 0)


def test_audio_that_comes_after_a_barge_in_never_reaches_the_line() -> None:
    playout, desk = make()
    playout.say(1, 0, "A long sentence.")
    playout.received(b"a" * 20 * MS)
    playout.cancel(1)
    assert desk.wire[-1] == "Clear"
    before = list(desk.line)
    playout.received(b"a" * 500 * MS)
    playout.flushed()
    playout.say(1, 1, "More of the old answer.")
    playout.finish(1)
    assert desk.line == before
    assert not any(isinstance(e, SpeechDone) for e in desk.events)


def test_a_new_answer_asked_for_before_cleared_is_not_mixed_with_the_old_one() -> None:
    playout, desk = make()
    playout.say(1, 0, "Old.")
    playout.cancel(1)
    playout.say(2, 0, "New.")
    playout.received(b"old")
    playout.flushed()
    playout.cleared()
    playout.received(b"new")
    playout.flushed()
    assert desk.heard(2) == b"new"
    assert desk.wire == ["Old.", "Flush", "Clear", "New.", "Flush"]


def test_clear_does_not_swallow_a_newer_answer_already_asked_for() -> None:
    playout, desk = make()
    playout.say(1, 0, "Old.")
    playout.say(2, 0, "New.")
    playout.cancel(1)
    assert desk.wire[-3:] == ["Clear", "New.", "Flush"]


def test_no_clear_is_sent_when_the_voice_has_nothing_left_to_say() -> None:
    playout, desk = make()
    playout.say(1, 0, "Done.")
    playout.received(b"a" * 40 * MS)
    playout.flushed()
    playout.cancel(1)
    assert "Clear" not in desk.wire


def test_a_voice_that_does_not_answer_clear_is_replaced() -> None:
    playout, desk = make()
    playout.say(1, 0, "Old.")
    playout.cancel(1)
    due = playout.next_check()
    assert due == desk.clock + CLEARED_TIMEOUT_S
    desk.clock = due
    assert playout.check() is False


def test_a_voice_that_falls_silent_is_replaced() -> None:
    playout, desk = make()
    playout.say(1, 0, "Hello.")
    desk.clock += 3.9
    assert playout.check() is True
    desk.clock += 0.2
    assert playout.check() is False


def test_a_socket_lost_in_the_middle_continues_where_the_line_stopped() -> None:
    playout, desk = make()
    playout.say(1, 0, "First.")
    playout.say(1, 1, "Second.")
    playout.finish(1)
    first, second = b"abcde" * 15 * MS, b"XY" * 30 * MS
    playout.received(first[:200])
    playout.lost()
    desk.wire.clear()
    playout.opened()
    assert desk.wire == ["First.", "Flush", "Second.", "Flush"]
    playout.received(first)
    playout.flushed()
    playout.received(second)
    playout.flushed()
    assert desk.heard(1) == first + second
    assert isinstance(desk.events[-1], SpeechDone)


def test_a_voice_out_of_reach_fails_its_generation_once() -> None:
    playout, desk = make(is_open=False)
    playout.say(1, 0, "First.")
    playout.say(1, 1, "Second.")
    playout.fail("refused", "status 429")
    assert [e.kind for e in desk.events if isinstance(e, WorkerFailed)] == ["refused"]
    assert not playout.is_waiting
    playout.opened()
    playout.say(2, 0, "Again.")
    assert desk.wire == ["Again.", "Flush"]


def test_twenty_flushes_a_minute_are_never_exceeded() -> None:
    playout, desk = make(flushes=18)
    times: list[float] = []
    for step in range(1200):  # two minutes: a sentence is there every 0.5 s, spoken in 1.2 s
        desk.clock += 0.1
        if step % 5 == 0:
            playout.say(1, step // 5, "Another sentence.")
        playout.check()
        for _ in range(desk.flushes()):
            times.append(desk.clock)
            texts = desk.wire.index("Flush")
            del desk.wire[: texts + 1]
            playout.received(b"a" * 1200 * MS * texts)
            playout.flushed()
    for start in times:
        assert sum(start <= t < start + FLUSH_WINDOW_S for t in times) <= 18
    spoken = sum(isinstance(event, SentenceSpoken) for event in desk.events)
    assert spoken > 150 and len(times) < 40  # the last ones wait: a minute is still to be heard


def test_few_flushes_left_joins_sentences_under_one() -> None:
    playout, desk = make(flushes=3)
    for index in range(2):
        playout.say(1, index, "Hello there.")
        playout.received(b"a" * 5000 * MS)
        playout.flushed()
    assert desk.flushes() == 2
    playout.say(1, 2, "One two.")
    playout.say(1, 3, "Three four five six.")
    assert desk.flushes() == 2  # ten seconds are still to be heard
    playout.finish(1)
    assert desk.flushes() == 3
    playout.received(b"a" * 2900 * MS)
    playout.flushed()
    spoken = [e for e in desk.events if isinstance(e, SentenceSpoken)][-2:]
    assert [(s.index, s.start_ms, s.end_ms) for s in spoken] == [
        (2, 10000, 10828),
        (3, 10828, 12900),
    ]


def test_joined_sentences_do_not_let_the_line_fall_silent() -> None:
    playout, desk = make(flushes=3)
    for index in range(2):
        playout.say(1, index, "Hello there.")
        playout.received(b"a" * 2000 * MS)
        playout.flushed()
    playout.say(1, 2, "One two.")
    due = playout.next_check()
    assert due == desk.clock + 2.5
    desk.clock = due
    playout.check()
    assert desk.flushes() == 3


def test_a_long_text_is_sent_in_messages_deepgram_accepts() -> None:
    messages = [json.loads(m)["text"] for m in speak_messages("word " * 900)]
    assert all(len(m) <= MAX_MESSAGE_CHARS + 1 for m in messages)
    assert " ".join(" ".join(messages).split()) == ("word " * 900).strip()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 4)),
        st.tuples(st.just("finish"), st.integers(0, 4)),
        st.tuples(st.just("cancel"), st.integers(0, 4)),
        st.tuples(st.just("audio"), st.integers(1, 3000)),
        st.tuples(st.sampled_from(["flushed", "cleared", "lost", "opened", "check"]), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 6))
def test_whatever_happens_a_cancelled_generation_is_silent(
    steps: list[tuple[str, int]], flushes: int
) -> None:
    playout, desk = make({"phrase": b"p" * 900}, flushes=flushes)
    floor = -1
    for index, (what, value) in enumerate(steps):
        mark = len(desk.line), len(desk.events)
        if what == "say":
            playout.say(value, index, "phrase" if index % 3 == 0 else "Some words.")
        elif what == "audio":
            playout.received(b"a" * value)
        elif what == "wait":
            desk.clock += value
        elif what in ("finish", "cancel"):
            getattr(playout, what)(value)
        else:
            getattr(playout, what)()
        if what == "cancel":
            floor = max(floor, value)
        assert all(generation > floor for generation, _ in desk.line[mark[0] :])
        for event in desk.events[mark[1] :]:
            assert isinstance(event, FirstAudio | SentenceSpoken | SpeechDone)
            assert event.generation > floor
    for generation in range(5):
        marks = desk.marks(generation)
        assert marks == sorted(marks)


def test_a_voice_that_stops_within_a_sentence_is_given_up_sooner_than_one_that_has_not_begun() -> (
    None
):
    """The caller hears the gap as soon as the line has played what it has."""
    playout, desk = make()
    playout.say(1, 0, "Hello there.")
    playout.received(b"a" * 100 * MS)
    assert playout.next_check() == desk.clock + BETWEEN_AUDIO_S
    desk.clock += BETWEEN_AUDIO_S
    assert not playout.check()
    playout.lost()
    playout.opened()
    desk.clock += BETWEEN_AUDIO_S
    assert playout.check()  # the next socket begins anew


def test_the_pause_between_two_sentences_is_no_stall() -> None:
    playout, desk = make()
    playout.say(1, 0, "Hello there.")
    playout.say(1, 1, "How are you?")
    playout.received(b"a" * 100 * MS)
    playout.flushed()
    desk.clock += BETWEEN_AUDIO_S + 1
    assert playout.check()


def test_another_voice_goes_on_by_the_pace_of_the_first_known_from_its_phrases() -> None:
    phrases = {"Thank you for calling, how can I help you today?": b"p" * 48 * 50 * MS}
    desk = Desk()
    playout = Playout(desk, CHUNK_MS, 18, 4.0, phrases, "primary")
    playout.opened("primary")
    playout.say(1, 0, "We open at seven in the morning.")
    playout.received(b"a" * 15 * 50 * MS)  # "We open at seve"
    playout.lost()
    desk.wire.clear()
    playout.opened("fallback")
    assert desk.wire == ["seven in the morning.", "Flush"]
    playout.received(b"b" * 400 * MS)
    playout.flushed()
    assert desk.heard(1) == b"a" * 750 * MS + b"b" * 400 * MS
    assert desk.events[-1] == SentenceSpoken(1, 0, "We open at seven in the morning.", 0, 1150)


def test_another_voice_adds_nothing_to_a_sentence_that_was_said_to_its_end() -> None:
    """Its `Flushed` was lost, not its words."""
    playout, desk = make()
    playout.say(1, 0, "We open at seven in the morning, on all the days of the week.")
    playout.say(1, 1, "Yes.")
    playout.received(b"a" * 62 * 72 * MS)
    playout.lost()
    desk.wire.clear()
    playout.opened("fallback")
    assert desk.wire == ["Yes.", "Flush"]
    playout.received(b"b" * 300 * MS)
    playout.flushed()
    spoken = [event for event in desk.events if isinstance(event, SentenceSpoken)]
    assert [(event.index, event.start_ms, event.end_ms) for event in spoken] == [
        (0, 0, 4464),
        (1, 4464, 4764),
    ]
