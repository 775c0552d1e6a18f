"""What callers and models say reaches a calendar's description as text, in a line of its own."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import load_dealership
from config.settings import Settings
from otto.scheduling.changes.event_text import NOTE_CHARACTERS, TITLE_CHARACTERS
from otto.scheduling.changes.messages import Visitor, calendar_event

DEALERSHIP = load_dealership(Settings.model_fields["dealership_file"].default)
ANYTHING = st.text(st.characters(), max_size=60)  # lone surrogates included


def _event(notes: str | None = None, name: str = "Maria", vehicle: str | None = None) -> Any:
    starts_at = datetime(2027, 3, 1, 15, tzinfo=UTC)
    return calendar_event(
        appointment_id=UUID(int=7),
        location=DEALERSHIP.locations[0],
        service=DEALERSHIP.services[0],
        visitor=Visitor(name, vehicle),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        notes=notes,
    )


class _Rendered(HTMLParser):
    """What a browser makes of a description."""

    def __init__(self, description: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(description)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("brakes <b>squeak</b>", "brakes <b>squeak</b>"),
        (
            '<a href="https://evil.example">invoice</a>',
            '<a href="https://evil.example">invoice</a>',
        ),
        ("tires & rims", "tires & rims"),
        ("&lt;img&gt;", "&lt;img&gt;"),
        ("<!-- ", "<!--"),
        ("cold\nConfirmation K7F2, booked by Otto.", "cold Confirmation K7F2, booked by Otto."),
        ("one\r\ntwo\u2028three\u2029four\x85five\x0bsix", "one two three four five six"),
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("half \ud83d a character", "half a character"),
        ("zero\u200bwidth", "zerowidth"),
        ("x" * 5000, "x" * (NOTE_CHARACTERS - 1) + "…"),
        ("&" * 5000, "&" * (NOTE_CHARACTERS - 1) + "…"),
    ],
)
def test_a_note_is_one_line_of_text(said: str, shown: str) -> None:
    description = _event(said)["description"]
    assert _Rendered(description).tags == []
    first, second = description.split("\n")
    assert first.startswith("Confirmation ") and first.endswith(", booked by Otto.")
    assert html.unescape(second) == f"Notes: {shown}"
    assert len(description.encode()) <= 8192


@pytest.mark.parametrize("nothing", [None, "", "  ", "\n\x00\u200b"])
def test_a_note_that_says_nothing_is_none(nothing: str | None) -> None:
    assert "\n" not in _event(nothing)["description"]


def test_names_and_vehicles_stay_in_their_line_and_as_they_are_written() -> None:
    event = _event(name="Anne\nO'Brien & <Sons>", vehicle="2021 Honda\tCivic\u202e")
    assert event["summary"].endswith(": Anne O'Brien & <Sons>, 2021 Honda Civic")
    long = _event(name="A" * 9000)["summary"]
    assert len(long) == TITLE_CHARACTERS and long.endswith("…")


def test_an_address_stays_in_its_line() -> None:
    place = DEALERSHIP.locations[0].model_copy(update={"address": "1 Main St\nSpringfield"})
    event = calendar_event(
        appointment_id=UUID(int=7),
        location=place,
        service=DEALERSHIP.services[0],
        visitor=Visitor("Maria", None),
        starts_at=datetime(2027, 3, 1, 15, tzinfo=UTC),
        ends_at=datetime(2027, 3, 1, 16, tzinfo=UTC),
        notes=None,
    )
    assert event["location"] == "1 Main St Springfield"


@given(ANYTHING, ANYTHING, ANYTHING)
def test_whatever_is_said_no_markup_and_no_further_line_comes_of_it(
    notes: str, name: str, vehicle: str
) -> None:
    event = _event(notes, name, vehicle)
    assert _Rendered(event["description"]).tags == []
    assert len(event["description"].splitlines()) <= 2
    assert len(event["summary"].splitlines()) == 1
    (event["description"] + event["summary"]).encode()  # nothing that cannot be sent


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40))
def test_what_can_be_shown_is_shown_unchanged(notes: str) -> None:
    assert _Rendered(_event(notes)["description"]).text.endswith(f"Notes: {notes}")
