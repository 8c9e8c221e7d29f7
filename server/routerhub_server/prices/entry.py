"""One entry of the list of prices. The comments at the top of prices.yaml explain the fields."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from routerhub_server.prices.money import parse_money

Kind = Literal[
    "text_in", "cached_text_in", "image_in", "cached_image_in", "text_out", "image_out", "thinking"
]

INSTEAD: Mapping[str, str] = {
    "cached_text_in": "text_in",
    "cached_image_in": "image_in",
    "image_in": "text_in",
    "thinking": "text_out",
    "text_out": "image_out",
}
"""Whose price a kind takes that has none of its own."""


class PriceError(ValueError):
    """The prices as configured cannot work; each line names its place, e.g. `prices[2].tokens.text_in`."""


def _money(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be an amount such as 0.039")
    return parse_money(repr(value) if isinstance(value, float) else str(value))


def _text_keys(value: Any) -> Any:
    # YAML reads 512 as a number.
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else value


Nano = Annotated[int, BeforeValidator(_money)]
"""Written as an amount of the currency."""
Count = Annotated[int, Field(ge=0, strict=True)]
Tiers = Annotated[
    Mapping[str, Count | Annotated[Mapping[str, Count], BeforeValidator(_text_keys)]],
    BeforeValidator(_text_keys),
]
PricedTiers = Annotated[
    Mapping[str, Nano | Annotated[Mapping[str, Nano], BeforeValidator(_text_keys)]],
    BeforeValidator(_text_keys),
]


class Price(BaseModel):
    """What one model costs at one upstream, or at all, from one day on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    upstream: str | None = None
    begins: date | None = Field(None, alias="from")
    tokens: Mapping[Kind, Nano] = {}
    """Of 1,000,000 tokens, in 1e-9 of the unit."""
    images: PricedTiers = {}
    """Of one image, in 1e-9 of the unit."""
    image_tokens: Tiers = {}
    input_image_tokens: Count = 0
    text_out_tokens: Count = 0
    assume: Nano | None = None

    def per_million(self, kind: str) -> int | None:
        """The price of 1,000,000 tokens of the kind; None where neither it nor its stand-ins have one."""
        prices = {str(name): price for name, price in self.tokens.items()}
        while kind not in prices and kind in INSTEAD:
            kind = INSTEAD[kind]
        return prices.get(kind)


def by_tier(
    table: Mapping[str, int | Mapping[str, int]], qualities: Sequence[str], size: str | None
) -> list[int]:
    """What the table says for each tier that these stand for; empty where it says nothing.

    No qualities: any of them. No size: any of them. A size `WxH` that is not listed is in proportion to the
    pixels of the dearest that is.
    """
    found: list[int] = []
    for name, item in table.items():
        if isinstance(item, int):
            if size in (None, name):
                found.append(item)
        elif not qualities or name in qualities:
            found += _by_size(item, size)
    return found


def _by_size(table: Mapping[str, int], size: str | None) -> list[int]:
    if size is None:
        return list(table.values())
    if size in table:
        return [table[size]]
    asked = pixels(size)
    known = [(pixels(name), value) for name, value in table.items()]
    return [-(-value * asked // area) for area, value in known if area and asked]


def pixels(size: str) -> int:
    """Of a size `WxH`; 0 where it is none."""
    width, _, height = size.partition("x")
    return int(width) * int(height) if width.isdecimal() and height.isdecimal() else 0
