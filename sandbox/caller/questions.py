"""What a question of Otto's asks for. Pure tables over normalised text (words.normalise)."""

from __future__ import annotations

import re

from sandbox.caller.acts import DETAILS, Act
from sandbox.caller.vocabulary import MAKES
from sandbox.caller.words import MONTHS, Time

_OPENERS = (
    r"^(?:(?:okay|ok|great|perfect|thanks|thank you|sure|alright|all right|and|so|well|sorry|now"
    r"|good|got it|of course|no problem|hi|hello|then|or|first|next|lastly|just|to confirm)\b[, ]*"
    r"(?:[a-z]+ (?=(?:what|which|could|can|may|when)\b))?)*"
)
_ASKING = re.compile(
    _OPENERS + r"(?:what|which|when|who|how|where|why|is|are|am|do|does|did|can|could|may|might"
    r"|shall|should|would|will|have|has|please|tell|say|give|spell|let me have|let me get your"
    r"|go ahead|i will need|i ll need|i need|i would need|would you|may i)\b"
)
_WH = re.compile(r"\b(what|which|when|who|how|where)\b")
_REQUEST = re.compile(
    r"\b((can|could|may|might) (i|you|we)|would you (mind|tell|give|say|please)|please"
    r"|tell me|give me|i (will|ll|would|d)? ?need|let me (have|get)|go ahead|do you (have|know)"
    r"|i have your|spell|^(and )?(your|the)|what|which|when|who|how)\b"
)

