"""The embedded stack: the sandbox, Ray, the actors and the ingress, started and ended as one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import structlog

from cluster import database, loopback, preflight, private, processes, ray_env, record
from cluster.ending import WIND_UP_S, sweep
from cluster.errors import StackError
from cluster.progress import Progress, Step
from cluster.record import StackRecord
from cluster.sandbox_process import SandboxProcess
from config import clock, environment
from config.dealership import load_dealership
from config.loading import read_settings, secret_names
from config.sandbox_endpoints import SandboxEndpoints, with_sandbox
from config.settings import STATE_DIR, Settings, Vendor
from otto import logs
from otto.dialogue.flow.prompt_files import load_prompts

_log = structlog.get_logger()

READY_TIMEOUT_S = 120.0
DRAIN_POLL_S = 0.5
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECORD_EVERY_STARTING_S = 0.5
RECORD_EVERY_S = 10.0


class Stack:
    """Use it as `stack = Stack(); stack.up(progress); ...; stack.down()`, in the main thread.

    `down` is always safe to call, also half-way through `up`.
    """

    def __init__(
        self, state_dir: Path = STATE_DIR, *, sandbox_arguments: Sequence[str] = ()
    ) -> None:
        """`sandbox_arguments` go to `python -m sandbox`: benchmarks want known audio."""
        self.state_dir = state_dir
        self._sandbox_arguments = sandbox_arguments
        self.settings: Settings | None = None
        self.record: StackRecord | None = None
        self.session_dir: Path | None = None
        self._umask: int | None = None
        self._lock: IO[str] | None = None
        self._claims: preflight.PortClaims | None = None
        self._sandbox: SandboxProcess | None = None
        self._ray_started = False
        self._recorder: threading.Thread | None = None
        self._stop_recording = threading.Event()
        self._not_ours: set[processes.Recorded] = set()

    # Up

    def up(self, progress: Progress) -> StackRecord:
        """Start everything; returns when a call can be answered. Raises StackError,
        SettingsError or DealershipError with a sentence; the caller then calls `down`."""
        self._umask = os.umask(private.UMASK)
        with progress.step("Checking the machine") as step:
            folder = ray_env.private_dir()
            self._claims = preflight.PortClaims(folder)
            settings = self._preflight(progress, step, self._claims)
            preflight.check_disk(folder)
            ray_env.forget_old_sessions(folder)
        ray_env.prepare(
            folder,
            ports={
                name: self._claims.take_from(port, host)
                for name, (port, host) in ray_env.PORTS.items()
            },
            state_dir=self.state_dir,
        )
        dealership = load_dealership(settings.dealership_file)
        load_prompts(settings.prompts_dir)  # a fault in them is told before anything starts
        with environment.without(secret_names()):  # what starts in here would inherit it
            endpoints = self._start_processes(progress, settings, folder)
        settings = with_sandbox(settings, endpoints) if endpoints else settings
        self.settings = settings
        clock.follow(settings.clock)
        with progress.step("Database", "tables, service menu") as step:
            asyncio.run(database.prepare(settings, dealership, lambda d: progress.tell(step, d)))
        with progress.step("Actors", "warming call actors, each with its three workers"):
            self._bring_up_actors(settings)
        with progress.step("Ingress", "deploying Ray Serve's applications") as step:
            self._deploy(settings)
            progress.tell(step, "waiting for it to answer")
            self._wait_ready(settings)
            self._fill_reserve()
        assert self.record is not None
        self.record = replace(
            self.record,
            origin=f"http://{settings.host}:{settings.port}",
            dashboard=f"http://127.0.0.1:{settings.dashboard_port}",
            sandbox=endpoints.http if endpoints else "",
            sandbox_token=endpoints.control_token if endpoints else "",
            drain_s=settings.drain_s,
        )
        if endpoints and Vendor.TWILIO in settings.sandbox:
            self._connect_number(endpoints, settings)
        self._record_processes()
        return self.record

    def _preflight(self, progress: Progress, step: Step, claims: preflight.PortClaims) -> Settings:
        settings = read_settings()
        logs.configure(settings.log_level)
        if "journal_dir" not in settings.model_fields_set:
            # Beside the database it is meant for: another stack's spool is not ours.
            kept = (self.state_dir / "kept").absolute()
            settings = settings.model_copy(update={"journal_dir": kept})
        preflight.check_state_dir(self.state_dir)
        self._lock = record.take_lock(self.state_dir)
        crashed = record.load(self.state_dir)
        if crashed is not None:
            progress.tell(step, "ending what an earlier stack left behind")
            sweep(crashed, self.state_dir)
        settings = preflight.settle_ports(settings, claims)
        preflight.check_link(settings.link)
        stack_id = uuid.uuid4().hex
        os.environ[processes.TAG] = stack_id
        me = processes.record(os.getpid())
        assert me is not None
        self._not_ours = processes.children(me.pid)
        self.record = StackRecord(stack_id, me)
        self.record.save(self.state_dir)
        self._recorder = threading.Thread(target=self._keep_recording, daemon=True)
        self._recorder.start()
        return settings

    def _start_processes(
        self, progress: Progress, settings: Settings, folder: Path
    ) -> SandboxEndpoints | None:
        """The sandbox, when it plays somebody, and Ray; returns the sandbox's addresses."""
        if not settings.sandbox:
            with progress.step("Ray", "starting its head node"):
                self._start_ray(settings, folder)
            return None
        with progress.step("Sandbox", "starting the vendors' stand-ins") as box:
            self._sandbox = SandboxProcess(
                self.state_dir,
                lambda d: progress.tell(box, d),
                arguments=(*self._sandbox_arguments, *_clock_of(settings)),
            )
            self._sandbox.wait_begun()
            # It warms up while Ray starts.
            with progress.step("Ray", "starting its head node"):
                self._start_ray(settings, folder)
            return self._sandbox.wait_ready()

    def _start_ray(self, settings: Settings, folder: Path) -> None:
        import ray  # late: it reads the environment that was prepared above

        import serve_app

        os.environ.update(serve_app.serve_environment(settings))
        self._ray_started = True
        handlers = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
        try:
            context = ray.init(
                num_cpus=ray_env.LOGICAL_CPUS,
                include_dashboard=True,
                dashboard_host="127.0.0.1",
                dashboard_port=settings.dashboard_port,
                object_store_memory=ray_env.OBJECT_STORE_BYTES,
                namespace="otto",
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(ray_env.ray_dir(folder)),
            )
        except Exception as error:
            raise StackError(
                f"Ray could not start ({error}): see {ray_env.ray_dir(folder)}/session_latest/logs"
            ) from error
        for number, handler in handlers.items():
            # Ray's core has put handlers of its own there, which abort the process.
            signal.signal(number, handler)
        address: dict[str, str] = getattr(context, "address_info")  # noqa: B009  untyped in Ray
        self.session_dir = Path(address["session_dir"])
        link = self.state_dir / "logs" / "ray"
        with contextlib.suppress(OSError):
            link.unlink(missing_ok=True)
            link.symlink_to(self.session_dir / "logs")
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        # The raylet's remarks are in its log; `log_to_driver=False` does not keep these quiet.
        ray._private.worker.print_to_stdstream = lambda *_, **__: None

    def _bring_up_actors(self, settings: Settings) -> None:
        from actors.deployment import bring_up

        try:
            bring_up(settings)
        except Exception as error:
            raise self._explain("the actors could not start", error) from error

    def _deploy(self, settings: Settings) -> None:
        import serve_app

        try:
            serve_app.deploy(settings)
        except Exception as error:
            raise self._explain("the ingress could not start", error) from error

    def _fill_reserve(self) -> None:
        from actors import deployment

        deployment.fill_reserve()

    def _wait_ready(self, settings: Settings) -> None:
        url = f"http://{settings.host}:{settings.port}/readyz"
        deadline = time.monotonic() + READY_TIMEOUT_S
        while (status := loopback.status(url)) != 200:
            if time.monotonic() > deadline:
                answer = "nothing" if status is None else f"HTTP {status}"
                raise StackError(
                    f"the ingress was not ready within {READY_TIMEOUT_S:.0f} s ({url} answers "
                    f"{answer}): see {self.state_dir / 'logs' / 'ray' / 'serve'}"
                )
            time.sleep(0.1)

    def _connect_number(self, endpoints: SandboxEndpoints, settings: Settings) -> None:
        """Point the sandbox's telephone number at us, as one does in Twilio's console."""
        loopback.Control(endpoints.http, endpoints.control_token).request(
            "/sandbox/number",
            method="PUT",
            body={
                "voice_url": f"{settings.public_origin}/twilio/voice",
                "status_callback_url": f"{settings.public_origin}/twilio/status",
            },
        )

    def _explain(self, what: str, error: Exception) -> StackError:
        reason = str(error).strip().splitlines()
        last = reason[-1].strip() if reason else type(error).__name__
        return StackError(f"{what}: {last} (more in {self.state_dir / 'logs' / 'ray'})")

    # Keeping the record

    def _keep_recording(self) -> None:
        every = RECORD_EVERY_STARTING_S
        while not self._stop_recording.wait(every):
            with contextlib.suppress(OSError):
                self._record_processes()
            if self.record and self.record.origin:
                every = RECORD_EVERY_S

    def _record_processes(self) -> None:
        if self.record is None:
            return
        fresh = self.record.with_processes(processes.family(os.getpid(), self._not_ours))
        changed = fresh.processes != self.record.processes
        # Only the processes: up() fills in the addresses meanwhile.
        self.record = replace(self.record, processes=fresh.processes)
        if changed or fresh.origin:
            self.record.save(self.state_dir)

    # Down

    def wait(self) -> None:
        """Block until a signal ends this process' main thread by an exception."""
        while True:
            time.sleep(3600)

    def drain(self, say: Callable[[int], None]) -> None:
        """Refuse new calls and wait for those in progress: `drain_s` at most, then they are asked
        to end. `say` is told how many there are, at first and whenever that changes.

        A signal ends the waiting by its exception. Harmless when the stack is not up.
        """
        if self.settings is None or self.record is None or not self.record.origin:
            return
        from actors import deployment

        try:
            deployment.drain()
            deadline = time.monotonic() + self.settings.drain_s
            is_winding_up = False
            told = 0
            while calls := deployment.calls_in_progress():
                if calls != told:
                    say(calls)
                    told = calls
                if time.monotonic() > deadline:
                    if is_winding_up:
                        return
                    is_winding_up = True
                    deadline = time.monotonic() + WIND_UP_S
                    deployment.finish_calls()
                time.sleep(DRAIN_POLL_S)
        except Exception as error:  # whatever state Ray is in, the end must come
            _log.warning("drain_failed", error=type(error).__name__)

    def down(self) -> None:
        """End everything of this stack, in order: no new calls, Ray, then the sandbox."""
        self._stop_recording.set()
        if self._recorder:
            self._recorder.join()
        if self.record is None:
            self._release()
            return
        self._record_processes()
        with contextlib.suppress(Exception):
            if self._ray_started:
                import ray

                ray.shutdown()
        if self._sandbox:
            self._sandbox.end()
        sweep(self.record, self.state_dir)
        self.record = None
        self._release()

    def _release(self) -> None:
        if self._claims:
            self._claims.release()
        if self._lock:
            self._lock.close()
            self._lock = None
        if self._umask is not None:
            os.umask(self._umask)
            self._umask = None


def _clock_of(settings: Settings) -> tuple[str, ...]:
    """What tells the sandbox of a pinned clock."""
    if settings.clock is None:
        return ()
    return (f"--clock-ahead-s={settings.clock.ahead.total_seconds():.6f}",)


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """SIGTERM and a closed terminal end the stack in order, as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {n: signal.signal(n, interrupt) for n in ENDING_SIGNALS[1:]}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deaf_to_signals() -> Iterator[None]:
    """While the stack is being ended, a second Ctrl-C must not leave half of it behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
