"""The worker stream: what is sent arrives in order, and the end of it is noticed at either end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.call.messages import (
    Avoid,
    Cancel,
    CancelRound,
    Finish,
    Generate,
    Late,
    Message,
    Say,
    pack,
    unpack,
)
from actors.call.stream import (
    HOST,
    MAX_UNANSWERED_PINGS,
    Invitation,
    Stream,
    StreamServer,
    connect,
)
from otto.events import (
    FirstAudio,
    ModelDone,
    Sentence,
    SentenceSpoken,
    SpeechDone,
    SpeechStarted,
    ToolCall,
    Transcript,
    UtteranceEnd,
    VendorReport,
    Worker,
    WorkerFailed,
)
from otto.media_link.frames import FrameDecoder, LinkError

MESSAGES: list[Message] = [
    Say(3, 0, "Thank you for calling Otto’s Auto."),
    Finish(3),
    Generate(4, [{"role": "user", "content": "an oil change"}], [{"type": "function"}]),
    Cancel(4),
    CancelRound(4),
    Avoid(frozenset({"stt:primary", "llm:fallback"})),
    Late(81.5),
    SpeechStarted(120),
    Transcript("an oil change", True, True, 100, 900, 0.98),
    UtteranceEnd(900),
    FirstAudio(3, 101.5),
    SentenceSpoken(3, 0, "Hello.", 0, 700),
    SpeechDone(3, 700, 4),
    Sentence(4, 0, "Certainly."),
    ModelDone(4, "", (ToolCall("a", "find_openings", "{}"),), "tool_calls", 1.0, 0.0, 2.0),
    WorkerFailed(Worker.TTS, "dropped", "1011", 3),
    VendorReport(Worker.STT, "primary", False, "refused"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_arrives_as_it_was_sent(message: Message) -> None:
    (frame,) = FrameDecoder(1 << 20).feed(pack(message))
    assert unpack(frame.payload) == message


@given(st.binary(max_size=64))
def test_what_is_no_message_is_refused_and_nothing_else_happens(payload: bytes) -> None:
    with pytest.raises(LinkError, match="malformed"):
        unpack(payload)


class Calls:
    """A call actor's end, and what it was told."""

    def __init__(self) -> None:
        self.messages: list[tuple[Worker, Message]] = []
        self.lost: list[Worker] = []
        self.news = asyncio.Event()
        self.server = StreamServer(self._on_message, self._on_lost)

    def _on_message(self, worker: Worker, message: Message) -> None:
        self.messages.append((worker, message))
        self.news.set()

    def _on_lost(self, worker: Worker) -> None:
        self.lost.append(worker)
        self.news.set()

    async def next(self) -> None:
        """Wait until something came."""
        async with asyncio.timeout(5):
            await self.news.wait()
        self.news.clear()


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    made = Calls()
    await made.server.listen()
    yield made
    made.server.close()


class Member:
    """A worker's end, and what it was told."""

    def __init__(self) -> None:
        self.commands: list[Message] = []
        self.ended = asyncio.Event()
        self.stream: Stream | None = None

    async def join(self, invitation: Invitation) -> Stream:
        self.stream = await connect(invitation, self.commands.append, self.ended.set)
        return self.stream


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_commands_and_events_keep_their_order(calls: Calls) -> None:
    member = Member()
    stream = await member.join(calls.server.invite(Worker.TTS))
    said: list[Message] = [Say(1, index, f"Sentence {index}.") for index in range(200)]
    heard: list[Message] = [SpeechStarted(index) for index in range(200)]
    for message in said:
        calls.server.send(Worker.TTS, message)
    for message in heard:
        stream.send(message)
    await _until(lambda: len(member.commands) == 200 and len(calls.messages) == 200)
    assert member.commands == said
    assert calls.messages == [(Worker.TTS, message) for message in heard]


async def test_the_history_of_a_long_call_is_no_frame_too_long(calls: Calls) -> None:
    member = Member()
    await member.join(calls.server.invite(Worker.LLM))
    long = Generate(1, [{"role": "user", "content": "word " * 60_000}], [])
    calls.server.send(Worker.LLM, long)
    await _until(lambda: member.commands == [long])


async def test_a_worker_that_dies_is_lost_once_and_commands_to_it_are_dropped(calls: Calls) -> None:
    stream = await Member().join(calls.server.invite(Worker.STT))
    stream.close()
    await calls.next()
    calls.server.send(Worker.STT, Cancel(1))
    calls.server.lose(Worker.STT)
    assert calls.lost == [Worker.STT]


async def test_a_worker_learns_that_its_call_actor_is_gone(calls: Calls) -> None:
    member = Member()
    await member.join(calls.server.invite(Worker.STT))
    calls.server.close()
    async with asyncio.timeout(5):
        await member.ended.wait()
    assert calls.lost == []


async def test_what_a_replaced_worker_still_sends_is_late(calls: Calls) -> None:
    """Its successor is replayed the audio, so its words would come again."""
    old, new = Member(), Member()
    old_stream = await old.join(calls.server.invite(Worker.STT))
    invitation = calls.server.invite(Worker.STT)
    old_stream.send(SpeechStarted(1))
    new_stream = await new.join(invitation)
    new_stream.send(SpeechStarted(2))
    await calls.next()
    async with asyncio.timeout(5):
        await old.ended.wait()
    assert calls.messages == [(Worker.STT, SpeechStarted(2))]
    assert calls.lost == []


async def test_an_invitation_is_for_one_connection_and_revoked_by_the_next(calls: Calls) -> None:
    first = calls.server.invite(Worker.STT)
    second = calls.server.invite(Worker.STT)
    for refused in (first, Invitation(first.port, "guessed")):
        with pytest.raises(OSError):
            await Member().join(refused)
    await Member().join(second)
    with pytest.raises(OSError):
        await Member().join(second)
    assert calls.lost == []


async def test_nobody_is_there_to_connect_to(calls: Calls) -> None:
    invitation = calls.server.invite(Worker.STT)
    calls.server.close()
    with pytest.raises(OSError):
        await Member().join(invitation)


async def test_a_stranger_who_does_not_say_hello_ends_nothing(calls: Calls) -> None:
    invitation = calls.server.invite(Worker.STT)
    reader, writer = await asyncio.open_connection(HOST, invitation.port)
    writer.write(pack(SpeechStarted(1)))
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    member = Member()
    (await member.join(invitation)).send(SpeechStarted(2))
    await calls.next()
    assert calls.messages == [(Worker.STT, SpeechStarted(2))]


async def test_a_worker_that_stands_still_is_lost_and_one_that_answers_is_kept(
    calls: Calls,
) -> None:
    """A process that is stopped keeps its sockets: nothing but its silence tells."""
    frozen, alive = Member(), Member()
    stream = await frozen.join(calls.server.invite(Worker.LLM))
    await alive.join(calls.server.invite(Worker.TTS))
    stream.data_received = lambda data: None  # type: ignore[method-assign]
    living = calls.server._streams[Worker.TTS]
    for _ in range(MAX_UNANSWERED_PINGS):
        calls.server.ping()
        await _until(lambda: living.unanswered_pings == 0)
    assert calls.lost == []
    calls.server.ping()
    assert calls.lost == [Worker.LLM]
    assert calls.server.has(Worker.TTS)
