"""Whatever a server streams, what is stored of it can be sent again: to the real checks of the API.

An answer comes as chunks of any content, cut anywhere; it is put together, stored in the history
with its results, written as the session is written, read again, and sent to the sandbox's OpenAI,
which refuses what OpenAI refuses.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otto.dialogue.model.attempt import Answer
from otto.dialogue.model.failure import Failure
from otto.dialogue.session.history import History
from otto.events import Event, ModelDone, Sentence
from sandbox.openai.validation import validate

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("find_openings", "verify_caller", "end_call")
]
OFFERED = frozenset(tool["function"]["name"] for tool in TOOLS)


def taken(chunks: list[Any], *, is_whole: bool = True) -> tuple[list[Event], Failure | None]:
    events: list[Event] = []
    answer = Answer(3, 0.0, events.append, offered=OFFERED)
    try:
        for chunk in chunks:
            answer.take(chunk, 1.0)
        answer.finish(2.0, is_whole=is_whole)
    except Failure as failure:
        return events, failure
    return events, None


def replay(done: ModelDone) -> None:
    """Store the answer with its results, read it, and have the request it becomes checked."""
    history = History()
    history.caller("hello")
    history.otto(done.text, done.tool_calls, ['{"status":"ok"}'] * len(done.tool_calls))
    stored = json.dumps(history.dump(), ensure_ascii=False)
    stored.encode()
    assert "\\u0000" not in stored, "PostgreSQL refuses it"
    again = History.load(json.loads(stored))
    messages = again.messages("You are Otto.")
    validate({"model": "m", "messages": messages, "tools": TOOLS})
    ids = [call["id"] for each in messages for call in each.get("tool_calls", ())]
    assert len(ids) == len(set(ids))
    for call in done.tool_calls:
        assert isinstance(json.loads(call.arguments, parse_constant=_refuse), dict)
        assert len(call.id) <= 40
        assert not call.fault or call.arguments == "{}"


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
TEXT = st.text(max_size=12) | st.sampled_from(
    ["Sure. ", "\ud83d", "\ude00", "<think>", "</think>", "[Not heard: ", "]", "\x00", "**", "{"]
)
ARGUMENTS = st.text(max_size=8) | st.sampled_from(
    ['{"a":', "1}", '{"a":1}', "{}", '"', "\\u0000", "\ud83d", "{", "}", "NaN", "1e999", "[" * 50]
)
FUNCTION = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([*OFFERED, "find_", "openings", "tool:end_call", "", "x" * 80])
        | TEXT
        | st.none(),
        "arguments": ARGUMENTS | ANYTHING,
    },
)
PART = st.fixed_dictionaries(
    {},
    optional={
        "index": st.integers(-1, 2) | st.none() | st.sampled_from(["0", 1.0, 10**30]),
        "id": st.sampled_from(["", "a", "b", "x" * 64, "functions.end_call:0"]) | st.none(),
        "function": FUNCTION | st.none(),
    },
)
DELTA = st.fixed_dictionaries(
    {},
    optional={
        "content": TEXT | st.none() | st.lists(ANYTHING, max_size=2),
        "refusal": TEXT | st.none(),
        "tool_calls": st.lists(PART, max_size=3) | st.none(),
        "function_call": FUNCTION | st.none(),
    },
)
REASON = st.sampled_from(["stop", "tool_calls", "length", "STOP", "error", "odd", "", None, 7])
CHUNK = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({}, optional={"delta": DELTA, "finish_reason": REASON}),
            max_size=1,
        )
    },
    optional={"usage": ANYTHING},
)


@settings(max_examples=200, deadline=None)
@given(st.lists(CHUNK, max_size=10), st.booleans())
def test_an_answer_can_be_stored_and_sent_again_or_is_a_failure(
    chunks: list[Any], is_whole: bool
) -> None:
    events, failure = taken(chunks, is_whole=is_whole)
    spoken = [event.text for event in events if isinstance(event, Sentence)]
    for piece in spoken:
        piece.encode()
    done = [event for event in events if isinstance(event, ModelDone)]
    assert len(done) == (failure is None)
    for each in done:
        replay(each)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANYTHING | CHUNK, max_size=6))
def test_no_chunk_of_any_shape_is_more_than_a_failure(chunks: list[Any]) -> None:
    taken(chunks)


@settings(max_examples=150, deadline=None)
@given(st.lists(CHUNK, max_size=8))
def test_a_stream_without_a_reason_never_calls_a_tool(chunks: list[Any]) -> None:
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice.pop("finish_reason", None)
    for is_whole in (True, False):
        events, failure = taken(chunks, is_whole=is_whole)
        done = [event for event in events if isinstance(event, ModelDone)]
        assert failure is not None or (is_whole and not done[0].tool_calls)


VALUE = st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers(-99, 99), max_size=4)
CALL = st.tuples(st.sampled_from(sorted(OFFERED)), VALUE)


@settings(max_examples=150, deadline=None)
@given(st.lists(CALL, min_size=1, max_size=4), st.data())
def test_calls_in_any_fragments_are_the_calls(
    calls: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    """As the API sends them, whatever the sizes of the fragments and the ids."""
    chunks: list[Any] = []
    for index, (name, value) in enumerate(calls):
        id = data.draw(st.sampled_from(["", f"call_{index}", f"functions.{name}:{index}"]))
        first = {"index": index, "id": id, "type": "function", "function": {"name": name}}
        parts = [first]
        text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
        while text:
            size = data.draw(st.integers(1, len(text)))
            parts.append({"index": index, "function": {"arguments": text[:size]}})
            text = text[size:]
        chunks += [{"choices": [{"delta": {"tool_calls": [part]}}]} for part in parts]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    events, failure = taken(chunks)
    assert failure is None
    (done,) = events
    assert isinstance(done, ModelDone)
    assert [each.name for each in done.tool_calls] == [name for name, _ in calls]
    assert not any(each.fault for each in done.tool_calls)
    replay(done)
    plain = [
        value for _, value in calls if all(str(v).isascii() for v in (*value, *value.values()))
    ]
    found = [json.loads(each.arguments) for each in done.tool_calls]
    for value in plain:
        if all(str(each).isprintable() for each in (*value, *value.values())):
            assert value in found
