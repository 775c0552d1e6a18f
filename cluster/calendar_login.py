"""`otto calendar login`: from a person's consent in the browser to a token in a file of ours."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable
from pathlib import Path

from cluster import private
from cluster.errors import StackError
from config.loading import read_group
from config.vendors import GoogleSettings
from otto.scheduling.google.consent import ConsentFailed, Loopback, ask, redeem


def login(
    tell: Callable[[str], None],
    *,
    port: int = 0,
    timeout_s: float = 300.0,
    open_browser: bool = True,
) -> Path:
    """Ask, wait for the answer, keep the token; returns its file. `port` 0: any. Raises
    `StackError` with a sentence, and nothing was changed then."""
    settings = _client()
    file = settings.token_file
    assert file is not None  # only a sign-in that is complete already has none
    private.own_folder(file.parent)
    try:
        with Loopback(port) as loopback:
            asked = ask(settings, loopback.redirect_uri)
            tell("open this address in a browser, and sign in with the calendars' account:")
            tell(asked.url)
            if open_browser:
                webbrowser.open(asked.url)
            code = loopback.code(asked, timeout_s)
        redeem(settings, asked, code).save(file)
    except ConsentFailed as failed:
        raise StackError(str(failed)) from None
    return file


def _client() -> GoogleSettings:
    """Google's settings as far as a sign-in needs them: the rest may still be missing."""
    settings = read_group("google")
    assert isinstance(settings, GoogleSettings)
    if settings.has_service_account:
        raise StackError("a service account signs in by itself: GOOGLE_SERVICE_ACCOUNT_FILE is set")
    missing = [
        name
        for name, value in (
            ("GOOGLE_CLIENT_ID", settings.client_id),
            ("GOOGLE_CLIENT_SECRET", settings.client_secret.get_secret_value()),
        )
        if not value
    ]
    if missing:
        names = " and ".join(missing)
        raise StackError(
            f"{names} {'is' if len(missing) == 1 else 'are'} missing: make an OAuth client of the"
            ' type "Desktop app" in Google\'s console (docs/OPERATIONS.md)'
        )
    if settings.refresh_token.get_secret_value():
        raise StackError("GOOGLE_REFRESH_TOKEN is set and goes before a login: remove it first")
    return settings


def has_display() -> bool:
    """Whether a browser can be expected to open where the person sits."""
    return not os.environ.get("SSH_CONNECTION")
