"""The tables, and the rules the database itself keeps, a module for each of its subjects.

Timestamps are `timestamptz`; Python reads and writes aware UTC datetimes. Whoever imports a table
has imported all of them: their keys name each other.
"""

from otto.storage.tables.appointments import (
    AppointmentChangeRow,
    AppointmentLineRow,
    AppointmentRow,
)
from otto.storage.tables.base import (
    E164,
    KEY_LENGTH,
    NAME_LENGTH,
    NOTES_LENGTH,
    PHONE_LENGTH,
    SID_LENGTH,
    Base,
)
from otto.storage.tables.calendars import (
    BayBlockRow,
    CalendarConflictRow,
    CalendarSyncRow,
)
from otto.storage.tables.calls import OUTCOME_LENGTH, CallbackRow, CallRow, TurnRow
from otto.storage.tables.numbers import (
    ErasureRow,
    LimitEventRow,
    NumberHashKeyRow,
    OptOutRow,
    TextCodeRow,
    TextConsentRow,
)
from otto.storage.tables.offers import OfferedStartRow
from otto.storage.tables.outbox import NEVER, OutboxRow
from otto.storage.tables.people import (
    EMAIL_LENGTH,
    MAKE_LENGTH,
    MILEAGE_MOST,
    MODEL_LENGTH,
    CacheInvalidationRow,
    CustomerPhoneRow,
    CustomerRow,
    VehicleRow,
)
from otto.storage.tables.repair_orders import (
    APPROVAL_ITEM_LENGTH,
    REPAIR_NUMBER_LENGTH,
    RepairOrderRow,
)
from otto.storage.tables.workshop import BayRow, ServiceRow

__all__ = [
    "APPROVAL_ITEM_LENGTH",
    "E164",
    "EMAIL_LENGTH",
    "KEY_LENGTH",
    "MAKE_LENGTH",
    "MILEAGE_MOST",
    "MODEL_LENGTH",
    "NAME_LENGTH",
    "NEVER",
    "NOTES_LENGTH",
    "OUTCOME_LENGTH",
    "PHONE_LENGTH",
    "REPAIR_NUMBER_LENGTH",
    "SID_LENGTH",
    "AppointmentChangeRow",
    "AppointmentLineRow",
    "AppointmentRow",
    "Base",
    "BayBlockRow",
    "BayRow",
    "CacheInvalidationRow",
    "CalendarConflictRow",
    "CalendarSyncRow",
    "CallRow",
    "CallbackRow",
    "CustomerPhoneRow",
    "CustomerRow",
    "ErasureRow",
    "LimitEventRow",
    "NumberHashKeyRow",
    "OfferedStartRow",
    "OptOutRow",
    "OutboxRow",
    "RepairOrderRow",
    "ServiceRow",
    "TextCodeRow",
    "TextConsentRow",
    "TurnRow",
    "VehicleRow",
]
