"""Who Otto is to Google, as files: the sign-in that `otto calendar login` left, a service account's
key.

Both are read once, where the settings are, and travel with them as secrets: the process that talks
to Google may be on another machine.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

if TYPE_CHECKING:
    from config.vendors import GoogleSettings

SECRET_FILE = 0o600
OTHERS = 0o077
TOKEN_SETTING = "GOOGLE_TOKEN_FILE"  # noqa: S105  a name
KEY_SETTING = "GOOGLE_SERVICE_ACCOUNT_FILE"


class SignInFault(Exception):
    """A file that cannot be used. The message is a sentence, without anything of its content."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a person's consent left: good until they, or Google, take it back."""

    client_id: str
    """The OAuth client that it was given to; no other can use it."""
    refresh_token: str

    def save(self, file: Path) -> None:
        """Write it for this user alone, whole or not at all. Raises OSError."""
        draft = file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            json.dump(asdict(self), opened)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)


def read_sign_in(file: Path) -> SignIn | None:
    """The sign-in in the file; None when there is no such file. Raises `SignInFault`."""
    try:
        with file.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SignInFault(f"{TOKEN_SETTING}: {_why(file, error)}") from None
    if stat.S_IMODE(mode) & OTHERS:
        raise SignInFault(f"{TOKEN_SETTING}: others can read {file}: chmod 600 it")
    found = _object(text)
    client_id, token = found.get("client_id"), found.get("refresh_token")
    if not (isinstance(client_id, str) and isinstance(token, str) and client_id and token):
        raise SignInFault(f"{TOKEN_SETTING}: {file} holds no sign-in: run `otto calendar login`")
    return SignIn(client_id, token)


def read_key(file: Path) -> str:
    """A service account's key, as JSON. Raises `SignInFault`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SignInFault(f"{KEY_SETTING}: {_why(file, error)}") from None
    fault = key_fault(text)
    if fault:
        raise SignInFault(f"{KEY_SETTING}: {file} {fault}")
    return text


def key_fault(text: str) -> str | None:
    """What is wrong with a service account's key, behind its name; None when nothing is."""
    found = _object(text)
    wanted = ("client_email", "private_key")
    if all(isinstance(found.get(name), str) and found[name] for name in wanted):
        return None
    if "installed" in found or "web" in found:
        return "is an OAuth client's file: a service account's key has a client_email"
    return "is no service account's key: it has a client_email and a private_key"


def signed_in(google: GoogleSettings) -> tuple[GoogleSettings, list[str]]:
    """The settings with what their files hold, and a sentence for each file that is no use. What
    is given itself goes before a file."""
    faults: list[str] = []
    filled: dict[str, Any] = {}
    key = google.service_account_key.get_secret_value()
    try:
        if google.service_account_file is not None and not key:
            key = read_key(google.service_account_file)
            filled["service_account_key"] = SecretStr(key)
        elif key and (fault := key_fault(key)):
            faults.append(f"GOOGLE_SERVICE_ACCOUNT_KEY {fault}")
        if key or google.refresh_token.get_secret_value():
            filled["token_file"] = None
        elif google.client_id and google.token_file is not None:
            filled |= _from_token_file(google.token_file, google.client_id)
    except SignInFault as fault:
        faults.append(str(fault))
    if google.service_account_file is not None and google.refresh_token.get_secret_value():
        faults.append(f"{KEY_SETTING} and GOOGLE_REFRESH_TOKEN are both set: remove one")
    return google.model_copy(update=filled), faults


def _from_token_file(file: Path, client_id: str) -> dict[str, Any]:
    found = read_sign_in(file)
    if found is None:
        return {}
    if found.client_id != client_id:
        raise SignInFault(
            f"{TOKEN_SETTING}: {file} is of another client than GOOGLE_CLIENT_ID:"
            " run `otto calendar login`"
        )
    return {"refresh_token": SecretStr(found.refresh_token)}


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _why(file: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the file {file} is not there"
    reason = error.strerror if isinstance(error, OSError) else "it is no text"
    return f"{file} cannot be read ({reason})"
