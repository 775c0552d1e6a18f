"""Which words, said while Otto speaks, mean to interrupt it. Pure functions over text."""

from __future__ import annotations

from otto.dialogue.turns.completeness import words_of

IMMEDIATE_WORDS = frozenset(
    "stop wait no nope hold agent operator human representative person yes yeah sorry".split()
)
"""One of these interrupts alone: whoever says it wants to be heard now."""

BACKCHANNEL = frozenset(
    "mhm mm mmhmm hmm hm uh um huh uhhuh ah oh okay ok right sure alright great yep gotcha".split()
)
"""Said to show that one is listening. They never interrupt."""

ASSENT = frozenset("mhm mmhmm uhhuh okay ok right sure alright great yep".split())
"""Backchannel that answers a yes-or-no question."""


def means_something(text: str) -> bool:
    """Whether `text` has a word that is not mere backchannel."""
    return any(word not in BACKCHANNEL for word in words_of(text))


def takes_the_floor(text: str, at_least: int, *, final: bool) -> bool:
    """Whether words said while Otto speaks interrupt it.

    Interims need `at_least` words or an immediate one, because a single early guess is often
    wrong. A final segment interrupts with any word that is not mere backchannel.
    """
    if not means_something(text):
        return False
    words = words_of(text)
    if final or any(word in IMMEDIATE_WORDS for word in words):
        return True
    return len(words) >= at_least
