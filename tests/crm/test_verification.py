"""Proving who one is: what is enough, what counts, and what two calls at once may guess."""

from __future__ import annotations

import asyncio
import itertools
import string
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.limits import LimitSettings
from config.settings import DatabaseSettings
from otto.crm.customers import Customer, IdentityClaim, NewCustomer, NewVehicle, Verdict
from otto.crm.names import is_same_name
from otto.crm.proof import Fact, is_enough
from otto.crm.service import CrmService
from otto.storage.database import make_engine
from otto.storage.tables import LimitEventRow
from tests.support.pools import warm

VIN = "1HGBH41JXMN109186"
BORN, WRONG = date(1984, 3, 12), date(1984, 12, 3)
CALLER = "+17735550199"
LIMITS = LimitSettings(wrong_answers_per_customer=4, wrong_answers_per_number=6)
YES, NO, LOCKED = Verdict.VERIFIED, Verdict.MISMATCH, Verdict.LOCKED
_numbers = itertools.count(100)
_keys = itertools.count()


@pytest.fixture
def crm(engine: AsyncEngine) -> CrmService:
    return CrmService(engine, "main", limits=LIMITS)


@pytest.fixture
async def maria(crm: CrmService, engine: AsyncEngine) -> Customer:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE limit_events"))
    phone = f"+1312555{next(_numbers):04d}"
    made = await crm.create_customer(NewCustomer(phone, "Maria", "Álvarez", phone, BORN))
    await crm.add_vehicle(NewVehicle(phone, made.id, 2019, "Honda", "Civic", VIN))
    return made


async def verdict_of(crm: CrmService, claim: IdentityClaim) -> Verdict:
    return (await crm.verify(claim)).verdict


def claim(phone: str, **given: Any) -> IdentityClaim:
    """An answer that was not given before."""
    return IdentityClaim(phone, key=f"CA1:{next(_keys)}", **({"caller": CALLER} | given))


NAME = {"first_name": "maria", "last_name": "Alvares"}


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        # The number is theirs.
        ({"date_of_birth": BORN}, YES),
        ({"date_of_birth": BORN, "vin_last_six": "109186"}, YES),
        ({"vin_last_six": "109186", **NAME}, YES),
        ({"vin_last_six": "one oh nine, one eight six", **NAME}, YES),
        ({"vin_last_six": "109186"}, NO),  # anybody can read it through the windscreen
        ({"vin_last_six": "109186", "first_name": "Maria"}, NO),
        (NAME, NO),
        ({}, NO),
        ({"date_of_birth": WRONG}, NO),
        ({"date_of_birth": WRONG, "vin_last_six": "109186", **NAME}, NO),
        ({"date_of_birth": BORN, "vin_last_six": "109187"}, NO),
        ({"date_of_birth": BORN, "first_name": "Eve", "last_name": "Adams"}, NO),
        ({"vin_last_six": "", **NAME}, NO),
        ({"vin_last_six": "?", **NAME}, NO),
        # Nobody vouches for the number.
        ({"has_number": False, "date_of_birth": BORN}, NO),
        ({"has_number": False, "date_of_birth": BORN, **NAME}, YES),
        ({"has_number": False, "date_of_birth": BORN, "vin_last_six": "109186"}, YES),
        ({"has_number": False, "vin_last_six": "109186", **NAME}, NO),
        ({"has_number": False, "date_of_birth": BORN, "first_name": "Maria"}, NO),
    ],
)
async def test_what_is_given_must_fit_and_be_enough(
    given: dict[str, Any], verdict: Verdict, crm: CrmService, maria: Customer
) -> None:
    assert await verdict_of(crm, claim(maria.phone, **given)) is verdict


async def test_an_unknown_number_is_like_a_wrong_answer_in_every_way(
    crm: CrmService, maria: Customer
) -> None:
    """With the same answers, nobody can tell a customer's number from another one."""
    heard = {}
    for phone in (maria.phone, "+13125559999"):
        said = {"has_number": False, "date_of_birth": WRONG, "caller": None, **NAME}
        heard[phone] = [await verdict_of(crm, claim(phone, **said)) for _ in range(6)]
    assert heard[maria.phone] == heard["+13125559999"] == [NO, NO, NO, LOCKED, LOCKED, LOCKED]


async def test_a_customer_with_nothing_on_record_cannot_be_verified(crm: CrmService) -> None:
    made = await crm.create_customer(NewCustomer("blank", "No", "Facts", "+13125550999"))
    assert await verdict_of(crm, claim(made.phone, date_of_birth=BORN)) is NO
    assert await verdict_of(crm, claim(made.phone, vin_last_six="109186", **NAME)) is NO


async def test_wrong_answers_count_over_all_calls_and_then_nothing_is_looked_at(
    crm: CrmService, maria: Customer
) -> None:
    callers = [f"+1773555{n:04d}" for n in range(100, 104)]
    wrong = [claim(maria.phone, caller=caller, date_of_birth=WRONG) for caller in callers]
    assert [await verdict_of(crm, one) for one in wrong] == [NO, NO, NO, LOCKED]
    assert await verdict_of(crm, claim(maria.phone, date_of_birth=BORN)) is LOCKED, (
        "not even the truth"
    )


