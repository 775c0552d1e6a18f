"""What the sandbox's stand-ins share: one `World` a process, handed to every vendor's routes."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from sandbox.faults import Faults

if TYPE_CHECKING:
    from sandbox.audio.recogniser import Recogniser
    from sandbox.audio.voices import Voices

T = TypeVar("T")
LOG_LENGTH = 20_000
"""Entries each recorder keeps; the oldest fall out."""


class Service(Protocol):
    """A database of this process, as its control routes use it: see `sandbox.services.server`."""

    @property
    def pid(self) -> int | None: ...
    @property
    def state(self) -> str: ...
    def start(self) -> str: ...
    def stop(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class OptionsError(ValueError):
    """The option does not exist or has a senseless value. The message is a sentence."""


@dataclass(slots=True)
class Options:
    """How the vendors behave when nothing is wrong. Changed at run time by `/sandbox/options`.

    The delays are what a vendor takes for itself, so that in a benchmark what is left is Otto's.
    """

    speech: Literal["real", "known"] = "real"
    """real: recogniser and voices. known: audio carries its own words (sandbox.audio.carrier)."""
    listen_final_delay_ms: int = 80
    """known: from the moment endpointing is satisfied to the final on the wire."""
    listen_interim_ms: int = 600
    """real: speech between two interims."""
    speak_first_byte_ms: int = 150
    """known: from Flush to the first byte of audio. real: at least this, the voice included."""
    speak_pace: float = 4.0
    """How much faster than real time speech is streamed after its first piece; 0 is at once."""
    model_first_token_ms: int = 350
    """From the request to the model's first chunk."""
    model_token_ms: int = 12
    """Between two chunks of the model's stream."""
    rest_ms: int = 40
    """What Twilio's and Google's REST answers take."""
    google_page: int = 2500
    """The most events Google gives on one page, whatever is asked for: it may always give less."""

    def update(self, changes: dict[str, Any]) -> None:
        """Apply `changes`, all or none. Raises `OptionsError`."""
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise OptionsError(f"unknown option {name!r}: there are {', '.join(sorted(known))}")
            if name == "speech":
                if value not in ("real", "known"):
                    raise OptionsError("speech is 'real' or 'known'")
            elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise OptionsError(f"{name} must be a number of at least 0")
        for name, value in changes.items():
            kind = float if name == "speak_pace" else int
            setattr(self, name, value if name == "speech" else kind(value))

    def as_dict(self) -> dict[str, Any]:
        """All options in JSON's terms."""
        return asdict(self)


class World:
    """The shared state of all stand-ins in this process.

    Construct it anywhere; use `spawn` only inside the running loop, and `aclose` at the end.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.options = options or Options()
        self.faults = Faults()
        self.clock = clock
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self.api_key = secrets.token_hex(20)
        """Deepgram's and OpenAI's key, and Google's client secret and refresh token."""
        self.control_token = secrets.token_urlsafe(32)
        """Who has it may steer: see `sandbox.access`."""
        self.google: Any = None
        """Google's account as it is played (`sandbox.google.routes.Google`), once it is served."""
        self.phone_number = "+18155550100"
        """The number the dealership rents from Twilio."""
        self.http_url = ""
        """This process' own origin, e.g. http://127.0.0.1:9100; known once it listens."""
        self.services: dict[str, Service] = {}
        """The databases of this process, by name: postgres, valkey."""
        self.state_dir: Path | None = None
        """Where what shall outlive this process is kept; None: nowhere."""
        self.answers = 0
        """How many answers the model has begun."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._logs: dict[str, deque[dict[str, Any]]] = {}

    @cached_property
    def recogniser(self) -> Recogniser:
        """The one recogniser of this process; its model is loaded by the first use."""
        from sandbox.audio.recogniser import Recogniser

        return Recogniser()

    @cached_property
    def voices(self) -> Voices:
        """The one set of voices of this process; loaded by the first use."""
        from sandbox.audio.voices import Voices

        return Voices()

    def log(self, name: str) -> deque[dict[str, Any]]:
        """The recorder called `name`: a bounded list of JSON-able entries, oldest first."""
        if name not in self._logs:
            self._logs[name] = deque(maxlen=LOG_LENGTH)
        return self._logs[name]

    def spawn(self, work: Coroutine[Any, Any, T], name: str | None = None) -> asyncio.Task[T]:
        """Run `work` as a task this world owns: it is cancelled by `aclose` at the latest.

        A failure nobody awaits is reported by asyncio when the task is collected.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def tasks(self) -> int:
        """How many owned tasks are running; 0 when nothing was left behind."""
        return len(self._tasks)

    async def aclose(self) -> None:
        """Cancel every owned task and wait for it."""
        while self._tasks:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
