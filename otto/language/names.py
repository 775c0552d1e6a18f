"""Names as callers say and spell them: "John Smyth, S M Y T H", "Smith with a y". Pure.

What was spelled counts more than what was recognised; a correction counts more than what it
corrects. A sentence that is no name is none ("I'd rather not say").
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher

from otto.language.corrections import reworded
from otto.language.date_words import ORDINALS
from otto.language.numbers import TEENS, TENS
from otto.language.spelling import letter_of, spelled_at

ALIKE = 0.5
"""How alike a spelled word is to the spoken one that it spells (`difflib`'s ratio)."""
MOST_WORDS = 5

_LEAD = re.compile(
    r"^(?:.*?\b(?:my (?:full |first and last |whole )?name(?: is|'s)|names?(?: is|'s|,)|this is"
    r"|i am called|call me|you can call me|i go by|(?:put|it) (?:it )?(?:is )?under|speaking with"
    r"|the name is|name of)"
    r"|(?:it's|it is|that's|that is|i'm|i am|that would be|would be|is|named)(?= \w))\s+"
)
_PARTS = re.compile(
    r"\b(?P<which>first|given|last|family|sur)(?:[ -]?name(?: is|'s|,)?| is)\s+(?P<said>.+?)"
    r"(?=\s*(?:,|\band\b)?\s*\b(?:my )?(?:first|given|last|family|sur)(?:[ -]?name| is)\b|$)"
)
_CORRECTION = re.compile(
    r"(?:^|[,.;]?\s+)(?:no|nope|sorry|i mean|i meant|correction|wait|scratch that|actually)\b[, ]*"
)
_TOKEN = re.compile(r"[^\W\d_]+(?:['`\u00b4-][^\W\d_]+)*")
_REMARK = re.compile(
    r",? \b(?:and |but )?(?:with|without|no|has) (?:an? |the )?(?:two |one |double |single )?"
    r"[a-z]{1,2}s?\b(?: (?:at|on) the end)?(?:,? (?:not|instead of) (?:an? )?[a-z]\b)?"
)
_COURTESY = frozenset(
    "please thanks thank you ma'am sir um uh uhm hm well so okay ok yes yeah yep sure hi hello hey "
    "good morning afternoon evening speaking here the it's it is that's that and spelled spelt "
    "spelling spell space i'm mr mrs ms miss doctor dr of course certainly absolutely".split()
)
_NO_NAMES = frozenset(
    "a an i you he she we they them me him us what which who where when why how can could would "
    "should won't don't do does did not no never need needs want wants have has had get got "
    "book cancel car truck vehicle appointment oil change brakes tire tires service customer new "
    "rather say tell prefer hold on wait moment second minute look let see looking find just ask "
    "for from with about to in at by my your his her our their account number phone telephone "
    "person agent somebody someone question same already there this these those one two three "
    "four five six seven eight nine ten today tomorrow monday tuesday wednesday thursday friday "
    "saturday sunday like know think calling call called because but or if as was were am are be "
    "been being that ready fine great correct right wrong sorry think maybe privacy private "
    "under husband wife husband's wife's business why again repeat said saying gave given name "
    "names first last middle th st nd rd noon midnight around between before after until till by "
    "early late mid end beginning week weeks weekday weekdays weekend weekends month months year "
    "years day days time times any anytime every each next other available soon sooner soonest "
    "later earlier earliest latest asap thanksgiving christmas easter halloween holiday holidays "
    "mornings afternoons evenings night nights tonight yesterday mondays tuesdays wednesdays "
    "thursdays fridays saturdays sundays off free all out only through except work works working "
    "better best something sometime anything everything nothing doesn't isn't that'll perfect "
    "sounds sound good go ahead does matter yet still both either neither more much many some "
    "make makes made take takes took put move change cancelled booked confirm agreed "
    "deal done".split()
) | {*ORDINALS, *TEENS, *TENS}


@dataclass(frozen=True, slots=True)
class NameSaid:
    """A name as it was said; `last` is "" when one word was. Capitalised."""

    first: str
    last: str = ""
    spelled: frozenset[str] = frozenset()
    """Those of its words that were spelled."""

    @property
    def whole(self) -> str:
        return f"{self.first} {self.last}".strip()


def read_name(text: str) -> NameSaid | None:
    """The name in `text`, or None when there is none."""
    plain = unicodedata.normalize("NFC", text).replace("\u2019", "'").strip()
    pieces = [piece for piece in _CORRECTION.split(plain.lower()) if piece.strip(" ,.")]
    found: NameSaid | None = None
    for piece in pieces:
        later = _read(piece)
        if found is None:
            found = later
        elif later is None:
            found = corrected_name(found, piece) or found
        else:
            found = _replaced(found, later)
    return found


def corrected_name(known: NameSaid, said: str) -> NameSaid | None:
    """The name as a correction has it ("Smith with a y", "no, S M Y T H", "it's Jon without the
    h"), or None when it says nothing that can be told for sure."""
    plain = said.lower().replace("\u2019", "'")
    words = known.whole.lower().split()
    found = set()
    for at, word in enumerate(words):
        for other in reworded(word, plain):
            found.add((at, other))
    heard = _TOKEN.findall(plain)
    named = {
        (at, other)
        for at, other in found
        if any(len(each) > 2 and each in {words[at], other} for each in heard)
    }
    if len(found) > 1 and not named and plain.rstrip(" .").endswith("the end"):
        named = {(at, other) for at, other in found if at == len(words) - 1}
    if len(named or found) == 1:
        ((at, other),) = named or found
        return _made([*words[:at], other, *words[at + 1 :]], known.spelled | {_capital(other)})
    if not found and (later := _read(re.sub(_CORRECTION, " ", f" {plain}"))) is not None:
        return _replaced(known, later)
    return None


def _read(plain: str) -> NameSaid | None:
    parts = {}
    for match in _PARTS.finditer(plain):
        which = "first" if match["which"] in {"first", "given"} else "last"
        parts[which] = match["said"]
    if parts and (read := {which: _words(said) for which, said in parts.items()}):
        first, last = read.get("first"), read.get("last")
        if first or last:
            (firsts, one), (lasts, other) = first or ([], set()), last or ([], set())
            return _made([*firsts, *lasts], frozenset(one | other), len(firsts))
    led = _LEAD.sub("", plain)
    found = _words(led, is_led=led != plain)
    if found is None or not found[0]:
        return None
    return _made(found[0], frozenset(found[1]))


def _words(plain: str, *, is_led: bool = True) -> tuple[list[str], set[str]] | None:
    """The words of a name, lower case, with what is spelled put in; None for a sentence. Behind
    "my name is" a name ends where the sentence goes on."""
    names: list[str] = []
    spelled: set[str] = set()
    remarked = _REMARK.search(plain)
    pieces = [plain] if remarked is None else [plain[: remarked.start()], plain[remarked.end() :]]
    for number, piece in enumerate(pieces):
        if number and remarked is not None and names:
            ways = reworded(names[-1], remarked[0])
            if len(ways) == 1:
                (names[-1],) = ways
                spelled.add(_capital(names[-1]))
        if not _take(piece, names, spelled):
            if not names or not is_led:
                return None
            break
    if len(names) > 2 and names[0] in names[1:]:
        names = names[1:]  # "Bond, James Bond"
    return (names, spelled) if 0 < len(names) <= MOST_WORDS else None


def _take(plain: str, names: list[str], spelled: set[str]) -> bool:
    """Add a piece's words to the names; whether nothing else stands in it."""
    tokens = _TOKEN.findall(re.sub(r"(?<=\w)-(?=\w\b)", " ", plain))
    at = 0
    while at < len(tokens):
        if (run := spelled_at(tokens, at)) is not None:
            word = run[0].lower()
            _put_in(names, word)
            spelled.add(_capital(word))
            at += run[1]
            continue
        is_initial = len(tokens[at]) == 1 and names and at + 1 < len(tokens)
        if is_initial and len(tokens[at + 1]) > 1 and tokens[at + 1] not in _NO_NAMES:
            at += 1  # "John F. Kennedy"
            continue
        if tokens[at] in _NO_NAMES or (len(tokens[at]) == 1 and letter_of(tokens[at])):
            return False
        if tokens[at] not in _COURTESY:
            names.append(tokens[at])
        at += 1
    return True


def _put_in(names: list[str], word: str) -> None:
    """What was spelled, in place of the word that it spells, or as one more."""
    likeness = [(_likeness(name, word), at) for at, name in enumerate(names)]
    best = max(likeness, default=(0.0, 0))
    if best[0] >= ALIKE or (names and _likeness(names[-1], word) >= ALIKE):
        names[best[1]] = word
    else:
        names.append(word)


def _likeness(one: str, other: str) -> float:
    ratio = SequenceMatcher(None, one, other).ratio()
    return ratio if one[:1] == other[:1] or ratio >= 0.7 else 0.0


def _replaced(known: NameSaid, later: NameSaid) -> NameSaid:
    """A name of which all, or one word, was said again."""
    if later.last or not known.last:
        return later
    words = known.whole.lower().split()
    _put_in(words, later.first.lower())
    if len(words) > len(known.whole.split()):
        words = [*words[:-2], words[-1]]  # unlike both: the last name was the later word
    return _made(words, known.spelled | later.spelled)


def _made(words: list[str], spelled: frozenset[str], firsts: int = 1) -> NameSaid:
    given = [_capital(word) for word in words]
    cut = max(1, firsts)
    return NameSaid(" ".join(given[:cut]), " ".join(given[cut:]), frozenset(spelled) & {*given})


_PARTICLES = frozenset("de la del da di van von der den bin al el y".split())


def _capital(word: str) -> str:
    if word in _PARTICLES:
        return word
    whole = re.sub(r"^\w|(?<=-)\w|(?<=')\w(?=\w)", lambda found: found[0].upper(), word)
    return re.sub(r"^Mc(\w)", lambda found: f"Mc{found[1].upper()}", whole)
