"""What opens a media link: a token for each connection, good for one role and one use.

Sans-I/O; clocks are seconds of the caller's choosing. A token that leaks (into a log, a core dump,
a process that has lost the call) opens one role of one call at most, and only until the connection
it was meant for is there. For each role of a link the latest token alone is good.
"""

from __future__ import annotations

import secrets
from typing import Final, Generic, TypeVar

from otto.media_link.frames import Role

GOOD_FOR_S: Final = 10.0
"""A worker attaches within milliseconds, unless it is being replaced meanwhile, which takes 5 s."""

L = TypeVar("L")


class Invitations(Generic[L]):
    """The tokens of all links of a server."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[L, Role, float]] = {}

    def mint(self, link: L, role: Role, good_until_s: float) -> str:
        """A token with which one connection gets this role of this link, until then."""
        self.void(link, role)
        token = secrets.token_urlsafe(24)
        self._open[token] = (link, role, good_until_s)
        return token

    def redeem(self, token: object, role: Role, now_s: float) -> L | None:
        """Use a token up. None: unknown, used, late, or another role's."""
        found = self._open.get(token) if isinstance(token, str) else None
        if found is None:
            return None
        link, of_role, good_until_s = found
        if role is not of_role:
            return None
        del self._open[str(token)]
        return link if now_s < good_until_s else None

    def void(self, link: L, role: Role | None = None) -> None:
        """Nobody joins this link, or gets this role of it, by what was given out so far."""
        gone = [
            token
            for token, (of_link, of_role, _) in self._open.items()
            if of_link is link and role in {None, of_role}
        ]
        for token in gone:
            del self._open[token]

    def __len__(self) -> int:
        return len(self._open)
