"""Connections to Google Calendar v3 through the official client, for asyncio.

The client is synchronous and httplib2 is not thread-safe, so each thread of a small executor has
a connection of its own; the credentials are shared and refreshed under a lock.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any, TypeVar

import google_auth_httplib2
import httplib2  # type: ignore[import-untyped]
from googleapiclient.discovery import build

from config.settings import GoogleSettings
from otto.scheduling.google.credentials import make_credentials
from otto.scheduling.google.deadline import Deadline
from otto.scheduling.google.errors import CalendarUnavailable, classified

T = TypeVar("T")

THREADS = 4


class GoogleConnection:
    """One Google account, from one event loop; `close` at the end."""

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._making = threading.Lock()
        self._credentials: Any = None
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="google-calendar")
        self._local = threading.local()

    async def close(self) -> None:
        """Wait for what is running and release the threads and their connections."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    # In a thread of the executor

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: classified(lambda: self._on_a_live_connection(work))
        )

    def _on_a_live_connection(self, work: Callable[[], T]) -> T:
        """Do it, once more when the connection turns out to be dead: all of it may be repeated.

        httplib2 keeps a connection that breaks while a request is sent, and every later request
        on it fails as well; so whatever fails on the network, its connection is not used again.
        Its time limit is for each read: an answer that comes byte by byte is cut off here.
        """
        for is_last in (False, True):
            self._service()
            deadline = Deadline(self._local.http, self._settings.deadline_s)
            try:
                with deadline:
                    return work()
            except Exception as error:
                if deadline.has_passed:
                    self._hang_up()
                    raise CalendarUnavailable("deadline") from None
                if not isinstance(error, OSError | HTTPException):
                    raise
                self._hang_up()
                if is_last or not isinstance(error, ConnectionError):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _service(self) -> Any:
        """This thread's client, made at its first use; the discovery document is in the package."""
        if not hasattr(self._local, "service"):
            line = httplib2.Http(timeout=self._settings.timeout_s)
            line.follow_redirects = False  # Google sends nobody elsewhere; a login page does
            self._local.http = line
            http = google_auth_httplib2.AuthorizedHttp(
                self._sign_in(), http=line, max_refresh_attempts=1
            )
            options = (
                {"api_endpoint": self._settings.calendar_url}
                if self._settings.calendar_url
                else None
            )
            self._local.service = build(
                "calendar",
                "v3",
                http=http,
                client_options=options,
                static_discovery=True,
                cache_discovery=False,
            )
        return self._local.service

    def _sign_in(self) -> Any:
        """The credentials that all threads share."""
        with self._making:
            self._credentials = self._credentials or make_credentials(self._settings)
            return self._credentials

    def _hang_up(self) -> None:
        """Close this thread's connections; its next request makes new ones."""
        if hasattr(self._local, "service"):
            self._local.service.close()
            del self._local.service


def content_of(request: Any) -> bytes:
    """Send it; what came back, as it came: the client's own reading takes whatever is no JSON for
    a success."""
    request.postproc = lambda response, content: content
    content: bytes = request.execute()
    return content


def answer_of(request: Any) -> Any:
    """Send it; the answer's JSON, None when it has no content."""
    content = content_of(request)
    return json.loads(content) if content else None
