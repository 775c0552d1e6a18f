"""The listener when a provider fails it: reconnecting, the fallback, and the way back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from otto.events import Transcript, UtteranceEnd, VendorReport, Worker, WorkerFailed
from otto.speech import listen, vendors, wire
from otto.speech.listen import Listener


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(listen, "RETRY_DELAYS_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(listen, "ORPHAN_GRACE_S", 0.05)
    monkeypatch.setattr(vendors, "IMPATIENT_S", 0.2)


class Hears:
    """Answers once it has `needed` bytes; then, if told so, breaks off."""

    def __init__(self, needed: int, *answers: str, drop: bool = False) -> None:
        self.needed, self.answers, self.drop = needed, answers, drop
        self.audio = b""
        self.opened = 0

    async def __call__(self, socket: ServerConnection) -> None:
        self.opened += 1
        answered = False
        async for message in socket:
            if isinstance(message, str):
                if json.loads(message)["type"] == "CloseStream":
                    return
                continue
            self.audio += message
            if not answered and len(self.audio) >= self.needed:
                answered = True
                for answer in self.answers:
                    await socket.send(answer)
                if self.drop:
                    socket.transport.abort()
                    return


@contextlib.asynccontextmanager
async def two(primary: Any, fallback: Any) -> AsyncIterator[Any]:
    """Both servers' settings as one."""
    async with primary.serving(), fallback.serving():
        settings = primary.settings.model_copy(
            update={"fallback_url": fallback.settings.url, "fallback_listen_model": "other"}
        )
        yield settings


async def test_a_refusing_provider_gives_way_to_the_fallback(
    call: Any, deepgram: Any, results: Any
) -> None:
    """A concurrency limit at the vendor must not cost the caller the call."""
    recogniser = Hears(8000, results("book it", 0, 1, final=True, speech_final=True))
    primary, fallback = deepgram(Hears(0), refusals=(429,) * 9), deepgram(recogniser)
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 8000)
        call.fall_silent(1000)
        assert (await call.wait_for_type(Transcript)).text == "book it"
        assert len(primary.requests) == 2
        assert "model=other" in fallback.requests[0].path
        assert call.reports == [("primary", False, "refused")] * 2
        assert not any(isinstance(event, WorkerFailed) for event in call.events)
        await listener.detach()


async def test_a_wrong_key_is_not_tried_twice_before_the_fallback(call: Any, deepgram: Any) -> None:
    primary, fallback = deepgram(Hears(0), refusals=(401,) * 9), deepgram(Hears(0))
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        await listener.attach(call.address, call.token)
        assert (len(primary.requests), len(fallback.requests)) == (1, 1)
        await listener.detach()


async def test_a_server_that_does_not_answer_the_upgrade_costs_one_short_wait(
    call: Any, deepgram: Any
) -> None:
    """A black hole: with somebody else to turn to, the whole connect timeout is too long."""
    hole = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = hole.sockets[0].getsockname()[1]
    primary, fallback = deepgram(Hears(0)), deepgram(Hears(0))
    async with two(primary, fallback) as settings:
        settings = settings.model_copy(update={"url": f"ws://127.0.0.1:{port}"})
        listener = Listener(settings, call.events.append)
        begun = asyncio.get_running_loop().time()
        await listener.attach(call.address, call.token)
        assert asyncio.get_running_loop().time() - begun < 2
        assert call.reports == [("primary", False, "timeout")]
        assert len(fallback.requests) == 1
        await listener.detach()
    hole.close()


async def test_sockets_that_break_before_a_word_lead_to_the_fallback_and_nothing_is_lost(
    call: Any, deepgram: Any, results: Any
) -> None:
    broken = Hears(1, drop=True)
    recogniser = Hears(16_000, results("all of it", 0, 2, final=True, speech_final=True))
    primary, fallback = deepgram(broken), deepgram(recogniser)
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        await listener.attach(call.address, call.token)
        audio = bytes(1 + at % 250 for at in range(16_000))
        call.talk(audio)
        call.fall_silent(2000)
        assert (await call.wait_for_type(Transcript)).text == "all of it"
        assert recogniser.audio[:16_000] == audio
        assert broken.opened == 2
        await listener.detach()


async def test_worker_failed_only_when_both_are_out(call: Any, deepgram: Any) -> None:
    primary = deepgram(Hears(0), refusals=(503,) * 9)
    fallback = deepgram(Hears(0), refusals=(503,) * 9)
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        await listener.attach(call.address, call.token)
        (failed,) = call.news
        assert (failed.worker, failed.kind) == (Worker.STT, "refused")
        assert (len(primary.requests), len(fallback.requests)) == (2, 2)


