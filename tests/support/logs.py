"""Otto's log in a test: what is written is caught, and the process' own way restored."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def written() -> Iterator[io.StringIO]:
    """What structlog writes meanwhile. Whatever is configured inside is undone."""
    text = io.StringIO()
    before, root = structlog.get_config(), logging.getLogger().level
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(text))
    try:
        yield text
    finally:
        structlog.configure(**before)
        logging.getLogger().setLevel(root)
