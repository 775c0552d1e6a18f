"""`python -m sandbox` as a process: ready when it says so, gone when it should be."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from config.sandbox_endpoints import SandboxEndpoints

COMMAND = [sys.executable, "-m", "sandbox", "--no-services", "--speech", "known"]
LAUNCHER = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
    "print(child.stdout.readline().decode(), flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], SandboxEndpoints]]:
    with subprocess.Popen(
        [*COMMAND, "--state-dir", str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield process, SandboxEndpoints.model_validate_json(process.stdout.readline())
        finally:
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30)


def test_it_is_ready_when_it_says_so_and_leaves_its_addresses(running, tmp_path) -> None:
    process, endpoints = running
    assert endpoints.pid == process.pid
    steering = {"Authorization": f"Bearer {endpoints.control_token}"}
    health = endpoints.http + "/sandbox/health"
    assert httpx.get(health, headers=steering).json()["status"] == "ok"
    assert httpx.get(health).status_code == 401
    left = tmp_path / "sandbox.json"
    assert SandboxEndpoints.model_validate_json(left.read_text()) == endpoints
    assert stat.S_IMODE(left.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_a_signal_and_takes_its_addresses_back(running, tmp_path, number) -> None:
    process, _ = running
    process.send_signal(number)
    assert process.wait(10) == 0
    assert not (tmp_path / "sandbox.json").exists()


def test_a_second_one_on_the_same_folder_says_who_is_there(running, tmp_path) -> None:
    process, _ = running
    second = run("--state-dir", str(tmp_path))
    assert second.returncode == 2
    assert f"already in use by process {process.pid}" in second.stderr
    assert (tmp_path / "sandbox.json").exists()


def test_a_folder_left_by_a_crash_is_used_again(running, tmp_path) -> None:
    process, _ = running
    process.kill()
    process.wait(10)
    with subprocess.Popen(
        [*COMMAND, "--state-dir", str(tmp_path)], stdout=subprocess.PIPE
    ) as again:
        assert again.stdout is not None
        assert json.loads(again.stdout.readline())["pid"] == again.pid
        again.terminate()


def test_a_taken_port_is_one_sentence(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--state-dir", str(tmp_path), "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.strip() == (
        f"sandbox: port {port} is taken by another program: free it, or choose with --port"
    )


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = run("--state-dir", str(blocked))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(blocked) in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_missing_permission_is_one_sentence(tmp_path) -> None:
    tmp_path.chmod(0o500)
    done = run("--state-dir", str(tmp_path / "state"))
    assert done.returncode == 2
    assert "no permission to write" in done.stderr


def test_a_full_disk_is_one_sentence() -> None:
    from errno import ENOSPC

    from sandbox.__main__ import _cannot

    sentence = str(_cannot(OSError(ENOSPC, "No space left on device", "/data/.otto/x")))
    assert sentence == "the disk is full: no room to write /data/.otto/x"


def test_it_dies_with_a_parent_that_is_killed(tmp_path) -> None:
    command = [*COMMAND, "--state-dir", str(tmp_path), "--die-with-parent"]
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, *command], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]
        parent.kill()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.05)
    assert not (tmp_path / "sandbox.json").exists()
