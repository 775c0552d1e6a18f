"""Each thing that can be wrong before the start has a sentence of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import preflight, ray_env, record
from cluster.errors import StackError
from cluster.preflight import PortClaims
from cluster.processes import Recorded
from cluster.record import StackRecord
from config.loading import read_settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield server.getsockname()[1]


def test_a_port_nobody_chose_moves_on(
    workdir: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings()
    monkeypatch.setattr(preflight, "is_free", lambda port, host="": port not in {settings.port})
    moved = preflight.settle_ports(settings, PortClaims(workdir))
    assert moved.port == settings.port + 1
    assert moved.public_origin == f"http://127.0.0.1:{settings.port + 1}"


def test_a_chosen_port_that_is_taken_stops_the_start(
    workdir: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTTO_PORT", str(taken_port))
    with pytest.raises(StackError, match=f"port {taken_port} is taken.*OTTO_PORT"):
        preflight.settle_ports(read_settings(), PortClaims(workdir))


def test_a_taken_port_is_not_free(taken_port: int) -> None:
    assert not preflight.is_free(taken_port)


def test_two_stacks_that_start_together_choose_different_ports(workdir: Path) -> None:
    first, second = PortClaims(workdir), PortClaims(workdir)
    chosen = first.take_from(20000)
    assert not second.take(chosen)
    assert second.take_from(chosen) > chosen
    first.release()
    assert second.take(chosen)
    second.release()


def test_a_full_disk_is_said(workdir: Path) -> None:
    with pytest.raises(StackError, match="are free on the disk"):
        preflight.check_state_dir(workdir / ".otto", needed_bytes=2**62)


def test_a_long_ray_folder_names_the_setting(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(workdir / ("long" * 20)))
    with pytest.raises(StackError, match="RAY_TMPDIR is too long"):
        ray_env.private_dir()


def test_rays_settings_match_the_front_doors(workdir: Path) -> None:
    import serve_app

    for name in set(ray_env.ENVIRONMENT) & set(serve_app.SERVE_ENVIRONMENT):
        assert ray_env.ENVIRONMENT[name] == serve_app.SERVE_ENVIRONMENT[name]
    assert "RAY_SERVE_ENABLE_HA_PROXY" in ray_env.ENVIRONMENT


def test_only_one_stack_a_folder(workdir: Path) -> None:
    first = record.take_lock(workdir)
    with pytest.raises(StackError, match="another stack is running"):
        record.take_lock(workdir)
    first.close()
    record.take_lock(workdir).close()


def test_the_record_survives_a_round_trip(workdir: Path) -> None:
    written = StackRecord(
        "ab12",
        Recorded(7, "x"),
        "http://o",
        "http://d",
        "http://s",
        drain_s=5.0,
        processes=(Recorded(8, "y"),),
    )
    written.save(workdir)
    assert record.load(workdir) == written


def test_a_half_written_record_counts_as_none(workdir: Path) -> None:
    (workdir / record.FILE).write_text('{"stack_id": "ab12"')
    assert record.load(workdir) is None


def test_a_crashed_stack_is_not_running(workdir: Path) -> None:
    StackRecord("ab12", Recorded(7, "long ago"), "http://o").save(workdir)
    with pytest.raises(StackError, match="no stack is running"):
        record.running(workdir)


def test_old_sessions_go_but_not_those_of_a_running_stack(workdir: Path) -> None:
    stamps = [f"2026-01-0{day}_00-00-00_000000" for day in range(1, 7)]
    below = ray_env.ray_dir(workdir)
    alive = below / f"session_{stamps[0]}_{os.getpid()}"
    # The two oldest lie where Ray's folder was before.
    places = [workdir, workdir, below, below, below]
    others = [place / f"session_{s}_4194305" for place, s in zip(places, stamps[1:], strict=True)]
    proxies = [workdir / f"h{os.getpid()}", workdir / "h4194305"]
    for folder in (alive, *others, *proxies):
        folder.mkdir()
    ray_env.forget_old_sessions(workdir)
    assert set(workdir.iterdir()) == {below, proxies[0]}
    assert set(below.iterdir()) == {alive, *others[-3:]}


def test_without_the_front_doors_program_nothing_starts(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "RAY_SERVE_HAPROXY_BINARY_PATH": "/nowhere"})
    with pytest.raises(StackError, match="/nowhere is not there"):
        ray_env.prepare(workdir, ports={}, state_dir=workdir)
