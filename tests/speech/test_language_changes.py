"""A call that goes on in Spanish: recogniser and voice are others from then on, and the English
ones again in the next call. The media link and the sockets are real."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from otto.events import SpeechDone, Transcript, WorkerFailed
from otto.language.languages import Language
from otto.speech import listen, wire
from otto.speech.listen import Listener
from otto.speech.phrases import synthesise
from otto.speech.speak import Speaker
from tests.speech.test_listen import Hears, audio
from tests.speech.test_speak import Voice, sound, until_heard


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(listen, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))


def asked(server: Any) -> list[tuple[str, str]]:
    """(model, language) of each socket that was opened."""
    queries = [parse_qs(urlsplit(request.path).query) for request in server.requests]
    return [(query["model"][0], query.get("language", [""])[0]) for query in queries]


async def test_the_recogniser_changes_in_the_call_and_back_for_the_next(
    call: Any, deepgram: Any, results: Any
) -> None:
    english = Hears(8000, results("hola", 0, 1, final=True, speech_final=True))
    spanish = Hears(8000, results("necesito aceite", 0, 1, final=True, speech_final=True))
    async with deepgram(english, spanish).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(audio(1))
        await call.wait_for(lambda e: isinstance(e, Transcript) and e.text == "hola")
        listener.use_language(Language.SPANISH)
        listener.use_language(Language.SPANISH)
        call.talk(audio(1), 1000)
        call.fall_silent(2000)
        heard = await call.wait_for(lambda e: isinstance(e, Transcript) and "aceite" in e.text)
        assert heard.start_ms == 1000  # nothing that was final is heard twice
        await listener.detach()
        await listener.attach(call.address, call.token)
        await listener.detach()
    assert asked(server) == [
        ("nova-2-phonecall", "en-US"),
        ("nova-2", "es"),
        ("nova-2-phonecall", "en-US"),
    ]
    assert not any(isinstance(event, WorkerFailed) for event in call.events)
    assert all(is_ok for _, is_ok, _ in call.reports)


async def test_a_language_that_is_told_first_is_listened_to_from_the_start(
    call: Any, deepgram: Any
) -> None:
    """As when the next owner of a call, or a worker in another's place, begins."""
    async with deepgram(Hears(0)).serving() as server:
        listener = Listener(server.settings, call.events.append)
        listener.use_language(Language.SPANISH)
        await listener.attach(call.address, call.token)
        await listener.detach()
    assert asked(server) == [("nova-2", "es")]


async def test_flux_gives_way_to_a_recogniser_that_knows_spanish(call: Any, deepgram: Any) -> None:
    async with deepgram(Hears(0)).serving(listen_model="flux-general-en") as server:
        listener = Listener(server.settings, call.events.append)
        listener.use_language(Language.SPANISH)
        await listener.attach(call.address, call.token)
        await listener.detach()
    assert urlsplit(server.requests[0].path).path == "/v1/listen"
    assert asked(server) == [("nova-2", "es")]


async def test_the_voice_changes_with_the_next_sentence(call: Any, deepgram: Any) -> None:
    async with deepgram(Voice()).serving() as server:
        speaker = Speaker(server.settings, 100, call.events.append)
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(1, 0, "It is $80.")
        speaker.finish(1)
        await call.wait_for_type(SpeechDone)
        speaker.use_language(Language.SPANISH)
        speaker.say(2, 0, "Son $80 a las 9:00 AM.")
        speaker.finish(2)
        wanted = sound("Son $80 a las 9:00 AM.")  # its voice reads figures by itself
        assert await until_heard(call, 2, len(wanted)) == wanted
        await speaker.detach()
        await speaker.attach(call.address, call.downlink_token)
        speaker.say(3, 0, "It is $80.")
        speaker.finish(3)
        wanted = sound("It is eighty dollars.")
        assert await until_heard(call, 3, len(wanted)) == wanted
        await speaker.detach()
    models = [model for model, _ in asked(server)]
    assert models == ["aura-2-thalia-en", "aura-2-celeste-es", "aura-2-thalia-en"]
    assert not any(isinstance(event, WorkerFailed) for event in call.events)


async def test_phrases_are_spoken_beforehand_by_their_own_voice(deepgram: Any) -> None:
    async with deepgram(Voice()).serving() as server:
        settings = server.settings.in_spanish()
        said = await synthesise(settings, "Llame al 911.", Language.SPANISH)
    assert said == sound("Llame al 911.")
    assert [model for model, _ in asked(server)] == ["aura-2-celeste-es"]
