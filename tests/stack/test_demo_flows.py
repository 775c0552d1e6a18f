"""What `otto demo --flow` shows, all of it at once on one stack."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from cluster import cli_calls, demo_flows
from cluster.loopback import Control
from tests.support.stack import Running, running_stack

pytestmark = [pytest.mark.stack, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

SHOWN = {
    "new-customer": demo_flows.FLOWS["new-customer"].persona,
    "reschedule": demo_flows.FLOWS["reschedule"].persona,
    "cancel": demo_flows.FLOWS["cancel"].persona,
    "status": demo_flows.FLOWS["status"].persona,
    "book": "window-shopper",
}
"""Flows and who calls; the last one only asks, and books nothing."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("stack"))
    with running_stack(folder, size=len(SHOWN), sub_actors="inline", speech="known") as running:
        yield running


def test_every_flow_leaves_its_evidence_and_what_came_to_nothing_is_no_success(
    stack: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = stack.http.headers["Authorization"].removeprefix("Bearer ")
    sandbox = Control(str(stack.http.base_url).rstrip("/"), token)
    printed = io.StringIO()
    monkeypatch.setattr(cli_calls, "out", Console(file=printed, width=150))

    def show(name: str) -> bool:
        shown = demo_flows.FLOWS[name]
        return cli_calls.show(shown, sandbox, stack.settings, SHOWN[name], "known")

    with ThreadPoolExecutor(len(SHOWN)) as threads:
        proven = dict(zip(SHOWN, threads.map(show, SHOWN), strict=True))
    assert proven == {name: name != "book" for name in SHOWN}, printed.getvalue()
    told = printed.getvalue()
    assert "appointments" in told and "repair_orders" in told and "deleted" in told
    assert told.count("missing") >= 3, "of the call that booked nothing"
