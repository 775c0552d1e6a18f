"""What of a transcript is Otto's own voice, come back through a speakerphone. Pure functions.

    otto    "…Tuesday at nine or ten?"
    echo       "tuesday at nine or ten"          0.1 to 0.5 s behind, a word lost or misheard
    heard      "tuesday at nine or ten yes please"   → only "yes please" is the caller's

A transcript may *begin* with echo: words that stand in the order in which they were audible, at
about that time. What follows is the caller's. A transcript that begins with words of their own is
theirs altogether, also where it goes on with Otto's ("no, Tuesday at nine").

The trade-off is between an Otto that interrupts and answers itself and one that does not hear a
caller who uses its words. What decides is how many words they are, and when they were said:

=============================================  ================================================
three and more, while Otto speaks              echo, unless they begin more than `LATEST_S` after
                                               Otto's: then the caller repeats what was offered
five and more, while Otto speaks               echo also later, if hardly a word differs: nobody
                                               repeats so much over Otto
one or two, final, while Otto speaks           the caller's ("nine thirty"), unless they come
                                               within `PROMPT_S`, sooner than anybody repeats a
                                               word, or mean nothing alone ("we have")
one or two, interim                            wait for what they become
after Otto has finished                        the caller's, unless they are its very last words
                                               (of five and more: nearly) and began before it had
                                               finished; a single word is always the caller's
=============================================  ================================================

So a caller who says three of Otto's words over them is not heard until they say another; an echo of
two words that is late, or of one word behind the end, is taken for an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from otto.language.pronounce import to_spoken

LATEST_S = 1.2
"""The longest delay of an echo: the way to the telephone and back, and how far playback's estimate
of a word's time may be out."""
LATEST_OF_MANY_S = 3.0
"""The same for so many words, of which at most one differs, that hardly anybody repeats them."""
EARLIEST_S = -0.6
"""By that much an echo may seem to come before the word, for the same reason."""
PROMPT_S = 0.45
"""Nobody repeats a word so soon after it began; an echo does."""
FEW_WORDS = 2
"""Too few to be told from an answer by their text alone."""
MANY_WORDS = 5
SECONDS_A_WORD = 0.2
"""Nobody speaks faster: where a recogniser says so, the words began earlier."""
LATELY_S = 30.0
"""Words of longer ago are in no transcript any more."""

_SIMILAR = 0.6
"""Likeness of two words' letters from which one is taken for the other, misheard."""
_LETTERS = 3
"""Shorter words are alike by chance."""
_MISHEARD, _OTHER, _ADDED = 0.3, 1.0, 1.0
"""What differences cost: a word alike, another word in its place, one too many."""
_LOST, _LOST_AS_YET = 0.7, 0.5
"""The same for one missing: in a final, it may be one that the caller leaves out."""
_WIDER = 0.5
"""Each further word of the same gap costs so much of that, while Otto speaks."""
_GAP = 2
"""So many words may be missing as yet between the first two of an interim."""
_COST_A_WORD = 0.35
_MATCHED = 0.6
"""Of an echo's words at least so many are Otto's, and the differences cost no more than that."""
_NEARLY_LAST = 3

_CALLERS = frozenset(
    "yes yeah yep no nope not wait stop hold sorry actually please thanks thank sure okay ok "
    "operator agent human representative person but instead i i'd i'll i'm me my mine".split()
)
"""Never misheard for a word of Otto's: what callers say, and mean."""
_DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday today tomorrow morning afternoon "
    "january february march april may june july august september october november december".split()
)
"""One of these that Otto has not said is no mishearing: the caller wants another day."""
_MEANS_NOTHING_ALONE = frozenset(
    "a an and are at be can do does for have how i in is it of on or our that the this to we what "
    "when which will with would you your".split()
)


@dataclass(frozen=True, slots=True)
class AudibleWord:
    """A word of Otto's, as it is spoken, and when it could be heard (loop time)."""

    text: str
    start_s: float
    end_s: float


def spoken_words(text: str) -> list[str]:
    """The words of `text` as a voice says them and a recogniser may write them: "9:00 AM" and
    "nine a.m." are both nine, am."""
    plain = to_spoken(text).lower().replace("-", " ").replace(".", " ").replace("o'clock", "")
    return re.findall(r"[a-z0-9']+", re.sub(r"\b([ap]) m\b", r"\1m", plain))


def own_words(
    said: str,
    start_s: float,
    end_s: float,
    audible: Sequence[AudibleWord],
    *,
    is_final: bool,
    is_speaking: bool,
) -> str:
    """What of the transcript `said`, from `start_s` to `end_s`, is the caller's; "" for nothing.

    `audible` are Otto's words of late, in order; `is_speaking`: Otto has not finished.
    """
    words = spoken_words(said)
    start_s = min(start_s, end_s - SECONDS_A_WORD * len(words))
    near = [
        word
        for word in audible
        if word.end_s >= start_s - LATEST_OF_MANY_S and word.start_s <= end_s - EARLIEST_S
    ]
    if not near or not words:
        return said
    for stretch in _alike(words, near, is_final, is_speaking):
        if _is_echo(stretch, words, near, start_s, is_final, is_speaking):
            return _behind(said, words, stretch.count, near[stretch.last + 1 :], is_final)
    return said


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The first `count` words said are like Otto's from index `first` to `last`, at that cost."""

    count: int
    first: int
    last: int
    cost: float


