"""On a cluster of one's own: the shell's environment and `serve run`, as the README says it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, SecretStr

from cluster import processes
from cluster.sandbox_process import SandboxProcess
from config.sandbox_endpoints import SandboxEndpoints, with_sandbox
from config.settings import Settings, Vendor
from sandbox.services.child import free_port
from tests.support.stack import until

ROOT = Path(__file__).parents[2]
WHOLE = Path(sys.executable).parent
READY_S = 240.0
CALL_S = 180.0

pytestmark = [
    pytest.mark.stack,
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def as_environment(group: BaseModel, prefix: str) -> dict[str, str]:
    """The group's plain settings in the form an operator exports them."""
    found = {}
    for name, value in group:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(plain, str) and plain:
            found[f"{prefix}{name.upper()}"] = plain
    return found


@pytest.fixture(params=["whole", "production"])
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The programs of this environment, or of one made from production's lock alone."""
    if request.param == "whole":
        return WHOLE
    made = tmp_path / "production"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    install = ["pip", "install", "-q", "--require-hashes", "-r", "requirements-production.lock"]
    target = {**os.environ, "VIRTUAL_ENV": str(made)}
    subprocess.run([WHOLE / "uv", *install], cwd=ROOT, env=target, check=True)
    return made / "bin"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxEndpoints]:
    """The vendors, as far away as the real ones: known by addresses and keys only."""
    (tmp_path / "logs").mkdir()
    child = SandboxProcess(tmp_path, lambda text: None, arguments=["--speech", "known"])
    yield child.wait_ready()
    child.end()


@pytest.fixture
def environment(sandbox: SandboxEndpoints, programs: Path, tmp_path: Path) -> dict[str, str]:
    """A shell with an operator's settings, and what `otto config env` adds for Ray."""
    live = with_sandbox(Settings(sandbox=frozenset(Vendor)), sandbox)
    port = free_port()
    names = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        **as_environment(live.twilio, "TWILIO_"),
        **as_environment(live.deepgram, "DEEPGRAM_"),
        **as_environment(live.openai, "OPENAI_"),
        **as_environment(live.google, "GOOGLE_"),
        **as_environment(live.database, "DATABASE_"),
        **as_environment(live.redis, "REDIS_"),
        "OTTO_SANDBOX": "none",
        "OTTO_PUBLIC_ORIGIN": f"http://127.0.0.1:{port}",
        "OTTO_PORT": str(port),
        "OTTO_POOL_SIZE": "1",
        "OTTO_POOL_SUB_ACTORS": "inline",
        "PYTHONPATH": str(ROOT),
    }
    said = subprocess.run(
        ["bash", "-c", 'eval "$("$0" -m cluster config env)" && env -0', programs / "python"],
        cwd=tmp_path, env=names, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(line.split("=", 1) for line in said.stdout.split("\0") if line)


def otto(programs: Path, environment: dict[str, str], folder: Path, *arguments: str) -> None:
    command = [programs / "python", "-m", "cluster", *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True)


def test_serve_run_answers_calls(
    sandbox: SandboxEndpoints, programs: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    otto(programs, environment, tmp_path, "db", "init")
    otto(programs, environment, tmp_path, "check")
    otto(programs, environment, tmp_path, "db", "seed")
    log = (tmp_path / "serve.log").open("wb")
    owner = subprocess.Popen(
        [programs / "serve", "run", "serve_app:app", "--name", "voice", "--app-dir", str(ROOT)],
        cwd=tmp_path, env=environment, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        origin = environment["OTTO_PUBLIC_ORIGIN"]

        def ready() -> bool:
            assert owner.poll() is None, (tmp_path / "serve.log").read_text()[-3000:]
            try:
                return httpx.get(f"{origin}/readyz", timeout=5).status_code == 200
            except httpx.HTTPError:
                return False

        until(ready, READY_S)
        steering = {"Authorization": f"Bearer {sandbox.control_token}"}
        with httpx.Client(base_url=sandbox.http, headers=steering, timeout=30) as world:
            answers = {
                "voice_url": f"{origin}/twilio/voice",
                "status_callback_url": f"{origin}/twilio/status",
            }
            world.put("/sandbox/number", json=answers).raise_for_status()
            sid = world.post("/sandbox/calls", json={"persona": "maria", "speech": "known"}).json()

            def over() -> dict[str, Any] | None:
                record: dict[str, Any] = world.get(f"/sandbox/calls/{sid['call_sid']}").json()
                return record if record["over"] else None

            record = until(over, CALL_S)
            assert record["booked"], world.get(f"/sandbox/calls/{sid['call_sid']}/events").text
    finally:
        family = processes.family(owner.pid)
        owner.send_signal(signal.SIGINT)
        try:
            owner.wait(90)
        finally:
            owner.kill()
            log.close()
            left = processes.wait_gone(family, 30)
            processes.end(left, 5)
    assert not left, "serve run leaves processes behind"
