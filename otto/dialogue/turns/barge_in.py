"""Which words, said while Otto speaks, mean to interrupt it. Pure functions over text."""

from __future__ import annotations

import re

from otto.dialogue.turns.completeness import words_of

IMMEDIATE_WORDS = frozenset(
    "stop wait no nope hold agent operator human representative person yes sorry".split()
)
"""One of these interrupts alone: whoever says it wants to be heard now."""

BACKCHANNEL = frozenset(
    "mhm mm mmm mmhm mmhmm mmkay hmm hm uh um huh uhhuh ah aha oh okay ok right sure alright great "
    "yeah yep yup gotcha cool nice wow perfect good fine wonderful awesome exactly".split()
)
"""Said to show that one is listening. They never interrupt."""

_BACKCHANNEL_PHRASES = re.compile(
    r"\b(?:i see|(?:i )?got it|(?:i )?got you|(?:that )?sounds (?:good|great|fine)"
    r"|(?:that )?makes sense|of course|very (?:good|well)|all right|i understand"
    r"|(?:that's|that is) (?:right|fine|good|great|okay|ok|correct|perfect))\b"
)
_MAY_BECOME_BACKCHANNEL = frozenset("got sounds makes of very all".split())
"""Alone these begin such a phrase at least as often as anything else."""

ASSENT = frozenset("mhm mmhm mmhmm uhhuh okay ok right sure alright great yeah yep yup".split())
"""Backchannel that answers a yes-or-no question."""


def means_something(text: str) -> bool:
    """Whether `text` has a word that is not mere backchannel."""
    said = _BACKCHANNEL_PHRASES.sub(" ", " ".join(words_of(text)))
    return any(word not in BACKCHANNEL for word in said.split())


def is_noise(voice_ms: int | None, enough_ms: int) -> bool:
    """Whether there is too little of a voice behind words that are a first guess."""
    return voice_ms is not None and voice_ms < enough_ms


def takes_the_floor(
    text: str, at_least: int, *, final: bool, voice_ms: int | None = None, enough_ms: int = 0
) -> bool:
    """Whether words said while Otto speaks interrupt it.

    A final segment does with any word that is not mere backchannel, and an interim when enough of
    its sound is a voice. Where that is not known a single early guess is too often wrong: it takes
    `at_least` words, or an immediate one.
    """
    if not means_something(text):
        return False
    if final:
        return True
    words = words_of(text)
    if voice_ms is not None:
        is_open = len(words) == 1 and words[0] in _MAY_BECOME_BACKCHANNEL
        return not is_open and not is_noise(voice_ms, enough_ms)
    return len(words) >= at_least or any(word in IMMEDIATE_WORDS for word in words)