def _is_echo(
    stretch: _Stretch,
    words: list[str],
    near: list[AudibleWord],
    start_s: float,
    is_final: bool,
    is_speaking: bool,
) -> bool:
    """Whether words that are like Otto's came as an echo does."""
    count = stretch.count
    delay_s = start_s - near[stretch.first].start_s
    is_many, is_few = count >= MANY_WORDS, count <= FEW_WORDS
    is_certain = is_many and stretch.cost <= _OTHER
    if not EARLIEST_S <= delay_s <= (LATEST_OF_MANY_S if is_certain else LATEST_S):
        return False
    if not is_speaking:
        # The rest is in `near`, for it was audible behind these words.
        tolerance = _NEARLY_LAST if is_many else 0
        missing = len(near) - 1 - stretch.last
        if count == 1 or missing > tolerance or start_s >= near[-1].end_s:
            return False
        return not is_few or abs(delay_s) <= PROMPT_S
    if count == 1 and not is_final and words[0] in _CALLERS:
        return abs(delay_s) <= PROMPT_S  # the first word of an interruption, more likely
    if not is_few or not is_final or _MEANS_NOTHING_ALONE.issuperset(words[:count]):
        return True
    return delay_s <= PROMPT_S


def _alike(
    words: list[str], near: list[AudibleWord], is_final: bool, is_speaking: bool
) -> list[_Stretch]:
    """Beginnings of `words` that are like a stretch of `near`, the longest first."""
    # Row by row, the cheapest way to align words[:row] with near[first:column]: (cost, -matches,
    # -first, whether near[column - 1] is missing). A stretch may begin anywhere, so nothing costs
    # nothing; the latest of equals counts.
    above = [(0.0, 0, -column, False) for column in range(len(near) + 1)]
    heard = {word.text for word in near}
    price_of_lost = _LOST if is_final else _LOST_AS_YET
    # "Tuesday works for me": whoever answers leaves out the other days.
    wider = _WIDER if is_speaking else 1.0
    most = 0
    found: list[_Stretch] = []
    for row, word in enumerate(words, start=1):
        is_callers = word in _CALLERS or (word in _DAYS and word not in heard)
        never = float("inf")
        current = [(above[0][0] + (never if is_callers else _ADDED), 0, 0, False)]
        best: tuple[float, int, int, int] | None = None
        for column, other in enumerate(near, start=1):
            likeness = _likeness(word, other.text)
            price = never if is_callers and likeness else likeness
            cost, matches, first, _ = above[column - 1]
            paired = (cost + price, matches - (price < _OTHER), first, False)
            cost, matches, first, _ = above[column]
            added = (cost + (never if is_callers else _ADDED), matches, first, False)
            # A price or a year is one thing to lose, and several words.
            cost, matches, first, is_gap = current[-1]
            lost = (cost + price_of_lost * (wider if is_gap else 1), matches, first, True)
            current.append(min(paired, added, lost))
            if price < _OTHER and (best is None or paired < best[:3]):
                best = (*paired[:3], column - 1)
        above = current
        if best is not None:
            cost, matches, first, last = best[0], best[1], -best[2], best[3]
            is_alike = cost <= _COST_A_WORD * row and -matches >= _MATCHED * row
            if row <= FEW_WORDS:
                # All there is, and the same to the letter; as yet a word between may be missing.
                is_alike = row == len(words) and cost <= (0 if is_final else _GAP * _LOST_AS_YET)
                is_alike = is_alike and -matches == row
            # A word that Otto has said once and the caller again is no longer echo.
            if is_alike and -matches > most:
                found.append(_Stretch(row, first, last, cost))
            most = max(most, -matches)
    return found[::-1]


def _likeness(word: str, other: str) -> float:
    """What it costs to take one for the other."""
    if word == other:
        return 0.0
    if min(len(word), len(other)) < _LETTERS or abs(len(word) - len(other)) > _LETTERS:
        return _OTHER
    if word[0] != other[0] and word[-2:] != other[-2:]:
        return _OTHER  # a quick answer to nearly every pair
    alike = SequenceMatcher(None, word, other, autojunk=False).ratio() >= _SIMILAR
    return _MISHEARD if alike else _OTHER


def _behind(
    said: str, words: list[str], count: int, following: list[AudibleWord], is_final: bool
) -> str:
    """What of `said` is behind its first `count` spoken words."""
    rest = words[count:]
    if rest[:1] == ["me"]:
        return said  # "Tuesday at nine works for me": all of it is one sentence of the caller's
    # One odd word where Otto went on is the next one, misheard beyond likeness.
    if len(rest) == 1 and count > FEW_WORDS and following and is_final:
        is_odd = rest[0] not in _CALLERS and not rest[0].isdecimal()
        if is_odd and rest[0] not in {word.text for word in following}:
            return ""
    if not rest:
        return ""
    tokens = said.split()
    places = range(len(tokens) + 1)
    at = next(
        (at for at in places if len(spoken_words(" ".join(tokens[:at]))) >= count), len(tokens)
    )
    return " ".join(tokens[at:])
