"""What Otto keeps on the machine can be neither read nor exchanged by its other users."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from cluster import preflight, private, ray_env, record
from cluster.errors import StackError
from cluster.processes import Recorded
from cluster.record import StackRecord

SOMEBODY = 65534
ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="only root can make others' files")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def reaches(path: Path) -> bool:
    """Whether another user gets to it: asked of the kernel."""
    asked = ["/bin/sh", "-c", '[ -e "$1" ]', "sh", path]
    done = subprocess.run(asked, cwd="/", user=SOMEBODY, group=SOMEBODY, extra_groups=[])
    return done.returncode == 0


# Ray's folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short, sticky folder that everybody may write to, in place of /tmp."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setattr(ray_env, "SOCKET_PATH_BYTES", 300)  # pytest's folders are long
    tmp_path.chmod(0o1777)
    return tmp_path


def test_the_folder_above_rays_is_closed(temporary: Path) -> None:
    folder = ray_env.private_dir()
    assert folder == temporary / f"otto-{os.getuid()}" and mode(folder) == 0o700
    below = ray_env.ray_dir(folder)
    assert below.parent == folder and below.is_dir()


def test_an_old_folder_that_was_open_is_closed_and_kept(temporary: Path) -> None:
    folder = temporary / f"otto-{os.getuid()}"
    (folder / "session_2026-01-01_00-00-00_000000_4194305").mkdir(parents=True)
    folder.chmod(0o777)
    assert ray_env.private_dir() == folder
    assert mode(folder) == 0o700 and len(list(folder.iterdir())) == 1


@ROOT_ONLY
def test_what_others_put_into_an_open_folder_is_removed(temporary: Path) -> None:
    folder = temporary / f"otto-{os.getuid()}"
    planted = [folder / "r", folder / f"h{os.getpid()}", folder / "port-8000.lock"]
    for path in planted[:2]:
        path.mkdir(parents=True)
        (path / "haproxy").write_text("#!/bin/sh")
    planted[2].symlink_to("/etc/passwd")
    (folder / "ours").mkdir()
    for path in planted:
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    folder.chmod(0o777)
    ray_env.private_dir()
    assert [path.name for path in folder.iterdir()] == ["ours"]


@ROOT_ONLY
@pytest.mark.parametrize("squatted", ["folder", "link", "link to ours", "file"])
def test_a_folder_that_is_not_ours_is_refused(temporary: Path, squatted: str) -> None:
    folder = temporary / f"otto-{os.getuid()}"
    match squatted:
        case "folder":
            folder.mkdir(mode=0o700)
            os.chown(folder, SOMEBODY, SOMEBODY)
        case "file":
            folder.write_text("")
        case "link":
            (temporary / "theirs").mkdir()
            folder.symlink_to(temporary / "theirs")
            os.chown(folder, SOMEBODY, SOMEBODY, follow_symlinks=False)
        case _:
            (temporary / "ours").mkdir(mode=0o700)
            folder.symlink_to(temporary / "ours")
    with pytest.raises(StackError, match="RAY_TMPDIR cannot be used: ") as refused:
        ray_env.private_dir()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("bits", [0o777, 0o757, 0o773])
def test_a_place_where_others_could_exchange_it_is_refused(temporary: Path, bits: int) -> None:
    temporary.chmod(bits)  # not sticky
    if bits == 0o773 and os.getgid() != 0:
        pytest.skip("its group is this user's own")
    with pytest.raises(StackError, match="others can change"):
        ray_env.private_dir()


def test_whoever_takes_the_usual_name_does_not_stop_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def taken(folder: Path) -> None:
        raise StackError("it belongs to somebody else")

    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(private, "own_folder", taken)
    folder = ray_env.private_dir()
    assert folder.name != f"otto-{os.getuid()}" and mode(folder) == 0o700
    folder.rmdir()


def test_the_longest_socket_fits_and_one_more_character_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = len(f"/otto-{os.getuid()}")
    longest = ray_env.SOCKET_PATH_BYTES - ray_env._LONGEST_BELOW - own
    node = "f" * 56
    for length, fits in ((longest, True), (longest + 1, False)):
        given = "/" + "x" * (length - 1)
        monkeypatch.setenv("RAY_TMPDIR", given)
        monkeypatch.setattr(private, "own_folder", lambda folder: None)
        if fits:
            folder = ray_env.private_dir()
            assert len(f"{folder}/h4194304/{node}/a.4194304.tmp") == 107
            session = "session_2026-11-28_08-13-14_123456_4194304/sockets/plasma_store.1"
            assert len(f"{folder}/{ray_env.RAY_FOLDER}/{session}") <= 107
        else:
            with pytest.raises(StackError, match="too long"):
                ray_env.private_dir()


# Ray's token


def test_rays_token_is_made_for_this_user_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    token = ray_env._token_file(tmp_path / ".otto")
    assert token == tmp_path / ".ray" / "auth_token"
    assert mode(token) == 0o600 and mode(token.parent) == 0o700
    assert len(token.read_text()) == 64
    assert ray_env._token_file(tmp_path / ".otto").read_text() == token.read_text()


@pytest.mark.parametrize("content", ["kept", ""])
def test_a_token_that_ray_made_readable_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text(content)
    token.chmod(0o644)
    ray_env._token_file(tmp_path)
    assert mode(token) == 0o600
    assert token.read_text() == "kept" if content else len(token.read_text()) == 64


@pytest.mark.parametrize("home", ["/proc/self", "/dev/null", "/nonexistent/at/all"])
def test_without_a_home_the_token_is_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    if home.startswith("/nonexistent"):
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.setenv("HOME", home)
    token = ray_env._token_file(tmp_path)
    assert token == tmp_path / ray_env.TOKEN_FILE and mode(token) == 0o600


def test_neither_home_nor_state_folder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/self")
    with pytest.raises(StackError, match=r"Ray's token cannot be kept in .*RAY_AUTH_TOKEN_PATH"):
        ray_env._token_file(Path("/proc/self"))


@ROOT_ONLY
def test_a_token_of_somebody_elses_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("known to somebody")
    os.chown(token, SOMEBODY, SOMEBODY)
    assert ray_env._token_file(tmp_path / "state") == tmp_path / "state" / ray_env.TOKEN_FILE


# The state folder


def test_the_state_folder_is_closed_with_all_that_was_open(tmp_path: Path) -> None:
    state = tmp_path / ".otto"
    (state / "kept").mkdir(parents=True)
    (state / "google-calendar.json").write_text("{}")
    (state / "elsewhere").symlink_to(tmp_path)
    preflight.check_state_dir(state, 0)
    assert mode(state) == (0o711 if os.getuid() == 0 else 0o700)
    assert mode(state / "kept") == mode(state / "logs") == 0o700
    assert mode(state / "google-calendar.json") == 0o600
    assert mode(tmp_path) == 0o700  # a link is not followed


@ROOT_ONLY
def test_root_lets_postgres_through_and_nobody_in(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    place = Path("/var/tmp") / f"otto-test-{os.getpid()}"
    place.mkdir(mode=0o711)
    try:
        state = place / ".otto"
        preflight.check_state_dir(state, 0)
        StackRecord("ab12", Recorded(7, "x"), sandbox_token="t").save(state)
        (state / "postgres").mkdir(mode=0o700)
        os.chown(state / "postgres", SOMEBODY, SOMEBODY)
        (state / "postgres" / "PG_VERSION").write_text("18")
        preflight.check_state_dir(state, 0)
        assert reaches(state / "postgres" / "PG_VERSION")
        assert not reaches(state / "logs" / "otto.log")
        assert mode(state / record.FILE) == 0o600
    finally:
        subprocess.run(["rm", "-r", place], check=True)


@ROOT_ONLY
def test_a_state_folder_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    state = tmp_path / ".otto"
    state.mkdir()
    os.chown(state, SOMEBODY, SOMEBODY)
    with pytest.raises(StackError, match="belongs to somebody else"):
        preflight.check_state_dir(state, 0)


@pytest.mark.parametrize("place", ["/proc/self/otto", "/dev/null/otto"])
def test_a_state_folder_that_cannot_be_made_is_one_sentence(place: str) -> None:
    with pytest.raises(StackError, match="cannot be written to") as told:
        preflight.check_state_dir(Path(place), 0)
    assert len(str(told.value).splitlines()) == 1


def test_the_record_is_closed_also_over_one_that_was_open(tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text("{}")
    (tmp_path / record.FILE).with_suffix(".new").write_text("left by a crash")
    written = StackRecord("ab12", Recorded(7, "x"), sandbox="http://s", sandbox_token="secret-t")
    written.save(tmp_path)
    assert mode(tmp_path / record.FILE) == 0o600
    assert record.load(tmp_path) == written
    assert "secret-t" not in repr(written) and "secret-t" not in repr(written.control)
