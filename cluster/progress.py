"""Showing what the start is waiting for: a live list on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


@dataclass
class Step:
    """One thing that is being waited for."""

    title: str
    detail: str = ""
    began_s: float = field(default_factory=time.monotonic)
    took_s: float | None = None
    failed: bool = False


class Progress:
    """Several steps may run at once. Safe to use from threads."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._spinner = Spinner("dots")
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=8)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    @contextmanager
    def step(self, title: str, detail: str = "") -> Iterator[Step]:
        """`with progress.step("Ray", "starting"):` shows it until the block ends."""
        step = Step(title, detail)
        with self._lock:
            self._steps.append(step)
        self._line(f"  ... {title}: {detail}" if detail else f"  ... {title}")
        try:
            yield step
        except BaseException:
            step.failed = True
            raise
        finally:
            step.took_s = time.monotonic() - step.began_s
            mark = "failed" if step.failed else "ok"
            self._line(f"  {mark:>3} {title}, {step.took_s:.1f} s")

    def tell(self, step: Step, detail: str) -> None:
        """What the step waits for now; nothing is shown once it is over."""
        if step.took_s is None and detail != step.detail:
            step.detail = detail
            self._line(f"  ... {step.title}: {detail}")

    def _line(self, line: str) -> None:
        if self._live is None:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        with self._lock:
            for step in self._steps:
                elapsed = step.took_s if step.took_s is not None else _since(step)
                if step.took_s is None:
                    mark: RenderableType = self._spinner
                elif step.failed:
                    mark = Text("✗", style="red")
                else:
                    mark = Text("✓", style="green")
                table.add_row(
                    mark,
                    Text(step.title, style="bold" if step.took_s is None else ""),
                    Text(f"{elapsed:5.1f} s", style="dim"),
                    Text(step.detail if step.took_s is None else "", style="dim"),
                )
        return Group(table)


def _since(step: Step) -> float:
    return time.monotonic() - step.began_s
