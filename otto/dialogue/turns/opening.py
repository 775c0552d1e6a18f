"""Whether a caller who was asked what the call is about has said it yet. Pure.

A call begins with a greeting, a name, a story, and people take a breath between them: "Hi, good
morning." "My name is Karen Miller." "I was in last week with my truck." None of it can be answered.
"""

from __future__ import annotations

import re
from typing import Final

from otto.dialogue.turns.completeness import Expected, words_of
from otto.language.intents import intents

_ASKS: Final = re.compile(
    r"\b(?:i (?:just |really |also )?(?:need|want|don't need|don't want)|i'd like|i would like)\b"
    r"|\bplease\b"
    r"|^(?:(?:hi|hello|hey|yes|yeah|so|well|um|uh|okay|and|but) )*"
    r"(?:can|could|would|will|do|does|did|is|are|am|was|were|has|have you|what|when|where|who|why"
    r"|how|which)\b"
)
"""A request or a question, of which nothing is known: it may well be all."""
_WHEN: Final = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\btomorrow\b|\btoday\b")
_FEW_WORDS: Final = 3
"""A day in so few words is when somebody wants to come, and no part of a story."""


def says_no_wish(text: str, expected: Expected) -> bool:
    """Whether `text`, a turn so far, is a greeting or a story without a wish in it, where a wish
    is waited for."""
    if expected is not Expected.WISH or text.rstrip().endswith("?"):
        return False
    words = words_of(text)
    said = " ".join(words)
    if not said or _ASKS.search(said) or (len(words) <= _FEW_WORDS and _WHEN.search(said)):
        return False
    return not intents(text)
