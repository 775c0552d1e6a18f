"""The listen stand-in with known audio, held to the vendor's client and types."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from deepgram.core.api_error import ApiError
from deepgram.listen.v1.types import (
    ListenV1Error,
    ListenV1Metadata,
    ListenV1Results,
    ListenV1SpeechStarted,
    ListenV1UtteranceEnd,
)
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from sandbox.audio import carrier

QUERY = {
    "model": "nova-2-phonecall",
    "encoding": "mulaw",
    "sample_rate": "8000",
    "channels": "1",
    "interim_results": "true",
    "endpointing": "300",
    "utterance_end_ms": "1000",
    "vad_events": "true",
    "smart_format": "true",
}
TYPES = {
    "Results": ListenV1Results,
    "SpeechStarted": ListenV1SpeechStarted,
    "UtteranceEnd": ListenV1UtteranceEnd,
    "Metadata": ListenV1Metadata,
    "Error": ListenV1Error,
}
SENTENCE = "I'd like an oil change, please."


def path(**changes: str | None) -> str:
    query = {name: value for name, value in (QUERY | changes).items() if value is not None}
    return "/v1/listen?" + str(httpx.QueryParams(query))


def silence(ms: int) -> bytes:
    return b"\xff" * (8 * ms)


def transcript(message: dict[str, Any]) -> str:
    return message["channel"]["alternatives"][0]["transcript"]


async def transcribe(served, audio: bytes, piece: int = 160, **query: str | None) -> list[Any]:
    """All messages for `audio`, each checked against the SDK's type."""
    async with served.socket(path(**query)) as socket:
        for at in range(0, len(audio), piece):
            await socket.send(audio[at : at + piece])
        await socket.send('{"type":"CloseStream"}')
        received = [json.loads(message) async for message in socket]
        assert socket.close_code == 1000
    for message in received:
        TYPES[message["type"]].model_validate(message)
    return received


async def test_an_utterance_from_its_start_to_the_gap_after_it(served) -> None:
    words = carrier.encode(SENTENCE, 2000)
    received = await transcribe(served, silence(500) + words + silence(1500))
    assert [m["type"] for m in received[:1]] == ["SpeechStarted"]
    assert received[0]["timestamp"] == 0.5
    results = [m for m in received if m["type"] == "Results" and transcript(m)]
    interims, finals = results[:-1], results[-1:]
    assert len(interims) >= 2
    assert not any(m["is_final"] or m["speech_final"] for m in interims)
    said = [transcript(m) for m in interims]
    assert said == sorted(said, key=len)
    assert all(SENTENCE.startswith(text) for text in said)
    (final,) = finals
    assert (transcript(final), final["is_final"], final["speech_final"]) == (SENTENCE, True, True)
    assert (final["start"], final["start"] + final["duration"]) == (0.5, 2.5)
    spoken = final["channel"]["alternatives"][0]["words"]
    assert [w["punctuated_word"] for w in spoken] == SENTENCE.split()
    assert (spoken[0]["start"], spoken[-1]["end"]) == (0.5, 2.5)
    assert [m["last_word_end"] for m in received if m["type"] == "UtteranceEnd"] == [2.5]
    assert received[-1]["type"] == "Metadata"
    assert received[-1]["duration"] == 4.0


async def test_the_sdk_reads_it_all(served) -> None:
    async with served.sdk().listen.v1.connect(**QUERY) as socket:
        await socket.send_keep_alive()
        await socket.send_media(carrier.encode(SENTENCE, 1000) + silence(400))
        heard = []
        while not heard or not getattr(heard[-1], "speech_final", False):
            heard.append(await asyncio.wait_for(socket.recv(), 5))
        assert isinstance(heard[0], ListenV1SpeechStarted)
        assert isinstance(heard[-1], ListenV1Results)
        assert heard[-1].channel.alternatives[0].transcript == SENTENCE
        await socket.send_finalize()
        assert (await asyncio.wait_for(socket.recv(), 5)).from_finalize is True
        await socket.send_close_stream()
        assert isinstance(await asyncio.wait_for(socket.recv(), 5), ListenV1Results)
        assert isinstance(await asyncio.wait_for(socket.recv(), 5), ListenV1Metadata)


