"""How callers put things, by manner: for each occasion the first wording, and others for a seed."""

from __future__ import annotations

from sandbox.caller.profile import Manner

Wording = dict[str, tuple[str, ...]]

_PLAIN: Wording = {
    # The wish, by the goal's kind.
    "book": (
        "Hi, I'd like to book {service}, please.",
        "Hello, I need an appointment for {service}.",
        "Hi, could I bring my car in for {service}?",
        "Good morning, I want to schedule {service}, please.",
    ),
    "book_again": ("I need {service}.", "It's for {service}.", "I'd like {service}, please."),
    "reschedule": (
        "Hi, I'd like to move my appointment, please.",
        "Hello, I need to reschedule my appointment.",
        "Hi, can I change my appointment to another day?",
    ),
    "cancel": (
        "Hi, I need to cancel my appointment, please.",
        "Hello, I'd like to cancel my appointment.",
        "I have an appointment that I need to cancel.",
    ),
    "when": (
        "Hi, when is my appointment, please?",
        "Hello, can you tell me when my appointment is?",
        "I forgot what time my appointment is.",
    ),
    "status": (
        "Hi, I'd like to know, is my {model} ready?",
        "Hello, is my car ready? It's the {model}.",
        "I'm calling to check whether my {model} is ready.",
    ),
    "late": (
        "Hi, I'm running late for my appointment.",
        "Hello, I won't make it on time for my appointment today, I'm running late.",
        "I'm stuck in traffic, I'll be late for my appointment.",
    ),
    "danger": (
        "My brake pedal goes all the way to the floor.",
        "There is smoke coming out from under my hood.",
        "I smell gas inside the car, and it's getting stronger.",
    ),
    "desk": (
        "I have a question about my bill.",
        "I was charged for something that I did not ask for.",
        "I want to complain about my last visit.",
    ),
    "sales": (
        "I'd like to talk to the sales department.",
        "I'm interested in buying a new car.",
    ),
    "parts": ("Can I talk to the parts department?", "I'd like to order a part."),
    "callback": (
        "Could somebody call me back, please?",
        "I'd like someone to give me a call back.",
    ),
    "opt_out": (
        "Please stop calling me and take me off your list.",
        "Don't text or call me any more.",
    ),
    "wrong_number": (
        "Oh, sorry, I think I have the wrong number.",
        "Sorry, wrong number.",
    ),
    "language": (
        "Hola, ¿habla español? Necesito una cita para mi coche.",
        "Buenos días, no hablo inglés. ¿Hay alguien que hable español?",
    ),
    # Answers about themselves.
    "name": ("My name is {name}.", "It's {name}.", "{name}.", "This is {name}."),
    "spelled": ("{name}. That's {spelled}.",),
    "phone": ("My number is {phone}.", "It's {phone}.", "{phone}."),
    "birth": ("My date of birth is {date}.", "{date}.", "I was born on {date}.", "It's {date}."),
    "vin": ("The last six are {vin}.", "{vin}."),
    "vin_whole": ("It is {vin}.",),
    "vehicle": ("It's a {vehicle}.", "A {vehicle}.", "I drive a {vehicle}."),
    "zip": ("My zip code is {zip}.", "It's {zip}."),
    "email": ("It's {email}.",),
    "mileage": ("It has {miles} miles on it.", "About {miles} miles."),
    "code": ("The code is {code}.", "It says {code}."),
    "not_known": ("I don't have that with me, sorry.", "Sorry, I don't know that."),
    # The time.
    "day": ("{day} would be best.", "{day}, if you can.", "How about {day}?"),
    "part": ("Any {part} is good.", "Sometime in the {part}."),
    "day_part": ("{day} {part} would be best.", "{day} in the {part}, please."),
    "any_time": ("The first available time, please.", "Whatever you have first."),
    "slot": ("I would like {slot}, please.",),
    "choose": ("{slot} works for me.", "I'll take {slot}.", "{slot}, please."),
    "choose_only": ("Yes, {slot} works for me.", "Yes, {slot} is good."),
    "none_fit": (
        "No, that doesn't work for me. Do you have anything on {day}?",
        "I can't make those. I need {day}.",
    ),
    "gives_up": ("Then I'll try again another time. Goodbye.",),
    "visit": ("The one for {visit}.",),
    # Agreeing and ending.
    "yes": ("Yes, please.", "Yes.", "Yes, that's right.", "Sure, go ahead.", "That's right, yes."),
    "right": ("Yes, that's right.", "Yes.", "That's correct.", "Correct."),
    "reason": ("I don't need it any more.", "Something came up."),
    "arrival": ("I'll be there in about {minutes} minutes.",),
    "nothing_else": ("That's all, thank you.", "No, that's everything.", "No, thank you."),
    "person": (
        "I'd like to speak to a person, please.",
        "Can I talk to a real person?",
        "Get me a service advisor, please.",
    ),
    "bye": ("Thank you, goodbye.", "Thanks, bye.", "Okay, bye bye."),
}
_CURT: Wording = {
    "book": ("I need {service}.", "{service}, please."),
    "book_again": ("{service}.",),
    "reschedule": ("I need to move my appointment.", "Move my appointment, please."),
    "cancel": ("Cancel my appointment.", "I need to cancel my appointment."),
    "name": ("{name}.",),
    "phone": ("{phone}.",),
    "birth": ("{date}.",),
    "vin": ("{vin}.",),
    "vehicle": ("A {vehicle}.", "{vehicle}."),
    "day": ("{day}.",),
    "part": ("In the {part}.",),
    "day_part": ("{day} {part}.",),
    "slot": ("{slot}.",),
    "choose": ("{slot}.",),
    "choose_only": ("Yes, {slot}.",),
    "yes": ("Yes.", "Yep.", "Go ahead."),
    "right": ("Yes.", "Right.", "Correct."),
    "nothing_else": ("That's all.", "No.", "Nope, that's it."),
    "person": ("Let me talk to a real person.", "A person, please."),
    "bye": ("Bye.",),
}
_CHATTY: Wording = {
    "book": (
        "Oh hello there. Well, my wife keeps telling me that I have to call you, so here I am. "
        "I'd like to book {service} for my car.",
        "Hello, how are you doing today? I've been meaning to call for weeks now. "
        "I need {service} for my car.",
    ),
    "book_again": ("Well, as I was saying, it should be {service}.",),
    "name": ("Well, my name is {name}.",),
    "phone": ("Let me think. My number is {phone}.",),
    "birth": (
        "It was a long time ago. My date of birth is {date}.",
        "Well, I don't like to say it, but my date of birth is {date}.",
    ),
    "vehicle": ("She is a good old car, a {vehicle}.",),
    "day": ("Let me see. I think {day} would be best.",),
    "part": ("I like to sleep in these days. Any {part} is good for me.",),
    "day_part": ("Let me see. I think {day} {part} would be best.",),
    "any_time": ("Oh, I have all the time in the world. The first available time, please.",),
    "choose": ("Let me see. {slot} works for me.",),
    "choose_only": ("Yes, {slot} works for me.",),
    "yes": ("Yes, please.", "Oh yes, that would be lovely."),
    "right": ("Yes, that's right.",),
    "nothing_else": ("That's all, thank you so much.", "No, you've been very kind, thank you."),
    "bye": ("Thank you so much, goodbye.",),
}
MANNERS: dict[Manner, Wording] = {
    "plain": _PLAIN,
    "curt": _PLAIN | _CURT,
    "chatty": _PLAIN | _CHATTY,
}
