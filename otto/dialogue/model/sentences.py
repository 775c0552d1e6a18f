"""From a stream of model text to pieces that can be spoken, as early as possible.

Sans-I/O: text in, pieces out. Each piece but the first ends at a sentence; the first may end at
a clause, because speech can start with it while the rest is still being written. It may also end
at a full stop that nothing follows yet: to wait for the next token costs the caller its time
(20 ms with a token every 20 ms), and a stop behind a plain word is hardly ever anything else. So
where the first piece ends may depend on how the text was cut into deltas, and nothing else does.
Joining the pieces with single spaces gives the text back, whitespace collapsed (a single word
longer than a piece is cut, and so is a domain that comes in three deltas).
"""

from __future__ import annotations

import re

FIRST_CLAUSE_CHARS = 30
"""The first piece may end at a comma from here on: about two seconds of speech, enough to hide
the synthesis of what follows."""
SHORT_SENTENCE_CHARS = 16
"""A sentence this short joins the next one, except at the start: every piece costs a flush."""
MAX_PIECE_CHARS = 400
"""Without any boundary a piece ends here, at a space: half a minute of speech, and well below
what the synthesiser accepts in one message."""
_WORD_CHARS = 24
"""A following word counts as known when it has ended or reached this length."""

_CANDIDATE = re.compile(
    r"""(?P<stop>[.!?…]+["'”’)\]]*)(?=\s)"""
    r"""|(?P<clause>[,;:]["'”’)\]]*|\s[—–-])(?=\s)"""
    r"""|(?P<line>(?=\n))"""
)
_NEXT_WORD = re.compile(r"\s+(\S+)(\s?)")
_LAST_WORD = re.compile(r"\S+$")
_PLAIN_END = re.compile(
    r"(?:^|\s)(?:(?P<before>\S+)\s+)?(?P<word>[^\W\d_]{3,}(?:['’][a-z]+)?)[.!?]$"
)
"""A word of three letters or more and its stop, with the word before it."""

_TITLES = frozenset((
    "mr.", "mrs.", "ms.", "dr.", "prof.", "sr.", "jr.", "st.", "ste.", "ave.", "blvd.", "rd.",
    "ln.", "hwy.", "apt.", "no.", "vs.", "approx.", "dept.", "est.", "e.g.", "i.e.", "jan.",
    "feb.", "mar.", "apr.", "jun.", "jul.", "aug.", "sep.", "sept.", "oct.", "nov.", "dec.",
    "mon.", "tue.", "tues.", "wed.", "thu.", "thur.", "thurs.", "fri.", "sat.", "sun.",
))  # fmt: skip
"""Abbreviations that a sentence hardly ever ends with: the dot belongs to the word."""
_UNSURE = frozenset((
    "inc.", "ltd.", "corp.", "llc.", "etc.", "ext.", "tel.", "min.", "mins.", "max.", "hrs.",
    "attn.", "misc.", "incl.", "excl.", "gov.", "gen.", "rev.", "capt.", "lic.",
))  # fmt: skip
"""Abbreviations that may end a sentence: what follows decides."""
_BEFORE_DOMAIN = frozenset("at email emails from on or site to via visit website".split())
"""A word behind one of these may be the beginning of "ottos.com"."""
_BEFORE_ELLIPSIS = frozenset("check hmm hold look moment second see think wait well".split())
"""A stop behind one of these may be the first dot of three."""
_CLOCK = frozenset(("a.m.", "p.m."))
"""These end a sentence when what follows starts one."""
_CALENDAR = frozenset((
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
    "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
))  # fmt: skip


