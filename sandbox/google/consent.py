"""Google's consent page and what it leads to, played: codes for a browser, tokens for codes.

As the guide for installed applications has it (loopback redirect, PKCE). Whoever opens the page is
the account's owner; `POST` answers it, as the page's two buttons do.
https://developers.google.com/identity/protocols/oauth2/native-app
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

PATH = "/google/o/oauth2/v2/auth"
SCOPE = "https://www.googleapis.com/auth/calendar"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class OAuthError(Exception):
    """An error of the token endpoint's: `code` as OAuth has it (RFC 6749 section 5.2)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


@dataclass(frozen=True, slots=True)
class _Code:
    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    is_offline: bool


class Consent:
    """The page, and the codes it has given out. `gives_refresh_tokens` False: as Google does when
    the person has consented before and was not asked again. `clients`: the OAuth clients it knows;
    empty: any."""

    def __init__(self) -> None:
        self._codes: dict[str, _Code] = {}
        self.gives_refresh_tokens = True
        self.granted_scope = SCOPE
        self.clients: frozenset[str] = frozenset()

    def routes(self) -> list[BaseRoute]:
        return [
            Route(PATH, self._page, methods=["GET"]),
            Route(PATH, self._answer, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        asked = dict(request.query_params)
        fault = self._fault(asked)
        if fault is not None:
            # Google tells the person, and sends the browser nowhere.
            page = f"<h1>Access blocked</h1><p>Error 400: {fault}"
            return HTMLResponse(page, status_code=400)
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in asked.items()
        )
        buttons = "".join(
            f'<button name="answer" value="{value}">{label}</button>'
            for value, label in (("allow", "Allow"), ("deny", "Cancel"))
        )
        client = escape(asked["client_id"])
        return HTMLResponse(
            f"<!doctype html><title>Sign in</title><h1>{client} wants to see, edit, share and"
            f' delete your calendars</h1><form method="post">{hidden}{buttons}</form>'
        )

    async def _answer(self, request: Request) -> Response:
        asked = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        fault = self._fault(asked)
        if fault is not None:
            return HTMLResponse(f"<p>Error 400: {fault}", status_code=400)
        told = {"state": asked.get("state", "")}
        if asked.get("answer") != "allow":
            told["error"] = "access_denied"
        else:
            told["code"] = "4/0A" + secrets.token_urlsafe(32)
            told["scope"] = self.granted_scope
            self._codes[told["code"]] = _Code(
                asked["client_id"],
                asked["redirect_uri"],
                asked.get("code_challenge", ""),
                self.granted_scope,
                asked.get("access_type") == "offline",
            )
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(told)}", status_code=302)

    def _fault(self, asked: Mapping[str, str]) -> str | None:
        if not asked.get("client_id") or (self.clients and asked["client_id"] not in self.clients):
            return "invalid_client"
        place = urlsplit(asked.get("redirect_uri", ""))
        if place.scheme != "http" or place.hostname not in LOOPBACK:
            return "redirect_uri_mismatch"
        if asked.get("response_type") != "code":
            return "unsupported_response_type"
        if not asked.get("scope"):
            return "invalid_scope"
        if asked.get("code_challenge_method", "S256") != "S256":
            return "invalid_request"
        return None

    def exchange(self, form: Mapping[str, str], refresh_token: str) -> dict[str, Any]:
        """What the token endpoint's answer has beside an access token. A code is good once.
        Raises `OAuthError`."""
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.client_id != form.get("client_id"):
            raise OAuthError("invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if code.challenge and not secrets.compare_digest(code.challenge, shown):
            raise OAuthError("invalid_grant", "Invalid code verifier.")
        told: dict[str, Any] = {"scope": code.scope}
        if code.is_offline and self.gives_refresh_tokens:
            told["refresh_token"] = refresh_token
        return told
