"""Reading callers from a mapping, such as a scenario's YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sandbox.audio.voices import CALLER_VOICES
from sandbox.caller.people import PERSONAS
from sandbox.caller.profile import CLOCK, DAY, Facts, Goal, GoalKind, Persona, Twist, TwistKind

__all__ = [
    "PERSONAS",
    "Facts",
    "Goal",
    "GoalKind",
    "Persona",
    "PersonaError",
    "Twist",
    "TwistKind",
    "changed",
    "persona",
    "read_persona",
]


class PersonaError(ValueError):
    """The persona, or what is asked of it, does not exist. The message is a sentence."""


_PERSONA = TypeAdapter(Persona)
_GOAL = TypeAdapter(Goal)
_PARTS: dict[Any, Any] = {"goal": Goal, "facts": Facts, "then": Goal, "to": Goal, "twists": Twist}
"""What a name in an error belongs to, so that the names there are can be told."""
_FORMS = {
    CLOCK: "it should be a time like 09:30",
    DAY: "it should be a weekday like tuesday, or a date like 2026-12-01",
}


def persona(
    name: str,
    goal: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    traits: Mapping[str, Any] | None = None,
) -> Persona:
    """The persona called `name`, with parts of its goal, facts and other fields replaced.

    Raises `PersonaError`.
    """
    if not isinstance(traits, Mapping | None):
        raise PersonaError("a persona's traits are a mapping of its fields")
    own = {"based_on": name, "goal": {} if goal is None else goal, "facts": facts or {}}
    return read_persona({**(traits or {}), **own})


def read_persona(mapping: Mapping[str, Any]) -> Persona:
    """A persona from its fields by name, as YAML or JSON has them.

    With `based_on`, whatever is left out is as that persona has it, in `goal` and `facts` too. A
    twist may be its kind alone. Raises `PersonaError`, which names the field that is wrong.
    """
    if not isinstance(mapping, Mapping):
        raise PersonaError("a persona is a mapping of its fields")
    given = dict(mapping)
    based_on = given.pop("based_on", None)
    if based_on is not None and based_on not in [*PERSONAS]:
        raise PersonaError(f"unknown persona {based_on!r}: there are {', '.join(PERSONAS)}")
    values = asdict(PERSONAS[based_on]) if based_on is not None else {}
    for part in ("goal", "facts"):
        if isinstance(given.get(part), Mapping):
            given[part] = {**values.get(part, {}), **given[part]}
    if isinstance(given.get("twists"), list | tuple):
        given["twists"] = [{"kind": t} if isinstance(t, str) else t for t in given["twists"]]
    read: Persona = _read(_PERSONA, values | given)
    for twist in read.twists:
        if twist.kind is TwistKind.CHANGES_MIND and not twist.to:
            raise PersonaError("a change of mind needs what it is changed to: `to`")
        if twist.kind is TwistKind.SAYS and not twist.words:
            raise PersonaError("a twist that says something needs words")
        _read(_GOAL, asdict(read.goal) | twist.to, "twists.to.")
    if read.voice not in CALLER_VOICES:
        raise PersonaError(f"unknown voice {read.voice!r}: there are {', '.join(CALLER_VOICES)}")
    return read


def changed(goal: Goal, to: Mapping[str, Any]) -> Goal:
    """`goal` with some of its fields replaced. Raises `PersonaError`."""
    return _read(_GOAL, asdict(goal) | dict(to))


_T = TypeVar("_T")


def _read(adapter: TypeAdapter[_T], values: Mapping[str, Any], within: str = "") -> _T:
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        raise PersonaError(_sentence(error, within)) from None


def _sentence(error: ValidationError, within: str) -> str:
    """The first thing that is wrong, without the value: it may be somebody's."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = within + ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "missing":
            return f"a persona needs {where!r}"
        case "unexpected_keyword_argument":
            parts = (*within.split("."), *first["loc"][:-1])
            part = next((_PARTS[p] for p in parts if p in _PARTS), Persona)
            return f"unknown field {where!r}: there are {', '.join(f.name for f in fields(part))}"
        case "string_pattern_mismatch":
            return f"{where!r} cannot be read: {_FORMS[first['ctx']['pattern']]}"
        case _:
            return f"{where!r} cannot be read: {first['msg'].replace('Input', 'it', 1)}"
