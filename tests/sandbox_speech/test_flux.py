"""Flux as the sandbox plays it, held to the vendor's client, types and order of events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from deepgram.listen.v2.types import (
    ListenV2Configure,
    ListenV2ConfigureFailure,
    ListenV2ConfigureSuccess,
    ListenV2Connected,
    ListenV2FatalError,
    ListenV2TurnInfo,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from sandbox.audio import carrier, mulaw
from sandbox.deepgram.flux_turns import Thresholds, TurnInfo, Turns
from sandbox.deepgram.recognisers import VoiceStarted, Words

PATH = "/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000"
EAGER = "&eager_eot_threshold=0.4"
TYPES = {
    "Connected": ListenV2Connected,
    "TurnInfo": ListenV2TurnInfo,
    "ConfigureSuccess": ListenV2ConfigureSuccess,
    "ConfigureFailure": ListenV2ConfigureFailure,
    "Error": ListenV2FatalError,
}
SENTENCE = "I'd like an oil change, please."


def silence(ms: int) -> bytes:
    return mulaw.SILENCE * (8 * ms)


async def hear(served: Any, audio: bytes, path: str = PATH, piece: int = 640) -> list[Any]:
    """All messages for `audio`, each checked against the SDK's type and in its order."""
    async with served.socket(path) as socket:
        for at in range(0, len(audio), piece):
            await socket.send(audio[at : at + piece])
        await socket.send('{"type":"CloseStream"}')
        received = [json.loads(message) async for message in socket]
        assert socket.close_code == 1000
    for message in received:
        TYPES[message["type"]].model_validate(message)
    assert [m["sequence_id"] for m in received] == list(range(len(received)))
    return received


def turns(received: list[Any]) -> list[Any]:
    return [m for m in received if m["type"] == "TurnInfo" and m["event"] != "Update"]


def events(received: list[Any]) -> list[str]:
    return [m["event"] for m in turns(received)]


async def test_a_turn_from_its_start_to_its_end(served: Any) -> None:
    audio = silence(400) + carrier.encode(SENTENCE, 2000) + silence(1000)
    received = await hear(served, audio, PATH + EAGER)
    assert received[0]["type"] == "Connected"
    assert events(received) == ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]
    start, eager, end = turns(received)
    assert 0 < len(start["transcript"]) < len(SENTENCE) and start["turn_index"] == 0
    assert eager["transcript"] == end["transcript"] == SENTENCE
    assert [w["word"] for w in end["words"]] == SENTENCE.split()
    assert (end["words"][0]["start"], end["words"][-1]["end"]) == (0.4, 2.4)
    assert end["trigger"] == "model" and "trigger" not in eager
    assert 0.4 <= eager["end_of_turn_confidence"] < 0.7 <= end["end_of_turn_confidence"] < 1
    updates = [m for m in received if m["type"] == "TurnInfo" and m["event"] == "Update"]
    assert len(updates) >= 8, "one for every quarter of a second in which nothing else is told"
    assert updates[0]["transcript"] == "" and updates[-1]["turn_index"] == 1


async def test_who_goes_on_behind_an_eager_end_resumes_the_turn(served: Any) -> None:
    words = carrier.encode("I'd like an oil change,", 900) + silence(900)
    received = await hear(
        served, words + carrier.encode("and new wipers.") + silence(900), PATH + EAGER
    )
    assert events(received) == [
        "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"
    ]  # fmt: skip
    assert [m["turn_index"] for m in turns(received)] == [0] * 5
    assert turns(received)[-1]["transcript"] == "I'd like an oil change, and new wipers."


async def test_without_a_threshold_there_is_no_eager_end(served: Any) -> None:
    once = carrier.encode(SENTENCE) + silence(1000)
    received = await hear(served, once * 2)
    assert events(received) == ["StartOfTurn", "EndOfTurn"] * 2
    assert [m["turn_index"] for m in turns(received)] == [0, 0, 1, 1]


async def test_half_a_sentence_ends_by_the_timeout(served: Any) -> None:
    audio = carrier.encode("I need to bring in the") + silence(1200)
    received = await hear(served, audio, PATH + "&eot_timeout_ms=1000")
    assert turns(received)[-1]["trigger"] == "timeout"
    received = await hear(served, audio, PATH + "&eot_threshold=1.0")
    assert events(received) == ["StartOfTurn"], "1.0: only the client ends a turn"


async def test_a_noise_is_a_turn_without_words(served: Any) -> None:
    received = await hear(served, carrier.noise("wait") + silence(1500), PATH + EAGER)
    assert events(received) == ["StartOfTurn", "EndOfTurn"]
    assert turns(received)[-1]["transcript"] == ""


