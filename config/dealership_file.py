"""Reading the dealership's YAML, and turning pydantic's findings into sentences about that file."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Frozen(BaseModel):
    """A part of the file: hashable, and with no key that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice: plain YAML silently keeps the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                line = key_node.start_mark.line + 1
                raise ValueError(f"line {line}: '{key_node.value}' is written twice")
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The file's content. Raises ValueError with a sentence."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  a SafeLoader
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError("must hold name, locations and services")
    return content


def explain(error: ValidationError, content: Any, keys: Mapping[str, set[str]]) -> list[str]:
    """One sentence per fault. `keys` says what may be written below each heading."""
    faults = error.errors(include_url=False)
    lines = []
    for fault in faults:
        loc = fault["loc"]
        if any(other["loc"][: len(loc)] == loc and other["loc"] != loc for other in faults):
            continue  # a list found "too short" because its entries are faulty
        # The name of a missing or unknown key stands in the message itself.
        named = fault["type"] in {"missing", "extra_forbidden"}
        where = _place(loc[:-1] if named else loc, content)
        heading = next((part for part in reversed(loc[:-1]) if isinstance(part, str)), "")
        for message in _message(fault, keys.get(heading, set())).splitlines():
            lines.append(f"{where}: {message}" if where else message)
    return lines


def _message(fault: ErrorDetails, known: set[str]) -> str:
    """The sentence for one finding, without its place."""
    context = fault.get("ctx", {})
    name = str(fault["loc"][-1]) if fault["loc"] else ""
    match fault["type"]:
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"'{'price' if name == 'price_cents' else name}' is missing"
        case "extra_forbidden":
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
            hint = f": did you mean '{close[0]}'?" if close else ""
            return f"unknown key '{name}'{hint}"
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "string_type":
            return "must be text (put it in quotes)"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must be at most {context['max_length']} characters long"
        case "string_pattern_mismatch":
            return "may hold small letters, digits and _ only, and begins with a letter"
        case "too_short":
            return "needs at least one entry"
        case "tuple_type" | "list_type":
            return "must be a list, like [one, two]"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a group of 'key: value' lines"
        case kind if kind.startswith("date"):
            return "must be a date like 2026-12-24"
        case _:
            text = fault["msg"]
            return text[:1].lower() + text[1:]


def _place(loc: tuple[int | str, ...], content: Any) -> str:
    """The place in the manager's words.

    ("locations", 0, "hours", "tuesday") → "location 'main', hours on Tuesday".
    """
    words: list[str] = []
    at = content
    for part in loc:
        at = _step(at, part)
        if isinstance(part, str):
            if words and words[-1] == "hours":
                words[-1] = f"hours on {part.capitalize()}"
            else:
                words.append("price" if part == "price_cents" else part)
        elif words[-1] in {"locations", "bays", "services", "staff"}:
            kind = words.pop().removesuffix("s")
            label = (
                (at.get("id") or at.get("code") or at.get("name")) if isinstance(at, dict) else None
            )
            words.append(f"{kind} '{label}'" if label else f"{kind} number {part + 1}")
        else:
            words[-1] = f"{words[-1]}, entry {part + 1}"
    return ", ".join(words)


def _step(at: Any, part: int | str) -> Any:
    if isinstance(at, dict):
        return at.get(part)
    if isinstance(at, list) and isinstance(part, int) and part < len(at):
        return at[part]
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`: did you mean 'x'?` when something known is close, otherwise nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f": did you mean '{close[0]}'?" if close else ""
