"""A time limit for a whole request of httplib2, which has one for each read only."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

AGAIN_S = 0.2
"""Between two cuts: the connection may only be made after the first."""


class Deadline:
    """Within it, the connections of `http` (a `httplib2.Http` that no other thread uses) are cut
    when `seconds` have passed; the request that waits on one then fails in some way, and
    `has_passed` tells why."""

    def __init__(self, http: Any, seconds: float) -> None:
        self._http = http
        self._seconds = seconds
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._cut, name="google-deadline", daemon=True)
        self.has_passed = False

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._watch.join()

    def _cut(self) -> None:
        wait_s = self._seconds
        while not self._is_over.wait(wait_s):
            self.has_passed = True
            wait_s = AGAIN_S
            for connection in list(self._http.connections.values()):
                line: socket.socket | None = getattr(connection, "sock", None)
                if line is not None:
                    # Not closed: the thread that reads from it would keep its number.
                    with suppress(OSError, ValueError):
                        line.shutdown(socket.SHUT_RDWR)
