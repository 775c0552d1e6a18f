"""The sign-in that all of Google's connections share: a person's consent, or a service account."""

from __future__ import annotations

import json
import threading
from typing import Any

from google.auth import exceptions as google_auth
from google.oauth2 import credentials as user
from google.oauth2 import service_account

from config.google_sign_in import SignInFault, read_sign_in
from config.settings import GoogleSettings
from otto.scheduling.google.errors import CalendarAuthError

SCOPE = "https://www.googleapis.com/auth/calendar"


def make_credentials(settings: GoogleSettings) -> Any:
    """Credentials of google.auth's, for any number of threads. Raises
    `CalendarAuthError` for a service account's key that cannot be read."""
    key = settings.service_account_key.get_secret_value()
    made = _service_account(settings, key) if key else _person(settings)
    made.patience_s = settings.deadline_s
    return made


def _person(settings: GoogleSettings) -> _Person:
    made = _Person(
        None,
        refresh_token=settings.refresh_token.get_secret_value(),
        token_uri=settings.token_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        scopes=[SCOPE],
    )
    made.settings = settings
    return made


def _service_account(settings: GoogleSettings, key: str) -> _ServiceAccount:
    try:
        # The file names an address for tokens, too; ours was checked with the other settings.
        info = {**json.loads(key), "token_uri": settings.token_url}
        made: _ServiceAccount = _ServiceAccount.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=[SCOPE]
        )
    except (ValueError, TypeError, google_auth.GoogleAuthError):
        raise CalendarAuthError("service_account_key") from None
    return made


class _Shared:
    """Credentials that several threads may find expired at once: one refreshes, the rest wait."""

    token: str | None
    valid: bool
    patience_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refreshing = threading.Lock()

    def refresh(self, request: Any) -> None:
        """Raises google.auth's errors, also where the library stumbles over an odd answer."""
        stale = self.token
        if not self._refreshing.acquire(timeout=self.patience_s):
            raise _transport_error("another thread waits for the token")
        try:
            if self.token == stale or not self.valid:
                self._ask(request)
        finally:
            self._refreshing.release()

    def _ask(self, request: Any) -> None:
        try:
            super().refresh(request)  # type: ignore[misc]
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError):
            self.token = None
            raise _transport_error("the token endpoint's answer holds no token") from None
        if not isinstance(self.token, str) or not self.token:
            self.token = None
            raise _transport_error("the token endpoint's answer holds no token")


class _Person(_Shared, user.Credentials):
    """A person's consent. When it is no longer good, the file that a new one was left in is
    looked at: whoever has signed in again need not start anything anew."""

    settings: GoogleSettings

    def _ask(self, request: Any) -> None:
        try:
            super()._ask(request)
        except google_auth.RefreshError:
            renewed = self._renewed()
            if renewed is None or renewed == self._refresh_token:
                raise
            self._refresh_token = renewed
            super()._ask(request)

    def _renewed(self) -> str | None:
        file = self.settings.token_file
        if file is None:
            return None
        try:
            found = read_sign_in(file)
        except SignInFault:
            return None
        is_ours = found is not None and found.client_id == self.settings.client_id
        return found.refresh_token if found is not None and is_ours else None


class _ServiceAccount(_Shared, service_account.Credentials):
    """A service account, which signs for itself."""


def _transport_error(why: str) -> google_auth.TransportError:
    return google_auth.TransportError(why)  # type: ignore[no-untyped-call]
