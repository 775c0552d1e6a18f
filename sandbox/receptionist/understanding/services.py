"""Which work callers mean, by everyday words and symptoms, among the service codes on offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from sandbox.receptionist.understanding.words import contains_phrase, normalise

_NEAR = 0.86
"""How like a phrase misheard words must be ("all chain" is no oil change by chance)."""

_BROKEN = (
    r"(broken|broke|wont|doesnt|does not|isnt|is not|not|is out|are out|out|stuck|burned out|burnt "
    r"out|went out|cracked|loose|fell off|leaks|leaking|busted|missing|jammed|came off|falling off)"
)
_FITTINGS = (
    r"(windows?|head ?lights?|tail ?lights?|brake lights?|blinkers?|turn signals?|bulbs?|horn"
    r"|mirrors?"
    r"|doors?|seats?|seat ?belts?|sun ?roof|radio|stereo|locks?|handles?|trunk|hood|tail ?gate"
    r"|hatch|cruise control|back ?up camera|speakers?|gas cap|antenna|bumper|muffler|exhaust)"
)
_PUT = r"( \w+){0,2}? ?"
_KEY = r"(turn|start|try|crank|push|twist)"

# What callers say, and what to look for in the service codes on offer, best first. The first line
# that a place in the text fits takes the place, so that what is particular stands above what is
# general: "oil light" above "oil". What has no code on offer, the workshop does not do.
_TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Not on most menus.
    (
        r"\b(new|four|4|set of|two|pair of|buy|snow|winter|all season|replace( my| the)?)( "
        r"\w+){0,2}? tires\b|\btires? (put on|mounted|replaced)\b|\btire replacement\b",
        ("tire_repl", "new_tire", "tires"),
    ),
    (
        r"\bwind ?(shield|screen)( \w+)?( replace\w*| repair\w*| crack\w*| chip\w*)?\b|\bglass "
        r"repair\b",
        ("windshield", "glass"),
    ),
    (
        r"\b(wheels?|tires?) balanc\w+\b|\bbalanc(e|ed|ing) (of )?(my |the )?(wheels?|tires?)\b",
        ("balanc",),
    ),
    (
        r"\bbody ?(work|shop)\b|\bpaint( job|work|ed|ing)?\b|\bdents?\b|\bcollision\b",
        ("body", "paint"),
    ),
    (
        r"\bdetail(ed|ing)?\b|\bcar wash\b|\bwash(ed)? (my|the) (car|truck)\b|\b(interior "
        r")?cleaning\b",
        ("detail", "wash"),
    ),
    (
        r"\b(transmission|trans|coolant|radiator|power steering|differential) (fluid|flush"
        r"|service)( change| flush)?\b|\bflush (my |the )?(transmission|coolant|radiator)\b",
        ("transmission", "coolant", "fluid", "flush"),
    ),
    (
        r"\b(window )?tint(ing|ed)?\b|\btow(ing)? hitch\b|\bremote start\w* (install\w*|put)\b",
        ("tint",),
    ),
    # Lamps on the dashboard.
    (
        r"\b(check engine|engine|warning|oil( pressure)?|abs|traction( control)?|tire pressure|tpms"
        r"|maintenance|service engine( soon)?|battery|dash(board)?|coolant|brake|yellow|red"
        r"|orange) "
        r"(light|lamp|indicator|symbol)s?\b|\bcheck engine\b|\blights? (is |are |came |come )?on( "
        r"the| my)? dash\w*\b|\b(cel|error code|code reader|trouble code|diagnos\w+)\b",
        ("diagnos", "check_engine", "engine"),
    ),
    # Brakes.
    (
        r"\b(brake|break)s? ?(pads?|job|shoes?|rotors?)\b|\b(new|replace|change|changing|replacing"
        r"|redo"
        r"|do)( my| the| front| rear| all| both)* (brakes|breaks)\b|\b(brakes|breaks) (replaced"
        r"|changed|done)\b|\bpads (and rotors|replaced|changed)\b",
        ("brake_pad", "brake_repl", "brake_service", "brake"),
    ),
    (
        r"\b(shak\w+|vibrat\w+|pulsat\w+|shudder\w*|squeak\w*|squeal\w*|grind\w*|scrap\w+|noise)( "
        r"\w+){0,3}? "
        r"(when|while|as|if) (i |im |you |it )?(\w+ )?(brak\w+|break|stop\w*|slow\w*|hit|press"
        r"|step)\b"
        r"|\bwhen i (brake|break|stop|slow down|hit the brakes|press the brakes?)\b.*\b(shak\w+"
        r"|vibrat\w+|squeak\w*|squeal\w*|grind\w*|scrap\w+|noise|pulsat\w+)\b",
        ("brake_insp", "brake"),
    ),
    (
        r"\bsquea\w+( \w+){0,3}? (when|while) (i |im )?(turn\w*|steer\w*|start\w*|accelerat\w*)\b"
        r"|\b(serpentine|fan|drive|squeaky|squealing|timing) belt\b",
        ("diagnos", "inspection"),
    ),
    (
        r"\b(brake|brakes|breaks?|breaking system)\b|\b(squeak|squeal|squeaking|squealing|squeaky"
        r"|grinding|grinds)\b",
        ("brake_insp", "brake"),
    ),
    # Tires and wheels.
    (
        rf"\b(rotat\w+{_PUT}(tires?|tyres?|wheels?)?|(tire|tyre|wheel)s? rotat\w+)\b",
        ("rotation", "rotat"),
    ),
    (
        r"\balign\w*\b|\b(pull\w*|drift\w*|veer\w*|wander\w*|steers) (\w+ ){0,2}?(to|toward) (the "
        r"|one )?(left|right|side|a side)\b|\b(pulls|pulling|drifts|drifting|veers) (left|right)\b"
        r"|\bsteering wheel (is |sits )?(\w+ )?(crooked|off|off center|not straight|tilted)\b",
        ("align",),
    ),
    (
        r"\b(flat|low) tires?\b|\ba flat\b|\bpuncture\w*\b|\b(nail|screw) in (my|the|a)\b|\btires? "
        r"(\w+ ){0,2}?"
        r"(los\w+|leak\w*|flat|low|going (flat|down))( air)?\b|\bpatch (my|a|the) tire\b|\bplug "
        r"(my|a) tire\b",
        ("tire_repair", "flat", "repair", "diagnos", "tire"),
    ),
    # Air and heat.
    (
        r"\bair ?con\w*\b|\ba ?/?c\b|\bacs\b|\b(blow\w*|blew) ((\w+ )?(warm|hot|lukewarm)|\w+ "
        r"cold)\b"
        r"|\b(isnt|not|wont)( \w+)? (cold|cooling)\b|\bfreon\b|\bno cold air\b|\b(warm|hot) air\b",
        ("ac_", "air_cond", "a_c", "climate"),
    ),
    (
        r"\b(no heat|heat is out|heater|heating|heat (doesnt|isnt|wont|not|is not)|defrost\w*"
        r"|blows cold)\b",
        ("diagnos", "repair"),
    ),
    # Starting.
    (
        r"\bcharging system\b|\bbatter(y|ies)\b|\b(hard|slow|trouble|difficult\w*) (to start"
        r"|starting)\b"
        r"|\b(wont|doesnt|will not|does not|didnt|not) (start|crank|turn over)(ing)?\b|\bclick\w*( "
        r"\w+){0,3}? "
        rf"when i {_KEY}\w*|\bwhen i {_KEY}\w*( \w+){{0,4}}? click\w*|\bjump ?start\w*|\bneed a "
        rf"jump\b"
        r"|\b(car|truck|it) (is|was) dead\b|\bcranks? slow\w*",
        ("batter", "diagnos"),
    ),
    # Leaks, noises, running badly.
    (r"\b(sun ?roof|window|door|trunk)s? (leaks?|leaking)\b", ("repair", "diagnos")),
    (
        r"\bleak\w*\b(( some| a little)? oil\b)?|\bdrip\w*( oil)?\b|\bpuddle\b|\bspot\w* (on|under"
        r"|in) (my|the) (driveway|garage|car)\b|\b(los|burn|us)\w+ oil\b",
        ("diagnos", "repair"),
    ),
    (
        r"\b(noises?|sounds? (like|weird|funny|strange|wrong|off)|(weird|funny|strange|odd|loud) "
        r"sound"
        r"|rattl\w*|clunk\w*|knock\w*|whin(e|es|ing)|humm?(s|ing)|click\w*|thump\w*|bang(s|ing)"
        r"|hiss\w*|vibrat\w*|shak(e|es|ing|y)|wobbl\w*|shudder\w*|shimm\w+)\b",
        ("diagnos", "inspection"),
    ),
    (
        r"\b(transmission|gearbox)\b|\b(slip\w*|jerk\w*|hard)( \w+){0,3}? (gears?|second|third"
        r"|shift\w*)\b|\b(wont|doesnt) shift\b|\bgear ?shift\b|\bclutch\b",
        ("transmission", "diagnos", "repair"),
    ),
    (
        r"\bstall(s|ed|ing)?\b|\bidl(e|es|ing)\b|\b(runs?|running|rides?) (rough|funny|hot|bad\w*"
        r"|weird)\b"
        r"|\bmisfir\w*|\bhesitat\w*|\b(los\w+|no) power\b|\boverheat\w*|\btemperature\b|\bsmok(e"
        r"|es|ing)\b"
        r"|\bburning\b|\bbad gas mileage\b|\bsputter\w*|\bjerk(s|ing)?\b|\bacting (up|funny"
        r"|weird)\b|\bsuspension\b|\bshocks?\b|\bstruts?\b|\bradiator\b|\bcoolant\b|\balternator\b"
        r"|\bstarter\b",
        ("coolant", "diagnos", "repair"),
    ),
    (
        rf"\b{_FITTINGS}( \w+){{0,2}}? {_BROKEN}\b|\b(broken|cracked|replace|fix|new)( "
        rf"\w+){{0,2}}? {_FITTINGS}\b|\b{_FITTINGS} repair\b",
        ("repair", "diagnos"),
    ),
    (r"\bwipers?( blades?)?\b", ("wiper",)),
    (r"\brecall\b", ("recall",)),
    # Inspections, and service by the mile.
    (
        r"\b(smog|emissions?|sticker|state inspection|inspection sticker|safety inspection|vehicle "
        r"inspection|registration inspection|inspection|inspected|pass inspection)\b",
        ("state_insp", "smog", "emission", "safety_insp", "multi", "vehicle_insp", "inspection"),
    ),
    (
        r"\b(\d{2,3} ?(000|k)|\d{2,3}000|(\w+ )?(thirty|sixty|ninety|forty|fifty|twenty|seventy"
        r"|eighty"
        r"|hundred)( \w+)? thousand|sixty k|thirty k|ninety k)( miles?)?( service| check ?up| "
        r"maintenance"
        r"| tune up)?\b|\bmile (service|check ?up|maintenance)\b|\b(major|big|full|mileage"
        r"|milestone) (service|check ?up|maintenance)\b|\btune ?up\b|\bspark plugs?\b",
        ("major", "mile", "maintenance", "scheduled", "tune", "diagnos"),
    ),
    # Oil, after all that is not its change.
    (
        r"\boil( (and|&) filter)?( change[sd]?| service)?\b|\b(chang\w*|replac\w*)( my| the| its)* "
        r"oil\b|\blube\b|\bfilter change\b|\bsynthetic\b",
        ("oil",),
    ),
    # Something, whatever it is.
    (
        r"\b(something|somethings|anything)( is| s)? (broken|wrong|off|loose|up)\b|\b(is|its|got) "
        r"(broken|busted)\b|\b(repair )?estimate\b|\bbroke\b(?! down)",
        ("repair", "diagnos"),
    ),
)
_COMPILED = tuple((re.compile(pattern), wanted) for pattern, wanted in _TABLE)

# What a recogniser on telephone audio makes of them.
_MISHEARD = (
    (
        ("oil change", "all change", "oil chain", "oils change", "boil change", "oil chance"),
        "oil change",
    ),
    (("tire rotation", "tyre rotation", "tired rotation", "tire location"), "tire rotation"),
    (("brake pads", "break pads", "brake pats", "brake bats"), "brake pads"),
    (("wheel alignment", "wheel a linement", "real alignment"), "wheel alignment"),
    (("brake inspection", "break inspection"), "brakes"),
    (("check engine light", "czech engine light", "check engine lite"), "check engine light"),
)
_PIECES = re.compile(
    r"[,.;!?]|\b(?:but|just|only|so)\b|\binstead\b(?! of)|\b(?=not (?:an?|the|my)\b)"
    r"|\b(?=(?:instead of|rather than|besides)\b)"
)
_UNWANTED = re.compile(
    r"\b(dont|do not|doesnt|does not|didnt|no longer) (\w+ )?(need|want|require|do|have)\b"
    r"|^(no(?! (heat|power|cold|ac|air)\b)|not|nope not|without|skip|forget|except|instead of"
    r"|rather than|besides|never ?mind|cancel|drop|no need for)\b"
)
_NO_SERVICE = re.compile(
    r"\b(take|have|need|want|catch|give me) a break\b|\b(lunch|coffee|spring|my) break\b"
    r"|\bbreak (down|time|it down)\b|\bbroke "
    r"down\b|\bthat makes no noise\b|\bbrake(s|d)? (down)\b"
)
_VAGUE = re.compile(
    r"\b(looked at|look at|check(ed)? (out|over|up)|check ?up|servic(e|ed|ing)|maintenance"
    r"|appointment"
    r"|something|work done|worked on|fix(ed)?|book|schedule|bring (it|my|her) in|come in)\b"
)


def services(text: str, codes: Sequence[str]) -> list[str]:
    """The service codes on offer that the caller speaks of, in the order they are spoken of; what
    they do not want ("not a tire rotation") is left out."""
    return list(dict.fromkeys(code for _, code, _ in _meant(text, tuple(codes)) if code))


def not_done_here(text: str, codes: Sequence[str]) -> str | None:
    """What is asked for that no code on offer stands for, in the caller's words ("four new
    tires"); None when there is nothing of the kind, or something else that can be done."""
    meant = _meant(text, tuple(codes))
    if not meant or any(code for _, code, _ in meant):
        return None
    return meant[0][2]


