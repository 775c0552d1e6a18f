"""`otto repair`: staff see, open and change repair orders; what is wrong is one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from cluster import cli, cli_repairs
from config.settings import DatabaseSettings, Settings
from otto.crm.customers import NewCustomer, NewVehicle
from otto.crm.service import CrmService

PHONE = "+17735550177"


@pytest.fixture
async def settings(
    engine: AsyncEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    made = Settings(database=DatabaseSettings(url=SecretStr(postgres_url)))
    monkeypatch.setattr(cli_repairs, "load_settings", lambda: made)
    crm = CrmService(engine, "main")
    dana = await crm.create_customer(NewCustomer("dana", "Dana", "Field", PHONE))
    await crm.add_vehicle(NewVehicle("civic", dana.id, 2019, "Honda", "Civic"))
    return made


def otto(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["repair", *arguments])


def test_an_order_is_opened_changed_and_listed(settings: Settings) -> None:
    opened = otto("open", "b-12", "--phone", "(773) 555-0177")
    assert opened.output == "B-12: 2019 Honda Civic, open\n"
    changed = otto(
        *("set", "B-12", "--status", "waiting_for_approval", "--promised", "2026-11-24 16:00"),
        *("--approval", "front brake pads", "--amount", "$1,289.00"),
    )
    assert changed.output == (
        "B-12: 2019 Honda Civic, waiting for approval; promised for Tuesday, November 24 at "
        "4:00 PM; waits for approval of front brake pads, $1,289.00\n"
    )
    assert "B-12" in otto("list").output
    assert otto("set", "B-12", "--status", "closed").exit_code == 0
    assert "B-12" not in otto("list").output
    assert "B-12" in otto("list", "--all").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "Z-1", "--status", "ready"), "There is no repair order Z-1"),
        (("set", "Z-1", "--status", "waiting_for_approval"), "Say what waits for approval"),
        (("set", "Z-1", "--status", "ready", "--amount", "5"), "say with --approval"),
        (("set", "Z-1", "--status", "ready", "--promised", "tomorrow"), "--promised is a date"),
        (("set", "Z-1", "--status", "ready", "--promised", "2026-11-24T16:00Z"), "--promised is"),
        (
            ("set", "Z-1", "--status", "ready", "--approval", "x", "--amount", "1.005"),
            "--amount is dollars",
        ),
        (
            ("set", "Z-1", "--status", "ready", "--approval", "x", "--amount", "NaN"),
            "--amount is dollars",
        ),
        (("open", "Z-1", "--phone", "12"), "a full number has 10"),
        (("open", "Z-1", "--phone", "+17735550178"), "No customer with a vehicle"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: tuple[str, ...], said: str, settings: Settings
) -> None:
    run = otto(*arguments)
    assert run.exit_code != 0 and said in str(run.exception)
    assert "\n" not in str(run.exception)


def test_the_dealer_s_own_system_is_changed_there(settings: Settings) -> None:
    settings.dealer_system = "dealer.system:RepairOrders"
    run = otto("list")
    assert "repair orders come from dealer.system:RepairOrders" in str(run.exception)


def test_a_status_that_does_not_exist(settings: Settings) -> None:
    run = otto("set", "B-12", "--status", "lost")
    assert run.exit_code == 2
