"""An event loop whose time passes only while nobody has anything to do.

A call of two minutes is waited for in two minutes by everybody who waits, and takes a second: when
no callback is ready and no socket readable, the loop's clock jumps to the next timer. What really
takes time is waited for without the clock moving: an answer of a server that is another process
(PostgreSQL, Valkey) and work in threads. Servers on this very loop (the sandbox) need no such care:
what is written to the loopback is readable at once.
"""

from __future__ import annotations

import asyncio
import selectors
from asyncio import selector_events
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 8.0
"""Real time after which somebody who owes an answer is waiting for us: for a lock that we hold."""
GRACE_S = 0.001
"""Real time in which the rest of an answer that has begun to come in is here."""


class _Selector(selectors.DefaultSelector):
    """Waits for sockets as long as somebody owes an answer; else moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.is_owed: Callable[[], bool] = lambda: False
        self.has_heard = False
        """An answer has begun to come in since the clock was moved last."""
        self.pass_time: Callable[[float], None] = lambda seconds: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or timeout == 0:
            return found
        if self.is_owed():
            found = super().select(PATIENCE_S)
        elif self.has_heard:
            found = super().select(GRACE_S)
        self.has_heard = False
        if found or timeout is None:
            return found or super().select(None)
        self.pass_time(timeout)
        return []


class _Transport(selector_events._SelectorSocketTransport):  # type: ignore[name-defined, misc]
    """A connection that knows whether an answer is owed on it."""

    _owed: set[Any]
    """Those that an answer is owed on: the loop's."""
    _selector: _Selector

    def __init__(self, loop: VirtualLoop, *arguments: Any) -> None:
        self._owed, self._selector = loop.owed, loop.selector
        super().__init__(loop, *arguments)

    def write(self, data: Any) -> None:
        super().write(data)
        self._owed.add(self)

    def writelines(self, list_of_data: Any) -> None:
        super().writelines(list_of_data)
        self._owed.add(self)

    def _read_ready(self) -> None:
        self._owed.discard(self)
        self._selector.has_heard = True
        super()._read_ready()

    def close(self) -> None:
        self._owed.discard(self)
        super().close()

    def _force_close(self, exc: Any) -> None:
        self._owed.discard(self)
        super()._force_close(exc)


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's loop in virtual time. `inside` are the ports that it serves itself."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._threads = 0
        self.owed: set[Any] = set()
        self.inside: set[int] = set()
        selector = self.selector = _Selector()
        selector.is_owed = lambda: bool(self.owed) or self._threads > 0
        selector.pass_time = self._pass
        super().__init__(selector)

    def time(self) -> float:
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._threads -= 1

    def _make_socket_transport(
        self,
        sock: Any,
        protocol: Any,
        waiter: Any = None,
        *,
        extra: Mapping[str, Any] | None = None,
        server: Any = None,
    ) -> Any:
        is_ours = server is not None or sock.getpeername()[1] in self.inside
        kind = selector_events._SelectorSocketTransport if is_ours else _Transport  # type: ignore[attr-defined]
        return kind(self, sock, protocol, waiter, extra, server)
