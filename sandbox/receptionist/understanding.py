"""What the caller means, from the words alone: small pure functions, one per question.

Each takes text as the recogniser wrote it and returns a value or None, never raising. What the
answer is *for* (the question that was open) is the receptionist's business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from sandbox.receptionist.dates import clock_times, day_wish
from sandbox.receptionist.words import contains_phrase, normalise


class Intent(StrEnum):
    """What a caller may want besides answering the open question."""

    BOOK = "book"
    CALLBACK = "callback"
    CANCEL = "cancel"
    MOVE = "move"
    REPAIR = "repair"
    WHEN = "when"
    PERSON = "person"
    HOURS = "hours"
    PRICES = "prices"
    ADDRESS = "address"
    SERVICES = "services"
    REPEAT = "repeat"
    DONE = "done"
    WRONG_NUMBER = "wrong_number"


_APPOINTMENT = r"(appointments?|bookings?|visit|reservation)"
_CAR = (
    r"(my|the|our|that)( \w+){0,3}? ?(car|truck|vehicle|van|suv|repairs?|civic|accord|honda|ford"
    r"|toyota|camry|subaru|outback|equinox|chevy|chevrolet|jetta|f 150|jeep|one)"
)

_INTENTS: tuple[tuple[Intent, str], ...] = (
    (
        Intent.CALLBACK,
        r"\b((call|phone|ring) me (back|later)|give me a (call|ring) back|(a|my) call ?back)\b",
    ),
    (
        Intent.PERSON,
        r"\b((real|live|actual) (person|human)|a human|human being|an? (person|agent|advisor"
        r"|adviser|representative|manager|mechanic|technician|operator|rep)\b.*|operator"
        r"|representative|speak (to|with)|talk (to|with) (a|an|some|the|your)|transfer me"
        r"|connect me|put me through|somebody else|someone else)\b",
    ),
    (
        Intent.MOVE,
        r"\breschedul\w*\b"
        r"|\b(move|change|push|switch|postpone|shift|bring)(ing)? (back |forward |up )?"
        rf"(my|the|an|our|that|this)( \w+){{0,3}} {_APPOINTMENT}"
        rf"|\b(different|another|new|other) (day|time|date) for (my|the|our)( \w+){{0,3}} "
        rf"{_APPOINTMENT}"
        rf"|\bcan(t|not) (make|keep|come to|get to) (it to )?(my|the|our|that)( \w+){{0,3}} "
        rf"{_APPOINTMENT}",
    ),
    (
        Intent.CANCEL,
        rf"\bcancel(l?ing)? (my|the|an|our|that|this|it|both|all)( \w+){{0,3}} ?{_APPOINTMENT}?\b"
        rf"|\bcancel {_APPOINTMENT}|^(please )?cancel( it| that)?( please)?$"
        rf"|\b(call off|get rid of|drop) (my|the|our|that)( \w+){{0,3}} {_APPOINTMENT}"
        r"|\bcancell?ation\b|\bcancel (it|that)\b",
    ),
    (
        Intent.WHEN,
        rf"\b(when|what time|what day|which day)( exactly)?( is| was|s)? (my|the|our)( \w+){{0,3}} "
        rf"{_APPOINTMENT}|\b(when|what time|what day) (am i|did i|was i|im|do i come)\b"
        rf"|\bwhen ?s my( \w+){{0,3}} {_APPOINTMENT}|\bdo i (still )?have (an|any) {_APPOINTMENT}"
        rf"|\b(check|confirm|look up|forgot|remember|remind me (of|when)|verify)( \w+){{0,3}} "
        rf"(my|the|our)( \w+){{0,3}} {_APPOINTMENT}|\b(check|confirm|verify) my {_APPOINTMENT}"
        rf"|\b(what|which) {_APPOINTMENT}s? do i have",
    ),
    (
        Intent.REPAIR,
        r"\b(is|are|whether|if) (my|the|our|that) (\w+ ){1,4}(is )?(ready|done|finished|fixed)\b"
        rf"|\b(is|are) {_CAR} still\b"
        rf"|\b(is (it|she|he)|are you) (ready|done|finished|fixed)\b"
        rf"|\b(status|update|news|word) (of|on|for|about) {_CAR}( |$)"
        rf"|\bhow (is|s|are|far|much longer)( \w+){{0,3}}? {_CAR}( |$)"
        rf"|\bhow (much longer|long) (will|is|until|till)\b.*\b(car|truck|vehicle|repair)\b"
        r"|\bwhen (will|can|is|do|could|would)\b.*\b(ready|done|finished|get (it|my car) back)\b"
        r"|\bcan i (get|pick up|pick) (it|her|my (car|truck|vehicle))\b"
        rf"|\b(pick|picking) up {_CAR}( |$)|\b(car|truck|vehicle)\b.*\bready\b",
    ),
    (Intent.WRONG_NUMBER, r"\bwrong number\b"),
    (
        Intent.REPEAT,
        r"\b(what did you say|say that again|repeat that|come again|pardon|can you repeat"
        r"|could you repeat|please repeat|didnt (catch|hear|get)|one more time|what was that"
        r"|say (that|it) (once )?more|once more)\b|^(what|sorry|huh|excuse me|repeat)$",
    ),
    (
        Intent.HOURS,
        r"\b(what|your|the|business|opening) hours\b|\bhours\b.*\b(open|today|tomorrow)\b"
        r"|\b(when|what time|how late|how early|until when)\b.*\b(open|close|closed|opens)\b"
        r"|\bare (you|you guys) (open|closed)\b|\bopen on\b",
    ),
    (
        Intent.PRICES,
        r"\b(how much|what (does|do|would|will|is).* cost|whats the (price|cost)|price|prices"
        r"|pricing|what do you charge|the cost|how expensive)\b",
    ),
    (
        Intent.ADDRESS,
        r"\b(address|where (are|is) (you|your|the)|located|location|directions"
        r"|how do i get (to|there))\b",
    ),
    (
        Intent.SERVICES,
        r"\b(what|which) (services|kind of services|kinds of services|do you (do|offer))\b"
        r"|\bservices do you\b",
    ),
    (
        Intent.DONE,
        r"\b(good ?bye|bye|thats (all|it|everything)|that is (all|it|everything)|that will be all"
        r"|thatll be all|nothing else|hang up|im (done|all set)|all set|have a (good|great|nice)"
        r"|forget (it|about it)|never ?mind)\b",
    ),
    (
        Intent.BOOK,
        r"\b(appointment|book|schedule|come (in|by)|can i come|bring (it|her|him|my|the|in)"
        r"|do you have (anything|something)|get (it|my|the|an|a)"
        r"|set up|sign me up|drop (it|my car) off|need|id like|i would like|i want|looking for)\b",
    ),
)


def intents(text: str) -> tuple[Intent, ...]:
    """Everything the caller asks for in this turn, most decisive first."""
    heard = normalise(text)
    return tuple(intent for intent, pattern in _INTENTS if re.search(pattern, heard))


_YES = re.compile(
    r"\b(yes|yeah|yea|yep|yup|yas|sure|correct|absolutely|definitely|certainly|of course|okay|ok"
    r"|exactly|right|perfect|great|sounds (good|great|fine)|that works|works for me|thats fine"
    r"|thats right|thats good|thats great|go ahead|please do|do it|book it|uh huh|mhm|mm hmm"
    r"|fine|lets do (it|that)|go for it|that would be (good|great|fine)|please)\b"
)
_NO = re.compile(
    r"\b(no|nope|nah|not|dont|doesnt|cant|cannot|wont|wrong|incorrect|neither|never|none"
    r"|isnt|rather not|wait|actually)\b"
)
_NO_PROBLEM = re.compile(
    r"\b(no problem|not a problem|no worries|why not|not bad|cant wait|dont see why not)\b"
)


def yes_or_no(text: str) -> bool | None:
    """True, False, or None when it is neither or undecided. A no anywhere outweighs a yes."""
    heard = _NO_PROBLEM.sub("okay", normalise(text))
    if _NO.search(heard):
        return False
    return True if _YES.search(heard) else None


def is_change_of_mind(text: str) -> bool:
    """Whether the caller takes something back ("actually", "instead", "no, wait")."""
    return bool(
        re.search(
            r"\b(actually|instead|rather|i mean|i meant|change|wait|different|another|other|sorry"
            r"|something else|make (it|that))\b",
            normalise(text),
        )
    )


def is_addition(text: str) -> bool:
    """Whether a further service is meant beside the first, not in its place."""
    return bool(
        re.search(r"\b(also|too|as well|and|plus|while (im|were|youre))\b", normalise(text))
    )


_TRANSPORT = (
    ("loaner", r"\b(loaners?|loan car|rental( car)?|courtesy car)\b"),
    ("shuttle", r"\bshuttle\b"),
    (
        "wait",
        r"\bwhile i(m| am)? wait(ing)?\b|\bwaiting (room|area)\b"
        r"|\bwait (there|for (it|the car|my car)|in your|at (the|your))\b",
    ),
)


def transport(text: str) -> str | None:
    """How the caller will go on without the car: wait, loaner or shuttle, as `find_openings` names
    them; None when they do not say."""
    heard = normalise(text)
    return next((kind for kind, words in _TRANSPORT if re.search(words, heard)), None)


# --- Services -----------------------------------------------------------------------------------

# What callers say, and what to look for in the service codes on offer, best first.
_COMPLAINTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("oil change", "oil", "all change", "oil chain", "oils change", "lube", "boil change"),
        ("oil",),
    ),
    (
        ("break pads", "brake pads", "brake pad", "brake job"),
        ("brake_pad", "brake_repl", "brake_service", "brake"),
    ),
    (
        ("brake", "brakes", "breaks", "break", "squeak", "squeal", "squeaking", "grinding"),
        ("brake_insp", "brake"),
    ),
    (("rotate", "rotation", "rotated", "tire rotation", "tyre rotation"), ("rotation", "rotat")),
    (("alignment", "align", "pulls to", "pulling to", "steering wheel"), ("align",)),
    (("battery", "wont start", "doesnt start", "jump start", "dead battery"), ("batter",)),
    (
        ("flat tire", "puncture", "new tires", "tire change", "tires", "tire", "tyres"),
        ("tire_repl", "tire_change", "tire_repair", "tires", "tire"),
    ),
    (
        (
            "air conditioning",
            "air conditioner",
            "air condition",
            "a c",
            "ac",
            "warm air",
            "hot air",
        ),
        ("air_cond", "ac_", "a_c", "climate"),
    ),
    (("transmission", "gearbox", "shifting", "gears"), ("transmission",)),
    (("coolant", "radiator", "overheating", "overheats", "antifreeze"), ("coolant", "cooling")),
    (("wipers", "wiper", "wiper blades"), ("wiper",)),
    (("recall",), ("recall",)),
    (("detailing", "detail", "car wash", "cleaning"), ("detail", "wash")),
    (
        ("check engine", "engine light", "warning light", "diagnostic", "diagnosis", "diagnose"),
        ("diagnos", "check_engine", "engine"),
    ),
    (
        (
            "strange noise",
            "noise",
            "rattle",
            "rattling",
            "vibration",
            "vibrates",
            "shakes",
            "shaking",
        ),
        ("diagnos", "inspection"),
    ),
    (
        ("emissions", "smog check", "smog", "sticker"),
        ("emission", "smog", "state_insp", "inspection"),
    ),
    (
        ("state inspection", "inspection", "inspected", "safety inspection", "checkup"),
        ("state_insp", "safety_insp", "multi", "vehicle_insp", "inspection"),
    ),
    (
        (
            "thousand mile",
            "mile service",
            "maintenance",
            "tune up",
            "scheduled service",
            "major service",
        ),
        ("maintenance", "mile", "major", "scheduled", "tune"),
    ),
    (
        ("repair", "broken", "leak", "leaking", "leaks", "broke", "something wrong", "smoke"),
        ("repair", "diagnos"),
    ),
)
_WEAK = frozenset(
    {"brake", "breaks", "break", "tire", "tires", "oil", "ac", "a c", "noise", "inspection"}
)


def services(text: str, codes: Sequence[str]) -> list[str]:
    """The service codes on offer that the caller speaks of, in the order they are spoken of.

    First by the codes' own words ("tire_rotation"), then by what people call them or complain of.
    """
    heard = normalise(text)
    if re.search(r"\b(take|have|need|want|lunch) a break\b|\bbreak down\b", heard):
        heard = heard.replace("break", " ")
    found: dict[str, int] = {}
    for code in codes:
        named = code.replace("_", " ")
        if contains_phrase(heard, named):
            found[code] = _position(heard, named)
    covered = " ".join(found).replace("_", " ").split()
    for said, wanted in _COMPLAINTS:
        for phrase in said:
            if not contains_phrase(heard, phrase, 0.86):
                continue
            if phrase.split()[-1] in covered or phrase.split()[0] in covered:
                break
            meant = _first_code(wanted, codes)
            if meant and meant not in found:
                found[meant] = _position(heard, phrase)
                if phrase not in _WEAK:
                    covered += phrase.split()
                covered += meant.split("_")
            break
    return sorted(found, key=lambda code: found[code])


def _first_code(wanted: Sequence[str], codes: Sequence[str]) -> str | None:
    for part in wanted:
        for code in codes:
            if part in code:
                return code
    return None


def _position(heard: str, phrase: str) -> int:
    at = heard.find(phrase)
    return at if at >= 0 else heard.find(phrase.split()[0][:3])


# --- Choosing one of several --------------------------------------------------------------------

_PLACES = (
    (r"\b(first|1st|earlier|earliest|former)\b", 0),
    (r"\b(second|2nd)\b", 1),
    (r"\b(third|3rd)\b", 2),
    (r"\b(last|later|latest|latter)\b", -1),
)
_WHEN = re.compile(
    r"(?P<weekday>[a-z]+day),?\s+(?P<month>[a-z]+)\s+(?P<day>\d+).*?"
    r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)\s*(?P<half>[ap])\.?m",
    re.IGNORECASE,
)


def choose_place(text: str, count: int) -> int | None:
    """Which of `count` things is meant by its place: "the first one", "number two", "the last"."""
    heard = normalise(text)
    if re.search(r"\b(none|neither|something|anything|any other)\b", heard):
        return None
    for pattern, place in _PLACES:
        if re.search(pattern, heard) and place < count:
            return place % count
    number = re.search(r"\b(?:number|option|choice) (one|two|three|1|2|3)\b", heard)
    if number:
        place = {"one": 0, "two": 1, "three": 2, "1": 0, "2": 1, "3": 2}[number[1]]
        return place if place < count else None
    return None


def choose_openings(text: str, whens: Sequence[str]) -> list[int]:
    """The openings (indexes into `whens`, "Tuesday, November 24 at 9:00 AM") the caller may mean.

    One: chosen. Several: still open which. None: none of these is meant.
    """
    heard = normalise(text)
    if re.search(r"\b(none|neither|not any)\b", heard):
        return []
    parsed = {at: match for at, when in enumerate(whens) if (match := _WHEN.search(when))}
    left = list(parsed)
    wish = day_wish(text)
    constrained = False
    if wish and wish.weekdays:
        left = [at for at in left if parsed[at]["weekday"].lower() in wish.weekdays]
        constrained = True
    if wish and wish.day_of_month and not (wish.weekdays and left):
        left = [at for at in left if int(parsed[at]["day"]) == wish.day_of_month]
        constrained = True
    if wish and wish.part:
        half = {"morning": "a", "afternoon": "p"}[wish.part]
        narrowed = [at for at in left if parsed[at]["half"].lower() == half]
        left, constrained = narrowed, True
    times = clock_times(text)
    if times and left:
        fitting = [at for at in left if any(time.fits(*_clock(parsed[at])) for time in times)]
        if fitting or not constrained or any(time.minute is not None for time in times):
            left, constrained = fitting, True
    place = choose_place(text, len(left) if constrained and left else len(whens))
    if place is not None:
        return [left[place]] if constrained and left else [place]
    if constrained:
        return left
    return [0] if len(whens) == 1 and yes_or_no(text) else []


def _clock(match: re.Match[str]) -> tuple[int, int]:
    hour = int(match["hour"]) % 12 + (12 if match["half"].lower() == "p" else 0)
    return hour, int(match["minute"])
