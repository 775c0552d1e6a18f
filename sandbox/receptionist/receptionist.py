"""A deterministic receptionist: what a language model would answer, without one.

`answer` reads the messages and the tools of a chat completion and returns the assistant's next
message: a text, or one tool call, perhaps with a text before it. It calls only tools that are
offered in this very request, and one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sandbox.receptionist import phrases
from sandbox.receptionist.calls import Reply, fitted, service_codes, topics
from sandbox.receptionist.doing import next_call
from sandbox.receptionist.reading import read_desk
from sandbox.receptionist.saying import said_while_calling, speak, without

MAX_ROUNDS = 6
"""Tool calls after one turn of the caller; then it speaks, whatever is still open."""


def answer(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], today: date
) -> Reply:
    """The next message. `tools` as in the request; `today` is for ages and model years only."""
    offered = {tool["function"]["name"]: tool["function"] for tool in tools or ()}
    desk = read_desk(messages, service_codes(offered), today, topics(offered))
    if desk.ending:
        return Reply("")
    if desk.transferring:
        return Reply("" if _has_just_spoken(messages) else phrases.HOLD)
    call = next_call(desk)
    if call is not None and call.name not in offered:
        return without(desk, call)
    if call is None or call.name in desk.failed or desk.rounds >= MAX_ROUNDS:
        return Reply(speak(desk))
    return Reply(said_while_calling(desk, call), fitted(call, offered))


def _has_just_spoken(messages: Sequence[Mapping[str, Any]]) -> bool:
    calls = [message for message in messages if message.get("tool_calls")]
    return bool(calls and calls[-1].get("content"))
