"""What callers say when a call ends: courtesy, which stops nothing, and second thoughts. Pure.

Over "I'll connect you now" people say "thank you so much", "okay, I'll hold", "bye": if Otto
stopped for that, they would be alone on the line. "Wait, one more thing" stops it, and so does "no,
I don't want a person".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Parting(StrEnum):
    """How the call is about to end."""

    GOODBYE = "goodbye"
    PERSON = "person"


MOST_WORDS: Final = 30
"""Nobody is polite for longer: whoever says more has something to say."""

_DAY: Final = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_GOOD: Final = r"(?:good|great|nice|lovely|wonderful|fantastic|blessed|pleasant|safe|better|super)"
_TIME: Final = (
    r"(?:day|one|evening|night|afternoon|morning|weekend|week|time|holiday|thanksgiving|christmas"
    r"|rest of (?:your|the) (?:day|week|evening|afternoon))"
)
_SOON: Final = (
    r"(?:(?:then|soon|later|tomorrow|there|tonight|again|in a bit"
    rf"|(?:on |next |this )?(?:{_DAY}|week|time|month))\b ?)"
)
_HELP: Final = r"(?:help|time|patience|assistance|service|call|trouble|information|info)"
_PRAISE: Final = (
    r"(?:great|good|perfect|wonderful|awesome|excellent|fantastic|fine|lovely|amazing|nice|super"
    r"|brilliant|cool|terrific|helpful|kind|sweet)"
)

_BOTH: Final = (
    # Backchannel and glue.
    r"mhm|mm|mmhmm|hmm|hm|uh|um|huh|uhhuh|ah|oh|aw|okay|ok|okey dokey|right|sure|alright|all right",
    r"yep|gotcha|got it|i see|understood|and|so|well|then|now|again|too|also|otto|sir|ma'am|dear",
    r"friend|buddy|honey|hello|hi",
    # Thanks.
    r"(?:many |a lot of )?(?:thank|thanks)(?: you| ya)?(?: (?:again|kindly|indeed|very|so|much"
    r"|a (?:lot|bunch|ton|million)|a whole lot|bunches))*"
    rf"(?: for (?:everything|that|this|calling|(?:all )?(?:your|the|of your) {_HELP}"
    r"|(?:all )?(?:helping|assisting)(?: me)?(?: out)?|your help and (?:time|patience)))?",
    r"(?:i )?(?:really |so |very much |do |just )*appreciate (?:it|that|this|you|your "
    rf"{_HELP}|the {_HELP}|all your {_HELP})(?: (?:so|very) much| a lot)?",
    r"much (?:appreciated|obliged)|i'm (?:so |very )?(?:grateful|thankful)|gracias|muchas gracias",
    rf"(?:that's|that is|that'd be|that would be|that was|this is|it's|it was|sounds|that sounds)"
    rf" (?:so |very |really |just |all )?{_PRAISE}(?: of you)?",
    rf"you(?:'re| are|'ve been| have been| were)(?: so| very| really| too)* (?:welcome|{_PRAISE})",
    rf"(?:very |really |so |just )?{_PRAISE}(?: job| work)?|very well|of course|absolutely"
    r"|definitely|certainly|exactly|cheers|no (?:problem|worries|rush|hurry)|will do|likewise"
    r"|my pleasure|take your time",
    # Goodbyes.
    r"(?:good ?)?bye(?: (?:bye|now|for now))*|so long|farewell|take care(?: of yourself)?|ciao"
    r"|adios|cheerio|god bless(?: you)?|stay safe|drive safe|peace",
    rf"(?:you |and you |you all |y'all )?have (?:a |yourself a |an )?(?:very |really )?"
    rf"{_GOOD}?(?: {_TIME})(?: as well| ahead)?",
    rf"(?:happy|merry|enjoy) (?:your |the )?(?:rest of your )?{_TIME}",
    r"good (?:night|day|evening|afternoon|morning)|(?:and )?(?:the )?same to you(?: too)?"
    r"|(?:and )?(?:you|yourself)(?: (?:too|as well|also))|(?:and )?you (?:too|do the same)",
    rf"(?:i'll |i will |we'll )?(?:see|talk to|speak to|catch|call) (?:you|ya|y'all)(?: {_SOON})?"
    rf"|(?:talk|speak|see you)(?: to you)? {_SOON}|until {_SOON}",
    r"that's (?:all|it|everything)(?: (?:i need(?:ed)?|for (?:now|today)|from me))?",
)
"""Said to whoever takes leave, however."""

_TO_A_PERSON: Final = (
    r"yes|yeah|yup|ya|please|yes please|that works|do that|let's do that|go ahead",
    r"(?:(?:i'll|i will|i can|i'm|i am|happy to|i don't mind|will) (?:be )?"
    r"(?:hold|holding|wait|waiting|stay|here|right here|ready|standing by|stand by)"
    r"|holding|waiting)(?: (?:on|the line|on the line|for (?:them|him|her|it)))*",
    r"(?:to |with )?(?:a|the) (?:person|human|representative|agent|operator|service desk|desk)",
)
"""Said to "I'll connect you": it agrees."""

_TO_A_GOODBYE: Final = (
    r"no|nope|nah|yes|yeah|yup|please|not (?:right now|now|today)|nothing(?: else)?",
    r"(?:i'm|i am|we're|i think i'm|we are) (?:all |just )?(?:good|set|done|fine|okay|ok)",
    r"(?:i|we)(?:'ll| will) be there",
)
"""Said to a goodbye: nothing else is wanted."""

_ANSWERS: Final = frozenset("no nope nah yes yeah yup please hello hi".split())
"""Nothing but these is an answer, or asks whether anybody is there."""


def _compiled(phrases: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(f"(?:{phrase}) ") for phrase in phrases)


_PHRASES: Final = {
    Parting.PERSON: _compiled((*_BOTH, *_TO_A_PERSON)),
    Parting.GOODBYE: _compiled((*_BOTH, *_TO_A_GOODBYE)),
}
_BEGINNINGS: Final = frozenset(
    "thank thanks you so very much a have good great nice see talk to i'll i will really"
    " appreciate it that's that for your the and okay take god you're".split()
)
"""Words of which courtesy is begun, as far as interim results have come."""

_GOES: Final = re.compile(
    r"\b(?:i'll|i will|let me|i'm going to|i am going to|i'm|i am)(?: now| just| gladly| happily)?"
    r" (?:connect|connecting|transfer|transferring|put|putting) you\b"
)
_BYE: Final = re.compile(r"\b(?:good ?bye|have a (?:great|good|nice|wonderful|lovely) \w+)\b")

_PERSON: Final = (
    r"(?:(?:real|live|actual) )?(?:person|human|people|somebody|someone|anybody|anyone|agent"
    r"|operator|representative|desk|transfer)"
)
_REFUSED: Final = re.compile(
    r"\b(?:do not|don't|didn't|no longer|not|without)(?: really| actually)?(?: want| need)?"
    r"(?: to)?(?: (?:be|get|talk|speak|wait|hold))*(?: (?:connected|transferred|put through))?"
    rf"(?: (?:to|with|for))?(?: (?:a|an|the|any|another))? {_PERSON}\b"
    r"|\b(?:do not|don't|no longer) (?:want|need) to (?:wait|hold|be (?:connected|transferred))\b"
    r"|\b(?:do not|don't|not|stop) (?:connect|transfer|put|connecting|transferring)\b"
    rf"|\bno {_PERSON}\b|\b(?:stay|rather talk|rather speak|keep talking) with you\b"
    r"|\brather (?:book|do|have) (?:it |that )?(?:here|with you)\b"
)
_DECLINED: Final = re.compile(
    r"\b(?:never ?mind|forget (?:it|about it|that)|no need|no (?:thanks|thank you)|don't bother"
    r"|cancel (?:that|it)|(?:do not|don't|no longer) (?:want|need) (?:it|one|that|this|them))\b"
)
"""Means the person only where Otto has just spoken of one."""
_LEAVE: Final = re.compile(
    r"\b(?:good ?bye|bye|that's (?:all|it|everything)|that is (?:all|it)|nothing else"
    r"|i'm (?:all )?(?:good|set|done)|i've got to go|i have to go|i gotta go|i'll call back)\b"
)
_NO: Final = re.compile(r"^(?:(?:oh|um|uh|well|actually) )*(?:no|nope|nah)\b")
_ELSE: Final = re.compile(r"\b(?:anything|something|what) else\b|\bhelp you further\b")
_ABOUT_A_PERSON: Final = re.compile(
    r"\b(?:person|human|somebody|someone|connect|transfer|desk|representative|agent"
    r"|put you through)"
)


def plain(text: str) -> str:
    """The words of `text`, lower case, one space between them and one behind; "" without any."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    return "".join(f"{word} " for word in words)


