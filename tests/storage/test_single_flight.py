"""One question for many, and never an answer from before one asked."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from otto.storage.single_flight import SingleFlight

pytestmark = pytest.mark.looptime


async def test_who_comes_later_shares_the_next_question() -> None:
    flight, asked = SingleFlight[str, int](), itertools.count(1)

    async def question() -> int:
        number = next(asked)
        await asyncio.sleep(10)
        return number

    async def come(at_s: float) -> int:
        await asyncio.sleep(at_s)
        return await flight.ask("a", question)

    assert await asyncio.gather(*(come(at_s) for at_s in (0, 0, 1, 5, 9, 15, 19))) == [
        *(1, 1),
        *(2, 2, 2),
        *(3, 3),
    ]
    assert asyncio.get_running_loop().time() == 30


async def test_keys_do_not_wait_for_each_other() -> None:
    flight = SingleFlight[int, int]()

    async def answer(key: int) -> int:
        await asyncio.sleep(1)
        return key

    finds = [flight.ask(key, lambda key=key: answer(key)) for key in range(50)]  # type: ignore[misc]
    assert await asyncio.gather(*finds) == [*range(50)]
    assert asyncio.get_running_loop().time() == 1


async def test_an_error_is_everybody_s_and_the_next_question_is_asked() -> None:
    flight, asked = SingleFlight[str, int](), itertools.count()

    async def question() -> int:
        number = next(asked)
        await asyncio.sleep(1)
        if not number:
            raise KeyError
        return number

    first = [asyncio.create_task(flight.ask("a", question)) for _ in range(3)]
    await asyncio.sleep(0.5)
    second = asyncio.create_task(flight.ask("a", question))
    results = await asyncio.gather(*first, second, return_exceptions=True)
    assert [type(each) for each in results[:3]] == [KeyError] * 3 and results[3] == 1


async def test_nothing_is_left_of_a_question_whoever_was_cancelled() -> None:
    flight = SingleFlight[str, int]()
    is_done = asyncio.Event()

    async def question() -> int:
        await asyncio.sleep(1)
        is_done.set()
        raise KeyError  # which nobody hears

    asker = asyncio.create_task(flight.ask("a", question))
    await asyncio.sleep(0.5)
    asker.cancel()
    await is_done.wait()
    await asyncio.sleep(0)
    assert not flight._current and not flight._next

    async def other() -> int:
        return 2

    assert await flight.ask("a", other) == 2
