"""A whole stack, looked at by somebody else on the machine, and by whoever breaks into a process.

What a process holds is looked for where it would be found: in its environment and its memory.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import ray
from ray.util.state import list_actors

from cluster import ray_env
from tests.support.stack import Running, running_stack

pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.timeout(600)]
EXPORTED = {
    "TWILIO_AUTH_TOKEN_SECONDARY": "5ec0ndary70ken0fthe0perat0r15here",
    "OPENAI_FALLBACK_API_KEY": "k-of-the-operators-second-model",
}
"""Secrets in the environment of whoever starts the stack."""


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ray's parent folder as an earlier release left it: open to everybody."""
    given = Path(f"/tmp/p{os.getpid()}")
    given.mkdir(mode=0o700)
    folder = given / f"otto-{os.getuid()}"
    (folder / "session_2026-01-01_00-00-00_000000_4194305").mkdir(parents=True)
    folder.chmod(0o777)
    before = os.environ.get("RAY_TMPDIR")
    os.environ["RAY_TMPDIR"] = str(given)
    yield folder
    os.environ.pop("RAY_TMPDIR")
    if before is not None:
        os.environ["RAY_TMPDIR"] = before
    shutil.rmtree(given)


@pytest.fixture(scope="module")
def stack(private: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    more = {**EXPORTED, "OTTO_VOICE_REPLICAS": "1", "OTTO_MEDIA_REPLICAS": "1"}
    with running_stack(folder, size=1, sub_actors="ray", speech="known", more=more) as running:
        running.folder = folder  # type: ignore[attr-defined]
        yield running


def _family() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _memory(pid: int) -> Iterator[bytes]:
    """What a process has written or may write, region by region."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            addresses, rights, *rest = line.split()
            if not rights.startswith("rw") or (len(rest) > 3 and rest[3].startswith("/dev/")):
                continue
            begins, ends = (int(part, 16) for part in addresses.split("-"))
            try:
                memory.seek(begins)
                yield memory.read(ends - begins)
            except (OSError, OverflowError, ValueError):
                continue


def _holds(pid: int, secrets: dict[str, str]) -> set[str]:
    found: set[str] = set()
    for region in _memory(pid):
        found |= {name for name, secret in secrets.items() if secret.encode() in region}
    return found


def test_nobody_else_reaches_what_ray_keeps(stack: Running, private: Path) -> None:
    ray.get(ray.remote(lambda: None).remote())  # a worker has started and opened the folder again
    below = private / ray_env.RAY_FOLDER
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE(below.stat().st_mode) == 0o777  # or Ray has changed, and this may go
    kept = Path(os.environ["RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"]).parent
    session = Path(ray.get_runtime_context().worker.node.get_session_dir_path())
    for path in (kept, session):
        assert private in path.parents and path.exists()
    program = Path(os.environ["RAY_SERVE_HAPROXY_BINARY_PATH"])
    for path in (program, *program.resolve().parents):
        mode = path.stat().st_mode
        assert not mode & 0o022 or mode & stat.S_ISVTX or private in path.parents
    for process in _family():
        for socket in process.net_connections("unix"):
            path = Path(str(socket.laddr))
            if path.is_absolute():  # the others are abstract or have no name
                assert any(not above.stat().st_mode & 0o077 for above in path.parents), path


def test_what_the_stack_keeps_is_for_its_owner_only(stack: Running) -> None:
    folder: Path = stack.folder  # type: ignore[attr-defined]
    assert stat.S_IMODE(folder.stat().st_mode) == (0o700 if os.getuid() else 0o711)
    for path in folder.iterdir():
        if not path.is_symlink() and path.lstat().st_uid == os.getuid():
            assert not path.lstat().st_mode & 0o077, path
    token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_no_process_inherits_what_the_operator_has_exported(stack: Running) -> None:
    family = _family()
    assert len(family) > 10
    for process in family:
        inherited = Path(f"/proc/{process.pid}/environ").read_bytes()
        for name, secret in EXPORTED.items():
            assert name.encode() not in inherited and secret.encode() not in inherited, process


def test_a_process_holds_the_secrets_of_its_role_and_no_others(stack: Running) -> None:
    settings = stack.settings
    database, redis = settings.database.url, settings.redis.url
    key = "key"  # the sandbox has one for speech, model and calendar
    secrets = {
        "database": database.get_secret_value().partition("//otto:")[2].partition("@")[0],
        "redis": redis.get_secret_value().partition("//:")[2].partition("@")[0],
        key: settings.openai.api_key.get_secret_value(),
        "twilio": settings.twilio.auth_token.get_secret_value(),
    }
    assert all(len(secret) >= 16 for secret in secrets.values())
    expected = {
        "VoiceIngress": {"twilio"},
        "MediaIngress": {"twilio"},
        "SwitchboardActor": {"redis", key},
        "CallActor": {"redis", key},
        "SttActor": {key},
        "TtsActor": {key},
        "LlmActor": {key},
        "CalendarActor": {"database", key, "twilio"},
        "CrmActor": {"database", "redis"},
    }
    held: dict[str, set[str]] = {}
    for actor in list_actors(filters=[("state", "=", "ALIVE")], limit=200):
        kind = actor.class_name.rpartition(":")[2]
        if kind in expected:
            held[kind] = _holds(actor.pid, secrets)
    assert held == expected
    proxies = [each for each in _family() if each.name() == "haproxy"]
    assert proxies and all(_holds(each.pid, secrets) == set() for each in proxies)
