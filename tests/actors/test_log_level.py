"""Every process of Otto's takes its log level from the settings it is given, first of all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import structlog

import serve_app
from actors.call.actor import CallActor
from actors.call.llm import LlmActor
from actors.call.stt import SttActor
from actors.call.tts import TtsActor
from actors.node.switchboard import SwitchboardActor
from actors.stores.calendar import CalendarActor
from actors.stores.crm import CrmActor
from config.dealership import load_dealership
from config.settings import DatabaseSettings, RedisSettings, Settings
from tests.support.logs import written

QUIET = Settings(
    log_level="WARNING",
    database=DatabaseSettings(url="postgresql://127.0.0.1:1/otto"),
    redis=RedisSettings(url="redis://127.0.0.1:1"),
)
DEALERSHIP = load_dealership(QUIET.dealership_file)
LOCATION = DEALERSHIP.locations[0].id


def _replica(ingress: type[Any]) -> None:
    ours = ingress.__mro__[1]  # Serve's own class around it wants a running Serve
    ours(QUIET, _no_switchboard)


def _no_switchboard(settings: Settings) -> Any:
    raise AssertionError("not before a server asks for the application")


def _switchboard() -> None:
    with suppress(Exception):  # without Ray it gets no further
        SwitchboardActor(QUIET, DEALERSHIP)


MAKE: dict[str, Callable[[], Any]] = {
    "call": lambda: CallActor("call-1", QUIET, DEALERSHIP, "switchboard-1"),
    "stt": lambda: SttActor(QUIET.log_level, QUIET.deepgram, QUIET.link),
    "llm": lambda: LlmActor(QUIET.log_level, QUIET.openai),
    "tts": lambda: TtsActor(QUIET.log_level, QUIET.deepgram, QUIET.link, 400, {}),
    "switchboard": _switchboard,
    "calendar": lambda: CalendarActor(QUIET, DEALERSHIP, LOCATION),
    "crm": lambda: CrmActor(QUIET, LOCATION),
    "voice": lambda: _replica(serve_app.VoiceIngress),
    "media": lambda: _replica(serve_app.MediaIngress),
}


@pytest.mark.parametrize("process", MAKE)
async def test_a_quiet_process_does_not_say_what_is_usual(process: str) -> None:
    log = structlog.get_logger()
    with written() as text:
        log.info("before")
        MAKE[process]()
        log.info("usual")
        log.warning("alarming")
    lines = text.getvalue()
    assert "before" in lines and "alarming" in lines
    assert "usual" not in lines
