"""How Ray is set up on one machine: its folder, its environment, its size.

Ray reads most of this from the environment, partly when it is imported, so `prepare` comes before
the first `import ray`. What the operator has set wins over what stands here.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from cluster import private
from cluster.errors import StackError

OBJECT_STORE_BYTES = 200 * 2**20
"""Otto keeps nothing in it: audio goes by socket and messages are small."""
LOGICAL_CPUS = 64
"""Places for actors in Ray's book-keeping. Who is admitted is the switchboard's decision."""
KEPT_SESSIONS = 3
_PROXY_PREFIX = "h"
"""HAProxy's files of one stack: `h` and its pid. Short, as are the names of its sockets."""
RAY_FOLDER = "r"
TOKEN_FILE = "ray_token"  # noqa: S105  a name
"""In the state folder."""
TOKEN_BYTES = 32
"""As Ray's own."""
SOCKET_PATH_BYTES = 107
"""The longest path a Unix socket may have on Linux."""
_LONGEST_BELOW = len("/h4194304/") + 56 + len("/a.4194304.tmp")
"""Below the private folder: HAProxy's admin socket while it binds, in a folder named by a node."""

QUIET = {
    # Serve's controller looks at its deployments ten times a second: with two deployments that
    # seldom change, half a second is soon enough to replace a replica that has died.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    # Every replica and proxy hands its gauges on ten times a second; they are collected less often.
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "5000",
    "RAY_SERVE_EVENT_LOOP_MONITORING_INTERVAL_S": "30",
    # The log monitor lists all log files ten times a second, to copy them to a driver's terminal,
    # where we do not want them.
    "RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "0",
    "LOG_NAME_UPDATE_INTERVAL_S": "60",
    # There is nothing to scale on one machine.
    "AUTOSCALER_UPDATE_INTERVAL_S": "30",
    # The dashboard's figures of each process, events and tasks, and their metrics.
    "REPORTER_UPDATE_INTERVAL_MS": "10000",
    "METRICS_RECORD_INTERVAL_S": "60",
    "EVENT_AGENT_REPORT_INTERVAL_SECONDS": "1",
    "RAY_DASHBOARD_AGENT_LOOP_MONITOR_INTERVAL_S": "5",
    "RAY_task_events_report_interval_ms": "5000",
    "RAY_metrics_report_interval_ms": "30000",
    # Statistics of every event of Ray's own loops, for Ray's developers.
    "RAY_event_stats": "0",
}
"""What Ray and Serve do again and again though nobody calls, done less often. The defaults are for
clusters of hundreds of nodes; here it is the largest part of what an idle Otto costs."""

HAPROXY = Path(__file__).resolve().with_name("otto-haproxy")
"""What Ray starts as HAProxy (`cluster/haproxy.py`)."""

ENVIRONMENT = {
    "RAY_SERVE_HAPROXY_BINARY_PATH": str(HAPROXY),
    "OTTO_PYTHON": sys.executable,  # runs it
    # HAProxy in front of the replicas: without it every audio frame crosses Ray's RPC.
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # Without this, Serve keeps a thousand lines of a replica's log before it writes any.
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    # Each of a process' 25 threads would have a heap of its own, and none gives back what it took:
    # `make soak` saw call actors grow by 71 KB a call, and by 16 with two heaps.
    "MALLOC_ARENA_MAX": "2",
    "RAY_USAGE_STATS_ENABLED": "0",
    # A busy small machine needs longer than the default to start the raylet.
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_AUTH_MODE": "token",
    # Workers log to files; nothing of Ray's belongs on the operator's terminal.
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    **QUIET,
}


