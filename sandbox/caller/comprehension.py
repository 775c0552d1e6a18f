"""What the caller understands of Otto's words: text in, acts and offered times out. Pure.

The text is what a recogniser made of telephone audio, or Otto's sentences as they are spoken
("nine A M"), so numbers are read in words and digits, and near misses of the words that matter
are mended first. Nothing here knows one fixed sentence; it knows what a question asks for.
"""

from __future__ import annotations

import re

from sandbox.caller.acts import DETAILS, STATEMENTS, Act, Heard
from sandbox.caller.questions import CHOICE, asks_for, doubted, has_it_at_hand, is_question
from sandbox.caller.statements import is_booked, stated
from sandbox.caller.words import Time, normalise, times_in

__all__ = ["DETAILS", "STATEMENTS", "UNINTELLIGIBLE", "Act", "Heard", "understand"]

UNINTELLIGIBLE = "(unintelligible)"
"""What an ear writes for speech it could not make out."""


def understand(text: str) -> Heard:
    """What a turn of Otto's says and asks. Never raises; nonsense is a statement.

    A turn of which nothing was intelligible is a question that was not understood.
    """
    if UNINTELLIGIBLE in text:
        text = " ".join(text.replace(UNINTELLIGIBLE, " ").split())
        if not text:
            return Heard("", (Act.UNKNOWN_QUESTION,))
    parts: list[tuple[str, list[Act]]] = []
    times: list[Time] = []
    last_times: tuple[Time, ...] = ()
    before, about = "", None
    for sentence in _sentences(text):
        plain = normalise(sentence)
        if not plain:
            continue
        here = times_in(plain)
        times += here
        if is_question(sentence, plain):
            acts = asks_for(plain, here, last_times)
            if about is not None and set(acts) != {Act.CONFIRM}:
                acts = [about]
            elif has_it_at_hand(plain) and re.search(r"\bvin\b", before):
                acts = [Act.ASK_VIN]
            if Act.ANYTHING_ELSE in acts and is_booked(plain):
                # A recogniser's comma: "You're booked for Tuesday, anything else?"
                acts = [Act.BOOKED, *acts]
        else:
            acts = stated(plain, has_times=bool(here))
            about = doubted(plain) or about
            if here and CHOICE.search(plain) and acts[-1] is Act.STATEMENT:
                acts[-1] = Act.OFFER
        parts.append((sentence, acts))
        last_times, before = here or last_times, plain
    acts = [act for _, said in parts for act in said]
    if any(act not in STATEMENTS and act is not Act.UNKNOWN_QUESTION for act in acts):
        # "Which day? Tomorrow, for example?": what was understood is answered.
        acts = [act for act in acts if act is not Act.UNKNOWN_QUESTION]
    return Heard(
        text,
        tuple(dict.fromkeys(acts)),
        tuple(dict.fromkeys(times)),
        tuple((sentence, frozenset(said)) for sentence, said in parts),
    )


_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun|Nov|Dec|Jan"


def _sentences(text: str) -> list[str]:
    # The points of "a.m." end no sentence, unless another begins behind them.
    text = re.sub(rf"(?<![^\W\d])([AaPp])\.\s?[Mm]\.(?=\s+(?!{_DAYS})[A-Z])", r"\1M.", text)
    text = re.sub(r"(?<![^\W\d])([AaPp])\.\s?[Mm]\.", r"\1M", text)
    # Nor does the pause in "at 7. 30 AM", which a recogniser heard in two pieces.
    text = re.sub(r"(?<=\d)[.,]\s+(?=[0-5]\d\s?[AaPp]\.?\s?[Mm]\b)", " ", text)
    return [piece for piece in re.split(r"(?<=[.!?])\s+", text.strip()) if piece]
