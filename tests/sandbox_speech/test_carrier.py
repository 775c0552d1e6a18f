"""Known audio survives whatever a telephone line does to its pieces."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.audio import carrier
from sandbox.audio.carrier import CarrierDetector, Ended, Started

# A busy machine is no fault of the carrier's.
patient = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=300)


def rechunk(audio: bytes, seed: int, largest: int = 1000) -> list[bytes]:
    rng = random.Random(seed)
    pieces, at = [], 0
    while at < len(audio):
        size = rng.choice((1, 7, 160, rng.randint(1, largest)))
        pieces.append(audio[at : at + size])
        at += size
    return pieces


def hear(pieces: list[bytes]) -> list[Started | Ended]:
    detector = CarrierDetector()
    return [event for piece in pieces for event in detector.feed(piece)]


@patient
@given(texts, st.integers(0, 2**32), st.integers(0, 5000), st.none() | st.integers(0, 20_000))
def test_any_words_in_any_pieces_after_any_silence(text, seed, silence, duration_ms) -> None:
    audio = carrier.encode(text, duration_ms)
    assert b"\xff" not in audio
    started, ended = hear(rechunk(b"\xff" * silence + audio, seed))
    assert isinstance(started, Started)
    assert (started.text, started.from_ms) == (text, 0)
    assert started.duration_ms * 8 == len(audio)
    assert duration_ms is None or started.duration_ms >= duration_ms
    assert ended == Ended(text, True, started.duration_ms, started.duration_ms)


@patient
@given(st.lists(texts, min_size=1, max_size=4), st.integers(0, 2**32))
def test_carriers_back_to_back_stay_apart(lines, seed) -> None:
    audio = b"".join(carrier.encode(line) for line in lines)
    heard = [event.text for event in hear(rechunk(audio, seed)) if isinstance(event, Started)]
    assert heard == lines


@patient
@given(st.binary(max_size=3000), st.integers(0, 2**32))
def test_other_audio_is_not_words_and_never_an_error(noise, seed) -> None:
    assert hear(rechunk(noise, seed)) == []


@patient
@given(st.binary(max_size=400), texts, st.integers(0, 2**32))
def test_noise_before_does_not_hide_the_words(noise, text, seed) -> None:
    # A gap ends whatever the noise looked like the beginning of.
    audio = noise + b"\xff" * 20_000 + carrier.encode(text)
    assert [e.text for e in hear(rechunk(audio, seed)) if isinstance(e, Started)] == [text]


def test_audio_cut_off_by_a_clear_ends_early_and_says_how_much_was_heard() -> None:
    audio = carrier.encode("I have openings on Tuesday and on Wednesday.", 3000)
    started, ended = hear(rechunk(audio[: 8 * 1000] + b"\xff" * 8000, 1))
    assert isinstance(started, Started)
    assert ended == Ended(started.text, False, 1000, 3000)


def test_a_stutter_of_the_line_is_no_end() -> None:
    audio = carrier.encode("One moment please.", 2000)
    stutter = audio[:8000] + b"\xff" * (8 * (carrier.GAP_MS - 10)) + audio[8000:]
    assert [type(e) for e in hear(rechunk(stutter, 2))] == [Started, Ended]


def test_a_new_carrier_takes_over_from_one_cut_off() -> None:
    first, second = carrier.encode("The first sentence.", 3000), carrier.encode("Sorry.", 500)
    events = hear(rechunk(first[:9000] + second, 3))
    assert [(type(e), e.text) for e in events] == [
        (Started, "The first sentence."),
        (Ended, "The first sentence."),
        (Started, "Sorry."),
        (Ended, "Sorry."),
    ]


def test_who_joins_in_the_middle_still_learns_the_words() -> None:
    audio = carrier.encode("Your car will be ready at nine.", 4000)
    started, ended = hear(rechunk(audio[8 * 1000 :], 4))
    assert isinstance(started, Started)
    assert started.text == "Your car will be ready at nine."
    assert started.from_ms >= 1000
    assert ended == Ended(started.text, True, 4000, 4000)


def test_the_same_words_said_twice_are_two_utterances() -> None:
    audio = carrier.encode("Yes.") * 2
    assert [type(e) for e in hear(rechunk(audio, 5))] == [Started, Ended, Started, Ended]
