"""Small HTTP requests to our own servers on this machine. Never through a proxy."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster.errors import StackError

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Only ever opens addresses the stack wrote down itself.


@dataclass(frozen=True, slots=True)
class Control:
    """The sandbox's control API: where it is, and the token it asks for."""

    origin: str
    token: str = field(repr=False)

    def request(
        self, path: str, *, method: str = "GET", body: Any = None, timeout_s: float = 10.0
    ) -> Any:
        """Send and read JSON. Raises StackError with what the server said."""
        data = None if body is None else json.dumps(body).encode()
        wanted = self._wanted(path, method, data)
        url = wanted.full_url
        try:
            with _opener.open(wanted, timeout=timeout_s) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise StackError(
                f"{method} {url} was answered {error.code}: {_reason(error)}"
            ) from None
        except OSError as error:
            raise StackError(f"{url} does not answer ({error}): is the stack running?") from None
        return json.loads(text) if text.strip() else None

    def lines(self, path: str, timeout_s: float) -> Iterator[dict[str, Any]]:
        """The JSON objects of an ndjson stream as they come; `timeout_s` bounds each silence."""
        wanted = self._wanted(path)
        try:
            with _opener.open(wanted, timeout=timeout_s) as answer:
                for line in answer:
                    if line.strip():
                        yield json.loads(line)
        except OSError as error:
            raise StackError(f"{wanted.full_url} broke off ({error})") from None

    def _wanted(
        self, path: str, method: str = "GET", data: bytes | None = None
    ) -> urllib.request.Request:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        return urllib.request.Request(  # noqa: S310
            self.origin + path, data=data, method=method, headers=headers
        )


def status(url: str, timeout_s: float = 2.0) -> int | None:
    """The status of a GET, or None when nobody answers."""
    try:
        with _opener.open(url, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        found = json.loads(text)
    except ValueError:
        return text[:200] or error.reason
    return str(found.get("error", found)) if isinstance(found, dict) else str(found)
