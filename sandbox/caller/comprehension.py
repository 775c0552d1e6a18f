"""What the caller understands of Otto's words: text in, acts and offered times out. Pure.

The text is what a recogniser made of telephone audio, or Otto's sentences as they are spoken
("nine A M"), so numbers are read in words and digits, and near misses of the words that matter
are mended first. Nothing here knows one fixed sentence; it knows what a question asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sandbox.caller.words import Time, normalise, times_in


class Act(StrEnum):
    """What Otto does with a sentence."""

    REPEAT = "repeat"
    STILL_THERE = "still_there"
    ANYTHING_ELSE = "anything_else"
    OFFER = "offer"
    OFFER_PERSON = "offer_person"
    OFFER_CALLBACK = "offer_callback"
    OTHER_DAY = "other_day"
    ASK_KNOWN = "ask_known"
    ASK_NAME = "ask_name"
    ASK_PHONE = "ask_phone"
    ASK_BIRTH = "ask_birth"
    ASK_VIN = "ask_vin"
    ASK_VEHICLE = "ask_vehicle"
    ASK_TIME = "ask_time"
    ASK_SERVICE = "ask_service"
    CONFIRM = "confirm"
    UNKNOWN_QUESTION = "unknown_question"
    # Statements: nothing is asked.
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    VISIT = "visit"
    """An appointment that is in the book is told."""
    WORK = "work"
    """How far the workshop is with the caller's car is told."""
    TRANSFER = "transfer"
    GOODBYE = "goodbye"
    HOLD = "hold"
    STATEMENT = "statement"


