"""Who calls in a soak: short calls of every kind, by seed. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Manner(StrEnum):
    """What a caller does."""

    ASKS = "asks one question"
    BOOKS = "books"
    PERSON = "wants a person"
    SILENT = "says nothing"
    IN_GREETING = "hangs up in the greeting"
    IN_TOOL = "hangs up in mid-tool"
    IN_ANSWER = "hangs up in the answer"


SHARES = {
    Manner.ASKS: 0.20,
    Manner.BOOKS: 0.02,
    Manner.PERSON: 0.15,
    Manner.SILENT: 0.03,
    Manner.IN_GREETING: 0.25,
    Manner.IN_TOOL: 0.20,
    Manner.IN_ANSWER: 0.15,
}
"""Of the calls: 14 s long on the average, so that a thousand of them, twelve at once, take some
twenty minutes."""
HANG_UP_AFTER_S = {
    Manner.IN_GREETING: (0.0, 3.0),
    # From the caller's last word: endpointing takes 0.4 s, the model 0.4 s, then the tool runs.
    Manner.IN_TOOL: (0.4, 1.3),
    Manner.IN_ANSWER: (0.2, 2.0),
}
"""After the event that is waited for, at least and at most."""


@dataclass(frozen=True, slots=True)
class SoakCall:
    """One call. `hang_up_after_s` counts from the manner's event; None: nobody makes them."""

    number: int
    manner: Manner
    hang_up_after_s: float | None


def soak_calls(seed: int, count: int) -> list[SoakCall]:
    """The calls of a seed, in the order in which they are placed."""
    rng = random.Random(f"{seed}:soak")
    manners = rng.choices(list(SHARES), weights=list(SHARES.values()), k=count)
    calls = []
    for number, manner in enumerate(manners):
        span = HANG_UP_AFTER_S.get(manner)
        calls.append(SoakCall(number, manner, round(rng.uniform(*span), 2) if span else None))
    return calls


def is_time_to_leave(manner: Manner, event: dict[str, object]) -> bool:
    """Whether this event of the call is the one that the manner's hang-up counts from."""
    key = (event["who"], event["kind"])
    match manner:
        case Manner.IN_GREETING:
            return key == ("line", "stream_started")
        case Manner.IN_TOOL:
            return key == ("caller", "finished")
        case Manner.IN_ANSWER:
            return key == ("otto", "answers")
        case _:
            return False
