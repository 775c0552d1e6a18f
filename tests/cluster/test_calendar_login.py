"""The `otto calendar login` command: what it needs, what it leaves, what it says."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from cluster.calendar_login import login
from cluster.errors import StackError
from config.google_sign_in import SignIn
from config.loading import read_settings
from config.settings import SettingsError
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.google_support import google_settings
from tests.scheduling.test_google_consent import person
from tests.support.operator import LIVE, forget_settings, set_all

TOKEN = Path(".otto/google/token.json")
WITHOUT_TOKEN = {name: value for name, value in LIVE.items() if name != "GOOGLE_REFRESH_TOKEN"}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_settings(monkeypatch, tmp_path)


async def test_after_it_the_settings_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(Options(rest_ms=0))
    async with serve(world):
        google = google_settings(world)
        set_all(
            monkeypatch,
            WITHOUT_TOKEN
            | {
                "GOOGLE_CLIENT_SECRET": world.api_key,
                "GOOGLE_AUTH_URL": google.auth_url,
                "GOOGLE_TOKEN_URL": google.token_url,
            },
        )
        with pytest.raises(SettingsError, match="`otto calendar login` gets one"):
            read_settings()
        loop, told, browsers = asyncio.get_running_loop(), [], []

        def tell(line: str) -> None:
            told.append(line)
            if line.startswith("http"):
                asked = _Asked(line)
                browsers.append(asyncio.run_coroutine_threadsafe(person(asked, "allow"), loop))

        monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail("opened"))
        file = await asyncio.to_thread(lambda: login(tell, open_browser=False))
        assert "see the terminal" in await asyncio.wrap_future(browsers[0])
    assert file == TOKEN.absolute()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert read_settings().google.refresh_token.get_secret_value() == world.api_key
    assert world.api_key not in "".join(told)


class _Asked:
    """As much of a question as a browser sees."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are missing"),
        ({"GOOGLE_CLIENT_ID": "id"}, "GOOGLE_CLIENT_SECRET is missing"),
        (LIVE, "GOOGLE_REFRESH_TOKEN is set and goes before a login"),
        ({"GOOGLE_SERVICE_ACCOUNT_FILE": "key.json"}, "a service account signs in by itself"),
    ],
)
def test_what_is_missing_is_said_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], sentence: str
) -> None:
    set_all(monkeypatch, values)
    with pytest.raises(StackError, match=sentence):
        login(lambda line: pytest.fail(line))


# The settings with a sign-in from files


def test_a_login_of_another_client_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WITHOUT_TOKEN)
    TOKEN.parent.mkdir(parents=True)
    SignIn("another", "1//t").save(TOKEN)
    with pytest.raises(SettingsError, match="is of another client than GOOGLE_CLIENT_ID"):
        read_settings()
    SignIn("id", "1//t").save(TOKEN)
    assert read_settings().google.refresh_token.get_secret_value() == "1//t"


def test_a_token_that_is_given_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, LIVE)
    TOKEN.parent.mkdir(parents=True)
    TOKEN.write_text("nonsense that nobody reads")
    google = read_settings().google
    assert google.refresh_token.get_secret_value() == "refresh-secret"
    assert google.token_file is None


def test_a_file_does_not_contradict_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    TOKEN.parent.mkdir(parents=True)
    TOKEN.write_text("nonsense")
    assert read_settings().sandbox  # nothing is configured: all of it is played


KEY = '{"client_email":"otto@x.iam.gserviceaccount.com","private_key":"k"}'


def _with_key(monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    values = {name: value for name, value in LIVE.items() if not name.startswith("GOOGLE_")}
    set_all(monkeypatch, values | {"GOOGLE_SERVICE_ACCOUNT_FILE": "key.json"})
    if content is not None:
        Path("key.json").write_text(content)


def test_a_service_account_makes_google_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_key(monkeypatch, KEY)
    google = read_settings().google
    assert google.service_account_key.get_secret_value() == KEY
    assert KEY not in repr(google)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "GOOGLE_SERVICE_ACCOUNT_FILE: the file .*key.json is not there"),
        ("", "is no service account's key"),
        ("[[", "is no service account's key"),
        ('{"client_email":"a@b"}', "is no service account's key"),
        ('{"client_email":"a@b","private_key":null}', "is no service account's key"),
        ('{"installed":{"client_id":"x"}}', "is an OAuth client's file"),
    ],
)
def test_a_key_file_that_is_none_is_said(
    monkeypatch: pytest.MonkeyPatch, content: str | None, sentence: str
) -> None:
    _with_key(monkeypatch, content)
    with pytest.raises(SettingsError, match=sentence):
        read_settings()


def test_two_identities_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_key(monkeypatch, KEY)
    monkeypatch.setenv("GOOGLE_REFRESH_TOKEN", "1//t")
    with pytest.raises(SettingsError, match="are both set: remove one"):
        read_settings()


def test_a_key_and_a_sandbox_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("key.json").write_text(KEY)
    set_all(monkeypatch, {"OTTO_SANDBOX": "all", "GOOGLE_SERVICE_ACCOUNT_FILE": "key.json"})
    with pytest.raises(SettingsError, match="GOOGLE_SERVICE_ACCOUNT_FILE is set, but OTTO_SANDBOX"):
        read_settings()
