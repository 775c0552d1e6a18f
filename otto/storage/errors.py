"""What can go wrong with the database. Light: calls import it without the database's modules."""

from __future__ import annotations


class CrmError(Exception):
    """The request cannot be carried out. The message is a sentence for the caller."""


class CustomerExists(CrmError):
    """The person is on record under this telephone number already: they have to be verified."""


class MileageFell(CrmError):
    """A vehicle's mileage is less than it was: the caller has to be asked again."""


class StoreUnavailable(Exception):
    """PostgreSQL is out of reach or too slow. `reason` is for logs and holds no data.

    `outcome_unknown`: a write was under way, and nobody knows whether it stands. Repeating it
    with the same key is safe.
    """

    def __init__(self, reason: str = "away", outcome_unknown: bool = False) -> None:
        # Both as `args`, so that the error survives the journey between actors.
        super().__init__(reason, outcome_unknown)
        self.reason = reason
        self.outcome_unknown = outcome_unknown


class DealershipRefused(Exception):
    """The dealership's file asks for what the rows do not allow. The message says what to do."""


class MigrationStopped(Exception):
    """Rows break a rule that the tables are about to get. The message says what to do."""
