"""Limits and budgets as they are kept."""

from datetime import UTC, datetime
from typing import Any

import pytest

from routerhub_server.accounts import Accounts, Allowance, Budget, Limits, periods
from routerhub_server.state import Database

ALLOWANCE = Allowance(
    Limits(rpm=60, images_per_minute=20, concurrent=5),
    {"google/*": Limits(rpm=10), "openai/gpt-image-2": Limits(concurrent=1)},
    Budget(50_000_000_000, "month"),
    body_bytes=1_000_000,
)


async def test_allowance_is_kept(database: Database) -> None:
    accounts = Accounts(database)
    _, key = await accounts.create("team-a", allowance=ALLOWANCE, store=False, on_disconnect="finish")
    found = await Accounts(database).authenticate(key)
    assert found.allowance == ALLOWANCE
    assert (found.store, found.on_disconnect, found.recover) == (False, "finish", None)


async def test_account_without_limits_has_none(database: Database) -> None:
    account, _ = await Accounts(database).create("free")
    assert (await Accounts(database).get(account.id)).allowance == Allowance()


def test_request_meets_the_limits_of_every_pattern_that_matches() -> None:
    assert ALLOWANCE.concerning("google/gemini-3-pro-image") == {
        "": ALLOWANCE.limits,
        "google/*": Limits(rpm=10),
    }
    assert list(ALLOWANCE.concerning("openai/gpt-image-1")) == [""]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rpms": 1}, "there is no limit 'rpms'"),
        ({"rpm": 0}, "rpm must be a positive number"),
        ({"concurrent": True}, "concurrent must be a positive number"),
        ({"images_per_minute": 2**31}, "images_per_minute must be a positive number"),
        ({"rpm": "60"}, "rpm must be a positive number"),
    ],
)
def test_what_is_no_limit_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Limits.of(values)


def test_periods_are_named_by_the_day_in_utc() -> None:
    assert periods(datetime(2026, 1, 2, tzinfo=UTC)) == {
        "day": "2026-01-02",
        "month": "2026-01",
        "total": "total",
    }
