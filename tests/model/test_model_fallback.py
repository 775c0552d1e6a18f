"""The model when a provider fails it: retries, the fallback, and answers that broke in the middle.

Each test is a failure that callers of voice agents have heard: an answer said twice, silence after
half an answer, a booking made from half a tool call, six seconds of nothing before "sorry".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai  # noqa: F401  its import takes longer than the deadlines below
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.model import client as client_module
from otto.dialogue.model.attempt import CONTINUE, Echo
from otto.dialogue.model.client import Model
from otto.events import Event, ModelDone, Sentence, ToolCall, VendorReport, WorkerFailed
from tests.model.test_model import ASK, TOOLS, FakeOpenAI, call_part, chunk, status, stream, text

STOP = chunk({}, "stop")


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_DELAY_S", 0.01)


class Talk:
    """One model with two providers; `ask` gives the events of one answer."""

    def __init__(self, settings: Any) -> None:
        self.events: list[Event] = []
        self.model = Model(settings, self.events.append)
        self.round_id = 0

    async def ask(self, tools: list[dict[str, Any]] | None = None) -> list[Event]:
        self.round_id += 1
        self.model.generate(self.round_id, ASK, tools or [])
        async with asyncio.timeout(10):
            while not self._has_ended():
                await asyncio.sleep(0.005)
        return [event for event in self.events if getattr(event, "round_id", None) == self.round_id]

    def _has_ended(self) -> bool:
        return any(
            isinstance(event, ModelDone | WorkerFailed) and event.round_id == self.round_id
            for event in self.events
        )

    @property
    def reports(self) -> list[tuple[str, bool, str]]:
        return [
            (event.provider, event.ok, event.kind)
            for event in self.events
            if isinstance(event, VendorReport)
        ]


@asynccontextmanager
async def talk(
    primary: FakeOpenAI, fallback: FakeOpenAI | None = None, **settings: Any
) -> AsyncIterator[Talk]:
    other = fallback or FakeOpenAI(status(500))
    async with other.serving():
        extra = {"fallback_base_url": other.settings.base_url, "fallback_model": "small"}
        async with primary.serving(**settings, **(extra if fallback else {})):
            made = Talk(primary.settings)
            yield made
            await made.model.close()


def answer(*words: str) -> Any:
    return stream(*text(*words), STOP)


async def test_an_outage_is_answered_by_the_fallback_and_not_relearnt_every_turn() -> None:
    primary, fallback = FakeOpenAI(status(503)), FakeOpenAI(answer("Hello."))
    async with talk(primary, fallback) as it:
        sentence, done = await it.ask()
        assert sentence == Sentence(1, 0, "Hello.")
        assert isinstance(done, ModelDone)
        assert [len(primary.requests), len(fallback.requests)] == [2, 1]
        assert fallback.requests[0]["model"] == "small"
        await it.ask()
        assert [len(primary.requests), len(fallback.requests)] == [2, 2]
        assert it.reports == [("primary", False, "refused")] * 2


async def test_an_account_without_credit_goes_to_the_fallback_at_once() -> None:
    primary, fallback = FakeOpenAI(status(429, "insufficient_quota")), FakeOpenAI(answer("Hi."))
    async with talk(primary, fallback) as it:
        assert isinstance((await it.ask())[-1], ModelDone)
        assert len(primary.requests) == 1
        assert it.reports == [("primary", False, "quota")]


async def test_a_request_too_long_is_not_held_against_the_vendor() -> None:
    """Else one long call would keep all others from a model that is well."""
    primary, fallback = FakeOpenAI(status(400, "context_length_exceeded")), FakeOpenAI(answer("A."))
    async with talk(primary, fallback) as it:
        assert isinstance((await it.ask())[-1], ModelDone)
        assert it.reports == []


async def test_a_silent_model_leaves_time_for_the_other_within_the_one_deadline() -> None:
    primary = FakeOpenAI(stream(*text(), then="hang"))
    async with talk(primary, FakeOpenAI(answer("Here.")), first_token_timeout_s=1.0) as it:
        begun = asyncio.get_running_loop().time()
        sentence, done = await it.ask()
        assert 0.4 < asyncio.get_running_loop().time() - begun < 1.0
        assert sentence == Sentence(1, 0, "Here.")
        assert isinstance(done, ModelDone) and done.first_token_ms > 400
        assert len(primary.requests) == 1


async def test_an_answer_that_breaks_off_goes_on_where_it_stopped() -> None:
    primary = FakeOpenAI(stream(*text("We open at seven. ", "On Sat"), then="drop"))
    primary.replies.append(answer("On Saturdays ", "at eight."))
    async with talk(primary) as it:
        one, two, done = await it.ask()
        assert (one, two) == (
            Sentence(1, 0, "We open at seven."),
            Sentence(1, 1, "On Saturdays at eight."),
        )
        assert isinstance(done, ModelDone)
        assert done.text == "We open at seven. On Saturdays at eight."
    assert primary.requests[1]["messages"] == [
        *ASK,
        {"role": "assistant", "content": "We open at seven."},
        {"role": "system", "content": CONTINUE},
    ]


async def test_a_model_that_begins_anew_though_told_to_go_on_is_not_heard_twice() -> None:
    whole = ("We open at seven. ", "On Saturdays at eight. ", "On Sundays we rest.")
    primary = FakeOpenAI(stream(*text(*whole[:2], "On"), then="drop"), answer(*whole))
    async with talk(primary) as it:
        events = await it.ask()
        said = [event.text for event in events if isinstance(event, Sentence)]
        assert said == [part.strip() for part in whole]
        assert [event.index for event in events if isinstance(event, Sentence)] == [0, 1, 2]
        assert events[-1].text == " ".join(said)  # type: ignore[union-attr]


async def test_nothing_left_to_say_is_the_end_of_the_answer() -> None:
    primary = FakeOpenAI(
        stream(*text("We open at seven. ", "On"), then="drop"), stream(*text(), STOP)
    )
    async with talk(primary) as it:
        _, done = await it.ask()
        assert isinstance(done, ModelDone)
        assert done.text == "We open at seven."


async def test_half_a_tool_call_is_never_a_tool_call() -> None:
    """Its arguments may be whole JSON and wrong: what broke is asked for again, all of it."""
    primary = FakeOpenAI(
        stream(
            *text("One moment."),
            call_part(0, '{"slot": 1', id="half", name="book"),
            call_part(0, "}"),
            then="drop",
        ),
        stream(call_part(0, '{"slot": 12}', id="whole", name="book"), chunk({}, "tool_calls")),
    )
    async with talk(primary) as it:
        sentence, done = await it.ask(TOOLS)
        assert sentence == Sentence(1, 0, "One moment.")
        assert isinstance(done, ModelDone)
        assert done.tool_calls == (ToolCall("call_1_0", "book", '{"slot":12}'),)
        assert done.text == "One moment."


async def test_tokens_that_were_not_a_sentence_yet_are_forgotten() -> None:
    primary = FakeOpenAI(stream(*text("We op"), then="drop"), answer("We open at seven."))
    async with talk(primary) as it:
        sentence, _ = await it.ask()
        assert sentence == Sentence(1, 0, "We open at seven.")
    assert primary.requests[1]["messages"] == ASK


async def test_a_stream_that_falls_silent_is_gone_on_with_by_the_fallback() -> None:
    primary = FakeOpenAI(stream(*text("We open at seven. ", "On"), then="hang"))
    fallback = FakeOpenAI(answer("On Saturdays at eight."))
    async with talk(primary, fallback, between_tokens_timeout_s=0.2) as it:
        events = await it.ask()
        assert isinstance(events[-1], ModelDone)
        assert events[-1].text == "We open at seven. On Saturdays at eight."
        assert len(primary.requests) == 1
        assert it.reports == [("primary", False, "timeout")]


async def test_worker_failed_comes_once_when_all_are_out() -> None:
    async with talk(FakeOpenAI(status(503)), FakeOpenAI(status(503))) as it:
        (failed,) = await it.ask()
        assert isinstance(failed, WorkerFailed) and failed.kind == "refused"
        assert (
            it.reports == [("primary", False, "refused")] * 2 + [("fallback", False, "refused")] * 2
        )


async def test_the_boards_word_is_followed_and_a_probes_success_is_told() -> None:
    primary, fallback = FakeOpenAI(answer("One.")), FakeOpenAI(answer("Two."))
    async with talk(primary, fallback) as it:
        it.model.avoid(frozenset({"llm:primary", "stt:primary"}))
        assert (await it.ask())[0] == Sentence(1, 0, "Two.")
        it.model.avoid(frozenset())
        assert (await it.ask())[0] == Sentence(2, 0, "One.")
        await it.ask()
        assert it.reports == [("primary", True, "")]


async def test_a_cancelled_answer_reports_nothing() -> None:
    async with talk(FakeOpenAI(stream(*text(), then="hang")), FakeOpenAI(status(500))) as it:
        it.model.generate(1, ASK, [])
        await asyncio.sleep(0.05)
        it.model.cancel(1)
    assert it.events == []


# What is said again


WORDS = st.lists(st.sampled_from("we open at seven on saturdays eight no".split()), min_size=1)


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=4), WORDS.map(" ".join))
def test_a_repetition_of_everything_said_leaves_only_the_rest(said: list[str], rest: str) -> None:
    echo = Echo(said)
    fresh = [echo.fresh(piece) for piece in [*said, rest]]
    # A rest that itself begins like something said may be taken for part of the repetition.
    assert all(not piece for piece in fresh[: len(said) - 1])
    assert fresh[-1] in ("", rest) or rest.endswith(fresh[-1])


def test_a_repetition_is_known_by_its_words_not_its_pieces() -> None:
    echo = Echo(["We open at seven,", "and close at six."])
    assert echo.fresh("We open at seven, and close at six. On Sundays we rest.") == (
        "On Sundays we rest."
    )
    assert echo.fresh("We open at seven,") == "We open at seven,"  # that is over: it is meant


def test_words_that_only_begin_alike_are_new() -> None:
    echo = Echo(["I have Tuesday at nine."])
    assert echo.fresh("I have Wednesday at ten as well.") == "I have Wednesday at ten as well."


def test_the_last_sentence_alone_said_again_is_left_out() -> None:
    echo = Echo(["Good news.", "It is ready."])
    assert echo.fresh("It is ready.") == ""
    assert echo.fresh("Come by any time.") == "Come by any time."