async def test_the_primary_is_used_again_when_the_board_allows_and_its_success_is_told(
    call: Any, deepgram: Any, results: Any
) -> None:
    """Half-open: the call that gets to probe tells everybody that the outage is over."""
    recogniser = Hears(800, results("one", 0, 0.1, final=True, speech_final=True))
    primary, fallback = deepgram(recogniser), deepgram(Hears(0))
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        listener.avoid(frozenset({"stt:primary", "tts:fallback"}))
        await listener.attach(call.address, call.token)
        assert (len(primary.requests), len(fallback.requests)) == (0, 1)
        assert call.reports == []
        await listener.detach()
        listener.avoid(frozenset({"tts:fallback"}))
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 1600)
        await call.wait_for(lambda event: isinstance(event, VendorReport))
        assert call.reports == [("primary", True, "")]
        assert (len(primary.requests), len(fallback.requests)) == (1, 1)
        await listener.detach()


async def test_what_is_to_be_avoided_is_still_tried_last(call: Any, deepgram: Any) -> None:
    """A call in progress has nothing to lose: what the node avoids is advice to it."""
    primary, fallback = deepgram(Hears(0)), deepgram(Hears(0), refusals=(503,) * 9)
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        listener.avoid(frozenset({"stt:primary", "stt:fallback"}))
        await listener.attach(call.address, call.token)
        assert call.news == []
        await listener.detach()


async def test_words_whose_end_the_lost_socket_owed_are_ended(
    call: Any, deepgram: Any, results: Any
) -> None:
    """The last word was final, its endpoint was not: the new socket hears silence only, and
    without help the caller would wait for an answer until they spoke again."""
    first = Hears(8000, results("tuesday", 0, 1, final=True), drop=True)
    second = Hears(10**9)
    async with deepgram(first, second).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 8000)
        for at in range(1000, 3000, 200):
            call.fall_silent(at)
        end = await call.wait_for_type(UtteranceEnd)
        assert end == UtteranceEnd(1000)
        await listener.detach()


async def test_words_that_the_new_socket_hears_are_ended_by_it_alone(
    call: Any, deepgram: Any, results: Any
) -> None:
    first = Hears(8000, results("tues", 0, 1), drop=True)
    second = Hears(16_000, results("tuesday", 0, 1, final=True, speech_final=True))
    async with deepgram(first, second).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 8000)
        for at in range(1000, 3000, 200):
            call.fall_silent(at)
        await call.wait_for(lambda event: isinstance(event, Transcript) and event.speech_final)
        await asyncio.sleep(0.1)  # the grace is over twice
        assert [type(event) for event in call.news] == [Transcript, Transcript]
        await listener.detach()


async def test_a_successor_ends_what_the_dead_workers_last_words_left_open(
    call: Any, deepgram: Any
) -> None:
    """A listener of another process begins where the last final ended, and hears only silence."""
    async with deepgram(Hears(10**9)).serving() as server:
        for at in range(0, 3000, 200):
            call.fall_silent(at)
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token, from_ms=1000)
        assert await call.wait_for_type(UtteranceEnd) == UtteranceEnd(1000)
        await listener.detach()


async def test_a_cut_in_mid_speech_neither_loses_nor_doubles_the_words_around_it(
    call: Any, deepgram: Any, results: Any
) -> None:
    first = Hears(16_000, results("a brake", 0, 1.5, final=True), drop=True)
    # It begins 400 ms before the cut, so it hears the end of "brake" again: 0.1 to 0.35 s.
    again = results("brake inspection please", 0.1, 0.9, final=True, speech_final=True)
    async with deepgram(first, Hears(3200, again)).serving() as server:
        listener = Listener(server.settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 16_000)
        call.fall_silent(2000)
        await call.wait_for(lambda event: isinstance(event, Transcript) and event.speech_final)
        said = [event.text for event in call.events if isinstance(event, Transcript)]
        assert said == ["a brake", "inspection please"]
        await listener.detach()


async def test_recognisers_that_take_audio_and_say_nothing_are_given_up_after_one_each(
    call: Any, deepgram: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each silence costs seconds in which the caller talks to nobody."""
    monkeypatch.setattr(listen, "SILENT_S", 0.2)
    monkeypatch.setattr(listen, "CHECK_S", 0.05)
    primary, fallback = deepgram(Hears(10**9)), deepgram(Hears(10**9))
    async with two(primary, fallback) as settings:
        listener = Listener(settings, call.events.append)
        await listener.attach(call.address, call.token)
        call.talk(b"a" * 8000)
        failed = await call.wait_for_type(WorkerFailed)
        assert failed.kind == "timeout"
        assert (len(primary.requests), len(fallback.requests)) == (1, 1)
        await listener.detach()
