"""Deepgram's messages to events: the wire is checked against the SDK's own models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from deepgram.listen.v1.types.listen_v1results import ListenV1Results
from deepgram.listen.v1.types.listen_v1speech_started import ListenV1SpeechStarted
from deepgram.listen.v1.types.listen_v1utterance_end import ListenV1UtteranceEnd
from hypothesis import given
from hypothesis import strategies as st

from otto.events import SpeechStarted, Transcript, UtteranceEnd
from otto.speech.transcripts import TranscriptReader

Results = Callable[..., str]


def reader(*sent: tuple[int, int]) -> TranscriptReader:
    made = TranscriptReader()
    for at_ms, size_ms in sent or ((0, 60_000),):
        made.sent(at_ms, size_ms * 8)
    return made


def test_a_final_segment_as_the_sdk_models_it(results: Results) -> None:
    message = ListenV1Results.model_validate_json(
        results("book it", 1.0, 2.0, final=True, speech_final=True)
    ).model_dump_json()
    assert reader().receive(message) == [Transcript("book it", True, True, 1000, 3000, 0.9)]


def test_the_other_messages_as_the_sdk_models_them() -> None:
    started = ListenV1SpeechStarted(channel=[0], timestamp=1.5).model_dump_json()
    ended = ListenV1UtteranceEnd(channel=[0, 1], last_word_end=2.5).model_dump_json()
    assert reader().receive(started) == [SpeechStarted(1500)]
    assert reader().receive(ended) == [UtteranceEnd(2500)]


def test_an_interim_comes_only_when_its_words_changed(results: Results) -> None:
    it = reader()
    assert len(it.receive(results("I", 0, 1))) == 1
    assert it.receive(results("I", 0, 2)) == []
    assert len(it.receive(results("I want", 0, 3))) == 1
    assert len(it.receive(results("I want", 0, 3, final=True))) == 1
    assert len(it.receive(results("I want", 3, 3))) == 1


def test_silence_is_acknowledged_but_not_reported(results: Results) -> None:
    it = reader()
    assert it.receive(results("", 0, 3, final=True)) == []
    assert it.acknowledged_ms == 3000
    assert it.receive(results("", 3, 1)) == []


def test_an_empty_final_that_ends_the_speech_is_reported(results: Results) -> None:
    (event,) = reader().receive(results("", 3, 1, final=True, speech_final=True))
    assert event == Transcript("", True, True, 3000, 4000, 0.9)


def test_times_after_a_reconnect_are_the_calls_not_the_sockets(results: Results) -> None:
    it = reader((42_000, 5_000))
    (event,) = it.receive(results("hello", 1.0, 0.5, final=True))
    assert isinstance(event, Transcript)
    assert (event.start_ms, event.end_ms) == (43_000, 43_500)
    assert it.acknowledged_ms == 43_500


def test_times_after_a_gap_in_the_audio_are_the_calls(results: Results) -> None:
    it = reader((0, 1000), (1000, 1000), (5000, 1000))
    (event,) = it.receive(results("a b", 1.0, 2.0, final=True))
    assert isinstance(event, Transcript)
    assert (event.start_ms, event.end_ms) == (1000, 6000)


def test_jitter_of_a_frame_is_not_a_gap(results: Results) -> None:
    it = reader(*((at * 20 + (at % 3) * 10, 20) for at in range(100)))
    assert it.media_ms(1000) == 1000


def test_an_utterance_end_without_a_word_does_not_go_before_the_start() -> None:
    message = json.dumps({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": -1})
    assert reader((7000, 100)).receive(message) == [UtteranceEnd(7000)]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["channel", "alternatives", "transcript", "words", "start", "duration", "timestamp",
             "last_word_end", "is_final", "confidence", "end"]
        ), inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.sampled_from(["Results", "SpeechStarted", "UtteranceEnd", "Metadata", "New", None]),
    st.dictionaries(
        st.sampled_from(["channel", "start", "duration", "timestamp", "last_word_end"]), JSON
    ),
)
def test_a_message_of_any_shape_breaks_nothing(kind: str | None, body: dict[str, Any]) -> None:
    reader().receive(json.dumps({"type": kind, **body}))


@given(st.text() | st.binary())
def test_a_frame_of_any_bytes_breaks_nothing(message: str | bytes) -> None:
    reader().receive(message)
