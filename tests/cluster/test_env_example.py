"""`.env.example` names every setting, no other, and its values are the defaults."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SHOWN_ONLY = {"OTTO_PUBLIC_ORIGIN"}
"""Its example value is an illustration; the default is empty."""


def documented() -> dict[str, str]:
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def defaults(model: Any = Settings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    prefix = model.model_config["env_prefix"]
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            found |= defaults(field.annotation)
        else:
            found[f"{prefix}{name}".upper()] = field.default
    return found


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(documented()) == set(defaults())


@pytest.mark.parametrize("name", sorted(set(defaults()) - SHOWN_ONLY))
def test_documented_value_is_the_default(name: str) -> None:
    default, shown = defaults()[name], documented()[name]
    if isinstance(default, SecretStr):
        assert shown == default.get_secret_value() == ""
    elif isinstance(default, bool):
        assert shown == str(default).lower()
    elif isinstance(default, int | float):
        assert float(shown) == default
    elif isinstance(default, list):
        assert json.loads(shown) == default
    elif isinstance(default, Path):
        assert (EXAMPLE.parent / shown).resolve() == default.resolve()
    elif default is None or default == frozenset():
        assert shown == ""
    else:
        assert shown == str(default)