DETAILS = frozenset({Act.ASK_NAME, Act.ASK_PHONE, Act.ASK_BIRTH, Act.ASK_VIN, Act.ASK_VEHICLE})
"""What a caller is asked about themselves; several may be asked at once."""
STATEMENTS = frozenset(
    {Act.BOOKED, Act.MOVED, Act.CANCELLED, Act.VISIT, Act.WORK}
    | {Act.TRANSFER, Act.GOODBYE, Act.HOLD, Act.STATEMENT}
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn of Otto's, understood. `acts` are in the order spoken; `times` likewise."""

    text: str
    acts: tuple[Act, ...]
    times: tuple[Time, ...] = ()

    @property
    def asks(self) -> tuple[Act, ...]:
        """The acts that want an answer."""
        return tuple(act for act in self.acts if act not in STATEMENTS)


# --- Acts -----------------------------------------------------------------------------------

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
            r"|say (that|it) again|repeat (that|it|your)|come again|pardon|one more time"
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
_CHOICE = re.compile(
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
_BOOKED = re.compile(
    r"\b((you|i|it|that|appointment|change|oil|service|everything|all|vehicle|car|we) ?"
    r"(\w+ ){0,6}?(booked|scheduled|confirmed|reserved|set up)|you (are|re) (all )?set"
    r"|(you re|you are|your) (all )?(book|schedule) (for|on|in)"
    r"|see you (on|then|at|there|soon)|confirmation (number|code)|look forward to seeing)\b"
)
_NOT_BOOKED = re.compile(
    r"\b((not|nothing|no) (\w+ )?(yet )?(be |been |is )?(booked|book|confirmed)|can not|could not"
    r"|unable|already|just been|fully|is taken|was taken|get (that|it|you|this) (booked|scheduled)"
    r"|to be booked|once"
    r"|before|if )\b"
)
_DONE: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (
        Act.MOVED,
        re.compile(r"\b(is|was|are|been|have|s|re) (now |just )?(moved|rescheduled|changed)\b"),
    ),
    (Act.CANCELLED, re.compile(r"\b(is|was|been|have|s) (now |just )?cancell?ed\b")),
    (
        Act.WORK,
        re.compile(
            r"\b((is|are|s) (now )?(ready|finished|done)|working on|waiting for (parts|your)"
            r"|its turn is|been picked up|pick it up)\b"
        ),
    ),
)
_VISIT = re.compile(r"\b(you have|you ve got|your next|appointments? (is|are))\b")
_TRANSFER = re.compile(
    r"\b(transfer(ring)? (you|your|the|this)|connect(ing)? you|put(ting)? you through|hand(ing)?"
    r" you|(get|bring|find) (you )?(someone|somebody|a person|an advisor|a colleague)"
    r"|(someone|an advisor|a colleague|a person) will (be|help|take|pick|speak))\b"
)
_GOODBYE = re.compile(
    r"\b(good ?bye|bye|bye bye|take care|have a (really )?(great|good|nice|wonderful|lovely"
    r"|pleasant|safe)( \w+)?( day| one| evening| afternoon| morning| rest| weekend)?)\b"
)
_HOLD = re.compile(
    r"\b(one (moment|second|sec)|just a (moment|second|sec|minute)|(1|a) (moment|second)|hold on"
    r"|let me (just )?(check|look|see|pull|find|take|get that|book|verify)|bear with|give me a"
    r"|checking|looking (that|it|into|up|for)|please hold|while i)\b"
)


_COURTESY = re.compile(r"^(please (hold|wait|stay|bear)|have a|will be|do not|may you)\b")
"""Begins like a question or a request, and wants no answer."""


UNINTELLIGIBLE = "(unintelligible)"
"""What an ear writes for speech it could not make out."""


def understand(text: str) -> Heard:
    """What a turn of Otto's says and asks. Never raises; nonsense is a statement.

    A turn of which nothing was intelligible is a question that was not understood.
    """
    if UNINTELLIGIBLE in text:
        text = " ".join(text.replace(UNINTELLIGIBLE, " ").split())
        if not text:
            return Heard("", (Act.UNKNOWN_QUESTION,))
    acts: list[Act] = []
    times: list[Time] = []
    last_times: tuple[Time, ...] = ()
    for sentence in _sentences(text):
        plain = normalise(sentence)
        if not plain:
            continue
        here = times_in(plain)
        times += here
        question = sentence.rstrip().endswith("?") or (
            bool(_ASKING.search(plain)) and not _COURTESY.search(plain)
        )
        if question:
            asked = _asked(plain, here, last_times)
            if Act.ANYTHING_ELSE in asked and _is_booked(plain):
                # A recogniser's comma: "You're booked for Tuesday, anything else?"
                acts.append(Act.BOOKED)
            acts += asked
        else:
            acts += _stated(plain, has_times=bool(here))
            if here and _CHOICE.search(plain) and acts[-1] is Act.STATEMENT:
                acts[-1] = Act.OFFER
        last_times = here or last_times
    if any(act not in STATEMENTS and act is not Act.UNKNOWN_QUESTION for act in acts):
        # "Which day? Tomorrow, for example?": what was understood is answered.
        acts = [act for act in acts if act is not Act.UNKNOWN_QUESTION]
    return Heard(text, tuple(dict.fromkeys(acts)), tuple(dict.fromkeys(times)))


_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun|Nov|Dec|Jan"


def _sentences(text: str) -> list[str]:
    # The points of "a.m." end no sentence, unless another begins behind them.
    text = re.sub(rf"(?<![^\W\d])([AaPp])\.\s?[Mm]\.(?=\s+(?!{_DAYS})[A-Z])", r"\1M.", text)
    text = re.sub(r"(?<![^\W\d])([AaPp])\.\s?[Mm]\.", r"\1M", text)
    # Nor does the pause in "at 7. 30 AM", which a recogniser heard in two pieces.
    text = re.sub(r"(?<=\d)[.,]\s+(?=[0-5]\d\s?[AaPp]\.?\s?[Mm]\b)", " ", text)
    return [piece for piece in re.split(r"(?<=[.!?])\s+", text.strip()) if piece]


def _asked(plain: str, here: tuple[Time, ...], before: tuple[Time, ...]) -> list[Act]:
    """What a question asks for: one act, or several when it asks for several things."""
    wanted = bool(_WH.search(plain) or _REQUEST.search(plain))
    fitting = [
        act
        for act, yes_or_no, pattern in _QUESTIONS
        if (wanted or yes_or_no) and pattern.search(plain)
    ]
    if fitting and fitting[0] in _SOLE:
        return fitting[:1]
    if here and _READ_BACK.search(plain) and len(here) == 1 and not re.search(r"\bwhich\b", plain):
        return [Act.CONFIRM]
    if (here or before) and _CHOICE.search(plain) and not (set(fitting) & DETAILS):
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
    {Act.REPEAT, Act.STILL_THERE, Act.ANYTHING_ELSE, Act.ASK_KNOWN}
    | {Act.OFFER_PERSON, Act.OFFER_CALLBACK}
)
_OPEN_EVEN_SO = frozenset({Act.ASK_BIRTH, Act.ASK_VIN, Act.ASK_TIME, Act.ASK_SERVICE})
_ANY_OF = re.compile(r"\b(any of|one of|which of|those|these|them|either)\b")
_HAVE_OR_KNOW = re.compile(r"\bdo you (have|know|remember)\b")
_YES_OR_NO = re.compile(
    _OPENERS + r"(is|are|am|was|do|does|did|shall i|should i|would you like (me|us|to)|would that"
    r"|can i (go|book|put|confirm)|may i (go|book|confirm)|have i|did i)\b"
)


def _is_booked(plain: str) -> bool:
    return bool(_BOOKED.search(plain)) and not _NOT_BOOKED.search(plain)


def _stated(plain: str, *, has_times: bool) -> list[Act]:
    """What a sentence that asks nothing says; `has_times`: it names one."""
    if re.search(r"\b(not (quite )?(catch|hear|understand|get) (that|it|you|what))\b", plain):
        return [Act.REPEAT]
    said: list[Act] = []
    if _is_booked(plain):
        said.append(Act.BOOKED)
    if not re.search(r"\b(not|unable|no)\b", plain):
        said += [act for act, pattern in _DONE if pattern.search(plain)]
    if has_times and _VISIT.search(plain):
        said.append(Act.VISIT)
    if _TRANSFER.search(plain) and not re.search(r"\b(not|unable)\b", plain):
        said.append(Act.TRANSFER)
    if _GOODBYE.search(plain):
        said.append(Act.GOODBYE)
    if not said:
        said.append(Act.HOLD if _HOLD.search(plain) else Act.STATEMENT)
    return said