def is_courtesy(text: str, parting: Parting, *, is_final: bool = True) -> bool:
    """Whether `text`, said while Otto takes leave, is no reason to stay.

    Of interim words it is enough that courtesy may begin like that.
    """
    said = plain(text)
    words = said.split()
    if not words or len(words) > MOST_WORDS:
        return False
    if parting is Parting.GOODBYE and _ANSWERS.issuperset(words):
        return False
    if not is_final and _BEGINNINGS.issuperset(words):
        return True
    reached = {0}
    for at in range(len(said)):
        if at in reached:
            reached.update(
                found.end() for phrase in _PHRASES[parting] if (found := phrase.match(said, at))
            )
    return len(said) in reached


def announced(said: str) -> Parting | None:
    """How Otto says, with these words, that the call ends now; None when it does not."""
    if asks(said):
        return None
    words = plain(said)
    if _GOES.search(words):
        return Parting.PERSON
    return Parting.GOODBYE if _BYE.search(words) else None


def withdraws(text: str, asked: str) -> bool:
    """Whether the caller, by `text`, does without the person they were promised, or takes leave;
    `asked` is what Otto said before."""
    words = plain(text)
    if _REFUSED.search(words) or _LEAVE.search(words):
        return True
    about = plain(asked)
    if asks(asked) and _NO.search(words) and (_ELSE.search(about) or _ABOUT_A_PERSON.search(about)):
        return True
    return bool(_ABOUT_A_PERSON.search(about) and _DECLINED.search(words))


def asks(said: str) -> bool:
    """Whether the last sentence is a question, so that there is something to answer."""
    return said.rstrip(" \"')”’").endswith("?")
