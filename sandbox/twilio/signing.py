"""Twilio's request signature, made as Twilio makes it.

The tests check it with the SDK's own `RequestValidator`, so that a mistake here cannot hide one
in the product.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping

SIGNATURE_HEADER = "X-Twilio-Signature"


def sign(auth_token: str, url: str, form: Mapping[str, str] | None = None) -> str:
    """The value of `X-Twilio-Signature`: base64(HMAC-SHA1(token, url + sorted keys and values)).

    `url` is the full public address with its query. A WebSocket upgrade has no `form`.
    """
    signed = url + "".join(f"{key}{value}" for key, value in sorted((form or {}).items()))
    digest = hmac.new(auth_token.encode(), signed.encode(), "sha1").digest()
    return b64encode(digest).decode()