# What a question asks for: the first row that fits decides. `True` marks a row that also fits a
# yes-or-no question ("do you have your VIN?"); the others need a wh-word or a request.
_QUESTIONS: tuple[tuple[Act, bool, re.Pattern[str]], ...] = (
    (
        Act.REPEAT,
        True,
        re.compile(
            r"\b((could|can|would|will) you (please )?(repeat|rephrase|say (that|it|this)|try)"
            r"|say (that|it) (again|once more)|once again|repeat (that|it|your)|come again|pardon"
            r"|one more time"
            r"|what was that)\b"
        ),
    ),
    (
        Act.STILL_THERE,
        True,
        re.compile(
            r"\b(still (there|here|with me|on the line)|are you there|can you hear me|anyone there"
            r"|are you on the line)\b"
        ),
    ),
    (
        Act.ANYTHING_ELSE,
        True,
        re.compile(
            r"\b(anything (else|more)|something else|any other (question|thing|way)|what else"
            r"|any more questions|else (that )?(i|we|you)\b|any questions)"
        ),
    ),
    (
        Act.GO_ON,
        True,
        re.compile(r"\b(shall|should|can) we (go on|continue|carry on|proceed)\b"),
    ),
    (
        Act.ASK_CHANGE,
        True,
        re.compile(
            r"\b((which|what) part (of|is|was)|what (is|s|was) (wrong|not right)|like to change"
            r"|change the (time|day|car|vehicle|service))\b"
        ),
    ),
    (
        Act.ASK_APPOINTMENT,
        True,
        re.compile(r"\bwhich (of (your|these|those|the) )?(appointment|visit|booking)s?\b"),
    ),
    (
        Act.OFFER_CODE,
        True,
        re.compile(r"\b(text|send)( you)?( a| the| you a)?( \w+)? (code|passcode)\b"),
    ),
    (
        Act.ASK_CODE,
        False,
        re.compile(
            r"(?<!area )(?<!zip )(?<!postal )(?<!confirmation )\bcode\b"
            r"|\bdigits (in|of|from) (the|that|your) (text|message)\b"
        ),
    ),
    (Act.OFFER_CALLBACK, True, re.compile(r"\b(call(s|ed|ing)? you back|(a|your) call ?back)\b")),
    (
        Act.OFFER_PERSON,
        True,
        re.compile(
            r"\b(would you like|do you want|shall i|should i|may i|can i|prefer)\b.*\b(speak|talk"
            r"|transfer|connect|put you|call you back|call back|advisor|someone|a person|human)"
        ),
    ),
    (
        Act.ASK_KNOWN,
        True,
        re.compile(
            r"\b(have you (been|visited|had|brought|used|ever)|are you (a|an) (existing|new"
            r"|current|returning)|existing customer|first time|been here before|have an account"
            r"|been with us)"
        ),
    ),
    (Act.ASK_ZIP, False, re.compile(r"\b(zip|postal|zip code|postal code)\b")),
    (Act.ASK_EMAIL, False, re.compile(r"\be ?mail\b")),
    (
        Act.ASK_MILEAGE,
        False,
        re.compile(r"\b(mileage|how many miles|odometer|number of miles)\b"),
    ),
    (
        Act.ASK_ARRIVAL,
        False,
        re.compile(
            r"\b(how late\b|how (many minutes|much later|long will you|soon (will|can) you)"
            r"|when (will|can|do|would) you (be here|arrive|get here|make it|expect to))"
        ),
    ),
    (
        Act.ASK_TRANSPORT,
        True,
        re.compile(
            r"\b(wait (here|for (it|the|your))|(will|would) you( like to)? wait\b|loaner|shuttle"
            r"|drop (it|the|your)( car| vehicle)? off|need a ride)"
        ),
    ),
    (
        Act.ASK_REASON,
        False,
        re.compile(r"\b(ask why|why (are|do|did|is|would)|the reason\b(?! for))"),
    ),
    (
        Act.ASK_BIRTH,
        True,
        re.compile(
            r"\b(date of birth|birth ?da(y|te)|day of birth|(were )?you born|d o b|birth)\b"
        ),
    ),
    (
        Act.ASK_VIN,
        True,
        re.compile(
            r"\b(vin|v i n|vehicle identification|identification number|last (6|six) ?(characters"
            r"|digits|letters)?)\b"
        ),
    ),
    (
        Act.ASK_NAME,
        False,
        re.compile(
            r"\b((first|last|full|your|family|given) name|name (please|and|for|on|is)|the name"
            r"|who am i|who is (this|calling)|who i m|spell (it|that|your)|your name s?)\b"
        ),
    ),
    (
        Act.ASK_PHONE,
        False,
        re.compile(
            r"\b((phone|telephone|mobile|cell|contact|callback|best|different|another|other)"
            r" ?number|(what|which) number|number (on|for|under|to|we|with|that)|phone)\b"
        ),
    ),
    (
        Act.ASK_VEHICLE,
        False,
        re.compile(
            r"\b(year|make and|and model|the model|what model|(what|which|kind of|type of|sort of"
            r") (car|vehicle|truck)s?\b|what (is|s) (the|your) (car|vehicle)"
            rf"|which ({'|'.join(sorted(MAKES))}) (is|do|model)"
            r"|are you driving|do you drive|driving|(about|of) (your|the) (car|vehicle))"
        ),
    ),
    (
        Act.ASK_TIME,
        True,
        re.compile(
            r"\b((what|which) (other )?(day|days|time|times|date|dates|week|part)|when (would|do"
            r"|can|could|are|should|is|will|did|were|works)|day (and|or) time|day in mind|in mind"
            r"|preference|prefer (mornings?|afternoons?|a|the morning)|morning or (an |the |in"
            r" the )?afternoon|mornings or afternoons|how soon"
            r"|(a|any|another|different|other) "
            r"(particular |specific |different |other )?(day|date|time)"
            r"|(preferred|best) (day|time|date))\b"
        ),
    ),
    (
        Act.ASK_SERVICE,
        True,
        re.compile(
            r"\b((what|which|kind of|type of|sort of) (kind of |type of |sort of )?(service|work"
            r"|maintenance|job|repair)s?|what (would|do|does|did) (you|your|it|the|we)\b.*"
            r"\b(like|need|done|want|have|do)|what (is|s|are|seems) .*(wrong|problem|issue|about"
            r"|need)|bring(s|ing)? you|(looking|want|need|like) to (have )?(done|get done)"
            r"|have done|(how|what) (can|may|could|should|else can) (i|we)\b.*\b(help|do|assist"
            r"|get)|what can i|help you (with|today)|assist you|what .* (need|looking for)"
            r"|service appointment|which would you like$|reason for|come in for|appointment for)\b"
        ),
    ),
    (Act.ASK_NAME, False, re.compile(r"\bname\b(?! (a|the|another) )")),
)
CHOICE = re.compile(
    r"\b(which|any of|one of|works?|would you (like|prefer)|do you (want|prefer)|suit|how about"
    r"|what about|good for you|prefer|better|interested|or would|okay for you|want one)\b"
)
_READ_BACK = re.compile(
    r"\b((shall|should|can|may) i (go ahead|book|put|schedule|reserve|confirm|make|lock|set)"
    r"|(is|was|does|would) (that|this|it) (right|correct|okay|ok|all right|alright|sound|look"
    r"|good)|(right|correct|okay)$|confirm|do i have that|did i (get|hear)"
    r"|you (said|want|would like)"
    r"|(would|do) you (like|want) (me|us) to|go ahead|book (it|that|this)|sound (good|right"
    r"|okay))\b"
)
_COURTESY = re.compile(r"^(please (hold|wait|stay|bear|do not)|have a|will be|do not|may you)\b")
"""Begins like a question or a request, and wants no answer."""


_DOUBTED: tuple[tuple[Act, re.Pattern[str]], ...] = tuple(
    (act, re.compile(rf"\b(not sure|did not|not (quite )?(get|catch|hear)).*\b({said})\b"))
    for act, said in (
        (Act.ASK_BIRTH, "date of birth|birthday"),
        (Act.ASK_VIN, "vin"),
        (Act.ASK_EMAIL, "e ?mail( address)?"),
        (Act.ASK_MILEAGE, "mileage"),
        (Act.ASK_NAME, "name"),
        (Act.ASK_VEHICLE, "car|vehicle"),
        (Act.ASK_PHONE, "number"),
    )
)


