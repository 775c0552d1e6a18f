"""What a caller does not want, told by their own words and not by a model's reading of them."""

from __future__ import annotations

import re

_WRITTEN_DOWN = (
    r"(?:record(?:ed|ing|ings)?|transcri(?:be|bed|bing|pt|pts|ption)|tap(?:ed|ing)"
    r"|tape (?:this|me|it|our|the)|(?:writ(?:e|ten|ing)|tak(?:e|en|ing)) (?:\w+ ){0,4}down)"
)
_THING = re.compile(
    # What a dealership has "on record", or no "record of", is not this call.
    r"\b(?:my|your|her|his|their|on|any|a|for the|off) records?\b"
    r"|\brecords? (?:of|for|about|show)\b"
    r"|\b(?:tape|record|recording) (?:deck|player|studio|time|high|low|button)\b"
)
_OFF_THE_RECORD = re.compile(r"\boff (?:the )?record\b")
_NO = (
    r"(?:do not|does not|did not|can not|could not|would not|will not|should not|must not|may not"
    r"|am not|is not|are not|not|never|without|stop|quit|refuse|refusing|object|objecting|oppose"
    r"|against|decline|disagree|forbid|rather not|prefer not|turn off|turn it off|switch off"
    r"|shut off|delete|erase|uncomfortable|withhold|withdraw|revoke)"
)
_AGREES = re.compile(
    r"\b(?:not|never|no) (?:\w+ )?(?:mind|care|matter|object|problem|worry|worried|bother|bothered"
    r"|issue|objections?|concern)\b"
)
_REFUSES = re.compile(
    rf"\b{_NO}\b(?: \w+){{0,7}}? {_WRITTEN_DOWN}\b"
    rf"|\bno (?:\w+ )?{_WRITTEN_DOWN}\b"
    rf"|\b{_WRITTEN_DOWN}\b(?: \w+){{0,4}}? (?:off|is not okay|is not ok|is not fine|not allowed)\b"
)
_CONTRACTIONS = {
    "don't": "do not",
    "dont": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "can't": "can not",
    "cannot": "can not",
    "couldn't": "could not",
    "wouldn't": "would not",
    "won't": "will not",
    "shouldn't": "should not",
    "mustn't": "must not",
    "isn't": "is not",
    "aren't": "are not",
}
_CLAUSE = re.compile(r"[.!?;,]|\b(?:but|because|so|and)\b")


def refuses_transcript(text: str) -> bool:
    """Whether the caller says that the call shall not be recorded or written down.

    A question ("is this recorded?"), consent ("I don't mind being recorded") and talk of other
    records ("you have no record of my car") are no refusal.
    """
    plain = text.lower().replace("\u2019", "'")
    for short, long in _CONTRACTIONS.items():
        plain = re.sub(rf"\b{short}\b", long, plain)
    return any(_clause_refuses(clause) for clause in _CLAUSE.split(plain))


def _clause_refuses(clause: str) -> bool:
    words = " ".join(re.findall(r"[a-z']+", clause))
    if _OFF_THE_RECORD.search(words):
        return True
    words = _THING.sub("", words)
    if _AGREES.search(words):
        return False
    return _REFUSES.search(words) is not None


_KEEPS_TO_THEMSELVES = re.compile(
    r"\b(?:rather not|prefer not|not comfortable|uncomfortable|don't want to|do not want to"
    r"|don't feel|don't like to|won't|will not|not going to|don't give|do not give|not giving"
    r"|none of your|not your business|no way|refuse|skip (?:it|that)|pass on that|keep (?:it|that)"
    r" (?:to myself|private)|it's private|that's private|that's personal|is that necessary"
    r"|not necessary|don't have to|do i have to|not telling|can't tell|leave it out)\b"
)
_PLAIN_NO = re.compile(r"(?:no|nope|nah|no way|never)(?:,? (?:no|thanks|thank you|sorry|please))*")


def declines_to_say(text: str) -> bool:
    """Whether the caller would rather not tell what they were asked for."""
    plain = " ".join(re.findall(r"[a-z']+", text.lower().replace("\u2019", "'")))
    return bool(_KEEPS_TO_THEMSELVES.search(plain) or _PLAIN_NO.fullmatch(plain))
