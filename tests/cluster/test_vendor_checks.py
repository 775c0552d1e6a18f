"""What `otto check` says of the dealership's file, given the other settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from cluster.database_check import check_postgres
from cluster.vendor_checks import Failed, _dealership, _google, _listen, _twilio
from config.loading import read_settings
from config.settings import (
    DatabaseSettings,
    Settings,
    SettingsError,
    TwilioSettings,
)
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.google_support import google_settings


def with_number(number: str) -> Settings:
    settings = read_settings()
    twilio = settings.twilio.model_copy(update={"phone_number": number})
    return settings.model_copy(update={"twilio": twilio})


async def test_a_desk_that_is_otto_itself_is_a_circle(workdir: Path) -> None:
    with pytest.raises(Failed, match="come back to Otto"):
        await _dealership(with_number("+13125550101"))
    assert "location(s)" in await _dealership(with_number("+13125550100"))


async def test_an_unknown_location_is_named(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTTO_LOCATION", "north")
    with pytest.raises(Failed, match="north"):
        await _dealership(with_number(""))


@pytest.mark.parametrize("number", ["5550100", "+19005550100", "+266696687", "+1312555010"])
def test_a_number_that_otto_cannot_have_stops_the_start(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("TWILIO_PHONE_NUMBER", number)
    with pytest.raises(SettingsError, match="TWILIO_PHONE_NUMBER"):
        read_settings()


async def test_the_check_says_how_the_database_is_protected(
    workdir: Path, postgres_url: str
) -> None:
    found = {}
    for query in ("", "?sslmode=disable"):
        url = SecretStr(postgres_url + query)
        found[query] = await check_postgres(Settings(database=DatabaseSettings(url=url)))
    assert "TLS only if the server wants it (sslmode=prefer)" in found[""]
    assert "; clear text" in found["?sslmode=disable"]


async def test_a_server_that_cannot_prove_itself_fails_the_check(
    workdir: Path, postgres_url: str
) -> None:
    url = SecretStr(postgres_url + "?sslmode=require&channel_binding=require")
    settings = DatabaseSettings(url=url, connect_timeout_s=0.2)
    with pytest.raises(Failed, match="SSL"):
        await check_postgres(Settings(database=settings))


async def test_the_check_finds_the_sandboxs_number_as_it_finds_twilios(workdir: Path) -> None:
    world = World(Options(speech="known", rest_ms=0))
    async with serve(world) as origin:
        twilio = TwilioSettings(
            account_sid=world.account_sid,
            auth_token=SecretStr(world.auth_token),
            phone_number=world.phone_number,
            api_url=f"{origin}/twilio",
        )
        settings = Settings(twilio=twilio, public_origin="https://otto.example.com")
        with pytest.raises(Failed, match="webhook points elsewhere"):
            await _twilio(settings)


@pytest.mark.parametrize(
    ("role", "why", "remedy"),
    [
        ("reader", "not written", "Make changes to events"),
        ("freeBusyReader", "not written", "Make changes to events"),
        ("commenter", "not written", "Make changes to events"),
        ("none", "no access to", "share these calendars"),
    ],
)
async def test_a_calendar_that_cannot_be_written_fails_the_check(
    workdir: Path, role: str, why: str, remedy: str
) -> None:
    world = World(Options(rest_ms=0))
    async with serve(world):
        assert world.google is not None
        settings = Settings(google=google_settings(world))
        assert await _google(settings) == "4 calendars can be read and written"
        world.google.store.calendar("bay-3@ottos-auto.example").access_role = role
        world.google.store.calendar("bay-1@ottos-auto.example").access_role = "writer"
        with pytest.raises(Failed, match=rf"{why}:? bay-3@ottos-auto\.example$") as failed:
            await _google(settings)
        assert remedy in failed.value.remedy


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"refresh_token": SecretStr("revoked")}, "otto calendar login"),
        ({"service_account_key": SecretStr("{}")}, "a key that is valid"),
    ],
)
async def test_a_sign_in_that_is_no_longer_good_fails_the_check(
    workdir: Path, changes: dict[str, SecretStr], remedy: str
) -> None:
    world = World(Options(rest_ms=0))
    async with serve(world):
        with pytest.raises(Failed) as failed:
            await _google(Settings(google=google_settings(world, **changes)))
        assert remedy in failed.value.remedy


@pytest.mark.parametrize("model", ["nova-2-phonecall", "flux-general-en"])
async def test_the_socket_that_the_model_belongs_to_is_opened(model: str) -> None:
    world = World(Options(speech="known"))
    async with serve(world) as http:
        settings = read_settings()
        deepgram = settings.deepgram.model_copy(
            update={
                "api_key": SecretStr(world.api_key),
                "url": f"ws{http.removeprefix('http')}/deepgram",
                "listen_model": model,
            }
        )
        assert model in await _listen(settings.model_copy(update={"deepgram": deepgram}))
        unknown = deepgram.model_copy(update={"listen_model": "flux-of-tomorrow"})
        with pytest.raises(Failed, match="model must be one of"):
            await _listen(settings.model_copy(update={"deepgram": unknown}))
