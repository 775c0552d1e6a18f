"""Which of Otto's log lines a process writes: those of `OTTO_LOG_LEVEL` and above."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from config.settings import LogLevel


def configure(level: LogLevel) -> None:
    """Begin a process with this, before its first line. Where lines go and how they look, it
    leaves as it is.

    Libraries say only what is a warning or worse, also at `DEBUG`: their debug lines hold whole
    requests, and with them what callers said, their names and their numbers.
    """
    threshold = logging.getLevelNamesMapping()[level]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(threshold))
    logging.getLogger().setLevel(max(threshold, logging.WARNING))
