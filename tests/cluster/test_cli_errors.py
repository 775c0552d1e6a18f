"""Whatever is wrong, the `otto` command says one sentence and exits with 2."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
import structlog

from cluster import cli
from config.environment import PROMPTS_DIR


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["otto", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    structlog.reset_defaults()  # it writes to files for its process, which is ours here
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_a_half_configured_vendor_is_named(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTTO_SANDBOX", "deepgram,openai,google,postgres,redis")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    code, _, said = run("up", capsys=capsys)
    assert code == 2
    assert "TWILIO_AUTH_TOKEN is missing" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [["up"], ["check"], ["config", "env"]])
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("OTTO_LOG_LEVEL", "chatty", "OTTO_LOG_LEVEL: Input should be 'DEBUG'"),
        ("OTTO_CALL_DEAF", "keypad", "OTTO_CALL_DEAF was renamed to OTTO_CALL_ON_RECOGNISER_LOST"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_the_start(
    command: list[str],
    name: str,
    value: str,
    sentence: str,
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    code, _, said = run(*command, capsys=capsys)
    assert code == 2
    assert said.startswith(f"otto: {sentence}")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", [["check"], ["db", "status"]])
def test_without_a_running_sandbox_the_remedy_is_said(
    command: list[str], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = run(*command, capsys=capsys)
    assert code == 2
    assert "otto up" in said


def test_call_needs_a_running_stack(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run("call", capsys=capsys)
    assert code == 2
    assert "no stack is running here" in said


def test_logs_before_the_first_start(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run("logs", capsys=capsys)
    assert code == 2
    assert "there is no log" in said


def test_down_with_nothing_running_is_fine(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = run("down", capsys=capsys)
    assert code == 0
    assert "nothing is running here" in said


def test_config_show_keeps_secrets(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTTO_SANDBOX", "twilio,deepgram,google,postgres,redis")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-5")
    code, said, _ = run("config", "show", capsys=capsys)
    assert code == 0
    assert "gpt-5" in said
    assert "sk-very-secret" not in said


def test_up_without_write_permission(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() == 0:  # root may write anywhere: a file in the folder's place stops it too
        (workdir / ".otto").write_text("")
    else:
        workdir.chmod(stat.S_IRUSR | stat.S_IXUSR)
    code, _, said = run("up", capsys=capsys)
    workdir.chmod(stat.S_IRWXU)
    assert code == 2
    assert "cannot be written to" in said


def test_a_prompt_file_that_cannot_be_used_stops_the_start(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workdir / "prompts"
    shutil.copytree(PROMPTS_DIR, folder)
    system = folder / "system.md"
    system.write_text(system.read_text().replace("{days}", "{dayz}"))
    monkeypatch.setenv("OTTO_PROMPTS_DIR", str(folder))
    code, _, said = run("up", capsys=capsys)
    assert code == 2
    assert f"otto: {system}: nothing can be filled in for {{dayz}}; did you mean {{days}}." in said
    assert "Traceback" not in said
