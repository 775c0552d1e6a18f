"""The speak stand-in with known audio, held to the vendor's client and types."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from deepgram.speak.v1.types import (
    SpeakV1Cleared,
    SpeakV1Flushed,
    SpeakV1Metadata,
    SpeakV1Text,
    SpeakV1Warning,
)
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from sandbox.audio.carrier import CarrierDetector

PATH = "/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"
TYPES = {
    "Metadata": SpeakV1Metadata,
    "Flushed": SpeakV1Flushed,
    "Cleared": SpeakV1Cleared,
    "Warning": SpeakV1Warning,
}


def words(audio: bytes) -> list[str]:
    return [event.text for event in CarrierDetector().feed(audio) if hasattr(event, "from_ms")]


async def until(socket, kind: str) -> tuple[bytes, list[dict[str, Any]]]:
    """The audio and the messages up to the first of `kind`, checked against the SDK's types."""
    audio, messages = b"", []
    while True:
        message = await asyncio.wait_for(socket.recv(), 5)
        if isinstance(message, bytes):
            audio += message
            continue
        messages.append(json.loads(message))
        TYPES[messages[-1]["type"]].model_validate(messages[-1])
        if messages[-1]["type"] == kind:
            return audio, messages


async def say(socket, text: str) -> None:
    await socket.send(json.dumps({"type": "Speak", "text": text}))


async def test_the_sdk_speaks_a_sentence(served) -> None:
    async with served.sdk().speak.v1.connect(
        model="aura-2-thalia-en", encoding="mulaw", sample_rate="8000"
    ) as socket:
        assert isinstance(await socket.recv(), SpeakV1Metadata)
        await socket.send_text(SpeakV1Text(text="Thank you "))
        await socket.send_text(SpeakV1Text(text="for calling."))
        await socket.send_flush()
        audio = b""
        while isinstance(message := await asyncio.wait_for(socket.recv(), 5), bytes):
            audio += message
        assert isinstance(message, SpeakV1Flushed)
        assert words(audio) == ["Thank you for calling."]
        await socket.send_close()
        with pytest.raises(ConnectionClosedOK):
            await asyncio.wait_for(socket.recv(), 5)


async def test_each_flush_is_answered_in_order_with_its_number(served) -> None:
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        for text in ("One.", "Two.", "Three."):
            await say(socket, text)
            await socket.send('{"type":"Flush"}')
        for number, text in enumerate(("One.", "Two.", "Three.")):
            audio, messages = await until(socket, "Flushed")
            assert (words(audio), messages[-1]["sequence_id"]) == ([text], number)


async def test_audio_begins_after_the_delay_that_was_asked_for(served) -> None:
    served.world.options.speak_first_byte_ms = 150
    loop = asyncio.get_running_loop()
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await say(socket, "Hello.")
        begun = loop.time()
        await socket.send('{"type":"Flush"}')
        await asyncio.wait_for(socket.recv(), 5)
        assert 0.14 < loop.time() - begun < 1


async def test_clear_forgets_what_was_not_sent(served) -> None:
    served.world.options.speak_pace = 1.0
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await say(socket, "A long sentence that nobody wants to hear to its end any more.")
        await socket.send('{"type":"Flush"}')
        await say(socket, "And a second one.")
        await socket.send('{"type":"Flush"}')
        first = await asyncio.wait_for(socket.recv(), 5)
        assert isinstance(first, bytes)
        await say(socket, "Not even begun.")
        await socket.send('{"type":"Clear"}')
        _, messages = await until(socket, "Cleared")
        assert [m["type"] for m in messages] == ["Cleared"]
        await say(socket, "Yes?")
        await socket.send('{"type":"Flush"}')
        audio, _ = await until(socket, "Flushed")
        assert words(audio) == ["Yes?"]


async def test_the_twenty_first_flush_in_a_minute_is_warned_about_and_not_done(served) -> None:
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        for _ in range(20):
            await socket.send('{"type":"Flush"}')
        for _ in range(20):
            await until(socket, "Flushed")
        await say(socket, "Too much.")
        await socket.send('{"type":"Flush"}')
        _, messages = await until(socket, "Warning")
        assert messages[-1]["code"] == "EXCEEDED_FLUSH_LIMIT"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.2)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "MESSAGE_NOT_UNDERSTOOD"),
        ('{"type":"Shout"}', "MESSAGE_NOT_UNDERSTOOD"),
        ('{"type":"Speak"}', "MESSAGE_NOT_UNDERSTOOD"),
        (json.dumps({"type": "Speak", "text": "x" * 2001}), "TEXT_TOO_LONG"),
    ],
)
async def test_what_is_not_understood_is_warned_about(served, frame, code) -> None:
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await socket.send(frame)
        _, messages = await until(socket, "Warning")
        assert messages[-1]["code"] == code
        await say(socket, "Still here.")
        await socket.send('{"type":"Flush"}')
        audio, _ = await until(socket, "Flushed")
        assert words(audio) == ["Still here."]


async def test_binary_from_the_client_is_a_protocol_error(served) -> None:
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await socket.send(b"\xff")
        with pytest.raises(ConnectionClosedError) as raised:
            await asyncio.wait_for(socket.recv(), 5)
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        ("wrong", PATH, 401),
        (None, PATH.replace("8000", "24000"), 400),
        (None, "/v1/speak?encoding=mp3", 400),
    ],
)
async def test_refused_at_the_handshake(served, key, path, status) -> None:
    with pytest.raises(InvalidStatus) as raised:
        async with served.socket(path, key):
            raise AssertionError("accepted")
    assert raised.value.response.status_code == status
    assert raised.value.response.headers["dg-error"]
    assert raised.value.response.headers["dg-request-id"]


async def test_drop_breaks_off_in_the_middle_of_the_audio(served) -> None:
    served.world.faults.add("deepgram.speak", "drop", count=1)
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await say(socket, "This sentence is never finished, however long it is.")
        await socket.send('{"type":"Flush"}')
        assert isinstance(await asyncio.wait_for(socket.recv(), 5), bytes)
        with pytest.raises(ConnectionClosedError) as raised:
            await asyncio.wait_for(socket.recv(), 5)
        assert raised.value.rcvd is None


async def test_stall_says_nothing_until_cleared(served) -> None:
    served.world.faults.add("deepgram.speak", "stall", count=1)
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await say(socket, "Hello?")
        await socket.send('{"type":"Flush"}')
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.2)
        await socket.send('{"type":"Clear"}')
        await until(socket, "Cleared")


async def test_empty_reports_a_flush_as_done_and_sends_no_audio(served) -> None:
    served.world.faults.add("deepgram.speak", "empty", count=1)
    async with served.socket(PATH) as socket:
        await until(socket, "Metadata")
        await say(socket, "Hello?")
        await socket.send('{"type":"Flush"}')
        message = await asyncio.wait_for(socket.recv(), 5)
        assert isinstance(message, str) and json.loads(message)["type"] == "Flushed"
        await say(socket, "Hello again?")
        await socket.send('{"type":"Flush"}')
        assert isinstance(await asyncio.wait_for(socket.recv(), 5), bytes)
