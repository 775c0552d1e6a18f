"""Between the model and the voice: what can be said comes through, and nothing else."""

from __future__ import annotations

import itertools
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otto.dialogue.model.text import MAX_CHARS, MAX_HELD_CHARS, SayableText

TOOLS = ("find_openings", "end_call", "add_vehicle")


def said(text: str, size: int | None = None) -> str:
    filter_ = SayableText(TOOLS)
    size = size or len(text) or 1
    parts = [filter_.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*parts, filter_.end()])


def in_pieces(text: str, cuts: list[int]) -> str:
    filter_ = SayableText(TOOLS)
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    parts = [filter_.feed(text[a:b]) for a, b in itertools.pairwise(places)]
    return "".join([*parts, filter_.end()])


CASES: list[tuple[str, str]] = [
    ("Sure, I can help.", "Sure, I can help."),
    # Thinking
    ("<think>They want\noil.</think>Sure.", "Sure."),
    ("<thinking a='1'>hm</thinking >Sure.", "Sure."),
    ("<think>never ends, and goes on", ""),
    ("<reasoning>hm</reasoning>Sure.", "Sure."),
    ("<seed:think>hm</seed:think>Sure.", "Sure."),
    ("<THINK>hm</Think>Sure.", "Sure."),
    ("◁think▷hm◁/think▷Sure.", "Sure."),
    ("<|begin_of_thought|>hm<|end_of_thought|>Sure.", "Sure."),
    ("[THINK]hm[/THINK]Sure.", "Sure."),
    ("Yes.</think>Sure.", "Yes. Sure."),
    (
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Sure.",
        "Sure.",
    ),
    ("<|channel|>commentary to=functions.x <|message|>{}<|call|>", ""),
    ("Thought: they want oil\nFinal Answer: Sure.", "\n Sure."),
    # The tokens by which models are steered
    ("Sure.<|im_end|>", "Sure."),
    ("Sure.</s>", "Sure."),
    ("<|begin_of_box|>Sure.<|end_of_box|>", "Sure."),
    ("[INST]Sure.[/INST]", "Sure."),
    ("<start_of_turn>Sure.", "Sure."),
    # Speech markup, HTML
    ('One <break time="1s"/>moment.', "One moment."),
    ("<speak>Hello</speak> there", "Hello there"),
    ('<prosody rate="slow">Hello</prosody>', "Hello"),
    ('<say-as interpret-as="date">May 1</say-as>', "May 1"),
    ("<!-- hm > --><?xml version='1'?><![CDATA[x]]>Sure", "Sure"),
    ("<b>Tuesday</b><br>at nine", "Tuesdayat nine"),
    ("&nbsp;Smith &amp; Sons &lt;b&gt; &#39;s", " Smith & Sons b 's"),
    ("if a < b then", "if a < b then"),
    ("Smith & Sons; R&D", "Smith & Sons; R&D"),
    ("Sure. <bre", "Sure. "),
    ("{{break}} {pause} Sure", "  Sure"),
    # Tool calls as text
    ('find_openings({"service": "oil (change)"}) Sure.', " Sure."),
    ("Let me look. find_openings({", "Let me look. "),
    ('find_openings(service="oil") Sure.', " Sure."),
    ('functions.find_openings({"a": 1}) Sure.', " Sure."),
    ('print(default_api.find_openings(a="b")) Sure.', " Sure."),
    ('[find_openings(a="b"), end_call()] Sure.', " Sure."),
    ('find_openings: {"a": 1} Sure.', " Sure."),
    ("find_openings {'a': 1}", ""),
    ("I can find openings and end calls.", "I can find openings and end calls."),
    ("It ends at five, at the end", "It ends at five, at the end"),
    ("I'll use find_openings now.", "I'll use find openings now."),
    ('{"name": "find_openings", "arguments": {}}', ""),
    ('[{"name": "find_openings"}] Sure.', " Sure."),
    ('<tool_call>{"name": "find_openings"}</tool_call>Sure.', "Sure."),
    ("<tool_call>find_openings<arg_key>a</arg_key></tool_call>Sure.", "Sure."),
    ('<function=find_openings>{"a": 1}</function>Sure.', "Sure."),
    ('<function_calls><invoke name="end_call"></invoke></function_calls>Sure.', "Sure."),
    ('<|python_tag|>find_openings(a="b") and more', ""),
    ('[TOOL_CALLS] [{"name": "x"}] and more', ""),
    ("[TOOL_REQUEST]x[END_TOOL_REQUEST]Sure.", "Sure."),
    ("<|tool_call_begin|>functions.x:0<|y|>{}<|tool_call_end|>Sure.", "Sure."),
    ("<｜tool▁calls▁begin｜>function<｜tool▁sep｜>x<｜tool▁calls▁end｜>Sure.", "Sure."),
    ('Action: find_openings\nAction Input: {"a": 1}\nSure.', "\n \nSure."),
    ('find_openings({"a": "forgotten)\n\nSure.', "\nSure."),
    ("```json\n{}\n```Sure.", "Sure."),
    ("~~~\nx = 1\n~~~Sure.", "Sure."),
    # Markdown
    ("**Tuesday** at `nine`, *please*", "Tuesday at nine, please"),
    ("__Tuesday__ or _Friday_, ~~not~~ snake_case", "Tuesday or Friday, not snake case"),
    ("# Openings\nTuesday", " Openings\nTuesday"),
    ("- nine\n* ten\n• eleven\n- [ ] twelve", "nine\nten\neleven\n twelve"),
    ("> Sure\n---\nyes", " Sure\n\nyes"),
    ("| Day | Time |\n|:---|---:|\n| Tue | 9 |", " Day , Time \n\n Tue , 9 "),
    ("You are #1 with us", "You are #1 with us"),
    ("It is -5 out\n-5 again", "It is -5 out\n-5 again"),
    ("It takes ~5 minutes", "It takes about 5 minutes"),
    (r"Sure\! It\'s $5\nOkay", "Sure! It's $5\nOkay"),
    ("Sure[1], see[^2] 【4†source】", "Sure, see "),
    ("See [our page](https://ottos.example/x) soon", "See our page soon"),
    ('See [**our** page](/a_(b) "title") soon', "See our page soon"),
    ("See [our page][1] soon", "See our page soon"),
    ("![car](https://ottos.example/x.png)Sure", "!Sure"),
    # Addresses
    ("See https://ottos.example/a?b=c for more", "See  for more"),
    ("See HTTPS://OTTOS.EXAMPLE/ for more", "See  for more"),
    ("See www.ottos.example", "See "),
    ("See (www.ottos.example/x). Thanks", "See (). Thanks"),
    ("See _https://ottos.example_ soon", "See  soon"),
    ("See ftp://x.y, <https://x.y> or", "See ,  or"),
    ("mailto:a@b.example tel:815-555-0123", "a@b.example 815-555-0123"),
    ("Who, when, what, how, first", "Who, when, what, how, first"),
    # Characters
    ("Great! \U0001f600\U0001f697 See you \u2764\ufe0f", "Great!  See you "),
    ("\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd 1\ufe0f\u20e3", "  1"),
    ("half \ud83d a character \ude00", "half  a character "),
    ("caf\u00e9 \u2013 na\u00efve", "caf\u00e9 \u2013 na\u00efve"),
    ("a\x00\x07\x7fb\u202ec\u2066d\u200be\ufefff\u00adg", "abcdefg"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("nine\u00a0o'clock\tsharp\u2028yes\x85no", "nine o'clock sharp\nyes\nno"),
    ("\ue000\U000e0041\uffff", ""),
    ("98 °F, № 5", "98 °F, № 5"),
    # Notes and directions
    ("I [The caller interrupted. Not heard: am here] am", "I  am"),
    ("[Not heard: and this never ends", ""),
    ("[Not heard: I said [sic] hello] Sure", " Sure"),
    ('[The caller interrupted. Not heard: he said "stop] Sure', " Sure"),
    ("(Not heard: that is it) Sure", " Sure"),
    ("[Caller interrupted] [System: go on] [Your name] Sure", "   Sure"),
    ("(pause) [laughs] *sighs softly* (for 2 pauses) Sure", "   (for 2 pauses) Sure"),
    ("[sic] and [so", "[sic] and [so"),
    ("(815) 555-0123 (we are (nearly) open", "(815) 555-0123 (we are (nearly) open"),
    ("Otto: Sure.\n**Assistant:** Yes.", " Sure.\nYes."),
    ("Tell Otto: yes", "Tell Otto: yes"),
]


@pytest.mark.parametrize("size", [None, 1, 3])
@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_what_is_said_of_what_is_written(written: str, spoken: str, size: int | None) -> None:
    assert said(written, size) == spoken


def test_a_character_that_comes_in_two_deltas_is_one() -> None:
    filter_ = SayableText()
    assert filter_.feed("Gro\u00df \ud840") + filter_.feed("\udc00!") == "Gro\u00df \U00020000!"


def test_plain_words_are_not_kept_waiting() -> None:
    filter_ = SayableText(TOOLS)
    assert filter_.feed("Certainly.") == "Certainly."
    assert filter_.feed(" We have Tuesday") == " We have Tuesday"


@pytest.mark.parametrize(
    "opening", ["<think>", "<tool_call>", "```", '{"a": "', "[Not heard: ", "find_openings(", "https://"]
)  # fmt: skip
def test_what_is_dropped_is_dropped_as_it_comes_however_long(opening: str) -> None:
    filter_ = SayableText(TOOLS)
    assert filter_.feed("Yes, " + opening + "x" * 3 * MAX_HELD_CHARS) == "Yes, "
    assert len(filter_._held) < 100


def test_behind_a_long_thinking_comes_the_answer() -> None:
    filter_ = SayableText()
    thought = "They want oil. " * MAX_CHARS
    assert filter_.feed("<think>" + thought) + filter_.feed("</think>Sure.") == "Sure."


@pytest.mark.parametrize("piece", ["[", "<", "<!--", "![", "[a](", "(", "*", "_", "{", "x [", "~"])
def test_a_text_of_nothing_else_is_looked_through_once(piece: str) -> None:
    """Counted, not clocked: how often a character is looked at."""
    filter_ = SayableText(TOOLS)
    steps = 0
    step = filter_._step

    def counted(text: str, at_end: bool) -> object:
        nonlocal steps
        steps += 1
        return step(text, at_end)

    filter_._step = counted  # type: ignore[method-assign,assignment]
    filter_.feed(piece * 200_000)
    assert steps <= MAX_CHARS + 2_000


def test_what_is_said_has_an_end() -> None:
    assert len(said("Sure. " * MAX_CHARS)) <= MAX_CHARS + 1


# Whatever comes

MARKS = [
    "<think>", "</think>", "<", ">", "<b>", "</", "<!--", "-->", "<|", "|>", "<|channel|>",
    "final", "<|message|>", "<|end|>", "<|python_tag|>", "<tool_call>", "</tool_call>", "◁think▷",
    "◁/think▷", "[", "](", "][", ")", "Not heard:", "not ", "]", "[THINK]", "[/THINK]",
    "[TOOL_CALLS]", "[^1]", "find_openings", "find", "_openings", "functions.", "print(", "(",
    "{", '"', "}", "'", ":", "```", "~~~", "`", "*", "**", "#", "# ", "- ", "-", "| ", "---", "_",
    "~", "\\", "\\n", "&amp;", "&", ";", "!", "\n", "\n\n", " ", "www.", "http", "s://", "HTTP",
    "x.y ", "word", "a", ".", "5", "pause", "sigh", "s", "Otto:", "Thought:", "Action Input:",
    "【", "】", "\U0001f600", "\ud83d", "\ude00", "\u200d", "\x00", "\x1b[0m", "\x1b", "\u202e",
    "end", "_call", "\t", "\xa0",
]  # fmt: skip
PIECES = st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=25).map("".join)
LONG = st.lists(
    st.sampled_from(MARKS) | st.sampled_from(["x" * 700, " y" * 400, "[" * 50]), max_size=12
).map("".join)


