"""A traceback in the log tells where, never what: the values are the caller's."""

from __future__ import annotations

from otto.traces import where


def test_a_logged_trace_has_places_and_no_values() -> None:
    def book(caller: str) -> None:
        raise ValueError(f"no such customer: {caller}")

    try:
        book("+13125550142")
    except ValueError as error:
        told = where(error)
    assert told.startswith("test_traces.py:") and " book, test_traces.py:" in told
    assert "3125550142" not in told and "customer" not in told
