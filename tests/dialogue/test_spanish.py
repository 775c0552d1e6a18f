"""Calls in Spanish, behind their setting: what is heard, in which language, what still holds."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from config.dealership import Dealership
from otto.dialogue.exchange import Exchange, Round
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.state import Directive, Session
from otto.dialogue.tools.consent import NotDone, why_not_in_spanish
from otto.dialogue.tools.heard import Named
from otto.dialogue.tools.spanish_consent import spanish_read_back
from otto.language.consent import Answer
from otto.language.intents import Intent
from otto.language.languages import Language, asks_for_english, asks_for_spanish
from otto.language.spanish import judge_spanish, urgent_in_spanish
from tests.support.call import NOW, Call, Step

HOURS = ("dealership_info", {"topic": "hours", "service": None, "date": None})


def test_both_languages_have_the_same_sentences(dealership: Dealership) -> None:
    phrases = Phrases(dealership, spanish=True)
    english = {name for name in vars(phrases) if not name.startswith("_")}
    before = {name: getattr(phrases, name) for name in english}
    phrases.speak(Language.SPANISH)
    assert all(getattr(phrases, name) != before[name] for name in english)
    phrases.speak(Language.ENGLISH)
    assert {name: getattr(phrases, name) for name in english} == before
    assert len(phrases.all()) == 2 * len(english)
    assert len(Phrases(dealership).all()) == len(english)


@pytest.mark.looptime
@pytest.mark.parametrize("words", ["Hola, necesito un cambio de aceite", "Spanish please"])
async def test_who_speaks_spanish_is_answered_in_spanish(ring: Any, words: str) -> None:
    call: Call = await ring(spanish=True)
    await call.say(words)
    await call.until_quiet()
    assert call.telephone.said[-1].startswith("Claro, sigamos en español.")
    assert call.telephone.language is Language.SPANISH
    assert call.language_model.requests == []
    await call.turn("¿A qué hora abren?", Step("", (HOURS,)), Step("Abrimos a las 7:30 AM."))
    messages, _ = call.language_model.requests[-1]
    assert "The caller speaks Spanish" in messages[0]["content"]
    assert call.telephone.said[-1] == "Abrimos a las 7:30 AM."
    await call.conversation.close()


@pytest.mark.looptime
async def test_without_the_setting_a_person_comes(ring: Any) -> None:
    call: Call = await ring()
    await call.say("Hola, necesito un cambio de aceite")
    await call.until_quiet()
    await call.conversation.close()
    assert call.conversation.session.outcome == "other_language"
    assert call.conversation.session.directive is Directive.TRANSFER
    assert call.telephone.language is Language.ENGLISH


@pytest.mark.looptime
async def test_danger_a_person_and_english_are_heard_in_spanish_too(ring: Any) -> None:
    call: Call = await ring(spanish=True)
    await call.say("Español por favor")
    await call.until_quiet()
    await call.say("¿Es usted un robot?")
    await call.until_quiet()
    assert call.telephone.said[-1].startswith("Soy Otto, un asistente automático")
    await call.say("English please")
    await call.until_quiet()
    assert call.telephone.said[-1].startswith("Of course, let's go on in English.")
    assert call.telephone.language is Language.ENGLISH
    await call.say("En español")
    await call.until_quiet()
    await call.say("No me sirven los frenos")
    await call.until_quiet()
    await call.conversation.close()
    assert call.conversation.session.outcome == "danger"
    assert "no maneje el carro" in call.telephone.said[-1]


@pytest.mark.looptime
async def test_the_next_owner_of_a_call_goes_on_in_its_language(ring: Any) -> None:
    call: Call = await ring(spanish=True)
    await call.say("Hola, buenos días")
    await call.until_quiet()
    await asyncio.sleep(2)
    heir: Call = await ring(
        spanish=True, memory=call.memory, checkpoint=call.telephone.checkpoint, greeted=False
    )
    await heir.until_quiet()
    assert heir.conversation.session.language is Language.SPANISH
    assert heir.telephone.language is Language.SPANISH
    assert heir.telephone.said[0].startswith("Disculpe")
    await heir.conversation.close()
    await call.conversation.close()


def test_a_session_of_an_older_release_is_english() -> None:
    dump = Session("CA1", "+13125550142", "+13125550100", NOW.isoformat()).dump()
    del dump["language"]
    assert Session.load(dump).language is Language.ENGLISH


@pytest.mark.parametrize(
    ("text", "spanish"),
    [
        ("hola", True),
        ("¿Habla español?", True),
        ("Do you speak Spanish?", True),
        ("buenas tardes, quiero una cita", True),
        ("I need an oil change", False),
        ("I'm on Spanish Fork Avenue", False),
        ("Parlez-vous français?", False),
        ("Do you speak Polish", False),
    ],
)
def test_who_asks_for_spanish(text: str, spanish: bool) -> None:
    assert asks_for_spanish(text) is spanish


def test_who_asks_for_english() -> None:
    assert asks_for_english("English please") and asks_for_english("hablo inglés")
    assert not asks_for_english("no hablo inglés") and not asks_for_english("sí")


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("huele a gasolina", Intent.DANGER),
        ("sale humo del motor", Intent.DANGER),
        ("me quedé sin frenos", Intent.DANGER),
        ("el volante se trabó", Intent.DANGER),
        ("quiero hablar con una persona", Intent.PERSON),
        ("comuníqueme con un agente por favor", Intent.PERSON),
        ("operadora", Intent.PERSON),
        ("no me llamen más", Intent.OPT_OUT),
        ("quiten mi número de la lista", Intent.OPT_OUT),
        ("¿eres un robot?", Intent.ROBOT),
        ("necesito un cambio de aceite", None),
        ("los frenos hacen ruido", None),
        ("quiero hablar de mi carro", None),
    ],
)
def test_what_is_urgent_in_spanish(text: str, intent: Intent | None) -> None:
    assert urgent_in_spanish(text) is intent


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Sí", Answer.AGREES),
        ("sí, por favor", Answer.AGREES),
        ("Claro que sí, gracias", Answer.AGREES),
        ("está bien", Answer.AGREES),
        ("de acuerdo, resérvelo", Answer.AGREES),
        ("adelante", Answer.AGREES),
        ("Yes.", Answer.AGREES),
        ("no", Answer.DECLINES),
        ("no gracias", Answer.DECLINES),
        ("sí, pero a las diez", Answer.CONDITION),
        ("mejor el martes", Answer.CORRECTS),
        ("espere un momento", Answer.WAITS),
        ("¿cuánto cuesta?", Answer.ASKS),
        ("gracias", Answer.UNCLEAR),
        ("este", Answer.UNCLEAR),
        ("", Answer.UNCLEAR),
    ],
)
def test_consent_in_spanish(text: str, answer: Answer) -> None:
    assert judge_spanish(text) is answer


def named(dealership: Dealership, about: Any = "book") -> Named:
    before = datetime.fromisoformat("2026-11-30T13:00") if about == "move" else None
    return Named(
        about=about,
        sentence="",
        start=datetime.fromisoformat("2026-12-01T09:00"),
        codes=frozenset({"oil_change"}),
        service="Oil change",
        car="2019 Honda Civic",
        cars=(),
        needs_car=True,
        cents=frozenset({7995}),
        transport="drop_off",
        before=before,
        needs_before=False,
    )


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        (
            "book",
            "Sería un cambio de aceite para su 2019 Honda Civic, el martes 1 de diciembre a las "
            "9:00 AM, por $79.95. ¿Lo reservo?",
        ),
        (
            "move",
            "Cambiaría un cambio de aceite para su 2019 Honda Civic del lunes 30 de noviembre a la "
            "1:00 PM al martes 1 de diciembre a las 9:00 AM. ¿Lo cambio?",
        ),
        (
            "cancel",
            "Es un cambio de aceite para su 2019 Honda Civic, el martes 1 de diciembre a las "
            "9:00 AM. ¿Cancelo esa cita?",
        ),
    ],
)
def test_what_is_read_back_in_spanish(dealership: Dealership, about: str, sentence: str) -> None:
    assert spanish_read_back(named(dealership, about), dealership.services) == sentence


SAID = "Sería un cambio de aceite el martes 1 de diciembre a las 9:00 AM. ¿Lo reservo?"


@pytest.mark.parametrize(
    ("exchange", "code"),
    [
        (Exchange((Round(f"Muy bien. {SAID}", "", "Sí, por favor"),)), None),
        (Exchange((Round(SAID, "", "Keyed on the telephone keypad: 1"),)), None),
        (Exchange((Round(SAID, "", "no"),)), NotDone.DECLINED),
        (Exchange((Round(SAID, "", "sí, pero a las diez"),)), NotDone.CONDITION),
        (Exchange((Round(SAID, "", "espere"),)), NotDone.WAITS),
        (Exchange((Round(SAID, "", "eh"),)), NotDone.UNCLEAR),
        (Exchange((Round("Hola", "", "sí"),), SAID), NotDone.NO_ANSWER),
        (Exchange((Round(f"{SAID} ¿O a las diez?", "", "sí"),)), NotDone.NOT_READ_BACK),
        (Exchange((Round(SAID.replace("9:00", "9:30"), "", "sí"),)), NotDone.NOT_READ_BACK),
        (Exchange((Round("¿Lo reservo?", "", "sí"),)), NotDone.NOT_READ_BACK),
        (Exchange((Round(SAID, "", "sí"),), "¿Algo más?"), NotDone.NOT_READ_BACK),
        (Exchange(), NotDone.NOT_READ_BACK),
    ],
)
def test_consent_in_a_spanish_call(exchange: Exchange, code: NotDone | None) -> None:
    """Only our own sentence, word for word and last, is one that a yes agrees to."""
    assert why_not_in_spanish(exchange, SAID) is code


@pytest.mark.looptime
async def test_a_booking_in_spanish_from_the_greeting_on(ring: Any) -> None:
    """Keys prove who calls and say yes; the sentence that is agreed to is the product's own."""
    call: Call = await ring(spanish=True)
    await call.say("Español por favor")
    await call.until_quiet()
    identify = ("identify_caller", {"phone_number": None})
    await call.turn(
        "Necesito un cambio de aceite", Step("", (identify,)), Step("¿Su fecha de nacimiento?")
    )
    call.language_model.script = [
        Step("", (("verify_caller", {"date_of_birth": "03121984"}),)),
        Step("", (("find_openings", {"services": ["oil_change"], "when": "tomorrow"}),)),
        Step("¿A las nueve?"),
    ]
    for key in "03121984#":
        call.press(key)
    await call.until_quiet()
    slot = call.results()[-1]["openings"][0]["slot_id"]
    book = ("book_appointment", {"slot_id": slot, "vehicle_ref": None, "notes": None})
    await call.turn("Sí", Step("", (book,)), lambda: Step(call.results()[-1]["read_back"]))
    assert call.results()[-1]["code"] == "not_read_back" and not call.book.bookings
    call.language_model.script = [Step("", (book,)), Step("Su cita está reservada.")]
    await call.say("Sí, por favor")
    await call.until_quiet()
    assert call.results()[-1]["status"] == "booked" and len(call.book.bookings) == 1
    await call.conversation.close()
