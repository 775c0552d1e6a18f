"""The rules behind `times.py`: a pattern over words as `time_words.py` spells them, and the time of
day that it stands for.

The table at the end is the index: most specific first, the first match from a place on decides. A
bare number is a time only behind a word that makes it one ("at nine", "after three"), or where
nothing else it could count stands behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from otto.language.clock import Clock, Half, Said, Unclear

SLACK_MIN = 60
"""How far from "around nine" a start may be."""
FIRST_THING_MIN = 90
"""How long after opening it is still the first thing."""

_NOON = Clock(12, 0, "pm")


def _part(low: str | None, high: str | None, half: Half, wished: str | None = None) -> Said:
    ends = [_written(end) if end else None for end in (low, high, wished)]
    return Said(ends[0], ends[1], ends[2], before=high is not None, half=half, part=True)


def _written(text: str) -> Clock:
    hour, minute = text.split(":")
    return Clock(int(hour), int(minute), "am" if int(hour) < 12 else "pm")


PARTS: dict[str, Said] = {
    "morning": _part(None, "12:00", "am"),
    "early morning": _part(None, "9:00", "am"),
    "mid morning": _part("9:00", "11:00", "am"),
    "late morning": _part("10:00", "12:00", "am"),
    "afternoon": _part("12:00", None, "pm"),
    "early afternoon": _part("12:00", "14:00", "pm"),
    "mid afternoon": _part("14:00", "16:00", "pm"),
    "late afternoon": _part("16:00", None, "pm"),
    "evening": _part("17:00", None, "pm"),
    "night": _part("17:00", None, "pm"),
    "lunch": Said(Clock(12, 0, "pm"), Clock(13, 0, "pm"), _NOON),
    "before lunch": _part(None, "12:00", "am"),
    "after lunch": _part("13:00", None, "pm"),
    "before work": _part(None, "9:00", "am"),
    "after work": _part("17:00", None, "pm"),
    "after school": _part("15:00", None, "pm"),
    "end day": _part("16:00", None, "pm"),
    "start day": Said(opening_min=FIRST_THING_MIN, half="am"),
    "as early": Said(opening_min=FIRST_THING_MIN, half="am", soonest=True),
    "early": _part(None, "10:00", "am"),
    "late": _part("15:00", None, "pm"),
}
"""Parts of the day, in minutes that a caller would call so. The end itself is no part of it."""


def _clock(found: re.Match[str], which: str = "") -> Clock:
    """The clock time of a match whose groups end with `which`."""
    word = found[f"word{which}"]
    if word:
        return Clock(0, 0) if word == "midnight" else _NOON
    half: Half | None = None
    if said := found[f"half{which}"]:
        half = "am" if said in {"am", "in the morning", "in morning"} else "pm"
    hour, minute = int(found[f"hour{which}"]), int(found[f"minute{which}"] or 0)
    if found[f"hour{which}"].startswith("0") and hour and half is None:
        half = "am"  # 09:00 is written on a clock of 24 hours
    if hour > 23 or minute > 59:
        raise ValueError("no time of day")
    return Clock(hour, minute, half)


def _at(found: re.Match[str]) -> Said:
    clock = _clock(found)
    return Said(clock, clock, clock)


def _bare(found: re.Match[str]) -> Said:
    rest = found.string[found.end() :]
    if found[0].isdecimal() and (_COUNTED_NEXT.match(rest) or not _NOTHING_COUNTED.match(rest)):
        raise ValueError("no time of day")
    return _at(found)


def _bare_or_at(found: re.Match[str]) -> Said:
    """Behind "for", "to", "say": a number that something may be counted by."""
    is_bare = found["hour"] and not found["minute"] and not found["half"]
    rest = found.string[found.end() :]
    if is_bare and "oclock" not in found[0] and not _NOTHING_COUNTED.match(rest):
        raise ValueError("no time of day")
    return _at(found)


def _about(found: re.Match[str]) -> Said:
    return Said(wished=_clock(found), slack_min=SLACK_MIN)


def _from(found: re.Match[str]) -> Said:
    return Said(low=_clock(found))


def _to(found: re.Match[str]) -> Said:
    return Said(high=_clock(found))


def _before(found: re.Match[str]) -> Said:
    return Said(high=_clock(found), before=True)


def _at_or_later(found: re.Match[str]) -> Said:
    return Said(low=_clock(found), wished=_clock(found))


def _at_or_earlier(found: re.Match[str]) -> Said:
    return Said(high=_clock(found), wished=_clock(found))


def _range(found: re.Match[str]) -> Said:
    low, high = _clock(found, "1"), _clock(found, "2")
    if re.fullmatch(r"(?:5|10|20|25) to \d+", found[0]):
        past = f"{low.hour} minutes before {high.hour}"
        raise Unclear(f"Do you mean from {low.hour} to {high.hour}, or {past}?")
    if low.half is None and high.half == "am":
        low = Clock(low.hour, low.minute, "am")
    return Said(low, high)


def _of_day(found: re.Match[str]) -> Said:
    degree = {"middle": "mid", "later": "late"}.get(found["degree"] or "", found["degree"] or "")
    part = found["part"].removesuffix("s")
    if part == "night":
        degree = ""
    return PARTS.get(f"{degree} {part}".strip(), PARTS[part])


def _named(name: str) -> Callable[[re.Match[str]], Said]:
    return lambda found: PARTS[name]


_HALF = r"(?: (?P<half{0}>am|pm|in (?:the )?(?:morning|afternoon|evening)|at night))?"
_TIME = (
    r"(?:(?P<word{0}>noon|midday|midnight)|"
    r"(?P<hour{0}>\d{{1,2}})(?:(?::| (?=\d\d\b))(?P<minute{0}>[0-5]\d))?(?: oclock)?"
    + _HALF
    + r"(?: sharp)?)"
)
_NOT_COUNTED = (
    r"(?! (?:days?|weeks?|months?|hours?|minutes?|years?|miles?|times|"
    r"thousand|hundred|[ap]m\b|th\b))\b"
)


def _time_pattern(which: str = "") -> str:
    return _TIME.format(which) + _NOT_COUNTED


_PLAIN, _ONE, _TWO = _time_pattern(), _time_pattern("1"), _time_pattern("2")
_NOTHING_COUNTED = re.compile(
    r"$| ,| <| (?:please|on|that|this|in|would|is|works?|will|if|sounds?|good|for|at|"
    r"mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|today|tomorrow|next)\b"
)
"""What may stand behind a bare number that is a time."""
_COUNTED_NEXT = re.compile(r" <\w+> \d+ (?:days?|weeks?|months?|hours?|minutes?)\b")
_FROM_WORDS = (
    r"(?:not )?(?:any ?time )?(?:after|from|since|past|notbefore|starting(?: at)?|beginning at|"
    r"later than)"
)
_FILL = r"(?: (?:about|around|like|say|maybe|at|roughly))?"
_ABOUT_WORDS = (
    r"(?:at |for )?(?:about|around|approximately|roughly|near(?:er)?|close(?:r)? to|towards?)"
    r"(?: about| around)?"
)
_ON = r"(?:onwards?|on(?=$| ,| <)|<or> (?:later|after|so later)|<and> (?:later|after|on))"

_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Said]], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        # Parts of the day
        (r"asearly", _named("as early")),
        (r"(?:in )?(?:the )?firstthing(?: in (?:the )?morning| morning)?", _named("start day")),
        (
            r"(?:late|later)(?: on)? in (?:the )?day|"
            r"late(?! (?:in )?(?:the )?(?:morning|afternoon|evening))",
            _named("late"),
        ),
        (
            r"(?:at )?(?:the )?end of (?:the )?(?:business )?day|close of business|aslate",
            _named("end day"),
        ),
        (
            r"early(?: on)? in (?:the )?day|(?:the )?(?:beginning|start) of (?:the )?day|early"
            r"(?! (?:morning|afternoon|evening|in (?:the )?(?:morning|afternoon|evening)))",
            _named("early"),
        ),
        (r"(?:just )?(?:before|by) (?:lunch(?: ?time)?|noon ?time)", _named("before lunch")),
        (r"(?:just |right )?after lunch(?: ?time)?", _named("after lunch")),
        (
            r"(?:at|around|over|during|on|in)? ?(?:my |the |your )?lunch(?: ?(?:time|hour|break))?",
            _named("lunch"),
        ),
        (r"before (?:i go to )?work", _named("before work")),
        (r"after (?:i get off )?work", _named("after work")),
        (r"after school", _named("after school")),
        (r"(?:about |around )?noon ?ish", lambda found: Said(wished=_NOON, slack_min=SLACK_MIN)),
        (r"(?:the )?middle of (?:the )?day", lambda found: Said(wished=_NOON, slack_min=SLACK_MIN)),
        (
            r"(?:(?:in|during|by) )?(?:the )?(?:(?P<degree>early|late|later|mid|middle)"
            r"(?: of| in)? )?(?:the )?(?P<part>morning|afternoon|evening|night)s?\b(?: time)?",
            _of_day,
        ),
        # Stretches
        (rf"(?:any ?time )?between{_FILL} {_ONE} (?:to|<and>){_FILL} {_TWO}", _range),
        (rf"(?:from{_FILL} )?{_ONE} (?:to|till?|until|through|thru) {_TWO}", _range),
        (rf"(?:at )?{_PLAIN} (?:at (?:the )?earliest|{_ON})", _at_or_later),
        (
            rf"(?:at )?{_PLAIN} (?:at (?:the )?latest|<or> (?:before|earlier|sooner))",
            _at_or_earlier,
        ),
        (rf"{_FROM_WORDS}{_FILL} {_PLAIN}(?: on(?:wards?)?)?", _from),
        (rf"(?:any ?time )?before{_FILL} {_PLAIN}", _before),
        (rf"(?:any ?time )?(?:by|until|till?|notafter|up to){_FILL} {_PLAIN}", _to),
        # A time
        (rf"{_ABOUT_WORDS} {_PLAIN}(?: ?ish| <or> so)?", _about),
        (rf"(?:at |for )?{_PLAIN}(?: ?ish| <or> so)", _about),
        (rf"(?:at|until){_FILL} (?:the )?{_PLAIN}", _at),
        (rf"(?:for|to|say|like|maybe){_FILL} (?:the )?{_PLAIN}", _bare_or_at),
        (_PLAIN, _bare),
    )
)


def time_at(words: list[str], at: int) -> tuple[Said, int] | None:
    """The expression of time that begins at `words[at]`, and how many words it takes; else None."""
    text = " ".join(words[at:])
    for pattern, rule in _RULES:
        found = pattern.match(text)
        if found is None or not found[0].strip() or not _ends_a_word(text, found.end()):
            continue
        try:
            return rule(found), len(found[0].split())
        except ValueError:
            continue
    return None


def _ends_a_word(text: str, end: int) -> bool:
    return end == len(text) or text[end] == " " or text[end - 1] == " "
