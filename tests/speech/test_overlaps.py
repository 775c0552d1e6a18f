"""Results that overlap, and interims that no final follows: each word is told once, and ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otto.events import Event, Transcript, UtteranceEnd
from otto.speech.telling import UNFINISHED_S, Telling
from otto.speech.transcripts import TranscriptReader, Utterance

Results = Callable[..., str]


def reader(sent_ms: int = 60_000, known_until_ms: int = 0) -> TranscriptReader:
    made = TranscriptReader(known_until_ms)
    made.sent(0, sent_ms * 8)
    return made


def texts(events: list[Event]) -> str:
    """The words that became final, in order."""
    return " ".join(e.text for e in events if isinstance(e, Transcript) and e.is_final and e.text)


def told(it: TranscriptReader, *messages: str) -> str:
    return texts([event for message in messages for event in it.receive(message)])


def bare(message: str, *fields: str) -> str:
    """The message without some of its fields ("words" is the words' times and all)."""
    data = json.loads(message)
    for name in fields:
        data.pop(name, None)
        data["channel"]["alternatives"][0].pop(name, None)
    return json.dumps(data)


def end(last_word_end: Any) -> str:
    return json.dumps({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last_word_end})


# Finals that overlap

ONE = ("three one two five five five", 0.0, 3.0)
TWO = ("five five five oh one four two", 1.5, 3.5)
NUMBER = "three one two five five five oh one four two"


def test_a_telephone_number_whose_halves_overlap(results: Results) -> None:
    assert told(reader(), results(*ONE, final=True), results(*TWO, final=True)) == NUMBER


@pytest.mark.parametrize("lacking", ["words", "start", "duration"])
def test_halves_without_times_are_joined_by_their_words(results: Results, lacking: str) -> None:
    """What is left of the times is used; the words decide the rest."""
    fields = ("words",) if lacking == "words" else ("words", lacking)
    one, two = (bare(results(*half, final=True), *fields) for half in (ONE, TWO))
    assert told(reader(), one, two) == NUMBER


def test_the_same_final_twice_is_told_once_and_its_end_is_heard(results: Results) -> None:
    it = reader()
    once = results("an oil change", 0, 2, final=True)
    assert told(it, once, once) == "an oil change"
    (event,) = it.receive(results("an oil change", 0, 2, final=True, speech_final=True))
    assert isinstance(event, Transcript) and (event.text, event.speech_final) == ("", True)


def test_one_word_without_length_twice(results: Results) -> None:
    yes = results("yes", 1.0, 0, final=True)
    assert told(reader(), yes, yes) == "yes"


def test_a_word_that_is_said_twice_is_told_twice(results: Results) -> None:
    said = [results("five", at, 0.4, final=True) for at in (0.0, 0.4, 0.8)]
    assert told(reader(), *said) == "five five five"


def test_the_last_word_again_with_a_later_end_is_the_same_word(results: Results) -> None:
    words = json.loads(results("book it", 0, 1, final=True))
    words["duration"] = 1.6
    words["channel"]["alternatives"][0]["words"][1]["end"] = 1.6
    assert told(reader(), results("book it", 0, 1, final=True), json.dumps(words)) == "book it"


def test_results_out_of_order_lose_nothing(results: Results) -> None:
    later = results("on Tuesday", 3, 1, final=True)
    earlier = results("an oil change", 0, 3, final=True)
    assert told(reader(), later, earlier) == "on Tuesday an oil change"


def test_silence_that_was_told_as_silence_may_turn_out_to_be_words(results: Results) -> None:
    assert told(reader(), results("", 0, 3, final=True), results("hello", 1, 1, final=True)) == (
        "hello"
    )


def test_a_final_that_claims_hours_does_not_swallow_what_follows(results: Results) -> None:
    it = reader(sent_ms=3000)
    assert told(it, results("hello there", 0, 9000, final=True)) == "hello there"
    assert (it.acknowledged_ms or 0) <= 3000
    it.sent(3000, 3000 * 8)
    assert told(it, results("an oil change", 4, 1, final=True)) == "an oil change"


@pytest.mark.parametrize("times", [(-1, 2), (float("nan"), 1), ("now", "then"), (2, 1), (0, 0)])
def test_words_with_senseless_times_are_words(results: Results, times: tuple[Any, Any]) -> None:
    data = json.loads(results("the blue one", 3, 1, final=True))
    for word in data["channel"]["alternatives"][0]["words"]:
        word["start"], word["end"] = times
    before = results("it is", 0, 2, final=True)
    assert told(reader(), before, json.dumps(data)) == "it is the blue one"


def test_a_transcript_with_too_few_words_beside_it_is_whole(results: Results) -> None:
    data = json.loads(results("an oil change", 0, 2, final=True))
    del data["channel"]["alternatives"][0]["words"][1:]
    assert told(reader(), json.dumps(data)) == "an oil change"
    assert told(reader(), bare(results("an oil change", 0, 2, final=True), "transcript")) == (
        "an oil change"
    )


def test_what_cannot_be_stored_is_not_told(results: Results) -> None:
    text = "an\x00 oil \ud83d change\n"
    assert told(reader(), bare(results(text, 0, 2, final=True), "words")) == "an oil change"
    huge = told(reader(), bare(results("oil " * 50_000, 0, 2, final=True), "words"))
    assert huge.startswith("oil oil") and len(huge) <= 4000


# Interims without a final

BLUE = ("it is the blue one", 0.5, 1.5)


def test_the_interim_is_told_at_the_end_of_its_utterance(results: Results) -> None:
    it = reader()
    it.receive(results(*BLUE))
    settled, ended = it.receive(end(2.0))
    assert settled == Transcript("it is the blue one", True, True, 500, 2000, 0.9)
    assert ended == UtteranceEnd(2000)
    assert it.owed is None and it.acknowledged_ms == 2000


def test_an_older_end_settles_nothing(results: Results) -> None:
    it = reader()
    it.receive(results("hello", 0, 0.4, final=True))
    it.receive(results(*BLUE))
    assert it.receive(end(0.4)) == [UtteranceEnd(400)]
    assert it.owed is not None


def test_an_end_that_names_no_word_is_of_the_words_before_the_gap(results: Results) -> None:
    it = reader(sent_ms=2500)
    it.receive(results(*BLUE))
    assert it.receive(end(-1)) == [UtteranceEnd(0)]  # half a second is no gap
    it.sent(2500, 600 * 8)
    assert texts(it.receive(end(-1))) == "it is the blue one"


@pytest.mark.parametrize(
    "late",
    [
        {"text": "it is the blue one", "start": 0.5, "duration": 1.5},
        {"text": "It's the blue one.", "start": 0.5, "duration": 1.5},
        {"text": "it is the blue one", "start": 0.5, "duration": 1.7},
        {"text": "it is the", "start": 0.5, "duration": 0.9},
    ],
)
def test_the_final_of_a_settled_interim_is_not_told_again(
    results: Results, late: dict[str, Any]
) -> None:
    it = reader()
    it.receive(results(*BLUE))
    it.receive(end(2.0))
    assert told(it, results(**late, final=True, speech_final=True)) == ""


def test_what_the_late_final_has_more_is_told(results: Results) -> None:
    it = reader()
    it.receive(results(*BLUE))
    it.receive(end(2.0))
    assert told(it, results("it is the blue one please", 0.5, 2.0, final=True)) == "please"


def test_an_empty_final_behind_the_words_ends_them(results: Results) -> None:
    it = reader()
    it.receive(results(*BLUE))
    assert told(it, results("", 2.0, 0.5, final=True, speech_final=True)) == "it is the blue one"


def test_an_empty_final_over_the_words_that_ends_the_speech_takes_them_back(
    results: Results,
) -> None:
    it = reader()
    it.receive(results(*BLUE))
    (event,) = it.receive(results("", 0.4, 1.8, final=True, speech_final=True))
    assert isinstance(event, Transcript) and event.text == ""
    assert it.owed is None


def test_an_empty_final_over_several_words_does_not_lose_them(results: Results) -> None:
    it = reader()
    it.receive(results(*BLUE))
    assert it.receive(results("", 0.4, 1.8, final=True)) == []
    assert it.acknowledged_ms is None  # another socket would be given their sound
    assert texts(it.receive(end(2.0))) == "it is the blue one"


@pytest.mark.parametrize(("confidence", "is_kept"), [(0.4, False), (0.95, True)])
def test_a_single_unsure_word_may_be_taken_back(
    results: Results, confidence: float, is_kept: bool
) -> None:
    data = json.loads(results("yes", 0.5, 0.4))
    data["channel"]["alternatives"][0]["confidence"] = confidence
    it = reader()
    it.receive(json.dumps(data))
    it.receive(results("", 0.4, 0.8, final=True))
    assert (it.owed is not None) is is_kept


def test_interims_that_shrink_and_vanish_leave_the_last_guess(results: Results) -> None:
    it = reader()
    for text in ("it is the blue one", "it is the blue", ""):
        it.receive(results(text, 0.5, 1.5))
    assert texts(it.receive(end(2.0))) == "it is the blue"


def test_a_final_of_the_first_words_leaves_the_others_owed(results: Results) -> None:
    it = reader()
    it.receive(results("it is the blue one", 0, 2.5))
    assert told(it, results("it is", 0, 1.0, final=True)) == "it is"
    assert it.owed is not None and it.owed.text == "the blue one"
    assert texts(it.receive(end(2.5))) == "the blue one"


def test_a_final_by_another_reading_of_the_same_sound_leaves_nothing(results: Results) -> None:
    it = reader()
    it.receive(results("it is the blue won", 0, 2.1))
    data = json.loads(results("It's the blue one.", 0, 2.0, final=True))
    data["duration"] = 2.3
    assert told(it, json.dumps(data)) == "It's the blue one."
    assert it.owed is None


def test_speech_final_without_is_final_is_final(results: Results) -> None:
    assert told(reader(), results("book it", 0, 1, speech_final=True)) == "book it"


# Anything at all

STEP_S = 0.5


@st.composite
def overheard(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Distinct words, and finals that cover all of them, some twice and some by interims first."""
    words = [f"w{at}" for at in range(draw(st.integers(1, 12)))]
    messages: list[str] = []
    at = 0
    while at < len(words):
        begin = draw(st.integers(max(0, at - 3), at))
        to = draw(st.integers(at + 1, len(words)))
        if draw(st.booleans()):
            part = words[begin : draw(st.integers(begin + 1, to))]
            messages.append(_result(part, begin, final=False))
        messages.append(_result(words[begin:to], begin, final=True))
        if draw(st.booleans()):
            messages.append(messages[-1])
        at = to
    return words, messages


def _result(words: list[str], begin: int, *, final: bool) -> str:
    return json.dumps(
        {
            "type": "Results",
            "start": begin * STEP_S,
            "duration": len(words) * STEP_S,
            "is_final": final,
            "speech_final": False,
            "channel": {
                "alternatives": [
                    {
                        "transcript": " ".join(words),
                        "confidence": 0.9,
                        "words": [
                            {
                                "word": word,
                                "start": (begin + at) * STEP_S,
                                "end": (begin + at + 1) * STEP_S,
                            }
                            for at, word in enumerate(words)
                        ],
                    }
                ]
            },
        }
    )


@given(overheard(), st.booleans())
def test_no_word_is_doubled_or_lost(heard: tuple[list[str], list[str]], has_times: bool) -> None:
    words, messages = heard
    if not has_times:
        messages = [bare(message, "words") for message in messages]
    assert told(reader(), *messages) == " ".join(words)


number = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 20),
    st.integers(-5, 20),
    st.none(),
    st.text(max_size=3),
    st.just(10**400),
)
phrase = st.one_of(
    st.sampled_from(["", "yes", "it is", "it is the blue one", "the blue one", "five five"]),
    st.text(max_size=12),
    st.none(),
    number,
)
word = st.one_of(
    st.fixed_dictionaries({"word": phrase, "start": number, "end": number}), st.none(), phrase
)
result = st.fixed_dictionaries(
    {
        "type": st.just("Results"),
        "start": number,
        "duration": number,
        "is_final": st.sampled_from([True, False, None, "true"]),
        "speech_final": st.booleans(),
        "channel": st.fixed_dictionaries(
            {
                "alternatives": st.lists(
                    st.fixed_dictionaries(
                        {
                            "transcript": phrase,
                            "confidence": number,
                            "words": st.lists(word, max_size=4) | st.none() | phrase,
                        }
                    ),
                    max_size=2,
                )
            }
        )
        | st.none(),
    }
)
frame = st.one_of(
    result.map(json.dumps),
    number.map(end),
    st.fixed_dictionaries({"type": st.just("SpeechStarted"), "timestamp": number}).map(json.dumps),
    st.sampled_from(["{}", "[]", "null", "{", "[" * 100_000, '{"type": "Metadata"}']),
    st.binary(max_size=8),
)


@settings(max_examples=300)
@given(st.lists(frame, max_size=12), st.integers(0, 8000))
def test_any_frames_are_read_and_words_come_to_an_end(
    frames: list[str | bytes], known_until_ms: int
) -> None:
    """Whatever the recogniser sends, some seconds of empty results later nothing is owed."""
    made, utterance = reader(20_000, known_until_ms), Utterance()
    telling = Telling(made, utterance, 0.0)
    now_s, events = 0.0, list[Event]()
    for message in frames:
        now_s += 0.1
        for event in made.receive(message):
            events += telling.tell(event, now_s)
    owed = made.owed
    now_s += UNFINISHED_S + 0.01  # sums of tenths are a little off
    is_unfinished = telling.is_unfinished(heard_at_s=now_s, now_s=now_s)
    settled = telling.settle(now_s) if is_unfinished else []
    assert texts(settled) == (owed.text if owed is not None else "")
    assert made.owed is None and telling.settle(now_s) == []
    for event in events + settled:
        if isinstance(event, Transcript):
            event.text.encode()
            assert 0 <= event.start_ms <= event.end_ms <= 21_000
            assert 0 <= event.confidence <= 1
