"""People share a telephone, have several, and have names in every script."""

from __future__ import annotations

import asyncio
import itertools
import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.limits import LimitSettings
from otto.crm.customer_cache import CustomerCache
from otto.crm.customers import (
    Customer,
    IdentityClaim,
    NewCustomer,
    NewVehicle,
    Verdict,
    Verification,
)
from otto.crm.service import MOST_NUMBERS, MOST_ON_A_NUMBER, CrmService
from otto.storage.errors import CrmError, CustomerExists, MileageFell
from otto.storage.tables import CustomerRow, VehicleRow

MOTHER, SON, TWINS = date(1960, 1, 2), date(1990, 3, 4), date(1988, 5, 6)
VIN = "1HGBH41JXMN109186"
OTHER_VIN = "1M8GDM9AXKP042788"
YES, NO, SEVERAL = Verdict.VERIFIED, Verdict.MISMATCH, Verdict.SEVERAL
_count = itertools.count(100)


@pytest.fixture
def crm(engine: AsyncEngine, redis: Redis) -> CrmService:
    return CrmService(engine, "main", CustomerCache(redis, ttl_s=60))


@pytest.fixture
def phone() -> str:
    return f"+1312555{next(_count):04d}"


async def enter(
    crm: CrmService, phone: str, first: str, last: str = "Reed", born: date | None = MOTHER
) -> Customer:
    key = f"key {next(_count)}"
    return await crm.create_customer(NewCustomer(key, first, last, phone, born))


async def asked(crm: CrmService, phone: str, **given: Any) -> Verification:
    return await crm.verify(IdentityClaim(phone, f"CA1:{next(_count)}", **given))


# One number, several people


async def test_everybody_who_has_the_number_is_found(crm: CrmService, phone: str) -> None:
    ann = await enter(crm, phone, "Ann")
    assert await crm.find_by_phone(phone) == (ann,)
    bob = await enter(crm, phone, "Bob", born=SON)
    assert await crm.find_by_phone(phone) == (ann, bob), "at once, though Ann was in the cache"


async def test_the_date_of_birth_or_the_name_decides(crm: CrmService, phone: str) -> None:
    ann = await enter(crm, phone, "Ann")
    bob = await enter(crm, phone, "Bob", born=SON)
    await crm.add_vehicle(NewVehicle(f"a{phone}", ann.id, 2019, "Honda", "Civic", VIN))
    await crm.add_vehicle(NewVehicle(f"b{phone}", bob.id, 2020, "Ford", "F-150", OTHER_VIN))
    tail, others = VIN[-6:], OTHER_VIN[-6:]
    bobs_name = {"first_name": "Bob", "last_name": "Reed"}
    for given, verdict, who in (
        ({"date_of_birth": MOTHER}, YES, ann.id),
        ({"date_of_birth": SON}, YES, bob.id),
        ({"date_of_birth": SON, **bobs_name}, YES, bob.id),
        ({"vin_last_six": others, **bobs_name}, YES, bob.id),
        ({"has_number": False, "date_of_birth": SON, **bobs_name}, YES, bob.id),
        # What is one's does not prove the other.
        ({"date_of_birth": MOTHER, **bobs_name}, NO, None),
        ({"date_of_birth": SON, "vin_last_six": tail}, NO, None),
        ({"vin_last_six": tail, **bobs_name}, NO, None),
        ({"date_of_birth": TWINS}, NO, None),
        (bobs_name, NO, None),
    ):
        assert await asked(crm, phone, **given) == Verification(verdict, who), given


async def test_twins_are_told_apart_by_name_alone(crm: CrmService, phone: str) -> None:
    maria = await enter(crm, phone, "Maria", born=TWINS)
    mario = await enter(crm, phone, "Mario", born=TWINS)
    assert maria.id != mario.id
    assert await asked(crm, phone, date_of_birth=TWINS) == Verification(SEVERAL)
    said = {"date_of_birth": TWINS, "last_name": "Reed"}
    for first, who in (("María", maria.id), ("mario", mario.id)):
        assert await asked(crm, phone, first_name=first, **said) == Verification(YES, who)
    # A recogniser's "Mari" may be either; so may nobody's name.
    assert await asked(crm, phone, first_name="Mari", **said) == Verification(SEVERAL)
    assert await asked(crm, phone, first_name="Eve", **said) == Verification(NO)


