"""The control connection for a conversation, which does not care whether it still stands."""

from __future__ import annotations

import structlog

from otto.media_link.client import Control
from otto.media_link.frames import LinkError

log = structlog.get_logger()


class ControlLine:
    """Says what is to be said, as long as somebody is there to hear it."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def clear(self, generation: int) -> None:
        try:
            self._control.clear(generation)
        except ConnectionError:
            log.debug("line_gone", at="clear")

    def hangup(self) -> None:
        try:
            self._control.hangup()
        except ConnectionError:
            log.debug("line_gone", at="hangup")

    def save_checkpoint(self, state: bytes) -> None:
        try:
            self._control.save_checkpoint(state)
        except (ConnectionError, LinkError):
            log.debug("line_gone", at="checkpoint")
