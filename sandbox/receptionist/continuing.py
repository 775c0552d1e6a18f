"""Going on with an answer whose stream had broken off.

Some clients then send what was said so far as the assistant's, and behind it a system message that
asks for the rest. A model that does as it is told says the rest; so does the receptionist here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.receptionist.calls import Reply

Messages = Sequence[Mapping[str, Any]]


def apart(messages: Messages) -> tuple[Messages, str]:
    """The conversation before the answer that broke off, and what was said of it ("": none did)."""
    if len(messages) < 2:
        return messages, ""
    answer, request = messages[-2:]
    is_continuation = (
        request.get("role") == "system"
        and answer.get("role") == "assistant"
        and isinstance(answer.get("content"), str)
        and not answer.get("tool_calls")
    )
    return (messages[:-2], _plain(answer["content"])) if is_continuation else (messages, "")


def rest(reply: Reply, said: str) -> Reply:
    """What is left of `reply` after `said`; all of it when it began otherwise."""
    text = _plain(reply.text)
    return replace(reply, text=text.removeprefix(said).lstrip()) if said else reply


def _plain(text: str) -> str:
    return " ".join(text.split())
