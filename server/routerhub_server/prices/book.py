"""Reads the shipped prices and the configuration's own, and finds the one that holds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

import yaml
from pydantic import ValidationError

from routerhub_server.prices.entry import Price, PriceError

PREFIXES = ("google/", "openai/")


class PriceBook:
    """Every price, in one currency. Never changes once built."""

    def __init__(self, own: Iterable[Price], shipped: Iterable[Price], currency: str) -> None:
        """`own` are the operator's; a model that they name has no shipped price any more."""
        self._own = tuple(own)
        self._shipped = tuple(shipped)
        self.currency = currency

    def find(self, upstream: str, names: Sequence[str], at: datetime) -> Price | None:
        """The price at that time of the first of these names that has one; None: nobody knows.

        Before a price for all upstreams comes one for this upstream, before a pattern an exact name.
        """
        day = at.astimezone(UTC).date()
        for prices in (self._own, self._shipped):
            for name in names:
                candidates = [price for price in prices if _concerns(price, upstream, bare(name))]
                if candidates:
                    return _latest(candidates, day)
        return None


def load_prices(overrides: Sequence[Mapping[str, Any]] = (), currency: str | None = None) -> PriceBook:
    """The shipped prices, with the configuration's `prices:` before them. Raises PriceError.

    `currency` is that of the overrides; where it is another one than the shipped prices', those do not count.
    """
    text = resources.files("routerhub_server.prices").joinpath("prices.yaml").read_text("utf-8")
    shipped = yaml.safe_load(text)
    own = _entries(overrides)
    if currency not in (None, shipped["currency"]):
        return PriceBook(own, (), str(currency))
    return PriceBook(own, _entries(shipped["prices"]), shipped["currency"])


def bare(name: str) -> str:
    """The name without a vendor's prefix."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _concerns(price: Price, upstream: str, name: str) -> bool:
    return price.upstream in (None, upstream) and fnmatchcase(name, bare(price.model))


def _latest(candidates: Sequence[Price], day: date) -> Price | None:
    begun = [price for price in candidates if (price.begins or date.min) <= day]
    return max(begun, key=_rank, default=None)


def _rank(price: Price) -> tuple[bool, bool, date]:
    return price.upstream is not None, "*" not in price.model, price.begins or date.min


def _entries(items: Sequence[Mapping[str, Any]]) -> list[Price]:
    prices: list[Price] = []
    problems: list[str] = []
    for position, item in enumerate(items):
        try:
            prices.append(Price.model_validate(item))
        except ValidationError as error:
            problems += [
                f"prices[{position}]{''.join(f'.{step}' for step in problem['loc'])}: {problem['msg']}"
                for problem in error.errors()
            ]
    if problems:
        raise PriceError("\n".join(problems))
    return prices
