"""Tools used as in a call: the caller says what is passed, and agrees to what is read back."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from otto.dialogue.session.state import Session
from otto.dialogue.tools.toolbox import Toolbox
from otto.events import ToolCall

_ids = count()


def says(session: Session, words: str) -> None:
    """A turn of the caller."""
    session.history.caller(words)
    session.caller_turns += 1


def hears(session: Session, text: str) -> None:
    """The caller hears something of Otto."""
    session.history.otto(text)


async def use(
    toolbox: Toolbox, session: Session, tool: str, *, words: str | None = None, **arguments: Any
) -> dict[str, Any]:
    """What a tool comes to, called in the turn in which the caller says `words`, or what the model
    passes."""
    given = ". ".join(str(value) for value in arguments.values() if value is not None)
    if said := given if words is None else words:
        hears(session, "I see.")
        session.history.caller(said)
    return await toolbox.run(ToolCall(f"t{next(_ids)}", tool, json.dumps(arguments)))


async def use_and_agree(
    toolbox: Toolbox, session: Session, tool: str, *, answer: str = "Yes.", **arguments: Any
) -> dict[str, Any]:
    """The same, and what is read back is heard and answered."""
    result = await use(toolbox, session, tool, **arguments)
    if (result["status"], result.get("code")) == ("ask", "read_back"):
        hears(session, result["message"])
        says(session, answer)
        result = await use(toolbox, session, tool, words="", **arguments)
    return result
