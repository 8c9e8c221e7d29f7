"""What one render goes through: its attempts, and what they may have cost."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from routerhub_server.errors import ContentError, Spent
from routerhub_server.upstreams.base import Order, Reply

SEVERITY: tuple[Spent, ...] = ("no", "possible", "yes")


@dataclass(slots=True)
class Attempt:
    """One request to a provider."""

    upstream: str
    model: str
    """The id that the upstream was asked for."""
    outcome: str = "CANCELLED"
    """`OK`, or the reason of its error."""
    spent: Spent = "possible"


class Diary(Protocol):
    """Who keeps record of a render's attempts."""

    async def begin(self, number: int, attempt: Attempt) -> None:
        """Before attempt `number` (from 1) sends anything. Raises RouterHubError, and nothing is sent."""
        ...

    def ended(self, number: int, attempt: Attempt, answer: Reply | ContentError | None) -> None:
        """What became of it; None where no answer came."""
        ...


class NoDiary:
    """For renders that nobody has to account for."""

    async def begin(self, number: int, attempt: Attempt) -> None: ...

    def ended(self, number: int, attempt: Attempt, answer: Reply | ContentError | None) -> None: ...


@dataclass(slots=True)
class Journey:
    order: Order
    """As the caller wants it; each attempt asks for the model of its own route."""
    until: float
    """When the render's time is up, on the event loop's clock."""
    caller_until: float
    """When its caller must have an answer, on the same clock: no longer does it wait to ask anybody."""
    diary: Diary = field(default_factory=NoDiary)
    attempts: list[Attempt] = field(default_factory=list)
    answered_by: Attempt | None = None
    """Whose answer was chosen."""
    passed_over: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Upstreams that were not asked, with the fields of the request that they lack."""
    owes: bool = False
    """Whether an attempt failed that may have been charged: another one may pay a second time."""

    @property
    def spent(self) -> Spent:
        """The worst that the attempts so far may have cost."""
        return max((attempt.spent for attempt in self.attempts), key=SEVERITY.index, default="no")

    @property
    def waits_until(self) -> float:
        """Until when it may wait: for a slot, or before it asks again."""
        return min(self.until, self.caller_until)

    @property
    def patience(self) -> float:
        """Seconds to `waits_until`."""
        return self.waits_until - asyncio.get_running_loop().time()
