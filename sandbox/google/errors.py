"""Google's errors: an HTTP status and, in the body, a machine's `reason` by which clients decide.

Reasons, domains, messages and locations as in Google's error guide
(https://developers.google.com/workspace/calendar/api/guides/errors); what the guide does not list
is from answers quoted in the issue threads of Google's own clients.
"""

from __future__ import annotations

from typing import Any

_DOMAINS = {
    "usageLimits": (
        "accessNotConfigured",
        "dailyLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
    ),
    "calendar": (
        "forbiddenForNonOrganizer",
        "fullSyncRequired",
        "requiredAccessLevel",
        "timeRangeEmpty",
        "updatedMinTooLongAgo",
    ),
}
_DOMAIN_OF = {reason: domain for domain, reasons in _DOMAINS.items() for reason in reasons}
_BY_STATUS = {
    400: "badRequest",
    401: "authError",
    403: "userRateLimitExceeded",
    404: "notFound",
    409: "duplicate",
    410: "fullSyncRequired",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}
"""What a status means when nothing else is said."""
_MESSAGES = {
    "accessNotConfigured": (
        "Google Calendar API has not been used in project 1234567890 before or it is disabled."
    ),
    "authError": "Invalid Credentials",
    "backendError": "Backend Error",
    "badRequest": "Bad Request",
    "conditionNotMet": "Precondition Failed",
    "dailyLimitExceeded": "Daily Limit Exceeded",
    "deleted": "Resource has been deleted",
    "duplicate": "The requested identifier already exists.",
    "forbidden": "Forbidden",
    "forbiddenForNonOrganizer": (
        "Shared properties can only be changed by the organizer of the event."
    ),
    "fullSyncRequired": "Sync token is no longer valid, a full sync is required.",
    "insufficientPermissions": "Request had insufficient authentication scopes.",
    "notFound": "Not Found",
    "parseError": "Parse Error",
    "quotaExceeded": "Calendar usage limits exceeded.",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "requiredAccessLevel": "You need to have writer access to this calendar.",
    "timeRangeEmpty": "The specified time range is empty.",
    "updatedMinTooLongAgo": "The requested minimum modification time lies too far in the past.",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
}
_HEADERS = {401: "Authorization", 412: "If-Match"}
"""The header that is to blame, by status."""


class GoogleError(Exception):
    """An error as Google words it. `parameter` names the one of the query that is to blame."""

    def __init__(self, status: int, reason: str, message: str = "", parameter: str = "") -> None:
        super().__init__(message or reason)
        self.status, self.reason, self.parameter = status, reason, parameter
        self.message = message or _MESSAGES.get(reason, "Error")

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        entry = {
            "domain": _DOMAIN_OF.get(self.reason, "global"),
            "reason": self.reason,
            "message": self.message,
        }
        if self.parameter:
            entry |= {"locationType": "parameter", "location": self.parameter}
        elif self.status in _HEADERS:
            entry |= {"locationType": "header", "location": _HEADERS[self.status]}
        body = {"errors": [entry], "code": self.status, "message": self.message}
        return {"error": body}


def of_fault(status: int, reason: str) -> GoogleError:
    """The error that a fault asks for: its `reason`, or what the status usually means."""
    return GoogleError(status, reason or _BY_STATUS.get(status, "backendError"))


def invalid(what: str) -> GoogleError:
    """A field of a body that holds what it cannot."""
    return GoogleError(400, "invalid", f"Invalid value for: {what}.")


def bad_parameter(name: str, message: str = "") -> GoogleError:
    """A parameter of the query that holds what it cannot."""
    return GoogleError(
        400, "invalidParameter", message or f"Invalid value for: {name}.", parameter=name
    )
