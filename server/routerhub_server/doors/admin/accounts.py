"""Accounts, between messages and the server's own values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from google.protobuf.message import Message

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub_server.accounts import Account, Allowance, Budget, Key, Limits
from routerhub_server.accounts.limits import Period
from routerhub_server.doors.admin.values import invalid, read_money, read_time, write_money, write_time

BOUNDS = {
    "requests_per_minute": "rpm",
    "images_per_minute": "images_per_minute",
    "concurrent": "concurrent",
}
"""The contract's names of the limits, and ours."""
PERIODS: Mapping[int, Period] = {
    pb.Budget.PERIOD_DAY: "day",
    pb.Budget.PERIOD_MONTH: "month",
    pb.Budget.PERIOD_TOTAL: "total",
}
STATES = {
    "active": pb.Account.STATE_ACTIVE,
    "expired": pb.Account.STATE_EXPIRED,
    "disabled": pb.Account.STATE_DISABLED,
}

Values = pb.CreateAccountRequest | pb.Account
Change = Callable[[Account, "New"], Account]


class New:
    """What a message wants an account to be like. Raises InvalidRequestError."""

    def __init__(self, values: Values, currency: str) -> None:
        self.name = values.name
        self.expires_at = read_time(values, "expires_at")
        self.models = tuple(values.models)
        self.allowance = _read_allowance(values, currency)
        self.provider_ids_allowed = (
            values.provider_ids_allowed if values.HasField("provider_ids_allowed") else None
        )


def _limits(change: Callable[[Limits, Limits], Limits]) -> Change:
    return lambda account, new: _allowance(
        account, limits=change(account.allowance.limits, new.allowance.limits)
    )


def _allowance(account: Account, **changes: object) -> Account:
    return replace(account, allowance=replace(account.allowance, **changes))  # type: ignore[arg-type]


PATHS: Mapping[str, Change] = {
    "name": lambda account, new: replace(account, name=new.name),
    "expires_at": lambda account, new: replace(account, expires_at=new.expires_at),
    "models": lambda account, new: replace(account, models=new.models),
    "limits": lambda account, new: replace(
        account, allowance=replace(new.allowance, models=account.allowance.models)
    ),
    "limits.requests_per_minute": _limits(lambda old, new: replace(old, rpm=new.rpm)),
    "limits.images_per_minute": _limits(
        lambda old, new: replace(old, images_per_minute=new.images_per_minute)
    ),
    "limits.concurrent": _limits(lambda old, new: replace(old, concurrent=new.concurrent)),
    "limits.body_bytes": lambda account, new: _allowance(account, body_bytes=new.allowance.body_bytes),
    "limits.budget": lambda account, new: _allowance(account, budget=new.allowance.budget),
    "model_limits": lambda account, new: _allowance(account, models=new.allowance.models),
    "provider_ids_allowed": lambda account, new: replace(
        account, provider_ids_allowed=new.provider_ids_allowed
    ),
}
"""What an update mask may name."""


def read_change(request: pb.UpdateAccountRequest, currency: str) -> Callable[[Account], Account]:
    """What the update does to an account. Raises InvalidRequestError."""
    paths = request.update_mask.paths
    if not paths:
        raise invalid("update_mask", "update_mask must name what to change.", "MISSING_FIELD")
    for path in paths:
        if path not in PATHS:
            raise invalid("update_mask", f"update_mask names {path[:100]!r}, which cannot be changed.")
    new = New(request.values, currency)

    def change(account: Account) -> Account:
        for path in paths:
            account = PATHS[path](account, new)
        return account

    return change


def _read_allowance(values: Values, currency: str) -> Allowance:
    limits = values.limits
    body_bytes = limits.body_bytes if limits.HasField("body_bytes") else None
    if body_bytes is not None and body_bytes <= 0:
        raise invalid("limits.body_bytes", "limits.body_bytes must be a positive number.")
    models = {
        pattern: _read_limits(of_pattern, f"model_limits[{pattern!r}]")
        for pattern, of_pattern in values.model_limits.items()
    }
    return Allowance(
        limits=_read_limits(limits, "limits"),
        models=models,
        budget=_read_budget(limits.budget, currency) if limits.HasField("budget") else None,
        body_bytes=body_bytes,
    )


def _read_limits(message: Message, field: str) -> Limits:
    given = {ours: getattr(message, name) for name, ours in BOUNDS.items() if message.HasField(name)}
    try:
        return Limits.of(given)
    except ValueError as error:
        raise invalid(field, f"{field}: {error}.") from error


def _read_budget(budget: pb.Budget, currency: str) -> Budget:
    if budget.period not in PERIODS:
        raise invalid("limits.budget.period", "limits.budget.period must be set.", "MISSING_FIELD")
    nano = read_money(budget.amount, currency, "limits.budget.amount")
    return Budget(nano, PERIODS[budget.period])


def write_account(account: Account, keys: Sequence[Key], now: datetime, currency: str) -> pb.Account:
    return pb.Account(
        id=account.id,
        name=account.name,
        state=STATES[account.state(now)],
        created_at=write_time(account.created_at),
        expires_at=write_time(account.expires_at),
        models=account.models,
        limits=_write_allowance(account.allowance, currency),
        model_limits={
            pattern: pb.ModelLimits(**_write_limits(limits))
            for pattern, limits in account.allowance.models.items()
        },
        keys=_write_keys(keys),
        provider_ids_allowed=account.provider_ids_allowed,
    )


def _write_keys(keys: Iterable[Key]) -> list[pb.Key]:
    return [
        pb.Key(id=key.id, created_at=write_time(key.created_at), expires_at=write_time(key.expires_at))
        for key in keys
    ]


def _write_limits(limits: Limits) -> dict[str, int]:
    given = limits.values()
    return {name: given[ours] for name, ours in BOUNDS.items() if ours in given}


def _write_allowance(allowance: Allowance, currency: str) -> pb.Limits:
    limits = pb.Limits(body_bytes=allowance.body_bytes)
    for name, value in _write_limits(allowance.limits).items():
        setattr(limits, name, value)
    if allowance.budget is not None:
        period = next(number for number, name in PERIODS.items() if name == allowance.budget.period)
        amount = write_money(allowance.budget.nano, currency)
        limits.budget.MergeFrom(pb.Budget(amount=amount, period=pb.Budget.Period.ValueType(period)))
    return limits