ONE_MACHINE = {
    # Named after the systems where it is the default: the node's address is 127.0.0.1, and with it
    # that of every port of Ray's. Otherwise they are on every address, and only a token is asked.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Of a node that no other joins."""

PORTS = {
    "RAY_SERVE_HAPROXY_STATS_PORT": (8404, "127.0.0.1"),
    "RAY_SERVE_HAPROXY_METRICS_PORT": (9101, "127.0.0.1"),
    # Serve's own proxy, which HAProxy turns to while no replica is ready.
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": (8500, "127.0.0.1"),
}
"""Serve's fixed ports: the setting, Serve's default, and the address it is bound on. A second
stack on the machine needs others."""


def private_dir() -> Path:
    """This user's folder for what Ray and HAProxy keep while they run, closed to everybody else.
    Short, because sockets live in it. Raises StackError.

    Ray's own default, /tmp/ray, belongs to whoever used Ray first on the machine.
    """
    given = os.environ.get("RAY_TMPDIR")
    # Below the given one, which may be in use for other things or open to others, as /tmp is.
    folder = Path(given or "/tmp").resolve() / f"otto-{os.getuid()}"  # noqa: S108
    if len(str(folder)) + _LONGEST_BELOW > SOCKET_PATH_BYTES:
        longest = SOCKET_PATH_BYTES - _LONGEST_BELOW - len(f"/otto-{os.getuid()}")
        raise StackError(
            f"RAY_TMPDIR is too long for Unix sockets ({given}): use at most {longest} characters"
        )
    try:
        private.own_folder(folder)
    except StackError as error:
        if given:
            raise StackError(f"RAY_TMPDIR cannot be used: {error}") from None
        # Somebody has taken the name: another one, which nobody can have guessed.
        return Path(tempfile.mkdtemp(prefix="otto-", dir="/tmp"))
    return folder


def ray_dir(folder: Path) -> Path:
    """Ray's own folder in the private one: sessions, sockets, logs.

    Each of Ray's processes opens the folder it is given to everybody (0777, and not sticky),
    workers long after the start; so the one that nobody passes has to be above it.
    """
    below = folder / RAY_FOLDER
    below.mkdir(mode=private.CLOSED, exist_ok=True)
    return below


def prepare(folder: Path, *, ports: Mapping[str, int], state_dir: Path) -> None:
    """Put Ray's settings in this process' environment; Ray's processes inherit them.

    `folder`: the private one. `ports`: those of `PORTS`, by setting. Raises StackError, also
    without the front door's program.
    """
    proxy = folder / f"{_PROXY_PREFIX}{os.getpid()}"
    wanted = {
        **ENVIRONMENT,
        **ONE_MACHINE,
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(proxy / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(proxy / "a"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(proxy / "m"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(proxy),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(proxy / "server-state"),
        **{name: str(port) for name, port in ports.items()},
    }
    if not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        wanted["RAY_AUTH_TOKEN_PATH"] = str(_token_file(state_dir))
    proxy.mkdir(mode=0o700, exist_ok=True)
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    program = os.environ["RAY_SERVE_HAPROXY_BINARY_PATH"]
    if not os.access(program, os.X_OK):
        raise StackError(
            f"{program} is not there or may not be run (RAY_SERVE_HAPROXY_BINARY_PATH)"
        )
    for name in ("RAY_ADDRESS", "RAY_NAMESPACE"):
        os.environ.pop(name, None)  # this stack is its own cluster


def _token_file(state_dir: Path) -> Path:
    """The file with Ray's token, which Ray itself would make readable for everybody. It is where
    Ray looks for it, in ~/.ray, or in the state folder when that cannot be: a service account may
    have no home to write to. Raises StackError."""
    kept = state_dir.resolve() / TOKEN_FILE
    try:
        usual = Path.home() / ".ray" / "auth_token"
        private.secret_file(usual, secrets.token_hex(TOKEN_BYTES))
    except (OSError, RuntimeError):  # RuntimeError: there is no home at all
        try:
            private.secret_file(kept, secrets.token_hex(TOKEN_BYTES))
        except OSError as error:
            raise StackError(
                f"Ray's token cannot be kept in {kept} ({error.strerror}): set RAY_AUTH_TOKEN_PATH"
            ) from None
        return kept
    kept.unlink(missing_ok=True)  # `otto ray` would take it for the one in use
    return usual


def forget_old_sessions(folder: Path) -> None:
    """Keep the logs of the last sessions, and whatever a running stack of this user needs.

    `folder`: the private one, in which sessions lay before Ray had a folder of its own."""
    found = [*folder.glob("session_2*"), *ray_dir(folder).glob("session_2*")]
    sessions = sorted((path for path in found if path.is_dir()), key=lambda path: path.name)
    proxies = list(folder.glob(f"{_PROXY_PREFIX}[0-9]*"))
    for old in [*sessions[:-KEPT_SESSIONS], *proxies]:
        # Both names end in the pid of the stack they belong to.
        pid = int(re.findall(r"\d+$", old.name)[0])
        if not psutil.pid_exists(pid):
            shutil.rmtree(old, ignore_errors=True)
