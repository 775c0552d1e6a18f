"""What the vendor complains of, as the kinds that the switchboard knows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deepgram.listen.v1.types.listen_v1error import ListenV1Error
from deepgram.speak.v1.types.speak_v1warning import SpeakV1Warning
from hypothesis import given
from hypothesis import strategies as st

from otto.speech.complaints import code_of, error_in, is_flush_refused, kind_of, parse


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"variant": "ASR_PAYMENT_REQUIRED", "description": "x"}, "quota", "ASR_PAYMENT_REQUIRED"),
        ({"code": "INSUFFICIENT_CREDITS", "description": ""}, "quota", "INSUFFICIENT_CREDITS"),
        (
            {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."},
            "refused",
            "INVALID_AUTH",
        ),
        ({"code": "INSUFFICIENT_PERMISSIONS"}, "refused", "INSUFFICIENT_PERMISSIONS"),
        ({"code": "TOO_MANY_REQUESTS"}, "refused", "TOO_MANY_REQUESTS"),
        ({"code": "DATA-0000", "description": "cannot decode"}, "rejected", "DATA-0000"),
        ({"code": "INVALID_QUERY_PARAMETER"}, "rejected", "INVALID_QUERY_PARAMETER"),
        ({"code": "NET-0000", "description": "no output"}, "dropped", "NET-0000"),
        ({"code": "NET-0001"}, "dropped", "NET-0001"),
        ({"description": "request timed out"}, "timeout", "no code"),
        ({"code": "INTERNAL_SERVER_ERROR"}, "dropped", "INTERNAL_SERVER_ERROR"),
        ({"code": 402}, "quota", "402"),
        ({"description": "You are out of credits"}, "quota", "no code"),
        ({"description": {"odd": 1}}, "protocol", "no code"),
        ({}, "protocol", "no code"),
    ],
)
def test_an_error_frame_has_a_kind(error: dict[str, Any], kind: str, code: str) -> None:
    assert error_in({"type": "Error", **error}) == (kind, code)


def test_an_error_without_a_type_is_one() -> None:
    assert error_in({"err_code": "TOO_MANY_REQUESTS"}) == ("refused", "TOO_MANY_REQUESTS")


def test_what_the_caller_said_is_neither_read_nor_handed_on() -> None:
    """`message` is our own frame, which quotes the sentence to be spoken."""
    error = ListenV1Error(
        variant="Unknown", description="failed", message="your credit is 402 dollars"
    )
    assert error_in(error.model_dump()) == ("protocol", "Unknown")
    assert code_of({"code": "call Ann Smith"}) == "no code"


def test_a_frame_of_ours_that_was_not_understood_ends_nothing() -> None:
    error = ListenV1Error(variant="SchemaError", description="Could not deserialize")
    assert error_in(error.model_dump()) is None


def test_a_refused_flush_is_told_from_other_warnings() -> None:
    flush = SpeakV1Warning(code="EXCEEDED_FLUSH_LIMIT", description="wait").model_dump()
    other = SpeakV1Warning(code="TEXT_TOO_LONG", description="no flush needed").model_dump()
    assert is_flush_refused(flush) and not is_flush_refused(other)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("NET-0000: no output", "dropped"), ("insufficient credits", "quota"), ("", "otherwise")],
)
def test_the_reason_of_a_close_frame_is_read(reason: str, kind: str) -> None:
    assert kind_of(reason, "otherwise") == kind


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["variant", "code", "err_code", "description", "type"]),
)
def test_any_error_has_a_kind_and_a_code(value: Any, name: str) -> None:
    data = {"type": "Error", name: value}
    found = error_in(data)
    if found is not None:
        assert found[0] in {"quota", "refused", "timeout", "dropped", "rejected", "protocol"}
        assert len(found[1]) <= 40


@given(st.text() | st.binary() | st.sampled_from(["[" * 100_000, "{" * 9, json.dumps([1])]))
def test_what_is_no_object_is_empty(message: str | bytes) -> None:
    assert isinstance(parse(message), dict)
