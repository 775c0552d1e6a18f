"""What a new appointment is for, and when: services, days and cars as callers volunteer and change
them."""

from __future__ import annotations

from sandbox.receptionist import phrases
from sandbox.receptionist.state import Desk, Identity
from sandbox.receptionist.understanding.agreement import is_addition, is_change_of_mind
from sandbox.receptionist.understanding.services import is_vague, not_done_here, services
from sandbox.receptionist.understanding.times import clock_times, volunteered, when
from sandbox.receptionist.understanding.vehicles import choose_vehicle, read_car
from sandbox.receptionist.understanding.wishes import Wish, wishes


def hear_wishes(desk: Desk, text: str) -> None:
    """A service, a day, a car: whatever the caller volunteers."""
    named = services(text, desk.codes)
    wanted = wishes(text)
    if named:
        want_services(desk, text, named)
    elif other := not_done_here(text, desk.codes):
        desk.news.append(phrases.not_done_here(other))
        desk.answered = True
        return
    elif Wish.BOOK in wanted or (is_vague(text) and not desk.answered):
        desk.wants = True
    said = volunteered(text)
    if said and (desk.wants or said.names_a_day):
        if desk.errand is None:
            want_day(desk, said.words)
        else:
            desk.kept_when = said.words
    car = read_car(text, desk.today.year)
    if desk.wants and car.make and not desk.car.make:
        desk.car = desk.car.with_more(car)


def want_services(desk: Desk, text: str, named: list[str]) -> None:
    """They want these: besides what they wanted before, or in its place."""
    desk.wants, desk.priced = True, None
    if desk.identity is not Identity.UNKNOWN and named[0] != desk.service:
        desk.news.append(phrases.glad_to_help(desk.name_of(named[0])))
    if desk.service is None:
        desk.service, desk.also = named[0], tuple(named[1:])
        return
    fresh = [code for code in named if code not in {desk.service, *desk.also}]
    if not fresh and not is_change_of_mind(text):
        return
    if fresh and is_addition(text) and not is_change_of_mind(text):
        desk.also = (*desk.also, *fresh)
    else:
        desk.service, desk.service_name, desk.also = named[0], "", tuple(named[1:])
    desk.forget_openings()


def want_day(desk: Desk, words: str) -> None:
    """They want to come then; what was offered before no longer answers that."""
    before, spans = desk.when, {opening.when.rpartition(" at ")[0] for opening in desk.openings}
    said, was = when(words), when(before or "")
    is_part_of_it = said is not None and not said.names_a_day and said.part is not None
    if (
        is_part_of_it
        and was
        and was.names_a_day
        and len(spans) != 1
        and not clock_times(before or "")
    ):
        # "In the afternoon, please": the days named before still hold.
        words = f"{before}, {words}"
    desk.when = words
    desk.forget_openings()


def changes_service_or_vehicle(desk: Desk, text: str) -> bool:
    """Whether the turn names another service or another of their cars; then it is wanted."""
    named = services(text, desk.codes)
    if any(code not in {desk.service, *desk.also} for code in named):
        want_services(desk, text, named)
        return True
    others = [(ref, name) for ref, name in desk.vehicles if ref != desk.vehicle]
    at = choose_vehicle(text, [name for _, name in others], by_place=False)
    if at is not None:
        desk.vehicle, desk.refused = others[at][0], False
        return True
    return False
