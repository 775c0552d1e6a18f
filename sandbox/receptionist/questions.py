"""What the receptionist asks, in the words for the first, the second and the third time."""

from __future__ import annotations

from enum import StrEnum


class Question(StrEnum):
    """What is open between the receptionist and the caller."""

    HELP = "help"
    SERVICE = "service"
    PHONE = "phone"
    DATE_OF_BIRTH = "date_of_birth"
    CODE_OFFER = "code_offer"
    CODE = "code"
    FIRST_AND_LAST_NAME = "name"
    LAST_NAME = "last_name"
    VEHICLE = "vehicle"
    WHICH_VEHICLE = "which_vehicle"
    DAY = "day"
    OPENING = "opening"
    CONFIRM = "confirm"
    WHAT_TO_CHANGE = "what_to_change"
    ANYTHING_ELSE = "anything_else"
    BOOK_IT_TOO = "book_it_too"
    WHICH_APPOINTMENT = "which_appointment"
    CANCEL_IT = "cancel_it"
    NEW_DAY = "new_day"
    CALLBACK = "callback"
    PERSON = "person"
    READ_BACK = "read_back"
    MOVE_OR_CANCEL = "move_or_cancel"
    NEW_BIRTH = "new_birth"


# Asked first, asked again, asked a third time. After that a person is offered.
QUESTIONS: dict[Question, tuple[str, str, str]] = {
    Question.HELP: (
        "How can I help you?",
        "Would you like to make a service appointment, or do you have a question?",
        "I can book a service, or tell you our hours and prices. Which would you like?",
    ),
    Question.SERVICE: (
        "What does your car need?",
        "Which service would you like, an oil change for example, or the brakes looked at?",
        "In a few words, what should we do for your car?",
    ),
    Question.PHONE: (
        "What is the phone number on your account, with the area code?",
        "Please say your ten digit phone number, one digit at a time.",
        "I need all ten digits of the phone number, starting with the area code.",
    ),
    Question.DATE_OF_BIRTH: (
        "To make sure it's you, what is your date of birth?",
        "Please say your date of birth with the month, the day and the year.",
        "Please say it like March 5, 1980. What is your date of birth?",
    ),
    Question.NEW_BIRTH: (
        "What is your date of birth, so that we know you the next time?",
        "Please say your date of birth with the month, the day and the year.",
        "Please say it like March 5, 1980. What is your date of birth?",
    ),
    Question.MOVE_OR_CANCEL: (
        "Would you like to move it to another day, or cancel it?",
        "Shall we move your appointment, or cancel it?",
        "Please say move, or cancel. Which is it?",
    ),
    Question.READ_BACK: (
        "Is that right?",
        "Is that right, yes or no?",
        "Did I get that right?",
    ),
    Question.CODE_OFFER: (
        "May I text a code to your number instead?",
        "Should I text a code to your number, yes or no?",
        "I can text a code to your number. Would you like that?",
    ),
    Question.CODE: (
        "What are the six digits in the text message?",
        "Please say the six digits of the code, one at a time.",
        "Please read me the code from the text message.",
    ),
    Question.FIRST_AND_LAST_NAME: (
        "May I have your first and last name?",
        "Please say just your first name and your last name.",
        "What is your name? First and last, please.",
    ),
    Question.LAST_NAME: (
        "And your last name?",
        "Please say just your last name.",
        "What is your family name?",
    ),
    Question.VEHICLE: (
        "What are the year, make and model of your car?",
        "Please tell me the car's year, make and model, like 2019 Honda Civic.",
        "Which year is the car, who made it, and which model is it?",
    ),
    Question.DAY: (
        "What day works best for you?",
        "Which day would you like to come in? Tomorrow, or next Tuesday, for example?",
        "Please name a day, or say any day for the first opening.",
    ),
    Question.NEW_DAY: (
        "What day would suit you better?",
        "Which day would you like instead? Tomorrow, or next Tuesday, for example?",
        "Please name another day, or say any day for the first opening.",
    ),
    Question.WHAT_TO_CHANGE: (
        "What would you like to change, the time, the car or the service?",
        "Should I change the time, the car or the service?",
        "Tell me what is not right: the time, the car or the service?",
    ),
    Question.ANYTHING_ELSE: (
        "Is there anything else I can do for you?",
        "Can I help you with anything else?",
        "Anything else today, yes or no?",
    ),
    Question.CALLBACK: (
        "May I have somebody call you back?",
        "Should somebody call you back, yes or no?",
        "I can have somebody call you back. Would you like that?",
    ),
    Question.BOOK_IT_TOO: (
        "Would you like to make an appointment?",
        "Shall I find you an appointment, yes or no?",
        "Would you like an appointment for that?",
    ),
}


def question(kind: Question, again: int = 0) -> str:
    """The question of this kind; `again` counts how often it was not understood, 0 to 2."""
    return QUESTIONS[kind][min(again, 2)]
