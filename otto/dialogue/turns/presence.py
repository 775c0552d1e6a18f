"""Whether the caller asks if anybody is there. Pure functions over text.

"Hello?" into the silence in which an answer is being made is no new turn: it asks for a sound, not
for another answer. Anything beside it is one: "hello? I said Tuesday".
"""

from __future__ import annotations

from otto.dialogue.turns.completeness import words_of

_CHECKS = """
hello | hallo | hullo | hi | hey | yoo hoo | testing
you there | you still there | you here | still there | are you there | are you still there
are you here | are you still here | are you with me | are you still with me | are you listening
are you on the line | are you still on the line | still on the line | are you awake
is anyone there | is anybody there | is somebody there | is someone there
anyone there | anybody there | somebody there | someone there | anyone home | anybody home
is anyone on the line | is anybody on the line | is there anybody | is there anyone
is there anybody there | is there anyone there | is there somebody there
can you hear me | can you still hear me | can you hear me now | can you hear me okay
could you hear me | do you hear me | you hear me | do you still hear me | did you hear me
can anyone hear me | can anybody hear me | does anybody hear me | does anyone hear me
are we connected | are we still connected | am i connected | am i still connected
are we cut off | did we get cut off | were we cut off | did we get disconnected
did i lose you | have i lost you | did you hang up | is this thing on | is this working
"""
_FILLERS = frozenset(
    "um uh uhm er erm ah oh hm hmm mm so well okay ok and but sorry please otto sir madam maam "
    "there now again".split()
)
"""What may stand around a check without making it more than one."""

_PHRASES = tuple(
    tuple(phrase.split()) for line in _CHECKS.splitlines() for phrase in line.split("|") if phrase
)


def is_presence_check(text: str) -> bool:
    """Whether `text` says "hello?", "are you there?" and the like, once or more, and no more."""
    words = words_of(text)
    return len(words) in _checked(words)


def may_become_presence_check(text: str) -> bool:
    """Whether the beginning of what somebody says, `text`, is or may still become only that."""
    words = words_of(text)
    if not set(words) - _FILLERS:
        return False
    return any(
        not words[at:] or phrase[: len(words) - at] == tuple(words[at:])
        for at in _checked(words) | _openings(words)
        for phrase in _PHRASES
    )


def _openings(words: list[str]) -> set[int]:
    """Places where a first check may begin: behind nothing, or behind fillers alone."""
    places = {0}
    for at, word in enumerate(words):
        if word not in _FILLERS:
            break
        places.add(at + 1)
    return places


def _checked(words: list[str]) -> set[int]:
    """Places in `words` up to which there are only checks, at least one, and fillers."""
    reached: set[int] = set()
    waiting = sorted(_openings(words))
    while waiting:
        at = waiting.pop()
        for phrase in _PHRASES:
            end = at + len(phrase)
            if tuple(words[at:end]) == phrase and end not in reached:
                reached.add(end)
                waiting.append(end)
        if at in reached and at < len(words) and words[at] in _FILLERS and at + 1 not in reached:
            reached.add(at + 1)
            waiting.append(at + 1)
    return reached