async def test_the_sdk_reads_it_configures_it_and_ends_a_turn(served: Any) -> None:
    async with served.sdk().listen.v2.connect(
        model="flux-general-en", encoding="linear16", sample_rate=16_000, eot_threshold=1.0
    ) as socket:
        assert isinstance(await socket.recv(), ListenV2Connected)
        wide = mulaw.decode(carrier.encode(SENTENCE, 1000) + silence(400)).repeat(2)
        await socket.send_media(wide.astype("<i2").tobytes())
        await socket.send_force_end_turn()
        while (info := await asyncio.wait_for(socket.recv(), 5)).event != "EndOfTurn":
            assert isinstance(info, ListenV2TurnInfo)
        assert (info.transcript, info.trigger) == (SENTENCE, "manual")
        given = {"eager_eot_threshold": 0.4, "eot_threshold": 0.8}
        await socket.send_configure(ListenV2Configure(thresholds=given, keyterms=["Civic"]))
        done = await _skip_updates(socket)
        assert isinstance(done, ListenV2ConfigureSuccess)
        assert (done.thresholds.eager_eot_threshold, done.thresholds.eot_threshold) == (0.4, 0.8)
        await socket.send_configure({"type": "Configure", "thresholds": {"eot_threshold": 3}})
        assert isinstance(await _skip_updates(socket), ListenV2ConfigureFailure)
        await socket.send_close_stream()


async def _skip_updates(socket: Any) -> Any:
    while getattr(message := await asyncio.wait_for(socket.recv(), 5), "event", "") == "Update":
        pass
    return message


async def test_a_message_that_is_none_is_fatal(served: Any) -> None:
    async with served.socket(PATH) as socket:
        await socket.recv()
        await socket.send('{"type":"KeepAlive"}')
        error = json.loads(await asyncio.wait_for(socket.recv(), 5))
        TYPES["Error"].model_validate(error)
        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(socket.recv(), 5)
    assert error["sequence_id"] == 1


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ("model=nova-3&encoding=mulaw&sample_rate=8000", "model"),
        ("model=flux-general-en&encoding=mulaw", "sample_rate"),
        ("model=flux-general-en&eot_threshold=0.4", "eot_threshold"),
        ("model=flux-general-en&eager_eot_threshold=0.2", "eager_eot_threshold"),
        ("model=flux-general-en&eager_eot_threshold=0.8", "eager_eot_threshold"),
        ("model=flux-general-en&eot_timeout_ms=60001", "eot_timeout_ms"),
        ("model=flux-general-en&eot_timeout_ms=nan", "eot_timeout_ms"),
    ],
)
async def test_an_impossible_query_is_refused(served: Any, query: str, blamed: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with served.socket("/v2/listen?" + query):
            raise AssertionError("accepted")
    assert refused.value.response.status_code == 400
    assert blamed in refused.value.response.headers["dg-error"]


# The vendor's order of events, whatever is heard

_HEARD = st.one_of(
    st.sampled_from([20, 60, 200, 400, 1000]),
    st.just("voice"),
    st.sampled_from(["", "I need", "an oil change."]).flatmap(
        lambda text: st.tuples(st.just(text), st.booleans())
    ),
)


@given(st.lists(_HEARD, max_size=40), st.sampled_from([None, 0.3, 0.5]))
@settings(max_examples=500, deadline=None)
def test_events_come_in_the_vendors_order(heard: list[Any], eager: float | None) -> None:
    told: list[TurnInfo] = []
    rules, now_ms = Turns(Thresholds(eager=eager)), 0
    for what in heard:
        if isinstance(what, int):
            for _ in range(what // 20):
                now_ms += 20
                told += rules.passed(now_ms)
        elif what == "voice":
            told += rules.hear(VoiceStarted(now_ms))
        else:
            text, is_final = what
            told += rules.hear(Words(text, max(0, now_ms - 300), now_ms, is_final=is_final))
    state, index, before = "initial", 0, ""
    for info in told:
        assert info.index == index
        match info.event:
            case "StartOfTurn":
                assert state == "initial"
                state = "ongoing"
            case "EagerEndOfTurn":
                assert state == "ongoing" and info.transcript
                state, before = "awaiting", info.transcript
            case "TurnResumed":
                assert state == "awaiting"
                state = "ongoing"
            case "EndOfTurn":
                assert state in {"ongoing", "awaiting"} and info.trigger
                assert state != "awaiting" or info.transcript == before
                state, index = "initial", index + 1
            case "Update":
                continue
        assert (info.trigger is not None) is (info.event == "EndOfTurn")
