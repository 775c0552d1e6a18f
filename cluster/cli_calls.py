"""`otto call` and `otto demo`: somebody of the sandbox calls, and what came of it is shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from cluster import demo_flows, live_call, loopback, record
from cluster.errors import StackError
from cluster.evidence import Evidence
from config.dealership import load_dealership
from config.sandbox_endpoints import load_settings
from config.settings import Settings
from otto.logs import configure

EXIT_FAILED = 1
out = Console(highlight=False)


def demo(
    flow: Annotated[
        str, typer.Option(help=f"What is shown: {', '.join(demo_flows.FLOWS)}.")
    ] = "book",
    persona: Annotated[str, typer.Option(help="Who calls; the flow's own when left out.")] = "",
) -> None:
    """Start everything, have one call held by voice, show the evidence, end everything."""
    from cluster.progress import Progress
    from cluster.stack import Stack, deaf_to_signals, signals_as_exceptions

    shown = demo_flows.flow(flow)
    stack = Stack()
    is_proven = False
    with signals_as_exceptions():
        try:
            with Progress(out) as progress:
                running = stack.up(progress)
            if running.control is None:
                raise StackError("the demo needs the sandbox's caller: unset the vendors' keys")
            assert stack.settings is not None
            is_proven = show(shown, running.control, stack.settings, persona or shown.persona)
        finally:
            with deaf_to_signals():
                stack.down()
    out.print("everything has ended; `make up` keeps it running")
    if not is_proven:
        out.print("what was wanted was not done as it should be: see above", style="red")
        raise SystemExit(EXIT_FAILED)


def show(
    shown: demo_flows.Flow,
    sandbox: loopback.Control,
    settings: Settings,
    persona: str,
    speech: str | None = None,
) -> bool:
    """Have the flow's call held on a running stack, and print call and evidence; whether
    everything is there and the caller heard what they wanted. Raises `StackError`."""
    dealership = load_dealership(settings.dealership_file)
    listed = {each["name"]: each for each in sandbox.request("/sandbox/personas")}
    if persona not in listed:
        raise StackError(f"unknown persona {persona!r}: there are {', '.join(listed)}")
    caller = asyncio.run(demo_flows.prepare(shown, listed[persona], settings, dealership))
    out.rule(f"{shown.about}: {persona.title()} calls", align="left")
    more = {"facts": caller.changes} if caller.changes else {}
    call_sid = live_call.place(sandbox, persona, speech, **more)
    outcome = live_call.LiveCall(call_sid, sandbox, settings, out, persona.title()).follow()
    out.rule(align="left")
    evidence = Evidence(call_sid, settings, dealership, sandbox)
    proofs = asyncio.run(shown.proofs(evidence, caller))
    out.print(live_call.evidence_table(proofs))
    for sentence in live_call.shortcomings(outcome):
        out.print(sentence, style="red", markup=False)
    return bool(outcome["satisfied"]) and all(proof.found for proof in proofs)


def call(
    persona: Annotated[str, typer.Option(help="Who calls.")] = "maria",
    scenario: Annotated[
        Path | None,
        typer.Option(help="A YAML file with the caller's persona, in place of --persona."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show who can call.")] = False,
    count: Annotated[int, typer.Option(min=1, help="How many call at once.")] = 1,
    known: Annotated[bool, typer.Option("--known", help="Known audio: for load.")] = False,
    seed: Annotated[int | None, typer.Option(help="Varies wording and pauses.")] = None,
    voice: Annotated[str | None, typer.Option(help="Another voice.")] = None,
    pace: Annotated[float | None, typer.Option(help="Times the voice's own pace.")] = None,
    noise: Annotated[
        str | None, typer.Option(help="What is behind the voice: road, crowd.")
    ] = None,
    snr: Annotated[
        float | None, typer.Option(help="How many dB louder the voice is than the noise.")
    ] = None,
    loss: Annotated[float | None, typer.Option(help="Lost packets, in percent.")] = None,
    twist: Annotated[
        list[str] | None, typer.Option(help="What makes it harder, like hesitates; repeatable.")
    ] = None,
) -> None:
    """Have someone call the running stack, and show the call. Exits 1 when what the caller wanted
    was not done as they wanted it."""
    sandbox = record.running().control
    if sandbox is None:
        raise StackError("Twilio is live: call its number with a telephone")
    if list_:
        _list_personas(sandbox)
        return
    traits = {
        **({} if scenario is None else _read(scenario)),
        **_given(
            seed=seed, voice=voice, pace=pace, noise=noise, snr_db=snr, loss_percent=loss,
            twists=twist,
        ),
    }  # fmt: skip
    who = str(traits.pop("based_on", persona))
    if noise is not None and "snr_db" not in traits:
        raise StackError("--noise needs --snr: how many dB it is below the voice")
    parts = ("goal", "facts")
    more: dict[str, Any] = {key: traits.pop(key) for key in parts if key in traits}
    more["traits"] = traits
    settings = load_settings()
    configure(settings.log_level)
    speech = "known" if known else None
    calls = [live_call.place(sandbox, who, speech, **more) for _ in range(count)]
    live_call.LiveCall(calls[0], sandbox, settings, out, who.title()).follow()
    outcomes = [_outcome_of(sandbox, call_sid) for call_sid in calls]
    for outcome in outcomes:
        done = outcome["done_as"] or "nothing was booked, changed or told"
        out.print(f"{outcome['call_sid']}: {outcome['status']}, {done}", markup=False)
        for sentence in live_call.shortcomings(outcome):
            out.print(sentence, style="red", markup=False)
    if any(outcome["status"] != "completed" or not outcome["satisfied"] for outcome in outcomes):
        raise SystemExit(EXIT_FAILED)


def _given(**options: Any) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in options.items() if value not in (None, [])}


def _read(path: Path) -> dict[str, Any]:
    """The caller of a scenario's file (what stands under `persona`), or of a file that is a
    persona itself. Raises `StackError`."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise StackError(f"{path} cannot be read: {reason}") from None
    if isinstance(read, dict) and "persona" in read:
        read = read["persona"]
    if not isinstance(read, dict):
        raise StackError(f"{path} holds no caller: a mapping with `based_on` and what is otherwise")
    caller: dict[str, Any] = json.loads(json.dumps(read, default=str))  # dates, as JSON has them
    return caller


def _outcome_of(sandbox: loopback.Control, call_sid: str) -> dict[str, Any]:
    for _ in sandbox.lines(f"/sandbox/calls/{call_sid}/events", live_call.SILENCE_TIMEOUT_S):
        pass
    outcome: dict[str, Any] = sandbox.request(f"/sandbox/calls/{call_sid}")
    return outcome


def _list_personas(sandbox: loopback.Control) -> None:
    table = Table("Persona", "Who", "Known", "Wants")
    for each in sandbox.request("/sandbox/personas"):
        goal = each["goal"]
        wants = goal["kind"] if goal["kind"] != "book" else f"book {goal['service']}"
        table.add_row(each["name"], each["about"], "yes" if each["known"] else "no", wants)
    out.print(table)
