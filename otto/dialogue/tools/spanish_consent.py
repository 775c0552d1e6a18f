"""Consent in a call that is held in Spanish: stricter, for our readers know English.

What is read back is our own sentence, word for word, as the last thing that was heard before an
answer that agrees. A model that words it otherwise is told to say it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from config.dealership import Service
from otto.dialogue.exchange import Exchange
from otto.dialogue.tools.heard import Named
from otto.language.characters import folded
from otto.language.consent import About, Answer
from otto.language.spanish import describe_start_in_spanish, judge_spanish

QUESTIONS: Mapping[About, str] = {
    "book": "¿Lo reservo?",
    "move": "¿Lo cambio?",
    "cancel": "¿Cancelo esa cita?",
}
TRANSPORT = {
    "wait": ", y usted espera aquí",
    "loaner": ", con un carro prestado para usted",
    "shuttle": ", con un lugar en nuestro transporte",
}


def spanish_read_back(named: Named, menu: Sequence[Service]) -> str:
    """The one sentence, and the question, to which a yes does it."""
    names = [each.spanish_name or each.name for each in menu if each.code in named.codes] or [
        named.service
    ]
    work = " y ".join(names)
    car = f" para su {named.car}" if named.car else ""
    when = describe_start_in_spanish(named.start)
    how = TRANSPORT.get(named.transport, "")
    match named.about:
        case "book":
            what = f"Sería {work}{car}, el {when}{how}{_price(named)}."
        case "move":
            before = f" del {describe_start_in_spanish(named.before)}" if named.before else ""
            what = f"Cambiaría {work}{car}{before} al {when}{how}."
        case "cancel":
            what = f"Es {work}{car}, el {when}."
    return f"{what} {QUESTIONS[named.about]}"


def answer_in_spanish(exchange: Exchange, sentence: str) -> Answer | None:
    """What the caller has answered to the sentence; None when it was not the last thing that they
    heard before they spoke, or they have heard something since."""
    if not exchange.rounds or exchange.since:
        return None
    last = exchange.rounds[-1]
    if not _plain(last.heard).endswith(_plain(sentence)):
        return None
    return judge_spanish(last.answer)


def is_waiting(exchange: Exchange, sentence: str) -> bool:
    """Whether the sentence was heard, and nothing was said since."""
    return _plain(exchange.since).endswith(_plain(sentence))


def _price(named: Named) -> str:
    if not named.cents:
        return ", con el precio después de la inspección"
    cents = max(named.cents)
    return f", por ${cents // 100:,}.{cents % 100:02d}"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", folded(text)))
