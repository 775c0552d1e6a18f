"""What the voice is given: the table is the specification, the properties are its limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.language.pronounce import to_spoken

DIGITS = "zero one two three four five six seven eight nine".split()

EXAMPLES = [
    # times
    ("at 9:00 AM", "at nine A M"),
    ("at 9:30 a.m. on Monday", "at nine thirty A M on Monday"),
    ("It opens at 9 a.m. Shall I book it?", "It opens at nine A M. Shall I book it?"),
    ("at 2:05 PM.", "at two oh five P M."),
    ("12:00 PM", "twelve P M"),
    ("7am", "seven A M"),
    ("14:30", "two thirty P M"),
    ("0:15", "twelve fifteen A M"),
    ("at 9:00", "at nine o'clock"),
    ("8:00 AM - 5:30 PM", "eight A M to five thirty P M"),
    ("8–5 PM", "eight to five P M"),
    # dates
    ("Tuesday, November 24 at 9:00 AM", "Tuesday, November twenty-fourth at nine A M"),
    ("Nov. 24th, 2026", "November twenty-fourth, twenty twenty-six"),
    ("2026-11-03", "November third, twenty twenty-six"),
    ("11/24", "November twenty-fourth"),
    ("on 1/2/2027", "on January second, twenty twenty-seven"),
    ("May 1", "May first"),
    ("the 25th", "the twenty-fifth"),
    ("may 3 people come", "may three people come"),
    # prices
    ("$79.95", "seventy-nine dollars and ninety-five cents"),
    ("$80", "eighty dollars"),
    ("$1.01", "one dollar and one cent"),
    ("$0.99", "ninety-nine cents"),
    ("$1,234.50", "one thousand two hundred and thirty-four dollars and fifty cents"),
    ("$79.95-$99.95", "seventy-nine dollars and ninety-five cents to ninety-nine dollars and "
     "ninety-five cents"),
    ("It is $79.95.", "It is seventy-nine dollars and ninety-five cents."),
    # telephone numbers
    ("(815) 555-0123", "eight one five, triple five, zero one two three"),
    ("+1 815-555-0123", "one, eight one five, triple five, zero one two three"),
    ("+18155550123", "one, eight one five, triple five, zero one two three"),
    ("8155550123", "eight one five, triple five, zero one two three"),
    ("call 555-0123.", "call triple five, zero one two three."),
    ("the number ending in 0123", "the number ending in zero one two three"),
    ("8479999000", "eight four seven, triple nine, nine triple zero"),
    ("ending in 9999", "ending in double nine double nine"),
    ("3.55 liters", "three point five five liters"),
    # codes
    ("confirmation K7F2", "confirmation K seven F two"),
    ("1HGCM82633A004352",
     "one H G C, M eight two six, double three A zero, zero four three five, two"),
    ("last six A04352", "last six A zero four three, five two"),
    # years and cars
    ("2019 Honda Civic", "twenty nineteen Honda Civic"),
    ("2005 Ford F-150", "two thousand five Ford F one fifty"),
    ("1998 Toyota RAV4", "nineteen ninety-eight Toyota RAV four"),
    ("2000 miles", "two thousand miles"),
    ("5W-30", "five W thirty"),
    # addresses
    ("4821 Oak Ave., Springfield, IL 62701",
     "forty-eight twenty-one Oak Avenue, Springfield, Illinois, six two seven zero one"),
    ("1200 N Main St.", "twelve hundred N Main Street"),
    ("512 Elm Road", "five twelve Elm Road"),
    # numbers
    ("45 minutes", "forty-five minutes"),
    ("45 min", "forty-five minutes"),
    ("2-3 hours", "two to three hours"),
    ("60,000 miles", "sixty thousand miles"),
    ("60000 miles", "sixty thousand miles"),
    ("15% off", "fifteen percent off"),
    ("7.5%", "seven point five percent"),
    ("1/2 hour", "one half hour"),
    ("bay #2", "bay number two"),
    ("tires & brakes", "tires and brakes"),
    # markdown
    ("**Oil change**: 45 min", "Oil change : forty-five minutes"),
    ("- Brakes", "Brakes"),
    # nothing to do
    ("Thank you for calling Otto's Auto.", "Thank you for calling Otto's Auto."),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_said_as_a_person_says_it(written: str, said: str) -> None:
    assert to_spoken(written) == said


PARTS = st.sampled_from(
    ["$", "79.95", " ", "9:00", " AM", "a.m.", "-", "11/24", "2026", ",", ".", "(815) 555-0123",
     "+1", "%", "th", "K7F2", "1HGCM82633A004352", "0", "00", "1,000", " St.", "Main", "#", "IL",
     "F-150", "Nov.", " 31", "°", "&", "x", "W", "last six ", "\n", "million",
     "€", "£", "¢", ",5", "k", "USD", "@", ".com", "＄", "－"]
) | st.text(max_size=5) | st.integers().map(str) | st.floats().map(str)  # fmt: skip
TEXTS = st.lists(PARTS, max_size=12).map("".join)


@given(TEXTS)
def test_no_text_is_refused_and_no_digit_reaches_the_voice(text: str) -> None:
    assert not re.search(r"[0-9]", to_spoken(text))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Bay #4 at #9:00", "Bay number four at number nine o'clock"),
        ("*$79.95*", "seventy-nine dollars and ninety-five cents"),
        ("- Oil & filter\n- brakes", "Oil and filter - brakes"),
    ],
)
def test_signs_are_not_read_out(text: str, spoken: str) -> None:
    assert to_spoken(text) == spoken


@given(TEXTS)
def test_a_second_pass_changes_nothing(text: str) -> None:
    once = to_spoken(text)
    assert to_spoken(once) == once


@given(st.integers(0, 23), st.integers(0, 59))
def test_every_time_is_said(hour: int, minute: int) -> None:
    said = to_spoken(f"at {hour % 12 or 12}:{minute:02d} {'AM' if hour < 12 else 'PM'} then")
    assert said.endswith(f"{'A' if hour < 12 else 'P'} M then")


@given(st.integers(0, 999_999), st.integers(0, 99))
def test_every_price_names_its_cents(dollars: int, cents: int) -> None:
    said = to_spoken(f"${dollars:,}.{cents:02d}")
    assert ("cent" in said) == bool(cents)
    assert ("dollar" in said) == bool(dollars or not cents)


@given(st.from_regex(r"[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}", fullmatch=True))
def test_telephone_numbers_keep_every_digit_and_two_pauses(number: str) -> None:
    said = to_spoken(f"Is {number} right?")
    times = {"double": 2, "triple": 3}
    words, digits = said.replace(",", "").split()[1:-1], ""
    while words:
        count = times.get(words[0], 1)
        digit = words[1 if count > 1 else 0]
        digits += str(DIGITS.index(digit)) * count
        del words[: 2 if count > 1 else 1]
    assert digits == number.replace("-", "")
    assert said.count(",") == 2
    for digit in DIGITS:
        assert f"{digit} {digit}" not in said


@pytest.mark.parametrize("dash", "-\u2010\u2011\u2012\u2013")
@pytest.mark.parametrize("written", ["815{}555{}0123", "(815) 555{}0123"])
def test_a_number_with_typeset_dashes_is_a_telephone_number(dash: str, written: str) -> None:
    said = to_spoken(f"Call {written.replace('{}', dash)}.")
    assert said == "Call eight one five, triple five, zero one two three."


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$1,234.5", "one thousand two hundred and thirty-four dollars and fifty cents"),
        ("$0.5", "fifty cents"),
        ("$79.05", "seventy-nine dollars and five cents"),
    ],
)
def test_one_digit_of_cents_is_tens_of_them(written: str, said: str) -> None:
    assert to_spoken(written).replace(",", "") == said


@pytest.mark.parametrize(
    "gap", [*"\u2014\u2015\u2212\ufe58\ufe63\uff0d./·•", " - ", " \u2013 ", "\u00a0", "\u202f"]
)
@pytest.mark.parametrize("written", ["815{}555{}0123", "(815){}555{}0123", "+1{}815{}555{}0123"])
def test_whatever_stands_between_its_groups_it_is_a_telephone_number(
    gap: str, written: str
) -> None:
    said = to_spoken(f"Call {written.replace('{}', gap)}.")
    country = "one, " if written.startswith("+") else ""
    assert said == f"Call {country}eight one five, triple five, zero one two three."


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("８１５-555-0123", "eight one five, triple five, zero one two three"),
        ("815\u00ad555\u00ad0123", "eight one five, triple five, zero one two three"),
        ("+44 20 7946 0958", "double four, two zero, seven nine four six, zero nine five eight"),
        ("815-555-0123 ext. 5",
         "eight one five, triple five, zero one two three extension five"),
    ],
)  # fmt: skip
def test_telephone_numbers_of_other_kinds(written: str, said: str) -> None:
    assert to_spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$.50", "fifty cents"),
        ("$ 5", "five dollars"),
        ("It is $5.", "It is five dollars."),
        ("$19.999", "nineteen point nine nine nine dollars"),
        ("$1.5k, $2M, $1.5 million",
         "one point five thousand dollars, two million dollars, one point five million dollars"),
        ("-$5 or $-5", "minus five dollars or minus five dollars"),
        ("$5-10", "five to ten dollars"),
        ("$20–$30", "twenty dollars to thirty dollars"),
        ("US$5, USD 5, 5 USD", "five dollars, five dollars, five dollars"),
        ("€20, 20€, 20 €", "twenty euros, twenty euros, twenty euros"),
        ("€1, €1.234,50, 12,50 €", "one euro, one thousand two hundred and thirty-four euros and "
         "fifty cents, twelve euros and fifty cents"),
        ("£1.01 and £0.50", "one pound and one penny and fifty pence"),
        ("¥500, ＄5, 5¢", "five hundred yen, five dollars, five cents"),
        ("$79.95/month", "seventy-nine dollars and ninety-five cents per month"),
        ("$5, 10 minutes", "five dollars, ten minutes"),
        ("1,234.5 miles", "one thousand two hundred and thirty-four point five miles"),
        ("1.234,50", "one thousand two hundred and thirty-four point five zero"),
    ],
)  # fmt: skip
def test_money_in_other_forms(written: str, said: str) -> None:
    assert to_spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Write to service@ottos.com.", "Write to service at ottos dot com."),
        ("a.b_c@x-y.co.uk", "a dot b underscore c at x dash y dot co dot uk"),
        ("See ottosauto.com/book?x=1.", "See ottosauto dot com."),
    ],
)
def test_addresses_are_dictated(written: str, said: str) -> None:
    assert to_spoken(written) == said