class SentenceSplitter:
    """Feed it deltas; it returns the pieces that have become whole. `end` returns the rest."""

    def __init__(self) -> None:
        self._buffer = ""
        self._is_first = True

    def feed(self, delta: str) -> list[str]:
        """Take more text; return the pieces it completes, in order, often none."""
        self._buffer += delta
        return self._take(at_end=False)

    def end(self) -> list[str]:
        """No more text: return what is left. The splitter is then ready for another text."""
        pieces = self._take(at_end=True)
        rest = _collapse(self._buffer)
        self._buffer = ""
        self._is_first = True
        return [*pieces, rest] if rest else pieces

    def _take(self, *, at_end: bool) -> list[str]:
        pieces: list[str] = []
        while True:
            self._buffer = self._buffer.lstrip()
            cut = _find_cut(self._buffer, is_first=self._is_first, at_end=at_end)
            if cut is None:
                return pieces
            pieces.append(_collapse(self._buffer[:cut]))
            self._buffer = self._buffer[cut:]
            self._is_first = False


def _find_cut(text: str, *, is_first: bool, at_end: bool) -> int | None:
    """Where the first piece of `text` ends; None while that cannot be known."""
    for match in _CANDIDATE.finditer(text):
        cut = match.end()
        if cut > MAX_PIECE_CHARS:
            break
        following = _NEXT_WORD.match(text, cut)
        if following is None:
            return None  # nothing but space follows: what comes decides
        word, space = following.groups()
        whole = space or at_end or len(word) >= _WORD_CHARS
        if not whole and (match.lastgroup == "clause" or _last_word(text[:cut]) in _CLOCK):
            return None  # the following word may still grow, and here it decides
        if _ends_piece(text[:cut], match.lastgroup, word[:_WORD_CHARS], is_first=is_first):
            return cut
    if len(text) >= MAX_PIECE_CHARS + 2 * _WORD_CHARS or (at_end and len(text) > MAX_PIECE_CHARS):
        space_at = text.rfind(" ", 1, MAX_PIECE_CHARS)
        return space_at if space_at > 0 else MAX_PIECE_CHARS
    return len(text) if is_first and _is_surely_over(text) else None


def _is_surely_over(text: str) -> bool:
    """Whether a sentence ends with `text`, whatever comes next."""
    found = _PLAIN_END.search(text)
    if found is None or len(text) > MAX_PIECE_CHARS or _is_quoting(text):
        return False
    before, word = (found["before"] or "").lower(), found["word"].lower()
    if text.endswith(".") and (before in _BEFORE_DOMAIN or word in _BEFORE_ELLIPSIS):
        return False
    return _last_word(text) not in _TITLES | _UNSURE


def _is_quoting(text: str) -> bool:
    """Whether a quotation is open: its closing mark may come behind the stop."""
    return text.count('"') % 2 == 1 or text.count("“") > text.count("”")


def _ends_piece(piece: str, kind: str | None, following: str, *, is_first: bool) -> bool:
    if kind == "line":
        return len(piece) >= SHORT_SENTENCE_CHARS or is_first
    if kind == "clause":
        return is_first and len(piece) >= FIRST_CLAUSE_CHARS and not _inside_date(piece, following)
    if following[0].islower() or not re.search(r"\w", piece):
        return False
    if not is_first and len(piece) < SHORT_SENTENCE_CHARS:
        return False
    return not _is_abbreviation(piece, following)


def _is_abbreviation(piece: str, following: str) -> bool:
    """Whether the dot at the end of `piece` belongs to its last word."""
    word = _last_word(piece)
    if not word.endswith(".") or word.endswith(".."):
        return False
    if word in _CLOCK:
        return following.lower().rstrip(".,") in _CALENDAR or following[0].isdigit()
    if word in _TITLES:
        return True
    if word[:-1].isdigit():
        return word == piece.lower()  # "1." alone opens a list
    return (len(word) == 2 and word != "i.") or bool(re.fullmatch(r"(\w\.){2,}", word))


def _inside_date(piece: str, following: str) -> bool:
    """Whether a comma stands inside a date or number: "Tuesday, November 24", "24, 2026"."""
    word = piece.rstrip(",;:").rsplit(None, 1)[-1].lower()
    following = following.lower().rstrip(".,")
    return word in _CALENDAR or following in _CALENDAR or following[:1].isdigit()


def _last_word(piece: str) -> str:
    found = _LAST_WORD.search(piece)
    return found.group().lower().lstrip("(\"'“‘") if found else ""


def _collapse(text: str) -> str:
    return " ".join(text.split())
