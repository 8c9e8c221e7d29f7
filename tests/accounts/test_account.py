from datetime import UTC, datetime

import pytest

from routerhub_server.accounts import Account

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("patterns", "model", "allowed"),
    [
        ((), "google/gemini-3-pro-image", True),
        (("google/*",), "google/gemini-3-pro-image", True),
        (("google/*",), "openai/gpt-image-2", False),
        (("google/*", "openai/gpt-image-2"), "openai/gpt-image-2", True),
        (("OPENAI/*",), "openai/gpt-image-2", False),
    ],
)
def test_patterns_decide_which_models_are_allowed(
    patterns: tuple[str, ...], model: str, allowed: bool
) -> None:
    assert Account("id", "name", CREATED, models=patterns).allows(model) is allowed


def test_state_is_disabled_before_it_is_expired() -> None:
    end = datetime(2026, 2, 1, tzinfo=UTC)
    account = Account("id", "name", CREATED, expires_at=end)
    assert account.state(datetime(2026, 1, 31, tzinfo=UTC)) == "active"
    assert account.state(end) == "expired"
    assert Account("id", "name", CREATED, expires_at=end, disabled_at=CREATED).state(end) == "disabled"
