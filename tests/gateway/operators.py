"""What an operator does at a running gateway: the admin service, and accounts made through it."""

import contextlib
import dataclasses
import itertools
import re
import time
from collections.abc import Iterator
from typing import Any

import grpc
from google.type.money_pb2 import Money

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub.admin.v1.admin_service_pb2_grpc import AdminServiceStub
from tests.conftest import Gateway
from tests.gateway.callers import Caller

NANO = 10**9
SECONDS = 10

_numbers = itertools.count(1)


class Operator:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        token = (gateway.state_dir / "admin-token").read_text().strip()
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._channel = grpc.insecure_channel(address_of(gateway), options=[("grpc.enable_http_proxy", 0)])
        self._stub = AdminServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def ask(self, method: str, request: Any) -> Any:
        """A reply, or the list of a stream of them."""
        reply = getattr(self._stub, method)(request, metadata=self._metadata, timeout=SECONDS)
        return list(reply) if hasattr(reply, "__next__") else reply

    def create(self, *, budget: str | None = None, name: str | None = None, **fields: Any) -> "Team":
        """A new account; `budget` is like `0.5/month`, limits go by their names in the contract."""
        request = pb.CreateAccountRequest(name=name or f"team-{next(_numbers)}")
        for field, value in fields.items():
            if field in pb.Limits.DESCRIPTOR.fields_by_name:
                setattr(request.limits, field, value)
            elif field == "model_limits":
                for pattern, limits in value.items():
                    request.model_limits[pattern].MergeFrom(limits)
            elif field == "models":
                request.models.extend(value)
            else:
                setattr(request, field, value)
        if budget:
            request.limits.budget.MergeFrom(budget_of(budget))
        made = self.ask("CreateAccount", request)
        return Team(self._gateway, made.account, made.secret)

    def receipt(self, request_id: str) -> pb.Receipt:
        found: pb.Receipt = self.ask("GetReceipt", pb.GetReceiptRequest(request_id=request_id))
        return found

    def usage(self, by: str, account: str = "") -> dict[str, pb.UsageRow]:
        """By the name of the account, the model, ..."""
        number = pb.ReportUsageRequest.By.Value(f"BY_{by.upper()}")
        rows = self.ask("ReportUsage", pb.ReportUsageRequest(by=number, account=account))
        return {row.name or row.key: row for row in rows}


@dataclasses.dataclass(frozen=True, slots=True)
class Team:
    gateway: Gateway
    account: pb.Account
    secret: str

    def with_key(self, secret: str) -> "Team":
        return dataclasses.replace(self, secret=secret)

    @contextlib.contextmanager
    def calling(self) -> Iterator[Caller]:
        caller = Caller(dataclasses.replace(self.gateway, key=self.secret))
        try:
            yield caller
        finally:
            caller.close()


def address_of(gateway: Gateway) -> str:
    """Where the operators' service listens, as the log says."""
    match = re.search(r'"admin_grpc": ?"([^"]+)"', gateway.log.read_text())
    assert match is not None
    return match[1]


def budget_of(text: str) -> pb.Budget:
    amount, _, period = text.partition("/")
    nano = round(float(amount) * NANO)
    money = Money(units=nano // NANO, nanos=nano % NANO)
    return pb.Budget(amount=money, period=pb.Budget.Period.Value(f"PERIOD_{period.upper()}"))


def nano_of(money: Money) -> int:
    return money.units * NANO + money.nanos


@contextlib.contextmanager
def operator(gateway: Gateway) -> Iterator[Operator]:
    made = Operator(gateway)
    try:
        yield made
    finally:
        made.close()


def within_two_seconds(condition: Any) -> None:
    """What an operator changes bites that soon. Raises AssertionError."""
    until = time.monotonic() + 2
    while not condition():
        assert time.monotonic() < until, "it took longer than two seconds"
        time.sleep(0.05)
