"""The languages that Otto can hold a call in, and how a caller asks for another one. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from otto.language.characters import folded
from otto.language.intent_words import SPANISH


class Language(StrEnum):
    """By its code of ISO 639-1, which Deepgram takes too."""

    ENGLISH = "en"
    SPANISH = "es"


_SPANISH: Final = re.compile(
    rf"\b(?:{SPANISH}|castellano|cuanto|donde|manana|se habla|ingles no)\b"
)
_NOT_SPANISH: Final = re.compile(
    r"\b(?:no|not|don't|do not) (?:speak |need |want )?spanish\b|\bspanish (?:street|fork|avenue"
    r"|lake)\b"
)
_ENGLISH: Final = re.compile(
    r"\b(?:english please|in english|speak english|switch to english|en ingles|hablo ingles)\b"
)
_NOT_ENGLISH: Final = re.compile(
    r"\b(?:no|not|don't|do not|doesn't) (?:speak |hablo )?(?:english|ingles)\b"
)


def asks_for_spanish(text: str) -> bool:
    """Whether somebody who is spoken to in English speaks Spanish, or asks for it."""
    said = _plain(text)
    return _SPANISH.search(said) is not None and _NOT_SPANISH.search(said) is None


def asks_for_english(text: str) -> bool:
    """Whether somebody who is spoken to in Spanish asks for English."""
    said = _plain(text)
    return _ENGLISH.search(said) is not None and _NOT_ENGLISH.search(said) is None


def _plain(text: str) -> str:
    """Small letters without accents, single spaces, no marks but apostrophes."""
    return " ".join(re.findall(r"[a-z0-9']+", folded(text)))
