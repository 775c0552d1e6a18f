"""Whether a sentence of the caller's breaks off: "I need to", "on the", "maybe next". Pure.

A recogniser's pause says nothing of that, and the last word alone says too little: "on" ends "my
check engine light is on" and begins "I have an appointment on". So the last words are judged with
what stands before them, by a few rules of English grammar: what a determiner or a conjunction
announces has to come; a preposition may be the last word of a question or of a relative clause
("somebody I can talk to"), and of a verb that is made with it ("bring it in").
"""

from __future__ import annotations

import re
from typing import Final

_HESITATION: Final = frozenset("um uh uhm er erm hmm hm mm well so like".split())
_ANNOUNCING: Final = frozenset(
    # Determiners and possessives; "her" and "this" can stand for themselves.
    "the a an my your their our its every each another new next last "
    # Conjunctions, and what begins a clause.
    "and but or because cause if whether since unless although though while than whose "
    # Subjects with their verb.
    "it's i'm i'll we'll i'd we'd i've we've he's she's they're they'll there's that's you're "
    "i we he they".split()
)
"""Something has to follow these."""
_BEFORE_SUBJECT: Final = frozenset("and than can do did does is are was were".split())
_COPULAS: Final = frozenset("is are was were am be been".split())
_SUBJECTS: Final = frozenset("it that he she they this there i we you those these".split())
_PREPOSITIONS: Final = frozenset(
    "to on at for in about by with of from into onto under after before until till around near "
    "between through as during toward towards without per".split()
)
_PARTICLES: Final = frozenset("on in off out up down over back by through around".split())
"""Also the second half of a verb: "come in", "drop it off"."""
_OBJECTS: Final = frozenset("it them her him that this one everything car truck".split())
_BROUGHT: Final = re.compile(
    r"\b(?:bring|brings|bringing|brought|drop|dropping|take|taking|took|put|putting|get|getting"
    r"|have"
    r"|having|turn|turning|turned|send|tow|towed|check|checked|look|pick|fit|squeeze|leave|left"
    r"|call"
    r"|pull|let|move|sign|set|write|schedule|book)\b(?: \w+){0,4}$"
)
_WENT_ON: Final = frozenset(
    "came comes coming go goes going went turn turns turned turning stay stays stayed staying hold "
    "hang is are was were keep keeps kept move light lights carry stop stops drop driving "
    "put".split()
)
"""Before "on", "in", "by": a verb made with it."""
_WENT: Final = frozenset("come coming stop swing pull be later now".split())
_WILL_NOT_COME: Final = re.compile(
    r"\b(?:won't|doesn't|does not|will not|didn't|did not|not|don't) (?:\w+ )?(?:come|turn|go)$"
)
_STRANDS: Final = re.compile(
    r"\b(?:what|which|who|whom|where|whose|how|when|why|somebody|someone|anybody|anyone|person"
    r"|people|everything|nothing|thing|things|looked|something|one|place|number|all)\b"
    r"|\b\w+'s car\b"
)
"""Behind one of these a preposition may be the last word."""
_OPEN_QUESTION: Final = re.compile(
    r"\b(?:tell me|know|wondering|wonder|see|ask|find out|figure out|sure|say|check)"
    r" (?:how (?:much|long|many|soon|far|often)|what|when|where|who|which|why|how|if|what time)$"
)
_TO_BE_DONE: Final = re.compile(
    r"\b(?:can|could|may|shall|should|would|will|might)(?: you| i| we)?"
    r"(?: (?:also|maybe|just|please|possibly))*"
    r"(?: (?:do|make|get|have|book|schedule|say|try|give|tell|take|put|add|also|please|just"
    r"|bring))?$"
)
_NOT_TO_BE_DONE: Final = re.compile(
    r"\b(?:yes|yeah|no|sure|if|as soon as|what|that|when) (?:you|i|we) \w+$"
)
_LACKING: Final = re.compile(
    r"\b(?:i|we|you|they) (?:just |really |also |still )*(?:need|want|have|got|would like|can do"
    r"|would love|was hoping|was wondering|am wondering|were wondering|was thinking|think|guess)$"
    r"|\b(?:i'd|we'd) (?:like|love|prefer)$|\b(?:do you|you|you guys|is there|are there"
    r"|don't) (?:have |got )?(?:anything|any|something|some)$"
    r"|\b(?:no|and|just|please|can you|could you|let's|to|yes|okay|yeah|actually|then)? ?"
    r"(?:make|change|move|switch) (?:it|that)$"
    r"|\b(?:my|the) (?:first |last |phone |cell )?(?:name|number|email|vin|address) (?:is|was)?$"
    r"|\b(?:kind|sort|type|lot|couple|bit|part) of$|\b(?:a|one|another|some) more$"
    r"|\b(?:i'm|i am|we're|he's|she's|it's|they're) (?:looking|calling|trying|hoping|going"
    r"|wondering|interested|thinking)(?: to| about| of| if| for| in)?$"
    r"|\b(?:started|starting|starts|trying|tried|supposed|due|ready|happens|seems|able|about) to$"
    r"|\b(?:instead|because|out|ahead|front|top) of$|\b(?:but|and|or) (?:also|then|maybe|not)$"
    r"|(?<!week )(?<!month )(?<!day )(?<!morrow )\bsometime$|\b(?:how|what) about$"
    r"|\bexcept(?: for)?$"
    r"|\bany(?:thing| day| time)? but$|\barea code$|\bspelled$|\b(?:first|last|maiden) name$"
    r"|\b(?:thing|problem|question|issue|deal|reason) is$|\b(?:an?|my|the|it's a|have a|got a"
    r"|drive a) (?:19|20)\d\d$"
)
_CANNOT_MAKE_IT: Final = re.compile(
    r"\b(?:can't|cannot|can not|won't|not|unable to|didn't|couldn't|able to|going to|gonna|will"
    r"|i'll)"
    r" (?:be able to |going to )?make (?:it|that)$|\b(?:i|we|he|she|they) (?:can|could|might)"
    r" make (?:it|that)$"
)
_HEDGE: Final = re.compile(r"[,.] i (?:think|guess|believe|suppose)\W*$")
_BEFORE_HEDGE: Final = _HESITATION | {"yes", "yeah", "no", "okay", "and", "but", "hi", "hello"}
_KNOWN_TO: Final = re.compile(
    r"(?:\bdo (?:i|we|you) (?:really )?(?:have|need|want) to"
    r"|\b(?:if|when|whenever|what|whatever|don't|didn't|doesn't|as|than|because|yes|yeah|where"
    r"|how)\b"
    r".*\b(?:want|need|have|like|able|going|used|try|get|supposed|wanted|had) to"
    r"|\b(?:love|happy|glad|listened|talked|spoke|speak|talk|do|it|like it) (?:used )?to"
    r"|\b(?:it|they|he|she|there) (?:never |always )?used to)$"
)
_TIME: Final = re.compile(
    r"\b(?:let me(?: just| go)? (?:think|see|check|look|find|get|grab|pull|ask|write|read|go)"
    r"|hang on|hold on|bear with me|(?:one|just a|just one|a|give me a|wait a|half a)"
    r" (?:sec|second|moment|minute|min)|hold on a (?:sec|second|minute)|one more thing"
    r"|(?:i have |just )?(?:a |one )?(?:quick |another |other )?question"
    r"|(?:i have|i need|i'll have|i've got|need|gotta|got) to (?:go )?(?:get|find|look|grab|check)"
    r"(?: for)?(?: (?:it|that|them))?(?: up)?"
    r"|^(?:okay |oh |yes |no |um |please )*wait|let's see|stand by)"
    r"(?: (?:please|here|now|it|it up|that|that up|for it|my \w+|the \w+"
    r"|my calendar|at my \w+|with \w+ \w+|in my \w+|on my \w+|okay|so|real quick|um|uh))*$"
)
_ALONE: Final = frozenset("actually also basically anyway so".split())
"""Last of two words at most: more is coming."""
_GREETING: Final = re.compile(
    r"^(?:(?:hi|hello|hey|yes|yeah|yo|um|uh|okay|good (?:morning|afternoon|evening|day)|there|otto"
    r"|sir|ma'am|how are you(?: doing)?(?: today)?|how's it going|i'm (?:good|fine|doing well)"
    r"|(?:my name is|this is|it's|i'm)(?: \w+){1,3}?(?: calling| here| speaking)?|thanks"
    r"|thank you|and|well|so)(?: |$))+$"
)

