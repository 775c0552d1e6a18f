"""Whether a caller agrees to what was asked, by what they say.

`agreement` judges the answer to a question that is acted upon ("Shall I book it?"): only what is
nothing but a yes is one. `yes_or_no` is for questions of which nothing hangs.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from sandbox.receptionist.understanding.words import normalise


class Answer(Enum):
    """What an answer to a question of consent comes to."""

    AGREES = auto()
    DECLINES = auto()
    WAITS = auto()
    """They want a moment."""
    CONDITION = auto()
    """Yes if, or not before something else."""
    ASKS = auto()
    OTHER = auto()
    """A correction, or nothing that is an answer."""


_THAT = r"(that|it|this|which|that one|this one|the time|the day|everything|all of that|all that)"
_IS = (
    r"( is|s| ll be| will be|ll be| would be|d be| sounds| works| looks| will| would|ll|d| does"
    r"| should)"
)
_GOOD = (
    r"(good|great|fine|perfect|perfectly|okay|ok|wonderful|excellent|right|correct|ideal|lovely"
    r"|awesome"
    r"|fantastic|all right|alright|cool|nice|super|exactly (right|it|what i \w+)|what i \w+( "
    r"\w+)?( for)?"
    r"|like a plan|no problem|not a problem|brilliant|terrific|amazing|the one|best|well|do|work"
    r"|suit me)"
)
_ACT = (
    r"(book|schedule|reserve|confirm|take|lock|do|make|set|get|put|sign|go with|go for|grab|move"
    r"|reschedule|change|switch)"
)
_ACTS = (
    rf"{_ACT}( me| us)?( it| that| this| them| the)?( one| appointment)?( in| up| down)?( please)?"
)
_AGREEING = re.compile(
    r"\b(?:"
    rf"(?:{_THAT}{_IS}( \w+ly| just| really| so| totally| very| pretty| all)*( {_GOOD})?"
    rf"|sounds {_GOOD}|looks {_GOOD}|works( just)?( fine| great| well| perfectly)?)(?=( for me| "
    rf"for us| with me| to me| by me| then|$| thanks| thank| go| book| yes| please| lets| do))"
    r"|no (problem|objections?|worries)( at all)?|not a problem( at all)?|why not|(i )?dont (see "
    r"why not"
    r"|mind( at all)?)|(i )?(cant|can hardly) (wait|complain)|couldnt be better|have no problem "
    r"with that|i have no problem with (that|it)"
    rf"|(please |just |and |you can |you may |lets |let us |can you |could you |would you |ill |i "
    rf"will |well |we will |i would |id like to |i want to |i wanna )*(go ahead( and)?|go for it"
    rf"|{_ACTS})( for me| for us| then)?"
    r"|id (like|love) that|i (do|confirm|agree|accept)( that| it)?|confirmed|agreed|affirmative"
    r"|amen"
    r"|(you )?(got it|bet|betcha)|ten four|roger( that)?|by all means|done deal|deal|its a deal"
    r"|for sure"
    r"|of course|sure( thing)?|absolutely|definitely|certainly|indeed|exactly|correct|right|perfect"
    r"|(very |all |sounds )?(good|well)( then)?|great|fantastic|wonderful|excellent|awesome|lovely"
    r"|cool"
    r"|fine( with me| by me)?|yes|yeah|yea|yep|yup|yas|ya|yah|yessir|uh huh|mhm|mm hmm|mmhmm|mm"
    r"|okay|ok|okey|"
    r"k|al{1,2} ?right(y)?|alrighty|it does|it is|please do|thats it|ill be there|keyed 1|if you "
    r"could|i am|happy with that|that one|one hundred percent|hundred percent|totally|no doubt|si"
    r")\b"
)
_FILLERS = re.compile(
    r"\b(?:um|uh|uhm|oh|well|ah|er|hm|so|then|and|just|really|very|much|thanks?|thank you|you|otto"
    r"|please"
    r"|for (me|us|now|that)|with (me|us)|to me|by me|my friend|sir|maam|dear|honey|now|i think|i "
    r"guess so|it"
    r"|that|the|appointment|in|at all|all|again|a lot|lot|a|bunch|time|great|man|buddy)\b"
)
_WAITS = re.compile(
    r"\b((?<!to )(?<!ill )(?<!will )wait(?! (for|there|here|in|at|while|until)\b)|hold on|hold up"
    r"|hang on|please hold|one (moment|second|sec|minute)|(just )?a (moment"
    r"|minute"
    r"|second|sec|min)|give me a|(a|one) (moment|second|minute) please|let me (think|check|see"
    r"|look|ask|"
    r"get|grab|find)|need (a|some) (minute|moment|time|second)|bear with me|not sure|i dont know"
    r"|im not sure|dunno|let me|think about it|thinking|hmm+ (let|i)|undecided)\b"
)
_CONDITION = re.compile(
    r"\b(if|unless|as long as|only|provided|depends|depending|maybe|probably|perhaps|possibly|once"
    r"|except|have to (ask|check|talk)|need to (ask|check|talk)|(must|should|gotta) (ask|check)|but"
    r"|assuming|might|until|before)\b"
)
_DECLINES = re.compile(
    r"\b(no|nope|nah|not|dont|doesnt|wont|wouldnt|cant|cannot|isnt|never|wrong|incorrect|false|stop"
    r"|forget (it|that|about)|never ?mind|changed my mind|scratch that|cancel (it|that)|rather not"
    r"|leave it|no way|uh uh|nuh uh|negative|neither|none|keyed 2)\b"
)
_ASKS = re.compile(
    r"^(and |but |so |okay |ok |yes |yeah |sure |sorry |wait |um |uh |well )*(what|which|who|whom"
    r"|where|when"
    r"|why|how|is|are|do|does|did|will|would i|can i|could i|may i|should i|can you|could you|can "
    r"we)\b"
    r"|\b(how much|how long|what about|how about|say (that|it) again|repeat|pardon|come again)\b"
    r"|^(sorry|huh|what|excuse me|good question)$|\bquestion\b"
)
_YES = re.compile(
    r"\b(yes|yeah|yea|yep|yup|yas|ya|sure|correct|absolutely|definitely|certainly|of course|okay|ok"
    r"|exactly|right|perfect|great|sounds (good|great|fine)|that works|works for me|fine|alright"
    r"|go ahead|please do|do it|book it|uh huh|mhm|mm hmm|why not|lets do (it|that)|go for it"
    r"|please"
    r"|that would be|ill take it|sounds|good|fantastic|affirmative|you bet|thatd be|id like that"
    r"|do that)\b"
)
_NO = re.compile(
    r"\b(no|nope|nah|not|dont|doesnt|cant|cannot|wont|wrong|incorrect|neither|never|none|false"
    r"|isnt|rather not|wait|actually|forget|stop)\b"
)
_NO_PROBLEM = re.compile(
    r"\b(no problem|not a problem|no worries|why not|not bad|cant wait|dont see why not|dont mind"
    r"|no (thats|that is) (fine|perfect|great|okay) (go|book|do)( ahead)?)\b"
)
_YES_THEN = re.compile(
    r"^no (thats|that is|its) (perfect|great|fine|okay|ok|good)( \w+)* (go ahead|book|do it)"
    r"|^no (thats|that is|its) (perfect|great|wonderful)"
)


_THINKS = re.compile(
    r"^(?:(?:um|uh|well|so|hm+|let me (?:think|see|check)|hold on|hang on|(?:one|just a) (?:sec"
    r"|second"
    r"|moment))(?: |$))+"
)
"""Thinking aloud, before the answer."""
_CANCELS = re.compile(
    r"\b(please )?(do )?cancel( it| that| the appointment| my appointment| both)?\b"
)


def yes_or_no(text: str) -> bool | None:
    """True, False, or None when it is neither or undecided. A no anywhere outweighs a yes."""
    heard = _NO_PROBLEM.sub("okay", normalise(text))
    if _NO.search(heard):
        return False
    return True if _YES.search(heard) else None


def agreement(text: str, to: str = "book") -> Answer:
    """What the answer to a question that will be acted upon comes to; `to` is what was asked
    ("cancel"), for "yes, cancel it" is no yes to a booking."""
    heard = normalise(text.replace("[Keyed 1.]", " yes ").replace("[Keyed 2.]", " no "))
    if not heard:
        return Answer.OTHER
    thought = _THINKS.sub("", heard)
    if thought != heard and _YES.search(re.sub(r"\b(please|okay|ok)\b", "", thought)):
        heard = thought
    if _YES_THEN.search(heard):
        heard = re.sub(r"^no ", "", heard)
    if to == "cancel":
        heard = _CANCELS.sub("yes", heard)
    rest, count = _AGREEING.subn(" ", heard)
    if count and not _FILLERS.sub(" ", rest).strip():
        return Answer.AGREES
    for pattern, answer in _OTHERWISE:
        if pattern.search(heard):
            return answer
    return Answer.OTHER


_OTHERWISE = (
    (_WAITS, Answer.WAITS),
    (_ASKS, Answer.ASKS),
    (_CONDITION, Answer.CONDITION),
    (_DECLINES, Answer.DECLINES),
)


def is_change_of_mind(text: str) -> bool:
    """Whether the caller takes something back ("actually", "instead", "no, wait")."""
    return bool(
        re.search(
            r"\b(actually|instead|rather|i mean|i meant|change|wait|different|another|other|sorry"
            r"|something else|make (it|that)|not (an?|the)|its for)\b",
            normalise(text),
        )
    )


def is_addition(text: str) -> bool:
    """Whether a further service is meant beside the first, not in its place."""
    return bool(
        re.search(
            r"\b(also|too|as well|and|plus|add|on top of|while (im|were|youre|its))\b",
            normalise(text),
        )
    )
