"""Everything the receptionist says besides its questions: short, and one question at a time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

PERSON_OFFER = "Would you like me to connect you with a service advisor?"
TAKE_YOUR_TIME = "Of course, take your time."
ROBOT = (
    "I'm an automated assistant, not a person, and I can connect you with one whenever you like."
)
OPTED_OUT = "I'll have this number taken off our list."
SORRY_TO_HEAR = "I'm sorry about that."
CANNOT_COME = "No problem."
NO_DATE_OF_BIRTH = "All right."
ASK_THE_DESK = "Our service desk can tell you that when we're done here."
ONLY_AS_IT_IS = "I can only book it once you're sure."
UNCLEAR = ("Sorry, I didn't catch that.", "I'm sorry, I still didn't get that.")
CANNOT_HELP = "I'm sorry, I can't do that for you here."
CERTAINLY = "Certainly."
LOOKING_UP = "Let me look it up."
NO_APPOINTMENT = "I don't see an appointment of yours in our book."
STAYS = "All right, your appointment stays as it is."
MOVING = "One moment while I move it."
CANCELLING = "One moment while I cancel it."
ANOTHER_TIME = "All right, another time then."
DECLINED_PERSON = "All right."
TRANSFER = "Of course. I'll connect you with a service advisor. One moment, please."
NO_ANSWER = "I'm sorry, I can't tell you that."
NO_TRANSFER = "I'm sorry, I can't connect you at the moment."
HOLD = "One moment, please."
LOOKING = "Let me see what we have."
BOOKING = "One moment while I book that."
MISMATCH = "I'm sorry, that doesn't match our records."
NO_MATCH = "I'm sorry, I could not match these details."
CODE_SENT = "A text message with a code is on its way."
CODE_DECLINED = "All right, no text message."
LOCKED = "I'm sorry, I can't verify your account over the phone."
NOT_FOUND = "I don't find you in our records yet, so let me set you up."
NOT_THIS_NUMBER = "I don't find an account under the number you're calling from."
NO_NUMBER = "I can't look you up by this number."
NEEDS_NUMBER = "I need a phone number for your account."
EXISTS = "It looks like we already have an account for that number."
TAKEN = "I'm sorry, that time was just taken."
NO_OPENINGS = "I don't find an opening then."
CALLBACK_NOTED = "I've noted that. Somebody will call you back."
BOOK_AWAY = "I'm sorry, I can't see our book right now."
NO_CALLBACK = "I can't note that down right now."
PROBLEM = "I'm sorry, something went wrong on my side."
NOT_BOOKED = "All right, I won't book it."
ANOTHER_CAR = "Sure, another car."
WRONG_NUMBER = "No problem. Have a good day. Goodbye."
GOODBYE = "Thank you for calling. Have a great day. Goodbye."


def a_service(name: str) -> str:
    """A service's name in the middle of a sentence: "Oil change" is "an oil change"."""
    if not name:
        return "a service"
    word = name.split()[0]
    # An abbreviation ("A/C service") keeps its capitals.
    plain = name if len(word) > 1 and not word[1:].islower() else name[0].lower() + name[1:]
    if plain.endswith("s") and not plain.endswith("ss"):
        return plain
    return f"{'an' if plain[0].lower() in 'aeiou' else 'a'} {plain}"


def work(names: Sequence[str]) -> str:
    """All that is done in one visit: "an oil change and a tire rotation"."""
    return _joined([a_service(name) for name in names], "and")


def glad_to_help(name: str) -> str:
    said = a_service(name)
    return f"{said[0].upper()}{said[1:]}, certainly."


def which_vehicle(descriptions: Sequence[str], again: int) -> str:
    listed = _either([f"the {description}" for description in descriptions])
    return ("Which car is it, " if not again else "Please tell me which car: ") + f"{listed}?"


def openings(whens: Sequence[str], again: int) -> str:
    """The openings said back, those of a day together, and the question which one."""
    offered = _either(_by_day(whens))
    if len(whens) == 1:
        return f"I have {offered}. Does that work?"
    if not again:
        return f"I have {offered}. Which works for you?"
    return f"The openings are {offered}. Which one would you like?"


