"""Where every wish (said.txt) and every result (came.txt) leads from every errand, written down a
second time.

A cell names the errand that is under way afterwards; `&` says that the old one waits, `+` that the
new one does. A dot: nothing changes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from otto.dialogue.flow.machine import came, happened, hears, wishes
from otto.dialogue.flow.table import COMES_TO, Said
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.state import Session
from otto.language.intents import Intent
from tests.dialogue.flow.walks import AT, MARIA

NAMES = {
    **{errand.value[:4]: errand for errand in Errand},
    "canc": Errand.CANCEL,
    "chng": Errand.CHANGE,
    "cb": Errand.CALLBACK,
    "dept": Errand.DEPARTMENT,
    "quest": Errand.QUESTION,
    "rep": Errand.REPAIR,
    "wrong": Errand.WRONG_NUMBER,
}
HERE = Path(__file__).parent
SAID, CAME = ((HERE / name).read_text() for name in ("said.txt", "came.txt"))
SENTENCES = {
    Intent.DANGER: "the brake pedal goes to the floor",
    Intent.TOW: "I need a tow truck",
    Intent.LANGUAGE: "hablas espanol",
    Intent.PERSON: "let me speak to a person",
    Intent.WRONG_NUMBER: "sorry, wrong number",
    Intent.COMPLAINT: "I want to make a complaint",
    Intent.CHANGE_OR_CANCEL: "I can't make it on Tuesday",
    Intent.RESCHEDULE: "I need to reschedule my appointment",
    Intent.CANCEL: "I want to cancel my appointment",
    Intent.MY_APPOINTMENT: "when is my appointment",
    Intent.REPAIR_STATUS: "is my car ready",
    Intent.RUNNING_LATE: "I'm running late",
    Intent.RECALL: "there's a recall on my car",
    Intent.BILLING: "I have a question about my bill",
    Intent.SALES: "I want to buy a car",
    Intent.PARTS: "the parts department please",
    Intent.CALLBACK: "have somebody call me back",
    Intent.RETURNED_CALL: "someone called me",
    Intent.WAITING: "do you have a loaner",
    Intent.HOURS: "what are your hours",
    Intent.PRICES: "how much is an oil change",
    Intent.ADDRESS: "where are you located",
    Intent.BOOK: "I need an oil change",
    Said.BOOK_TOO: "and I need an oil change as well",
}
ANSWERED = {Intent.OPT_OUT, Intent.ROBOT}
"""With a fixed sentence, whatever is under way."""


def cells(table: str) -> list[tuple[str, Errand, str]]:
    """(event, errand before, cell) of a table."""
    head, *rows = table.strip("\n").splitlines()
    found = []
    for row in rows:
        event = row[:17].strip()
        found += [
            (event, NAMES[before], cell)
            for before, cell in zip(head.split(), row[17:].split(), strict=True)
        ]
    return found


def stands(session: Session, before: Errand, cell: str) -> bool:
    """Whether the session stands where a cell says."""
    if cell == ".":
        return (session.errand, session.waiting) == (before, [])
    new = NAMES[cell.strip("+&")]
    if cell.startswith("+"):
        return (session.errand, session.waiting) == (before, [new])
    return (session.errand, session.waiting) == (new, [before] if cell.endswith("&") else [])


def at(errand: Errand) -> Session:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    session.errand = errand
    return session


@pytest.mark.parametrize(("wish", "before", "cell"), cells(SAID))
def test_what_a_wish_leads_to(wish: str, before: Errand, cell: str) -> None:
    words = {wish.value: words for wish, words in SENTENCES.items()}[wish]
    assert wishes(words) == (wish,)
    session = at(before)
    hears(session, words)
    assert stands(session, before, cell), (session.errand, session.waiting)


@pytest.mark.parametrize(("event", "before", "cell"), cells(CAME))
def test_what_a_result_leads_to(event: str, before: Errand, cell: str) -> None:
    results = {"openings to move": ("find_openings", "ok")}
    results |= {came.value: result for result, came in COMES_TO.items()}
    given = {"appointment_ref": "a-1"} if event == "openings to move" else {}
    session = at(before)
    if event == Said.NO_PERSON:
        happened(session, Said.NO_PERSON)
    else:
        tool, status = results[event]
        came(session, tool, given, {"status": status})
    assert stands(session, before, cell), (session.errand, session.waiting)


def test_every_wish_and_every_errand_is_in_the_table() -> None:
    written = {(wish, before) for wish, before, _ in cells(SAID)}
    all_there_are = {*Intent, Said.BOOK_TOO} - ANSWERED
    assert written == {(wish.value, errand) for wish in all_there_are for errand in Errand}
    assert {before for _, before, _ in cells(CAME)} == {*Errand}
