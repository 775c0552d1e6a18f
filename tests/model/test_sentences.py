"""The splitter between the model's stream and the voice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.model.sentences import MAX_PIECE_CHARS, SentenceSplitter


def split(text: str, size: int = 4) -> list[str]:
    splitter = SentenceSplitter()
    pieces: list[str] = []
    for start in range(0, len(text), size):
        pieces += splitter.feed(text[start : start + size])
    return pieces + splitter.end()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Sure. I can help with that.", ["Sure.", "I can help with that."]),
        (
            "It opens at 9 a.m. on Monday for you. Does that work?",
            ["It opens at 9 a.m. on Monday for you.", "Does that work?"],
        ),
        (
            "I have 9:00 a.m. Tuesday and 1 p.m. Would either work?",
            ["I have 9:00 a.m. Tuesday and 1 p.m.", "Would either work?"],
        ),
        (
            "Thanks, Mr. Smith. An oil change is $79.95 here. Shall I book it?",
            ["Thanks, Mr. Smith.", "An oil change is $79.95 here.", "Shall I book it?"],
        ),
        (
            "We are at 12 Main St. Springfield. See you there soon.",
            ["We are at 12 Main St. Springfield.", "See you there soon."],
        ),
        ("John F. Kennedy drove one. Really he did!", None),
        ("Well... let me see. That is a good question.", None),
        ("Let me look... There is one. It is on Friday.", None),
        ("1. Oil change for your car\n2. Brake inspection soon", None),
        ('He said "Stop!" and went. Then he came back home.', None),
    ],
)
def test_sentences(text: str, pieces: list[str] | None) -> None:
    expected = (
        pieces
        or {
            "John": ["John F. Kennedy drove one.", "Really he did!"],
            "Well": ["Well... let me see.", "That is a good question."],
            "Let ": ["Let me look...", "There is one. It is on Friday."],
            "1. O": ["1. Oil change for your car", "2. Brake inspection soon"],
            "He s": ['He said "Stop!" and went.', "Then he came back home."],
        }[text[:4]]
    )
    assert split(text) == expected


def test_first_piece_may_end_at_a_clause_so_that_speech_starts_early() -> None:
    text = "I can certainly help you with that oil change, and I have several openings this week."
    assert split(text)[0] == "I can certainly help you with that oil change,"


def test_later_pieces_do_not_end_at_clauses() -> None:
    text = "Of course. I can certainly help you with that oil change, and I have openings."
    assert split(text)[1:] == [
        "I can certainly help you with that oil change, and I have openings."
    ]


def test_a_date_is_not_torn_at_its_comma() -> None:
    text = "The first opening that I can offer is Tuesday, November 24, 2026 at 9:00 AM."
    assert split(text) == [text]


def test_a_short_first_sentence_does_not_wait_for_the_second() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("Sure!") == ["Sure!"]  # nor for the next token
    assert splitter.feed(" Of course.") == [], "only the first piece is worth the risk"


@pytest.mark.parametrize(
    "begun",
    [
        "He's Mr.", "That is 12 Main Ave.", "Otto's Auto Inc.", "We open at 9 a.m.", "It is $79.",
        'She said "Stop.', "I said “Stop!", "Ok.", "Visit ottos.", "Write to service@ottos.",
        "Go to www.ottos.", "Let me look..", "Let me look…", "Well...", "John F.", "1.", "No.",
    ],
)  # fmt: skip
def test_a_stop_that_may_be_no_end_waits_for_what_follows(begun: str) -> None:
    assert SentenceSplitter().feed(begun) == []


@pytest.mark.parametrize(
    "begun",
    ["Sure.", "Yes!", "I can help.", "Is it the Honda?", "You're all set.", "That's right.",
     "Thanks, Mr. Smith.", "Okay, that’s great!", 'He said "go" then.', "We’re open on Monday!"],
)  # fmt: skip
def test_a_plain_word_and_its_stop_are_a_first_piece(begun: str) -> None:
    assert SentenceSplitter().feed(begun) == [begun]


def test_a_domain_and_an_ellipsis_in_one_token_are_no_stop() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("We are ottos") + splitter.feed(".com") == []
    splitter = SentenceSplitter()
    assert splitter.feed("Well") + splitter.feed("...") + splitter.feed(" let me see") == []


def test_short_sentences_join_to_spare_flushes() -> None:
    assert split("Hello there. Yes. No. Maybe I can find another time.") == [
        "Hello there.",
        "Yes. No. Maybe I can find another time.",
    ]


def test_text_without_any_boundary_is_cut_before_the_voice_refuses_it() -> None:
    pieces = split("word " * 500)
    assert max(map(len, pieces)) <= MAX_PIECE_CHARS
    assert " ".join(pieces) == " ".join(["word"] * 500)


TEXTS = st.lists(
    st.sampled_from(
        ["I can", " help", ".", "!", "?", ", ", " ", "\n", "a.m.", "Mr.", "$79.95", "9:00", "…",
         "...", "F.", '"', "x" * 30, "Tuesday", "24", " – ", ") ", "Yes. ", "no; "]
    )
    | st.text(max_size=8),
    max_size=40,
).map("".join)  # fmt: skip


@given(TEXTS)
def test_pieces_give_the_text_back(text: str) -> None:
    joined = "".join("".join(split(text)).split())
    assert joined == "".join(text.split())


@given(TEXTS, st.integers(1, 50))
def test_only_the_first_piece_may_end_sooner_by_how_the_stream_was_cut(
    text: str, size: int
) -> None:
    whole, parts = split(text, len(text) + 1), split(text, size)
    if parts[:1] == whole[:1]:
        assert parts == whole
    else:
        first = parts[0].replace(" ", "")
        assert "".join(whole).replace(" ", "").startswith(first)
        assert re.search(r"[^\W\d_]{3,}(['’][a-z]+)?[.!?]$", parts[0]), "only at a plain stop"


@given(TEXTS)
def test_no_piece_is_empty_or_too_long(text: str) -> None:
    assert all(0 < len(piece) <= MAX_PIECE_CHARS for piece in split(text))
