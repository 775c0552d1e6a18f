"""The token in Google's notices, by which the ingress knows that one is of a channel of ours.

It is made of the channel's id and Twilio's auth token, which the ingress and the calendar's actor
both have: nothing has to be kept or looked up. Whoever sees a notice learns nothing of the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

PATH = "/google/calendar"
"""Where the ingress takes notices, below the public origin."""
_PURPOSE = b"otto calendar channel\0"


def channel_token(key: str, channel_id: str) -> str:
    """43 characters."""
    made = hmac.new(key.encode(), _PURPOSE + channel_id.encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(made.digest()).rstrip(b"=").decode()


def is_genuine(keys: Iterable[str], channel_id: str, token: str) -> bool:
    """Whether the token is the channel's, by one of the keys: while Twilio's token is exchanged
    there are two."""
    given = token.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(channel_token(key, channel_id).encode(), given) for key in keys if key
    )