async def test_what_fits_several_does_not_count_as_wrong(crm: CrmService, phone: str) -> None:
    for first in ("Maria", "Mario"):
        await enter(crm, phone, first, born=TWINS)
    for _ in range(20):
        assert (await asked(crm, phone, date_of_birth=TWINS)).verdict is SEVERAL


async def test_who_is_on_record_twice_is_the_one_who_was_there_first(
    crm: CrmService, engine: AsyncEngine, phone: str
) -> None:
    """Imported twice, once without accents: nobody could ever tell which."""
    first = await enter(crm, phone, "José", "García")
    async with engine.begin() as connection:
        values = {"location_id": "main", "first_name": "Jose", "last_name": "Garcia"}
        values |= {"phone": phone, "date_of_birth": MOTHER}  # type: ignore[dict-item]
        await connection.execute(CustomerRow.__table__.insert().values(values))  # type: ignore[attr-defined]
    assert await asked(crm, phone, date_of_birth=MOTHER) == Verification(YES, first.id)


# Somebody new under a number that others have


async def test_a_stranger_on_the_number_learns_nothing_of_the_others(
    crm: CrmService, phone: str
) -> None:
    ann = await enter(crm, phone, "Ann")
    await crm.add_vehicle(NewVehicle(f"a{phone}", ann.id, 2019, "Honda", "Civic", VIN))
    heard = []
    for first, born in (("Ann", None), ("Eve", None), ("Bob", None)):
        with pytest.raises(CrmError) as refused:
            await enter(crm, phone, first, born=born)
        heard.append((type(refused.value), str(refused.value)))
    assert len(set(heard)) == 1, "whosever name is said"
    assert "date of birth" in heard[0][1] and "Ann" not in heard[0][1]
    made = await enter(crm, phone, "Eve", born=SON)
    assert made.vehicles == () and made.id != ann.id


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("José", "O'Brien-Smith"),
        ("jose", "o’brien smith"),
        ("JOSÉ", "OBrien Smith"),
        ("Jose\u0301", "O'Brien-Smith"),
        ("Ｊｏｓｅ", "O'Brien–Smith"),
        ("José O'Brien", "Smith"),
    ],
)
async def test_the_same_person_is_not_doubled(
    first: str, last: str, crm: CrmService, phone: str
) -> None:
    made = await enter(crm, phone, "José", "O'Brien-Smith")
    with pytest.raises(CustomerExists) as exists:
        await enter(crm, phone, first, last)
    assert "Smith" not in str(exists.value) and phone not in str(exists.value)
    assert await crm.find_by_phone(phone) == (made,)
    # Another date of birth is another person: father and son.
    assert (await enter(crm, phone, first, last, SON)).id != made.id


async def test_one_person_told_twice_at_once_is_one(crm: CrmService, phone: str) -> None:
    tries = await asyncio.gather(
        *(enter(crm, phone, "Ann") for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Customer) for one in tries) == 1
    assert sum(isinstance(one, CustomerExists) for one in tries) == 5


async def test_a_number_holds_a_household_and_no_crowd(crm: CrmService, phone: str) -> None:
    for n in range(MOST_ON_A_NUMBER):
        await enter(crm, phone, f"Ann{'abcdefghijklmnop'[n]}")
    with pytest.raises(CrmError, match="No more people"):
        await enter(crm, phone, "Bob")


async def test_entering_is_no_way_to_guess_a_date_of_birth(crm: CrmService, phone: str) -> None:
    """Whose name is said with one date after the other is locked out, as who verifies with them
    is: of both together there are as many as of one."""
    await enter(crm, phone, "Ann", born=MOTHER)
    for day in range(1, 4):
        assert (await asked(crm, phone, date_of_birth=date(1970, 1, day))).verdict is NO
    for day in range(1, LimitSettings().wrong_answers_per_customer - 2):
        await enter(crm, phone, "ann", born=date(1971, 1, day))
    for first, born in (("Ann", MOTHER), ("Ann", SON), ("Bob", SON)):
        with pytest.raises(CrmError, match="No more people") as refused:
            await enter(crm, phone, first, born=born)
        assert not isinstance(refused.value, CustomerExists), "not even the truth is told"
    assert (await asked(crm, phone, date_of_birth=MOTHER)).verdict is Verdict.LOCKED


