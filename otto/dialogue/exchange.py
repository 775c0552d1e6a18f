"""What Otto was heard to say, and what the caller answered, round by round. Pure.

    history   Otto   "That's ... at 9:00 AM. Shall I book it?"      ┐ heard   ┐
              Caller "Yes"                                         ┐ answer   │ a round
              Otto   (a tool; nothing that was heard)              │          │
              Caller "please"                                      ┘          ┘
              Otto   "One moment."                                   since

Only what was *heard* counts, never what was generated. Turns of the caller's with nothing heard
between them are one answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from otto.dialogue.session.history import CallerSaid, Entry

MOST_ROUNDS = 12
"""What was said longer ago answers nothing any more."""

_REMARK = re.compile(r"\s*\[[^\]]*\]")
_KEYED = re.compile(r"Keyed on the telephone keypad: ([12])(?!\S)")
_KEYS = {"1": "Yes.", "2": "No."}


@dataclass(frozen=True, slots=True)
class Round:
    """Something that was heard of Otto, and the caller's answer."""

    heard: str
    """All that was heard since the answer before."""
    unheard: str
    """What the last utterance had left to say when the caller spoke."""
    said: str
    """The caller's words; keyed digits are in them as `turns.keypad` writes them."""

    @property
    def answer(self) -> str:
        """The same as an answer to yes or no: key 1 is a yes, key 2 a no."""
        return _KEYED.sub(lambda keyed: _KEYS[keyed[1]], self.said)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last rounds of a call, oldest first, and what was heard since."""

    rounds: tuple[Round, ...] = ()
    since: str = ""

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Self:
        """Read from the session's history (`History.entries`)."""
        rounds: list[Round] = []
        heard: list[str] = []
        unheard = ""
        for entry in entries:
            if not isinstance(entry, CallerSaid):
                if entry.text.strip():
                    heard.append(entry.text.strip())
                    unheard = entry.unheard.strip()
                continue
            said = " ".join(_REMARK.sub("", entry.text).split())
            if heard or not rounds:
                rounds.append(Round(" ".join(heard), unheard, said))
            else:
                last = rounds[-1]
                rounds[-1] = Round(last.heard, last.unheard, f"{last.said} {said}".strip())
            heard, unheard = [], ""
        return cls(tuple(rounds[-MOST_ROUNDS:]), " ".join(heard))

    @property
    def heard(self) -> str:
        """What the caller heard before their last answer; "" when they have not spoken."""
        return self.rounds[-1].heard if self.rounds else ""

    @property
    def answer(self) -> str:
        """The caller's last answer, as one to yes or no; "" when they have not spoken."""
        return self.rounds[-1].answer if self.rounds else ""

    def own_words(self, turns: int = MOST_ROUNDS) -> str:
        """What the caller said in their last `turns` answers, oldest first."""
        return " ".join(each.said for each in self.rounds[-turns:]) if turns > 0 else ""
