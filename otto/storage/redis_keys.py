"""Every key that Otto keeps in Redis, in one place, so that none collides and all are findable.

Braces are Redis Cluster's hash tags: keys that one script touches lie on one node. A test finds
whoever spells a key of ours elsewhere, and compares OPERATIONS.md with this page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A family of keys, by a name each."""

    pattern: str
    """With one `%s`, where the name goes."""
    holds: str
    """What, and by which name."""
    why: str
    kept: str
    """For how long."""

    def of(self, name: str) -> str:
        """The key of one of them."""
        return self.pattern % name

    def name_in(self, key: str) -> str:
        """The inverse of `of`."""
        before, after = self.pattern.split("%s")
        return key.removeprefix(before).removesuffix(after)


SESSION = Key(
    "otto:session:{%s}",
    "hash of a call's `epoch`, `sequence`, `written`, `layout` and `state` (JSON), by CallSid",
    "a call outlives the process that serves it: another takes it over from here",
    "`REDIS_SESSION_TTL_S` after the last write; two minutes when the caller refused a transcript",
)
CUSTOMERS = Key(
    "otto:customers:{%s}",
    "layout, server and JSON of the customers who have an E.164 number, also when nobody has it",
    "a call's look-ups do not wait for the database; which has the truth",
    "`REDIS_CUSTOMER_TTL_S`, 30 s when nobody has it, each a tenth more or less; until a write",
)
CUSTOMERS_LEASE = Key(
    "otto:customers:{%s}:lease",
    "token of the one reader who may fill the copy, by the number",
    "revoked by every write, so nothing read before a write is stored after it; of many readers at "
    "once one asks the database",
    "until the copy is filled, 3 s at most",
)
SPOOL = Key(
    "otto:spool:{%s}",
    "list of callbacks and records of calls (JSON), by location",
    "they wait for a database that is away",
    "until delivered",
)
SPOOL_DEAD = Key(
    "otto:spool:{%s}:dead",
    "list of those that the database did not want, by location",
    "a person has to look",
    "`OTTO_RETENTION_CALLBACKS_DAYS`",
)
OLD_SPOOL = Key(
    "otto:letters:{%s}",
    "`otto:spool:{%s}` of release 0.1",
    "whoever delivers takes over what is left there",
    "until taken over",
)
OLD_SPOOL_DEAD = Key(
    "otto:letters:{%s}:refused",
    "`otto:spool:{%s}:dead` of release 0.1",
    "the same",
    "until taken over",
)

KEYS = (SESSION, CUSTOMERS, CUSTOMERS_LEASE, SPOOL, SPOOL_DEAD, OLD_SPOOL, OLD_SPOOL_DEAD)
