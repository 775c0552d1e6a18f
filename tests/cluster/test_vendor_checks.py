"""What `otto check` says of the dealership's file, given the other settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.vendor_checks import Failed, _dealership
from config.loading import read_settings
from config.settings import Settings, SettingsError


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
