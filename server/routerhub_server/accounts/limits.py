"""What an account may use up: limits in any minute, renders at once, money in a period."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Literal

Period = Literal["day", "month", "total"]


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no such limit."""

    rpm: int | None = None
    """Requests in any 60 seconds."""
    images_per_minute: int | None = None
    """Images asked for in any 60 seconds."""
    concurrent: int | None = None
    """Renders at once."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Limits":
        """Raises ValueError for what is no limit, or not a positive number."""
        for name, value in values.items():
            if name not in {known.name for known in fields(cls)}:
                raise ValueError(f"there is no limit {name!r}")
            if not (value is None or (type(value) is int and 0 < value < 2**31)):
                raise ValueError(f"{name} must be a positive number")
        return cls(**values)

    def values(self) -> dict[str, int]:
        """The limits that there are, by name."""
        named = {known.name: getattr(self, known.name) for known in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Budget:
    nano: int
    """In 1e-9 of the currency's unit."""
    period: Period
    """UTC's day or month, or `total`: for ever."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Everything that limits one account."""

    limits: Limits = Limits()
    models: Mapping[str, Limits] = field(default_factory=lambda: MappingProxyType({}))
    """By pattern of catalogue ids, e.g. `google/*`: for all models of the pattern together."""
    budget: Budget | None = None
    body_bytes: int | None = None
    """Largest request body; None: as the installation has it."""

    def concerning(self, model: str) -> dict[str, Limits]:
        """The limits that a request for the model (its catalogue id) meets, by pattern; empty: all models."""
        matching = {pattern: limits for pattern, limits in self.models.items() if fnmatchcase(model, pattern)}
        return {"": self.limits, **matching}


NO_LIMITS = Allowance()


def periods(at: datetime) -> dict[Period, str]:
    """The periods that contain a UTC time, as counters name them: `2026-11-22`, `2026-11`, `total`."""
    return {"day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}", "total": "total"}