# One person, several numbers


async def test_a_customer_is_found_and_verified_by_each_of_their_numbers(
    crm: CrmService, phone: str
) -> None:
    ann = await enter(crm, phone, "Ann")
    second = f"+1773555{next(_count):04d}"
    assert await crm.find_by_phone(second) == ()
    for _ in range(2):
        assert await crm.add_phone(ann.id, second) == ann
    assert await crm.find_by_phone(second) == (ann,)
    assert ann.phone == phone, "the first stays the first"
    assert await asked(crm, second, date_of_birth=MOTHER) == Verification(YES, ann.id)
    # What changes is seen under every number.
    assert await crm.find_by_phone(phone) == (ann,)
    added = await crm.add_vehicle(NewVehicle(f"a{phone}", ann.id, 2019, "Honda", "Civic", VIN))
    for number in (phone, second):
        assert [one.vehicles for one in await crm.find_by_phone(number)] == [(added,)]
    # Whoever else has the number is found beside them.
    bob = await enter(crm, second, "Bob", born=SON)
    ann = replace(ann, vehicles=(added,))
    assert await crm.find_by_phone(second) == (ann, bob)
    assert await crm.find_by_phone(phone) == (await crm.find_by_phone(second))[:1]


async def test_numbers_that_cannot_be_added(crm: CrmService, phone: str) -> None:
    ann = await enter(crm, phone, "Ann")
    for bad in ("7735550100", "", "+1\x0077355501", "tel:+17735550100"):
        with pytest.raises(CrmError):
            await crm.add_phone(ann.id, bad)
    with pytest.raises(CrmError):
        await crm.add_phone(-1, "+17735550100")
    for _ in range(MOST_NUMBERS - 1):
        await crm.add_phone(ann.id, f"+1773555{next(_count):04d}")
    with pytest.raises(CrmError, match="No more numbers"):
        await crm.add_phone(ann.id, f"+1773555{next(_count):04d}")
    assert await crm.add_phone(ann.id, phone), "one they have is no error"


# Names, mail and mileage as they are stored


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("José", "García Márquez"),
        ("伟", "李"),
        ("Jürgen", "Müller"),
        ("Séamus", "O'Brien-Smith"),
        ("Minh", "Nguyễn Thị"),
        ("Suharto", ""),
        ("محمد", "الفاتح"),
        ("Владимир", "Иванов"),
        ("श्रीमती", "शर्मा"),
        ("ʻAulani", "Kealoha"),
        ("X Æ A-12", "Musk"),
        ("Gal·la", "d’Or, Jr."),
        ("می\u200cخواهم", "رضا"),
    ],
)
async def test_names_of_every_script_are_kept_as_they_are_written(
    first: str, last: str, crm: CrmService, phone: str
) -> None:
    apart = unicodedata.normalize("NFD", first), unicodedata.normalize("NFD", last)
    made = await enter(crm, phone, *apart)
    assert (made.first_name, made.last_name) == (first, last)
    said = {"first_name": first, "last_name": last or first, "has_number": False}
    assert await asked(crm, phone, date_of_birth=MOTHER, **said) == Verification(YES, made.id)


@pytest.mark.parametrize(
    "name",
    ["", "  ", "12345", "...", "🙂", "Maria🙂", "a" * 61, "<b>Maria</b>", "x@example.com",
     "http://evil.example", "Z" + "\u0301" * 12, "Ma\ud800ria", "\u202e", "\x00"],
)  # fmt: skip
async def test_what_is_no_name_is_refused_with_a_sentence(
    name: str, crm: CrmService, phone: str
) -> None:
    for first, last in ((name, "Reed"), ("Ann", name)):
        if not last:
            continue  # one name only
        with pytest.raises(CrmError) as refused:
            await enter(crm, phone, first, last)
        assert str(refused.value).endswith(".") and "evil" not in str(refused.value)
    assert await crm.find_by_phone(phone) == ()


