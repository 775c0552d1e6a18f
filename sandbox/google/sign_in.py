"""Who is asking: OAuth 2.0's tokens for the account, and one for a member of staff.

Access tokens live in this process: one of another life is refused with 401, and so is a refresh
token with `invalid_grant`, because the key it is made of is another in each life.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.google.consent import SCOPE, Consent, OAuthError
from sandbox.google.errors import GoogleError
from sandbox.google.service_accounts import GRANT, ServiceAccount
from sandbox.google.store import ACCOUNT
from sandbox.world import World

TOKEN_LIFETIME_S = 3599
STAFF = "advisor@ottos-auto.example"
"""Who acts when a test or a demo acts as a person: the owner of every calendar."""


class SignIn:
    """The tokens that were given out, and what they are good for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens: dict[str, tuple[datetime, str]] = {}
        self._is_revoked = False
        self.consent = Consent()
        self.service_account = ServiceAccount()

    def user_of(self, header: str) -> str:
        """Whose access token an `Authorization` header holds. Raises `GoogleError` 401."""
        scheme, _, token = header.partition(" ")
        expires, user = self._tokens.get(token, (self._world.clock(), ""))
        if scheme.lower() != "bearer" or expires <= self._world.clock():
            raise GoogleError(401, "authError")
        return user

    def token(self, form: Mapping[str, str], address: str) -> dict[str, Any]:
        """The answer of the token endpoint at `address`: an access token for a refresh token, for
        a code (RFC 6749, 6 and 4.1.3) or for what a service account has signed (RFC 7523). Raises
        `OAuthError`."""
        told = self._grant(form, address)
        return {**self._given(ACCOUNT), **told}

    def _grant(self, form: Mapping[str, str], address: str) -> dict[str, Any]:
        """Whether whoever asks may have an access token; what they are told beside it."""
        kind, key = form.get("grant_type"), self._world.api_key
        if kind == GRANT:
            if not self.service_account.is_signed(form.get("assertion", ""), address):
                raise OAuthError("invalid_grant", "Invalid JWT Signature.")
            return {}
        if kind not in {"refresh_token", "authorization_code"}:
            raise OAuthError("unsupported_grant_type", "Invalid grant_type.")
        if not _same(form.get("client_secret"), key) or not form.get("client_id"):
            raise OAuthError("invalid_client", "The OAuth client was not found.")
        if kind == "authorization_code":
            told = self.consent.exchange(form, key)
            self._is_revoked = False
            return told
        if not _same(form.get("refresh_token"), key) or self._is_revoked:
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        return {}

    def staff_token(self) -> dict[str, Any]:
        """An access token with which the API is a member of staff's."""
        return self._given(STAFF)

    def expire_access(self) -> None:
        """Every access token that was given out is refused from now on."""
        self._tokens.clear()

    def revoke(self) -> None:
        """As if a person had withdrawn the consent: nothing is given nor taken any more."""
        self._is_revoked = True
        self.expire_access()

    def sign_in_again(self) -> None:
        """As if a person had consented anew."""
        self._is_revoked = False

    def _given(self, user: str) -> dict[str, Any]:
        now = self._world.clock()
        self._tokens = {token: each for token, each in self._tokens.items() if each[0] > now}
        token = "ya29." + secrets.token_urlsafe(32)
        self._tokens[token] = (now + timedelta(seconds=TOKEN_LIFETIME_S), user)
        return {
            "access_token": token,
            "expires_in": TOKEN_LIFETIME_S,
            "scope": SCOPE,
            "token_type": "Bearer",
        }


def _same(given: Any, expected: str) -> bool:
    return isinstance(given, str) and secrets.compare_digest(given.encode(), expected.encode())
