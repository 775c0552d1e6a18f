"""What must be understood of a caller who speaks Spanish, whichever model speaks. Pure.

Everything else of a call in Spanish is the model's to translate; that is not: danger, a person,
being left alone, what Otto is, and whether a question for consent was answered with yes.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from otto.language.characters import folded
from otto.language.consent import MOST_WORDS, Answer, judge
from otto.language.intents import Intent
from otto.language.languages import Language

_URGENT: Final[tuple[tuple[Intent, re.Pattern[str]], ...]] = (
    (
        Intent.DANGER,
        re.compile(
            r"\b(?:huele|olor) a (?:gasolina|quemado|humo|gas)|\bhumo\b|\bsale vapor\b"
            r"|\bse (?:incendi|quem)\w+"
            r"|\b(?:sin|perdi los|no tengo|no (?:me )?(?:funcionan|sirven|agarran"
            r"|responden)(?: los)?) frenos\b"
            r"|\bfrenos (?:no|fallaron|fallan|se fueron)|\bpedal (?:del freno )?(?:se va|se fue"
            r"|llega) "
            r"(?:hasta|al)|\b(?:direccion|volante) (?:se (?:trab|bloque|atasc)\w+|no (?:gira"
            r"|funciona|responde))"
            r"|\bgotea gasolina|\bfuga de gasolina|\bbolsas? de aire\b|\bse (?:acelera"
            r"|apaga) sol[oa]"
            r"|\bse apaga (?:manejando|en la carretera)|\btuve un (?:accidente|choque)"
            r"|\bes seguro manejar"
        ),
    ),
    (
        Intent.OPT_OUT,
        re.compile(
            r"\bno (?:me |nos )?(?:llame\w*|marque\w*|envie\w*|mande\w*"
            r"|moleste\w*)(?: mas)?\b.{0,30}$"
            r"|\b(?:quite\w*|borre\w*|saque\w*|elimine\w*) (?:mi|este) numero"
            r"|\bdejen? de (?:llamar|mandar)"
        ),
    ),
    (
        Intent.ROBOT,
        re.compile(
            r"\b(?:es|eres|hablo con) (?:usted )?(?:un |una )?(?:robot|maquina|computadora"
            r"|persona real"
            r"|humano|inteligencia artificial|grabacion)"
        ),
    ),
    (
        Intent.PERSON,
        re.compile(
            r"\b(?:hablar|comuni\w+|pas\w+|conect\w+|transfier\w+|pong\w+)(?:me"
            r"|nos)?(?: por favor)? con "
            r"(?:un |una |el |la |algun |alguna )?(?:persona|humano|agente|representante"
            r"|operador\w*"
            r"|gerente|asesor\w*|mecanico|alguien|tecnico|recepcionista|encargado|supervisor)"
            r"|^(?:por favor )?(?:una persona|un humano|operador\w*|representante|agente"
            r"|asesor)(?: por favor)?$"
            r"|\bquiero (?:a )?(?:una persona|un humano|un agente)"
        ),
    ),
)  # fmt: skip

_YES: Final = (
    r"si+|claro(?: que si)?|por supuesto|de acuerdo|esta bien|muy bien|bien|bueno|perfecto"
    r"|correcto|exacto"
    r"|exactamente|asi es|eso es|vale|okay|ok|adelante|hagalo|hazlo|reservelo|reservalo|confirmo"
    r"|confirmado"
    r"|confirmelo|me parece (?:bien|perfecto)|me sirve|me queda (?:bien|perfecto)|como no|con gusto"
    r"|desde luego|(?:si )?lo quiero|quiero esa|esa esta bien|ese esta bien|cancelelo|cancelela"
    r"|cambielo"
    r"|cambiela|muevalo|no hay problema|sin problema|excelente|listo|va|sale|dale|yes|yeah|sure"
)
_POLITE: Final = (
    r"por favor|gracias|muchas gracias|muy amable|senor|senorita|otto|pues|ah|eh|oh|ya|entonces"
    r"|nada mas"
)
_AGREES: Final = re.compile(rf"(?:(?:{_YES}|{_POLITE})(?: |$))+")
_A_YES: Final = re.compile(rf"\b(?:{_YES})\b")
_NOT_YET: Final[tuple[tuple[Answer, re.Pattern[str]], ...]] = (
    (
        Answer.WAITS,
        re.compile(r"\b(?:esper[ea]|un momento|un segundo|dej[ea]me|a ver|no se|permitame)\b"),
    ),
    (
        Answer.CONDITION,
        re.compile(r"\b(?:pero|si hay|siempre que|depende|solo si|tal vez|quizas?|a menos)\b"),
    ),
    (
        Answer.CORRECTS,
        re.compile(
            r"\b(?:mejor|otro|otra|cambi\w+|mas (?:tarde|temprano)|lunes|martes|miercoles|jueves"
            r"|viernes"
            r"|sabado|domingo|manana|a las|en vez|no ese|no esa)\b"
        ),
    ),
    (
        Answer.ASKS,
        re.compile(r"\b(?:que|cuanto|cuando|como|donde|cual|puedo|puede|tienen|hay)\b"),
    ),
    (Answer.DECLINES, re.compile(r"\b(?:no|nunca|jamas|tampoco|olvidelo|dejelo)\b")),
)  # fmt: skip


def urgent_in_spanish(text: str) -> Intent | None:
    """What must not wait for a model, the most urgent of it; None for nothing."""
    said = _plain(text)
    return next((intent for intent, pattern in _URGENT if pattern.search(said)), None)


def judge_spanish(text: str) -> Answer:
    """Whether an answer in Spanish to a question for consent agrees: all of it has to."""
    said = _plain(text)
    if not said:
        return Answer.UNCLEAR
    if len(said.split()) <= MOST_WORDS and _AGREES.fullmatch(said) and _A_YES.search(said):
        return Answer.ASKS if "?" in text else Answer.AGREES
    if "?" in text:
        return Answer.ASKS
    return next((answer for answer, pattern in _NOT_YET if pattern.search(said)), Answer.UNCLEAR)


def judge_in(language: Language, text: str) -> Answer:
    """Whether an answer to a question of ours agrees, in the language of the call."""
    return judge_spanish(text) if language is Language.SPANISH else judge(text)


_WEEKDAYS: Final = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_MONTHS: Final = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio"),
    *("agosto", "septiembre", "octubre", "noviembre", "diciembre"),
)


def describe_start_in_spanish(start: datetime) -> str:
    """A local start: "martes 24 de noviembre a las 9:00 AM"."""
    day = f"{_WEEKDAYS[start.weekday()]} {start.day} de {_MONTHS[start.month - 1]}"
    hour = start.hour % 12 or 12
    at = "a la" if hour == 1 else "a las"
    return f"{day} {at} {hour}:{start.minute:02d} {'AM' if start.hour < 12 else 'PM'}"


def _plain(text: str) -> str:
    """Small letters without accents, single spaces, no marks."""
    return " ".join(re.findall(r"[a-z0-9]+", folded(text)))
