"""Limits while the database is away: what one process admits, counted by itself and from nothing."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from routerhub_server.accounts import Account, Allowance
from routerhub_server.errors import Quota
from routerhub_server.ledger.clock import second_of
from routerhub_server.ledger.limits import Bucket, Usage, check, oldest_second
from routerhub_server.ledger.money import Money, check_budget
from routerhub_server.ledger.words import Arrival


@dataclass(frozen=True, slots=True)
class _Admitted:
    second: int
    model: str
    images: int


@dataclass(slots=True)
class _Count:
    """Of one account."""

    admitted: deque[_Admitted] = field(default_factory=deque)
    live: dict[str, str] = field(default_factory=dict)
    """The models of the renders under way, by request."""


class LocalLimits:
    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def admit(self, account: Account, request_id: str, arrival: Arrival, now: datetime) -> list[Quota]:
        """Count one more request. Raises RateLimitedError, and BudgetExhaustedError for one that no budget of
        the account's could ever cover; counts nothing then."""
        count = self._counts.setdefault(account.id, _Count())
        while count.admitted and count.admitted[0].second < oldest_second(now):
            count.admitted.popleft()
        budget = account.allowance.budget
        money = [] if budget is None else [check_budget(budget, Money(), arrival.estimate)]
        concerning = {
            pattern: limits
            for pattern, limits in account.allowance.concerning(arrival.model).items()
            if limits.values()
        }
        used = {pattern: _usage(account.allowance, pattern, count) for pattern in concerning}
        quotas = check(concerning, used, arrival.images, now)
        count.admitted.append(_Admitted(second_of(now), arrival.model, arrival.images))
        count.live[request_id] = arrival.model
        return quotas + money

    def end(self, account_id: str, request_id: str) -> None:
        """A render is no longer under way."""
        self._counts[account_id].live.pop(request_id, None)


def _usage(allowance: Allowance, pattern: str, count: _Count) -> Usage:
    within = {model for model in _models(count) if pattern in allowance.concerning(model)}
    buckets = [Bucket(each.second, 1, each.images) for each in count.admitted if each.model in within]
    return Usage(buckets, sum(model in within for model in count.live.values()))


def _models(count: _Count) -> set[str]:
    return {each.model for each in count.admitted} | set(count.live.values())
