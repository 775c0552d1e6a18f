"""Whether what was heard says exactly what is to be done, and asks for it. Pure.

Read are the days, times, services, cars and amounts of a *read-back*: the last question that was
heard, with as many of the sentences before it as it takes until everything is named. Anything else
of the kind in there ("... at nine or at ten") and it is none. By meaning: "Tuesday the first, nine
in the morning" is as good as "Tuesday, December 1 at 9:00 AM".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from config.dealership import PRICE_AFTER_INSPECTION, Service
from otto.language.clock import Span
from otto.language.consent import About
from otto.language.mentions import Mentions, mentioned
from otto.language.services import read_services
from otto.language.vehicle_mentions import Car
from otto.scheduling.openings import Transport

UNCERTAIN_WORDS = 2
"""What was heard of a sentence that was cut is known to within so many words."""

_SENTENCE = re.compile(r"(?<=[.?!])[\"')”’]*\s+(?=[\"'(“‘]?[A-Z0-9])")
_AMOUNT = re.compile(
    r"\$\s?(\d[\d,]*(?:\.\d\d)?)|\b(\d[\d,]*(?:\.\d\d)?)(?: dollars\b|\s?USD\b)|"
    r"\b(free of charge|for free|no charge|complimentary|on the house)\b",
    re.IGNORECASE,
)
_TRANSPORTS: dict[Transport, re.Pattern[str]] = {
    "wait": re.compile(
        r"\b(?:while you|you(?:'ll|'d| will| would)?) wait\b|\bwaiting room\b", re.I
    ),
    "loaner": re.compile(r"\bloaner\b", re.I),
    "shuttle": re.compile(r"\bshuttle\b", re.I),
}
_WORDS = re.compile(r"[a-z]+|\d+")
_AFTER_INSPECTION = re.compile(rf"\b(?:quoted )?{PRICE_AFTER_INSPECTION}\b", re.IGNORECASE)
_CANCEL = re.compile(r"\bcancel\b", re.IGNORECASE)

# The question

_ACTS: dict[About, re.Pattern[str]] = {
    "book": re.compile(
        r"\b(?:book|schedule|reserve|confirm|put you (?:down|in)|(?:set|sign) (?:it|that|you) up"
        r"|lock (?:it|that) in|go ahead|make (?:it|that|the appointment)|take (?:it|that))\b"
    ),
    "move": re.compile(
        r"\b(?:move|reschedule|switch|push|shift|change|book|confirm|go ahead|make (?:it|that))\b"
    ),
    "cancel": re.compile(r"\b(?:cancel|call (?:it|that) off|take (?:it|that) off|go ahead)\b"),
}
"""What a question asks for, in the words that may ask for it."""
_NAMED: dict[About, re.Pattern[str]] = {
    "move": re.compile(
        r"\b(?:mov(?:e|ed|ing)|reschedul\w+|switch\w*|push\w*|shift\w*"
        r"|(?<!oil )(?<!filter )chang(?:e|ing) "
        r"(?:it|that|this|your (?:appointment|time|visit)|the (?:time|appointment))"
        r")\b"
    ),
    "cancel": re.compile(r"\b(?:cancel\w*|call(?:ing)? \w+ off|tak(?:e|ing) \w+ off)\b"),
}
"""That it is a move or a cancellation has to be heard: "is that right?" alone says neither."""
_AGREEABLE = re.compile(
    r"\b(?:works?|suits?|good|right|okay|ok|fine|correct|alright|great|how about|what about)\b"
)
_ASKS_FOR_A_YES = re.compile(r"\b(?:say yes|press (?:1|one)|(?:yes|1|one) (?:for|to)\b)")
_PLAIN = frozenset(
    "shall should can may could would will i we do you like want me us to go ahead and just then "
    "book schedule reserve confirm cancel move reschedule change switch it that this the your "
    "appointment visit time slot opening one for in down up now is are ready ok okay so alright "
    "all right great sound sounds does work works suit suits good fine correct with everything "
    "yes no say please press two if take make there them put ask asking perfect well sure call "
    "off as s d ll re".split()
)
"""A question of nothing but these is about what was said before it."""
_ELSE = re.compile(r"\b(?:else|another|other|different)\b")
_NOT = re.compile(r"\b(?:not|never|\w+n['’]t)\b")
_KEYS = re.compile(
    r"\bpress (?:1|one) for yes(?:,? (?:or |and )?(?:press )?(?:2|two) for no)?\b", re.IGNORECASE
)
_YES_OR_NO = re.compile(r"\b(?:yes or no|or not|or no)\b")
_PASSING = frozenset(
    "one moment a second minute please sure of course okay ok alright all right take your time no "
    "rush problem hold on just say yes or press 1 2 two for let me see check i m i'm still here "
    "thank thanks you it that certainly great good perfect absolutely got ll i'll wait go now "
    "listening ll".split()
)
"""What may be said behind the question, or between it and the answer, and leaves it open."""


def is_passing(text: str) -> bool:
    """Whether nothing was said that could be answered: "One moment, please." """
    return "?" not in text and _PASSING.issuperset(_words(text))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, in order."""
    return [part for part in _SENTENCE.split(text.strip()) if part]


