"""Who is live and who is played by the sandbox is said, never guessed; faults name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loading import GROUPS, read_settings
from config.renamed import RENAMED
from config.settings import Settings, SettingsError
from tests.support.operator import LIVE, forget_settings, set_all


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_settings(monkeypatch, tmp_path)


def _faults() -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return str(caught.value)


@pytest.mark.parametrize("missing", sorted(LIVE))
def test_half_a_configuration_never_falls_back(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    set_all(monkeypatch, {name: value for name, value in LIVE.items() if name != missing})
    assert f"{missing} is missing" in _faults()


def test_an_empty_value_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, LIVE | {"REDIS_URL": ""})
    assert "REDIS_URL is missing" in _faults()


def test_a_key_for_a_vendor_that_is_played_is_a_contradiction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_all(monkeypatch, {"OTTO_SANDBOX": "all", "DEEPGRAM_API_KEY": "deepgram-secret"})
    told = _faults()
    assert "DEEPGRAM_API_KEY is set, but OTTO_SANDBOX says the sandbox plays deepgram" in told
    assert "deepgram-secret" not in told


def test_sandbox_none_wants_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"OTTO_SANDBOX": "none"})
    assert _faults().count("is missing") == len(LIVE)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OTTO_SANDBOX", "twillio", "OTTO_SANDBOX"),
        ("OTTO_PUBLIC_ORIGIN", "http://otto.example.com", "OTTO_PUBLIC_ORIGIN must be https"),
        ("OTTO_PUBLIC_ORIGIN", "otto.example.com", "OTTO_PUBLIC_ORIGIN: must be a scheme"),
        ("OTTO_PORT", "99999", "OTTO_PORT"),
        ("DEEPGRAM_ENDPOINTING_MS", "soon", "DEEPGRAM_ENDPOINTING_MS"),
        ("OTTO_CALL_AUDIO_CHUNK_MS", "1", "OTTO_CALL_AUDIO_CHUNK_MS"),
        ("OTTO_POOL_SUB_ACTORS", "threads", "OTTO_POOL_SUB_ACTORS"),
    ],
)
def test_a_bad_value_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    set_all(monkeypatch, {name: value})
    faults = _faults()
    assert faults.startswith(told)
    assert len(faults.splitlines()) == 1


def test_the_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("OTTO_PORT=8100\nOTTO_CALL_NO_INPUT_S=5\nREDIS_TIMEOUT_S=0.5\n")
    set_all(monkeypatch, {"OTTO_PORT": "8200"})
    settings = read_settings()
    assert (settings.port, settings.call.no_input_s, settings.redis.timeout_s) == (8200, 5.0, 0.5)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, LIVE)
    assert "secret@" not in repr(read_settings()) and "-secret" not in repr(read_settings())


@pytest.mark.parametrize(("old", "new"), sorted(RENAMED.items()))
@pytest.mark.parametrize("is_in_file", [False, True], ids=["environment", "file"])
def test_an_old_name_is_refused_with_the_new_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str, is_in_file: bool
) -> None:
    if is_in_file:
        (tmp_path / ".env").write_text(f"# of last year\n{old.lower()}=1\n")
    else:
        set_all(monkeypatch, {old: "1"})
    assert _faults() == f"{old} was renamed to {new}"


def test_an_old_name_without_a_value_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, dict.fromkeys(RENAMED, ""))
    read_settings()


def test_old_names_are_told_beside_other_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"OTTO_CALL_DEAF": "keypad", "DEEPGRAM_ENDPOINTING_MS": "soon"})
    told = _faults()
    assert "OTTO_CALL_DEAF was renamed to OTTO_CALL_ON_RECOGNISER_LOST" in told
    assert "DEEPGRAM_ENDPOINTING_MS" in told


def test_no_setting_has_a_name_that_was_given_up() -> None:
    names = set()
    for group in (Settings, *GROUPS.values()):
        names |= {
            f"{group.model_config['env_prefix']}{field}".upper() for field in group.model_fields
        }
    assert set(RENAMED.values()) <= names
    assert not set(RENAMED) & names


@pytest.mark.parametrize("name", ["OTTO_TRUSTED_PROXIES", "OTTO_UNLIMITED_SOURCES"])
@pytest.mark.parametrize(
    "value", ["balancer.internal", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8;::1"]
)
def test_what_is_no_network_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Written into HAProxy's configuration as it is, it could say anything there."""
    set_all(monkeypatch, LIVE | {name: value})
    assert name in _faults()


def test_networks_are_written_as_haproxy_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, LIVE | {"OTTO_TRUSTED_PROXIES": " 10.0.0.0/8, 192.0.2.7,2001:DB8::/32 ,"})
    assert read_settings().trusted_proxies == "10.0.0.0/8,192.0.2.7/32,2001:db8::/32"
