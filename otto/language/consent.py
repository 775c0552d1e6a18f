"""Whether an answer to "Shall I book it?" agrees: judged by its meaning, and never guessed.

An answer agrees when *all* of it does: it is eaten up, phrase by phrase, by what agrees, by
courtesy, and by what repeats the thing that was read back. Whatever is left over is something the
caller wants to say, so nothing is done and they are asked. "No, that's fine, go ahead" agrees;
"yes, but at ten" does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, Literal


class Answer(StrEnum):
    """What an answer to a question for consent comes to. Only `AGREES` allows anything."""

    AGREES = "agrees"
    DECLINES = "declines"
    CORRECTS = "corrects"
    """Something else is wanted: another time, car or service."""
    CONDITION = "condition"
    """They agree to something only if, or only after, something else."""
    ASKS = "asks"
    """They want to know something first."""
    WAITS = "waits"
    """They need time."""
    UNCLEAR = "unclear"
    """Anything else, silence among it."""


MOST_WORDS: Final = 40
"""Who says more than this has something to say."""

_FINE: Final = (
    r"(?:great|good|fine|perfect|wonderful|awesome|excellent|fantastic|lovely|amazing|super|superb"
    r"|brilliant|cool|terrific|sweet|marvelous|ideal|okay|ok|alright|all right|correct|right|nice"
    r"|fabulous|dandy|neat|acceptable|splendid|beautiful|best|agreeable|swell|outstanding)"
)
_TEPID: Final = r"(?:fine|okay|ok|alright|all right|good|cool)"
"""After "no" these may as well refuse."""
_VERY: Final = (
    r"(?:(?:so|very|really|just|absolutely|totally|perfectly|pretty|quite|exactly|all) )*"
)
_WELL: Final = r"(?: (?:just )?(?:fine|great|well|nicely|perfectly|good|wonderfully|out))*"
_ME: Final = r"(?: (?:for|with|by|to) (?:me|us|my schedule|both of us|all of us))?"
_IT: Final = (
    r"(?:it|that|that one|this|this one|this time|that time|the appointment|the slot|the time)"
)
_ITS: Final = (
    r"(?:that's|that is|it's|it is|that'd be|that would be|it would be|it'd be|that'll be"
    r"|that will be|this is|this would be|it'll be|that should be|that all|all|everything"
    r"|looks|sounds|that sounds|that looks|it all|it sounds|it looks|that seems"
    r"|everything's|everything is|all of that is|all of it's|all that's|and that's)"
)
_WILL: Final = r"(?:'ll| will|'d| would| should| does| can|s)?"

_VERBS: Final = {
    "book": r"book|schedule|reserve|take|grab|keep|make|lock in|set up|put in|write down|pencil in"
    r"|save|hold|enter|lock|set|write|pencil",
    "move": r"move|change|reschedule|switch|make|book|take|update|push",
    "cancel": r"cancel|drop|delete|remove|call off|take off",
}
"""What the question was about, and the words in which it may be told to be done."""


def _agreement(verbs: str) -> tuple[str, ...]:
    """Phrases that agree, in lower case, contractions of "not" written out."""
    do = rf"(?:{verbs}|do|confirm|submit|process|finalize)"
    return (
        # Yes in all its forms.
        r"(?:oh |hell |heck )?(?:yes|yeah|yea|yep|yup|yah|ya|yessir|yessum|yass|ye|aye)"
        r"(?: (?:actually|indeed|it (?:is|does)|ma'am|sir|please))?|si|oui|uh huh|uhhuh|mhm|mm hmm"
        r"|mm hm|mmhm|mmhmm|mhmm|you bet|you betcha|indeed|affirmative|roger(?: that)?|ten four"
        r"|amen|k|kay|okay|ok|okey dokey|okie dokie|okey doke|okie doke|alright|all right|alrighty"
        r"|righty ho|righto|right|right on|bingo|true|(?:it's a )?deal|done(?: deal)?|agreed"
        r"|approved|confirmed|confirm|accepted|accept|granted|hooray|yay|hallelujah|yessiree",
        r"(?:oh |hell |heck |why |yes )?(?:sure|certainly|definitely|absolutely|totally|of course"
        r"|for sure|by all means|surely|naturally|without a doubt|no doubt|no question"
        r"|undoubtedly|gladly|with pleasure|positively|most definitely|most certainly|obviously"
        r"|clearly|exactly|precisely)(?: (?:thing|do|does|is|will))?",
        rf"(?:{_ITS} )?{_VERY}{_FINE}{_ME}",
        r"very (?:good|well)|sounds like a plan|sounds about right"
        r"|that's (?:exactly |just )?(?:it|the one|me|a plan"
        r"|a go|a deal|a yes|a date|settled|what i (?:want|wanted|said|need|needed|asked for"
        r"|was hoping(?: for)?|had in mind|like))|it's a (?:date|deal|plan|yes|go)|i'll be there"
        r"|good to go|we're on|i'm (?:in|game|sure|positive|happy|ready|on board)|perfecto|bueno"
        r"|claro|it (?:is|does)|i (?:do|am|did|will|would|can)|you (?:do|may|can|got it"
        r"|got that right|have my (?:permission|okay|blessing)|are (?:correct|right))"
        r"|you're (?:right|correct)|good enough|close enough|even better",
        rf"(?:that|it|this|that one|this one|this time|that time){_WILL}"
        rf" (?:just )?(?:work|works|suit|suits|fit|fits|do|do it|does it|does the trick"
        rf"|do the trick|be (?:just )?{_FINE}|is (?:just )?{_FINE}|is the one"
        rf"|is what i want(?:ed)?){_WELL}{_ME}",
        r"works(?: (?:great|well|fine|perfectly|good))?(?: (?:for|with) (?:me|us))?|suits (?:me|us)"
        r"(?: (?:fine|well|down to the ground))?",
        rf"(?:i|we)(?:'d| would| do| will|'ll)? (?:really )?(?:take|like|love|appreciate|want"
        rf"|need|have|enjoy) {_IT}",
        rf"(?:i|we)(?:'d| would| do| will|'ll)? (?:confirm|accept|agree|approve)(?: {_IT})?"
        rf"|(?:i|we)(?:'d| would|'ll) (?:take|love) {_IT}|(?:i'll|we'll|let's|i will) go with {_IT}"
        r"|(?:i|we)(?:'d| would) (?:love|like) (?:to|you to)",
        rf"(?:(?:go (?:right |on )?ahead|go on|proceed|carry on|please|let's|let us"
        rf"|you can|you may|i'd like you to|i want you to|could you|can you|would you|will you"
        rf"|just|and|then|do|i'd like to|i want to|we can|we should|you could|let's"
        rf" just|i'll|feel free to) )*(?:and )?{do}(?: (?:me|us))?(?: {_IT})"
        rf"(?: (?:in|down|up|for me|for us|right away|now|then|happen|so|official|please))*",
        r"(?:please )?(?:go (?:right |on )?ahead|go for it|go on|go|proceed|carry on|make it so"
        r"|make it happen|sign (?:me|us) up|put (?:me|us) (?:down|in)|pencil (?:me|us) in"
        r"|get (?:me|us) in|book (?:me|us|away)(?: in)?|lock (?:me|us|it|that) in"
        r"|schedule (?:me|us)|count me in|write (?:me|it|us) down|set (?:it|me|that) up|fire away"
        r"|knock yourself out|be my guest|bring it on|do so|please do|full speed ahead"
        rf"|let's go(?: (?:with|for) {_IT})?|let's roll|nail it down|run with it|you do that)"
        rf"(?: with {_IT})?"
        if verbs is not _VERBS["cancel"]
        else rf"(?:please )?(?:go (?:right |on )?ahead|go for it|go on|proceed|please do|do so"
        rf"|let's)(?: (?:with {_IT}|and cancel))?|(?:please |just )*cancel",
        rf"(?:(?:go (?:right )?ahead and|please|let's|just|yes) )+(?:{verbs})"
        r"|(?:that |it |everything )?should (?:be (?:just )?(?:fine|okay|ok|good)|work|do)"
        r"|i (?:guess|suppose|believe|think) so|(?:a |one |100 )?(?:hundred )?percent|positive"
        r"|see you then"
        r"|(?:that|this|the) (?:day|time|date|one|slot|hour|price|car|service) (?:works|is good|is"
        r" fine|is great|is perfect|is right|is correct|is okay|is ok|suits me)(?: for (?:me|us))?",
        r"no (?:other |more |further )?(?:changes|corrections|edits|adjustments)(?: needed)?"
        r"|nothing (?:else )?(?:to|needs) (?:change|changing|correct|correcting|fix|add)"
        if verbs is not _VERBS["cancel"]
        else r"i'm sure",
        rf"no need to (?:ask|change (?:it|anything))|i'm (?:okay|fine|good|happy|cool|on board"
        rf"|down) with {_IT}|{_FINE} (?:with|by|for) (?:me|us)|(?:i'm )?happy (?:to|with"
        rf" (?:it|that))",
        # No that means yes.
        rf"(?:no|nope|nah)(?: no)? (?:that's|it's|that is|it is|that'll be|that will be"
        rf"|that would be|everything's) {_VERY}(?!{_TEPID}\b){_FINE}{_ME}|(?:no|nope|nah)"
        rf" (?:that|it) (?:works|sounds {_FINE}){_ME}|no (?:go|please go)(?: right)? ahead",
        r"(?:that's |it's |it is |that is |there's |it is not |that is not )?(?:no|not a|never a)"
        r" (?:problem|trouble|issue|bother|objections?|complaints?|hassle)(?: (?:at all"
        r"|whatsoever|here|from me|with (?:me|that|it)|for me|there))*",
        r"(?:i )?(?:do not|have no|can not) (?:see|have|think of)?(?: (?:any|a|no))? ?"
        r"(?:why not|reason (?:why )?not(?: to)?|problems?(?: with (?:it|that))?|objections?"
        r"(?: to (?:it|that))?|complaints?|issues?(?: with (?:it|that))?)|why not|why would not i"
        r"|what's not to like|i do not mind(?: (?:it|that|at all))*|could not be better"
        r"|(?:i )?can not (?:wait|complain|be beat|go wrong)|i could not be happier"
        r"|nothing wrong with (?:that|it)|not bad(?: at all)?|could not ask for better"
        r"|(?:i )?would not change a thing|i would not say no|will not say no",
    )


_COURTESY: Final = (
    r"thank you|thanks|thank ya|thankyou|please|kindly|very much|so much|a lot|a bunch|a million"
    r"|again|otto|sir|ma'am|mam|miss|man|dude|buddy|friend|dear|honey|bro|oh|ah|um|uh|er|erm|hm|hmm"
    r"|huh|well|so|then|and|also|too|now|there|here|gosh|wow|yay|great job|i appreciate (?:it|that"
    r"|you|your help)|appreciate (?:it|that|you)|you're (?:welcome|great|the best|awesome|so kind"
    r"|very kind|a lifesaver)|see you (?:then|there|soon)|for (?:me|us|now|today)|with me|to me"
    r"|i think|you know|thanks again"
    r"|if you (?:would|could|will|can|please|do not mind|may|like|want|wish)|as (?:well|planned"
    r"|discussed|stated|is|you said)|right away|at all|in fact|actually yes|in that case|anyway"
    r"|(?:god ?)?dam(?:n|mit|n it)|goddammit|for (?:god's|christ's|heaven's|pete's) sake"
    r"|jesus(?: christ)?"
    r"|what the (?:hell|heck)|hell|heck|crap|bloody|freaking|shit|fuck(?:ing)?(?: hell| yes)?"
    r"|god bless(?: you)?|have a (?:good|nice|great) (?:day|one)|bye(?: bye)?|goodbye|hello|hi"
    r"|exactly|completely|really|just|my friend|that|it|is|was|everything|everything you said"
    r"|i was hoping you'd say that|that was (?:easy|quick|fast)|what a relief|finally",
)
"""Says nothing about the thing itself; alone it is no consent."""

_TEPID_NO: Final = re.compile(
    rf"(?:no|nope|nah)(?: no)? (?:that's|it's|that is|it is) {_VERY}{_TEPID}(?= |$)"
)
"""Means no or yes: what is said behind it decides."""

_THINKS: Final = re.compile(
    r"let me (?:think|see|check|look)(?: (?:about (?:it|that)|now|here))?|let's see|hold on|hang on"
    r"|(?:one|just a|a) (?:sec|second|moment|minute)|give me a (?:sec|second|moment|minute)"
)
"""Thinking aloud: whoever goes on to agree has thought."""

_DECLINES: Final = re.compile(
    r"\b(?:no|nope|nah|naw|no way|negative|never|never mind|nevermind"
    r"|forget (?:it|that|about it)"
    r"|cancel (?:that|it|this|everything)|do not (?:book|do|want|need|like|think so|schedule"
    r"|make|bother|take|feel|change|move|cancel)"
    r"|(?:not|not be) (?:now|today|yet|interested|really|good|okay"
    r"|for me|right|correct|going to)|wrong|incorrect|false|absolutely not|definitely not"
    r"|of course not|certainly not|leave it|drop it|skip it|scratch that|stop|i decline|i pass"
    r"|pass|rather not|will not (?:work|do)|does not (?:work|suit)|can not (?:do|make|come)"
    r"|changed my mind|i refuse|no thank)\b"
)
_CORRECTS: Final = re.compile(
    r"\b(?:change|make (?:it|that)|instead|rather|i (?:said|meant|mean|asked)|not that|another"
    r"|different|other (?:day|time|car|one)|later|earlier|sooner|switch|move|push|actually"
    r"|how about|what about|only (?:the|at|on)|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|tomorrow|today|tonight|next week|next month|morning|afternoon|evening|noon|o'clock"
    r"|[ap]m|add|also (?:the|a|an|need|want|rotate|check)|instead of|too (?:early|late|soon)"
    r"|prefer|better (?:if|for))\b"
)
_CONDITION: Final = re.compile(
    r"\b(?:if|unless|as long as|so long as|provided|assuming|only (?:if|when|after)|once i|after i"
    r"|until|depends|depending|but|except|first|have to ask|need to ask|check with|ask my|let me"
    r" ask|talk to my|have to (?:check|talk|see)|need to (?:check|talk|see)|might|maybe|perhaps"
    r"|probably|possibly)\b"
)
_WAITS: Final = re.compile(
    r"\b(?:hold|wait(?! (?:there|here|in|while|for (?:it|the)))|hang on"
    r"|one (?:moment|second|sec|minute|min)|(?:a|give me a|just a) (?:moment"
    r"|second|sec|minute|min)|let me (?:think|see|check|look|get|find|grab)|give me|bear with"
    r"|not sure|do not know|i'm thinking|think about|not certain|i'll think|need (?:a|some|more)"
    r" (?:time|moment|minute)|stand by|pause)\b"
)
_ASKS: Final = re.compile(
    r"\?|^(?:so |and |but |okay |well |sorry |um )*(?:what|how|when|where|which|who|why|whose"
    r"|can(?! not)|could|would|do(?! not)|does|is|are|will|did|was|am|should|may) "
    r"|\b(?:question|repeat|say (?:that|it) again|tell me|pardon|excuse me|come again|what's"
    r"|how much|how long|can i|could i|can you|could you|do you|do i|is there|is it|is that"
    r"|will it|speak to|talk to (?:a|some))\b"
)

_GOES_ON: Final = re.compile(
    r"^(?:okay|ok|well|yes|yeah|sure|alright|all right|right|fine) so$| (?:and|but|or|because)$"
    r"|^yeah right$"
)
"""Behind which something is still to come; and what is meant as the opposite."""

_CONTRACTIONS: Final = (
    (re.compile(r"\bcannot\b|\bcan't\b|\bcant\b"), "can not"),
    (re.compile(r"\bwon't\b|\bwont\b"), "will not"),
    (
        re.compile(
            r"\b(do|does|did|is|are|was|were|would|must|need|could|should|have|has|had)n'?t\b"
        ),
        r"\1 not",
    ),
    (re.compile(r"\b(?:gonna)\b"), "going to"),
    (re.compile(r"\bwanna\b"), "want to"),
    (re.compile(r"\blemme\b"), "let me"),
    (re.compile(r"\b(that|it|this|you)ll\b"), r"\1'll"),
    (re.compile(r"\bthats\b"), "that's"),
    (re.compile(r"\blets\b"), "let's"),
    (re.compile(r"\bim\b"), "i'm"),
)


def _compiled(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(f'(?:{phrase})' for phrase in phrases)})(?= |$)")


_AGREEMENT: Final = {about: _compiled(_agreement(verbs)) for about, verbs in _VERBS.items()}
_POLITENESS: Final = _compiled(_COURTESY)


About = Literal["book", "move", "cancel"]


def judge(text: str, about: About = "book", read_back: Iterable[str] = ()) -> Answer:
    """What `text`, as a recogniser writes it, says to "Shall I book (move, cancel) it?".

    `read_back` are the ways in which what was read back may be repeated ("tuesday", "oil change",
    "7:30 am"); nothing else beside consent and courtesy agrees.
    """
    plain = _plain(text)
    is_short = 0 < len(plain.split()) <= MOST_WORDS
    if plain == "please":
        return Answer.AGREES
    if (
        is_short
        and not _GOES_ON.search(plain)
        and _agrees(plain, _AGREEMENT[about], _restated(read_back))
    ):
        return Answer.AGREES
    return _why_not(plain, text)


def _agrees(plain: str, agreement: re.Pattern[str], restated: re.Pattern[str] | None) -> bool:
    """Whether the words can be divided so that each agrees, is polite or repeats, one agreeing."""
    # By position: whether what is left from there on, after something that agreed or not, agrees.
    starts = [0, *(match.end() for match in re.finditer(" ", plain))]
    reached = {(0, False)}
    for at in starts:
        for agreed in (False, True):
            if (at, agreed) not in reached:
                continue
            for end, agrees in _pieces(plain, at, agreement, restated):
                reached.add((end + 1, agreed if agrees is None else agrees))
    return (len(plain) + 1, True) in reached


def _pieces(
    plain: str, at: int, agreement: re.Pattern[str], restated: re.Pattern[str] | None
) -> Iterator[tuple[int, bool | None]]:
    """Where the phrases end that can begin at `at`, and whether they agree, leave that to what
    follows, or say nothing of it (None)."""
    ends = [match.end() for match in re.finditer(r"(?= )|$", plain) if match.end() > at]
    for end in ends[:MOST_WORDS]:
        piece = plain[at:end]
        if agreement.fullmatch(piece):
            yield end, True
        elif _TEPID_NO.fullmatch(piece) or _THINKS.fullmatch(piece):
            yield end, False  # what is said behind it decides
        elif _POLITENESS.fullmatch(piece) or (restated and restated.fullmatch(piece)):
            yield end, None


def _why_not(plain: str, text: str) -> Answer:
    if not plain:
        return Answer.UNCLEAR
    if plain.startswith(("do not", "can not", "i would rather not", "i'd rather not", "not today")):
        return Answer.DECLINES
    for answer, pattern in (
        (Answer.WAITS, _WAITS),
        (Answer.CONDITION, _CONDITION),
        (Answer.CORRECTS, _CORRECTS),
    ):
        if pattern.search(plain):
            return answer
    if "?" in text or _ASKS.search(plain):
        return Answer.ASKS
    return Answer.DECLINES if _DECLINES.search(plain) else Answer.UNCLEAR


def _restated(read_back: Iterable[str]) -> re.Pattern[str] | None:
    phrases = sorted({_plain(phrase) for phrase in read_back} - {""}, key=len, reverse=True)
    if not phrases:
        return None
    what = "|".join(re.escape(phrase) for phrase in phrases)
    glue = r"(?:(?:on|at|for|the|my|a|an|in|this|with|of) )*"
    return re.compile(rf"{glue}(?:{what})")


def _plain(text: str) -> str:
    """Lower case, single spaces, contractions of "not" written out; no marks but in times."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'").replace("-", " ")
    plain = re.sub(r"(?<=[ap])\.(?=m\b)|(?<=[ap]\.m)\.", "", plain)
    plain = re.sub(r"(?<!\d):|:(?!\d)|[^\w\s':]|_", " ", plain)
    for pattern, long in _CONTRACTIONS:
        plain = pattern.sub(long, plain)
    # A grunt that is a no must not be read as two that are nothing.
    return re.sub(r"\b(?:uh uh|nuh uh|mm mm)\b", "no", " ".join(plain.split()))
