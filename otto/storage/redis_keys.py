"""Every key that Otto keeps in Redis, in one place, so that none collides and all are findable.

Braces are Redis Cluster's hash tags: keys that one script touches lie on one node.
"""

SESSION = "otto:session:{%s}"
"""Hash of a call's `epoch` and `state`, by CallSid. Outlives the process that serves the call, so
that another can take over; expires by itself."""

CUSTOMERS = "otto:customers:{%s}"
"""JSON of the customers who have an E.164 number. A copy: the database has the truth."""

CUSTOMERS_LEASE = "otto:customers:{%s}:lease"
"""Who may fill `CUSTOMERS`: a token given at a miss and revoked by every write, so that a value
read before a write can never be stored after it."""

SPOOL = "otto:spool:{%s}"
"""List of what waits for the database, by location: callbacks and records of calls, as JSON."""

SPOOL_DEAD = "otto:spool:{%s}:dead"
"""List of those that the database did not want: a person has to look."""

OLD_SPOOL = "otto:letters:{%s}"
OLD_SPOOL_DEAD = "otto:letters:{%s}:refused"
"""The names of the two in release 0.1: whoever delivers takes over what is left there."""
