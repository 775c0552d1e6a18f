"""What callers and models said, as text of a calendar event.

Google shows an event's description as HTML and keeps its line breaks, so that a note could put
links, images and lines of its own below Otto's ("Confirmation K7F2, booked by Otto."). Its title
and location are plain text, where an entity would be shown as it is written: there only the line
is kept. https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

import html
import unicodedata

TITLE_CHARACTERS = 200
LOCATION_CHARACTERS = 300
NOTE_CHARACTERS = 1000
"""Google takes 8192 for the whole description; an entity takes up to six for one."""

_DROPPED = frozenset({"Cc", "Cs", "Zl", "Zp", "Cn", "Co"})
"""Categories that nobody says: controls, halves of characters, separators of lines."""
_NOT_SHOWN = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    "\u00ad\u200b\u2060\ufeff"
)
"""What turns the order of the text behind it about, and what has no width."""


def one_line(text: str, characters: int) -> str:
    """`text` in one line of at most so many characters; what is cut off ends in "…"."""
    shown = "".join(_shown(char) for char in text)
    line = " ".join(shown.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def note(text: str) -> str:
    """`text` as one line of a description."""
    return html.escape(one_line(text, NOTE_CHARACTERS))


def _shown(char: str) -> str:
    if char in _NOT_SHOWN:
        return ""
    return " " if unicodedata.category(char) in _DROPPED else char
