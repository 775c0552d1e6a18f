"""A service account of the sandbox's, which signs for itself (RFC 7523).

https://developers.google.com/identity/protocols/oauth2/service-account
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions, jwt

EMAIL = "otto@ottos-auto.iam.gserviceaccount.example"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What Google's own library names, wherever it sends the question."""
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class ServiceAccount:
    """The one that there is. Its key pair is made when it is asked for."""

    @cached_property
    def _pair(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def key_file(self) -> dict[str, Any]:
        """What Google's console gives to download."""
        private = self._pair.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": "ottos-auto",
            "private_key_id": "1",
            "private_key": private.decode(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        }

    def is_signed(self, assertion: str, audience: str) -> bool:
        """Whether the account asks for a token at `audience`, and has signed it."""
        public = self._pair.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                assertion, certs=public, audience=[audience, AUDIENCE]
            )
        except (ValueError, exceptions.GoogleAuthError):
            return False
        return bool(claims.get("iss") == EMAIL and claims.get("scope"))
