"""What follows when a tool has not done what the caller seemed to agree to: its code says why, and
its `read_back` is the question that has to be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.receptionist import phrases
from sandbox.receptionist.state import Desk, Errand


def learn(desk: Desk, result: Mapping[str, Any]) -> bool:
    """Take in a refusal; always understood, for the caller is asked again."""
    desk.confirmed = desk.agreed = False
    read_back = str(result.get("read_back") or "")
    _FOLLOWS.get(str(result.get("code")), _read_back)(desk, read_back)
    return True


def _read_back(desk: Desk, read_back: str) -> None:
    """They have not heard all of it, or gave no clear answer."""
    desk.news = [read_back] if read_back else []


def _declined(desk: Desk, _: str) -> None:
    if desk.errand is Errand.CANCEL:
        desk.settle_errand()
        desk.news = [phrases.STAYS]
    elif desk.errand is Errand.MOVE:
        desk.when = None
        desk.forget_openings()
        desk.news = [phrases.ANOTHER_TIME]
    else:
        desk.refused = True


def _corrected(desk: Desk, read_back: str) -> None:
    """They want something else: their last words are looked up, and found are openings for them."""
    if desk.errand is Errand.CANCEL or not desk.earlier:
        _read_back(desk, read_back)
        return
    desk.chosen, desk.when = None, desk.earlier[-1]
    desk.forget_openings()


def _condition(desk: Desk, read_back: str) -> None:
    desk.news = [" ".join(filter(None, (phrases.ONLY_AS_IT_IS, read_back)))]


def _waits(desk: Desk, _: str) -> None:
    desk.waiting, desk.news = True, [phrases.TAKE_YOUR_TIME]


_FOLLOWS: dict[str, Callable[[Desk, str], None]] = {
    "not_read_back": _read_back,
    "no_answer": _read_back,
    "unclear": _read_back,
    "asked": _read_back,
    "declined": _declined,
    "corrected": _corrected,
    "condition": _condition,
    "waits": _waits,
}