async def test_lengths_are_characters(crm: CrmService, phone: str) -> None:
    name = "ễ" * 60
    made = await enter(crm, phone, unicodedata.normalize("NFD", name), "李" * 60)
    assert (made.first_name, made.last_name) == (name, "李" * 60)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (" Maria@Example.COM ", "Maria@example.com"),
        ("o'brien+car@mail.example.com", "o'brien+car@mail.example.com"),
        ("josé@example.com", "josé@example.com"),
        ("maria dot alvarez at gmail dot com", "maria.alvarez@gmail.com"),
        ("it's j o h n one two at example dot org, please", "john12@example.org"),
        ("maria@müller.example", "maria@müller.example"),
        (None, None),
        ("", None),
    ],
)
async def test_mail_addresses_are_kept_in_one_spelling(
    told: str | None, kept: str | None, crm: CrmService, engine: AsyncEngine, phone: str
) -> None:
    made = await crm.create_customer(NewCustomer(phone, "Ann", "Reed", phone, MOTHER, told))
    async with engine.connect() as connection:
        stored = select(CustomerRow.email).where(CustomerRow.id == made.id)
        assert await connection.scalar(stored) == kept


@pytest.mark.parametrize(
    "told",
    ["maria", "@example.com", "maria@", "maria at example", "a@b@c.com", "x" * 65 + "@example.com",
     "maria@" + "x" * 250 + ".com", "ma ria@example.com", "a@exam\nple.com", "\x00", "a@[1.2.3.4]"],
)  # fmt: skip
async def test_what_is_no_mail_address_is_refused_and_not_repeated(
    told: str, crm: CrmService, phone: str
) -> None:
    with pytest.raises(CrmError, match="e-mail address") as refused:
        await crm.create_customer(NewCustomer(phone, "Ann", "Reed", phone, MOTHER, told))
    assert told not in str(refused.value) and refused.value.__cause__ is None
    assert await crm.find_by_phone(phone) == ()


async def test_a_mileage_grows_unless_the_caller_is_sure(
    crm: CrmService, engine: AsyncEngine, phone: str
) -> None:
    ann = await enter(crm, phone, "Ann")

    async def tell(mileage: int | None, *, sure: bool = False) -> int | None:
        new = NewVehicle(phone, ann.id, 2019, "Honda", "Civic", VIN, mileage, sure)
        return (await crm.add_vehicle(new)).mileage

    assert await tell(None) is None
    assert await tell(0) == 0
    assert await tell(40_000) == 40_000
    assert await tell(None) == 40_000, "nothing told changes nothing"
    assert await tell(40_000) == 40_000
    with pytest.raises(MileageFell) as fell:
        await tell(39_999)
    assert "40" not in str(fell.value)
    assert [one.vehicles[0].mileage for one in await crm.find_by_phone(phone)] == [40_000]
    assert await tell(39_999, sure=True) == 39_999
    assert await tell(2_000_000) == 2_000_000
    for wrong in (-1, 2_000_001, 2**31, 2**70):
        with pytest.raises(CrmError, match="mileage cannot be right"):
            await tell(wrong, sure=True)
    async with engine.connect() as connection:
        stored = select(VehicleRow.mileage).where(VehicleRow.customer_id == ann.id)
        assert (await connection.scalars(stored)).all() == [2_000_000]


async def test_looking_up_uses_the_indexes(engine: AsyncEngine) -> None:
    """Both ways to a number, at any size of the book."""
    from otto.crm.verification import having

    wanted = select(CustomerRow.first_name).where(CustomerRow.id.in_(having("+13125550100")))
    sql = str(wanted.compile(engine, compile_kwargs={"literal_binds": True}))
    async with engine.connect() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(await connection.scalars(text(f"EXPLAIN {sql}")))
    assert "ix_customers_phone" in plan and "ix_customer_phones_phone" in plan
    assert "Seq Scan" not in plan
