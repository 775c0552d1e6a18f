"""The callers that are always there: `otto call --list` shows them."""

from __future__ import annotations

from datetime import date

from sandbox.caller.profile import Facts, Goal, GoalKind, Persona, Twist, TwistKind

_MARIA = Facts("Maria", "Alvarez", "+13125550142", date(1984, 3, 12), 2019, "Honda", "Civic")
_GRACE = Facts("Grace", "Bell", "+13125550171", date(1988, 5, 14), 2022, "Hyundai", "Tucson")
_NOBODY = Facts("Nobody", "There", "+12245550133", known=False)
"""Who is in no book."""

PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        Persona(
            name="maria",
            about="A known customer who books an oil change, best on Tuesday or in a morning.",
            voice="alto",
            facts=_MARIA,
            goal=Goal(prefer="tuesday morning"),
        ),
        Persona(
            name="new-customer",
            about="Not in the book yet: gives name and car, books a tire rotation.",
            voice="deep",
            facts=Facts(
                *("Daniel", "Foster", "+17735550187", date(1991, 8, 23)),
                *(2021, "Toyota", "Corolla"),
                known=False,
            ),
            goal=Goal(service="tire_rotation", prefer="first"),
        ),
        Persona(
            name="hurried",
            about="A known customer in a hurry, who cuts in while Otto is speaking.",
            voice="quick",
            facts=_MARIA,
            goal=Goal(prefer="first"),
            manner="curt",
            gap_ms=600,
            interrupt_after_ms=1800,
        ),
        Persona(
            name="window-shopper",
            about="Asks for hours and prices, books nothing.",
            voice="bright",
            facts=Facts("Helen", "Price", "+16305550119", date(1970, 1, 30), known=False),
            goal=Goal(
                kind=GoalKind.ASK,
                questions=("What are your hours?", "How much is an oil change?"),
            ),
        ),
        Persona(
            name="wants-a-person",
            about="Will not speak with a machine.",
            voice="tenor",
            facts=Facts("George", "Miller", "+18475550176", date(1952, 11, 2), known=False),
            goal=Goal(kind=GoalKind.PERSON),
            manner="curt",
        ),
        Persona(
            name="silent",
            about="Rings and says nothing.",
            voice="alto",
            facts=_NOBODY,
            goal=Goal(kind=GoalKind.SILENT),
        ),
        Persona(
            name="rambler",
            about="A new customer who says everything with a story around it.",
            voice="slow",
            facts=Facts(
                *("Walter", "Simmons", "+18155550164", date(1949, 6, 5)),
                *(2015, "Ford", "Escape"),
                known=False,
            ),
            goal=Goal(prefer="afternoon"),
            manner="chatty",
            gap_ms=800,
        ),
        Persona(
            name="keypad",
            about="A known customer who keys numbers, and a yes, instead of saying them.",
            voice="alto",
            facts=_MARIA,
            goal=Goal(prefer="first"),
            keys=True,
        ),
        Persona(
            name="reschedule",
            about="Has an appointment, and would rather come on a Thursday.",
            voice="bright",
            facts=_GRACE,
            goal=Goal(kind=GoalKind.RESCHEDULE, prefer="thursday"),
        ),
        Persona(
            name="cancel",
            about="Has an appointment, and needs it no longer.",
            voice="tenor",
            facts=Facts(
                "Victor", "Hill", "+13125550154", date(1966, 2, 17), 2015, "Jeep", "Wrangler"
            ),
            goal=Goal(kind=GoalKind.CANCEL),
        ),
        Persona(
            name="when",
            about="Has an appointment, and has forgotten when.",
            voice="british",
            facts=_GRACE,
            goal=Goal(kind=GoalKind.WHEN),
        ),
        Persona(
            name="car-ready",
            about="Has two cars in the workshop, and asks whether one of them is ready.",
            voice="tenor",
            facts=Facts(
                "James", "Okafor", "+13125550117", date(1979, 11, 2), 2016, "Toyota", "Camry"
            ),
            goal=Goal(kind=GoalKind.STATUS),
        ),
        Persona(
            name="several-services",
            about="A known customer who wants two things done in one visit.",
            voice="young",
            facts=_MARIA,
            goal=Goal(also=("tire_rotation",), prefer="first"),
        ),
        Persona(
            name="symptom",
            about="Tells what the car does, and leaves it to Otto what that needs.",
            voice="elderly",
            facts=_MARIA,
            goal=Goal(
                service="brake_inspection",
                accepts=("diagnostic",),
                words="My brakes squeal when I stop.",
            ),
        ),
        Persona(
            name="late",
            about="Has an appointment, and is running late.",
            voice="brisk",
            facts=_GRACE,
            goal=Goal(kind=GoalKind.LATE),
        ),
        Persona(
            name="danger",
            about="The brake pedal goes to the floor.",
            voice="deep",
            facts=_MARIA,
            goal=Goal(kind=GoalKind.DANGER),
        ),
        Persona(
            name="bill",
            about="A customer with a question about a bill.",
            voice="pico",
            facts=_MARIA,
            goal=Goal(kind=GoalKind.DESK),
        ),
        Persona(
            name="warranty",
            about="Asks whether something is covered by the warranty.",
            voice="pico-slow",
            facts=_MARIA,
            goal=Goal(kind=GoalKind.DESK, words="Is this repair covered by my warranty?"),
        ),
        Persona(
            name="sales",
            about="Wants to buy a car.",
            voice="british-brisk",
            facts=_NOBODY,
            goal=Goal(kind=GoalKind.SALES),
        ),
        Persona(
            name="parts",
            about="Wants the parts department.",
            voice="tenor",
            facts=_NOBODY,
            goal=Goal(kind=GoalKind.PARTS),
        ),
        Persona(
            name="wrong-number",
            about="Has dialled the wrong number.",
            voice="slow",
            facts=_NOBODY,
            goal=Goal(kind=GoalKind.WRONG_NUMBER),
        ),
        Persona(
            name="spanish",
            about="Speaks no English.",
            voice="alto",
            facts=_NOBODY,
            goal=Goal(kind=GoalKind.LANGUAGE),
        ),
        Persona(
            name="noise",
            about="Nobody speaks; there are sounds.",
            voice="alto",
            facts=_NOBODY,
            goal=Goal(kind=GoalKind.NOISE),
        ),
        Persona(
            name="undecided",
            about="A known customer who hesitates, and changes the day after the offer.",
            voice="young",
            facts=_MARIA,
            goal=Goal(prefer="first"),
            twists=(
                Twist(TwistKind.CHANGES_MIND, to={"prefer": "thursday"}),
                Twist(TwistKind.HESITATES),
                Twist(TwistKind.REPAIRS, times=1),
            ),
        ),
        Persona(
            name="load",
            about="For load tests: a known customer whose facts come with the request.",
            voice="alto",
            facts=_MARIA,
            goal=Goal(prefer="first"),
        ),
    )
}