@settings(max_examples=250)
@given(PIECES, st.lists(st.integers(0, 60), max_size=12))
@example("Sure.<", [1])
@example("\\n", [1])
def test_what_comes_out_does_not_depend_on_how_the_text_was_cut(text: str, cuts: list[int]) -> None:
    assert in_pieces(text, cuts) == said(text) == said(text, 1)


@settings(max_examples=60, deadline=None)
@given(LONG, st.lists(st.integers(0, 8_000), max_size=6))
def test_nor_when_it_is_longer_than_what_is_looked_at(text: str, cuts: list[int]) -> None:
    assert in_pieces(text, cuts) == said(text)


NEVER_SAID = ("Cc", "Cf", "Co", "Cn", "Cs", "So", "Sk", "Me")


@settings(max_examples=250)
@given(PIECES)
def test_what_comes_out_can_be_sent_and_said(text: str) -> None:
    spoken = said(text)
    spoken.encode()
    assert not re.search(r"[`*{}_|\\]", spoken)
    assert not re.search(r"(?<!\w)(?:https?://|www\.\w)", spoken)
    unsayable = {c for c in spoken if c != "\n" and unicodedata.category(c) in NEVER_SAID} - set(
        "°№"
    )
    assert not unsayable


SPOKEN = st.sampled_from(["Sure.", "We open at 9:00 AM.", "It is $79.95.", "Tuesday works, too."])
SECRET = st.sampled_from(["SECRET", "SECRET [SECRET] SECRET", 'SECRET "x" SECRET'])
WRAPPED = st.sampled_from(
    [
        "<think>{}</think>", "<thinking>{}</thinking>", "<reasoning>\n{}</reasoning>",
        "<tool_call>{}</tool_call>", "<!-- {} -->", "◁think▷{}◁/think▷", "[THINK]{}[/THINK]",
        "[The caller interrupted. Not heard: {}]", "[System: {}]", "```\n{}\n```", "~~~\n{}\n~~~",
        '{{"name": "find_openings", "arguments": {{"a": "{}"}}}}', "find_openings({})",
        "functions.find_openings({{'a': '{}'}})", "https://x.example/SECRET", "[^1]", "&nbsp;",
        "<|begin_of_thought|>{}<|end_of_thought|>", '<break time="1s"/>', "\U0001f600", "\ud83d",
        "<|im_end|>", "(pause)", "*sighs*", "**", "\u200b", "\x1b[31m", "【{}】",
        "<|channel|>analysis<|message|>{}<|end|>",
    ]
)  # fmt: skip


@settings(max_examples=250)
@given(
    st.lists(st.tuples(SPOKEN, WRAPPED, SECRET), min_size=1, max_size=6),
    st.lists(st.integers(0, 300), max_size=20),
)
def test_what_is_said_is_what_was_meant_to_be_and_all_of_it(
    parts: list[tuple[str, str, str]], cuts: list[int]
) -> None:
    def inside(wrapped: str, secret: str) -> str:
        if '"a"' in wrapped:  # a text within JSON
            secret = secret.replace('"', '\\"')
        return wrapped.format(secret)

    text = " ".join(f"{words} {inside(wrapped, secret)}" for words, wrapped, secret in parts)
    spoken = in_pieces(text, cuts)
    assert spoken.split() == " ".join(words for words, _, _ in parts).split()
