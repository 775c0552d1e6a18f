"""A caller's words about days and times, brought to one spelling.

`spell_out` keeps the order of what was said and everything that may matter: small words stay,
numbers become digits ("half past nine" -> "9:30", "twenty fifth" -> "25th"), and turns of speech
become single marks that the grammar of wishes knows: `<not>`, `<bad>`, `<fix>`, `<any>`, `<but>`,
`<or>`, `<else>`, `<and>`, and a comma for every pause.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from otto.language.date_words import ABBREVIATED, CARDINALS, MONTHS, ORDINALS, WEEKDAYS

_CONTRACTIONS = (
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"\b(do|does|did|is|are|was|would|could|should|have|has)n't\b", r"\1 not"),
    (r"\b(dont|doesnt|isnt|wont|cant)\b", " not "),
    (r"\bo['’]? ?clock\b", "oclock"),
    (r"\b([ap])\.? ?m\b\.?", r"\1m"),
    (r"(?<=\d)([ap])m?\b(?!\w)", r" \1m"),
    (r"\bnew year['’]?s?\b", "newyear"),
    (r"\b24 ?/ ?7\b", " "),
)
_DAY = f"(?:{'|'.join(WEEKDAYS)})"
_BUSY = (
    r"(?:doctor|dentist|dental|medical|hair|vet|eye|therapy|school|court|other|work)(?:'?s)? "
    r"(?:appointment|visit|thing)|(?:\w+ )?(?:meeting|class|flight|shift|game|interview|surgery"
    r"|conflict|funeral|wedding|party|trip|exam|practice|lesson|recital|jury duty|school|church)s?"
)
"""What people have who cannot come then."""
_JOIN = r"(?: ?, ?(?:or|and)? ?| or | and | to | through | thru )"
_PHRASES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # Politeness and talk of other things, in which a word about time means none.
    (r"\bgood (?:morning|afternoon|evening|day)\b|\b(?:nice|great|good) day\b", " "),
    (r"\bmay (?=i\b|we\b|you\b)", " "),
    (r"\b(?:one of )?these days\b|\bthe other (?:day|week)\b|\ball the time in the world\b", " "),
    (r"\b(?:number|option|choice|slot) (?:one|two|three|four|\d)\b", " "),
    (r"\bdrop(?:ping|ped)?(?: (?:it|her|him|them|(?:the|my|our) \w+))? off\b", " "),
    (r"\bright now\b", "today"),
    (r"(?<!from )\bnow\b(?! ?$)", " "),
    (r"\bin the meantime\b|\bat the moment\b|\b(?:this|one|1) (?:last|second|more) time\b", " "),
    (r"\b(?:while|as) (?:i|we) wait\b|\b(?:i|we)(?:'ll| will| can| could)? wait\b(?! no)", " "),
    (r"\bto wait\b|\bwaiting(?: room)?\b|\bcan not wait\b", " "),
    (r"\bif (?:at all )?(?:possible|you (?:can|have|could)|i (?:can|could)|that works)\b", " "),
    (
        r"\b(?:it |that |the (?:day|time) )?(?:does|do|would|will) not "
        r"(?:really )?(?:matter|care|mind)"
        r"|\b(?:you (?:pick|choose|decide|tell me)|up to you|surprise me)\b"
        r"|\b(?:anything|any of them|either) (?:works|is fine|is good|will do)\b"
        r"|\b(?:i'm|i am|we're|we are) (?:\w+ )?(?:flexible|open|easy)\b",
        " <any> ",
    ),
    (
        r"^.*\b(?:works?|working|needs?|busy|away|gone|travel\w*|leave|have)\b.*\bso "
        rf"(?:maybe |how about |let's do |then )?(?={_DAY}\b)",
        " ",
    ),
    # What fills a day says when not to come, in ways that are better asked about.
    (
        r"\b(?:i|we)(?:'m| am|'re| are)? (?:at |have |have to |do )?work(?:ing)?\b|\bhave nothing\b"
        r"|\b(?:get|gets|getting) (?:off|out|home|back)\b"
        r"|\b(?:pick(?:ing)? (?:it|her|him|them|(?:the|my|our) \w+) up|pick up (?:the|my|our) \w+"
        r"|(?:get|have) (?:it|the car|my car) back)\b"
        rf"|\b(?:have|has|had|got|is|are|at|in) (?:an? |my |the |his |her |our "
        rf"|this )?(?:{_BUSY})\b",
        " busy ",
    ),
    (r"\btmrw\b|\btomorow\b|\btommorow\b", "tomorrow"),
    # Moving from one day to another is a correction, not a stretch of days.
    (
        r"\b(?:move|moved|change|changed|reschedule|switch|push|pushed|shift|bump)\b"
        r"(?:(?! to ).)*? from (?:(?! to ).)+? to ",
        " <fix> ",
    ),
    (rf"\bno (?=(?:{_DAY}|morning|afternoon|evening|weekend)s\b)", " <not> "),
    (
        r"\bnot (?:on |during |over )?(?:an? |the |any )?weekends?(?! of| after| before)\b",
        " <not> weekends ",
    ),
    (r"\b(?:an?|any|some|every|either) weekend(?! of| after| before)\b", "weekends"),
    (rf"\b({_DAY}) (?=(?:morning|afternoon|evening)s\b)", r"\1s "),
    (r"\bnot this (\w+day) but (?:the )?next(?: one)?\b", r"the \1 after next"),
    (rf"\bthe ({_DAY}) after (?:this|that) one\b", r"a week from \1"),
    (r"\b(?:the )?(?:sooner|earlier|quicker) the better\b", "as soon as possible"),
    (r"\b(\d{2})(\d{2}) hours\b", r"\1:\2"),
    (
        r"\b(thirteen|fourteen|fifteen|sixteen|seventeen) hundred(?: hours)?\b",
        lambda found: f"{CARDINALS[found[1]]}:00",
    ),
    (rf"\b({_DAY}) week$", r"a week from \1"),
    (
        r"\b(first|second|third) or (second|third|fourth) week (?:of|in) (\w+)\b",
        r"\1 week of \3 or \2 week of \3",
    ),
    (rf"\bbetter than (?:a |the |next |this )?{_DAY}\b", "better"),
    (r"\bby (?:the )?end of (?:the )?(?:business )?day(?= ?$| ?,)", "by today"),
    (r"\bby (?:the )?end of (?:the )?(?:business )?day(?: on)? ", "by "),
    (
        r"\b(?:all|any|the whole) week (?:is|works|would)(?: be)?(?: (?:open|fine|good))?\b"
        r"|\b(?:open|free|around) all week\b",
        " <any> ",
    ),
    (r"\b1?(?:one|any) of the next (?=\w+ days\b)", "in the next "),
    (r"\bnext (?:open|free) ", "next available "),
    (rf"\bis ({_DAY}) (?:the|your) (?:first|next|earliest)\b.*", r"\1"),
    (r"\b(?:1[3-9]|[2-9]\d) ?oclock\b", " busy "),
    (r"\bneither\b", " <not> "),
    (r"\bnor\b", " <or> "),
    (r"\bevery (?:other|second|third|\d\w*)\b", " biweekly "),
    (r"\btwo thousand (?:and )?(?=twenty\b)", "twenty "),
    (r"\b(?:my |the )?(?:only |best |good |better |free )+(?:days?|times?)\b", " "),
    (
        r"\b(?:i'm|i am) off(?: work)? (?=on\b|every\b)|\b(?:is|are) my days? off\b"
        r"|\bmy days? off (?:is|are)\b",
        " ",
    ),
    (rf"\bif (?:it|that|today|tomorrow|{_DAY})(?: is|'s) (?:full|taken|booked|gone)\b", " "),
    (
        r"\b(?:push|move|shift|bump) (?:it|that|my appointment) (?:back|out)(?: by)? "
        r"((?:\w+ )?(?:day|week|hour|minute)s?)\b",
        r" \1 later ",
    ),
    (
        r"\b(?:push|move|shift|bump) (?:it|that|my appointment) (?:up|forward)(?: by)? "
        r"((?:\w+ )?(?:day|week|hour|minute)s?)\b",
        r" \1 earlier ",
    ),
    # Alternatives that come with a condition, and what will not do.
    (
        r"\b(?:and |or |but )?if (?:that|it|this|not|you) ?(?:(?:does|do|will|is|are|can) not)?"
        r" (?:work|possible|available|free|open|good|then)(?: out)?\b",
        " <else> ",
    ),
    (
        r"\b(?:will|does|do|would|can|could|is|are) not (?:really |going to )?(?:work|do|suit|good"
        r"|possible|an option|fit|great|ideal|fine|ok|okay|convenient)(?: out)?"
        r"(?: for (?:me|us)| with my schedule)?(?=$| ,| <|,|\.| but| so)",
        " <bad> ",
    ),
    (r"\b(?:does|do|is|are|will|would) not(?= ?$| ?,| ?<)", " <bad> "),
    (
        r"\b(?:is|are|'s) (?:no good|bad|out|impossible|a no go|not good|a problem|full)"
        r"(?: for (?:me|us))?\b",
        " <bad> ",
    ),
    (
        r"\b(?:not|never|no|nothing) (?:before|earlier than|sooner than|until|till|"
        r"any earlier than)\b",
        " notbefore ",
    ),
    (r"\b(?:not|no|never|nothing) (?:after|later than|past|any later than)\b", " notafter "),
    (r"\bno (?:preference|matter|problem|rush|hurry)\b", " "),
    (r"\b(?:but not|not on|not for|nothing|none)\b", " <not> "),
    (
        r"\b(?:can|could|would|will|do|does|am) not (?:\w+ ){0,2}?"
        r"(?:do|make|come|be there|get there|want|available|free|like|work)(?: it| in)?\b",
        " <not> ",
    ),
    (
        r"\b(?:i am|i'm|we are|we're) (?:busy|away|out(?: of town)?|gone|unavailable|booked)\b",
        " <not> ",
    ),
    (
        r"\b(?:except(?: for)?|excluding|other than|besides|apart from|aside from|instead of)\b"
        r"|\brather than\b|\bavoid(?:ing)?\b|\bskip(?:ping)?\b",
        " <except> ",
    ),
    (
        r"\b(?:anything|anytime|any time|any day|whenever|everything|every day) but\b",
        " <any> <except> ",
    ),
    # What will do.
    (
        r"\b(?:works|(?:would|will|could|should) (?:work|be)(?: (?:good|fine|best|great|better))?"
        r"|is (?:good|fine|ok|okay|great|better|best|perfect))(?: for (?:me|us))?(?=$| )",
        " <good> ",
    ),
    (r"\b(?:how|what) about\b", " "),
    (r"\blater (?=today\b|tomorrow\b)", " "),
    (r"\bin (?:about|around|roughly) ", "in "),
    # Second thoughts.
    (r"\bor (?:rather|actually|maybe rather)\b", " <fix> "),
    (r"\b(?:no ,? ?)?(?:i mean|i meant|i said|i want to say)\b", " <fix> "),
    (r"\b(?:scratch|strike|forget|cancel) that\b|\bhold on\b|\bcorrection\b", " <fix> "),
    (r"\b(?:no ,? ?wait|wait ,? ?no|oh wait|wait|oops|sorry|actually|instead)\b", " <fix> "),
    (r"\bafter all(?! (?:day|of|my|the|that|those))\b", " <fix> "),
    (
        r"\b(?:make|change|move|switch) (?:it|that|this|the (?:date|time|day))"
        r"(?: (?:to|for|be))?\b",
        " <fix> ",
    ),
    (r"\bbetter (?:yet|still)\b|\bon second thought\b|\blet's say\b", " <fix> "),
    (r"\b(?:no|nope|nah)\b", " <fix> "),
    # Alternatives.
    (
        r"\b(?:or )?(?:if not|otherwise|or else|failing that|alternatively)(?: ,? ?then)?\b",
        " <else> ",
    ),
    (r"\bas well as\b|\band also\b|\bor also\b|\band/or\b", " <and> "),
    # "next Monday or Tuesday", "Monday or Tuesday next week": what is said once is meant twice.
    (rf"\b(next|this) ({_DAY})({_JOIN})({_DAY})\b", r"\1 \2\3\1 \4"),
    (
        rf"\b({_DAY})({_JOIN})({_DAY})(?: of| in)?( (?:this|next) week)\b",
        r"\1\4\2\3\4",
    ),
    (r"\blater this (?=morning|afternoon|evening)", "today late "),
    (r"\bthis (?=(?:\w+ )?(?:morning|afternoon|evening))", "today "),
    (r"\btonight\b", "today night"),
    # Times that are numbers only to the eye, and days that are any such day.
    (rf"\ba (?={_DAY})", "<any> "),
    (rf"\b({'|'.join(list(CARDINALS)[:12])}|\d{{1,2}}(?::\d\d)?) ?ish\b", r"\1 ish"),
    (r"\b(?:the )?(?:very )?first thing\b(?: in the (?:morning|day))?", " firstthing "),
    (
        r"\bas early as (?:possible|you can|you have|i can)\b|\bat opening(?: time)?\b"
        r"|\bwhen (?:you|y'all) open\b|\b(?:the )?earliest (?:possible|you have)\b",
        " asearly ",
    ),
    (
        r"\b(?:the )?last (?:appointment|opening|slot|one|time) (?:of|in) the day\b"
        r"|\bas late as (?:possible|you can|you have|i can)\b|\blast thing\b|\bbefore "
        r"(?:you|closing)(?: close)?(?: time)?\b|\b(?:the )?latest (?:possible|you have)\b",
        " aslate ",
    ),
    (r"\bthe one after(?: that| next| this)?\b|\bthe (?:next|following) one\b", " oneafter "),
    (
        r"\bthe day after(?: that)?(?=$| ,| <| please| would| works| at| in| is| or| if)"
        r"|\b(?:the )?(?:next|following) day(?! (?:available|opening))",
        " dayafter ",
    ),
    (
        r"\bthe week after(?: that)?(?=$| ,| <| please| would| works| at| in| on| is| or| if)"
        r"|\b(?:the )?following week\b",
        " weekafter ",
    ),
    (
        r"\b(?:the|that|this|any|each|which|another|first|second|last|other) ones?\b"
        r"(?! ?(?:oclock|thirty|fifteen|forty|oh|[ap]m|\d))",
        " ",
    ),
    (
        rf"\b(earliest|latest|later|earlier|soonest|same|next|available|best|only|good|free|open"
        rf"|new"
        rf"|morning|afternoon|evening|{_DAY}|nice|wrong|right) ones?\b"
        r"(?! ?(?:oclock|thirty|fifteen|forty|oh|[ap]m|\d))",
        r"\1",
    ),
    (
        r"\b(?:one|1|some) (?:day|morning|afternoon|evening)\b"
        r"(?= (?:next|this|in|of|after|before))",
        lambda found: " <any> " + found[0].split()[-1] + " ",
    ),
    (r"\b(?:any|every|whole|all) (?:of (?:the )?)?days?\b", " <any> anyday "),
    (r"\b(?:any ?time|whenever|all day)(?: of (?:the )?day)?\b", " <anytime> "),
    (r"\b(?:any|every|all)\b", " <any> "),
    (r"\bhalf(?: an?)? hour\b", "30 minutes"),
    (r"\ban hour and a half\b", "90 minutes"),
    (r"\ban? (?=hour\b|minute\b)", "1 "),
    (r"\ba couple (?:of )?(?=hours|minutes|days|weeks|months)", "2 "),
)
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _PHRASES)
_WORDS = re.compile(
    r"<\w+>|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}:\d{2}|\d+(?:[/-]\d+){1,2}|\d+(?:st|nd|rd|th)\b|\d+|,"
    r"|[a-z']+"
)
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50}
_CLOCK_FOLLOWS = frozenset({"oclock", "am", "pm", "thirty", "fifteen", "forty"})
_SPOKEN_MARKS = {"but": "<but>", "or": "<or>", "and": "<and>", "not": "<not>", "plus": "<and>"}


def spell_out(text: str) -> list[str]:
    """The words of `text` in one spelling; see the module. Never raises."""
    text = text.lower().replace("’", "'").replace("–", "-").replace("—", " , ")
    text = re.sub(r"\b(\d{4}-\d{2}-\d{2})[t ](\d{2}:\d{2})\S*", r"\1 at \2", text)
    for pattern, replacement in _CONTRACTIONS:
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = re.sub(r"(?<![\d/-])([1-9]|1[0-2])-([1-9]|1[0-2])(?![\d/-])", r"\1 to \2", text)
    text = re.sub(r"(?<!\d)-(?!\d)|(?<=\d)-(?=\s)|(?<=\s)-(?=\d)", " to ", text)
    text = re.sub(r"[;!?()\"]|\.(?=\s|$)|,", " , ", text)
    text = " ".join(ABBREVIATED.get(word, word) for word in text.split())
    for phrase, mark in _COMPILED:
        text = " ".join(phrase.sub(mark, text).split())
    words = [_SPOKEN_MARKS.get(word, word) for word in _WORDS.findall(text)]
    return _quarters(_digits([word.removesuffix("'s") for word in words]))


def _digits(words: list[str]) -> list[str]:
    """Number words as digits: "twenty fifth" -> "25th", "forty five" -> "45", "oh five" -> "05"."""
    out: list[str] = []
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        step = 1
        if word in _TENS and ORDINALS.get(following, 99) < 10:
            word, step = f"{_TENS[word] + ORDINALS[following]}th", 2
        elif word in _TENS and CARDINALS.get(following, 99) < 10:
            word, step = str(_TENS[word] + CARDINALS[following]), 2
        elif word in _TENS and word not in ORDINALS:
            word = str(_TENS[word])
        elif word in {"oh", "o"} and CARDINALS.get(following, 99) < 10:
            word, step = f"0{CARDINALS[following]}", 2
        elif word in ORDINALS:
            word = f"{ORDINALS[word]}th"
        elif word in CARDINALS:
            word = str(CARDINALS[word])
        word = re.sub(r"^0*(\d{1,2})(?:st|nd|rd|th)$", r"\1th", word)
        if _is_clock(out, word):
            word = f"{int(word[:-2])}:{word[-2:]}"
        if re.fullmatch(r"2[5-9]|3\d", word) and out and out[-1] == "20" and len(out) > 1:
            out.pop()  # "twenty twenty six"
            word = f"20{word}"
        is_day = word.isdecimal() and 1 <= int(word) <= 31 and following not in _CLOCK_FOLLOWS
        if is_day and out and out[-1] == "the" and not re.fullmatch(r"[0-5]\d", following):
            word = f"{int(word)}th"
        out.append(word)
        at += step
    return out


def _is_clock(before: list[str], word: str) -> bool:
    """Whether digits in a row are a time: "930", "at 1030"."""
    if not word.isdecimal() or len(word) not in {3, 4}:
        return False
    hour, minute = int(word[:-2]), int(word[-2:])
    if len(word) == 3:
        return hour > 0 and minute in {0, 15, 30, 45}
    return before[-1:] == ["at"] and hour < 24 and minute < 60


_PAST = {"past": 1, "after": 1, "to": -1, "till": -1, "before": -1, "of": -1}


def _quarters(words: list[str]) -> list[str]:
    """ "half past nine" -> "9:30", "quarter to ten" -> "9:45", "10 minutes past 3" -> "3:10"."""
    text = " ".join(words)

    def clock(found: re.Match[str]) -> str:
        minutes = {"half": 30, "quarter": 15}.get(found["part"]) or int(found["part"])
        hour = 12 if found["hour"] in {"noon", "midday"} else int(found["hour"])
        if not 1 <= hour <= 12 or not 0 < minutes < 60:
            return found[0]
        if _PAST[found["word"]] < 0:
            hour, minutes = (hour - 2) % 12 + 1, 60 - minutes
        return f"{hour}:{minutes:02d}"

    hour = r"(?P<hour>\d{1,2}|noon|midday)\b(?! (?:minutes|days|weeks))"
    text = re.sub(
        rf"\b(?:a )?(?P<part>half|quarter) (?P<word>past|after|to|till|of) {hour}", clock, text
    )
    text = re.sub(
        rf"\b(?P<part>\d{{1,2}}) minutes (?P<word>past|after|to|till|before) {hour}", clock, text
    )
    text = re.sub(
        rf"(?<!from )(?<!between )\b(?P<part>20|25) (?P<word>past|after|to|till) {hour}",
        clock,
        text,
    )
    text = re.sub(
        rf"\bat (?P<part>5|10) (?P<word>past|after|to|till) {hour}",
        lambda found: f"at {clock(found)}",
        text,
    )
    return text.split()


VOCABULARY = (
    frozenset(
        "week weeks weekend weekends month months day days next last before after until till "
        "between through thru earlier later sooner hour hours minute minutes half quarter "
        "past notbefore notafter oneafter dayafter weekafter following previous monthly "
        "weekly within unless early late morning afternoon evening noon night tonight today "
        "tomorrow yesterday year fortnight since during except when busy vacation meeting off "
        "same biweekly".split()
    )
    | frozenset(WEEKDAYS)
    | frozenset(MONTHS[1:])
)
"""Words about time: one of them that no rule has used may change what is meant."""
