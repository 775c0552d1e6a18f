"""Whether a caller has agreed to what was done, judged by what was heard and by nothing else.

This is not the product's own judgement (`otto.language.consent`), on purpose: it is stricter, knows
the wordings of the sandbox's callers and plain English, and takes whatever it does not know for no
consent. A person who reads the transcript would come to the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmarks.eval.transcript import Exchange

_YES = re.compile(
    r"\b(yes|yeah|yep|yup|sure|right|correct|okay|ok|perfect|absolutely|definitely|please do"
    r"|go ahead|do it|book it|sounds? (?:good|great)|that works|works for me"
    r"|that'?s (?:fine|good|great|it|right|correct)|great|fine|of course"
    r"|i'?ll take it|confirmed?|cancel it|move it|please)\b|^1$",
    re.I,
)
_NO = re.compile(
    r"\b(no|nope|not|don'?t|doesn'?t|isn'?t|wrong|wait|hold on|instead|but|unless|only if|if|maybe"
    r"|think about|actually|i mean|hang on|later|how much|why|what(?! the hell)|which|when"
    r"|can you|could you)\b|\?",
    re.I,
)
_OPEN = re.compile(
    r"\b(hold on|hang on|wait|moment|second|minute|let me (?:check|see|look))\b|\?\s*$", re.I
)
_MILD = re.compile(r"\bno,? (?:that'?s|it'?s) (?:fine|good|right|all right)\b", re.I)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What has to have been heard before something is done."""

    starts: datetime | None = None
    services: tuple[str, ...] = ()
    """Their names."""
    car: str = ""
    is_cancellation: bool = False


def agrees(answer: str) -> bool:
    """Whether an answer is a plain yes."""
    plain = _MILD.sub("yes", answer.strip())
    return bool(_YES.search(plain)) and not _NO.search(plain)


def granted(exchanges: Sequence[Exchange], before_s: float, wanted: ReadBack) -> str | None:
    """Why what was done at `before_s` had no consent; None when it had. The last word of the caller
    before counts, after a question of Otto's that names all of it."""
    spoken = [each for each in exchanges if each.ended_s <= before_s + 0.05]
    if not spoken:
        return "nobody had said anything"
    last = spoken[-1]
    if not agrees(last.caller):
        return f"the last answer was {last.caller!r}"
    heard = last.otto
    # Who asks for a moment, or for how long it takes, still has the question before them.
    for earlier in reversed(spoken[:-1]):
        if not _OPEN.search(earlier.caller):
            break
        heard = f"{earlier.otto} {heard}"
    if "?" not in heard:
        return "nothing was asked"
    missing = list(_missing(heard, wanted))
    return f"what was read back did not name {', '.join(missing)}" if missing else None


def _missing(heard: str, wanted: ReadBack) -> list[str]:
    plain = " ".join(heard.lower().replace(",", " ").split())
    missing = []
    if wanted.starts is not None:
        day = f"{wanted.starts:%B} {wanted.starts.day}".lower()
        if day not in plain:
            missing.append("the day")
        hour = (wanted.starts.hour - 1) % 12 + 1
        half = "am" if wanted.starts.hour < 12 else "pm"
        time = rf"\b{hour}:{wanted.starts.minute:02d} ?{half}\b"
        if not re.search(time, plain.replace(".", "")) and not (
            (wanted.starts.hour, wanted.starts.minute) == (12, 0) and "noon" in plain
        ):
            missing.append("the time")
    missing += [name for name in wanted.services if name.lower() not in plain]
    model = wanted.car.split(" ", 2)[-1].lower()
    if model and model not in plain:
        missing.append("the car")
    if wanted.is_cancellation and "cancel" not in plain:
        missing.append("that it is to be cancelled")
    return missing
