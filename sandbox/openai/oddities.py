"""What models send that no reference describes: the faults `glue`, `surrogate` and `endings`.

Each was seen at servers with this API: two sets of arguments in one call, ids that are the same
in every turn, characters cut into halves by code units, and two calls in one message though the
request forbade it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sandbox.faults import Kind
from sandbox.receptionist.calls import Call, Reply

ENDED: Final = frozenset(("book_appointment", "transfer_to_person"))
"""The tools beside which `endings` hangs up."""
_HALVES: Final = (" \ud83d", "\ude00", " \ude00")
"""A character in two halves, then the second half of one alone."""


@dataclass(frozen=True, slots=True)
class Message:
    """An assistant's message: its text as tokens, and its tool calls."""

    tokens: tuple[str, ...]
    calls: tuple[Call, ...]
    is_glued: bool = False
    """Whether each call's arguments come twice, under an id that repeats."""


def applicable(reply: Reply) -> tuple[Kind, ...]:
    """The oddities that this reply can have."""
    found: list[Kind] = []
    if reply.text:
        found.append("surrogate")
    if reply.call is not None:
        found.append("glue")
        if reply.call.name in ENDED:
            found.append("endings")
    return tuple(found)


def written(reply: Reply, odd: Kind | None) -> Message:
    """The reply as it is sent, with the oddity if there is one."""
    tokens = tuple(re.findall(r"\s*\S+", reply.text))
    calls = (reply.call,) if reply.call else ()
    if odd == "surrogate":
        tokens = (*tokens[:1], *_HALVES, *tokens[1:])
    if odd == "endings":
        calls = (*calls, Call("end_call", {"reason": "done"}))
    return Message(tokens, calls, is_glued=odd == "glue")
