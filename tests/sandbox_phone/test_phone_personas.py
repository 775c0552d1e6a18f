"""Callers as data: read from a mapping, with one clear sentence about what is wrong in it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sandbox.caller.acts import Act
from sandbox.caller.personas import (
    PERSONAS,
    GoalKind,
    PersonaError,
    TwistKind,
    persona,
    read_persona,
)
from sandbox.caller.twists import _INSTEAD, _REWORDED

SCENARIO = """
based_on: new-customer
voice: tenor
facts: {first_name: Elena, zip_code: "60614", date_of_birth: 1990-02-03}
goal:
  kind: book
  service: oil_change
  also: [tire_rotation]
  when: a week from tomorrow
  days: [2026-12-01, friday]
  earliest: "08:30"
then:
  - {kind: ask, questions: ["What are your hours?"]}
twists:
  - asks_if_robot
  - {kind: changes_mind, at: confirm, to: {service: battery, also: []}}
seed: 7
snr_db: 10
loss_percent: 2.5
"""


def test_a_scenario_is_a_persona() -> None:
    read = read_persona(yaml.safe_load(SCENARIO))
    assert (read.name, read.voice, read.seed, read.snr_db) == ("new-customer", "tenor", 7, 10.0)
    assert read.facts.name == "Elena Foster" and read.facts.known is False
    assert read.facts.date_of_birth == date(1990, 2, 3)
    assert read.goal.codes == ("oil_change", "tire_rotation")
    assert read.goal.days == ("2026-12-01", "friday"), "a date may be written as YAML reads it"
    assert [goal.kind for goal in read.then] == [GoalKind.ASK]
    assert [twist.kind for twist in read.twists] == [
        TwistKind.ASKS_IF_ROBOT,
        TwistKind.CHANGES_MIND,
    ]
    assert read.twists[1].at is Act.CONFIRM


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({}, "a persona needs 'name'"),
        ({"based_on": "nobody"}, "unknown persona 'nobody': there are maria"),
        ({"based_on": []}, "unknown persona"),
        ({"zoo": 1}, "unknown field 'zoo': there are name, about"),
        ({"goal": {"servce": "x"}}, "unknown field 'goal.servce': there are kind, service"),
        ({"facts": {"born": 1}}, "unknown field 'facts.born': there are first_name"),
        ({"facts": {"date_of_birth": "soon"}}, "'facts.date_of_birth' cannot be read"),
        ({"facts": {"phone": 13125550142}}, "'facts.phone' cannot be read"),
        ({"goal": {"kind": "fly"}}, "'goal.kind' cannot be read: it should be 'book'"),
        ({"goal": {"days": ["someday"]}}, "it should be a weekday like tuesday, or a date like"),
        ({"goal": {"earliest": "9"}}, "it should be a time like 09:30"),
        ({"goal": 3}, "'goal' cannot be read"),
        ({"then": [{"zoo": 1}]}, "unknown field 'then.0.zoo': there are kind"),
        ({"twists": ["zoo"]}, "'twists.0.kind' cannot be read"),
        ({"twists": "goes_silent"}, "'twists' cannot be read"),
        ({"twists": [{"kind": "says", "at": "zoo"}]}, "'twists.0.at' cannot be read"),
        ({"twists": [{"kind": "says", "times": 0}]}, "'twists.0.times' cannot be read"),
        ({"twists": [{"kind": "changes_mind", "to": {"zoo": 1}}]}, "unknown field 'twists.to.zoo'"),
        ({"twists": [{"kind": "changes_mind"}]}, "a change of mind needs what it is changed to"),
        ({"twists": [{"kind": "says"}]}, "needs words"),
        ({"voice": "zoo"}, "unknown voice 'zoo': there are alto"),
        ({"snr_db": 200}, "'snr_db' cannot be read"),
        ({"loss_percent": -1}, "'loss_percent' cannot be read"),
        ({"pace": "fast"}, "'pace' cannot be read"),
    ],
)
def test_what_is_wrong_in_a_persona_is_said_in_a_sentence(
    mapping: dict[str, Any], says: str
) -> None:
    given_ = mapping if not mapping or "based_on" in mapping else {"based_on": "maria", **mapping}
    with pytest.raises(PersonaError) as error:
        read_persona(given_)
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("nonsense", [None, 3, "maria", [1], [("name", 1)]])
def test_what_is_no_mapping_is_no_persona(nonsense: Any) -> None:
    with pytest.raises(PersonaError):
        read_persona(nonsense)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.sampled_from(["goal", "facts", "then", "twists", "voice", "seed", "name"]), _JSON)
def test_nothing_but_a_sentence_comes_of_nonsense(field: str, value: Any) -> None:
    try:
        read_persona({"based_on": "maria", field: value})
    except PersonaError as error:
        assert str(error)


def test_nobodys_data_is_in_a_refusal() -> None:
    with pytest.raises(PersonaError) as error:
        persona("maria", facts={"date_of_birth": "Smith 312-555-0142"})
    assert "Smith" not in str(error.value) and "0142" not in str(error.value)


def test_every_kind_of_twist_happens_somehow() -> None:
    assert {*_INSTEAD, *_REWORDED, TwistKind.INTERRUPTS} == {*TwistKind}
    assert not _INSTEAD.keys() & _REWORDED.keys()


def test_traits_go_with_the_rest() -> None:
    read = persona("maria", {"service": "battery"}, None, {"twists": ["swears"], "pace": 1.2})
    assert (read.goal.service, read.goal.prefer, read.pace) == ("battery", "tuesday morning", 1.2)
    assert {each.name for each in PERSONAS.values()} == {*PERSONAS}
