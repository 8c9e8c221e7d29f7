"""A call: one arrival, and what the gateway knows about it while it lasts."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from routerhub_server.accounts import Account
from routerhub_server.capacity import Lease
from routerhub_server.purchases import Purchase

Door = Literal["rest", "grpc", "admin"]


@dataclass(slots=True)
class Call:
    request_id: str
    door: Door
    method: str
    """The RPC's short name, e.g. `GenerateContent`."""
    deadline: float
    """When the caller's time is up, on the event loop's clock, in seconds."""
    account: Account | None = None
    purchase: Purchase | None = None
    """What it buys, once admitted."""
    held: Lease = field(default_factory=Lease)
    """The bytes that the call holds in memory."""
    headers: dict[str, str] = field(default_factory=dict)
    """What its reply says beside the body, good or bad: `x-routerhub-*`."""
    facts: dict[str, object] = field(default_factory=dict)
    """What the call's one log line says beside its outcome: model, upstream, images, ..."""


current_call: ContextVar[Call] = ContextVar("current_call")
"""Set by the first interceptor of either door; read through `current_call.get()`."""
