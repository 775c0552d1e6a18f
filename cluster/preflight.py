"""What must hold before anything is started; each failure is one sentence naming the remedy."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
from pathlib import Path
from typing import IO

import psutil
import structlog

from cluster import private
from cluster.errors import StackError
from config.link import NODE
from config.loading import read_settings
from config.settings import LinkSettings, Settings, Vendor
from otto.media_link.tls import LinkTlsError, link_tls

_log = structlog.get_logger()

NEEDED_DISK_BYTES = 1 * 2**30
"""A fresh PostgreSQL cluster takes 60 MB and logs grow; below this Ray's own limits come near."""
PORTS_TRIED = 50


def check_state_dir(state_dir: Path, needed_bytes: int = NEEDED_DISK_BYTES) -> None:
    """The state folder can be made and written to, is closed to others, and has room.

    Root's is passable: the sandbox's PostgreSQL runs as a user of its own, below it. Raises
    StackError.
    """
    probe = state_dir / ".writable"
    try:
        state_dir.mkdir(mode=private.CLOSED, parents=True, exist_ok=True)
        if state_dir.stat().st_uid != os.getuid():
            raise StackError(
                f"{state_dir.resolve()} belongs to somebody else: start Otto in a folder of yours"
            )
        (state_dir / "logs").mkdir(mode=private.CLOSED, exist_ok=True)
        probe.write_bytes(b"otto")
        probe.unlink()
        private.close_contents(state_dir)
        state_dir.chmod(private.CLOSED if os.getuid() else private.PASSABLE)
    except OSError as error:
        raise StackError(
            f"{state_dir.resolve()} cannot be written to ({error.strerror}): Otto keeps its data "
            "and logs there; start it in a folder of yours"
        ) from None
    check_disk(state_dir, needed_bytes)


def check_disk(folder: Path, needed_bytes: int = NEEDED_DISK_BYTES) -> None:
    """Raises StackError when the disk that holds `folder` is nearly full."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise StackError(
            f"only {free // 2**20} MB are free on the disk of {folder.resolve()}: Otto needs "
            f"{needed_bytes // 2**20} MB; free some space"
        )


def check_link(link: LinkSettings) -> None:
    """The media link's certificates can be used. Raises StackError."""
    try:
        tls = link_tls(link)
        if tls is not None and link.host != NODE:
            tls.prove(link.host)
    except LinkTlsError as error:
        raise StackError(str(error)) from None


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now. Without SO_REUSEPORT, so that another HAProxy,
    which uses it, counts as taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


class PortClaims:
    """Ports that this process has chosen but not opened yet: HAProxy opens its own half a minute
    later, and another stack of this user that starts meanwhile must not choose the same.

    A claim is a lock on a file in `folder`; the system takes it back when the process ends.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[int, IO[str]] = {}

    def take(self, port: int, host: str = "127.0.0.1") -> bool:
        """Claim the port; False when it is in use or claimed."""
        if not is_free(port, host):
            return False
        file = (self._folder / f"port-{port}.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._held[port] = file
        return True

    def take_from(self, wanted: int, host: str = "127.0.0.1") -> int:
        """Claim `wanted` or the next one above it that can be had. Raises StackError."""
        for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
            if self.take(port, host):
                return port
        raise StackError(f"no port is free between {wanted} and {wanted + PORTS_TRIED - 1}")

    def release(self) -> None:
        for file in self._held.values():
            file.close()
        self._held.clear()


def settle_ports(settings: Settings, claims: PortClaims) -> Settings:
    """Settings whose ports are free and claimed.

    A port that nobody chose moves to the next free one. One that was chosen, or that Twilio
    reaches from outside, does not move: then StackError names the setting.
    """
    moved: dict[str, int] = {}
    for field, name in (("port", "OTTO_PORT"), ("dashboard_port", "OTTO_DASHBOARD_PORT")):
        port = getattr(settings, field)
        host = settings.host if field == "port" else "127.0.0.1"
        if claims.take(port, host):
            continue
        reached_from_outside = field == "port" and Vendor.TWILIO not in settings.sandbox
        if field in settings.model_fields_set or reached_from_outside:
            raise StackError(
                f"port {port} is taken{_by_whom(port)}: set {name} to a free port, or end it"
            )
        moved[field] = claims.take_from(port + 1, host)
    if not moved:
        return settings
    _log.info("ports_moved", **moved)
    return read_settings(**moved)


def _by_whom(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.pid and tuple(connection.laddr)[1] == port:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
