"""What was looked up a moment ago."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Remembers each value for `life`, and at most `capacity` of them: the oldest goes first."""

    def __init__(self, life: timedelta, capacity: int) -> None:
        self._life = life
        self._capacity = capacity
        self._entries: dict[K, tuple[datetime, V]] = {}

    def get(self, key: K, now: datetime) -> V | None:
        """The value, unless it is unknown or too old."""
        kept_at, value = self._entries.get(key, (None, None))
        # A clock that was set back must not keep a value alive.
        fresh = kept_at is not None and timedelta(0) <= now - kept_at < self._life
        return value if fresh else None

    def put(self, key: K, value: V, now: datetime) -> None:
        self._entries.pop(key, None)  # so that the order of entries is that of their ages
        self._entries[key] = (now, value)
        if len(self._entries) > self._capacity:
            del self._entries[next(iter(self._entries))]

    def clear(self) -> None:
        self._entries.clear()
