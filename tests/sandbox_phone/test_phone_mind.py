"""What callers understand and answer: paraphrases, spoken numbers, a recogniser's mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.caller.answers import CORRECTIONS_LIMIT
from sandbox.caller.comprehension import Act, understand
from sandbox.caller.mind import PATIENCE_MS, Mind, Reply, Stage
from sandbox.caller.personas import PERSONAS, PersonaError, persona
from sandbox.caller.phrases import aloud, service_words
from sandbox.caller.words import Time, normalise, times_in

GREETING = (
    "Thank you for calling Otto's Auto service department. This is Otto, the automated assistant. "
    "How can I help you today?"
)

ASKED = {
    Act.ASK_SERVICE: [
        GREETING,
        "How may I help you?",
        "What can I do for you today?",
        "What does your car need?",
        "Which service would you like, an oil change for example, or the brakes looked at?",
        "Would you like to make a service appointment, or do you have a question?",
        "what brings you in today",
        "Thanks, Maria. What are you looking to have done?",
    ],
    Act.ASK_NAME: [
        "May I have your first and last name?",
        "And your last name?",
        "Who am I speaking with?",
        "I couldn't find you. Could you tell me your full name, please?",
        "What name should I put this under?",
        "may i have your first and last nam",
        "Could you spell that for me?",
    ],
    Act.ASK_PHONE: [
        "What is the phone number on your account, with the area code?",
        "What's a good phone number to reach you?",
        "Which number is the account under?",
        "Please say your ten digit phone number, one digit at a time.",
        "What's the best fone number for you?",
        "I need all ten digits of the phone number.",
    ],
    Act.ASK_BIRTH: [
        "To make sure it's you, what is your date of birth?",
        "Can you confirm your birthday for me?",
        "When were you born?",
        "Could you tell me your date of birth, or the last six characters of your VIN?",
        "What is your dade of berth?",
        "Please say it like March 5, 1980. What is your date of birth?",
        "Please say your date of birth with the month, the day and the year.",
    ],
    Act.ASK_VIN: [
        "What are the last six characters of your VIN?",
        "Do you have your VIN handy?",
        "Please read me the vehicle identification number.",
        "Can you give me the last 6 digits of the vin?",
    ],
    Act.ASK_VEHICLE: [
        "What are the year, make and model of your car?",
        "What kind of car do you drive?",
        "Which vehicle is this for?",
        "Which car is it, the 2019 Honda Civic or the 2015 Ford Escape?",
        "Which year is the Honda Civic?",
        "Tell me about your car: what are you driving?",
    ],
    Act.ASK_TIME: [
        "What day works best for you?",
        "When would you like to come in?",
        "Do you prefer morning or afternoon?",
        "Witch day works best for you?",
        "Do you have a day in mind?",
        "Which day would you like to come in? Tomorrow, or next Tuesday, for example?",
        "Please name a day, or say any day for the first opening.",
        "Would another day work?",
    ],
    Act.OFFER: [
        "I have Tuesday, November 24 at 9:00 AM or 10:30 AM. Which works for you?",
        "I have Tuesday, November twenty-fourth at nine A M, or ten thirty A M. Does either work?",
        "The first opening is Tuesday the 24th at 9 a.m. Would that work for you?",
        "How about Tuesday at nine AM?",
        "That is taken. I could do Tuesday at 10 AM or 11 AM. Do any of those suit you?",
    ],
    Act.CONFIRM: [
        "That's an oil change for your 2019 Honda Civic on Tuesday at 9:00 AM. Shall I book it?",
        "Shall I book the oil change for Tuesday, November twenty-fourth at nine A M?",
        "So that's Tuesday at nine, is that right?",
        "Is this for your 2019 Honda Civic?",
        "I see you're calling from 312-555-0142. Is that the number on your account?",
        "Would you like me to go ahead and book that?",
        "Would you like to make an appointment?",
    ],
    Act.ANYTHING_ELSE: [
        "Is there anything else I can help you with?",
        "You're all set. Anything else today, yes or no?",
        "What else can I do for you?",
    ],
    Act.STILL_THERE: ["Are you still there?", "Hello? Are you there?", "Can you hear me?"],
    Act.REPEAT: [
        "Sorry, I didn't catch that.",
        "Could you say that again?",
        "I'm sorry, could you repeat that, please?",
    ],
    Act.OFFER_PERSON: [
        "Would you like me to connect you with a service advisor?",
        "Should I transfer you to a person?",
    ],
    Act.ASK_KNOWN: ["Have you been here before?", "Are you an existing customer?"],
}
TOLD = {
    Act.BOOKED: [
        "You're booked for an oil change on Tuesday, November 24 at 9:00 AM.",
        "I've scheduled your oil change for Tuesday.",
        "Your appointment is confirmed for Tuesday at nine AM.",
        "We'll see you on Tuesday at nine.",
        "your apointment is bookd for tuesday",
        "Your book for Tuesday at 10 a.m. Goodbye.",
    ],
    Act.MOVED: [
        "Your oil change is moved to Thursday, November 26 at 9:00 AM.",
        "All right, that's moved to Thursday at nine.",
        "It has been rescheduled for Thursday at nine A M.",
    ],
    Act.CANCELLED: [
        "Your oil change on Tuesday, November 24 at 2:00 PM is cancelled.",
        "Your appointment has been canceled.",
    ],
    Act.VISIT: [
        "You have an oil change for your 2019 Honda Civic on Tuesday, November 24 at 2:00 PM.",
        "Your next appointment is Tuesday the 24th at 2 p.m.",
    ],
    Act.WORK: [
        "Your 2016 Toyota Camry is ready.",
        "We are working on your 2018 Chevrolet Equinox.",
        "Your 2020 Subaru Outback is waiting for parts.",
        "Your 2014 Volkswagen Jetta is here, and its turn is still to come.",
    ],
    Act.TRANSFER: [
        "I'll connect you with a service advisor.",
        "Let me transfer you to our service desk.",
    ],
    Act.GOODBYE: ["Thank you for calling. Have a great day. Goodbye.", "Bye now!", "Take care."],
    Act.HOLD: ["One moment, please.", "Let me check the calendar.", "Please hold."],
    Act.STATEMENT: [
        "We're open Monday to Friday from 7:30 AM to 6 PM.",
        "An oil change is $79.95.",
    ],
}


@pytest.mark.parametrize(
    ("act", "text"), [(act, text) for act, texts in ASKED.items() for text in texts]
)
def test_a_question_is_known_by_what_it_asks_for(act: Act, text: str) -> None:
    assert understand(text).asks == (act,)


@pytest.mark.parametrize(
    ("act", "text"), [(act, text) for act, texts in TOLD.items() for text in texts]
)
def test_a_statement_asks_nothing(act: Act, text: str) -> None:
    heard = understand(text)
    assert heard.asks == ()
    assert act in heard.acts


@pytest.mark.parametrize(
    "text",
    [
        "I'm still working on it. Thank you for waiting.",
        "I can't get that booked.",
        "I'm sorry, that time was just taken.",
        "All right, I won't book it.",
        "Nothing is booked yet.",
        "Shall I book it?",
    ],
)
def test_nothing_is_heard_to_be_done_where_nothing_is(text: str) -> None:
    assert not {Act.BOOKED, Act.WORK} & {*understand(text).acts}


def test_a_recognisers_commas_hide_neither_booking_nor_goodbye() -> None:
    heard = understand("You're booked for Tuesday at 9 a.m., is there anything else?")
    assert heard.acts == (Act.BOOKED, Act.ANYTHING_ELSE)
    heard = understand("Your book for Tuesday at 10 a.m. Goodbye.")
    assert heard.acts == (Act.BOOKED, Act.GOODBYE)


def test_several_questions_get_one_answer_with_all_of_it() -> None:
    mind = Mind(persona("new-customer"))
    reply = mind.hear("What is your name, and what is the best phone number for you?")
    assert reply is not None
    assert "Daniel Foster" in reply.text and "773-555-0187" in reply.text


TUESDAY = Time(540, "tuesday", "november", 24)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("Tuesday, November 24 at 9:00 AM", [TUESDAY]),
        ("Tuesday, November twenty-fourth at nine A M", [TUESDAY]),
        ("Tuesday November 24th at 9 a.m.", [TUESDAY]),
        ("9 AM on Tuesday, November 24", [TUESDAY]),
        (
            "Monday, November 30 at 9.30 AM, ten thirty AM or two oh five P M",
            [Time(minute, "monday", "november", 30) for minute in (570, 630, 845)],
        ),
        ("Friday at noon", [Time(720, "friday")]),
        ("wensday at 3 o'clock", [Time(900, "wednesday")]),
        ("we close on Sundays", []),
        ("it takes forty-five minutes and costs $79.95", []),
    ],
)
def test_times_are_read_as_said_and_as_written(text: str, times: list[Time]) -> None:
    assert list(times_in(normalise(text))) == times


@given(st.integers(0, 47), st.sampled_from(["tuesday", "friday"]), st.integers(1, 31))
def test_a_time_said_back_is_the_same_time(half_hours: int, weekday: str, day: int) -> None:
    time = Time(half_hours * 30, weekday, "november", day)
    assert times_in(normalise(time.said)) == (time,)
    assert times_in(normalise(aloud(time.said))) == (time,)


@given(st.text(max_size=200))
def test_nothing_heard_is_too_strange(text: str) -> None:
    understand(text)
    Mind(persona("maria")).hear(text)


OFFERS = (
    "I have Monday, November 23 at 2:00 PM, Tuesday, November 24 at 1:00 PM or 9:00 AM, or "
    "Wednesday, November 25 at 8:00 AM. Which works for you?"
)


@pytest.mark.parametrize(
    ("prefer", "chosen"),
    [
        ("first", "Monday, November 23 at 2:00 PM"),
        ("tuesday", "Tuesday, November 24 at 1:00 PM"),
        ("morning", "Tuesday, November 24 at 9:00 AM"),
        ("tuesday morning", "Tuesday, November 24 at 9:00 AM"),
        ("wednesday afternoon", "Wednesday, November 25 at 8:00 AM"),
        ("last", "Wednesday, November 25 at 8:00 AM"),
    ],
)
def test_a_preference_chooses_among_what_is_offered(prefer: str, chosen: str) -> None:
    mind = Mind(persona("maria", {"prefer": prefer}))
    reply = mind.hear(OFFERS)
    assert reply is not None and chosen in reply.text


def test_a_certain_slot_is_asked_for_and_given_up_when_it_is_gone() -> None:
    mind = Mind(persona("load", {"slot": "Thursday, November 26 at 10:30 AM"}))
    assert "November 26 at 10:30 AM" in _says(mind, "What day works best for you?")
    assert (
        "November 26 at 10:30" in _says(mind, "That's Thursday at ten thirty AM. Shall I book?")
        or mind.chosen is not None
    )
    taken = "That was just taken. I have Thursday, November 26 at 11:00 AM. Does that work?"
    assert "11:00 AM" in _says(mind, taken)


def test_what_is_read_back_wrong_is_corrected_and_never_agreed_to() -> None:
    mind = Mind(persona("maria", {"prefer": "tuesday morning"}))
    mind.hear(OFFERS)
    wrong = "That's Tuesday, November 24 at 10:00 AM. Shall I book it?"
    for _ in range(CORRECTIONS_LIMIT):
        assert _says(mind, wrong) == "No, I would like Tuesday, November 24 at 9:00 AM."
    assert "speak to a person" in _says(mind, wrong)
    assert not {Stage.CONFIRMED, Stage.BOOKED} & {*mind.stages}
    assert mind.outcome.missed == ("book",)


@pytest.mark.parametrize("kind", ["book", "reschedule"])
def test_what_is_done_for_another_day_is_corrected(kind: str) -> None:
    mind = Mind(persona("reschedule", {"kind": kind, "prefer": "thursday"}))
    mind.hear("How can I help you today?")
    mind.hear("I have Wednesday at 9:00 AM or Thursday, November 26 at 10:30 AM. Which works?")
    mind.hear("So that's Thursday, November 26 at 10:30 AM. Is that right?")
    done = {
        "book": "You're booked for Wednesday, November 25 at 10:30 AM.",
        "reschedule": "Your oil change is moved to Wednesday, November 25 at 10:30 AM.",
    }[kind]
    reply = mind.hear(f"{done} Is there anything else I can do for you?")
    assert reply is not None
    assert reply.text == (
        "That's not right. Please move my appointment to Thursday, November 26 at 10:30 AM."
    )
    right = "Your oil change is moved to Thursday, November 26 at 10:30 AM. Anything else?"
    assert mind.hear(right).text == "That's all, thank you."  # type: ignore[union-attr]


def test_who_wants_to_cancel_agrees_to_that_and_to_nothing_else() -> None:
    mind = Mind(PERSONAS["cancel"])
    mind.hear("How can I help you today?")
    visit = "You have an oil change on Tuesday, November 24 at 2:00 PM."
    answers = [
        mind.hear(f"{visit} {question}")
        for question in ("Shall I move it?", "Shall I book it?", "Shall I cancel it?")
    ]
    insists = "I would like to cancel my appointment, please."
    assert [reply and reply.text for reply in answers] == [insists, insists, "Yes, please."]
    other = Mind(PERSONAS["reschedule"])
    other.hear("How can I help you today?")
    reply = other.hear(f"{visit} Shall I cancel it?")
    assert reply is not None and reply.text == "I would like to move my appointment, please."


def test_a_repeat_and_a_check_get_the_last_answer_again() -> None:
    mind = Mind(persona("maria"))
    first = _says(mind, GREETING)
    assert _says(mind, "Sorry, I didn't catch that.") == first
    assert _says(mind, "Are you still there?") == f"Yes, I'm here. {first}"


def test_the_stages_of_a_booking_end_with_goodbye() -> None:
    mind = Mind(persona("maria"))
    for text in (
        GREETING,
        "What is your date of birth?",
        OFFERS,
        "That's Tuesday, November 24 at 9:00 AM. Shall I book it?",
        "You're booked for Tuesday. Is there anything else?",
    ):
        reply = mind.hear(text)
        assert reply is not None and not reply.hang_up
    last = mind.hear("Thank you for calling. Goodbye.")
    assert last is not None and last.hang_up
    assert mind.stages == [
        *(Stage.GREETED, Stage.REQUESTED, Stage.IDENTIFIED, Stage.OFFERED, Stage.CHOSEN),
        *(Stage.CONFIRMED, Stage.BOOKED, Stage.GOODBYE),
    ]
    assert mind.done_as is not None and "booked" in mind.done_as


def test_nobody_waits_for_ever_and_nobody_argues_for_ever() -> None:
    mind = Mind(persona("maria"))
    mind.hear(GREETING)
    assert mind.waited(PATIENCE_MS - 1) is None
    replies = [mind.waited(PATIENCE_MS) for _ in range(3)]
    assert [bool(reply and reply.hang_up) for reply in replies] == [False, False, True]
    mind = Mind(persona("maria"))
    for _ in range(20):
        reply = mind.hear("What is your date of birth?")
        if reply and reply.hang_up:
            break
    else:
        pytest.fail("a caller went on for twenty rounds")


def test_the_window_shopper_asks_everything_and_books_nothing() -> None:
    mind = Mind(persona("window-shopper"))
    assert _says(mind, GREETING) == "What are your hours?"
    assert mind.hear("We're open Monday to Friday from 7:30 AM to 6 PM.") is None
    reply = mind.waited(2_600)
    assert reply is not None and reply.text == "How much is an oil change?"
    assert _says(mind, "$79.95. Would you like to make an appointment?").startswith("No")
    assert Stage.REQUESTED not in mind.stages


def test_who_wants_a_person_says_so_until_one_comes() -> None:
    mind = Mind(persona("wants-a-person"))
    for text in (GREETING, "May I have your name?", "Is there anything else?"):
        assert "person" in _says(mind, text)
    assert mind.hear("I'll connect you with a service advisor. One moment, please.") is None
    assert Stage.TRANSFERRED in mind.stages


def test_the_silent_one_is_silent() -> None:
    mind = Mind(persona("silent"))
    assert mind.hear(GREETING) is None and mind.hear("Are you still there?") is None
    assert mind.waited(60_000) is None


def test_a_caller_who_keys_presses_numbers_and_a_yes_and_says_the_rest() -> None:
    mind = Mind(persona("keypad"))
    assert mind.hear("To make sure it's you, what is your date of birth?") == Reply(
        "", keys="03121984"
    )
    assert mind.hear("What is your phone number?") == Reply("", keys="3125550142#")
    mind.hear("I have 9:00 AM or 10:30 AM. Which works for you?")
    assert mind.chosen is not None, "what is no number is said"
    assert mind.hear("That's an oil change at 9:00 AM. Shall I book it?") == Reply("", keys="1")


def test_personas_take_goals_and_facts_and_refuse_what_they_do_not_know() -> None:
    changed = persona(
        "load", {"service": "battery"}, {"date_of_birth": "1990-02-03", "year": "2020"}
    )
    assert changed.goal.service == "battery" and changed.facts.year == 2020
    assert changed.facts.date_of_birth is not None and changed.facts.date_of_birth.day == 3
    for arguments in (("x",), ("maria", {"x": 1}), ("maria", None, {"date_of_birth": "soon"})):
        with pytest.raises(PersonaError):
            persona(*arguments)  # type: ignore[arg-type]
    assert len({each.voice for each in PERSONAS.values()}) >= 6


def test_numbers_are_spoken_as_words() -> None:
    assert aloud("312-555-0142") == "three one two, triple five, zero one four two"
    assert aloud("March 12, 1984.") == "March twelfth, nineteen eighty-four."
    assert aloud("Tuesday, November 24 at 9:05 AM") == (
        "Tuesday, November twenty-fourth at nine oh five A M"
    )
    assert service_words("tow_hitch") == "a tow hitch"


def _says(mind: Mind, text: str) -> str:
    reply = mind.hear(text)
    assert reply is not None
    return reply.text