_TOLD: Final = re.compile(r"\b(?:said|says|told me|told us|heard) that$")
"""At the start of a call, the beginning of a story."""


def breaks_off(words: list[str], text: str, *, opening: bool = False) -> bool:
    """Whether the turn stops where a sentence cannot, or asks for time.

    `words` are those of `text`, in lower case and at least one; `opening`: a wish is waited for,
    and a greeting is none.
    """
    said = " ".join(words)
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if text.rstrip().endswith(("…", "...", "-")) or last in _HESITATION:
        return not (last in {"so", "like", "well"} and _closes(before, last))
    if (
        _TIME.search(said)
        or (last in _ALONE and len(words) < 3)
        or (opening and (_GREETING.match(said) or _TOLD.search(said)))
    ):
        return True
    if _CANNOT_MAKE_IT.search(said) or _hedges(words, text):
        return False
    if last in _ANNOUNCING or last == "also":
        return not (last in {"i", "we", "they", "he"} and before in _BEFORE_SUBJECT)
    if _OPEN_QUESTION.search(said):
        return True
    if lacking := _LACKING.search(said):
        # "What days do you have", "it's my wife's car I'm calling about" lack nothing.
        return not _STRANDS.search(said[: lacking.start()])
    if last in _COPULAS:
        return before not in _SUBJECTS and not _STRANDS.search(said)
    if last in _PREPOSITIONS:
        return len(words) > 1 and _preposition_is_open(words, said)
    if _TO_BE_DONE.search(said):
        return not _NOT_TO_BE_DONE.search(said) and len(words) > 1
    return False


def _hedges(words: list[str], text: str) -> bool:
    """Whether "I think" stands behind all of it: "two thousand fifteen, I think"."""
    return bool(_HEDGE.search(text.lower())) and not _BEFORE_HEDGE.issuperset(words[:-2])


def _closes(before: str, last: str) -> bool:
    if last == "so":
        return before in {"think", "hope", "guess", "believe", "say", "suppose"}
    if last == "well":
        return before in {
            "as",
            "very",
            "works",
            "doing",
            "sounds",
            "pretty",
            "run",
            "work",
            "that's",
        }
    return before in {"you", "what", "look", "looks", "it", "feel"}


def _preposition_is_open(words: list[str], said: str) -> bool:
    last, before = words[-1], words[-2]
    up_to = " ".join(words[:-1])
    if last == "to":
        stranded = _STRANDS.search(up_to) and before in {
            "talk",
            "speak",
            "talking",
            "go",
            "take",
            "listen",
        }
        return not (_KNOWN_TO.search(said) or stranded)
    if last in _PARTICLES:
        if last == "on" and before == "come":
            return not _WILL_NOT_COME.search(up_to)
        if before in _PARTICLES and before != "back":
            return True  # "come in on"
        if before in _WENT_ON or before in _WENT:
            return False
        if _BROUGHT.search(up_to) and (before in _OBJECTS or last not in {"on", "by"}):
            return False
    return not _STRANDS.search(up_to)
