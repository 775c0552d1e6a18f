"""The short way for Twilio's frames against uvicorn's own: the same messages, however they come."""

import asyncio
import struct
from itertools import pairwise

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from otto.telephony.media_protocol import (
    EXTENSION,
    MAX_MESSAGE_BYTES,
    MAX_WAITING_MESSAGES,
    MediaProtocol,
)

UPGRADE = (
    b"GET /media/stream HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
TEXT, CONTINUED, BINARY, CLOSE, PING = 1, 0, 2, 8, 9


class Wire(asyncio.Transport):
    """The transport's side: what was written, whether it reads, whether it is open."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.paused = False
        self.closed = False

    def write(self, data):
        self.written += data

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True


def frame(payload, opcode=TEXT, fin=True, mask=b"\x0f\xa5\x33\x80"):
    """A client's frame, as RFC 6455 says."""
    size = len(payload)
    head = bytes([opcode | 0x80 * fin])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 2**16:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def converse(kind, chunks, push=False):
    """Feed a connection of `kind`; what the application got, and what was written to the peer."""
    got = []
    accepted = asyncio.Event()

    async def application(scope, receive, send):
        if push:
            scope["extensions"][EXTENSION].push_to(got.append)
        await receive()
        await send({"type": "websocket.accept"})
        accepted.set()
        while (message := await receive())["type"] != "websocket.disconnect":
            got.append(message)
        if not push:
            got.append(message)

    # With one limit for both: how a message beyond it is refused is compared, not where it lies.
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        ws_ping_interval=None,
        ws_max_size=MAX_MESSAGE_BYTES,
    )
    config.load()
    protocol = kind(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    protocol.connection_made(wire)
    protocol.data_received(UPGRADE)
    await accepted.wait()
    before = len(wire.written)
    for chunk in chunks:
        if not wire.closed:
            protocol.data_received(chunk)
    protocol.connection_lost(None)
    await asyncio.gather(*protocol.tasks)
    first_end = next(at for at, each in enumerate(got) if each["type"] == "websocket.disconnect")
    return got[: first_end + 1], wire.written[before:]


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if b > a]


FRAMES = st.lists(
    st.one_of(
        st.text(max_size=300).map(lambda text: frame(text.encode())),
        st.binary(max_size=40).map(lambda data: frame(data)),  # often not UTF-8
        st.binary(max_size=40).map(lambda data: frame(data, BINARY)),
        st.binary(max_size=40).map(lambda data: frame(data, PING)),
        st.text(max_size=40).map(
            lambda text: (
                frame(text.encode(), TEXT, fin=False) + frame(b"", PING) + frame(b"!", CONTINUED)
            )
        ),
        st.text(max_size=9).map(lambda text: frame(text.encode(), TEXT, fin=False)),
        st.just(frame(b"", CONTINUED)),
        st.just(frame(struct.pack("!H", 1000) + b"bye", CLOSE)),
        st.just(b"\x81\x02hi"),  # not masked
        st.binary(min_size=2, max_size=9),
    ),
    max_size=8,
)


# Behind one that is uvicorn's alone, and a fault, uvicorn drops what came in the same piece.
TOO_LONG = st.integers(2**16, 2**16 + 50).map(lambda size: frame(b"x" * size))


@settings(max_examples=80, deadline=None)
@given(
    frames=st.tuples(FRAMES, st.lists(TOO_LONG, max_size=1)).map(lambda two: two[0] + two[1]),
    places=st.lists(st.integers(0, 2**20), max_size=12),
    push=st.booleans(),
)
def test_whatever_comes_is_understood_as_uvicorn_does(frames, places, push):
    """A second parser that differs from the first would lose words or let a broken peer in."""
    chunks = cut(b"".join(frames), places)
    # Frame by frame: in one piece, uvicorn drops what came before a fault.
    expected = asyncio.run(converse(WebSocketsSansIOProtocol, [f for f in frames if f]))
    assert asyncio.run(converse(MediaProtocol, chunks, push)) == expected


@pytest.mark.parametrize("step", [1, 7, 4096])
async def test_frames_arrive_whole_however_the_network_cuts_them(step):
    texts = ["a", "é" * 70, "x" * 400, "y" * 65_000, ""]
    data = b"".join(frame(text.encode()) for text in texts)
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    got, _ = await converse(MediaProtocol, chunks, push=True)
    assert [message.get("text") for message in got[:-1]] == texts
    assert got[-1]["type"] == "websocket.disconnect"


async def silent(scope, receive, send):
    """An application that accepts, and reads nothing."""
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


@pytest.fixture
async def streaming():
    """A connection to `silent`, its handshake done, and its wire."""
    config = uvicorn.Config(silent, lifespan="off", log_config=None, ws_ping_interval=None)
    config.load()
    protocol = MediaProtocol(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    protocol.connection_made(wire)
    protocol.data_received(UPGRADE)
    while not protocol.handshake_complete:
        await asyncio.sleep(0)
    yield protocol, wire
    for task in protocol.tasks:
        task.cancel()


async def test_reading_stops_when_nobody_takes_the_messages(streaming):
    """A peer that floods an application which does not read would fill the memory."""
    protocol, wire = streaming
    for _ in range(MAX_WAITING_MESSAGES):
        assert not wire.paused
        protocol.data_received(frame(b"hello"))
    assert wire.paused


async def test_a_server_that_ends_lets_a_stream_go_on(streaming):
    """A redeploy would cut every call after 30 s."""
    protocol, wire = streaming
    before = wire.written
    protocol.shutdown()
    assert (wire.written, wire.closed) == (before, False)
    protocol.data_received(frame(b"hello"))
    assert protocol.queue.get_nowait()["text"] == "hello"


@pytest.mark.parametrize("pieces", [1, 40])
async def test_no_message_is_put_together_beyond_its_limit(streaming, pieces):
    """uvicorn's own limit is 16 MB."""
    protocol, wire = streaming
    piece = b"x" * (MAX_MESSAGE_BYTES // pieces + 1)
    for number in range(pieces):
        protocol.data_received(
            frame(piece, TEXT if number == 0 else CONTINUED, number + 1 == pieces)
        )
    assert struct.pack("!H", 1009) in wire.written
    assert protocol.queue.get_nowait()["type"] == "websocket.disconnect"
