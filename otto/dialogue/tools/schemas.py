"""The tools as the model sees them: strict JSON schemas, made from the dealership's menu."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from config.dealership import Dealership
from otto.dialogue.tools.arguments import Topic

Schema = dict[str, Any]

CANCEL_REASONS = [
    *("cannot_come", "no_longer_needed", "went_elsewhere", "booked_by_mistake", "other"),
]
"""Those of `CancelReason` that are a caller's."""


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _optional(schema: Schema) -> Schema:
    """Strict schemas have no optional properties: absent is null."""
    found = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        found["enum"] = [*schema["enum"], None]
    return found


def _tool(name: str, description: str, **properties: Schema) -> Schema:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        },
    }


@cache
def tool_schemas(dealership: Dealership) -> dict[str, Schema]:
    """Name → the tool in OpenAI's form. All there are; `otto.dialogue.flow` says which
    are offered."""
    service: Schema = {
        "type": "string",
        "enum": [service.code for service in dealership.services],
        "description": "The service's code.",
    }
    tools = [
        _tool(
            "identify_caller",
            "Look the caller up by telephone number.",
            phone_number=_optional(
                _text("The number as the caller said it; null for the number they call from.")
            ),
        ),
        _tool(
            "verify_caller",
            "Check the caller's proof of identity. Give what they said, never a guess. When it "
            "reads an answer back (status ask), call it again with what they say to that.",
            date_of_birth=_optional(_text("In the caller's own words, all of it, or null.")),
            vin_last_six=_optional(
                _text(
                    "The last six characters of the VIN, or null. Only with the name or the date "
                    "of birth: they can be read on the car."
                )
            ),
            first_name=_optional(_text("As they said it, or null when it was not asked for.")),
            last_name=_optional(
                _text("In the same way. The first name again for somebody who has one name only.")
            ),
        ),
        _tool(
            "text_code",
            "Text a code to the number the caller has said, to prove that it is theirs. Once a "
            "call, and only when they want it.",
        ),
        _tool(
            "check_code",
            "Check the code that the caller read from the text message.",
            code=_text("The digits as they said or keyed them."),
        ),
        _tool(
            "create_customer",
            "Enter a caller who is not in the book as a new customer, also under a number that "
            "somebody else has. What it asks (status ask) is to be asked as it is; then call it "
            "again with all that they have said.",
            first_name=_text("First name, in the script they use, as they spelled it if they did."),
            last_name=_optional(_text("Last name; null for somebody who has one name only.")),
            phone_number=_optional(_text("Null for the number they call from.")),
            date_of_birth=_optional(_text("In the caller's own words, or null when not given.")),
            email=_optional(_text("As they said it, only when they offer it; null otherwise.")),
        ),
        _tool(
            "add_vehicle",
            "Add a vehicle of the caller, or note the mileage of one they have. It reads back what "
            "it understood (status ask): call it again when they have agreed.",
            vehicle=_text(
                'The caller\'s own words for the car, all of them: "my twenty nineteen Civic", '
                '"an \'09 Chevy, the Silverado". Never what you made of them.'
            ),
            vin=_optional(_text("As they read it out, or null. A correction of theirs goes here.")),
            mileage=_optional(_text("In their own words, when they say it; null otherwise.")),
            mileage_confirmed=_optional(
                {"type": "boolean", "description": "True after they were asked to check it."}
            ),
        ),
        _tool(
            "add_number",
            "Note the number they call from as one more of theirs, so that they are known by it "
            "the next time. Only when they want that.",
        ),
        _tool(
            "find_openings",
            "Find openings that really exist. Only these may be offered.",
            services={
                "type": "array",
                "items": service,
                "description": "What is to be done in one visit: one service, or up to four.",
            },
            when=_optional(
                _text(
                    "The caller's own words for the day and the time, unchanged: \"Tuesday at "
                    'nine", "any morning but Monday", "after four". Null: as soon as possible.'
                )
            ),
            **{"with": _optional(_text("Whom of the staff they would like, by name. Else null."))},
            transport=_optional(
                {
                    "type": "string",
                    "enum": ["wait", "loaner", "shuttle"],
                    "description": "When they say that they will wait, or need a loaner car or "
                    "the shuttle. Else null.",
                }
            ),
            appointment_ref=_optional(
                _text("The appointment's reference, when one is to be moved. Else null.")
            ),
        ),
        _tool(
            "book_appointment",
            "Book an opening that was offered in this call, after the caller has heard service, "
            "vehicle, day and time, and said yes. not_done: nothing happened; say its read_back.",
            slot_id=_text("The slot_id of the opening."),
            vehicle_ref=_optional(
                _text("The vehicle's reference, or their words for it; null when there is one.")
            ),
            notes=_optional(_text("What the technician should know, in one sentence, or null.")),
        ),
        _tool("my_appointments", "The caller's appointments that are still to come."),
        _tool(
            "reschedule_appointment",
            "Move an appointment to an opening that was offered in this call, after the caller "
            "has heard work, day and time, and said yes. not_done: nothing happened; say its "
            "read_back. Nothing is given up before the new time is theirs.",
            appointment_ref=_text("The appointment's reference, of my_appointments."),
            slot_id=_text("The slot_id of the opening."),
        ),
        _tool(
            "cancel_appointment",
            "Cancel an appointment that the caller was told of in this call, after they heard its "
            "work, day and time, and said yes to cancelling. not_done: nothing happened; say its "
            "read_back. Offer to move it first when they only cannot come then.",
            appointment_ref=_text("The appointment's reference, of my_appointments."),
            reason={
                "type": "string",
                "enum": CANCEL_REASONS,
                "description": "Why, as far as the caller has said it; do not ask for it.",
            },
        ),
        _tool(
            "repair_status",
            "How far the work is on the caller's vehicles that are in the workshop now.",
            vehicle_ref=_optional(_text("The vehicle's reference; null for all of theirs.")),
        ),
        _tool(
            "dealership_info",
            "Hours, prices, address and services, as they are in the dealership's file.",
            topic={"type": "string", "enum": list(get_args(Topic))},
            service=_optional(service),
            date=_optional(_text("The day asked about, ISO or the caller's own words, or null.")),
        ),
        _tool(
            "request_callback",
            "Have a person call the caller back. It works even when the book cannot be seen.",
            reason=_text("What the caller wants, in one sentence, for the person who calls."),
            when=_optional(_text("When to call, in the caller's words, or null.")),
            phone_number=_optional(_text("Null for the number they call from.")),
        ),
        _tool(
            "transfer_to_person",
            "Connect the caller with a person at the service desk.",
            reason=_text("Why, in a few words, for the person who takes over."),
        ),
        _tool(
            "end_call",
            "End the call after the goodbye that stands in the same message.",
            reason={
                "type": "string",
                "enum": ["done", "wrong_number", "caller_asked", "no_response"],
            },
        ),
    ]
    return {tool["function"]["name"]: tool for tool in tools}
