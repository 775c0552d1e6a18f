"""Every flow of a call, and that none of the table's rows could be left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otto.dialogue.flow import table
from otto.dialogue.flow.table import Grant
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.state import Identity
from tests.dialogue.flow.walks import WALKS

ROWS = [
    (name, at) for name in ("WHO", "ERRANDS", "GRANTS") for at in range(len(getattr(table, name)))
]


@pytest.mark.parametrize("name", WALKS)
def test_flow(name: str) -> None:
    WALKS[name]()


def broken() -> list[str]:
    """The flows that fail with the table as it is."""
    failed = []
    for name, flow in WALKS.items():
        try:
            flow()
        except (AssertionError, IndexError):
            failed.append(name)
    return failed


@pytest.mark.parametrize(("rows", "at"), ROWS)
def test_without_any_row_a_flow_fails(rows: str, at: int, monkeypatch: Any) -> None:
    whole = getattr(table, rows)
    monkeypatch.setattr(table, rows, (*whole[:at], *whole[at + 1 :]))
    assert broken(), f"nobody misses {whole[at]}"


GUARDED = [(name, at) for name, at in ROWS if getattr(getattr(table, name)[at], "guard", None)]


@pytest.mark.parametrize(("rows", "at"), GUARDED)
def test_without_its_guard_a_flow_fails(rows: str, at: int, monkeypatch: Any) -> None:
    whole = getattr(table, rows)
    bare = replace(whole[at], guard=None)
    monkeypatch.setattr(table, rows, (*whole[:at], bare, *whole[at + 1 :]))
    assert broken(), f"nobody misses the guard of {whole[at]}"


@pytest.mark.parametrize("grant", [grant for grant in table.GRANTS if grant != Grant(grant.tool)])
def test_a_grant_without_conditions_fails_a_flow(grant: Grant, monkeypatch: Any) -> None:
    others = tuple(each for each in table.GRANTS if each is not grant)
    conditions = [{"who": frozenset(Identity)}, {"errands": frozenset(Errand)}]
    conditions += [
        {"guards": tuple(g for g in grant.guards if g is not one)} for one in grant.guards
    ]
    for without in conditions:
        looser = replace(grant, **without)
        if looser != grant:
            monkeypatch.setattr(table, "GRANTS", (*others, looser))
            assert broken(), f"nobody misses {without} of {grant.tool}"


@pytest.mark.parametrize("event", table.COMES_TO)
def test_without_what_a_tool_comes_to_a_flow_fails(
    event: tuple[str, str], monkeypatch: Any
) -> None:
    monkeypatch.delitem(table.COMES_TO, event)
    assert broken(), f"nobody misses {event}"