def is_vague(text: str) -> bool:
    """Whether some service is asked for, and must be asked about."""
    return _VAGUE.search(normalise(text)) is not None


@lru_cache(maxsize=2048)
def _meant(text: str, codes: tuple[str, ...]) -> list[tuple[int, str | None, str]]:
    """(place, code or None, words) of each kind of work that is spoken of."""
    heard = " ".join(filter(None, map(_wanted, _PIECES.split(text.lower().replace("a/c", "ac")))))
    heard = _NO_SERVICE.sub(" ", heard)
    for said, meant in _MISHEARD:
        for phrase in said:
            if contains_phrase(heard, phrase, _NEAR):
                heard = _put_right(heard, phrase, meant)
    found: list[tuple[int, str | None, str]] = []
    for code in codes:
        named = code.replace("_", " ")
        at = heard.find(named)
        if at >= 0 and re.search(rf"\b{re.escape(named)}\b", heard):
            found.append((at, code, named))
            heard = heard.replace(named, " " * len(named))
    for pattern, wanted in _COMPILED:
        for match in [*pattern.finditer(heard)]:
            if not match[0].strip():
                continue
            found.append((match.start(), _first_code(wanted, codes), match[0].strip()))
            heard = heard[: match.start()] + " " * len(match[0]) + heard[match.end() :]
    return sorted(_without_causes(found), key=lambda each: each[0])


def _wanted(piece: str) -> str:
    plain = normalise(piece)
    return "" if _UNWANTED.search(plain) else plain


def _put_right(heard: str, phrase: str, meant: str) -> str:
    """`heard` with what is like `phrase` written as it is meant."""
    words, length = heard.split(), len(phrase.split())
    for at in range(len(words) - length + 1):
        if contains_phrase(" ".join(words[at : at + length]), phrase, _NEAR):
            return " ".join([*words[:at], meant, *words[at + length :]])
    return heard


def _without_causes(
    found: list[tuple[int, str | None, str]],
) -> list[tuple[int, str | None, str]]:
    """Of a symptom and the general "diagnosis" for the same car, what is particular counts."""
    particular = [each for each in found if each[1] and "diagnos" not in each[1]]
    named = [each for each in found if each[2].startswith(("diagnos", "check engine"))]
    return [each for each in found if each in particular or each in named] if particular else found


def _first_code(wanted: Sequence[str], codes: Sequence[str]) -> str | None:
    return next((code for part in wanted for code in codes if part in code), None)
