"""Between the model and the voice: what can be said comes through, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.model.text import MAX_HELD_CHARS, SayableText

TOOLS = ("find_openings", "end_call", "add_vehicle")


def said(text: str, size: int | None = None) -> str:
    filter_ = SayableText(TOOLS)
    size = size or len(text) or 1
    parts = [filter_.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*parts, filter_.end()])


@pytest.mark.parametrize("size", [None, 1, 3])
@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Sure, I can help.", "Sure, I can help."),
        ("<think>They want\noil.</think>Sure.", "Sure."),
        ("<thinking a='1'>hm</thinking >Sure.", "Sure."),
        ("<think>never ends, and goes on", ""),
        ('One <break time="1s"/>moment.', "One moment."),
        ("<speak>Hello</speak> there", "Hello there"),
        ("if a < b then", "if a < b then"),
        ('find_openings({"service": "oil (change)"}) Sure.', " Sure."),
        ("Let me look. find_openings({", "Let me look. "),
        ("I can find openings and end calls.", "I can find openings and end calls."),
        ("It ends at five, at the end", "It ends at five, at the end"),
        ('{"name": "find_openings", "arguments": {}}', ""),
        ("```json\n{}\n```Sure.", "Sure."),
        ("**Tuesday** at `nine`, *please*", "Tuesday at nine, please"),
        ("# Openings\nTuesday", " Openings\nTuesday"),
        ("You are #1 with us", "You are #1 with us"),
        ("See [our page](https://ottos.example/x) soon", "See our page soon"),
        ("See https://ottos.example/a?b=c for more", "See  for more"),
        ("See www.ottos.example", "See "),
        ("Who, when, what", "Who, when, what"),
        ("Great! \U0001f600\U0001f697 See you \u2764\ufe0f", "Great!  See you "),
        ("I [The caller interrupted. Not heard: am here] am", "I  am"),
        ("[Not heard: and this never ends", ""),
        ("[sic] and [so", "[sic] and [so"),
        ("half \ud83d a character \ude00", "half  a character "),
        ("caf\u00e9 \u2013 na\u00efve", "caf\u00e9 \u2013 na\u00efve"),
    ],
)
def test_what_is_said_of_what_is_written(written: str, spoken: str, size: int | None) -> None:
    assert said(written, size) == spoken


def test_a_character_that_comes_in_two_deltas_is_one() -> None:
    filter_ = SayableText()
    assert filter_.feed("Gro\u00df \ud840") + filter_.feed("\udc00!") == "Gro\u00df \U00020000!"


def test_plain_words_are_not_kept_waiting() -> None:
    filter_ = SayableText(TOOLS)
    assert filter_.feed("Certainly.") == "Certainly."
    assert filter_.feed(" We have Tuesday") == " We have Tuesday"


def test_long_thinking_is_dropped_as_it_comes() -> None:
    filter_ = SayableText()
    assert filter_.feed("<think>" + "x" * 3 * MAX_HELD_CHARS) == ""
    assert len(filter_._held) < 100
    assert filter_.feed("more</think>Sure.") == "Sure."


PIECES = st.lists(
    st.sampled_from(
        ["<think>", "</think>", "<", ">", "<b>", "[", "](", ")", "Not heard:", "]", "find_openings",
         "find", "_openings", "(", "{", '"', "}", "```", "`", "*", "#", "# ", "\n", " ", "www.",
         "http", "s://", "x.y ", "word", "a", ".", "\U0001f600", "\ud83d", "\ude00", "end", "_call"]
    )
    | st.text(max_size=3),
    max_size=25,
).map("".join)  # fmt: skip


@given(PIECES, st.integers(1, 9))
def test_what_comes_out_does_not_depend_on_how_the_text_was_cut(text: str, size: int) -> None:
    assert said(text, size) == said(text)


@given(PIECES)
def test_what_comes_out_can_be_sent_and_said(text: str) -> None:
    spoken = said(text)
    spoken.encode()
    assert len(spoken) <= len(text)
    assert not any(mark in spoken for mark in ("`", "*", "\U0001f600"))
