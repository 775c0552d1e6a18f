"""What `otto check` says of the way from node to node, and what stops the start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actors.deployment import bring_up
from cluster.cli_settings import app
from cluster.errors import StackError
from cluster.preflight import check_link
from cluster.vendor_checks import Failed, _between_nodes
from config.environment import SettingsError
from config.link import RAY_TLS_FILES, LinkSettings, ray_environment, ray_fault
from config.loading import read_settings
from config.settings import Settings
from tests.support.certificates import Authority

REMOTE = LinkSettings(host="10.0.0.5", allow_cleartext=True).model_copy(
    update={"allow_cleartext": False}
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def ray_by_tls(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    cert, key = authority.issue("ray")
    monkeypatch.setenv("RAY_USE_TLS", "1")
    for name, path in zip(RAY_TLS_FILES, (cert, key, authority.path), strict=True):
        monkeypatch.setenv(name, str(path))


async def said(link: LinkSettings) -> str:
    return await _between_nodes(Settings(link=link))


async def failed(link: LinkSettings) -> Failed:
    with pytest.raises(Failed) as caught:
        await said(link)
    assert caught.value.remedy
    return caught.value


async def test_one_machine_is_all_well() -> None:
    assert await said(LinkSettings()) == "media link on this machine only"


async def test_tls_says_for_how_long_and_that_ray_has_it_too(
    authority: Authority, ray_by_tls: None
) -> None:
    link = authority.settings(names=("10.0.0.5",)).model_copy(update={"host": "10.0.0.5"})
    assert await said(link) == ("media link by TLS, certificate good for 30 days, Ray by TLS")


async def test_clear_text_that_is_allowed_is_said() -> None:
    link = LinkSettings(host="10.0.0.5", allow_cleartext=True)
    assert await said(link) == "media link in clear text, clear text is allowed"


async def test_a_certificate_that_ends_soon_or_is_another_nodes_is_a_fault(
    authority: Authority, ray_by_tls: None
) -> None:
    soon = authority.settings(days=5)
    assert "5 days" in str(await failed(soon))
    elsewhere = authority.settings("far", names=("10.0.0.6",))
    assert "mismatch" in str(await failed(elsewhere))


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "clear text"),
        ({"RAY_USE_TLS": "0"}, "clear text"),
        ({"RAY_USE_TLS": ""}, "clear text"),
        ({"RAY_USE_TLS": "1"}, RAY_TLS_FILES[0]),
        ({"RAY_USE_TLS": "true", RAY_TLS_FILES[0]: "/nowhere"}, RAY_TLS_FILES[0]),
    ],
)
def test_rays_traffic_is_part_of_it(environment: dict[str, str], says: str) -> None:
    fault = ray_fault(REMOTE, environment)
    assert fault is not None
    assert says in fault[0]
    assert ray_fault(LinkSettings(), environment) is None, "nothing leaves the machine"
    allowed = LinkSettings(host="10.0.0.5", allow_cleartext=True)
    assert ray_fault(allowed, environment) is None


def test_ray_with_all_its_files_is_no_fault(ray_by_tls: None) -> None:
    assert ray_fault(REMOTE, os.environ) is None


def test_the_links_certificates_serve_ray_too(authority: Authority) -> None:
    link = authority.settings(names=("10.0.0.5",)).model_copy(update={"host": "node"})
    environment = ray_environment(link)
    assert environment["RAY_USE_TLS"] == "1"
    assert environment["RAY_TLS_SERVER_CERT"] == str(link.tls_cert)
    assert ray_fault(link, environment) is None
    for other in ({"host": "127.0.0.1"}, {"tls_name": "otto-link"}):
        assert ray_environment(link.model_copy(update=other)) == {}
    assert ray_environment(LinkSettings(host="node", allow_cleartext=True)) == {}


def test_otto_config_env_gives_ray_what_it_needs(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    link = authority.settings()
    given = {"TLS_CERT": link.tls_cert, "TLS_KEY": link.tls_key, "TLS_CA": link.tls_ca}
    for name, value in {**given, "HOST": "node"}.items():
        monkeypatch.setenv(f"OTTO_LINK_{name}", str(value))
    shown = CliRunner().invoke(app, ["env"]).output
    assert f"export RAY_TLS_CA_CERT={link.tls_ca}" in shown
    assert "export RAY_USE_TLS=1" in shown


def test_nothing_is_started_while_rays_token_could_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_USE_TLS", raising=False)
    with pytest.raises(SettingsError, match="clear text"):
        bring_up(Settings().model_copy(update={"link": REMOTE}))


@pytest.mark.parametrize("host", ["10.0.0.5", "node", "203.0.113.7"])
def test_the_start_refuses_an_address_that_others_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTTO_LINK_HOST", host)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"OTTO_LINK_HOST={host} would carry calls between nodes in clear text")
    monkeypatch.setenv("OTTO_LINK_ALLOW_CLEARTEXT", "true")
    assert read_settings().link.host == host


def test_half_of_tls_stops_the_start_and_relative_paths_are_this_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTTO_LINK_TLS_CERT", "node.pem")
    with pytest.raises(SettingsError, match="OTTO_LINK_TLS_KEY and OTTO_LINK_TLS_CA must be set"):
        read_settings()
    monkeypatch.setenv("OTTO_LINK_TLS_KEY", "node.key")
    monkeypatch.setenv("OTTO_LINK_TLS_CA", "ca.pem")
    assert read_settings().link.tls_cert == tmp_path / "node.pem"


@pytest.mark.parametrize("issued", [{"days": -1}, {"names": ("10.0.0.5",)}, {"passphrase": b"x"}])
def test_a_certificate_that_cannot_serve_stops_the_start_with_a_sentence(
    authority: Authority, issued: dict[str, Any]
) -> None:
    check_link(LinkSettings())
    check_link(authority.settings("good"))
    with pytest.raises(StackError) as caught:
        check_link(authority.settings("bad", **issued))
    assert "bad.pem" in str(caught.value)
    assert "\n" not in str(caught.value)
