"""A location without telephones: its CalendarActor on Ray, PostgreSQL, Valkey, and the stand-ins of
Google and Twilio, each a process of its own that can be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import ray

from actors.runtime import registry
from actors.runtime.handle import Handle, start
from actors.stores.calendar import CalendarActor
from benchmarks.chaos.stack_probe import send_signal
from cluster import ray_env
from config.dealership import Dealership, load_dealership
from config.limits import LimitSettings
from config.sandbox_endpoints import SandboxEndpoints, load_settings
from config.settings import Settings
from otto.storage.database import make_engine, migrate, sync_dealership
from sandbox.services.child import free_port
from sandbox.services.postgres import Postgres
from sandbox.services.server import Server
from sandbox.services.valkey import Valkey

ROOT = Path(__file__).parents[2]
MANY = 1_000_000
READY_S = 60.0
LASTING = {"lifetime": "detached", "max_restarts": -1, "max_task_retries": 3}
"""As `actors.deployment` starts it."""


@dataclass(slots=True)
class VendorProcess:
    """A stand-in, by name, with the keys and the data that it keeps through its lives."""

    vendor: str
    folder: Path
    keys: dict[str, str]
    port: int = field(default_factory=free_port)
    _child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, again on its port, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "benchmarks.chaos.vendor_process"]
        with (self.folder / "log").open("ab") as log:  # whom we kill leaves others in mid-sentence
            self._child = subprocess.Popen(
                [*command, self.vendor, str(self.port), str(self.folder)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stderr=log,
            )
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(self.keys).encode() + b"\n")
        self._child.stdin.close()
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._child.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{self.url}/")
                return
            time.sleep(0.05)
        raise RuntimeError(f"the stand-in of {self.vendor} did not start")

    def kill(self) -> None:
        """SIGKILL, in whatever it was doing."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def get(self, path: str, **parameters: str) -> Any:
        """What its control routes answer."""
        headers = {"Authorization": f"Bearer {self.keys['control_token']}"}
        answer = httpx.get(f"{self.url}{path}", headers=headers, params=parameters, timeout=30)
        answer.raise_for_status()
        return answer.json()


@dataclass(slots=True)
class Workshop:
    """All of it, while it runs."""

    settings: Settings
    dealership: Dealership
    calendar: Handle[CalendarActor]
    postgres: Postgres
    valkey: Valkey
    google: VendorProcess
    twilio: VendorProcess

    @property
    def killers(self) -> dict[str, Callable[[], bool]]:
        """By name, what kills a part; each says whether it was there to be killed."""
        return {
            "calendar": kill_calendar_actor,
            "postgres": lambda: _kill(self.postgres),
            "valkey": lambda: _kill(self.valkey),
            "google": self._kill_google,
        }

    def mend(self) -> None:
        """Start what was killed. Ray starts the actor itself."""
        for server in (self.postgres, self.valkey):
            if server.pid is None:
                server.stop()
                server.start()
        if self.google._child is None:
            self.google.start()

    def _kill_google(self) -> bool:
        self.google.kill()
        return True


def kill_calendar_actor() -> bool:
    """SIGKILL of its process, wherever in Ray's tree it is."""
    killed = False
    for process in psutil.Process(os.getpid()).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::CalendarActor"):
                killed = send_signal(process.pid, signal.SIGKILL) or killed
    return killed


def _kill(server: Server) -> bool:
    pid = server.pid
    return pid is not None and send_signal(pid, signal.SIGKILL)


@contextlib.contextmanager
def workshop(folder: Path) -> Iterator[Workshop]:
    """Bring it up with its data in `folder`, and end it. Outside of any event loop."""
    postgres, valkey = Postgres(folder / "postgres"), Valkey(folder / "valkey")
    keys = {
        "account_sid": "AC" + secrets.token_hex(16),
        "auth_token": secrets.token_hex(16),
        "api_key": secrets.token_hex(20),
        "control_token": secrets.token_urlsafe(32),
    }
    google = VendorProcess("google", folder / "google", keys)
    twilio = VendorProcess("twilio", folder / "twilio", keys)
    before = dict(os.environ)
    with contextlib.ExitStack() as stack:
        stack.callback(os.environ.update, before)
        stack.callback(os.environ.clear)
        for server in (postgres, valkey):
            stack.callback(server.discard)
        for vendor in (google, twilio):
            stack.callback(vendor.kill)
            vendor.start()
        database_url, redis_url = postgres.start(), valkey.start()
        settings = load_settings(
            _endpoints(database_url, redis_url, google, twilio), journal_dir=folder / "kept"
        )
        limits = LimitSettings(
            texts_per_call=MANY,
            texts_per_number=MANY,
            bookings_per_call=MANY,
            bookings_per_number=MANY,
        )
        settings = settings.model_copy(update={"limits": limits})
        dealership = load_dealership(settings.dealership_file)
        asyncio.run(_prepare(database_url, settings, dealership))
        private = ray_env.private_dir()
        ports = {name: free_port() for name in ray_env.PORTS}
        ray_env.prepare(private, ports=ports, state_dir=folder)
        ray.init(
            num_cpus=ray_env.LOGICAL_CPUS,
            include_dashboard=False,
            object_store_memory=ray_env.OBJECT_STORE_BYTES,
            namespace=registry.NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(ray_env.ray_dir(private)),
        )
        stack.callback(ray.shutdown)
        # The raylet remarks on every death that we cause.
        ray._private.worker.print_to_stdstream = lambda *_, **__: None
        name = registry.calendar("main")
        calendar = start(CalendarActor, {"name": name, **LASTING}, settings, dealership, "main")
        ray.get(calendar.submit(CalendarActor.ready), timeout=READY_S)
        yield Workshop(settings, dealership, calendar, postgres, valkey, google, twilio)


async def _prepare(url: str, settings: Settings, dealership: Dealership) -> None:
    await migrate(url)
    engine = make_engine(settings.database)
    await sync_dealership(engine, dealership)
    await engine.dispose()


def _endpoints(
    database_url: str, redis_url: str, google: VendorProcess, twilio: VendorProcess
) -> SandboxEndpoints:
    nowhere = "http://127.0.0.1:9"
    return SandboxEndpoints(
        pid=os.getpid(),
        http=nowhere,
        control_token=google.keys["control_token"],
        deepgram_url=nowhere.replace("http", "ws"),
        openai_base_url=nowhere,
        google_calendar_url=f"{google.url}/google/calendar/v3/",
        google_token_url=f"{google.url}/google/token",
        twilio_api_url=f"{twilio.url}/twilio",
        database_url=database_url,
        redis_url=redis_url,
        account_sid=google.keys["account_sid"],
        auth_token=google.keys["auth_token"],
        api_key=google.keys["api_key"],
        phone_number="+18155550100",
    )
