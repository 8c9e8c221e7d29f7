"""The ledger's words.

A request goes   queued -> rendering -> succeeded | failed_spent | failed_free | lost
and also         queued -> failed_free, and lost -> the truth, when it comes late.
`lost` is what a process leaves behind that died while it rendered: nobody knows what was charged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from routerhub_server.errors import Quota, Spent
from routerhub_server.prices import Cost
from routerhub_server.state import StateError

State = Literal["queued", "rendering", "succeeded", "failed_spent", "failed_free", "lost"]
Delivery = Literal["attached", "detached", "handed_over"]
"""Whether calls wait for the result, none does any more, or one got it."""

LIVE: tuple[State, ...] = ("queued", "rendering")
LOST = "LOST"
"""The outcome of an attempt whose process died."""


class SweptError(StateError):
    """The request was given up because this process seemed dead; nothing may be sent for it any more."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that wants to be admitted."""

    account_id: str
    model: str
    """The catalogue's id."""
    interface: str
    door: str
    images: int
    """That it may make at most: what limits per minute count."""
    tier: str
    estimate: int | None
    """Of one attempt, in 1e-9 of the unit; None: the price is not known."""
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was admitted: `queued`, its estimate reserved."""

    request_id: str
    account_id: str
    model: str
    at: datetime
    """By the database's clock, UTC; never before an earlier admission of the account."""
    estimate: int | None
    quotas: Sequence[Quota]
    """Where the account stands now; only the limits that it has."""


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What became of one attempt."""

    number: int
    """From 1, as `start_attempt` gave it."""
    outcome: str
    """`OK`, or the reason of its error."""
    spent: Spent
    images: int = 0
    """That arrived."""
    cost: Cost | None = None
    """None: nothing was spent, or nobody knows; then what may have been spent counts at the estimate."""


@dataclass(frozen=True, slots=True)
class Body:
    """Where a reply is kept."""

    state: Literal["stored", "unstored"]
    reference: str | None = None
    size: int | None = None
    """Bytes."""
    sha256: bytes | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request failed."""

    reason: str
    """The error's reason, e.g. UPSTREAM_TIMEOUT."""
    error: dict[str, object] = field(default_factory=dict)
    """What a later call with the same key is to be told; JSON. No prompt, no key."""