async def test_how_the_audio_is_cut_changes_nothing_that_is_final(served) -> None:
    audio = silence(300) + carrier.encode(SENTENCE) + silence(700)
    finals = [
        [m for m in await transcribe(served, audio, piece) if m.get("speech_final")]
        for piece in (160, 333, 8000, len(audio))
    ]
    assert all([transcript(m) for m in found] == [SENTENCE] for found in finals)
    # Positions are those of the piece of at most 20 ms in which the words began.
    assert all(abs(found[0]["start"] - 0.3) < 0.02 for found in finals)


async def test_a_pause_shorter_than_endpointing_joins(served) -> None:
    audio = (
        carrier.encode("It is eight one five", 800)
        + silence(200)
        + carrier.encode("five five five.", 800)
        + silence(600)
    )
    finals = [m for m in await transcribe(served, audio) if m.get("speech_final")]
    assert [transcript(m) for m in finals] == ["It is eight one five five five five."]


async def test_without_interims_vad_events_or_formatting_none_come(served) -> None:
    received = await transcribe(
        served,
        carrier.encode(SENTENCE) + silence(500),
        interim_results=None,
        utterance_end_ms=None,
        vad_events=None,
        smart_format=None,
    )
    assert [m["type"] for m in received] == ["Results", "Results", "Metadata"]
    assert transcript(received[0]) == "i'd like an oil change please"
    assert "punctuated_word" not in received[0]["channel"]["alternatives"][0]["words"][0]


async def test_endpointing_switched_off_leaves_the_final_to_finalize(served) -> None:
    received = await transcribe(
        served, carrier.encode(SENTENCE) + silence(3000), endpointing="false"
    )
    assert not any(m.get("speech_final") for m in received)
    (final,) = [m for m in received if m.get("from_finalize")]
    assert transcript(final) == SENTENCE


async def test_words_cut_short_are_only_those_that_were_spoken(served) -> None:
    words = carrier.encode("one two three four five six seven eight", 4000)
    received = await transcribe(served, words[: 8 * 2000] + silence(1000))
    (final,) = [m for m in received if m.get("speech_final")]
    assert transcript(final) == "one two three four"


async def test_silence_yields_empty_results_now_and_then(served) -> None:
    received = await transcribe(served, silence(11_000))
    assert [transcript(m) for m in received if m["type"] == "Results"] == ["", "", ""]


async def test_an_empty_binary_frame_ends_the_stream(served) -> None:
    async with served.socket(path()) as socket:
        await socket.send(carrier.encode("Yes.", 500))
        await socket.send(b"")
        received = [json.loads(message) async for message in socket]
    assert received[-1]["type"] == "Metadata"
    assert transcript(received[-2]) == "Yes."
    assert socket.close_code == 1000


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"Nonsense"}', '"KeepAlive"'])
async def test_a_text_frame_that_is_no_command_is_answered_and_survived(served, text) -> None:
    async with served.socket(path()) as socket:
        await socket.send(text)
        error = ListenV1Error.model_validate_json(await asyncio.wait_for(socket.recv(), 5))
        assert (error.variant, error.message) == ("SchemaError", text)
        await socket.send('{"type":"CloseStream"}')
        assert json.loads([m async for m in socket][-1])["type"] == "Metadata"


