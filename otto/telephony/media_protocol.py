"""Twilio's frames from uvicorn to a media socket, without a task switch for each.

uvicorn stops reading a WebSocket at every message and puts the message into a queue; Ray Serve
has a task that moves it from there into a queue of its own. For fifty messages a second and call
that is most of what a media replica does: 210 us of CPU a frame here, of which 90 are left when
the message is handed on where it arrives (measured with ten calls on a shared core).

    uvicorn.config.WS_PROTOCOLS["auto"] = otto.telephony.media_protocol.PROTOCOL

makes uvicorn use it. An application that knows `scope["extensions"][EXTENSION]` calls its
`push_to(taker)` before it accepts, and `taker` then gets every message that `receive` would have
returned, as it arrives, in order; `receive` gives only the disconnect. Other applications notice
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

PROTOCOL = f"{__name__}:MediaProtocol"
EXTENSION = "otto.push"
MAX_MESSAGE_BYTES = 128 * 1024
"""Nothing longer is put together. What is above 64 KB the stream refuses by a rule of its own."""
MAX_WAITING_MESSAGES = 64
"""Without a taker: so many messages wait for `receive` before reading is paused."""
_FIN, _OPCODE, _CLOSE, _MASKED, _LENGTH = 0x80, 0x0F, 0x08, 0x80, 0x7F
_WHOLE_TEXT = 0x81
_LEGAL = frozenset((0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A))
"""The first bytes of frames without extensions."""
_TWO_BYTE_LENGTH = 126
"""Stands for a length in the next two bytes; 127 for one in eight."""
_MASK_BYTES = 4

Message = dict[str, Any]
Taker = Callable[[Message], None]


class Pusher(Protocol):
    """What `EXTENSION` is in the scope."""

    def push_to(self, taker: Taker) -> None:
        """Hand every message from now on to `taker`, which must not raise."""


class _Waiting(asyncio.Queue[Any]):
    """What waits for `receive`. A disconnect goes to the taker as well: there are many places
    that put one here."""

    taker: Taker | None = None

    def put_nowait(self, item: Any) -> None:
        super().put_nowait(item)
        if self.taker is not None and item["type"] == "websocket.disconnect":
            self.taker(item)


class MediaProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, with a short way for whole text messages. Everything else (handshake,
    control frames, fragments, faults) takes uvicorn's way, one complete frame at a time."""

    queue: _Waiting

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.queue = _Waiting()
        # uvicorn would put 16 MB together before anybody looks at them.
        self.conn.max_message_size = MAX_MESSAGE_BYTES
        self._rest = b""
        self._in_fragments = False
        self._gave_up = False
        """From there on everything is uvicorn's."""

    def push_to(self, taker: Taker) -> None:
        """Hand every message from now on to `taker`, which must not raise."""
        self.queue.taker = taker

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = cast("dict[str, Any]", self.scope["extensions"])
            extensions[EXTENSION] = self

    def shutdown(self) -> None:
        """The server is to end. A stream on the line goes on, and uvicorn waits for its end; by
        itself it would close it with 1012, and Serve has it end 30 s after a redeploy."""
        if self.close_sent or not self.handshake_complete:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._gave_up or not self.handshake_complete:
            super().data_received(data)
            return
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 2:
            first, second = data[at], data[at + 1]
            length = second & _LENGTH
            begin = at + 2 + _MASK_BYTES
            if first not in _LEGAL or not second & _MASKED or length > _longest(first):
                # A fault, compression, or a frame too long to be waited for.
                self._rest, self._gave_up = b"", True
                super().data_received(data[at:])
                return
            if length == _TWO_BYTE_LENGTH:
                if end - at < 4:
                    break
                length = data[at + 2] << 8 | data[at + 3]
                begin += 2
            stop = begin + length
            if stop > end:
                break
            if first != _WHOLE_TEXT or self._in_fragments or not self._take(data, begin, stop):
                if first & _OPCODE < _CLOSE:  # control frames may come between fragments
                    self._in_fragments = not first & _FIN
                super().data_received(data[at:stop])
                if self.transport.is_closing():
                    return
            at = stop
        self._rest = data[at:]

    def _take(self, data: bytes, begin: int, stop: int) -> bool:
        """Take the text masked in data[begin:stop]; False when it is not UTF-8."""
        try:
            text = apply_mask(data[begin:stop], data[begin - _MASK_BYTES : begin]).decode()
        except UnicodeDecodeError:
            return False
        if not self.close_sent:
            self._hand_over({"type": "websocket.receive", "text": text})
        return True

    def send_receive_event_to_app(self) -> None:
        """A message that came in fragments, or binary."""
        if self.queue.taker is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type == "bytes":
            self._hand_over({"type": "websocket.receive", "bytes": data})
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(1007)
            self.handle_parser_exception()
            return
        self._hand_over({"type": "websocket.receive", "text": text})

    def _hand_over(self, message: Message) -> None:
        if self.queue.taker is not None:
            self.queue.taker(message)
            return
        self.queue.put_nowait(message)
        if not self.read_paused and self.queue.qsize() >= MAX_WAITING_MESSAGES:
            self.read_paused = True
            self.transport.pause_reading()


def _longest(first: int) -> int:
    """The largest value of the 7-bit length that is dealt with here."""
    return _TWO_BYTE_LENGTH - 1 if first & _CLOSE else _TWO_BYTE_LENGTH
