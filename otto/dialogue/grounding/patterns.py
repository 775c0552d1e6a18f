"""How what Otto claims is put into English: what `claims` looks for, mostly in small letters."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from otto.language.date_words import MONTHS, ORDINALS, WEEKDAYS


class Kind(StrEnum):
    """What is claimed. The value is what the model is told about it."""

    PRICE = "a price"
    HOURS = "opening hours"
    OPENING = "a time that is free or booked"
    BOOKED = "that something is booked"
    MOVED = "that an appointment is moved"
    CANCELLED = "that an appointment is cancelled"
    TEXTED = "that a text message is sent"
    CODE = "a confirmation code"
    NUMBER = "a telephone number"
    PROMISE = "a discount, a guarantee or something for free"
    SAFE = "that a car is safe to drive"
    HUMAN = "that you are a person"


SENTENCE: Final = re.compile(r"[^.!?;]*(?:\.(?=\S)[^.!?;]*)*[.!?;]*")
ASKED: Final = re.compile(r"\?\s*$")
CONDITIONAL: Final = re.compile(
    r"\b(?:once|after|if|when|whenever|before|until|unless|as soon as|whether|would|could|should"
    r"|shall|may|might|can i|let me|i'll|i will|i'd|to have|want|wants|like to|going to|about to"
    r"|trying to|try to)\b"
)
PLEASANTRY: Final = re.compile(
    r"^(?:(?:no problem|no worries|not at all|no trouble|don't worry|not to worry|never mind|no"
    r"|nope|unfortunately|sorry|i'm sorry|oh|okay|sure)\b[,.!: ]+)+"
)
"""What denies nothing of what follows it."""
CLAUSE: Final = re.compile(
    r"\s*(?:,?\s*\b(?:but|however|although|though|instead)\b"
    r"|,\s+(?:so|and)\s+(?=(?:i|we|you|it|your|that|the)\b)|[;:—–]\s)\s*",
    re.IGNORECASE,
)
DENIED: Final = re.compile(
    r"\b(?:not|no|never|none|nothing|neither|nor|cannot|without|unable|unfortunately)\b|n't\b"
)

AMOUNT: Final = re.compile(
    r"\$\s?(\d[\d,]*(?:\.\d{1,2})?)|\b(\d[\d,]*(?:\.\d{1,2})?)\s?(?:dollars|bucks)\b"
)
ABOUT: Final = re.compile(
    r"\b(?:about|around|roughly|approximately|almost|nearly|just (?:under|over)|some)\b[^$]{0,12}$"
)
DOLLAR_WORDS: Final = re.compile(r"((?:[a-z]+[ -]){1,6})(?:dollars|bucks)\b")

FREE: Final = re.compile(
    r"\b(?:i|we)(?:'ve| have| can (?:do|offer|give|get)|'ve got| have got)\b"
    r"|\bthere(?:'s| is| are)\b|\bavailab|\bopenings?\b|\bis (?:open|free)\b|\bfree\b|\bslots?\b"
    r"|\bhow about\b|\bsqueeze\b|\bfit you in\b|\bget you in\b|\bput you (?:in|down)\b|\bpencil"
)
ECHO: Final = re.compile(
    r"\b(?:you(?:'d| would) (?:like|prefer|rather)|you (?:want|said|asked|mentioned)|you were "
    r"hoping|so you)\b"
)
"""What the caller is told back of their own wish."""
STANDS: Final = re.compile(
    r"\b(?:appointment|booking|visit)s?\b|\b(?:book|booked|confirmed|scheduled"
    r"|reserved|moved|rescheduled|all set for)\b|\b(?:see|expect) you\b|\bit for\b"
    r"|\bmove it\b|\bcome in\b"
)
HOURS: Final = re.compile(r"\b(?:hours|open|close|closes|closed|opens|runs?|until|through)\b")

SUBJECT: Final = (
    r"(?:it|that|this|everything|you|your (?:\w+ ){0,6}\w+|the (?:\w+ ){0,6}\w+|both|all)"
)
IS: Final = (
    r"(?:'s|'re| is| are| has been| have been| was| were)(?: (?:now|all|already|just|both))*"
)
I_HAVE: Final = r"\b(?:i|we)(?:'ve| have)?(?: just| now| already| gone ahead and| went ahead and)*"


def _done(verbs: str, *more: str) -> re.Pattern[str]:
    """A thing done, by anybody: "it's booked", "I've just booked", or one of `more`."""
    own = rf"\b{SUBJECT}{IS} {verbs}\b|{I_HAVE} {verbs}\b(?! (?:that|you want))"
    return re.compile("|".join([own, *more]))


DONE: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    (
        Kind.BOOKED,
        _done(
            r"(?:booked|scheduled|reserved|confirmed|set up|locked in|in the book)",
            r"\byou(?:'re| are)(?: now)? (?:all set for|all booked|confirmed|locked in)\b",
            r"\b(?:see|expect) you (?:on|at|then|tomorrow|this|next|in the|bright)\b",
            r"^(?:all |great,? |okay,? |perfect,? )*(?:booked|done)[.!]",
            r"\bbooking (?:is )?(?:complete|confirmed|successful)\b",
        ),
    ),
    (Kind.MOVED, _done(r"(?:moved|rescheduled|changed to|pushed|switched to)")),
    (Kind.CANCELLED, _done(r"(?:cancell?ed|taken off|removed from the book)")),
    (
        Kind.TEXTED,
        re.compile(
            r"\btext(?: message)?(?: \w+){0,4} (?:is|are) (?:on (?:its|the) way|coming"
            r"|being sent)\b"
            r"|\btext(?: message)?(?: \w+){0,4} (?:has been|was|have been) sent\b"
            r"|\b(?:i|we)(?:'ve| have)?(?: just)? (?:texted|sent)\b"
            r"|\byou(?:'ll| will)(?: also| soon)? (?:get|receive|have) (?:a|the|another) "
            r"(?:\w+ )?text\b"
        ),
    ),
)  # fmt: skip

CALLS_BACK: Final = re.compile(
    r"\b(?:somebody|someone|they|we|an? (?:advisor|person|colleague|manager|technician|service "
    r"advisor)|the (?:desk|team|service desk|manager))(?:'ll| will) (?:call|phone|ring) you\b"
    r"|\b(?:have|ask) (?:somebody|someone|them|an? \w+(?: \w+)?) (?:to )?(?:call|phone|ring) you\b"
    r"|\byou(?:'ll| will) (?:get|receive) a (?:call|callback)\b|\bcall you (?:right )?back\b"
)
"""That somebody will call, as a promise or an offer."""

CODE: Final = re.compile(
    r"\b(?:confirmation|code|reference)(?:\s+(?:code|number))?"
    r"(?:\s+(?:is|still|will be|now|was))*[\s:,]+"
    r"((?:[A-Z0-9][\s,-]*){4,8})(?![a-z])"
)
NUMBER: Final = re.compile(r"(?<![\w$])\+?(?:\d[\s().-]*){7,15}(?!\w)")
PROMISE: Final = re.compile(
    r"\b(for free|free of charge|at no (?:charge|cost)|no charge|no cost|complimentary|on the house"
    r"|discount(?:ed)?|half (?:off|price)|\w+ ?(?:%|percent) off|\$\s?\d+ off|guaranteed?|i promise"
    r"|we promise|waived?|refund(?:ed)?|lifetime|warranty (?:will )?covers?|covered (?:by|under)"
    r"|won't cost|costs? nothing|price match)\b"
)
SAFE: Final = re.compile(
    r"\b(?:safe|fine|okay|ok|alright|all right) to (?:keep )?(?:driv\w+|go on driving"
    r"|take (?:it )?on)"
    r"|\byou (?:can|could|may) (?:\w+ )?(?:keep|still|safely|go on|continue) (?:to )?driv\w+"
    r"|\b(?:isn't|not|nothing) (?:dangerous|a danger|a safety|to worry)\b|\bno (?:danger|risk)\b"
    r"|\bdrive it (?:safely|carefully|slowly|home|in)\b"
)
UNSAFE: Final = re.compile(
    r"\b(?:not|isn't|n't|never|whether|if|cannot|unsafe|before)\b[^.]{0,60}\bdriv"
    r"|\b(?:can't|cannot) (?:say|tell|judge)"
)
HUMAN: Final = re.compile(
    r"\bi(?:'m| am)(?: (?:a|an|actually|really|just|indeed))* (?:real |actual |live |living )?"
    r"(?:human|person|man|woman|human being)\b"
    r"|\bi(?:'m| am) not (?:a |an )?(?:robot|bot|machine|ai|computer)\b"
)

DATE: Final = re.compile(rf"\b({'|'.join(MONTHS[1:])}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b")
WEEKDAY: Final = re.compile(rf"\b({'|'.join(WEEKDAYS)})\b")
SPOKEN_ORDINAL: Final = re.compile(
    rf"\b({'|'.join(MONTHS[1:])}) (?:the )?(twenty|thirty)?[ -]?({'|'.join(ORDINALS)})\b"
)
