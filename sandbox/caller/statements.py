"""What a sentence of Otto's that asks nothing says. Pure tables over normalised text."""

from __future__ import annotations

import re

from sandbox.caller.acts import Act

_BOOKED = re.compile(
    r"\b((you|i|it|that|appointment|change|oil|service|everything|all|vehicle|car|we) ?"
    r"(\w+ ){0,6}?(booked|scheduled|confirmed|reserved|set up)|you (are|re) (all )?set"
    r"|(you re|you are|your) (all )?(book|schedule) (for|on|in)"
    r"|see you (on|then|at|there|soon)|confirmation (number|code)|look forward to seeing)\b"
)
_NOT_BOOKED = re.compile(
    r"\b((not|nothing|no) (\w+ )?(yet )?(be |been |is )?(booked|book|confirmed)|can not|could not"
    r"|unable|already|just been|fully|is taken|was taken|get (that|it|you|this) (booked|scheduled)"
    r"|to be booked|once"
    r"|before|if )\b"
)
_DONE: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (
        Act.MOVED,
        re.compile(r"\b(is|was|are|been|have|s|re) (now |just )?(moved|rescheduled|changed)\b"),
    ),
    (Act.CANCELLED, re.compile(r"\b(is|was|been|have|s) (now |just )?cancell?ed\b")),
    (
        Act.WORK,
        re.compile(
            r"\b((is|are|s) (now )?(ready|finished|done)|working on (your|the)"
            r"|waiting for (parts|your)|its turn is|been picked up|pick it up)\b"
        ),
    ),
)
_VISIT = re.compile(r"\b(you have|you ve got|your next|appointments? (is|are))\b")
_TRANSFER = re.compile(
    r"\b(transfer(ring)? (you|your|the|this)|connect(ing)? you|put(ting)? you through|hand(ing)?"
    r" you|(get|bring|find) (you )?(someone|somebody|a person|an advisor|a colleague)"
    r"|(someone|an advisor|a colleague|a person) will (be|help|take|pick|speak))\b"
)
_NOTED = re.compile(
    r"\b((i have|i ve|i) (now |just )?(noted|passed|told|written|let (them|the|him|her))"
    r"|(someone|somebody|an advisor|we|they|he|she|the desk) will (call|ring) you"
    r"|taken? ((you|it|this|that|your number) )?off (our|the) list"
    r"|(i will|i ll) ((tell|let) (them|the|him|her|everyone)|pass|note|make a note)"
    r"|(they|we|the \w+|everyone) (know|knows|will know|will expect you)|letting us know"
    r"|(wo|will) not (call|text))\b"
)
_NUMBER = re.compile(r"(?:\d ?){7,}")
_WARNED = re.compile(
    r"\b(do not|should not|must not|not) (drive|be driven)|stop driving|not (sound )?safe\b"
)
_MAY_TRANSFER = re.compile(r"\b(not|unable|can|could|whenever|would)\b")
"""A transfer that is spoken of, and is not under way."""
_GOODBYE = re.compile(
    r"\b(good ?bye|bye|bye bye|take care|have a (really )?(great|good|nice|wonderful|lovely"
    r"|pleasant|safe)( \w+)?( day| one| evening| afternoon| morning| rest| weekend)?)\b"
)
_HOLD = re.compile(
    r"\b(one (moment|second|sec)|just a (moment|second|sec|minute)|(1|a) (moment|second)|hold on"
    r"|let me (just )?(check|look|see|pull|find|take|get that|book|verify)|bear with|give me a"
    r"|checking|looking (that|it|into|up|for)|please hold|while i)\b"
)


def is_booked(plain: str) -> bool:
    return bool(_BOOKED.search(plain)) and not _NOT_BOOKED.search(plain)


def stated(plain: str, *, has_times: bool) -> list[Act]:
    """What a sentence that asks nothing says; `has_times`: it names one."""
    if re.search(r"\b(not (quite )?(catch|hear|understand|get) (that|it|you|what))\b", plain):
        return [Act.REPEAT]
    said: list[Act] = []
    if is_booked(plain):
        said.append(Act.BOOKED)
    if not re.search(r"\b(not|unable|no)\b", plain):
        said += [act for act, pattern in _DONE if pattern.search(plain)]
    if has_times and _VISIT.search(plain):
        said.append(Act.VISIT)
    if _WARNED.search(plain):
        said.append(Act.WARNED)
    if _NOTED.search(plain):
        said.append(Act.NOTED)
    if _NUMBER.search(plain):
        said.append(Act.NUMBER)
    if _TRANSFER.search(plain) and not _MAY_TRANSFER.search(plain):
        said.append(Act.TRANSFER)
    if _GOODBYE.search(plain):
        said.append(Act.GOODBYE)
    if not said:
        said.append(Act.HOLD if _HOLD.search(plain) else Act.STATEMENT)
    return said
