from datetime import UTC, datetime

import pytest

from routerhub_server.accounts import Account, Allowance, Limits
from routerhub_server.errors import RateLimitedError
from routerhub_server.ledger.lookups import Lookups


def account(name: str, rpm: int | None) -> Account:
    return Account(name, name, datetime.now(UTC), allowance=Allowance(Limits(rpm)))


def test_ten_times_the_requests_of_a_minute_are_answered() -> None:
    now = [100.5]
    lookups = Lookups(lambda: now[0])
    for _ in range(20):
        lookups.take(account("a", 2))
        now[0] += 1
    with pytest.raises(RateLimitedError) as caught:
        lookups.take(account("a", 2))
    assert caught.value.retry_after == 100 + 61 - 120.5
    lookups.take(account("b", 2))
    now[0] = 160.9
    with pytest.raises(RateLimitedError):
        lookups.take(account("a", 2))
    now[0] = 161
    lookups.take(account("a", 2))


def test_account_without_a_limit_is_never_refused() -> None:
    lookups = Lookups(lambda: 0)
    for _ in range(1000):
        lookups.take(account("a", None))
