"""What tools answer with: results that the model can speak about."""

from __future__ import annotations

from typing import Any

from otto.dialogue.session.state import VehicleRef
from otto.storage.errors import StoreUnavailable

Result = dict[str, Any]

CALENDAR_AWAY = "I'm sorry, I can't see our book right now."
LOST_SIGHT = "I'm sorry, I lost sight of our book just now, so I can't tell whether"
TEXT_WILL_TELL = "If it did, you will get a text message."
BOOKING_UNKNOWN = f"{LOST_SIGHT} that booking went through. {TEXT_WILL_TELL}"
UNKNOWN = {
    "reschedule_appointment": f"{LOST_SIGHT} that change went through. {TEXT_WILL_TELL}",
    "cancel_appointment": f"{LOST_SIGHT} that cancellation went through. {TEXT_WILL_TELL}",
}
"""By the tool: what may have come of it while the database went away; else of a booking."""

TAKES_TOO_LONG: Result = {
    "status": "error",
    "message": "I'm sorry, this is taking too long.",
    "advice": "It may still go through. Offer to connect a person.",
}


class ToolFault(Exception):
    """A tool cannot do what was asked; the text is advice for the model."""


class Asked(Exception):
    """Something is to be asked before a tool can go on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.result = asked(code, message)


def error(message: str | None = None, *, advice: str | None = None) -> Result:
    """`message` may be said to the caller as it is; `advice` is for the model alone."""
    result = {"status": "error"}
    if message:
        result["message"] = message
    if advice:
        result["advice"] = advice
    return result


def asked(code: str, message: str, *, advice: str | None = None) -> Result:
    """Something is to be asked first: `message` is the question, word for word."""
    return {"status": "ask", "code": code, "message": message} | (
        {"advice": advice} if advice else {}
    )


def calendar_away(tool: str, away: StoreUnavailable) -> Result:
    """The database cannot be asked. Everything else goes on, a wish to be called back included."""
    if tool == "request_callback":
        return error(
            "I'm sorry, I can't note that down right now.", advice="Offer to connect a person."
        ) | {"code": "not_kept"}
    unknown = UNKNOWN.get(tool, BOOKING_UNKNOWN)
    message = unknown if away.outcome_unknown else CALENDAR_AWAY
    advice = "Offer that somebody calls back; on yes, use request_callback, which works even now."
    return error(message, advice=advice) | {"code": "book_away"}


def without_blanks(arguments: Any) -> Any:
    if not isinstance(arguments, dict):
        raise ValueError("not an object")
    return {
        key: None if isinstance(value, str) and not value.strip() else value
        for key, value in arguments.items()
    }


def vehicle_result(vehicle: VehicleRef) -> Result:
    return {"vehicle_ref": vehicle.ref, "description": vehicle.description}
