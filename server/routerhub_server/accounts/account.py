"""An account: the one who calls, whichever of its secrets is presented."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from routerhub_server.accounts.limits import NO_LIMITS, Allowance

OnDisconnect = Literal["cancel", "finish"]
Recover = Literal["identical", "marked", "off"]


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    """128 random bits in hex."""
    name: str
    """What its operator calls it; unique among the accounts that are not disabled."""
    created_at: datetime
    expires_at: datetime | None = None
    """None: never."""
    disabled_at: datetime | None = None
    models: tuple[str, ...] = ()
    """Patterns of catalogue ids, e.g. `google/*`; empty: every model."""
    allowance: Allowance = NO_LIMITS
    provider_ids_allowed: bool | None = None
    """Whether requests may name files and caches that the operator has at a provider. None, here and below:
    as the installation is configured."""
    on_disconnect: OnDisconnect | None = None
    """Whether a render goes on whose caller has hung up."""
    recover: Recover | None = None
    """Which later calls get a result that was paid for and not delivered."""
    store: bool | None = None
    """Whether replies are kept for a while."""

    def allows(self, model: str) -> bool:
        """Whether the account may use the model with this catalogue id."""
        return not self.models or any(fnmatchcase(model, pattern) for pattern in self.models)

    def state(self, now: datetime) -> Literal["active", "expired", "disabled"]:
        if self.disabled_at:
            return "disabled"
        return "expired" if self.expires_at and self.expires_at <= now else "active"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an account, without its secret."""

    id: str
    """The part between the first two underscores; it may be shown."""
    created_at: datetime
    expires_at: datetime | None
    """When it ends; None: with its account."""
