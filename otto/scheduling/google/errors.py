"""What Google's answers mean: try again, wait for the quota, wait for a person, give up.

Facts from Google's error guide (https://developers.google.com/workspace/calendar/api/guides/errors)
and quota page (daily quotas renew at midnight Pacific time). Google's own errors are JSON with a
reason; whatever else comes with an error's status, or instead of an answer, was said by somebody
in between (a proxy, a hotel's login page) and tells nothing about the request.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import httplib2  # type: ignore[import-untyped]
from google.auth import exceptions as google_auth
from googleapiclient.errors import HttpError

from config.clock import utc_now

if TYPE_CHECKING:
    from otto.scheduling.google.seen_events import SeenEvent

T = TypeVar("T")

QUOTA_PAUSE_S = 3600.0
"""For limits of which Google does not say when they renew."""
MENDING_PAUSE_S = 300.0
"""How often Google is asked again while a person has to mend something."""
_QUOTA_ZONE = ZoneInfo("America/Los_Angeles")

_SOON = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "concurrentLimitExceeded"})
_DAILY = frozenset({"dailyLimitExceeded"})
_QUOTA = frozenset({"quotaExceeded", "variableTermLimitExceeded", "servingLimitExceeded"})
_CHANGES_BY_ITSELF = frozenset({408, 425, 429})


class CalendarError(Exception):
    """Google did not do it. `code` names why and is safe to log: it holds no content."""

    retryable = False

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CalendarUnavailable(CalendarError):
    """Not now: the network, a rate limit, an answer that is none. Try again later."""

    retryable = True


class CalendarWaits(CalendarError):
    """It will work, but not before something changes: try again after `after_s` seconds, for as
    long as it takes."""

    def __init__(self, code: str, after_s: float = MENDING_PAUSE_S) -> None:
        super().__init__(code)
        self.after_s = after_s


class CalendarQuotaExceeded(CalendarWaits):
    """The account's quota is used up."""


class CalendarMisconfigured(CalendarWaits):
    """The calendar is not there, or not ours to write, or the API is switched off: a person has
    to mend it."""


class CalendarAuthError(CalendarWaits):
    """Google no longer accepts our sign-in: a person has to sign in again."""


class CalendarRejected(CalendarError):
    """Google refuses this request for good: a bad event."""


class SyncTokenExpired(CalendarError):
    """Google no longer knows how far we have read: all of it must be read again."""


class EditedByStaff(CalendarError):
    """Somebody has changed the event since we wrote it: what they want is looked at before
    anything is written. `event` is theirs."""

    def __init__(self, code: str, event: SeenEvent | None = None) -> None:
        super().__init__(code)
        self.event = event


class EventGone(EditedByStaff):
    """The event was deleted in Google. Its id stays reserved, and it is not revived: whoever
    deleted it meant it."""


def classified(work: Callable[[], T]) -> T:
    """Run it and turn whatever the libraries raise into one of ours, without its content."""
    try:
        return work()
    except CalendarError:
        raise
    except HttpError as error:
        raise of_status(error.resp.status, reason_of(error.content)) from None
    except google_auth.RefreshError as error:
        code = _oauth_code(error)
        if code is None or (error.retryable and code != "invalid_grant"):
            raise CalendarUnavailable("token_unavailable") from None
        raise CalendarAuthError(code) from None
    except (
        google_auth.GoogleAuthError,
        httplib2.HttpLib2Error,
        http.client.HTTPException,
        OSError,
    ) as error:
        raise CalendarUnavailable(f"network_{type(error).__name__}") from None
    except (ValueError, RecursionError):  # no JSON, no UTF-8
        raise CalendarUnavailable("bad_answer") from None


def of_status(status: int, reason: str | None, now: datetime | None = None) -> CalendarError:
    """What a status of 300 or more means. `reason`: Google's, "" when it gave none; None when the
    answer was not Google's at all."""
    code = f"http_{status}_{reason}" if reason else f"http_{status}"
    if reason is None:
        return CalendarUnavailable(f"{code}_not_google")
    if status in _CHANGES_BY_ITSELF or status >= 500 or status < 400:
        return CalendarUnavailable(code)
    if status == 401:  # the client has refreshed the token once and tried again by now
        return CalendarAuthError(code)
    if status == 403:
        return _forbidden(code, reason, now or utc_now())
    if status == 404:  # an event of ours that is not there is settled before: it is the calendar
        return CalendarMisconfigured(code)
    return CalendarRejected(code)


def _forbidden(code: str, reason: str, now: datetime) -> CalendarError:
    if reason in _SOON:
        return CalendarUnavailable(code)
    if reason in _DAILY:
        return CalendarQuotaExceeded(code, until_quota_renews_s(now))
    if reason in _QUOTA:
        return CalendarQuotaExceeded(code, QUOTA_PAUSE_S)
    # Whatever else is forbidden (accessNotConfigured, insufficientPermissions, forbidden, …) is
    # allowed again when a person has seen to it, and a booking must not be lost until then.
    return CalendarMisconfigured(code)


def until_quota_renews_s(now: datetime) -> float:
    """Seconds from an aware `now` to the next midnight, Pacific time."""
    tomorrow = now.astimezone(_QUOTA_ZONE).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), _QUOTA_ZONE)
    return (midnight.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def reason_of(content: bytes) -> str | None:
    """Google's machine-readable reason, e.g. rateLimitExceeded; "" when there is none, None when
    the content is no error of Google's."""
    try:
        error = json.loads(content)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(error, Mapping):
        return None
    for where in ("errors", "details"):
        listed = error.get(where)
        for each in listed if isinstance(listed, list) else ():
            reason = each.get("reason") if isinstance(each, Mapping) else None
            if isinstance(reason, str) and reason.replace("_", "").isalnum():
                return reason
    return ""


def _oauth_code(error: google_auth.RefreshError) -> str | None:
    """The OAuth error code of a failed refresh, e.g. invalid_grant; None when the token endpoint's
    answer holds none, so that it was not Google's judgement of the sign-in."""
    for part in error.args:
        if isinstance(part, Mapping):
            code: Any = part.get("error")
            if isinstance(code, str) and code.replace("_", "").isalnum():
                return code
    return None
