"""`python -m sandbox`: the outside world in one process, with its database and cache as children.

Prints one JSON line on stdout when everything really is ready, and says on stderr what it waits
for. It ends on SIGTERM, SIGINT, or with its parent (`--die-with-parent`), and takes its children
along. What it cannot do, it says in one sentence, and exits with 2.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import errno
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

try:
    from sandbox.app import serve
    from sandbox.services.child import FolderLock, ServiceError
    from sandbox.services.postgres import Postgres
    from sandbox.services.server import Server
    from sandbox.services.valkey import Valkey
    from sandbox.world import Options, OptionsError, World
except ModuleNotFoundError as missing:
    sys.exit(
        f"sandbox: {missing.name} is not installed here: the sandbox needs the packages of "
        "requirements.lock, of which requirements-production.lock has none"
    )

_PR_SET_PDEATHSIG = 1
EXIT_CANNOT = 2


class CannotStart(Exception):
    """The sandbox cannot run here. The message is a sentence for a person."""


def main() -> int:
    """Run until told to end; returns the exit status."""
    os.umask(0o077)  # what is kept holds customers' names
    arguments = _arguments()
    if arguments.discard:
        Postgres(arguments.state_dir / "postgres").discard()
        return 0
    if arguments.die_with_parent:
        _die_with_parent(arguments.parent_pid)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(arguments))
    except CannotStart as error:
        print(f"sandbox: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return EXIT_CANNOT
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: a quarter less CPU a frame. Else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="data and addresses go here")
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0: any free one")
    parser.add_argument("--speech", choices=("real", "known"), default="real")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="see /sandbox/options"
    )
    parser.add_argument(
        "--clock-ahead-s", type=float, default=0.0, help="of the machine's clock; may be negative"
    )
    parser.add_argument("--no-services", action="store_true", help="no PostgreSQL, no Valkey")
    parser.add_argument("--discard", action="store_true", help="only delete the database's data")
    parser.add_argument("--die-with-parent", action="store_true")
    parser.add_argument("--parent-pid", type=int, default=0, help="who the parent must still be")
    return parser.parse_args()


def _clock(ahead_s: float) -> Callable[[], datetime]:
    ahead = timedelta(seconds=ahead_s)
    return lambda: datetime.now(UTC) + ahead


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    world = World(_options(arguments), clock=_clock(arguments.clock_ahead_s))
    state_dir: Path = arguments.state_dir
    _make_folder(state_dir)
    world.state_dir = state_dir
    addresses = state_dir / "sandbox.json"
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_owning(state_dir))
        http = await _serve(stack, world, arguments.port)
        starting = asyncio.create_task(_start(stack, world, arguments, http))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            _progress("told to end while starting")
            # A service that is coming up must be there to be stopped.
            await asyncio.wait((starting,))
        try:
            endpoints = starting.result()
            if not stop.is_set():
                _announce(addresses, endpoints)
                await stopping
                _progress("ending")
        finally:
            stopping.cancel()
            addresses.unlink(missing_ok=True)


async def _serve(stack: contextlib.AsyncExitStack, world: World, port: int) -> str:
    try:
        return await stack.enter_async_context(serve(world, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"port {port} is taken by another program: free it, or choose with --port"
            ) from None
        raise CannotStart(f"port {port} cannot be opened: {error.strerror}") from None


async def _start(
    stack: contextlib.AsyncExitStack,
    world: World,
    arguments: argparse.Namespace,
    http: str,
) -> dict[str, Any]:
    """Bring up what `http` serves stand on, at once where it can be; returns the endpoints."""
    database_url = redis_url = ""
    async with contextlib.AsyncExitStack() as started:
        speech = asyncio.create_task(_load_speech(world))
        try:
            if not arguments.no_services:
                database_url, redis_url = await _start_services(started, world, arguments.state_dir)
        finally:
            await asyncio.wait((speech,))
        speech.result()
        await stack.enter_async_context(started.pop_all())
    return {
        "pid": os.getpid(),
        "http": http,
        "control_token": world.control_token,
        "deepgram_url": f"ws{http.removeprefix('http')}/deepgram",
        "openai_base_url": f"{http}/openai/v1",
        "deepgram_fallback_url": f"ws{http.removeprefix('http')}/deepgram-b",
        "openai_fallback_base_url": f"{http}/openai-b/v1",
        "google_calendar_url": f"{http}/google/calendar/v3/",
        "google_token_url": f"{http}/google/token",
        "twilio_api_url": f"{http}/twilio",
        "database_url": database_url,
        "redis_url": redis_url,
        "account_sid": world.account_sid,
        "auth_token": world.auth_token,
        "api_key": world.api_key,
        "phone_number": world.phone_number,
        "clock_ahead_s": arguments.clock_ahead_s,
    }


async def _start_services(
    stack: contextlib.AsyncExitStack, world: World, state_dir: Path
) -> tuple[str, str]:
    valkey, postgres = Valkey(state_dir / "valkey"), Postgres(state_dir / "postgres")
    _progress("starting Valkey")
    redis_url = await stack.enter_async_context(_running(valkey))
    _progress("starting PostgreSQL (the first start creates its data, some seconds)")
    database_url = await stack.enter_async_context(_running(postgres))
    world.services |= {"postgres": postgres, "valkey": valkey}
    return database_url, redis_url


@contextlib.asynccontextmanager
async def _running(service: Server) -> AsyncIterator[str]:
    try:
        url = await asyncio.to_thread(service.start)
    except ServiceError as error:
        raise CannotStart(str(error)) from None
    except OSError as error:
        raise _cannot(error) from None
    try:
        yield url
    finally:
        await asyncio.to_thread(service.stop)


async def _load_speech(world: World) -> None:
    if world.options.speech != "real":
        return
    _progress("loading the recogniser and the voices")
    begun = time.monotonic()
    await asyncio.gather(world.recogniser.load(), world.voices.load())
    _progress(f"speech is ready after {time.monotonic() - begun:.1f} s")


def _options(arguments: argparse.Namespace) -> Options:
    options = Options()
    changes: dict[str, Any] = {"speech": arguments.speech}
    for given in arguments.option:
        name, _, value = given.partition("=")
        try:
            changes[name] = float(value)
        except ValueError:
            raise CannotStart(f"--option {given}: a number is needed") from None
    try:
        options.update(changes)
    except OptionsError as error:
        raise CannotStart(str(error)) from None
    return options


def _make_folder(state_dir: Path) -> None:
    """For its owner only. Root's is passable: PostgreSQL runs as a user of its own, below it."""
    try:
        if not state_dir.exists():
            state_dir.mkdir(parents=True)
            state_dir.chmod(0o700 if os.geteuid() else 0o711)
        probe = state_dir / f".write-{os.getpid()}"
        probe.write_bytes(b"0" * 4096)
        probe.unlink()
    except OSError as error:
        raise _cannot(error) from None


