"""What the caller has said in the call, against which every argument is held. Pure.

A model may hear wrong, remember wrong, or make up: what it passes counts only as far as it can be
read in the caller's own words. And before something is kept, it has to have been said back and
agreed to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from otto.dialogue.exchange import Exchange
from otto.language.read_backs import agreed, is_question_about, squeezed

T = TypeVar("T")
Read = Callable[[str], T | None]
"""Reads something from what was said; None or ValueError: there is none."""

LONGEST_ANSWER = 4
"""Sentences that one answer is divided into at most: "March twelfth." "Nineteen." "Eighty four."""
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_KEYED = re.compile(r"Keyed on the telephone keypad: ")


class Standing(StrEnum):
    """What became of a read-back."""

    OPEN = "open"
    """It was not heard, or not answered for sure."""
    AGREED = "agreed"
    DENIED = "denied"
    """By the caller's last words."""


@dataclass(frozen=True, slots=True)
class Said:
    """The caller's words, and what they agreed to."""

    exchange: Exchange

    @property
    def turns(self) -> tuple[str, ...]:
        """The caller's answers, oldest first; what was keyed stands for itself."""
        return tuple(_KEYED.sub("", each.said) for each in self.exchange.rounds)

    def readings(self, read: Read[T]) -> Iterator[T]:
        """What `read` makes of whatever may be one answer, the latest first: each turn, its
        sentences, and sentences that follow each other, also when Otto asked in between."""
        seen: set[str] = set()
        for piece in self._pieces():
            if piece and piece not in seen:
                seen.add(piece)
                found = _try(read, piece)
                if found is not None:
                    yield found

    def has(self, value: T, read: Read[T]) -> bool:
        """Whether `read` finds the value anywhere in what was said."""
        return any(found == value for found in self.readings(read))

    def latest(self, read: Read[T]) -> T | None:
        """What was said last of what `read` reads."""
        return next(self.readings(read), None)

    def confirmed(self, given: str, read: Read[T]) -> T | None:
        """What `given` says, when the caller has said it; None: they have not, or it says nothing
        that can be read."""
        value = _try(read, given)
        return value if value is not None and self.has(value, read) else None

    def resolved(
        self, given: str, read: Read[T], fixed: Callable[[T, str], T | None] | None = None
    ) -> T | None:
        """The same, for what cannot be taken for something else (a date of birth, a VIN): what
        `given` leaves open is what was said last.

        What is said when it is read back ("no, B as in boy") is applied by `fixed`, which gets
        what was known and what was said.
        """
        latest = self.latest(read)
        if fixed is not None and latest is not None:
            for turn in self.turns:
                if _try(read, turn) is None:
                    latest = fixed(latest, turn) or latest
        value = _try(read, given)
        if value is None or value == latest:
            return latest
        return value if self.has(value, read) else None

    def words(self, name: str, is_same: Callable[[str, str], bool]) -> bool:
        """Whether each word of a name was said, as far as a recogniser can write it."""
        said = [word for turn in self.turns for word in re.findall(r"[^\W\d_]+", turn)]
        letters = squeezed("".join(self.turns))
        return all(
            squeezed(part) in letters or any(is_same(part, word) for word in said)
            for part in name.split()
        )

    def is_said_again(self, fact: str) -> bool:
        """Whether the caller's last words repeat it: "No, my name is John Smith"."""
        return bool(self.turns) and squeezed(fact) in squeezed(self.turns[-1])

    def standing(self, facts: Sequence[str]) -> Standing:
        """What the caller said when they last were asked whether all of these are right."""
        for back, each in enumerate(reversed(self.exchange.rounds)):
            if is_question_about(each.heard, facts):
                answer = agreed(each.answer, facts)
                if answer:
                    return Standing.AGREED
                is_denied = answer is False and back == 0
                return Standing.DENIED if is_denied else Standing.OPEN
        return Standing.OPEN

    def where(self, is_meant: Callable[[str, str], object]) -> Said:
        """What was said in the rounds that are meant, by what was heard and what was said."""
        rounds = (each for each in self.exchange.rounds if is_meant(each.heard, each.said))
        return Said(Exchange(tuple(rounds)))

    def answers_to(self, question: re.Pattern[str]) -> list[str]:
        """What the caller said whenever they had heard such a question, the latest last."""
        return [each.said for each in self.exchange.rounds if question.search(each.heard)]

    def _pieces(self) -> Iterator[str]:
        sentences: list[str] = []
        whole: dict[int, str] = {}
        for turn in self.turns:
            sentences += [part for part in _SENTENCE.split(turn) if part]
            whole[len(sentences)] = turn
        for end in range(len(sentences), 0, -1):
            for length in range(1, min(LONGEST_ANSWER, end) + 1):
                yield " ".join(sentences[end - length : end])
            yield whole.get(end, "")


def _try(read: Read[T], text: str) -> T | None:
    try:
        return read(text)
    except ValueError:
        return None
