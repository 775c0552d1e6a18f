"""Twilio's signatures, failing closed: anything unexpected is a request that is not Twilio's.

The signed URL is built from the configured public origin, never from the Host header, which an
attacker chooses. https://www.twilio.com/docs/usage/security#validating-requests; the arithmetic,
HMAC-SHA1 or SHA-256 as `X-Twilio-Webhooks-Signature-Settings` says, is twilio's own
`RequestValidator`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import SecretStr
from starlette.datastructures import Headers
from twilio.request_validator import (  # type: ignore[import-untyped]
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

_SIGNATURE = SIGNATURE_HEADER.lower()
_SETTINGS = SIGNATURE_SETTINGS_HEADER.lower()
_SHAPE = re.compile(r"[A-Za-z0-9+/]{27}=|[A-Za-z0-9+/]{43}=")
"""Base64 of the 20 bytes of a SHA-1 or the 32 of a SHA-256."""
_MAX_SETTINGS_CHARACTERS = 512


def may_be_signed(headers: Headers) -> bool:
    """Whether there is one signature, of a signature's shape: worth the arithmetic."""
    signatures = headers.getlist(_SIGNATURE)
    return (
        len(signatures) == 1
        and _SHAPE.fullmatch(signatures[0]) is not None
        and len(headers.get(_SETTINGS, "")) <= _MAX_SETTINGS_CHARACTERS
    )


class SignatureChecker:
    """Checks requests against one account's auth tokens and our public origin. There are two
    tokens while one is being replaced, and either may have signed.

    Raises `ValueError` when made without either: with an empty token everybody could sign.
    """

    def __init__(self, public_origin: str, *auth_tokens: SecretStr) -> None:
        tokens = [token.get_secret_value().strip() for token in auth_tokens]
        if not public_origin or not tokens or not all(tokens):
            raise ValueError("signatures need the public origin and Twilio's auth token")
        self._http_origin = public_origin.rstrip("/")
        self._ws_origin = "ws" + self._http_origin.removeprefix("http")
        self._validators = [RequestValidator(token) for token in tokens]

    def is_webhook_signed(
        self, target: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> bool:
        """A POST of a form. `target` is path and query as received; `headers` ignore case.

        `form` may be a multi-dict with `getlist`.
        """
        return self._is_signed(self._http_origin + target, form, headers)

    def is_upgrade_signed(self, target: str, headers: Mapping[str, str]) -> bool:
        """A WebSocket upgrade: signed with scheme ws or wss, and no parameters."""
        return self._is_signed(self._ws_origin + target, {}, headers)

    def _is_signed(
        self, url: str, parameters: Mapping[str, str], headers: Mapping[str, str]
    ) -> bool:
        signature = headers.get(_SIGNATURE)
        if not signature:
            return False
        try:
            algorithm = get_signature_algorithm(headers.get(_SETTINGS, ""))
            return any(
                validator.validate(url, parameters, signature, algorithm)
                for validator in self._validators
            )
        except Exception:
            # The validator parses what a stranger sent; whatever it stumbles over is no signature.
            return False
