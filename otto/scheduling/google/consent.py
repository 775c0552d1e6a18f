"""Asking a person, in their browser, to let Otto use their calendars.

The flow of an installed application (RFC 8252: https://developers.google.com/identity/protocols/
oauth2/native-app): the browser is sent to Google with a proof's hash (PKCE, RFC 7636) and a state;
Google sends it back to a port of this machine with a code; the code and the proof buy a refresh
token. Google's own google-auth-oauthlib answers a single request on that port, so that a browser
that asks for an icon first, or only opens a connection, ends the sign-in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import httplib2  # type: ignore[import-untyped]

from config.google_sign_in import SignIn
from config.settings import GoogleSettings
from otto.scheduling.google.credentials import SCOPE
from otto.scheduling.google.deadline import Deadline

HOST = "127.0.0.1"
"""Not localhost, which may be another address, or somebody else's (RFC 8252, 8.3)."""
VERIFIER_BYTES = 64
"""86 characters in base64; RFC 7636 takes 43 to 128."""

_REFUSED = {
    "access_denied": "the consent was refused in the browser: nothing was changed",
    "invalid_client": "Google does not know this client: check GOOGLE_CLIENT_ID and"
    " GOOGLE_CLIENT_SECRET",
    "unauthorized_client": "this client may not ask for a consent: make an OAuth client of the"
    ' type "Desktop app"',
    "redirect_uri_mismatch": "this client may not send the browser back to this machine: make an"
    ' OAuth client of the type "Desktop app"',
    "invalid_grant": "Google no longer takes that consent: run `otto calendar login` again",
    "admin_policy_enforced": "the account's administrator does not allow it: ask for the client to"
    " be trusted",
    "org_internal": "the client is for another organisation: sign in with an account of its own",
    "invalid_scope": "Google does not know the scope: is the Calendar API enabled for the project?",
}


class ConsentFailed(Exception):
    """There is no sign-in. The message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a person: the answer must carry its state, the code needs its verifier."""

    url: str
    """Where the browser goes."""
    redirect_uri: str
    state: str
    verifier: str


def ask(settings: GoogleSettings, redirect_uri: str) -> Asked:
    """A question of its own: no two are alike."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(VERIFIER_BYTES)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": SCOPE,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        # A refresh token is given to who asks for one, and again only with the consent.
        "access_type": "offline",
        "prompt": "consent",
    }
    return Asked(f"{settings.auth_url}?{urlencode(query)}", redirect_uri, state, verifier)


class Loopback:
    """A port of this machine that the browser comes back to. Use as a context.

    Raises `ConsentFailed` when the port cannot be had.
    """

    def __init__(self, port: int = 0) -> None:
        try:
            self._server = ThreadingHTTPServer((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConsentFailed(
                f"port {port} cannot be used ({reason}): name another one with --port"
            ) from None
        self._server.daemon_threads = True
        self._answers = _Answers()
        self._server.answers = self._answers  # type: ignore[attr-defined]
        self.redirect_uri = f"http://{HOST}:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="consent", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def code(self, asked: Asked, timeout_s: float) -> str:
        """What the browser brings back. Raises `ConsentFailed` when that is a refusal, or does
        not come in time."""
        self._answers.state = asked.state
        if not self._answers.come.wait(timeout_s):
            raise ConsentFailed(
                f"nobody has answered within {timeout_s:.0f} s. If the browser shows an error of"
                " Google's, the client is wrong: check GOOGLE_CLIENT_ID; otherwise run"
                " `otto calendar login` again"
            )
        answer = self._answers.found
        if "code" in answer:
            return answer["code"]
        raise ConsentFailed(_why(answer.get("error")))


def redeem(settings: GoogleSettings, asked: Asked, code: str) -> SignIn:
    """The sign-in for the code. Raises `ConsentFailed`."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": asked.verifier,
        "redirect_uri": asked.redirect_uri,
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.get_secret_value(),
    }
    found = _post(settings, form)
    granted = found.get("scope")
    # Google lets people take out what was asked for, one by one.
    if isinstance(granted, str) and SCOPE not in granted.split():
        raise ConsentFailed(
            "the consent leaves the calendars out: run `otto calendar login` again and tick them"
        )
    token = found.get("refresh_token")
    if not isinstance(token, str) or not token:
        raise ConsentFailed(
            "Google gave no refresh token: take Otto out at"
            " https://myaccount.google.com/permissions and run `otto calendar login` again"
        )
    return SignIn(settings.client_id, token)


def _post(settings: GoogleSettings, form: Mapping[str, str]) -> dict[str, Any]:
    host = urlsplit(settings.token_url).hostname
    http = httplib2.Http(timeout=settings.timeout_s)
    http.follow_redirects = False
    headers = {"content-type": "application/x-www-form-urlencoded"}
    try:
        with Deadline(http, settings.deadline_s):
            answer, content = http.request(settings.token_url, "POST", urlencode(form), headers)
    except (OSError, HTTPException, httplib2.HttpLib2Error) as error:
        raise ConsentFailed(f"{host} cannot be reached ({type(error).__name__})") from None
    finally:
        http.close()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConsentFailed(f"{host} answers {answer.status} with no JSON: is a proxy in between?")
    if answer.status != 200:
        raise ConsentFailed(_why(found.get("error")))
    return found


def _why(code: Any) -> str:
    if isinstance(code, str) and code in _REFUSED:
        return _REFUSED[code]
    is_plain = isinstance(code, str) and code.replace("_", "").isalnum() and code.isascii()
    return f"Google refuses ({code[:60] if is_plain else 'without a reason'})"


class _Answers:
    """What the browser has brought, and which question is open."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.found: dict[str, str] = {}
        self.come = threading.Event()
        self._taking = threading.Lock()

    def take(self, query: Mapping[str, str]) -> bool:
        """Whether this is the answer to the question that is open. The first one counts."""
        if self.state is None or not secrets.compare_digest(
            query.get("state", "").encode(), self.state.encode()
        ):
            return False
        if "code" not in query and "error" not in query:
            return False
        with self._taking:
            if not self.come.is_set():
                self.found = dict(query)
                self.come.set()
        return True


class _Handler(BaseHTTPRequestHandler):
    """Takes the answer; whatever else a browser asks for does not end the waiting."""

    timeout = 10  # s; a browser opens connections that it never uses

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        answers: _Answers = self.server.answers  # type: ignore[attr-defined]
        if parts.path != "/":
            self._say(404, "There is nothing here.")
        elif answers.take(dict(parse_qsl(parts.query))):
            self._say(200, "Otto has your answer: see the terminal. This page can be closed.")
        else:
            self._say(400, "This is no answer to the question that Otto asked.")

    def _say(self, status: int, sentence: str) -> None:
        page = f'<!doctype html><meta charset="utf-8"><title>Otto</title><p>{sentence}'.encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(page)))
        self.send_header("referrer-policy", "no-referrer")  # the address holds the code
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the code."""