async def test_a_caller_who_tries_one_customer_after_the_other_is_locked(
    crm: CrmService, maria: Customer
) -> None:
    for n in range(5):
        assert await verdict_of(crm, claim(f"+1414555{n:04d}", date_of_birth=WRONG)) is NO
    assert await verdict_of(crm, claim("+14145550199", date_of_birth=WRONG)) is LOCKED
    assert await verdict_of(crm, claim(maria.phone, date_of_birth=BORN)) is LOCKED
    others = claim(maria.phone, caller="+17735550100", date_of_birth=BORN)
    assert await verdict_of(crm, others) is YES, "who calls from elsewhere is not"


async def test_right_answers_neither_count_nor_forgive(crm: CrmService, maria: Customer) -> None:
    wrong, right = {"date_of_birth": WRONG}, {"date_of_birth": BORN}
    verdicts = [
        await verdict_of(crm, claim(maria.phone, **given))
        for given in (right, wrong, right, wrong, wrong, right, wrong, right)
    ]
    assert verdicts == [YES, NO, YES, NO, NO, YES, LOCKED, LOCKED]


async def test_the_same_answer_again_is_one(crm: CrmService, maria: Customer) -> None:
    """A retry, or the call's next owner: it counts once, and is answered the same."""
    one = claim(maria.phone, date_of_birth=WRONG)
    assert [await verdict_of(crm, one) for _ in range(6)] == [NO] * 6
    last = [claim(maria.phone, date_of_birth=WRONG) for _ in range(3)]
    assert [await verdict_of(crm, each) for each in last] == [NO, NO, LOCKED]
    assert await verdict_of(crm, one) is LOCKED


async def test_a_lock_ends_when_the_window_has_passed(
    crm: CrmService, engine: AsyncEngine, maria: Customer
) -> None:
    for _ in range(4):
        await verdict_of(crm, claim(maria.phone, date_of_birth=WRONG))
    for age, verdict in ((timedelta(hours=23), LOCKED), (timedelta(hours=2), YES)):
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE limit_events SET at = at - CAST(:age AS interval)"), {"age": age}
            )
        assert await verdict_of(crm, claim(maria.phone, date_of_birth=BORN)) is verdict


async def test_calls_that_guess_at_the_same_time_have_no_more_guesses_than_one(
    postgres_url: str, maria: Customer
) -> None:
    """Ten guesses over two processes' pools; the tenth would be right."""
    engines = [make_engine(DatabaseSettings(url=SecretStr(postgres_url))) for _ in range(2)]
    services = [CrmService(engine, "main", limits=LIMITS) for engine in engines]
    await warm(*engines)
    guesses = [
        claim(maria.phone, caller=f"+1773555{n:04d}", date_of_birth=WRONG - timedelta(days=n))
        for n in range(10)
    ]
    verdicts = await asyncio.gather(
        *(verdict_of(services[n % 2], guess) for n, guess in enumerate(guesses))
    )
    assert verdicts.count(NO) == 3 and verdicts.count(LOCKED) == 7
    for engine in engines:
        await engine.dispose()


async def test_what_is_counted_holds_no_answer_and_no_number(
    crm: CrmService, engine: AsyncEngine, maria: Customer
) -> None:
    given = claim(maria.phone, date_of_birth=WRONG)
    await verdict_of(crm, replace(given, key=f"CA1:{WRONG.isoformat()}"))
    async with engine.connect() as connection:
        rows = (await connection.execute(select(LimitEventRow.__table__))).all()
    assert len(rows) == 2
    for secret in (maria.phone, CALLER, WRONG.isoformat()):
        assert secret.removeprefix("+") not in str(rows)


# The rules alone


@given(st.frozensets(st.sampled_from(Fact)))
def test_what_can_be_read_on_a_car_is_never_enough(given: frozenset[Fact]) -> None:
    assert not is_enough(frozenset({Fact.VIN_TAIL}), has_number=True)
    if is_enough(given, has_number=False):
        assert is_enough(given, has_number=True), "more is asked for, never less"
        assert Fact.DATE_OF_BIRTH in given and len(given) >= 2


@pytest.mark.parametrize(
    ("heard", "known", "same"),
    [
        ("Maria", "María", True),
        ("Alvares", "Alvarez", True),
        ("steven", "Stephen", True),
        ("O'Brien", "OBRIEN", True),
        ("Van der Berg", "Vanderberg", True),
        ("Smith", "Jones", False),
        ("", "Smith", False),
        ("Smith", "", False),
        ("", "", False),
        ("...", "...", False),
        ("Li", "Lee", False),
    ],
)
def test_names_as_recognisers_write_them(heard: str, known: str, same: bool) -> None:
    assert is_same_name(heard, known) is same


@given(st.text(max_size=30))
def test_a_name_is_itself_or_nothing(name: str) -> None:
    assert is_same_name(name, name) in {True, False}
    if any(letter in name for letter in string.ascii_letters):
        assert is_same_name(name, name.upper() if name.isascii() else name)
