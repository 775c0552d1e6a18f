"""Times of day, however Otto says them and a recogniser writes them; and what a refusal teaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.language.pronounce import to_spoken
from sandbox.caller.comprehension import Act, understand
from sandbox.caller.mind import Mind
from sandbox.caller.personas import persona
from sandbox.caller.words import Time, normalise, times_in

MONDAY = ("monday", "november", 23)
QUARTERS = range(0, 24 * 60, 15)


def spellings(minute_of_day: int) -> list[str]:
    """A time of day in all the ways voices say and recognisers write it."""
    hour, minute = divmod(minute_of_day, 60)
    twelve, half = (hour - 1) % 12 + 1, "a" if hour < 12 else "p"
    halves = (f"{half}.m.", f"{half}.m", f"{half}m", f"{half.upper()}M", f"{half.upper()} M")
    clocks = [f"{twelve}{sign}{minute:02d}" for sign in (":", ".", "", " ", "-", ", ", ". ")]
    clocks += [f"{twelve:02d}:{minute:02d}", f"{twelve:02d}{minute:02d}"]
    if minute == 0:
        clocks = [str(twelve), f"{twelve}:00", f"{twelve} o'clock", f"{twelve}.00"]
    written = [f"{clock} {each}" for clock in clocks for each in halves]
    numbers = [clock for clock in clocks if clock[-1].isdigit()]
    written += [f"{clock}{each}" for clock in numbers for each in (f"{half}m", f"{half}.m.")]
    return [*written, to_spoken(f"{twelve}:{minute:02d} {half.upper()}M")]


@pytest.mark.parametrize("minute_of_day", QUARTERS)
def test_every_quarter_of_the_day_is_understood_in_every_spelling(minute_of_day: int) -> None:
    for said in spellings(minute_of_day):
        heard = understand(f"I have Monday, November 23rd at {said}, which works for you?")
        assert heard.times == (Time(minute_of_day, *MONDAY),), said
        assert heard.acts[-1] is Act.OFFER, said


@pytest.mark.parametrize("minute_of_day", QUARTERS)
def test_every_quarter_of_the_day_is_understood_as_otto_says_it(minute_of_day: int) -> None:
    time = Time(minute_of_day, *MONDAY)
    for offer in (f"I have {time.said}. Does that work?", f"Shall I book it for {time.said}?"):
        assert understand(to_spoken(offer)).times == (time,)


@given(st.lists(st.sampled_from(QUARTERS), min_size=1, max_size=3, unique=True), st.data())
def test_an_offer_of_several_is_understood_whatever_the_mixture(
    minutes: list[int], data: st.DataObject
) -> None:
    said = [data.draw(st.sampled_from(spellings(minute))) for minute in minutes]
    offer = f"I have Monday, November 23 at {', '.join(said)}. Which works for you?"
    assert [time.minute_of_day for time in understand(offer).times] == minutes, offer


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("at seven thirty", [450]),
        ("at 730 or 9 15", [450]),
        ("at half past seven A M", [450]),
        ("a quarter past nine, or quarter to ten AM", [555, 585]),
        ("at 2:30 in the afternoon", [870]),
        ("Thursday, November 12th, 10 a.m.", [600]),
        ("Thursday the 12th, 10 a.m.", [600]),
        ("November 12th, 10:30 a.m.", [630]),
        ("we are at 1200 Oak Avenue", []),
        ("it takes 45 minutes and is $79.95", []),
    ],
)
def test_other_ways_to_put_a_time(text: str, minutes: list[int]) -> None:
    assert [time.minute_of_day for time in times_in(normalise(text))] == minutes


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (
            "I have Monday, November twenty-third at seven thirty A M, nine thirty A M or eleven "
            "thirty A M. Which works for you?",
            "Monday, November 23 at 7:30 AM works for me.",
        ),
        (
            "Let me see what we have. I have Monday, November 23rd at 730 a.m., 930 a.m. or 1130 "
            "a.m., which works for you.",
            "Monday, November 23 at 7:30 AM works for me.",
        ),
    ],
)
def test_the_caller_takes_the_time_that_was_offered(offer: str, answer: str) -> None:
    reply = Mind(persona("load")).hear(offer)
    assert reply is not None and reply.text == answer


def test_a_time_refused_twice_is_given_up_for_another_one_offered() -> None:
    mind = Mind(persona("load"))
    offer = "I have Monday, November 23 at 7:30 AM, 9:30 AM or 11:30 AM. Which works for you?"
    said = [mind.hear(f"{more}{offer}") for more in ("", *["I don't have that time. "] * 3)]
    assert ["7:30" in each.text for each in said if each] == [True, True, False, False]
    assert said[2] is not None and "9:30 AM" in said[2].text


def test_a_time_that_is_confirmed_was_not_refused() -> None:
    mind = Mind(persona("load"))
    offer = "I have Monday, November 23 at 7:30 AM or 9:30 AM. Which works for you?"
    for _ in range(4):
        reply = mind.hear(offer)
        assert reply is not None and "7:30 AM" in reply.text
        mind.hear("That's Monday, November 23 at 7:30 AM. Shall I book it?")
