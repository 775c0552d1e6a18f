"""How long the caller is waited for, and what is waited for no longer. Pure."""

from __future__ import annotations

from config.settings import CallSettings
from otto.dialogue.turns.completeness import Expected, Verdict, assess
from otto.dialogue.turns.opening import says_no_wish

ANSWERED_EARLY_S = 1.0
"""Assent within the last second of a yes-or-no question answers it: people do not wait for the
last syllable, and "sure" must not be lost for being early."""

WHOLE_S = 0.5
"""A plain yes or no whose end is not reported for so long needs no report."""

NO_ENDPOINT_S = 3.0
"""With words, but neither a pause nor an end of utterance reported for so long, the recogniser
has forgotten to say so."""

VOICE_S = 0.9
"""So long after a voice began its first words are due."""

WORD_END_MS = 100
"""By so much a recogniser may disagree with itself on where a word ended."""


def held_open_s(text: str, expected: Expected, settings: CallSettings) -> float:
    """How long after the recogniser's pause the turn `text` is held open for the rest of it."""
    match assess(text, expected):
        case Verdict.UNFINISHED:
            return settings.unfinished_hold_s
        case Verdict.DICTATING:
            return settings.dictation_hold_s
        case Verdict.PLAIN if says_no_wish(text, expected):
            return settings.story_hold_s
        case _:
            return 0.0