# What has to be heard


@dataclass(frozen=True, slots=True)
class Named:
    """What a read-back has to name, and what else it may.

    `start` is local, without a zone. `codes` are services of the menu; one that is not on it has to
    be named as in `service`. `car` is the vehicle's description, `cars` are those of all of the
    caller's; the car has to be named when `needs_car`. `cents` are the amounts that may be spoken
    of, and `transport` is how the caller goes on without the car.
    """

    about: About
    sentence: str
    """Its own wording, which says it all whatever the readers make of it."""
    start: datetime
    codes: frozenset[str]
    service: str
    car: str
    cars: tuple[str, ...]
    needs_car: bool
    cents: frozenset[int]
    transport: Transport
    before: datetime | None = None
    """The start that is given up: it may be named first."""
    needs_before: bool = False
    """It has to be: nothing else tells which appointment is meant."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Reads what was heard by the dealership's clock, hours and menu."""

    now: datetime
    hours_on: Callable[[date], Sequence[Span]]
    menu: tuple[Service, ...]

    def reads_back(self, heard: str, named: Named, others: Sequence[datetime] = ()) -> bool:
        """Whether `heard` names it all, nothing else, and asks for it last.

        `others` are starts that are offered beside it: whoever names one of them has to say in the
        question itself which is meant.
        """
        if _ends_with(heard, named.sentence):
            return True
        found = self._window(heard, named)
        if found is None:
            return False
        said, first, last = found
        text = " ".join(said[first : last + 1])
        return (
            _asks_for(_plain(said[last]), named.about, about_itself=first == last)
            and _is_named(self._without_services(text), named.about)
            and not self.contradicts(text, named)
            and (first == last or not self._offers(heard, others))
        )

    def was_cut_behind(self, heard: str, unheard: str, named: Named) -> bool:
        """Whether the caller, who spoke before a read-back was over, had heard what it names."""
        whole = f"{heard} {unheard}"
        if not unheard or not self.reads_back(whole, named):
            return False
        found = self._window(whole, named)
        if found is None:
            return False
        begin = found[1]
        certain = " ".join(heard.split()[:-UNCERTAIN_WORDS])
        return self._names_all(" ".join(sentences(certain)[begin:]), named) and _is_named(
            self._without_services(" ".join(sentences(heard)[begin:])), named.about
        )

    def contradicts(self, text: str, named: Named) -> bool:
        """Whether `text`, of either side, speaks of another day, time, service, car or price."""
        found = self._mentioned(text, named)
        starts = {_local(named.start)}
        if named.before is not None:
            if found.starts and found.starts[-1] not in starts:
                return True  # it would be moved the other way
            starts.add(_local(named.before))
        times = {moment for _, moment in starts}
        return (
            not found.is_clear
            or not starts.issuperset(found.starts)
            or not {day for day, _ in starts}.issuperset(found.days)
            or not times.issuperset(found.times)
            or any(not any(moment in part for moment in times) for part in found.parts)
            or not named.codes.issuperset(self._codes(text, named))
            or self._names_another_car(text, named)
            or not named.cents.issuperset(_amounts(text))
            or not {named.transport}.issuperset(_transports(text))
        )

    # Facts

    def _window(self, heard: str, named: Named) -> tuple[list[str], int, int] | None:
        """The sentences of `heard`, and the first and last of those that name it all: the last
        one asks, and nothing is said behind it that could be answered."""
        said = sentences(heard)
        last = next((at for at in range(len(said) - 1, -1, -1) if _may_ask(said[at])), None)
        if last is None or not all(is_passing(rest) for rest in said[last + 1 :]):
            return None
        for first in range(last, -1, -1):
            if self._names_all(" ".join(said[first : last + 1]), named):
                return said, first, last
        return None

    def _names_all(self, text: str, named: Named) -> bool:
        found = self._mentioned(text, named)
        return (
            named.start.date() in found.days
            and named.start.time() in found.times
            and named.codes <= self._codes(text, named)
            and (not named.needs_car or self._names_car(text, named))
            and {named.transport} <= {"drop_off", *_transports(text)}
            and not (
                named.needs_before
                and named.before is not None
                and _local(named.before) not in found.starts
            )
        )

    def _offers(self, heard: str, others: Sequence[datetime]) -> bool:
        found = mentioned(heard, self.now, self.hours_on)
        return not {_local(other) for other in others}.isdisjoint(found.starts)

    def _mentioned(self, text: str, named: Named) -> Mentions:
        """Days and times, without the numbers of cars ("Mazda 3"), services and prices."""
        text = _KEYS.sub(" ", _AMOUNT.sub(" ", self._without_services(text)))
        for car in (named.car, *named.cars):
            text = self._car(car).blanked(text)
        return mentioned(text, self.now, self.hours_on)

    def _codes(self, text: str, named: Named) -> frozenset[str]:
        # "Cancel your oil change" does not refuse the oil change.
        text = _AFTER_INSPECTION.sub(" ", _CANCEL.sub("do", text))
        codes = set(read_services(text, self.menu).codes)
        unlisted = named.codes - {service.code for service in self.menu}
        if unlisted and _plain(named.service) in _plain(text):
            codes |= unlisted
        return frozenset(codes)

    def _without_services(self, text: str) -> str:
        for service in self.menu:
            text = re.sub(rf"\b{re.escape(service.name)}\b", " ", text, flags=re.IGNORECASE)
        return text

    def _names_car(self, text: str, named: Named) -> bool:
        others = [self._car(each) for each in named.cars if each != named.car]
        return self._car(named.car).is_named_in(text, others)

    def _names_another_car(self, text: str, named: Named) -> bool:
        others = [self._car(each) for each in named.cars if each != named.car]
        car = self._car(named.car)
        return bool(named.car) and car.is_contradicted_in(self._without_services(text), others)

    def _car(self, description: str) -> Car:
        return Car.of(description, self.now.year)


