"""Whatever a server sends as tool calls, one form comes out, or a fault to speak about."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.model.tool_calls import (
    MAX_ARGUMENTS_CHARS,
    MAX_CALLS,
    MAX_TAKEN,
    NOT_JSON,
    TOO_MANY,
    ToolCalls,
)
from otto.events import ToolCall
from otto.language.characters import whole

OFFERED = ("find_openings", "book_appointment", "verify_caller", "end_call")


def part(
    arguments: Any = "", *, index: int | None = 0, id: str | None = None, name: str | None = None
) -> dict[str, Any]:
    sent: dict[str, Any] = {"function": {"arguments": arguments}}
    if name is not None:
        sent["function"]["name"] = name
    if index is not None:
        sent["index"] = index
    if id is not None:
        sent["id"] = id
    return sent


def canonical(*parts: dict[str, Any], round_id: int = 7) -> list[ToolCall]:
    calls = ToolCalls(OFFERED)
    for each in parts:
        calls.take(each)
    return list(calls.canonical(round_id))


def call(at: int, name: str, arguments: str = "{}", fault: str = "") -> ToolCall:
    return ToolCall(f"call_7_{at}", name, arguments, fault)


def test_ids_are_ours_and_differ_from_round_to_round() -> None:
    same = part("{}", id="functions.verify_caller:0", name="verify_caller")
    first, second = canonical(same, round_id=7), canonical(same, round_id=8)
    assert [first[0].id, second[0].id] == ["call_7_0", "call_8_0"]


@pytest.mark.parametrize(
    "id", ["x" * 64, "", "call/1", None], ids=["long", "empty", "odd", "missing"]
)
def test_no_id_of_a_server_is_kept(id: str | None) -> None:
    assert canonical(part("{}", id=id, name="end_call")) == [call(0, "end_call")]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("tool:find_openings", "find_openings"),
        ("functions.find_openings", "find_openings"),
        ("default_api/find_openings", "find_openings"),
        (" find_openings ", "find_openings"),
        ("functions.find_openings:0", "find_openings"),
        ("find-openings", "find_openings"),
        ("findOpenings", "find_openings"),
        ("FIND_OPENINGS", "find_openings"),
        ('"find_openings"', "find_openings"),
        ("find_openings()", "find_openings"),
        ("<|constrain|>find_openings", "find_openings"),
        ("find_openings<|channel|>commentary", "find_openings"),
        ("end_openings", "end_openings"),
        ("", "unnamed"),
        ("drop tables;", "drop_tables_"),
        ("\ud83d", "_"),
        ("x" * 300, "x" * 64),
    ],
)
def test_a_name_is_one_that_was_offered_or_at_least_one_that_can_be_sent(
    sent: str, meant: str
) -> None:
    assert canonical(part("{}", name=sent)) == [call(0, meant)]


@pytest.mark.parametrize(
    ("sent", "arguments", "fault"),
    [
        ("", "{}", ""),
        ("  ", "{}", ""),
        ('{"service": "oil_change"}', '{"service":"oil_change"}', ""),
        ('"{\\"service\\": 1}"', '{"service":1}', ""),
        ('{"service":', "{}", NOT_JSON),
        ("null", "{}", NOT_JSON),
        ("[1]", "{}", NOT_JSON),
        ('{"a": NaN}', "{}", NOT_JSON),
        ('{"a":1}{"a":1}', '{"a":1}', ""),
        ('{"a":1}{"a":2}', "{}", TOO_MANY),
        ('{"a":1} and then', "{}", NOT_JSON),
        ("{}" * 3000, "{}", ""),
        ('{"name": "\\ud83d"}', '{"name":"\ufffd"}', ""),
        ('{"name": "\\ud83d\\ude00"}', '{"name":"\U0001f600"}', ""),
        ('{"a":' * 5000 + "1" + "}" * 5000, "{}", NOT_JSON),
        ("[" * 3000, "{}", NOT_JSON),
        ('{"a":1e999}', "{}", NOT_JSON),
        ('{"a":-1e999}', "{}", NOT_JSON),
        ('{"a":Infinity}', "{}", NOT_JSON),
        ('{"a":' + "9" * 400 + "}", "{}", NOT_JSON),
        ('{"a":' + "9" * 5000 + "}", "{}", NOT_JSON),
        ('{"a":9007199254740992,"b":-1.5}', '{"a":9007199254740992,"b":-1.5}', ""),
        ('{"a":1,"a":2}', "{}", NOT_JSON),
        ('{"a":1,"a":1}', '{"a":1}', ""),
        ('{"a":{"b":1,"b":2}}', "{}", NOT_JSON),
        ('{"a":"x\\u0000y"}', '{"a":"xy"}', ""),
        ('{"a":"x\x00y"}', '{"a":"xy"}', ""),
        ('{"a":"\u202ex\u200b"}', '{"a":"x"}', ""),
        ('{"a":"x\ny"}', '{"a":"x\\ny"}', ""),
        ('\ufeff{"a":1}', '{"a":1}', ""),
        ('{"a":"' + "x" * 1_000_000 + '"}', "{}", NOT_JSON),
        ('"' * 8000, "{}", NOT_JSON),
        ('"' + "\\" * 7990, "{}", NOT_JSON),
        ("{'a': 1}", "{}", NOT_JSON),
        ('{"a":1,}', "{}", NOT_JSON),
    ],
)
def test_arguments_are_one_json_object_or_a_fault(sent: str, arguments: str, fault: str) -> None:
    assert canonical(part(sent, name="end_call")) == [call(0, "end_call", arguments, fault)]


def test_an_object_that_was_not_written_as_text_is_taken_as_it_is() -> None:
    assert canonical(part({"a": 1}, name="end_call")) == [call(0, "end_call", '{"a":1}')]


def test_two_calls_under_one_index_are_two_calls() -> None:
    by_id = (
        part('{"a":1}', id="a", name="find_openings"),
        part('{"b":2}', id="b", name="end_call"),
    )
    without = (part('{"a":1}', name="find_openings"), part('{"b":2}', name="end_call"))
    for sent in (by_id, without):
        assert canonical(*sent) == [
            call(0, "find_openings", '{"a":1}'),
            call(1, "end_call", '{"b":2}'),
        ]


def test_the_same_tool_twice_under_one_index_is_two_calls() -> None:
    sent = [part(f'{{"a":{n}}}', name="verify_caller") for n in (1, 2)]
    assert [each.arguments for each in canonical(*sent)] == ['{"a":1}', '{"a":2}']


def test_fragments_without_an_index_belong_to_the_call_before() -> None:
    sent = (
        part('{"service', index=None, id="a", name="find_openings"),
        part('":"oil', index=None),
        part('_change"}', index=None),
    )
    assert canonical(*sent) == [call(0, "find_openings", '{"service":"oil_change"}')]


@pytest.mark.parametrize("id", [None, "a"])
def test_a_name_that_comes_in_pieces_is_put_together(id: str | None) -> None:
    sent = (part("", id=id, name="find_"), part("", id=id, name="openings"), part("{}"))
    assert canonical(*sent) == [call(0, "find_openings")]


def test_a_name_that_comes_with_every_fragment_is_one_name() -> None:
    sent = (part('{"a"', name="find_openings"), part(":1}", name="find_openings"))
    assert canonical(*sent) == [call(0, "find_openings", '{"a":1}')]


def test_the_servers_order_counts() -> None:
    sent = (part("{}", index=1, name="end_call"), part("{}", index=0, name="find_openings"))
    assert [each.name for each in canonical(*sent)] == ["find_openings", "end_call"]


def test_a_model_that_repeats_itself_without_end_is_cut_off() -> None:
    sent = [part("{}", index=n, name="end_call") for n in range(50)]
    assert len(canonical(*sent)) == MAX_CALLS


def test_halves_of_a_character_are_joined_or_replaced() -> None:
    assert whole("a\ud83d\ude00b") == "a\U0001f600b"
    assert whole("a\ud83d") == "a\ufffd"


def test_fragments_that_are_interleaved_without_an_index_are_told_apart_by_id() -> None:
    sent = (
        part('{"a"', index=None, id="a", name="find_openings"),
        part('{"b"', index=None, id="b", name="end_call"),
        part(":1}", index=None, id="a"),
        part(":2}", index=None, id="b"),
    )
    assert canonical(*sent) == [
        call(0, "find_openings", '{"a":1}'),
        call(1, "end_call", '{"b":2}'),
    ]


@pytest.mark.parametrize("index", ["0", 0.0, None])
def test_an_index_of_another_kind_is_one_or_is_none(index: Any) -> None:
    sent = (part('{"a"', index=index, name="find_openings"), part(":1}", index=index))
    assert canonical(*sent) == [call(0, "find_openings", '{"a":1}')]


def test_equal_ids_are_one_call_sent_again_or_two_that_differ() -> None:
    id = "functions.verify_caller:0"
    first, again = (part('{"a":1}', index=n, id=id, name="verify_caller") for n in (0, 1))
    other = part('{"a":2}', index=2, id=id, name="verify_caller")
    assert [each.arguments for each in canonical(first, again, other)] == ['{"a":1}', '{"a":2}']


def test_a_call_without_its_envelope_is_one() -> None:
    sent = {"index": 0, "name": "find_openings", "arguments": '{"a":1}'}
    assert canonical(sent) == [call(0, "find_openings", '{"a":1}')]


def test_an_object_nested_without_end_is_a_fault() -> None:
    nested: dict[str, Any] = {}
    for _ in range(5_000):
        nested = {"a": nested}
    assert canonical(part(nested, name="end_call")) == [call(0, "end_call", "{}", NOT_JSON)]


def test_arguments_without_end_are_not_kept() -> None:
    calls = ToolCalls(OFFERED)
    for _ in range(3_000):
        calls.take(part("x" * 1_000, name="end_call"))
    assert len(calls._calls) == 1
    assert len(calls._calls[0].arguments) <= MAX_ARGUMENTS_CHARS + 1_000


def test_calls_without_end_are_not_kept() -> None:
    calls = ToolCalls(OFFERED)
    for number in range(3_000):
        calls.take(part("{}", index=number, name="end_call"))
    assert len(calls._calls) == MAX_TAKEN


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
texts = st.text(max_size=20) | st.sampled_from(['{"a":1}', '{"a":', "}", '"', "\ud83d", "{}"])
parts = st.fixed_dictionaries(
    {},
    optional={
        "index": st.integers(-1, 2) | st.none() | st.text(max_size=2),
        "id": st.sampled_from(["", "a", "b"]) | st.none() | st.integers(),
        "function": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from([*OFFERED, "find_", "openings", "tool:end_call", ""])
                | st.none()
                | st.integers(),
                "arguments": texts | anything,
            },
        ),
    },
)


@given(st.lists(parts, max_size=8))
def test_what_comes_out_can_be_stored_sent_and_read_whatever_went_in(sent: list[Any]) -> None:
    calls = canonical(*sent)
    assert len({each.id for each in calls}) == len(calls)
    for each in calls:
        assert isinstance(json.loads(each.arguments), dict)
        assert each.name and len(each.name) <= 64
        json.dumps([each.name, each.arguments], ensure_ascii=False).encode()
        if each.fault:
            assert each.arguments == "{}"
