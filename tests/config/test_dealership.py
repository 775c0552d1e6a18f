"""The dealership's file: what it says, and how its faults are told to a manager."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.dealership import Dealership, DealershipError, Interval, load_dealership

Change = Callable[[dict[str, Any]], Any]
FILE = Path(__file__).parents[2] / "config" / "dealership.yaml"


def test_the_shipped_file_says_what_it_says(dealership: Dealership) -> None:
    location = dealership.location("")
    assert location is dealership.location("main")
    assert (dealership.name, location.timezone, len(location.bays)) == (
        "Otto's Auto",
        "America/Chicago",
        4,
    )
    oil = dealership.service("oil_change")
    assert (oil.price_cents, oil.price_text, oil.duration_minutes) == (7995, "$79.95", 45)
    assert dealership.service("repair_estimate").price_text == "quoted after inspection"
    assert (oil.buffer_minutes, oil.lead_time_hours) == (0, 0)
    assert [location.places_a_day(kind) for kind in ("wait", "loaner", "shuttle", "drop_off")] == [
        8,
        2,
        6,
        None,
    ]
    with pytest.raises(KeyError):
        dealership.service("car_wash")
    with pytest.raises(KeyError):
        dealership.location("elsewhere")


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 11, 24), (Interval(opens=time(7, 30), closes=time(18)),)),
        (date(2026, 11, 22), ()),  # a Sunday
        (date(2026, 11, 26), ()),  # Thanksgiving
        (date(2026, 10, 12), (Interval(opens=time(7, 30), closes=time(18)),)),  # Columbus Day
        (date(2026, 7, 3), ()),  # Independence Day, kept on the Friday
        (date(2026, 12, 24), (Interval(opens=time(7, 30), closes=time(12)),)),
    ],
)
def test_hours_on_a_date(dealership: Dealership, day: date, hours: tuple[Interval, ...]) -> None:
    assert dealership.locations[0].intervals_on(day) == hours


def test_it_can_be_hashed_and_sent_to_an_actor(dealership: Dealership) -> None:
    assert pickle.loads(pickle.dumps(dealership)) == dealership
    assert hash(dealership) == hash(load_dealership(FILE))


def _main(content: dict[str, Any]) -> dict[str, Any]:
    location: dict[str, Any] = content["locations"][0]
    return location


FAULTS: list[tuple[Change, str]] = [
    (
        lambda c: _main(c)["hours"].update(tuesday="18:00-07:00"),
        "location 'main', hours on Tuesday: closes 07:00 is before opens 18:00",
    ),
    (
        lambda c: _main(c)["hours"].update(tuesday=["07:00-12:00", "11:00-15:00"]),
        "location 'main', hours on Tuesday: 11:00-15:00 begins before 07:00-12:00 has ended",
    ),
    (
        lambda c: _main(c)["hours"].update(monday="7-8"),
        "location 'main', hours on Monday: '7-8' is not written like 07:30-18:00",
    ),
    (
        lambda c: _main(c)["hours"].update(monday="07:30-25:00"),
        "location 'main', hours on Monday: '07:30-25:00' has a time that does not exist "
        "(00:00 to 23:59)",
    ),
    (lambda c: _main(c)["hours"].update(tuesday="18:00-24:00"), ""),
    (lambda c: _main(c)["hours"].update(saturday="18:00-02:00"), ""),
    (lambda c: _main(c)["hours"].update(saturday="20:00-08:00"), ""),
    (lambda c: _main(c)["hours"].update(tuesday="00:00-24:00"), ""),
    (
        lambda c: _main(c)["hours"].update(monday="22:00-08:00"),
        "location 'main', hours: Tuesday: 07:30-18:00 begins before 22:00-08:00 of the day before "
        "has ended",
    ),
    (
        lambda c: _main(c)["hours"].update(sunday="22:00-08:00"),
        "location 'main', hours: Monday: 07:30-18:00 begins before 22:00-08:00 of the day before "
        "has ended",
    ),
    (
        lambda c: _main(c).update(special_hours=[{"date": "2026-12-22", "hours": "22:00-08:00"}]),
        "location 'main': 2026-12-23: 07:30-18:00 begins before 22:00-08:00 of the day before has "
        "ended",
    ),
    (
        lambda c: _main(c)["hours"].update(tuesday=["18:00-02:00", "20:00-21:00"]),
        "location 'main', hours on Tuesday: 20:00-21:00 begins before 18:00-02:00 has ended",
    ),
    (
        lambda c: _main(c)["hours"].update(tuesday="09:00-09:00"),
        "location 'main', hours on Tuesday: closes 09:00 is before opens 09:00",
    ),
    (
        lambda c: _main(c)["hours"].update(tuesday="00:00-00:00"),
        "location 'main', hours on Tuesday: '00:00-00:00' is either 00:00-24:00 or: closed",
    ),
    (
        lambda c: _main(c)["hours"].update(tuesday="24:00-08:00"),
        "location 'main', hours on Tuesday: '24:00-08:00' has a time that does not exist "
        "(00:00 to 23:59)",
    ),
    (
        lambda c: _main(c)["hours"].update(tuesday="18:00-24:30"),
        "location 'main', hours on Tuesday: '18:00-24:30' has a time that does not exist "
        "(00:00 to 23:59)",
    ),
    (
        lambda c: (
            c["services"][0].update(duration_minutes=600)
            or [_main(c)["hours"].update({d: "20:00-02:00"}) for d in list(_main(c)["hours"])]
        ),
        "service 'oil_change' takes 600 minutes, but no location is open for longer than 360 "
        "minutes at a stretch",
    ),
    (
        lambda c: _main(c)["holidays"].update(closed_on=["Labor Day (observed)"]),
        "",
    ),
    (
        lambda c: _main(c)["holidays"].update(closed_on=["Labour Day (observed)"]),
        "location 'main', holidays: no public holiday is called 'Labour Day (observed)': "
        "did you mean 'Labor Day'?",
    ),
    (lambda c: _main(c)["hours"].pop("friday"), "location 'main', hours: 'friday' is missing"),
    (
        lambda c: c["services"][0].update(skill="lube"),
        "service 'oil_change' needs skill 'lube' but no bay has it",
    ),
    (
        lambda c: c["services"][1].update(skill="tyres"),
        "service 'tire_rotation' needs skill 'tyres' but no bay has it: did you mean 'tires'?",
    ),
    (
        lambda c: c["services"][0].update(duration_minutes=600),
        "",  # exactly as long as the location is open
    ),
    (
        lambda c: [_main(c)["hours"].update({d: "closed"}) for d in list(_main(c)["hours"])],
        "service 'oil_change' takes 45 minutes, but no location is open for longer than 0 "
        "minutes at a stretch",
    ),
    (
        lambda c: _main(c).update(tiemzone="x"),
        "location 'main': unknown key 'tiemzone': did you mean 'timezone'?",
    ),
    (
        lambda c: _main(c)["bays"][1].update(skils=[]),
        "location 'main', bay 'bay-2': unknown key 'skils': did you mean 'skills'?",
    ),
    (lambda c: c.update(nam="x"), "unknown key 'nam': did you mean 'name'?"),
    (
        lambda c: _main(c).update(timezone="America/Chicgo"),
        "location 'main', timezone: there is no time zone 'America/Chicgo': "
        "did you mean 'America/Chicago'?",
    ),
    (
        lambda c: _main(c).update(phone=13125550100),
        "location 'main', phone: a telephone number stands in quotes, like \"+13125550100\"",
    ),
    (
        lambda c: _main(c).update(desk_number="555"),
        "location 'main', desk_number: '555' is not a telephone number like \"+13125550100\"",
    ),
    (
        lambda c: c["services"][0].update(price="cheap"),
        "service 'oil_change': the price 'cheap' must be dollars like 79.95, or: after inspection",
    ),
    (lambda c: c["services"][0].pop("price"), "service 'oil_change': 'price' is missing"),
    (
        lambda c: c["services"][0].update(price=-3),
        "service 'oil_change', price: must be at least 0",
    ),
    (
        lambda c: _main(c)["holidays"].update(closed_on=["Labor day"]),
        "location 'main', holidays: no public holiday is called 'Labor day': "
        "did you mean 'Labor Day'?",
    ),
    (lambda c: c.update(locations=[]), "locations: needs at least one entry"),
    (
        lambda c: _main(c).update(slot_minutes="often"),
        "location 'main', slot_minutes: must be a whole number",
    ),
    (
        lambda c: _main(c).update(closed_dates=["soon"]),
        "location 'main', closed_dates, entry 1: must be a date like 2026-12-24",
    ),
    (
        lambda c: _main(c).update(closed_dates=[date(2026, 12, 24)]),
        "location 'main': 2026-12-24 is listed more than once",
    ),
    (
        lambda c: c["services"].append(c["services"][0]),
        "service code 'oil_change' is used more than once",
    ),
    (
        lambda c: _main(c)["bays"][1].update(calendar_id=_main(c)["bays"][0]["calendar_id"]),
        "calendar_id 'bay-1@ottos-auto.example' is used more than once",
    ),
    (
        lambda c: c["services"].append("wash"),
        "service number 12: must be a group of 'key: value' lines",
    ),
    (
        lambda d: _main(d)["staff"].append({"name": "Bob", "bays": ["bay-9"]}),
        "location 'main': staff 'Bob' works in bay 'bay-9', which does not exist: did you mean "
        "'bay-4'?",
    ),
    (
        lambda d: _main(d)["staff"].append({"name": "dave", "bays": ["bay-1"]}),
        "location 'main': staff 'dave' is listed more than once",
    ),
    (
        lambda d: _main(d)["staff"][0].update(bays=[]),
        "location 'main', staff 'Maria Alvarez', bays: needs at least one entry",
    ),
    (
        lambda d: _main(d)["staff"][0].update(bay="bay-1"),
        "location 'main', staff 'Maria Alvarez': unknown key 'bay': did you mean 'bays'?",
    ),
    (
        lambda d: _main(d).update(loaner_cars=-1),
        "location 'main', loaner_cars: must be at least 0",
    ),
    (
        lambda d: _main(d).update(waiting_customers_a_day="many"),
        "location 'main', waiting_customers_a_day: must be a whole number",
    ),
    (
        lambda d: _main(d).update(shuttle_seats=4),
        "location 'main': unknown key 'shuttle_seats': did you mean 'shuttle_seats_a_day'?",
    ),
    (
        lambda d: d["services"][0].update(buffer_minutes=500),
        "service 'oil_change', buffer_minutes: must be at most 240",
    ),
    (
        lambda d: d["services"][0].update(lead_time_hours=24 * 60 + 1),
        "service 'oil_change', lead_time_hours: must be at most 1440",
    ),
    (
        lambda d: (
            _main(d).update(horizon_days=10),
            d["services"][0].update(lead_time_hours=300),
        ),
        "service 'oil_change' needs 300 hours of lead time, but no location is booked further "
        "ahead than 10 days",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), FAULTS)
def test_a_fault_is_told_in_the_words_of_the_file(
    change: Change, sentence: str, tmp_path: Path
) -> None:
    content = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    change(content)
    path = tmp_path / "dealership.yaml"
    # Aliases would not be what a manager writes.
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
    path.write_text(yaml.dump(content, Dumper=dumper))
    if not sentence:
        load_dealership(path)
        return
    with pytest.raises(DealershipError) as caught:
        load_dealership(path)
    assert str(caught.value).splitlines()[0] == sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "line 1"),
        ("name: a\nname: b\n", "line 2: 'name' is written twice"),
        ("- a\n- b\n", "must hold name, locations and services"),
        ("", "must hold name, locations and services"),
        ("name: !!python/object:os.system x", "could not determine a constructor"),
    ],
)
def test_what_is_not_even_yaml(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "dealership.yaml"
    path.write_text(text)
    with pytest.raises(DealershipError, match=words):
        load_dealership(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DealershipError, match=r"gone.yaml: cannot be read: No such file"):
        load_dealership(tmp_path / "gone.yaml")
