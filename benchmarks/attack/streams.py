"""Media streams, webhooks and sockets of somebody who has seen, or guessed, a part of what opens
them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
import websockets

from benchmarks.attack.attack import Attack, Bound, Seen
from benchmarks.attack.target import SIGNATURE, Answer, Target, TargetError, is_replica

CALLER = "+18155550123"
WITHIN_S = 15.0
LET_IN = Bound("let_in", 0, "let in")
ACTORS = Bound("actors_more", 0, "more call actors taken")


class Stream:
    """One media stream, from Twilio's side."""

    def __init__(self, socket: websockets.ClientConnection, account_sid: str) -> None:
        self._socket = socket
        self._account_sid = account_sid

    async def begin(self, call_sid: str, token: str) -> None:
        await self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "streamSid": "MZ" + "1" * 32,
            "accountSid": self._account_sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "customParameters": {"token": token},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        await self.send({"event": "start", "sequenceNumber": "1", "start": start})

    async def send(self, message: dict[str, object]) -> None:
        await self._socket.send(json.dumps(message))

    async def outcome(self) -> str:
        """ "audio" as soon as Otto speaks, or the code and reason that it closed with."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    message = json.loads(await self._socket.recv())
                    if message.get("event") == "media":
                        return "audio"
        except websockets.ConnectionClosed as closed:
            return f"{closed.rcvd.code} {closed.rcvd.reason}" if closed.rcvd else "cut"
        except TimeoutError:
            return "silence"


@asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Stream]:
    """A stream whose upgrade is signed: its signature has no date, so it can be sent again."""
    async with websockets.connect(
        f"ws://{target.host}:{target.port}/media/stream",
        additional_headers={SIGNATURE: target.sign_upgrade()},
        compression=None,
    ) as socket:
        yield Stream(socket, target.settings.twilio.account_sid)


async def rung(target: Target, call_sid: str) -> tuple[Answer, str]:
    """Let a call come in: the answer, and the token in it."""
    answer = await target.send(target.webhook("/twilio/voice", _voice(target, call_sid)))
    found = re.search(rb'name="token" value="([^"]+)"', answer.body)
    if found is None:
        raise TargetError(f"the call was not taken (HTTP {answer.status})")
    return answer, found[1].decode()


async def over(target: Target, call_sid: str) -> None:
    """Say that a call has ended, and wait for its place."""
    form = {"CallSid": call_sid, "CallStatus": "completed"}
    await target.send(target.webhook("/twilio/status", form))
    await target.probe.whole(60.0)


def _voice(target: Target, call_sid: str) -> dict[str, str]:
    return {
        "CallSid": call_sid,
        "AccountSid": target.settings.twilio.account_sid,
        "From": CALLER,
        "To": target.settings.twilio.phone_number,
        "CallStatus": "ringing",
    }


async def _taken(target: Target) -> int:
    pool = await target.probe.pool()
    return pool.get("reserved", 0) + pool.get("busy", 0)


@dataclass(frozen=True, kw_only=True)
class Token(Attack):
    """A stream that brings a token which does not belong to it."""

    steal: Callable[[Target, str], Awaitable[tuple[str, str]]]
    """From a CallSid that rings: which CallSid and token the stream shall bring."""
    bounds: tuple[Bound, ...] = (LET_IN,)

    async def measure(self, target: Target) -> Seen:
        call_sid = target.new_call_sid()
        try:
            brought = await self.steal(target, call_sid)
            async with opened(target) as stream:
                await stream.begin(*brought)
                outcome = await stream.outcome()
        finally:
            await over(target, call_sid)
        return Seen(outcome, {"let_in": not outcome.startswith("1008 ")})


async def _made_up(target: Target, call_sid: str) -> tuple[str, str]:
    await rung(target, call_sid)
    return call_sid, "A" * 32


async def _none(target: Target, call_sid: str) -> tuple[str, str]:
    await rung(target, call_sid)
    return call_sid, ""


async def _foreign(target: Target, call_sid: str) -> tuple[str, str]:
    _, token = await rung(target, call_sid)
    return target.new_call_sid(), token


@asynccontextmanager
async def _standing(target: Target, call_sid: str) -> AsyncIterator[tuple[Stream, str]]:
    """The stream of a caller who rings and is answered, and the token that it has used."""
    _, token = await rung(target, call_sid)
    async with opened(target) as caller:
        await caller.begin(call_sid, token)
        if (outcome := await caller.outcome()) != "audio":
            raise TargetError(f"the caller's own stream did not stand ({outcome})")
        yield caller, token


async def _used(target: Target, call_sid: str) -> tuple[str, str]:
    async with _standing(target, call_sid) as (_, token):
        pass
    return call_sid, token


@dataclass(frozen=True, kw_only=True)
class UsedWhileItStands(Attack):
    """The caller's token, once more, while the caller speaks."""

    bounds: tuple[Bound, ...] = (LET_IN, Bound("cut", 0, "callers cut off"))

    async def measure(self, target: Target) -> Seen:
        call_sid = target.new_call_sid()
        try:
            async with _standing(target, call_sid) as (caller, token):
                async with opened(target) as thief:
                    await thief.begin(call_sid, token)
                    outcome = await thief.outcome()
                after = await caller.outcome()
        finally:
            await over(target, call_sid)
        return Seen(
            f"{outcome}; the caller hears {after}",
            {"let_in": not outcome.startswith("1008 "), "cut": after not in ("audio", "silence")},
        )


