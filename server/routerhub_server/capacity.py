"""The bytes that calls hold in memory, bounded for the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager

from routerhub_server.errors import OverloadedError


class ByteBudget:
    def __init__(self, limit: int) -> None:
        """`limit` in bytes."""
        self._limit = limit
        self.held = 0

    @contextmanager
    def lease(self) -> Iterator["Lease"]:
        """What one call holds; given back at the end, whatever it was."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            self.held -= lease.held

    def take(self, count: int) -> None:
        if self.held + count > self._limit:
            raise OverloadedError(
                "The gateway holds as many bytes as it may; try again later.", retry_after=1
            )
        self.held += count


class Lease:
    def __init__(self, budget: ByteBudget | None = None) -> None:
        self._budget = budget
        self.held = 0

    def add(self, count: int) -> None:
        """Hold `count` bytes more. Raises OverloadedError."""
        if self._budget is not None:
            self._budget.take(count)
            self.held += count

    def note(self, count: int) -> None:
        """Hold bytes that are already here and paid for: they count, and nothing is refused."""
        if self._budget is not None:
            self._budget.held += count
            self.held += count
