"""What models write beside speech: how each kind begins, and what becomes of it. Sans-I/O.

Each function is given the text from where a kind may begin and says how much of it is decided and
what of that is said (`Step`); `MORE` when it takes more text to know, `NO` when it is something
else. None of them may say one thing of a text and another of a longer one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from otto.dialogue.model.unsaid import NEVER, Address, Balanced, Unsaid, Until

Step = tuple[int, str, Unsaid | None]
"""So many characters are decided, this is said of them, and this stretch begins behind them."""
NO: Final[Step] = (0, "", None)
MORE: Final = None
MAX_DEPTH: Final = 4
"""Brackets within brackets: a text of nothing else must not be looked through again and again."""
OPEN: Final = 0
DEEP: Final = -1

_HIDDEN: Final = re.compile(
    r"(?:[a-z]+:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratch_?pad|analysis"
    r"|inner_monologue|tool_(?:calls?|use|code|response|request)|function(?:_calls?|=.*)?|invoke)",
    re.IGNORECASE | re.DOTALL,
)
"""Tags whose inside is for nobody's ears: thinking, and tool calls."""
_TAG: Final = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][^\s<>/]*)[^<>]*>")
_TAG_BEGUN: Final = re.compile(r"<(?:/?(?:[A-Za-z][^<>]*)?|[!?][^<>]*)")
_COMMENT: Final = "<!--"
_COMMENT_END: Final = re.compile("-->")
_DECLARATION: Final = re.compile(r"<[!?][^<>]*>")
_TOKEN: Final = re.compile(r"<[|｜](?P<name>[^<>|｜\s]{1,40})[|｜]>")
_TOKEN_BEGUN: Final = re.compile(r"<(?:[|｜](?:[^<>|｜\s]{1,40}[|｜]?)?)?")
_CHANNEL: Final = re.compile(r"<\|channel\|>(?P<name>[^<>]{0,80})<\|message\|>")
_CHANNEL_BEGUN: Final = re.compile(r"<\|channel\|>[^<>]{0,80}(?:<(?:\|[a-z]{0,7}\|?)?)?")
_CHANNEL_END: Final = re.compile(r"<\|(?:end|call|return)\|>|(?=<\|channel\|>)")
_HEADER_END: Final = re.compile(r"<\|message\|>|(?=<\|channel\|>)")
_KIMI: Final = ("◁think▷", re.compile("◁/think▷"))
_STAGE: Final = (
    "pause", "pauses", "long pause", "short pause", "brief pause", "laugh", "laughs", "laughing",
    "laughter", "chuckle", "chuckles", "giggle", "giggles", "sigh", "sighs", "smile", "smiles",
    "smiling", "silence", "beat", "breath", "breathes", "clears throat", "typing", "music",
    "hold music", "beep", "inaudible", "background noise", "cough", "coughs", "whispers", "waits",
    "nods", "hangs up", "end of call", "call ends", "call ended", "dial tone", "ringing",
)  # fmt: skip
_STAGED: Final = re.compile(
    rf"\s*(?:{'|'.join(_STAGE)})(?:\s(?:\w+ly|a\sbit|(?:for\s)?[\w.]{{1,5}}\s?s\w*))?[.…!]*\s*",
    re.IGNORECASE,
)
"""A direction for an actor."""
_MAX_STAGE_CHARS: Final = 40
_NOTE: Final = re.compile(
    r"\s*(?:the\s)?(?:caller|user|customer|system|assistant|agent|otto|tool|note|internal|narrator"
    r"|speaker|interrupted|placeholder|insert|your\s\w+\s*$)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_UNHEARD: Final = re.compile(r"\[[^\[\]]{0,200}?\bnot\s+heard:", re.IGNORECASE)
"""Otto's own note to the model of what a caller did not hear, which some imitate."""
_UNHEARD_HERE: Final = "not heard:"
_MARKER: Final = re.compile(r"\[/?[A-Z][A-Z_]{2,30}\]")
_MARKERS: Final = {
    "[THINK]": Until(re.compile(re.escape("[/THINK]"))),
    "[TOOL_CALLS]": Until(NEVER),
    "[TOOL_REQUEST]": Until(re.compile(re.escape("[END_TOOL_REQUEST]"))),
}
_ARRAY: Final = re.compile(r'\[\s*[{"]')
_ARRAY_BEGUN: Final = re.compile(r"\[\s*")
_FOOTNOTE: Final = re.compile(r"\^.*|\d{1,3}|[ xX]?", re.DOTALL)
_ENTITY: Final = re.compile(r"&(?:#\d{1,6}|#[xX][0-9A-Fa-f]{1,5}|[A-Za-z]{2,8});")
_ENTITY_BEGUN: Final = re.compile(r"&(?:#?\w{0,8})")
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_ESCAPE_BEGUN: Final = re.compile(r"\x1b(?:\[[0-9;?]{0,20})?")
_RULED: Final = re.compile(r"[ \t]*(?:[-_=*|:+][ \t]*){3,}(?=\n)")
_RULED_BEGUN: Final = re.compile(r"[ \t]*(?:[-_=*|:+][ \t]*)*")
_BULLET: Final = re.compile(r"[ \t]*[-*+•‣◦▪·–—][ \t]+(?=\S)")
_BULLET_BEGUN: Final = re.compile(r"[ \t]*[-*+•‣◦▪·–—][ \t]*")
_HEADING: Final = re.compile(r"#{1,6}(?=\s)")
_HEADING_BEGUN: Final = re.compile(r"#{1,6}")
_LABELS: Final = ("assistant:", "otto:", "ai:", "agent:", "final answer:", "action input:")
_LABELLED: Final = ("thought:", "action:", "observation:", "tool_code", "tool call:")
"""Of lines of a script the speaker's name is left out, and of a plan the line."""
_LINE_END: Final = re.compile(r"\n")
ADDRESSES: Final = ("https://", "http://", "ftp://", "www.")
_OTHER_ADDRESSES: Final = ("mailto:", "tel:", "sms:")
_UNSAYABLE: Final = frozenset(("Cc", "Cf", "Co", "Cn", "Cs", "So", "Sk", "Me"))
"""Unicode's categories of what nobody can say: control, format, surrogate, emoji."""
_KEPT: Final = "°№"
_MARKS: Final = re.compile(r"(?:https?://|www\.)\S*|[\[\]<>{}*_`~|\\]+")


def plain(char: str) -> str:
    """A character as it can be said, which may be nothing."""
    if char.isspace():
        return "\n" if char in "\n\r\v\f\x85\u2028\u2029" else " "
    if char in _KEPT:
        return char
    if "\ufe00" <= char <= "\ufe0f" or "\u2190" <= char <= "\u21ff":
        return ""
    return "" if unicodedata.category(char) in _UNSAYABLE else char


def is_word(char: str) -> bool:
    """Whether it is a letter or digit, or the underscore of a name; "" is none."""
    return char.isalnum() or char == "_"


def may_become(text: str, *literals: str) -> bool:
    """Whether `text` is the beginning of one of them, in capitals or not."""
    low = text.lower()
    return any(literal.startswith(low) for literal in literals)


# At the beginning of a line


def line(text: str, at_end: bool) -> Step | None:
    """Rules, bullets, headings and quotations lose their marks, scripts their speakers."""
    for whole, begun in ((_RULED, _RULED_BEGUN), (_BULLET, _BULLET_BEGUN)):
        if found := whole.match(text + "\n" * at_end):
            return min(found.end(), len(text)), "", None
        if begun.fullmatch(text) and not at_end:
            return MORE
    if found := _HEADING.match(text + "\n" * at_end):
        return found.end(), "", None
    if _HEADING_BEGUN.fullmatch(text) and not at_end:
        return MORE
    if text[0] in ">|":
        return 1, "", None
    low = text.lower()
    for label in (*_LABELS, *_LABELLED):
        if low.startswith(label):
            return len(label), "", Until(_LINE_END, "\n") if label in _LABELLED else None
    if not at_end and may_become(text, *_LABELS, *_LABELLED):
        return MORE
    return NO


# By its first character


def angle(text: str, at_end: bool) -> Step | None:
    """Tags, comments, and the tokens by which models are steered."""
    if found := _CHANNEL.match(text):
        is_said = "final" in found["name"]
        return found.end(), "", None if is_said else Until(_CHANNEL_END)
    if _CHANNEL_BEGUN.fullmatch(text) and not at_end:
        return MORE
    if found := _TOKEN.match(text):
        return found.end(), "", _of_token(found["name"])
    if text.startswith(_COMMENT):
        return len(_COMMENT), "", Until(_COMMENT_END, "")
    if found := _DECLARATION.match(text):
        return found.end(), "", None
    if found := _TAG.match(text):
        if _HIDDEN.fullmatch(found["name"]):
            if found["end"]:
                return found.end(), " ", None
            name = re.escape(found["name"].partition("=")[0])
            if not found[0].endswith("/>"):
                end = re.compile(rf"</{name}\s{{0,5}}>", re.IGNORECASE)
                return found.end(), "", Until(end)
        return found.end(), "", None
    is_begun = _TAG_BEGUN.fullmatch(text) or _TOKEN_BEGUN.fullmatch(text)
    if is_begun:
        return (len(text), "", None) if at_end and len(text) > 1 else (NO if at_end else MORE)
    return NO


def _of_token(name: str) -> Unsaid | None:
    if name == "start":
        return Until(_HEADER_END)
    if name == "python_tag":
        return Until(NEVER)
    if not re.search(r"tool|thought|think|call|function", name):
        return None
    if "begin" in name:
        end = re.escape(name.replace("begin", "end"))
    elif not name.startswith("/") and "end" not in name:
        end = "/" + re.escape(name)
    else:
        return None
    return Until(re.compile(rf"<[|｜]{end}[|｜]>"))


def bracket(text: str, at_end: bool, last: str) -> Step | None:
    """Notes and directions are left out, links leave their words, JSON leaves nothing."""
    if found := _MARKER.match(text):
        return found.end(), "", _MARKERS.get(found[0])
    if found := _ARRAY.match(text):
        return 1, "", Balanced("[]")
    if _ARRAY_BEGUN.fullmatch(text) and not at_end:
        return MORE
    if _UNHEARD.match(text):
        return 1, "", Balanced("[]", has_quotes=False)
    close = _closing(text, "[]")
    if close is DEEP or (close is OPEN and at_end):
        return 1, "[", None
    if close is OPEN:
        return MORE
    inner, after = text[1 : close - 1], text[close : close + 1]
    if not after and not at_end:
        return MORE
    if after in ("(", "["):
        end = _closing(text[close:], "()" if after == "(" else "[]")
        if end is OPEN and not at_end and "\n" not in text[close:]:
            return MORE
        if end > 0:
            is_picture = after == "(" and last == "!"
            return close + end, "" if is_picture else _words(inner), None
    if _FOOTNOTE.fullmatch(inner):
        return close + (after == ":"), "", None
    is_left_out = _STAGED.fullmatch(inner) or _NOTE.fullmatch(inner)
    return (close, "", None) if is_left_out else (1, "[", None)


def _words(inner: str) -> str:
    return "".join(plain(char) for char in _MARKS.sub("", inner))


def aside(text: str, at_end: bool) -> Step | None:
    """A direction in parentheses or between stars: (pause), *smiles*."""
    opening, closing = text[0], ")" if text[0] == "(" else "*"
    if text[1:].lower().startswith(_UNHEARD_HERE) and opening == "(":
        return 1, "", Balanced("()", has_quotes=False)
    close = text.find(closing, 1, _MAX_STAGE_CHARS)
    if close > 1:
        return (close + 1, "", None) if _STAGED.fullmatch(text[1:close]) else NO
    if at_end or len(text) >= _MAX_STAGE_CHARS or close == 1:
        return NO
    low = text[1:].lower()
    may_be = any(word.startswith(low) or low.startswith(word) for word in (*_STAGE, _UNHEARD_HERE))
    return MORE if may_be and "\n" not in low else NO


def ticks(text: str, at_end: bool) -> Step | None:
    """A fence of code leaves nothing, other marks of Markdown leave what is between them."""
    char = text[0]
    if text.startswith(char * 3):
        return 3, "", Until(re.compile(re.escape(char * 3)))
    if text.strip(char) == "" and not at_end:
        return MORE
    if char == "~" and text[1:2].isdigit():
        return 1, "about ", None
    return 1, "", None


def underscore(text: str, at_end: bool, last: str) -> Step | None:
    """Between letters it is a space, elsewhere a mark."""
    if len(text) == 1 and not at_end:
        return MORE
    return 1, " " if last.isalnum() and text[1:2].isalnum() else "", None


def bar(text: str, at_end: bool) -> Step | None:
    """Between the cells of a table it is a comma."""
    rest = text[1:].lstrip(" \t")
    if not rest and not at_end:
        return MORE
    return len(text) - len(rest), ", " if rest and rest[0] not in "|\n" else "", None


def backslash(text: str, at_end: bool) -> Step | None:
    """An escape: a line's end that was written out, or a mark that is one anyway."""
    if len(text) == 1 and not at_end:
        return MORE
    is_space = text[1:2] in ("n", "r", "t") and not text[2:3].islower()
    if len(text) == 2 and text[1] in "nrt" and not at_end:
        return MORE
    return (2, "\n", None) if is_space else (1, "", None)


def entity(text: str, at_end: bool) -> Step | None:
    """A character by its name in HTML."""
    if found := _ENTITY.match(text):
        return found.end(), _words("".join(map(plain, html.unescape(found[0])))), None
    return MORE if _ENTITY_BEGUN.fullmatch(text) and not at_end else NO


def escape(text: str, at_end: bool) -> Step | None:
    """A terminal's colours."""
    if found := _ESCAPE.match(text):
        return found.end(), "", None
    return MORE if _ESCAPE_BEGUN.fullmatch(text) and not at_end else NO


def kimi(text: str, at_end: bool) -> Step | None:
    """Another model's thinking."""
    if text.startswith(_KIMI[0]):
        return len(_KIMI[0]), "", Until(_KIMI[1])
    return MORE if _KIMI[0].startswith(text) and not at_end else NO


def citation(text: str, at_end: bool) -> Step | None:
    """A source's number, as some models write it: 【4†source】."""
    close = text.find("】", 0, 100)
    if close >= 0:
        return close + 1, "", None
    return NO if at_end or len(text) >= 100 or "\n" in text else MORE


def address(text: str, at_end: bool) -> Step | None:
    """An address of the web is left out; of one for a telephone or a letter, what it is."""
    low = text.lower()
    for start in ADDRESSES:
        if low.startswith(start):
            return len(start), "", Address()
    for start in _OTHER_ADDRESSES:
        if low.startswith(start):
            return len(start), "", None
    is_begun = may_become(text, *ADDRESSES, *_OTHER_ADDRESSES)
    return MORE if is_begun and not at_end else NO


def _closing(text: str, pair: str) -> int:
    """Where what opens at 0 is closed, that included; `OPEN` while it is not, `DEEP` when it holds
    so many of its kind that it is nothing that is known here."""
    depth = 0
    for place, char in enumerate(text):
        if char == pair[0]:
            depth += 1
            if depth > MAX_DEPTH:
                return DEEP
        elif char == pair[1]:
            depth -= 1
            if depth == 0:
                return place + 1
    return OPEN