def doubted(plain: str) -> Act | None:
    """What Otto says that it may have misheard: that is what the question behind it is about."""
    return next((act for act, words in _DOUBTED if words.search(plain)), None)


def has_it_at_hand(plain: str) -> bool:
    """Whether it is asked if the caller has what was just spoken of with them."""
    return bool(re.search(r"\bdo you have (it|that|one)\b", plain))


def is_question(sentence: str, plain: str) -> bool:
    """Whether a sentence wants an answer; `plain` is its normalised text."""
    return sentence.rstrip().endswith("?") or (
        bool(_ASKING.search(plain)) and not _COURTESY.search(plain)
    )


def asks_for(plain: str, here: tuple[Time, ...], before: tuple[Time, ...]) -> list[Act]:
    """What a question asks for: one act, or several when it asks for several things."""
    wanted = bool(_WH.search(plain) or _REQUEST.search(plain))
    fitting = [
        act
        for act, yes_or_no, pattern in _QUESTIONS
        if (wanted or yes_or_no) and pattern.search(plain)
    ]
    if fitting and fitting[0] in _SOLE:
        return fitting[:1]
    if _VALUE.search(plain) and (_YES_OR_NO.search(plain) or _READ_BACK.search(plain)):
        return [Act.CONFIRM]
    if fitting and fitting[0] in _SOLE_UNLESS_READ_BACK and not _READ_BACK.search(plain):
        return fitting[:1]
    if here and _READ_BACK.search(plain) and len(here) == 1 and not re.search(r"\bwhich\b", plain):
        return [Act.CONFIRM]
    if (here or before) and CHOICE.search(plain) and not (set(fitting) & DETAILS):
        only_asks_day = Act.ASK_TIME in fitting and not here and not _ANY_OF.search(plain)
        if not only_asks_day or (before and re.search(r"\bwhich\b", plain)):
            return [Act.OFFER]
    if here and len(here) > 1 and not (set(fitting) & DETAILS):
        return [Act.OFFER]
    yes_or_no = bool(_YES_OR_NO.search(plain)) and not _HAVE_OR_KNOW.search(plain)
    if yes_or_no and not (fitting and fitting[0] in _OPEN_EVEN_SO):
        return [Act.CONFIRM]
    details = [act for act in fitting if act in DETAILS]
    if details:
        # "Your date of birth, or the last six of the VIN": one of them is enough.
        if {Act.ASK_BIRTH, Act.ASK_VIN} <= set(details):
            details.remove(Act.ASK_VIN)
        if Act.ASK_BIRTH in details and not re.search(r"\b(make|model)\b", plain):
            details = [act for act in details if act is not Act.ASK_VEHICLE]
        if Act.ASK_VIN in details and Act.ASK_VEHICLE in details:
            details.remove(Act.ASK_VEHICLE if "last" in plain else Act.ASK_VIN)
        return details
    if fitting:
        return fitting[:1]
    return [Act.CONFIRM if _READ_BACK.search(plain) or here else Act.UNKNOWN_QUESTION]


_SOLE = frozenset(
    {Act.REPEAT, Act.STILL_THERE, Act.ANYTHING_ELSE, Act.ASK_KNOWN, Act.GO_ON, Act.ASK_CHANGE}
    | {Act.OFFER_PERSON, Act.OFFER_CALLBACK, Act.OFFER_CODE, Act.ASK_CODE, Act.ASK_APPOINTMENT}
)
_SOLE_UNLESS_READ_BACK = frozenset({Act.ASK_TRANSPORT, Act.ASK_REASON, Act.ASK_ARRIVAL})
_VALUE = re.compile(
    rf"\b({'|'.join(MONTHS)}) \d{{1,2}} (\d{{4}}|\d\d \d\d)\b|(?:\d ?){{7,}}|\bis \d{{5}}\b"
)
"""A date of birth, a number: asked with it, a question is whether it is right."""
_OPEN_EVEN_SO = frozenset({Act.ASK_BIRTH, Act.ASK_VIN, Act.ASK_TIME, Act.ASK_SERVICE})
_ANY_OF = re.compile(r"\b(any of|one of|which of|those|these|them|either)\b")
_HAVE_OR_KNOW = re.compile(r"\bdo you (have|know|remember)\b")
_YES_OR_NO = re.compile(
    _OPENERS + r"(is|are|am|was|do|does|did|shall i|should i|would you like (me|us|to)|would that"
    r"|can i (go|book|put|confirm)|may i (go|book|confirm)|have i|did i)\b"
)
