"""The messages of Deepgram's speech socket, as texts."""

from __future__ import annotations

import json
from typing import Final

MAX_MESSAGE_CHARS: Final = 1900
"""Deepgram refuses a Speak message of more than 2,000."""

FLUSH: Final = json.dumps({"type": "Flush"})
CLEAR: Final = json.dumps({"type": "Clear"})
CLOSE: Final = json.dumps({"type": "Close"})
NO_AUDIO: Final = "no audio for the text"


def speak_messages(spoken: str) -> list[str]:
    """The Speak messages of a text, each below Deepgram's limit."""
    messages = []
    while len(spoken) > MAX_MESSAGE_CHARS:
        cut = spoken.rfind(" ", 1, MAX_MESSAGE_CHARS)
        cut = cut if cut > 0 else MAX_MESSAGE_CHARS
        messages.append(spoken[:cut] + " ")
        spoken = spoken[cut:].lstrip()
    messages.append(spoken + " ")
    return [json.dumps({"type": "Speak", "text": message}) for message in messages]
