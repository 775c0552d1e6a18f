"""The model's instructions as files that a manager can edit, checked as a whole when loaded.

system.md     what is told in every call; what stands in {braces} is filled in
callers.md    what is told of who is calling, one part for each `Identity`
spanish.md    what is told besides where the caller speaks Spanish
errands.md    what is told of what is under way, one part for each `Errand`, with its title
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

from config.environment import PROMPTS_DIR, SettingsError
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.state import Identity

SYSTEM, CALLERS, ERRANDS, SPANISH = "system.md", "callers.md", "errands.md", "spanish.md"
PLACES = frozenset(
    {"dealership", "location", "facts", "services", "days", "now", "caller", "errand"}
)
NEEDED = frozenset({"dealership", "services", "days", "now", "caller", "errand"})
"""Without these the model would not know what it needs to."""
VERSION_LENGTH = 12
"""Hexadecimal digits of a version."""

_PART = re.compile(r"^## *([^\n:]*?) *(?::([^\n]*))?$\n?", re.MULTILINE)


class PromptError(SettingsError):
    """The prompt files cannot be used: one sentence for the manager."""


@dataclass(frozen=True)
class Prompts:
    """What the files say. `version` is a hash of all of it: the same text is the same version."""

    system: str
    callers: Mapping[Identity, str]
    titles: Mapping[Errand, str]
    errands: Mapping[Errand, str]
    spanish: str
    version: str


def load_prompts(folder: Path) -> Prompts:
    """Read and check the files. Raises `PromptError`."""
    texts = {name: _text(folder / name) for name in (SYSTEM, CALLERS, ERRANDS, SPANISH)}
    _check_places(folder / SYSTEM, texts[SYSTEM])
    callers = _parts(folder / CALLERS, texts[CALLERS], [each.value for each in Identity])
    errands = _parts(folder / ERRANDS, texts[ERRANDS], [each.value for each in Errand])
    untitled = next((name for name, (title, _) in errands.items() if not title), None)
    if untitled is not None:
        raise PromptError(
            f'{folder / ERRANDS}: part "## {untitled}" says not what it is called, as in '
            f'"## {untitled}: ...".'
        )
    whole = "\0".join(texts[name] for name in (SYSTEM, CALLERS, ERRANDS, SPANISH))
    return Prompts(
        texts[SYSTEM],
        {Identity(name): text for name, (_, text) in callers.items()},
        {Errand(name): title for name, (title, _) in errands.items()},
        {Errand(name): text for name, (_, text) in errands.items()},
        texts[SPANISH],
        hashlib.sha256(whole.encode()).hexdigest()[:VERSION_LENGTH],
    )


@cache
def shipped_prompts() -> Prompts:
    """Those that come with Otto."""
    return load_prompts(PROMPTS_DIR)


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n").strip()
    except FileNotFoundError:
        raise PromptError(
            f"{path}: there is no such file; Otto's instructions stand in it."
        ) from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: is not written in UTF-8; save it again as UTF-8.") from None
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror}).") from None
    if not text:
        raise PromptError(f"{path}: is empty; Otto's instructions stand in it.")
    return text


def _check_places(path: Path, text: str) -> None:
    try:
        fields = [(name, form) for _, name, form, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        raise PromptError(
            f"{path}: a brace stands alone; write one that is meant as such twice, {{{{ or }}}}."
        ) from None
    for name, form in fields:
        if name not in PLACES or form:
            written = f"{{{name}{':' + form if form else ''}}}"
            near = difflib.get_close_matches(name, PLACES, 1)
            known = f"did you mean {{{near[0]}}}" if near else _listed(PLACES)
            raise PromptError(f"{path}: nothing can be filled in for {written}; {known}.")
    missing = NEEDED - {name for name, _ in fields}
    if missing:
        raise PromptError(f"{path}: {_listed(missing)} must stand somewhere in it.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))


def _parts(path: Path, text: str, names: list[str]) -> dict[str, tuple[str, str]]:
    """The parts of a file, with their titles, by name: all of `names`, and no others."""
    found: dict[str, tuple[str, str]] = {}
    marks = list(_PART.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        name, title = mark[1].strip(), (mark[2] or "").strip()
        body = text[mark.end() : end].strip()
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f'; did you mean "## {near[0]}"' if near else f"; there are {', '.join(names)}"
            raise PromptError(f'{path}: there is no part "## {name}"{hint}.')
        if name in found:
            raise PromptError(f'{path}: part "## {name}" stands there twice.')
        if not body:
            raise PromptError(f'{path}: part "## {name}" is empty.')
        found[name] = title, body
    missing = [name for name in names if name not in found]
    if missing:
        raise PromptError(f'{path}: part "## {missing[0]}" is missing.')
    return found
