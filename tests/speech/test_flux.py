"""Flux's messages as events, from the sandbox's own to a server's that makes no sense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from config.settings import DeepgramSettings
from otto.events import (
    EagerEndOfTurn,
    SpeechStarted,
    Transcript,
    TurnResumed,
    UtteranceEnd,
    WorkerFailed,
)
from otto.speech import listen, wire
from otto.speech.flux import FluxReader
from otto.speech.listen import Listener
from otto.speech.recognisers import FLUX, NOVA, recogniser_of
from otto.speech.wire import VendorError, flux_query
from sandbox.app import serve
from sandbox.audio import carrier
from sandbox.world import Options, World


def info(event: str, text: str = "", turn: int = 0, start: float = 0.0, end: float = 1.0) -> str:
    words = text.split()
    step = (end - start) / max(1, len(words))
    entries = [
        {
            "word": word,
            "confidence": 0.9,
            "start": start + at * step,
            "end": start + (at + 1) * step,
        }
        for at, word in enumerate(words)
    ]
    body = {"type": "TurnInfo", "event": event, "turn_index": turn, "transcript": text}
    window = {"audio_window_start": start, "audio_window_end": end}
    return json.dumps(body | window | {"words": entries, "end_of_turn_confidence": 0.5})


def reader(known_until_ms: int = 0, from_ms: int = 0) -> FluxReader:
    """One that has been sent ten seconds of audio."""
    made = FluxReader(known_until_ms)
    made.sent(from_ms, 80_000)
    return made


def test_a_turn_becomes_an_interim_and_a_final() -> None:
    flux = reader()
    assert flux.receive('{"type":"Connected","request_id":"r","sequence_id":0}') == []
    assert flux.receive(info("Update")) == []
    began, first = flux.receive(info("StartOfTurn", "I need", end=0.5))
    assert began == SpeechStarted(0)
    assert (first.text, first.is_final, first.end_ms) == ("I need", False, 500)
    assert flux.receive(info("Update", "I need", end=0.75)) == [], "nothing new"
    assert flux.owed is not None and flux.owed.text == "I need"
    [more] = flux.receive(info("Update", "I need an oil change.", end=2.0))
    assert flux.receive(info("EagerEndOfTurn", "I need an oil change.", end=2.0)) == [
        EagerEndOfTurn()
    ]
    assert flux.receive(info("TurnResumed", "I need an oil change.", end=2.0)) == [TurnResumed()]
    [final] = flux.receive(info("EndOfTurn", "I need an oil change.", end=2.0))
    assert final.text == more.text and final.is_final and final.speech_final
    assert (flux.owed, flux.acknowledged_ms, flux.messages) == (None, 2000, 8)


def test_a_noise_is_taken_back() -> None:
    flux = reader()
    flux.receive(info("StartOfTurn", "wait"))
    [nothing] = flux.receive(info("EndOfTurn", ""))
    assert (nothing.text, nothing.is_final, nothing.speech_final) == ("", True, True)
    assert flux.receive(info("EndOfTurn", "", turn=1)) == [], "nobody was told of anything"


@pytest.mark.parametrize(
    "late",
    [
        info("EndOfTurn", "I need tires"),
        info("Update", "I need tires and"),
        info("TurnResumed", "I need tires and"),
        info("StartOfTurn", "I need"),
    ],
)
def test_what_comes_of_a_turn_that_is_over_is_late(late: str) -> None:
    flux = reader()
    flux.receive(info("StartOfTurn", "I need tires"))
    flux.receive(info("EndOfTurn", "I need tires"))
    assert flux.receive(late) == []


@pytest.mark.parametrize(
    "odd",
    [
        info("TurnResumed", ""),
        info("EagerEndOfTurn", ""),
        info("SomethingNew", "words"),
        '{"type":"TurnInfo"}',
        '{"type":"TurnInfo","event":["EndOfTurn"]}',
        '{"type":"ConfigureSuccess","thresholds":{}}',
        '{"type":"Warning","code":"X"}',
        "[]",
        "no JSON",
        "",
    ],
)
def test_what_cannot_be_is_passed_over(odd: str) -> None:
    assert reader().receive(odd) == []


@pytest.mark.parametrize(
    ("words", "window"),
    [
        (None, (0.0, 2.0)),
        ([{"word": "brakes"}], (0.0, 2.0)),
        ([{"word": "brakes", "start": 900.0, "end": 901.0}], (0.0, 2.0)),
        ([{"word": "brakes", "start": -1, "end": "x"}], (5.0, 2.0)),
        ([{"word": "brakes", "start": None, "end": None, "confidence": "high"}], (None, None)),
    ],
)
def test_words_without_times_that_can_be_are_words(words: Any, window: Any) -> None:
    body = json.loads(info("EndOfTurn", "my brakes squeal")) | {"words": words}
    body |= {"audio_window_start": window[0], "audio_window_end": window[1]}
    [heard] = reader().receive(json.dumps(body))
    assert heard.text == "my brakes squeal"
    assert 0 <= heard.start_ms <= heard.end_ms <= 11_000


def test_another_sockets_words_are_left_out_and_times_are_the_calls() -> None:
    flux = reader(known_until_ms=4000, from_ms=3000)
    flux.receive(info("StartOfTurn", "old words", end=0.9))
    [final] = flux.receive(info("EndOfTurn", "old words new ones", end=2.0))
    assert final.text == "new ones"
    assert (final.start_ms, final.end_ms) == (4000, 5000)


def test_settled_words_are_not_told_again() -> None:
    flux = reader()
    flux.receive(info("StartOfTurn", "I need tires"))
    settled = flux.settle()
    assert settled is not None and settled.speech_final and settled.text == "I need tires"
    assert flux.receive(info("EndOfTurn", "I need tires")) == []
    [after] = flux.receive(info("EndOfTurn", "please", turn=1, start=1.5, end=2.0))
    assert after.text == "please" and flux.settle() is None


def test_an_error_says_that_the_socket_is_of_no_use() -> None:
    with pytest.raises(VendorError) as raised:
        reader().receive(
            '{"type":"Error","sequence_id":4,"code":"INTERNAL_SERVER_ERROR","description":"said"}'
        )
    assert raised.value.kind == "dropped" and "said" not in str(raised.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
_EVENTS = ["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn", "Other"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"type": st.just("TurnInfo"), "event": st.sampled_from(_EVENTS)},
            optional={
                "turn_index": st.integers(-2, 4) | _JSON,
                "transcript": st.sampled_from(["", "a", "a b", "a b c"]) | _JSON,
                "words": _JSON,
                "audio_window_start": st.floats() | _JSON,
                "audio_window_end": st.floats() | _JSON,
            },
        ),
        max_size=12,
    )
)
@settings(max_examples=400, deadline=None)
def test_no_server_can_break_it(messages: list[Any]) -> None:
    flux, is_eager = reader(), False
    for message in messages:
        for event in flux.receive(json.dumps(message)):
            match event:
                case EagerEndOfTurn():
                    assert not is_eager
                    is_eager = True
                case TurnResumed():
                    assert is_eager, "nothing is resumed that had not paused"
                    is_eager = False
                case Transcript():
                    assert event.text == event.text.strip() and event.start_ms <= event.end_ms
                    is_eager = is_eager and not event.speech_final
        owed = flux.owed
        assert owed is None or (owed.text and not owed.is_final)
        is_eager = is_eager and flux._is_eager


# The settings


def test_the_model_chooses_the_recogniser() -> None:
    assert recogniser_of(DeepgramSettings()) is NOVA
    chosen = DeepgramSettings(listen_model="flux-general-en", keyterms=["Civic"])
    assert recogniser_of(chosen) is FLUX
    asked = flux_query(chosen)
    assert ("eot_threshold", "0.7") in asked and ("eager_eot_threshold", "0.5") in asked
    assert ("keyterm", "Civic") in asked and "language_hint" not in dict(asked)
    many = chosen.model_copy(update={"listen_model": "flux-general-multi", "language": "es-MX"})
    assert dict(flux_query(many))["language_hint"] == "es"
    none = chosen.model_copy(update={"eager_eot_threshold": 0})
    assert "eager_eot_threshold" not in dict(flux_query(none))
    back = chosen.model_copy(update={"fallback_listen_model": "nova-2-phonecall"})
    assert recogniser_of(back.as_fallback()) is NOVA


@pytest.mark.parametrize(
    "wrong",
    [
        {"eager_eot_threshold": 0.8},
        {"eager_eot_threshold": 0.2},
        {"eot_threshold": 0.4},
        {"eot_threshold": 1.1},
        {"eot_timeout_ms": 100},
    ],
)
def test_thresholds_that_the_vendor_refuses_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DeepgramSettings(listen_model="flux-general-en", **wrong)


# The listener, on the sandbox's wire


@pytest.fixture
async def world() -> AsyncIterator[tuple[World, DeepgramSettings]]:
    world = World(Options(speech="known", listen_final_delay_ms=0))
    async with serve(world) as http:
        url = f"ws{http.removeprefix('http')}/deepgram"
        key = SecretStr(world.api_key)
        yield world, DeepgramSettings(api_key=key, url=url, listen_model="flux-general-en")


async def test_the_listener_hears_turns(call: Any, world: Any) -> None:
    _, chosen = world
    listener = Listener(chosen, call.events.append)
    await listener.attach(call.address, call.token)
    silence = b"\xff" * 8000
    call.talk(carrier.encode("I need an oil change,") + silence)
    await call.wait_for_type(EagerEndOfTurn)
    call.talk(carrier.encode("and new wipers.") + silence, 2302)
    final = await call.wait_for(lambda event: getattr(event, "speech_final", False))
    await listener.detach()
    assert final.text == "I need an oil change, and new wipers."
    kinds = [type(event) for event in call.news]
    assert kinds.index(EagerEndOfTurn) < kinds.index(TurnResumed)
    assert UtteranceEnd not in kinds and WorkerFailed not in kinds
    first = next(event for event in call.events if isinstance(event, Transcript))
    assert first.voice_ms, "a first guess is measured with this recogniser, too"


async def test_a_turn_whose_socket_breaks_is_heard_by_the_next(
    call: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (wire, listen):
        monkeypatch.setattr(module, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    sandbox, chosen = world
    listener = Listener(chosen, call.events.append)
    await listener.attach(call.address, call.token)
    words = carrier.encode("My brakes are making a terrible noise.")
    call.talk(words[: 8 * 1200])
    await call.wait_for_type(Transcript)
    sandbox.faults.add("deepgram.listen", "drop", open=True, count=1)
    await asyncio.sleep(0.05)
    call.talk(words[8 * 1200 :] + b"\xff" * 8000, 1200)
    final = await call.wait_for(lambda event: getattr(event, "speech_final", False))
    await listener.detach()
    assert final.text == "My brakes are making a terrible noise."
    assert not [event for event in call.events if isinstance(event, WorkerFailed)]