@contextlib.contextmanager
def _owning(state_dir: Path) -> Iterator[None]:
    """One sandbox a state folder: a second one would take the first one's addresses away."""
    lock = FolderLock(state_dir / "sandbox.lock", "The sandbox")
    try:
        lock.acquire()
    except ServiceError as error:
        raise CannotStart(str(error)) from None
    except OSError as error:
        raise _cannot(error) from None
    try:
        yield
    finally:
        lock.release()


def _announce(path: Path, endpoints: dict[str, Any]) -> None:
    """The addresses and keys, for the owner only, whole or not at all; then the line on stdout."""
    line = json.dumps(endpoints)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(line)
        draft.replace(path)
    except OSError as error:
        raise _cannot(error) from None
    print(line, flush=True)  # noqa: T201


def _cannot(error: OSError) -> CannotStart:
    where = error.filename or "the state folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotStart(f"the disk is full: no room to write {where}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CannotStart(f"no permission to write {where}: choose another folder")
    return CannotStart(f"{where} cannot be used: {error.strerror}")


def _progress(message: str) -> None:
    print(f"progress: {message}", file=sys.stderr, flush=True)  # noqa: T201


def _die_with_parent(expected: int) -> None:
    """Ask Linux for SIGTERM when the parent ends, also when it is killed.

    The kernel watches the *thread* that started us (prctl(2)): it must be one that lasts.
    """
    if sys.platform != "linux":
        raise SystemExit("sandbox: --die-with-parent needs Linux")
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise SystemExit("sandbox: prctl(PR_SET_PDEATHSIG) failed")
    if expected and os.getppid() != expected:
        raise SystemExit("sandbox: the parent has ended already")


if __name__ == "__main__":
    sys.exit(main())