@dataclass(frozen=True, kw_only=True)
class VoiceAgain(Attack):
    """A captured `/twilio/voice`, sent again and again."""

    times: int = 5
    bounds: tuple[Bound, ...] = (ACTORS, Bound("answers", 1, "different answer"))

    async def measure(self, target: Target) -> Seen:
        call_sid = target.new_call_sid()
        try:
            answer, _ = await rung(target, call_sid)
            taken = await _taken(target)
            captured = target.webhook("/twilio/voice", _voice(target, call_sid))
            again = await target.flood([captured] * self.times, at_once=2)
            more = await _taken(target) - taken
        finally:
            await over(target, call_sid)
        answers = {answer.body, *(each.body for each in again)}
        told = "the same answer" if len(answers) == 1 else f"{len(answers)} answers"
        return Seen(told, {"actors_more": more, "answers": len(answers)})


@dataclass(frozen=True, kw_only=True)
class ResumeAgain(Attack):
    """A captured `/twilio/resume`, while the caller's stream stands."""

    bounds: tuple[Bound, ...] = (
        ACTORS,
        Bound("streams_offered", 0, "streams offered"),
        Bound("cut", 0, "callers cut off"),
    )

    async def measure(self, target: Target) -> Seen:
        call_sid = target.new_call_sid()
        try:
            async with _standing(target, call_sid) as (caller, _):
                taken = await _taken(target)
                form = {**_voice(target, call_sid), "CallStatus": "in-progress"}
                again = await target.flood([target.webhook("/twilio/resume", form)] * 5)
                after = await caller.outcome()
                more = await _taken(target) - taken
        finally:
            await over(target, call_sid)
        offered = sum(b"<Stream" in answer.body for answer in again)
        return Seen(
            f"{offered} streams offered; the caller hears {after}",
            {
                "actors_more": more,
                "streams_offered": offered,
                "cut": after not in ("audio", "silence"),
            },
        )


@dataclass(frozen=True, kw_only=True)
class Oversized(Attack):
    """Messages of many megabytes, before anything has been shown but a captured upgrade."""

    megabytes: int = 15
    count: int = 8
    bounds: tuple[Bound, ...] = (
        Bound("accepted", 0, "accepted"),
        Bound("grown_mb", 32, "MB of memory more"),
    )

    async def measure(self, target: Target) -> Seen:
        async with target.metered(is_replica) as meter:
            outcomes = await asyncio.gather(*(self._one(target) for _ in range(self.count)))
        accepted = sum(outcome == "silence" for outcome in outcomes)
        return Seen(
            ", ".join(sorted(set(outcomes))),
            {"accepted": accepted, "grown_mb": meter.grown_mb, "cpu_ms": meter.cpu_ms / self.count},
        )

    async def _one(self, target: Target) -> str:
        async with opened(target) as stream:
            with contextlib.suppress(websockets.ConnectionClosed):
                await stream.send({"event": "connected", "x": "x" * self.megabytes * 2**20})
            return await stream.outcome()


@dataclass(frozen=True, kw_only=True)
class LinkWithoutToken(Attack):
    """Somebody on the machine speaks to the sockets that carry the calls' audio."""

    bounds: tuple[Bound, ...] = (LET_IN,)

    async def measure(self, target: Target) -> Seen:
        ports = await asyncio.to_thread(self._ports, target)
        if not ports:
            raise TargetError("no port of the media link was found")
        guess = {"role": "uplink", "token": base64.b64encode(b"x" * 32).decode()}
        says = [
            b"GET / HTTP/1.1\r\n\r\n",
            b"\0" * 64,
            b"\xff" * 64,
            json.dumps(guess).encode(),
            b"",
        ]
        ends = await asyncio.gather(*(self._knock(port, say) for port in ports for say in says))
        return Seen(
            f"{len(ports)} ports, {len(ends)} connections, {len(ends) - sum(ends)} closed",
            {"let_in": sum(ends)},
        )

    def _ports(self, target: Target) -> list[int]:
        found = set()
        for process in target.processes(is_replica):
            for connection in process.net_connections("tcp"):
                is_link = connection.laddr.ip == target.settings.link.host
                if connection.status == psutil.CONN_LISTEN and is_link:
                    found.add(connection.laddr.port)
        return sorted(port for port in found if not 30_000 <= port < 31_000)  # Serve's own

    async def _knock(self, port: int, say: bytes) -> bool:
        """Whether it was left open."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(say)
            async with asyncio.timeout(WITHIN_S):
                while await reader.read(4096):
                    pass
            writer.close()
        except TimeoutError:
            return True
        except OSError:
            pass
        return False


ATTACKS: tuple[Attack, ...] = (
    Token("token-made-up", "a stream with a made-up token", steal=_made_up),
    Token("token-none", "a stream without a token", steal=_none),
    Token("token-foreign", "another call's stream with this call's token", steal=_foreign),
    Token("token-used", "a token that was used, when the stream is over", steal=_used),
    UsedWhileItStands("token-twice", "a token that was used, while the caller speaks"),
    VoiceAgain("voice-again", "a captured /twilio/voice, five times more"),
    ResumeAgain("resume-again", "a captured /twilio/resume while the caller speaks"),
    Oversized("oversized", "messages of 15 MB on a captured upgrade"),
    LinkWithoutToken("link", "connections to the media link without its token"),
)
