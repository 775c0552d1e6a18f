"""The call actor of a stream: attached at the start, and replaced when it is lost.

The line outlives the call actor. When its control connection breaks or falls silent, the socket
and the audio ring stay, what Twilio has buffered plays on, and another call actor is asked for and
attached. When that fails, the stream is ended, so that Twilio runs the TwiML behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from otto.media_link.frames import Role
from otto.media_link.link import Link
from otto.telephony.stream import Started
from otto.telephony.stream_end import CLOSE_INTERNAL, CLOSE_POLICY, StreamEnd
from otto.telephony.switchboard_port import CallHandle, CallStart, SwitchboardClient

log = structlog.get_logger()

ATTACH_TIMEOUT_S = 5.0
"""From redeeming a token to a call actor on the control connection."""
REATTACH_TIMEOUT_S = 2.5
"""The same for another call actor: the caller hears nothing meanwhile."""
RECOVERY_TIMEOUT_S = 10.0
"""Long enough for a new call actor to be started when none is warm."""
RECOVERY_RETRY_S = 0.1
MAX_RECOVERIES = 5
"""A call that kills its actors again and again goes to a person instead."""


class Line(Protocol):
    """The stream that a call actor is wanted for."""

    @property
    def at_ms(self) -> int:
        """The caller's media time so far."""

    @property
    def has_ended(self) -> bool:
        """Whether it has a reason to end."""

    def end(self, ending: StreamEnd) -> None:
        """End it; the first reason wins."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work that ends with the line, and whose fault ends the line."""


class _Failed(Exception):
    """The call cannot be attached; the message is a machine code."""


class CallAttachment:
    """Finds call actors for one line. `attach` is for the first; the link reports the rest."""

    def __init__(
        self,
        line: Line,
        started: Started,
        stream_sid: str,
        link: Link,
        link_address: str,
        switchboard: SwitchboardClient,
    ) -> None:
        self._line = line
        self._started = started
        self._stream_sid = stream_sid
        self._link = link
        self._link_address = link_address
        self._switchboard = switchboard
        self._control_attached = asyncio.Event()
        self._recoveries = 0
        self._recovery: asyncio.Task[None] | None = None

    async def attach(self) -> None:
        """Attach the call actor that the stream's token stands for, or another one."""
        token = self._started.custom_parameters.get("token", "")
        try:
            async with asyncio.timeout(ATTACH_TIMEOUT_S):
                handle = await self._switchboard.redeem(token, self._started.call_sid)
                if handle is None:
                    return self._line.end(StreamEnd("bad_token", close_code=CLOSE_POLICY))
                await self._attach(handle, taken_over=False)
        except Exception as error:
            log.warning(
                "call_attach_failed", call_sid=self._started.call_sid, error=type(error).__name__
            )
            if self._recovery is None:
                self._begin_recovery()

    # From the link

    def on_control_attached(self) -> None:
        self._control_attached.set()

    def on_control_lost(self) -> None:
        self._control_attached.clear()
        if self._line.has_ended or (self._recovery is not None and not self._recovery.done()):
            return
        self._begin_recovery()

    # Another one

    def _begin_recovery(self) -> None:
        self._recovery = self._line.spawn(self._recover())
        self._recovery.add_done_callback(self._recovered)

    def _recovered(self, recovery: asyncio.Task[None]) -> None:
        if recovery.cancelled() or recovery.exception() is not None:
            return  # the line ends, too
        # Lost again before the recovery was over: `on_control_lost` left it to this.
        lost_again = recovery is self._recovery and Role.CONTROL not in self._link.attached
        if lost_again and not self._line.has_ended:
            self._begin_recovery()

    async def _recover(self) -> None:
        """Hold the line while another call actor is found for it."""
        call_sid = self._started.call_sid
        self._recoveries += 1
        if self._recoveries > MAX_RECOVERIES:
            log.error("call_recovery_given_up", call_sid=call_sid, recoveries=MAX_RECOVERIES)
            self._line.end(StreamEnd("call_actor_lost", close_code=CLOSE_INTERNAL))
            return
        log.warning("call_actor_lost", call_sid=call_sid, recovery=self._recoveries)
        begin = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(RECOVERY_TIMEOUT_S):
                while True:
                    self._link.renew_token()
                    try:
                        async with asyncio.timeout(REATTACH_TIMEOUT_S):
                            await self._attach(await self._another_call_actor(), taken_over=True)
                        break
                    except _Failed as error:
                        log.info("call_recovery_waits", call_sid=call_sid, reason=str(error))
                    except Exception as error:  # whatever the dying cluster raises: try again
                        log.warning(
                            "call_recovery_failed", call_sid=call_sid, error=type(error).__name__
                        )
                    await asyncio.sleep(RECOVERY_RETRY_S)
        except TimeoutError:
            self._line.end(StreamEnd("call_actor_lost", close_code=CLOSE_INTERNAL))
            return
        took_ms = round((asyncio.get_running_loop().time() - begin) * 1000)
        log.info("call_recovered", call_sid=call_sid, took_ms=took_ms)

    async def _another_call_actor(self) -> CallHandle:
        given = self._started.custom_parameters
        call_sid = self._started.call_sid
        reservation = await self._switchboard.reserve(
            call_sid, given.get("caller", ""), given.get("called", ""), takeover=True
        )
        if reservation.token is None:
            raise _Failed(reservation.reason or "full")
        handle = await self._switchboard.redeem(reservation.token, call_sid)
        if handle is None:
            raise _Failed("token_refused")
        return handle

    async def _attach(self, handle: CallHandle, taken_over: bool) -> None:
        given = self._started.custom_parameters
        started = CallStart(
            call_sid=self._started.call_sid,
            stream_sid=self._stream_sid,
            caller=given.get("caller", ""),
            called=given.get("called", ""),
            taken_over=taken_over,
            first_generation=self._link.latest_generation + 1,
            at_ms=self._line.at_ms,
            checkpoint=self._link.checkpoint,
        )
        await handle.attach(self._link_address, self._link.token, started)
        await self._control_attached.wait()
