"""Calls that buy nothing: replays, joins, collections and look-ups have an allowance of their own."""

from collections import deque
from collections.abc import Callable
from math import floor

from routerhub_server.accounts import Account
from routerhub_server.errors import Quota, RateLimitedError
from routerhub_server.ledger.limits import WINDOW

FACTOR = 10
"""Of the account's requests per minute. Per process: exactness is worth a transaction for money alone."""


class Lookups:
    """Counts them by account, in seconds of the last minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` never steps back."""
        self._clock = clock
        self._counts: dict[str, deque[list[int]]] = {}

    def take(self, account: Account) -> None:
        """Count one. Raises RateLimitedError, and counts nothing then."""
        rpm = account.allowance.limits.rpm
        if rpm is None:
            return
        now = self._clock()
        counts = self._recent(account.id, now)
        limit = FACTOR * rpm
        if sum(count for _, count in counts) >= limit:
            wait = counts[0][0] + WINDOW + 1 - now
            raise RateLimitedError(
                f"The limit of {limit} look-ups per minute is reached.",
                retry_after=wait,
                quotas=[Quota("requests", limit, 0, wait)],
            )
        if counts and counts[-1][0] == floor(now):
            counts[-1][1] += 1
        else:
            counts.append([floor(now), 1])

    def _recent(self, account_id: str, now: float) -> deque[list[int]]:
        counts = self._counts.setdefault(account_id, deque())
        while counts and counts[0][0] < floor(now) - WINDOW:
            counts.popleft()
        return counts