@pytest.mark.parametrize("header", ["Token wrong", "Basic x", "Token", ""])
async def test_a_wrong_key_is_refused_with_deepgrams_headers(served, header) -> None:
    request = {
        "Authorization": header,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    async with httpx.AsyncClient() as client:
        answer = await client.get(served.http + "/deepgram" + path(), headers=request)
    assert answer.status_code == 401
    assert answer.headers["dg-error"] == "Invalid credentials."
    assert answer.headers["dg-request-id"] == answer.json()["request_id"]


async def test_the_sdk_raises_on_a_wrong_key(served) -> None:
    served.world.api_key = "another"
    client = served.sdk()
    served.world.api_key = "the right one"
    with pytest.raises(ApiError) as raised:
        async with client.listen.v1.connect(**QUERY):
            raise AssertionError("accepted")
    assert raised.value.status_code == 401


@pytest.mark.parametrize(
    ("changes", "blamed"),
    [
        ({"encoding": "opus"}, "encoding"),
        ({"encoding": "pcm"}, "encoding"),
        ({"encoding": "linear16", "sample_rate": None}, "sample_rate"),
        ({"sample_rate": "4000"}, "sample_rate"),
        ({"sample_rate": "96000"}, "sample_rate"),
        ({"sample_rate": "8k"}, "sample_rate"),
        ({"channels": "2"}, "channels"),
        ({"interim_results": None}, "utterance_end_ms"),
        ({"interim_results": "maybe"}, "interim_results"),
        ({"utterance_end_ms": "900"}, "utterance_end_ms"),
        ({"endpointing": "soon"}, "endpointing"),
    ],
)
async def test_an_impossible_query_is_refused(served, changes, blamed) -> None:
    with pytest.raises(InvalidStatus) as raised:
        async with served.socket(path(**changes)):
            raise AssertionError("accepted")
    assert raised.value.response.status_code == 400
    assert blamed in raised.value.response.headers["dg-error"]


@pytest.mark.parametrize(("kind", "status"), [("refuse", 429), ("fail", 503)])
async def test_a_fault_at_the_handshake(served, kind, status) -> None:
    served.world.faults.add("deepgram.listen", kind, status=503, count=1)
    with pytest.raises(InvalidStatus) as raised:
        async with served.socket(path()):
            raise AssertionError("accepted")
    assert raised.value.response.status_code == status
    async with served.socket(path()) as socket:
        await socket.send('{"type":"CloseStream"}')


async def test_drop_breaks_an_open_stream_without_a_close_frame(served) -> None:
    async with served.socket(path()) as socket:
        await socket.send(silence(20))
        served.world.faults.add("deepgram.listen", "drop", count=1)
        await socket.send(silence(20))
        with pytest.raises(ConnectionClosedError) as raised:
            await asyncio.wait_for(socket.recv(), 5)
        assert raised.value.rcvd is None


async def test_stall_keeps_the_stream_open_and_silent(served) -> None:
    served.world.faults.add("deepgram.listen", "stall", count=1)
    async with served.socket(path()) as socket:
        await socket.send(carrier.encode("Hello?", 500) + silence(2000))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.3)


async def test_slow_delays_the_final(served) -> None:
    loop = asyncio.get_running_loop()
    async with served.socket(path(interim_results=None, utterance_end_ms=None)) as socket:
        served.world.faults.add("deepgram.listen", "slow", delay_ms=300, count=1)
        begun = loop.time()
        await socket.send(carrier.encode("Yes.", 300) + silence(400))
        message: dict[str, Any] = {}
        while not message.get("speech_final"):
            message = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert loop.time() - begun >= 0.3


async def test_the_log_tells_when_a_final_went_out(served) -> None:
    await transcribe(served, carrier.encode("Yes.", 300) + silence(500))
    async with httpx.AsyncClient(base_url=served.http, headers=served.steering) as client:
        entries = (await client.get("/sandbox/deepgram/log")).json()["entries"]
        (final,) = [entry for entry in entries if entry.get("speech_final")]
        assert (final["text"], final["end_ms"]) == ("Yes.", 300)
        later = await client.get("/sandbox/deepgram/log", params={"after": entries[-1]["at"]})
        assert later.json() == {"entries": []}


async def test_fifty_streams_leave_nothing_behind(served) -> None:
    audio = carrier.encode(SENTENCE) + silence(500)
    answers = await asyncio.gather(*(transcribe(served, audio, 1600) for _ in range(50)))
    assert all(any(m.get("speech_final") for m in answer) for answer in answers)
    for _ in range(100):
        if served.world.tasks == 0:
            break
        await asyncio.sleep(0.01)
    assert served.world.tasks == 0
