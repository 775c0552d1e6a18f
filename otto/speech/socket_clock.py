"""From a socket's time to the call's: both count audio, from different beginnings. Sans-I/O.

Deepgram counts seconds of the audio that one socket was sent. The call counts milliseconds since
Twilio's stream began. They differ by where the socket began (a reconnect replays from the middle)
and at every gap in the audio, so each stretch of adjoining audio leaves an anchor:

    media time   0 ──────── 4200      9000 ───────────►      (4.8 s were lost)
    socket time  0 ──────── 4200 4200 ───────────►
    anchors      (0, 0)     (4200, 9000)
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from otto.speech.wire import BYTES_PER_MS

GAP_TOLERANCE_MS: Final = 60
"""Twilio's clock jitters by a frame or two; more than that is audio that never came."""


class SocketClock:
    """One socket's audio, as it is sent."""

    def __init__(self) -> None:
        self._sent_bytes = 0
        self._anchors_socket: list[int] = []
        self._anchors_media: list[int] = []

    def sent(self, at_ms: int, size: int) -> None:
        """`size` bytes of audio of media time `at_ms` were sent on the socket."""
        position = self._sent_bytes // BYTES_PER_MS
        if not self._anchors_media or abs(self.media_ms(position) - at_ms) > GAP_TOLERANCE_MS:
            self._anchors_socket.append(position)
            self._anchors_media.append(at_ms)
        self._sent_bytes += size

    def media_ms(self, socket_ms: float) -> int:
        """The media time of a position in the socket's audio."""
        if not self._anchors_media:
            return round(socket_ms)
        at = max(0, bisect_right(self._anchors_socket, socket_ms) - 1)
        return round(self._anchors_media[at] + socket_ms - self._anchors_socket[at])

    @property
    def length_ms(self) -> int:
        """How much audio was sent, in the socket's time."""
        return self._sent_bytes // BYTES_PER_MS

    @property
    def sent_ms(self) -> int:
        """The media time up to which audio was sent."""
        return self.media_ms(self.length_ms)