TRANSPORT = {
    "wait": ", while you wait",
    "loaner": ", with a loaner car for you",
    "shuttle": ", with a seat in our shuttle",
}
"""How the customer goes on without the car, behind the time."""


def confirm(
    work: str, vehicle: str, when: str, price: str, again: int, transport: str | None = None
) -> str:
    """What will be booked, said back whole however often, and the question whether to book it."""
    what = f"{work} for your {vehicle}" if vehicle else work
    when += TRANSPORT.get(transport or "", "")
    cost = f", for {price}" if price.startswith("$") else ""
    if again:
        return f"So that's {what} on {when}{cost}. Should I book it, yes or no?"
    return f"That's {what} on {when}{cost}. Shall I book it?"


def booked(work: str, when: str, code: str, is_texted: bool) -> str:
    spelled = " ".join(code)
    told = f" Your confirmation code is {spelled}." if code else ""
    text = " You will get a text message with the details." if is_texted else ""
    return f"You're booked for {work} on {when}.{told}{text}"


def visit(work: str, vehicle: str, when: str) -> str:
    """An appointment in the middle of a sentence."""
    return f"{work}{f' for your {vehicle}' if vehicle else ''} on {when}"


def appointments_told(visits: Sequence[str], code: str) -> str:
    """What is in the book; the confirmation code of a single one is told with it."""
    if len(visits) == 1:
        return f"You have {visits[0]}. Your confirmation code is {' '.join(code)}."
    return f"You have {len(visits)} appointments: {'; and '.join(visits)}."


def which_appointment(visits: Sequence[str], again: int) -> str:
    """The question which appointment is meant."""
    listed = _either([f"the one for {each}" for each in visits])
    return ("Which appointment is it, " if not again else "Please tell me which: ") + f"{listed}?"


def cancel_it(visit: str, again: int) -> str:
    """The appointment said back, and the question whether to cancel it."""
    if again:
        return f"I would cancel {visit}. Should I cancel it, yes or no?"
    return f"You have {visit}. Shall I cancel it?"


def move_it(work: str, vehicle: str, when: str, again: int) -> str:
    """The new time said back, and the question whether to move the appointment there."""
    the_work = re.sub(r"\b(?<!/)an? (?=\w)", "the ", work)
    what = f"{the_work} for your {vehicle}" if vehicle else the_work
    if again:
        return f"So I would move {what} to {when}. Should I move it, yes or no?"
    return f"I would move {what} to {when}. Shall I move it?"


def not_done_here(what: str) -> str:
    """What they asked for is not on the menu."""
    return f"I'm sorry, we don't do that here: {what}."


def to_be_moved(visit: str) -> str:
    """The appointment that is to be moved, before the day is asked for."""
    return f"You have {visit}."


def moved(service: str, when: str, code: str, is_texted: bool) -> str:
    """The appointment is moved."""
    told = f" Your confirmation code is still {' '.join(code)}." if code else ""
    text = " You will get a text message with the new time." if is_texted else ""
    return f"Your {service.lower()} is moved to {when}.{told}{text}"


def cancelled(service: str, when: str, is_texted: bool) -> str:
    """The appointment is cancelled."""
    text = " You will get a text message about it." if is_texted else ""
    return f"Your {service.lower()} on {when} is cancelled.{text}"


def thank_you(first_name: str) -> str:
    return f"Thank you, {first_name}." if first_name else "Thank you."


def _by_day(whens: Sequence[str]) -> list[str]:
    """ "Tuesday, November 24 at 9:00 AM", "… at 10:30 AM" -> "… at 9:00 AM or 10:30 AM"."""
    days: defaultdict[str, list[str]] = defaultdict(list)
    for when in whens:
        day, _, time = when.rpartition(" at ")
        days[day].append(time)
    return [f"{day} at {_either(times)}" if day else _either(times) for day, times in days.items()]


def _either(things: Sequence[str]) -> str:
    return _joined(things, "or")


def _joined(things: Sequence[str], last: str) -> str:
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} {last} {things[-1]}"
