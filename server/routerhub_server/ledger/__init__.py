"""What was bought: requests, attempts, money, and the limits that admission holds them to."""

from routerhub_server.ledger.clock import Clock, database_clock
from routerhub_server.ledger.journal import Journal
from routerhub_server.ledger.ledger import Ledger
from routerhub_server.ledger.lookups import Lookups
from routerhub_server.ledger.processes import Rescue
from routerhub_server.ledger.receipts import Attempt, Grouping, Receipt, Sum
from routerhub_server.ledger.words import (
    Admission,
    Arrival,
    AttemptEnd,
    Body,
    Delivery,
    Failure,
    State,
    SweptError,
)

__all__ = [
    "Admission",
    "Arrival",
    "Attempt",
    "AttemptEnd",
    "Body",
    "Clock",
    "Delivery",
    "Failure",
    "Grouping",
    "Journal",
    "Ledger",
    "Lookups",
    "Receipt",
    "Rescue",
    "State",
    "Sum",
    "SweptError",
    "database_clock",
]