# The question


def _may_ask(sentence: str) -> bool:
    return sentence.rstrip("\"')”’ ").endswith("?") or bool(
        _ASKS_FOR_A_YES.search(_plain(sentence))
    )


def _ends_with(heard: str, sentence: str) -> bool:
    """Whether `sentence` was the last that was heard, but for what leaves it open."""
    said = sentences(heard)
    while said and is_passing(said[-1]):
        said.pop()
    return f" {_plain(' '.join(said))}".endswith(f" {_plain(sentence)}")


def _asks_for(asked: str, about: About, *, about_itself: bool) -> bool:
    """Whether a yes to the question `asked` is a yes to it. `about_itself`: the question names what
    is meant, so that it cannot be about anything else."""
    without = _YES_OR_NO.sub(" ", _KEYS.sub(" ", asked))
    if _NOT.search(without) or re.search(r"\bor\b", without) or _ELSE.search(asked):
        return False
    if not about_itself and not _PLAIN.issuperset(_words(without)):
        return False
    return bool(
        _ACTS[about].search(asked)
        or _AGREEABLE.search(asked)
        or _ASKS_FOR_A_YES.search(asked)
        or re.fullmatch(r"(?:so |and )?(?:shall|should) (?:i|we)", asked)
    )


def _is_named(text: str, about: About) -> bool:
    """Whether it is this that is spoken of, not another thing to do with an appointment."""
    said = [_plain(sentence) for sentence in sentences(text)]
    return all(
        any(pattern.search(plain) for plain in said) == (kind == about)
        for kind, pattern in _NAMED.items()
    )


def _amounts(text: str) -> set[int]:
    """Sums of money in `text`, in cents."""
    found = set()
    for match in _AMOUNT.finditer(text):
        figure = match[1] or match[2]
        found.add(round(float(figure.replace(",", "")) * 100) if figure else 0)
    return found


def _transports(text: str) -> set[Transport]:
    return {kind for kind, pattern in _TRANSPORTS.items() if pattern.search(text)}


def _local(start: datetime) -> tuple[date, time]:
    return start.date(), start.time()


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def _plain(text: str) -> str:
    """Small letters, single spaces, no marks but apostrophes."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'")))
