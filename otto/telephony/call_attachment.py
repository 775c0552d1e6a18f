"""The call actor of a stream: attached at the start, and replaced when it is lost.

A stranger may send anything as a stream's `start`. What counts is the token in it: whoever redeems
it has the call, and who is on the line is what the switchboard's reservation says, which is what
Twilio signed. A stream that has not redeemed gets no call actor, whatever goes wrong meanwhile.

The line outlives the call actor. When its control connection breaks or falls silent, the socket
and the audio ring stay, what Twilio has buffered plays on, and another call actor is asked for and
attached. When that fails, the stream is ended, so that Twilio runs the TwiML behind it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from otto.health.calls import ENDED, SUPERSEDED
from otto.media_link.frames import Role
from otto.media_link.link import Link
from otto.telephony.stream import Started
from otto.telephony.stream_end import CLOSE_INTERNAL, CLOSE_NORMAL, CLOSE_POLICY, StreamEnd
from otto.telephony.switchboard_port import CallerFacts, CallStart, Redeemed, SwitchboardClient

log = structlog.get_logger()

REDEEM_TIMEOUT_S = 5.0
"""For the switchboard to know the token, which Ray may be restarting meanwhile. Then the stream is
ended: Twilio's next webhook is signed, and brings the call back."""
REDEEM_TRY_S = 1.5
REDEEM_RETRY_S = 0.1
ATTACH_TIMEOUT_S = 5.0
"""From a token that was redeemed to a call actor on the control connection."""
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
        link: Link,
        link_address: str,
        switchboard: SwitchboardClient,
    ) -> None:
        self._line = line
        self._call_sid = started.call_sid
        self._token = started.custom_parameters.get("token", "")
        self._stream = secrets.token_urlsafe(12)
        """Our own name for the stream: Twilio's is the stream's own word."""
        self._facts: CallerFacts | None = None
        """Who is on the line, once the token was redeemed."""
        self._may_be_held = False
        """The switchboard may believe that this stream stands."""
        self._link = link
        self._link_address = link_address
        self._switchboard = switchboard
        self._control_attached = asyncio.Event()
        self._recoveries = 0
        self._recovery: asyncio.Task[None] | None = None

    async def attach(self) -> None:
        """Attach the call actor that the stream's token stands for, or another one."""
        redeemed = await self._redeem()
        if redeemed is None:
            return
        self._facts = redeemed.facts
        try:
            async with asyncio.timeout(ATTACH_TIMEOUT_S):
                await self._attach(redeemed, taken_over=False)
        except Exception as error:
            log.warning("call_attach_failed", call_sid=self._call_sid, error=type(error).__name__)
            if self._recovery is None:
                self._begin_recovery()

    async def _redeem(self) -> Redeemed | None:
        """Use the token up; None: the line ends. A question whose answer was lost is asked again,
        under the same name of the stream."""
        self._may_be_held = True
        try:
            async with asyncio.timeout(REDEEM_TIMEOUT_S):
                while True:
                    try:
                        async with asyncio.timeout(REDEEM_TRY_S):
                            redeemed = await self._switchboard.redeem(
                                self._token, self._call_sid, self._stream
                            )
                        break
                    except Exception as error:  # whatever a switchboard that restarts raises
                        log.warning("token_not_redeemed", error=type(error).__name__)
                    await asyncio.sleep(REDEEM_RETRY_S)
        except TimeoutError:
            self._line.end(StreamEnd("not_redeemed", close_code=CLOSE_INTERNAL))
            return None
        if redeemed is None:
            self._may_be_held = False
            self._line.end(StreamEnd("bad_token", close_code=CLOSE_POLICY))
        return redeemed

    async def let_go(self) -> None:
        """The line has ended: the switchboard is told, so that the call can come back."""
        if not self._may_be_held:
            return
        try:
            async with asyncio.timeout(REDEEM_TRY_S):
                await self._switchboard.stream_ended(self._call_sid, self._stream)
        except Exception as error:  # it finds out by itself, later
            log.info("stream_end_not_told", error=type(error).__name__)

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
        if self._facts is None:
            return  # a stream that never redeemed gets nobody
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
        call_sid = self._call_sid
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
                    self._link.lock_out()
                    try:
                        async with asyncio.timeout(REATTACH_TIMEOUT_S):
                            await self._attach(await self._another_call_actor(), taken_over=True)
                        break
                    except _Failed as error:
                        if str(error) in {SUPERSEDED, ENDED}:
                            self._line.end(StreamEnd(str(error), close_code=CLOSE_NORMAL))
                            return
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

    async def _another_call_actor(self) -> Redeemed:
        assert self._facts is not None
        given = await self._switchboard.take_over(self._call_sid, self._facts, self._stream)
        if isinstance(given, str):
            raise _Failed(given)
        return given

    async def _attach(self, redeemed: Redeemed, taken_over: bool) -> None:
        started = CallStart(
            call_sid=self._call_sid,
            stream=self._stream,
            facts=redeemed.facts,
            taken_over=taken_over,
            first_generation=self._link.latest_generation + 1,
            at_ms=self._line.at_ms,
            checkpoint=self._link.checkpoint,
        )
        token = self._link.invite(Role.CONTROL)
        await redeemed.handle.attach(self._link_address, token, started)
        await self._control_attached.wait()
